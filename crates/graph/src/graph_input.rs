//! Collects the records of graph files into a plain graph with entries and targets.

use std::collections::BTreeSet;

use crate::engine::{NodeId, PlainGraph};
use crate::expression::NodeExpression;
use crate::node_index::NodeIndex;
use crate::opengraph::{EdgeRecord, Endpoint, GraphVisitor, MatchBy, NodeRecord};
use crate::{Error, Result};

/// What the files held and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InputCounts {
    pub(crate) edges: u64,
    pub(crate) ignored_edges: u64,
    /// Edges one of whose ends fits no node, or more than one.
    pub(crate) unmatched_edges: u64,
    /// Nodes that no record declares.
    pub(crate) mentioned_nodes: u64,
    pub(crate) rejected: u64,
}

/// The graph as the engine takes it.
pub(crate) struct CollectedGraph {
    pub(crate) graph: PlainGraph,
    pub(crate) entries: Vec<NodeId>,
    pub(crate) targets: Vec<NodeId>,
    pub(crate) counts: InputCounts,
}

/// Takes the records of one file after the other.
pub(crate) struct GraphInput {
    from: NodeExpression,
    to: NodeExpression,
    ignore: BTreeSet<String>,
    index: NodeIndex,
    nodes: Vec<NodeState>,
    edges: Vec<(u32, u32)>,
    likelihoods: Vec<f64>,
    pending: Vec<Pending>,
    counts: InputCounts,
    /// The first failure of an expression; the reader cannot be stopped midway.
    failure: Option<Error>,
}

#[derive(Debug, Clone, Copy, Default)]
struct NodeState {
    entry: bool,
    target: bool,
}

/// An edge that cannot be placed before all nodes are known.
struct Pending {
    start: Endpoint,
    end: Endpoint,
    likelihood: f64,
}

impl GraphInput {
    pub(crate) fn new(from: &str, to: &str, ignore: &[String]) -> Result<Self> {
        Ok(Self {
            from: NodeExpression::compile(from)?,
            to: NodeExpression::compile(to)?,
            ignore: ignore.iter().cloned().collect(),
            index: NodeIndex::new(),
            nodes: Vec::new(),
            edges: Vec::new(),
            likelihoods: Vec::new(),
            pending: Vec::new(),
            counts: InputCounts::default(),
            failure: None,
        })
    }

    fn place(&mut self, id: &str) -> u32 {
        let place = self.index.place(id);
        self.nodes.resize(self.index.len(), NodeState::default());
        place
    }

    fn push(&mut self, tail: u32, head: u32, likelihood: f64) {
        // The likelihoods are written down from the first uncertain edge on.
        if likelihood < 1.0 && self.likelihoods.is_empty() {
            self.likelihoods = vec![1.0; self.edges.len()];
        }
        let uncertain = likelihood < 1.0 || !self.likelihoods.is_empty();
        self.edges.push((tail, head));
        if uncertain {
            self.likelihoods.push(likelihood);
        }
    }

    fn judge(&mut self, place: u32, node: &NodeRecord) {
        let outcome = self.from.matches(node).and_then(|entry| Ok((entry, self.to.matches(node)?)));
        match outcome {
            Ok((entry, target)) => {
                let state = &mut self.nodes[place as usize];
                state.entry |= entry;
                state.target |= target;
            }
            Err(error) => {
                self.failure.get_or_insert(error);
            }
        }
    }

    pub(crate) fn add_rejected(&mut self, rejected: u64) {
        self.counts.rejected += rejected;
    }

    /// Places the edges that waited, judges the nodes that nobody declared, and builds the graph.
    pub(crate) fn finish(mut self) -> Result<CollectedGraph> {
        self.place_pending();
        let undeclared = self.index.undeclared();
        self.counts.mentioned_nodes = undeclared.len() as u64;
        for (place, id) in undeclared {
            self.judge(place, &NodeRecord { id: id.into(), ..NodeRecord::default() });
        }
        if let Some(error) = self.failure {
            return Err(error);
        }
        self.from.check()?;
        self.to.check()?;
        if self.nodes.len() >= u32::MAX as usize {
            return Err(Error::TooLarge { what: "nodes", limit: u64::from(u32::MAX) - 1 });
        }
        let marked = |mark: fn(&NodeState) -> bool| -> Vec<NodeId> {
            (0..self.nodes.len() as u32)
                .filter(|&node| mark(&self.nodes[node as usize]))
                .map(NodeId)
                .collect()
        };
        let (entries, targets) = (marked(|node| node.entry), marked(|node| node.target));
        let graph = PlainGraph::from_edges(self.nodes.len() as u32, &self.edges, &self.likelihoods)?;
        Ok(CollectedGraph { graph, entries, targets, counts: self.counts })
    }

    fn place_pending(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.index.settle();
        let mut placed = Vec::new();
        for edge in &self.pending {
            match (self.index.find(&edge.start), self.index.find(&edge.end)) {
                (Some(tail), Some(head)) => placed.push((tail, head, edge.likelihood)),
                _ => self.counts.unmatched_edges += 1,
            }
        }
        self.pending.clear();
        for (tail, head, likelihood) in placed {
            self.push(tail, head, likelihood);
        }
    }
}

impl GraphVisitor for GraphInput {
    fn node(&mut self, node: NodeRecord) {
        let place = self.index.declare(&node);
        self.nodes.resize(self.index.len(), NodeState::default());
        self.judge(place, &node);
    }

    fn edge(&mut self, edge: EdgeRecord) {
        self.counts.edges += 1;
        if self.ignore.contains(&edge.kind) {
            self.counts.ignored_edges += 1;
            return;
        }
        let likelihood = ["likelihood", "p"]
            .into_iter()
            .filter_map(|key| edge.properties.get(key)?.as_f64())
            .find(|likelihood| (0.0..=1.0).contains(likelihood))
            .unwrap_or(1.0);
        match (&edge.start, &edge.end) {
            (
                Endpoint { match_by: MatchBy::Id(start), kind: None },
                Endpoint { match_by: MatchBy::Id(end), kind: None },
            ) => {
                let (tail, head) = (self.place(start), self.place(end));
                self.push(tail, head, likelihood);
            }
            _ => {
                self.pending.push(Pending { start: edge.start, end: edge.end, likelihood });
            }
        }
    }

    fn problem(&mut self, _: String, _: &str) {}

    fn wants_edge_property(&self, key: &str) -> bool {
        key == "likelihood" || key == "p"
    }
}
