//! The likeliest way to a target: rules that together derive it, premises first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fixedbitset::FixedBitSet;

use super::closure::{Relevant, unfold};
use super::ids::{NONE, NodeId, RuleId};
use super::proof_search::{Search, cheapest_rules};
use super::removed::Removed;
use super::rule_graph::RuleGraph;

/// How much work a question may spend where the exact answer may take too long, in steps and not in time,
/// so that the answer is the same on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Rules, premises and set members looked at; a hundred million take about a second.
    pub steps: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { steps: 100_000_000 }
    }
}

/// A set of rules that derives a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// The chance that all of them work: the product over the distinct causes.
    pub likelihood: f64,
    /// Each once, in an order in which they can fire.
    pub rules: Vec<RuleId>,
    /// Whether no other proof is likelier.
    pub exact: bool,
}

/// The likeliest proof of `target`; `None` when nothing derives it.
///
/// Knuth's generalisation of Dijkstra's method (1977) finds the best *tree*, in which a rule used twice
/// counts twice. Where rules have one premise and causes are not shared that is the best proof; otherwise a
/// branch-and-bound search within `effort` looks for a better one, and `exact` says whether it finished.
pub fn best_proof(graph: &RuleGraph, removed: &Removed, target: NodeId, effort: Effort) -> Option<Proof> {
    best_proof_within(graph, removed, target, effort).0
}

/// The same, and what of the effort was spent.
pub(crate) fn best_proof_within(
    graph: &RuleGraph,
    removed: &Removed,
    target: NodeId,
    effort: Effort,
) -> (Option<Proof>, u64) {
    if removed.nodes.contains(target.index()) {
        return (None, 0);
    }
    let weights: Vec<f64> = graph.cause_likelihoods.iter().map(|likelihood| weight_of(*likelihood)).collect();
    let by_cause = |rule: u32| weights[graph.causes[rule as usize] as usize];
    let labels = Labels::new(graph, removed, by_cause);
    if !labels.holds.contains(target.index()) {
        return (None, 0);
    }
    let rules = unfold(graph, &labels.given_by, target);
    let relevant = Relevant::new(graph, removed, &[target]);
    let shares = relevant.rules.iter().any(|&rule| graph.shared_cause[graph.causes[rule as usize] as usize]);
    if relevant.is_plain(graph) && !shares {
        return (Some(Proof { likelihood: graph.joint_likelihood(&rules), rules, exact: true }), 0);
    }
    let search = Search { graph, relevant: &relevant, target, colour_of: &graph.causes, weights: &weights };
    let outcome = cheapest_rules(&search, &rules, effort);
    let rules = outcome.rules.unwrap_or(rules);
    let proof = Proof { likelihood: graph.joint_likelihood(&rules), rules, exact: outcome.finished };
    (Some(proof), outcome.steps)
}

/// −ln p, so that the likeliest is the lightest; a rule that never works is heavier than all others
/// together but still finite, because the fixpoint does not look at likelihoods.
fn weight_of(likelihood: f64) -> f64 {
    if likelihood > 0.0 { -likelihood.ln() } else { 1e12 }
}

/// The lightest derivation tree of every node.
pub(crate) struct Labels {
    pub(crate) holds: FixedBitSet,
    /// The last rule of each node's tree; NONE for entries and for what does not hold.
    pub(crate) given_by: Vec<u32>,
}

/// Orders the queue: by weight, then by node.
#[derive(PartialEq)]
struct Step {
    weight: f64,
    node: u32,
    rule: u32,
}

impl Eq for Step {}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let weights = self.weight.total_cmp(&other.weight);
        weights.then(self.node.cmp(&other.node)).then(self.rule.cmp(&other.rule))
    }
}

impl Labels {
    /// Knuth's method over the weights of the rules, which must be ≥ 0: a rule's tree weighs its own weight
    /// plus those of its premises' trees. O(size · log size).
    pub(crate) fn new(graph: &RuleGraph, removed: &Removed, weight: impl Fn(u32) -> f64) -> Self {
        let nodes = graph.node_count();
        let mut labels = Self { holds: FixedBitSet::with_capacity(nodes), given_by: vec![NONE; nodes] };
        let mut missing: Vec<u32> =
            (0..graph.rule_count()).map(|rule| graph.premises.len_of(rule) as u32).collect();
        let mut sums = vec![0.0_f64; graph.rule_count()];
        // What each node has been offered so far, so that worse offers stay out of the queue.
        let mut offered = vec![f64::INFINITY; nodes];
        let mut queue: BinaryHeap<Reverse<Step>> = BinaryHeap::new();
        for entry in &graph.entries {
            if !removed.nodes.contains(entry.index()) {
                offered[entry.index()] = 0.0;
                queue.push(Reverse(Step { weight: 0.0, node: entry.0, rule: NONE }));
            }
        }
        let mut offer = |rule: u32, sum: f64, queue: &mut BinaryHeap<Reverse<Step>>| {
            let node = graph.conclusions[rule as usize];
            if removed.rules.contains(rule as usize) || removed.nodes.contains(node as usize) {
                return;
            }
            // Trees that share much can weigh more than a number holds; they still hold.
            let total = (sum + weight(rule)).min(f64::MAX);
            if total < offered[node as usize] {
                offered[node as usize] = total;
                queue.push(Reverse(Step { weight: total, node, rule }));
            }
        };
        for &rule in graph.free_rules.iter() {
            offer(rule, 0.0, &mut queue);
        }
        while let Some(Reverse(step)) = queue.pop() {
            let node = step.node as usize;
            if labels.holds.put(node) {
                continue;
            }
            labels.given_by[node] = step.rule;
            for &rule in graph.uses.row(node) {
                let index = rule as usize;
                sums[index] += step.weight;
                missing[index] -= 1;
                if missing[index] == 0 {
                    offer(rule, sums[index], &mut queue);
                }
            }
        }
        labels
    }
}
