//! The fewest steps, or the fewest nodes, whose removal parts the entries from the targets.

use fixedbitset::FixedBitSet;

use super::flow::{Arc, Network};
use super::ids::{NONE, NodeId};
use super::plain::PlainGraph;
use super::reach::{Direction, reachable};

/// Steps whose removal leaves no way from an entry to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeCut {
    /// Edge ids, ascending; [`PlainGraph::ends`] names their ends.
    pub edges: Vec<u32>,
}

/// Nodes whose removal leaves no way from an entry to a target; entries may be among them, targets not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCut {
    /// Ascending.
    pub nodes: Vec<NodeId>,
}

/// The nodes that lie between entries and targets, numbered densely for a flow network.
struct Between {
    /// Node to its place in the network; NONE when it plays no part.
    places: Vec<u32>,
    count: u32,
    entries: FixedBitSet,
    targets: FixedBitSet,
}

const SOURCE: u32 = 0;
const SINK: u32 = 1;

impl Between {
    /// `None` when an entry is itself a target: then nothing parts them.
    fn new(graph: &PlainGraph, entries: &[NodeId], targets: &[NodeId]) -> Option<Self> {
        let nodes = graph.node_count();
        let mut is_entry = FixedBitSet::with_capacity(nodes);
        let mut is_target = FixedBitSet::with_capacity(nodes);
        is_entry.extend(entries.iter().map(|entry| entry.index()));
        is_target.extend(targets.iter().map(|target| target.index()));
        if !is_entry.is_disjoint(&is_target) {
            return None;
        }
        let mut relevant = reachable(graph, Direction::Forward, entries, None);
        relevant.intersect_with(&reachable(graph, Direction::Reverse, targets, None));
        let mut places = vec![NONE; nodes];
        let mut count = 2;
        for node in relevant.ones() {
            places[node] = if is_target.contains(node) {
                SINK
            } else {
                count += 1;
                count - 1
            };
        }
        Some(Self { places, count, entries: is_entry, targets: is_target })
    }
}

/// A smallest set of steps that parts the entries from the targets, every step costing 1.
/// `None` when nothing parts them because an entry is a target. The cut nearest to the entries is given.
pub fn minimum_edge_cut(graph: &PlainGraph, entries: &[NodeId], targets: &[NodeId]) -> Option<EdgeCut> {
    let mut between = Between::new(graph, entries, targets)?;
    // All entries are one source: steps among them do not matter.
    for entry in between.entries.ones() {
        if between.places[entry] != NONE {
            between.places[entry] = SOURCE;
        }
    }
    let mut arcs = Vec::new();
    for_each_edge(graph, &between.places, |_, tail, head| {
        let (tail, head) = (between.places[tail], between.places[head]);
        if tail != head && head != SOURCE && tail != SINK {
            arcs.push(Arc { tail, head, capacity: 1_u32 });
        }
    });
    let cut = Network::new(between.count as usize, &arcs, SOURCE, SINK).smallest_cut()?;
    let mut edges = Vec::new();
    for_each_edge(graph, &between.places, |edge, tail, head| {
        let (tail, head) = (between.places[tail], between.places[head]);
        if cut.source_side[tail as usize] && !cut.source_side[head as usize] {
            edges.push(edge as u32);
        }
    });
    Some(EdgeCut { edges })
}

/// A smallest set of nodes that parts the entries from the targets, every node but the targets costing 1
/// (entries too). `None` when an entry is a target.
pub fn minimum_node_cut(graph: &PlainGraph, entries: &[NodeId], targets: &[NodeId]) -> Option<NodeCut> {
    let between = Between::new(graph, entries, targets)?;
    // A node is an arc of capacity 1 from its inner to its outer half. An entry needs no inner half: the
    // source fills it, so that ways into it do not matter.
    let places = &between.places;
    let outer = |place: u32| if place < 2 { place } else { between.count + place - 2 };
    let mut arcs = Vec::new();
    for (node, &place) in places.iter().enumerate() {
        if place == NONE || place == SINK {
            continue;
        }
        let tail = if between.entries.contains(node) { SOURCE } else { place };
        arcs.push(Arc { tail, head: outer(place), capacity: 1 });
    }
    for_each_edge(graph, places, |_, tail, head| {
        if !between.targets.contains(tail) && !between.entries.contains(head) {
            arcs.push(Arc { tail: outer(places[tail]), head: places[head], capacity: u32::MAX });
        }
    });
    let network_nodes = between.count as usize * 2;
    let cut = Network::new(network_nodes, &arcs, SOURCE, SINK).smallest_cut()?;
    let nodes = places
        .iter()
        .enumerate()
        .filter(|&(node, &place)| {
            place != NONE
                && place != SINK
                && (between.entries.contains(node) || cut.source_side[place as usize])
                && !cut.source_side[outer(place) as usize]
        })
        .map(|(node, _)| NodeId(node as u32))
        .collect();
    Some(NodeCut { nodes })
}

/// Calls back with (edge, tail, head) for every edge both of whose ends have a place.
fn for_each_edge(graph: &PlainGraph, places: &[u32], mut visit: impl FnMut(usize, usize, usize)) {
    let forward = graph.forward();
    for tail in 0..graph.node_count() {
        if places[tail] == NONE {
            continue;
        }
        for (edge, &head) in forward.range(tail).zip(forward.row(tail)) {
            if places[head as usize] != NONE {
                visit(edge, tail, head as usize);
            }
        }
    }
}
