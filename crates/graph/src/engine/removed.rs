//! What is taken away from a graph for the length of a question: rules, nodes, or all that a fix removes.

use fixedbitset::FixedBitSet;

use super::ids::{FixId, NodeId, RuleId};
use super::rule_graph::RuleGraph;

/// Rules and nodes that are left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Removed {
    pub(crate) rules: FixedBitSet,
    pub(crate) nodes: FixedBitSet,
}

impl Removed {
    /// Nothing is left out.
    pub fn none(graph: &RuleGraph) -> Self {
        Self {
            rules: FixedBitSet::with_capacity(graph.rule_count()),
            nodes: FixedBitSet::with_capacity(graph.node_count()),
        }
    }

    /// Everything that these fixes remove is left out.
    pub fn by_fixes(graph: &RuleGraph, fixes: &[FixId]) -> Self {
        let mut removed = Self::none(graph);
        for &fix in fixes {
            removed.fix(graph, fix);
        }
        removed
    }

    /// Leaves out what the fix removes.
    pub fn fix(&mut self, graph: &RuleGraph, fix: FixId) {
        graph.fix_rules.row(fix.index()).iter().for_each(|&rule| self.rules.insert(rule as usize));
        graph.fix_nodes.row(fix.index()).iter().for_each(|&node| self.nodes.insert(node as usize));
    }

    /// Leaves out a rule.
    pub fn rule(&mut self, rule: RuleId) {
        self.rules.insert(rule.index());
    }

    /// Leaves out a node: nobody attains it, and nobody starts there.
    pub fn node(&mut self, node: NodeId) {
        self.nodes.insert(node.index());
    }
}
