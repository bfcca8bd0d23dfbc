//! Who is reached from where: breadth-first search that changes direction when the frontier is wide.

use fixedbitset::FixedBitSet;

use super::csr::Csr;
use super::ids::NodeId;
use super::plain::PlainGraph;

/// Along the steps, or against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the sources can reach.
    Forward,
    /// What can reach the sources.
    Reverse,
}

/// A frontier whose edges exceed this share of the unexplored ones is cheaper to extend from the other
/// side. The two figures are those of Beamer, Asanović, Patterson, "Direction-optimizing breadth-first
/// search" (2012).
const TOP_DOWN_SHARE: usize = 15;
const BOTTOM_UP_SHARE: usize = 18;

/// The nodes that the sources reach (themselves included), not passing through `removed` nodes.
/// Linear in nodes and edges.
pub fn reachable(
    graph: &PlainGraph,
    direction: Direction,
    sources: &[NodeId],
    removed: Option<&FixedBitSet>,
) -> FixedBitSet {
    let nodes = graph.node_count();
    let (outward, inward) = match direction {
        Direction::Forward => (graph.forward(), graph.reverse()),
        Direction::Reverse => (graph.reverse(), graph.forward()),
    };
    // Removed nodes are marked as seen, so that nothing enters them, and taken out again at the end.
    let mut seen = FixedBitSet::with_capacity(nodes);
    if let Some(removed) = removed {
        seen.union_with(removed);
    }
    let mut frontier: Vec<u32> = Vec::new();
    for source in sources {
        if !seen.put(source.index()) {
            frontier.push(source.0);
        }
    }
    let mut unexplored = graph.edge_count();
    let mut next: Vec<u32> = Vec::new();
    while !frontier.is_empty() {
        let frontier_edges: usize = frontier.iter().map(|&node| outward.len_of(node as usize)).sum();
        unexplored = unexplored.saturating_sub(frontier_edges);
        if frontier_edges > unexplored / TOP_DOWN_SHARE + nodes / BOTTOM_UP_SHARE {
            sweep_from_unseen(inward, &mut seen, &frontier, &mut next);
        } else {
            for &node in &frontier {
                for &head in outward.row(node as usize) {
                    if !seen.put(head as usize) {
                        next.push(head);
                    }
                }
            }
        }
        std::mem::swap(&mut frontier, &mut next);
        next.clear();
    }
    if let Some(removed) = removed {
        seen.difference_with(removed);
    }
    seen
}

/// One bottom-up round: every unseen node looks for a neighbour on the frontier and stops at the first.
fn sweep_from_unseen(inward: &Csr, seen: &mut FixedBitSet, frontier: &[u32], next: &mut Vec<u32>) {
    let nodes = inward.rows();
    let mut on_frontier = FixedBitSet::with_capacity(nodes);
    for &node in frontier {
        on_frontier.insert(node as usize);
    }
    for node in seen.zeroes() {
        if inward.row(node).iter().any(|&tail| on_frontier.contains(tail as usize)) {
            next.push(node as u32);
        }
    }
    for &node in next.iter() {
        seen.insert(node as usize);
    }
}
