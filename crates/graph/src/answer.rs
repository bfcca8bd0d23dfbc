//! The answer for plain graph files: who starts where, who is exposed, what cuts it, how it ends by chance.
//!
//! Edges are taken as given, no rules are applied. Parallel edges count once (with the highest likelihood),
//! loops on one node not at all. A step's likelihood is its property `likelihood`, else `p`, a number from
//! 0 to 1, else 1. In the node cut every node but the targets costs 1, the entries too.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Serialize;

use crate::engine::{
    Direction, NodeId, Worlds, blast_radius, minimum_edge_cut, minimum_node_cut, reachable, simulate_exposure,
};
use crate::graph_input::{CollectedGraph, GraphInput};
use crate::{Result, opengraph};

/// What is asked of graph files.
#[derive(Debug, Clone, Default)]
pub struct GraphQuestion {
    /// CEL over a node: who is an entry.
    pub from: String,
    /// CEL over a node: who is a target.
    pub to: String,
    /// Kinds of edges that are left out.
    pub ignore: Vec<String>,
    /// The worlds to simulate.
    pub worlds: Worlds,
}

/// How many nodes each node reaches, itself not counted, over all nodes of the graph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Blast {
    /// The most that one node reaches.
    pub max: u32,
    /// The mean over all nodes.
    pub mean: f64,
}

/// Simulated attacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Simulated {
    /// Worlds played.
    pub worlds: u32,
    /// The mean, over the entries, of the probability of reaching a target.
    pub mean_probability: f64,
}

/// The answer, as `bartizan graph FILE… --from … --to … --format json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GraphAnswer {
    /// Nodes, those that only edges mention included.
    pub nodes: u64,
    /// Edges as read, ignored ones included.
    pub edges: u64,
    /// What is left when ignored kinds, repetitions and loops are taken out.
    pub distinct_edges: u64,
    /// Nodes that match `from`.
    pub entries: u64,
    /// Entries that reach a target.
    pub exposed_entries: u64,
    /// Nodes that match `to`.
    pub targets: u64,
    /// How far a compromise of one node goes.
    pub blast: Blast,
    /// The fewest steps whose removal parts entries from targets; null when an entry is a target.
    pub min_edge_cut: Option<u64>,
    /// The fewest nodes whose removal does; null when an entry is a target.
    pub min_node_cut: Option<u64>,
    /// How it goes when steps fail by chance.
    pub simulated: Simulated,
    /// Edges of the kinds that were to be ignored.
    pub ignored_edges: u64,
    /// Edges left out because an end fits no node, or several.
    pub unmatched_edges: u64,
    /// Nodes that edges mention by id and no record declares.
    pub mentioned_nodes: u64,
    /// Records that were no nodes or edges.
    pub rejected: u64,
    /// Per stage.
    pub seconds: BTreeMap<&'static str, f64>,
}

/// Reads files and answers. The clock gives seconds from any start.
pub struct GraphFiles<C> {
    input: GraphInput,
    worlds: Worlds,
    clock: C,
    seconds: BTreeMap<&'static str, f64>,
}

impl<C: FnMut() -> f64> GraphFiles<C> {
    /// Compiles the expressions of the question.
    pub fn new(question: &GraphQuestion, clock: C) -> Result<Self> {
        let input = GraphInput::new(&question.from, &question.to, &question.ignore)?;
        Ok(Self { input, worlds: question.worlds, clock, seconds: BTreeMap::new() })
    }

    /// Reads an OpenGraph document (already unpacked); several documents make one graph.
    pub fn read(&mut self, reader: impl Read) -> Result<()> {
        let start = (self.clock)();
        let counts = opengraph::read(reader, &mut self.input)?;
        self.input.add_rejected(counts.rejected);
        *self.seconds.entry("read").or_default() += (self.clock)() - start;
        Ok(())
    }

    /// Builds the graph and answers.
    pub fn answer(self) -> Result<GraphAnswer> {
        let Self { input, worlds, mut clock, mut seconds } = self;
        let mut last = clock();
        let mut stage = |name: &'static str, clock: &mut C| {
            let now = clock();
            seconds.insert(name, now - last);
            last = now;
        };
        let CollectedGraph { graph, entries, targets, counts } = input.finish()?;
        stage("build", &mut clock);
        let exposing = reachable(&graph, Direction::Reverse, &targets, None);
        let exposed_entries = entries.iter().filter(|entry| exposing.contains(entry.index())).count() as u64;
        stage("exposure", &mut clock);
        let blast = summary(&blast_radius(&graph));
        stage("blast", &mut clock);
        let edge_cut = minimum_edge_cut(&graph, &entries, &targets);
        stage("min_edge_cut", &mut clock);
        let node_cut = minimum_node_cut(&graph, &entries, &targets);
        stage("min_node_cut", &mut clock);
        let mean_probability = mean_probability(&graph, &entries, &targets, worlds);
        stage("simulation", &mut clock);
        Ok(GraphAnswer {
            nodes: graph.node_count() as u64,
            edges: counts.edges,
            distinct_edges: graph.edge_count() as u64,
            entries: entries.len() as u64,
            exposed_entries,
            targets: targets.len() as u64,
            blast,
            min_edge_cut: edge_cut.map(|cut| cut.edges.len() as u64),
            min_node_cut: node_cut.map(|cut| cut.nodes.len() as u64),
            simulated: Simulated { worlds: worlds.count, mean_probability },
            ignored_edges: counts.ignored_edges,
            unmatched_edges: counts.unmatched_edges,
            mentioned_nodes: counts.mentioned_nodes,
            rejected: counts.rejected,
            seconds,
        })
    }
}

fn summary(blast: &[u32]) -> Blast {
    let sum: u64 = blast.iter().map(|&reached| u64::from(reached)).sum();
    Blast {
        max: blast.iter().copied().max().unwrap_or(0),
        mean: if blast.is_empty() { 0.0 } else { sum as f64 / blast.len() as f64 },
    }
}

fn mean_probability(
    graph: &crate::engine::PlainGraph,
    entries: &[NodeId],
    targets: &[NodeId],
    worlds: Worlds,
) -> f64 {
    simulate_exposure(graph, targets, worlds).mean_probability(entries)
}
