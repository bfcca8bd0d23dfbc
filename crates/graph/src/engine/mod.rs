//! The engine: structures and questions, each question in the file that bears its name.
//!
//! On a [`PlainGraph`] (steps with one premise): [`reachable`], [`components`], [`blast_radius`],
//! [`minimum_edge_cut`], [`minimum_node_cut`], [`simulate_exposure`].
//! On a [`RuleGraph`] (rules with any number of premises): [`closure`], [`best_proof`], [`best_proofs`],
//! [`minimum_fixes`], [`best_within_budget`], [`simulate`], [`enumerate_worlds`], [`zero_day_distance`],
//! [`mandatory`].
//!
//! Everything is iterative and deterministic; work that may explode is limited by an [`Effort`], counted in
//! steps and not in seconds, and the answer then says that it is a bound.

mod blast;
mod budget;
mod closure;
mod components;
mod cones;
mod csr;
mod cut;
mod enumerate;
mod exposure;
mod flow;
mod hitting_set;
mod ids;
mod k_best;
mod mandatory;
mod min_fix;
mod plain;
mod proof;
mod proof_search;
mod random;
mod reach;
mod removed;
mod rule_graph;
mod simulate;
mod sweep;
mod zero_day;

pub use blast::blast_radius;
pub use budget::{BudgetPlan, Gain, Purchase, best_within_budget};
pub use closure::{Closure, closure, exposed_entries};
pub use components::{Components, components};
pub use csr::Csr;
pub use cut::{EdgeCut, NodeCut, minimum_edge_cut, minimum_node_cut};
pub use enumerate::enumerate_worlds;
pub use exposure::{Exposure, simulate_exposure};
pub use ids::{CauseId, FixId, NodeId, ProductId, RuleId};
pub use k_best::best_proofs;
pub use mandatory::{Mandatory, mandatory};
pub use min_fix::{FixSet, minimum_fixes};
pub use plain::PlainGraph;
pub use proof::{Effort, Proof, best_proof};
pub use reach::{Direction, reachable};
pub use removed::Removed;
pub use rule_graph::{Chance, Rule, RuleGraph, RuleGraphBuilder};
pub use simulate::{Effect, Estimate, Simulation, Usage, Worlds, effect_of, simulate, simulate_usage};
pub use zero_day::{ZeroDay, zero_day_distance};
