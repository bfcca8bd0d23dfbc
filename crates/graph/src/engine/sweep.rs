//! An order in which few nodes have to be visited twice: premises before conclusions, loops aside.

use fixedbitset::FixedBitSet;

use super::rule_graph::RuleGraph;

/// The nodes in reverse postorder of a depth-first search along the rules.
pub(crate) struct SweepOrder {
    /// Node to place.
    pub(crate) place_of: Vec<u32>,
    /// Place to node.
    pub(crate) node_at: Vec<u32>,
}

impl SweepOrder {
    pub(crate) fn new(graph: &RuleGraph) -> Self {
        let nodes = graph.node_count();
        let mut seen = FixedBitSet::with_capacity(nodes);
        let mut postorder = Vec::with_capacity(nodes);
        // (node, next of its uses)
        let mut stack: Vec<(u32, usize)> = Vec::new();
        let starts = graph.entries.iter().map(|entry| entry.0).chain(0..nodes as u32);
        for start in starts {
            if seen.put(start as usize) {
                continue;
            }
            stack.push((start, 0));
            while let Some((node, next)) = stack.last_mut() {
                let Some(&rule) = graph.uses.row(*node as usize).get(*next) else {
                    postorder.push(*node);
                    stack.pop();
                    continue;
                };
                *next += 1;
                let conclusion = graph.conclusions[rule as usize];
                if !seen.put(conclusion as usize) {
                    stack.push((conclusion, 0));
                }
            }
        }
        postorder.reverse();
        let mut place_of = vec![0; nodes];
        for (place, &node) in postorder.iter().enumerate() {
            place_of[node as usize] = place as u32;
        }
        Self { place_of, node_at: postorder }
    }
}

/// Nodes that wait, taken in sweeps over the places from front to back.
pub(crate) struct Sweep<'order> {
    order: &'order SweepOrder,
    waiting: Vec<u64>,
    /// The word that is being looked at, and how many nodes wait in all.
    word: usize,
    count: usize,
}

impl<'order> Sweep<'order> {
    pub(crate) fn new(order: &'order SweepOrder) -> Self {
        Self { order, waiting: vec![0; order.node_at.len().div_ceil(64)], word: 0, count: 0 }
    }

    pub(crate) fn push(&mut self, node: u32) {
        let place = self.order.place_of[node as usize];
        let word = &mut self.waiting[place as usize / 64];
        self.count += usize::from(*word >> (place % 64) & 1 == 0);
        *word |= 1 << (place % 64);
    }

    /// The next waiting node at or behind the place of the last one, else the first of all.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        if self.count == 0 {
            self.word = 0;
            return None;
        }
        while self.waiting[self.word] == 0 {
            self.word = (self.word + 1) % self.waiting.len();
        }
        let bit = self.waiting[self.word].trailing_zeros();
        self.waiting[self.word] &= self.waiting[self.word] - 1;
        self.count -= 1;
        Some(self.order.node_at[self.word * 64 + bit as usize])
    }
}
