//! Attack rules as data: from the facts of an estate to the graph of what an attacker can do.
//!
//! A rule is a Horn clause in a YAML file: what must be known (relations, services, exposures, with CEL
//! conditions), what the attacker must hold, and what is then gained, with an ATT&CK technique, a
//! likelihood, a sentence for people, and tests. [`ground`] finds every way in which an estate satisfies
//! the rules. Each becomes a rule of the engine's [`RuleGraph`](crate::engine::RuleGraph) with the same
//! number, and [`AttackGraph::step`] says what it means and which reports prove it.
//!
//! Rules only read facts; what follows from what is left to the engine, so nothing here chains, recurses
//! or guesses. A step that no report stands behind is left out and counted.
//!
//! ```
//! use bartizan_graph::rules::{Catalogue, CatalogueFacts, Entry, Question, Rules, ground};
//! use bartizan_model::estate::Estate;
//!
//! let (rules, catalogue, estate) = (Rules::embedded()?, Catalogue::embedded()?, Estate::default());
//! let question = Question {
//!     entries: &[Entry::internet()],
//!     jewels: &[],
//!     facts: &CatalogueFacts { estate: &estate, catalogue: &catalogue },
//!     fix_of: &|_| None,
//!     unknown_flaws: false,
//! };
//! assert_eq!(ground(&estate, &rules, &catalogue, &question)?.step_count(), 0);
//! # Ok::<(), bartizan_graph::Error>(())
//! ```

mod assess;
mod catalogue;
mod check;
mod condition;
mod cvss;
mod ground;
mod join;
mod network;
mod node;
mod rule;
mod step;
mod table;
mod text;
mod world;

pub use assess::{Assessment, CatalogueFacts, Facts};
pub use bartizan_model::EntryKind;
pub use bartizan_model::estate::Remedy;
pub use catalogue::{Catalogue, Class, Gives};
pub use check::TestFailure;
pub use cvss::{Privileges, Vector};
pub use ground::{AttackGraph, Entry, Fix, Jewel, Question, ground};
pub use network::{Opening, is_public, openings};
pub use node::{AttackNode, Level};
pub use rule::{Rule, Rules, STEP_WORDS};
pub use step::{Evidence, Step};
pub use table::{ATTACK_RULES, WEAKNESS_CLASSES};
