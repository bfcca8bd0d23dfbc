//! What every attack on a target must pass: nodes and rules without which it cannot be attained.
//!
//! Only what lies on one proof can lie on all of them, so that one proof is taken and each of its parts is
//! left out in turn.

use super::closure::{Relevant, closure};
use super::ids::{NodeId, RuleId};
use super::removed::Removed;
use super::rule_graph::RuleGraph;
use crate::Result;

/// The parts that all proofs of a target share; both ascending. The target itself is not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mandatory {
    /// Nodes without any one of which the target stands.
    pub nodes: Vec<NodeId>,
    /// Rules without any one of which the target stands.
    pub rules: Vec<RuleId>,
}

/// Finds the mandatory nodes and rules; empty when the target cannot be attained at all.
/// One fixpoint of the relevant part for each rule and node of one proof.
pub fn mandatory(graph: &RuleGraph, removed: &Removed, target: NodeId) -> Result<Mandatory> {
    let relevant = Relevant::new(graph, removed, &[target]);
    let mut found = Mandatory::default();
    if relevant.nodes.is_empty() {
        return Ok(found);
    }
    let part = graph.restrict(&relevant, &[target])?;
    let Some(&goal) = part.targets().first() else { return Ok(found) };
    let nothing = Removed::none(&part);
    let proof: Vec<RuleId> = {
        let mut given_by = vec![super::ids::NONE; part.node_count()];
        for rule in closure(&part, &nothing).firing_order() {
            given_by[part.conclusion(rule).index()] = rule.0;
        }
        super::closure::unfold(&part, &given_by, goal)
    };
    let mut nodes: Vec<NodeId> = proof.iter().flat_map(|&rule| part.premises(rule)).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes {
        let mut without = nothing.clone();
        without.node(node);
        if node != goal && !closure(&part, &without).holds(goal) {
            found.nodes.push(NodeId(relevant.nodes[node.index()]));
        }
    }
    for rule in proof {
        let mut without = nothing.clone();
        without.rule(rule);
        if !closure(&part, &without).holds(goal) {
            found.rules.push(RuleId(relevant.rules[rule.index()]));
        }
    }
    found.rules.sort_unstable();
    Ok(found)
}
