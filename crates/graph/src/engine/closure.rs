//! What the attacker ends up holding: the least fixpoint of the rules. Loops do not support themselves.

use fixedbitset::FixedBitSet;

use super::ids::{NONE, NodeId, RuleId};
use super::removed::Removed;
use super::rule_graph::RuleGraph;

/// The nodes that hold, and how each came to.
#[derive(Debug, Clone)]
pub struct Closure {
    holds: FixedBitSet,
    /// The rules that gave a node first, in the order in which they fired.
    order: Vec<u32>,
}

impl Closure {
    /// Whether the attacker gets this node.
    pub fn holds(&self, node: NodeId) -> bool {
        self.holds.contains(node.index())
    }

    /// Whether the attacker gets one of these nodes.
    pub fn holds_any(&self, nodes: &[NodeId]) -> bool {
        nodes.iter().any(|&node| self.holds(node))
    }

    /// Everything that the attacker gets, ascending.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.holds.ones().map(|node| NodeId(node as u32))
    }

    /// The rules that gave a node first; each node that is no entry has one here, premises before uses.
    pub fn firing_order(&self) -> impl Iterator<Item = RuleId> + '_ {
        self.order.iter().map(|&rule| RuleId(rule))
    }
}

/// The least fixpoint, by counting the premises that are still missing (Dowling, Gallier 1984). Linear.
pub fn closure(graph: &RuleGraph, removed: &Removed) -> Closure {
    let mut holds = FixedBitSet::with_capacity(graph.node_count());
    let mut missing: Vec<u32> =
        (0..graph.rule_count()).map(|rule| graph.premises.len_of(rule) as u32).collect();
    let mut order = Vec::new();
    let mut queue: Vec<u32> = Vec::new();
    for entry in &graph.entries {
        if !removed.nodes.contains(entry.index()) && !holds.put(entry.index()) {
            queue.push(entry.0);
        }
    }
    let fire = |rule: u32, holds: &mut FixedBitSet, queue: &mut Vec<u32>, order: &mut Vec<u32>| {
        let node = graph.conclusions[rule as usize];
        if !removed.rules.contains(rule as usize)
            && !removed.nodes.contains(node as usize)
            && !holds.put(node as usize)
        {
            order.push(rule);
            queue.push(node);
        }
    };
    for &rule in graph.free_rules.iter() {
        fire(rule, &mut holds, &mut queue, &mut order);
    }
    let mut next = 0;
    while next < queue.len() {
        let node = queue[next] as usize;
        next += 1;
        for &rule in graph.uses.row(node) {
            missing[rule as usize] -= 1;
            if missing[rule as usize] == 0 {
                fire(rule, &mut holds, &mut queue, &mut order);
            }
        }
    }
    Closure { holds, order }
}

/// The rules and nodes that can take part in a proof of one of `targets`: everything else is idle.
#[derive(Debug, Clone)]
pub(crate) struct Relevant {
    /// Ascending.
    pub(crate) rules: Vec<u32>,
    /// Ascending.
    pub(crate) nodes: Vec<u32>,
}

impl Relevant {
    /// Rules whose premises all hold and whose conclusion is needed, and the nodes that they tie together.
    pub(crate) fn new(graph: &RuleGraph, removed: &Removed, targets: &[NodeId]) -> Self {
        let held = closure(graph, removed);
        let mut needed = FixedBitSet::with_capacity(graph.node_count());
        let mut stack: Vec<u32> = Vec::new();
        for target in targets {
            if held.holds(*target) && !needed.put(target.index()) {
                stack.push(target.0);
            }
        }
        let is_entry = |node: u32| graph.entries.binary_search(&NodeId(node)).is_ok();
        let mut rules = Vec::new();
        while let Some(node) = stack.pop() {
            // What is held from the start needs no rule.
            if is_entry(node) {
                continue;
            }
            for &rule in graph.into.row(node as usize) {
                let premises = graph.premises.row(rule as usize);
                if removed.rules.contains(rule as usize)
                    || premises.contains(&node)
                    || !premises.iter().all(|&premise| held.holds.contains(premise as usize))
                {
                    continue;
                }
                rules.push(rule);
                for &premise in premises {
                    if !needed.put(premise as usize) {
                        stack.push(premise);
                    }
                }
            }
        }
        rules.sort_unstable();
        Self { rules, nodes: needed.ones().map(|node| node as u32).collect() }
    }

    /// Whether every rule has at most one premise.
    pub(crate) fn is_plain(&self, graph: &RuleGraph) -> bool {
        self.rules.iter().all(|&rule| graph.premises.len_of(rule as usize) <= 1)
    }
}

/// The entries that take part in attaining a target: each is a premise, directly or not, of a rule that can
/// fire, or a target itself. In a plain graph these are exactly the entries that reach a target.
pub fn exposed_entries(graph: &RuleGraph, removed: &Removed, targets: &[NodeId]) -> Vec<NodeId> {
    let held = closure(graph, removed);
    let mut useful = FixedBitSet::with_capacity(graph.node_count());
    let mut stack: Vec<u32> = Vec::new();
    for target in targets {
        if held.holds(*target) && !useful.put(target.index()) {
            stack.push(target.0);
        }
    }
    while let Some(node) = stack.pop() {
        for &rule in graph.into.row(node as usize) {
            let premises = graph.premises.row(rule as usize);
            if !removed.rules.contains(rule as usize)
                && premises.iter().all(|&premise| held.holds.contains(premise as usize))
            {
                stack.extend(premises.iter().copied().filter(|&premise| !useful.put(premise as usize)));
            }
        }
    }
    graph.entries.iter().copied().filter(|entry| useful.contains(entry.index())).collect()
}

/// Walks back from `goal` over the rule that gives each node, and returns the rules, premises first.
///
/// `given_by` has a rule per node, NONE for what is held from the start; the choice must be free of loops.
pub(crate) fn unfold(graph: &RuleGraph, given_by: &[u32], goal: NodeId) -> Vec<RuleId> {
    let mut done = FixedBitSet::with_capacity(graph.node_count());
    let mut rules = Vec::new();
    // A node is left when it is met for the second time, with all its premises done.
    let mut stack = vec![(goal.0, false)];
    while let Some((node, left)) = stack.pop() {
        let rule = given_by[node as usize];
        if left {
            rules.push(RuleId(rule));
        } else if rule != NONE && !done.put(node as usize) {
            stack.push((node, true));
            stack.extend(graph.premises.row(rule as usize).iter().rev().map(|&premise| (premise, false)));
        }
    }
    rules
}
