//! Collects the records of graph files into a plain graph with entries and targets.

use std::collections::BTreeSet;
use std::collections::hash_map::{DefaultHasher, Entry, HashMap};
use std::hash::{Hash, Hasher};

use serde_json::Value;

use crate::engine::{NodeId, PlainGraph};
use crate::expression::NodeExpression;
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
    ids: HashMap<Box<str>, u32>,
    nodes: Vec<NodeState>,
    /// Digest of (key, value) of every plain property, for edges that match by them.
    properties: Vec<(u64, u32)>,
    kind_sets: HashMap<Vec<String>, u32>,
    edges: Vec<(u32, u32)>,
    likelihoods: Vec<f64>,
    pending: Vec<Pending>,
    counts: InputCounts,
    /// The first failure of an expression; the reader cannot be stopped midway.
    failure: Option<Error>,
}

#[derive(Debug, Clone, Copy, Default)]
struct NodeState {
    declared: bool,
    entry: bool,
    target: bool,
    /// Which set of kinds it has; 0 is none.
    kinds: u32,
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
            ids: HashMap::new(),
            nodes: Vec::new(),
            properties: Vec::new(),
            kind_sets: HashMap::from([(Vec::new(), 0)]),
            edges: Vec::new(),
            likelihoods: Vec::new(),
            pending: Vec::new(),
            counts: InputCounts::default(),
            failure: None,
        })
    }

    fn place(&mut self, id: &str) -> u32 {
        if let Some(&place) = self.ids.get(id) {
            return place;
        }
        let place = self.nodes.len() as u32;
        self.nodes.push(NodeState::default());
        self.ids.insert(id.into(), place);
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
        let mut undeclared: Vec<(u32, Box<str>)> = self
            .ids
            .iter()
            .filter(|&(_, &place)| !self.nodes[place as usize].declared)
            .map(|(id, &place)| (place, id.clone()))
            .collect();
        undeclared.sort_unstable();
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
        self.properties.sort_unstable();
        self.properties.dedup();
        let mut sets = vec![&[][..]; self.kind_sets.len()];
        for (kinds, &set) in &self.kind_sets {
            sets[set as usize] = kinds.as_slice();
        }
        let mut placed = Vec::new();
        for edge in &self.pending {
            match (self.find(&edge.start, &sets), self.find(&edge.end, &sets)) {
                (Some(tail), Some(head)) => placed.push((tail, head, edge.likelihood)),
                _ => self.counts.unmatched_edges += 1,
            }
        }
        self.pending.clear();
        for (tail, head, likelihood) in placed {
            self.push(tail, head, likelihood);
        }
    }

    /// The one node that fits; `None` when there is none or more than one.
    fn find(&self, end: &Endpoint, sets: &[&[String]]) -> Option<u32> {
        let has_kind = |place: u32| {
            end.kind
                .as_ref()
                .is_none_or(|kind| sets[self.nodes[place as usize].kinds as usize].contains(kind))
        };
        let matchers: Vec<u64> = match &end.match_by {
            MatchBy::Id(id) => return self.ids.get(id.as_str()).copied().filter(|&place| has_kind(place)),
            MatchBy::Name(name) => vec![digest("name", &Value::String(name.clone()))],
            MatchBy::Properties(matchers) => matchers.iter().map(|(key, value)| digest(key, value)).collect(),
        };
        let with = |wanted: u64| {
            let start = self.properties.partition_point(|&(digest, _)| digest < wanted);
            self.properties[start..]
                .iter()
                .take_while(move |&&(digest, _)| digest == wanted)
                .map(|&(_, place)| place)
        };
        let (first, others) = matchers.split_first()?;
        let mut fitting = with(*first).filter(|&place| {
            has_kind(place)
                && others.iter().all(|&digest| self.properties.binary_search(&(digest, place)).is_ok())
        });
        let found = fitting.next()?;
        fitting.next().is_none().then_some(found)
    }
}

/// A stable digest of a property. Names are compared without regard to case, as BloodHound stores them in
/// capitals.
fn digest(key: &str, value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    match value {
        Value::String(text) if key == "name" => text.to_uppercase().hash(&mut hasher),
        Value::String(text) => text.hash(&mut hasher),
        Value::Bool(value) => (1_u8, value).hash(&mut hasher),
        Value::Number(number) => (2_u8, number.as_f64().unwrap_or(0.0).to_bits()).hash(&mut hasher),
        _ => 3_u8.hash(&mut hasher),
    }
    hasher.finish()
}

impl GraphVisitor for GraphInput {
    fn node(&mut self, node: NodeRecord) {
        let place = self.place(&node.id);
        self.judge(place, &node);
        for (key, value) in &node.properties {
            if matches!(value, Value::String(_) | Value::Bool(_) | Value::Number(_)) {
                self.properties.push((digest(key, value), place));
            }
        }
        let next_set = self.kind_sets.len() as u32;
        let set = match self.kind_sets.entry(node.kinds) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => *entry.insert(next_set),
        };
        let state = &mut self.nodes[place as usize];
        state.declared = true;
        state.kinds = state.kinds.max(set);
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
