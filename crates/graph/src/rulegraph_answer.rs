//! The answer for a rule graph, target by target, as `bartizan graph RULEGRAPH.json` prints it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Result;
use crate::engine::{
    Effort, Estimate, FixSet, NodeId, Removed, RuleId, Worlds, best_proof, closure, enumerate_worlds,
    minimum_fixes, simulate, zero_day_distance,
};
use crate::rulegraph_json::{NamedRuleGraph, Names};

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleGraphAnswer {
    /// Per target.
    pub targets: BTreeMap<String, TargetAnswer>,
    /// All targets at once.
    pub all_targets: AllTargets,
}

/// What is known of one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetAnswer {
    /// Whether the fixpoint holds it.
    pub reachable: bool,
    /// The likeliest proof; likelihood 0 and no rules when unreachable.
    pub best_proof: ProofAnswer,
    /// The chance that it falls.
    pub probability: Probability,
    /// The fewest products with an unknown flaw; null when unreachable.
    pub k_zero_day: Option<ZeroDayAnswer>,
    /// The cheapest fixes that keep it from falling.
    pub min_fix: MinFixAnswer,
}

/// What is known of all targets together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AllTargets {
    /// The chance that any of them falls.
    pub probability: Probability,
    /// The cheapest fixes that keep all of them from falling.
    pub min_fix: MinFixAnswer,
}

/// A proof by the names of its rules.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProofAnswer {
    /// The product over the distinct rules.
    pub likelihood: f64,
    /// In firing order.
    pub rules: Vec<String>,
    /// Whether no proof is likelier.
    pub exact: bool,
}

/// A probability: exact where all worlds could be enumerated, else estimated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Probability {
    /// The exact value, or the share of the simulated worlds.
    pub value: f64,
    /// Of `value`; 0 when exact.
    pub standard_error: f64,
    /// Worlds simulated.
    pub worlds: u32,
    /// Whether `value` is exact.
    pub exact: bool,
    /// The share of the simulated worlds, also where `value` is exact.
    pub simulated: f64,
}

/// The fewest products.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZeroDayAnswer {
    /// How many products suffice.
    pub k: u32,
    /// Such products.
    pub products: Vec<String>,
    /// Whether fewer never do.
    pub exact: bool,
    /// No proof needs fewer.
    pub lower_bound: u32,
}

/// The cheapest fixes. `cost` and `lower_bound` are null when all fixes together do not suffice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MinFixAnswer {
    /// The sum of the fixes' costs.
    pub cost: Option<f64>,
    /// By name.
    pub fixes: Vec<String>,
    /// No set of fixes costs less.
    pub lower_bound: Option<f64>,
    /// Whether `cost` has been shown to be the least, or that no fixes suffice.
    pub optimal: bool,
    /// The fixpoint after the fixes holds no target.
    pub certificate: bool,
}

/// Answers every question for every target.
pub fn answer(named: &NamedRuleGraph, worlds: Worlds, effort: Effort) -> Result<RuleGraphAnswer> {
    let NamedRuleGraph { graph, names } = named;
    let nothing = Removed::none(graph);
    let held = closure(graph, &nothing);
    let simulation = simulate(graph, &nothing, worlds);
    let mut targets = BTreeMap::new();
    for (&target, &estimate) in graph.targets().iter().zip(&simulation.targets) {
        let proof = best_proof(graph, &nothing, target, effort);
        let zero_day = zero_day_distance(graph, &nothing, target, effort)?;
        let answer = TargetAnswer {
            reachable: held.holds(target),
            best_proof: ProofAnswer {
                likelihood: proof.as_ref().map_or(0.0, |proof| proof.likelihood),
                exact: proof.as_ref().is_none_or(|proof| proof.exact),
                rules: rule_names(names, &proof.map(|proof| proof.rules).unwrap_or_default()),
            },
            probability: probability(named, &[target], estimate, effort)?,
            k_zero_day: zero_day.map(|found| ZeroDayAnswer {
                k: found.k,
                products: found.products.iter().map(|id| names.products[id.index()].clone()).collect(),
                exact: found.exact,
                lower_bound: found.lower_bound,
            }),
            min_fix: min_fix(names, minimum_fixes(graph, &nothing, &[target], effort)?),
        };
        targets.insert(names.nodes[target.index()].clone(), answer);
    }
    let all_targets = AllTargets {
        probability: probability(named, graph.targets(), simulation.any, effort)?,
        min_fix: min_fix(names, minimum_fixes(graph, &nothing, graph.targets(), effort)?),
    };
    Ok(RuleGraphAnswer { targets, all_targets })
}

fn rule_names(names: &Names, rules: &[RuleId]) -> Vec<String> {
    rules.iter().map(|rule| names.rules[rule.index()].clone()).collect()
}

fn probability(
    named: &NamedRuleGraph,
    targets: &[NodeId],
    estimate: Estimate,
    effort: Effort,
) -> Result<Probability> {
    let exact = enumerate_worlds(&named.graph, &Removed::none(&named.graph), targets, effort)?;
    Ok(Probability {
        value: exact.unwrap_or_else(|| estimate.value()),
        standard_error: exact.map_or_else(|| estimate.standard_error(), |_| 0.0),
        worlds: estimate.worlds,
        exact: exact.is_some(),
        simulated: estimate.value(),
    })
}

fn min_fix(names: &Names, found: Option<FixSet>) -> MinFixAnswer {
    match found {
        Some(set) => MinFixAnswer {
            cost: Some(set.cost),
            fixes: set.fixes.iter().map(|fix| names.fixes[fix.index()].clone()).collect(),
            lower_bound: Some(set.lower_bound),
            optimal: set.optimal,
            certificate: set.certificate,
        },
        None => MinFixAnswer {
            cost: None,
            fixes: Vec::new(),
            lower_bound: None,
            optimal: true,
            certificate: false,
        },
    }
}
