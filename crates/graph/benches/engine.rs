//! Times the graph rows of the benchmark table and prints JSON. Run by hand: `cargo bench -p bartizan-graph`.
//!
//! A peer is run in turn with ours in the same process, on the same graph and sources; a row whose answers
//! differ prints no time but the difference, and the exit code is 1. Times are the best of several runs in
//! milliseconds of wall clock; only ratios mean anything on a shared machine.

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at what cannot happen")]

use std::time::Instant;

use bartizan_graph::engine::{
    Direction, NodeId, PlainGraph, Worlds, blast_radius, minimum_edge_cut, minimum_node_cut, reachable,
    simulate_exposure,
};
use bartizan_testkit::graphs::{GeneratedGraph, directory, rmat};
use petgraph::csr::Csr;
use petgraph::visit::Bfs;
use serde::Serialize;
use serde_json::{Value, json};

fn main() -> std::process::ExitCode {
    let mut rows =
        vec![breadth_first("breadth-first reach, 1 M nodes / 10 M edges (R-MAT)", &rmat(20, 10_000_000, 1))];
    rows.extend(directory_rows(&directory(100_000, 1)));
    let all_equal = rows.iter().all(|row| row["differs"].is_null());
    println!("{}", serde_json::to_string_pretty(&json!({ "rows": rows })).unwrap());
    if all_equal { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

/// What one run takes, in milliseconds.
#[derive(Clone, Copy, Serialize)]
struct Times {
    /// The best of several runs.
    wall: f64,
    /// Processor time of all threads, the mean of several runs, where the system tells (to 10 ms in all).
    cpu: Option<f64>,
}

/// The answer and what it takes to find it.
fn timed<T>(runs: u32, mut work: impl FnMut() -> T) -> (T, Times) {
    let mut wall = f64::INFINITY;
    let mut answer = None;
    let before = processor_milliseconds();
    for _ in 0..runs {
        let start = Instant::now();
        let found = work();
        wall = wall.min(start.elapsed().as_secs_f64() * 1e3);
        answer = Some(found);
    }
    let cpu = processor_milliseconds().zip(before).map(|(after, before)| (after - before) / f64::from(runs));
    (answer.unwrap(), Times { wall, cpu })
}

/// User and system time of this process, from `/proc/self/stat`, in ticks of 10 ms.
fn processor_milliseconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) * 10.0)
}

/// A row, or what differs: a time next to a wrong answer is worth nothing.
fn row(work: &str, ours: Times, peer: Option<(&str, Times)>, answer: Value, expected: &Value) -> Value {
    if answer != *expected {
        return json!({ "work": work, "differs": { "ours": answer, "expected": expected } });
    }
    let (peer, peer_milliseconds) = peer.map_or((None, None), |(name, time)| (Some(name), Some(time)));
    json!({ "work": work, "milliseconds": ours, "answer": answer, "peer": peer, "peer_milliseconds": peer_milliseconds })
}

fn ids(nodes: &[u32]) -> Vec<NodeId> {
    nodes.iter().map(|&node| NodeId(node)).collect()
}

fn petgraph_of(nodes: u32, edges: impl Iterator<Item = (u32, u32)>) -> Csr<(), ()> {
    let mut edges: Vec<(u32, u32)> = edges.filter(|(tail, head)| tail != head).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut graph = Csr::from_sorted_edges(&edges).unwrap();
    while graph.node_count() < nodes as usize {
        graph.add_node(());
    }
    graph
}

fn petgraph_reach(graph: &Csr<(), ()>, sources: &[u32]) -> usize {
    let mut search = Bfs::new(graph, sources[0]);
    for &source in &sources[1..] {
        if !search.discovered.put(source as usize) {
            search.stack.push_back(source);
        }
    }
    let mut count = 0;
    while search.next(graph).is_some() {
        count += 1;
    }
    count
}

fn breadth_first(work: &str, generated: &GeneratedGraph) -> Value {
    let graph = PlainGraph::from_edges(generated.nodes, &generated.edges, &[]).unwrap();
    let theirs = petgraph_of(generated.nodes, generated.edges.iter().copied());
    let (expected, peer) = timed(3, || petgraph_reach(&theirs, &generated.entries));
    let sources = ids(&generated.entries);
    let (found, ours) = timed(9, || reachable(&graph, Direction::Forward, &sources, None).count_ones(..));
    row(work, ours, Some(("petgraph Csr", peer)), json!(found), &json!(expected))
}

fn directory_rows(generated: &GeneratedGraph) -> Vec<Value> {
    let size = format!("{} nodes / {} edges", generated.nodes, generated.edges.len());
    let (graph, built) = timed(3, || PlainGraph::from_edges(generated.nodes, &generated.edges, &[]).unwrap());
    let (entries, targets) = (ids(&generated.entries), ids(&generated.targets));
    let forward = petgraph_of(generated.nodes, generated.edges.iter().copied());
    let backward = petgraph_of(generated.nodes, generated.edges.iter().map(|&(tail, head)| (head, tail)));

    let expose = || {
        let exposing = reachable(&graph, Direction::Reverse, &targets, None);
        entries.iter().filter(|entry| exposing.contains(entry.index())).count()
    };
    let (exposed, ours) = timed(99, expose);
    let peer_expose = || {
        let mut search = Bfs::new(&backward, generated.targets[0]);
        let mut count = 0;
        while let Some(node) = search.next(&backward) {
            count += usize::from(generated.entries.binary_search(&node).is_ok());
        }
        count
    };
    let (expected, peer) = timed(3, peer_expose);
    let mut rows = vec![
        json!({ "work": format!("build the rows, {size}"), "milliseconds": built }),
        row(
            &format!("exposed users, {size}"),
            ours,
            Some(("petgraph Csr", peer)),
            json!(exposed),
            &json!(expected),
        ),
    ];

    // The peer answers for every hundredth node only: for all it would take minutes.
    let (blast, ours) = timed(10, || blast_radius(&graph));
    let sampled: Vec<u32> = (0..generated.nodes).step_by(generated.nodes as usize / 100).collect();
    let (expected, peer) =
        timed(1, || sampled.iter().map(|&node| petgraph_reach(&forward, &[node]) - 1).collect::<Vec<_>>());
    let answer: Vec<u32> = sampled.iter().map(|&node| blast[node as usize]).collect();
    let work = format!("blast radius of every node, {size}");
    let mut blast_row =
        row(&work, ours, Some(("petgraph Csr, 100 nodes", peer)), json!(answer), &json!(expected));
    if let Some(answer) = blast_row.get_mut("answer") {
        *answer = json!({ "max": blast.iter().max(), "sum": blast.iter().map(|&reached| u64::from(reached)).sum::<u64>() });
    }
    rows.push(blast_row);

    // A cut is shown to be one by a search, and to be a smallest one by as many disjoint ways (the tests
    // compare with petgraph's flow, which takes too long here).
    let (cut, ours) = timed(10, || minimum_edge_cut(&graph, &entries, &targets).unwrap());
    let parted = edges_part(&graph, generated, &cut.edges);
    rows.push(row(
        &format!("minimum edge cut, {size}"),
        ours,
        None,
        json!([cut.edges.len(), parted]),
        &json!([cut.edges.len(), true]),
    ));
    let (cut, ours) = timed(10, || minimum_node_cut(&graph, &entries, &targets).unwrap());
    let mut removed = fixedbitset::FixedBitSet::with_capacity(graph.node_count());
    removed.extend(cut.nodes.iter().map(|node| node.index()));
    let reached = reachable(&graph, Direction::Forward, &entries, Some(&removed));
    let parted = targets.iter().all(|target| !reached.contains(target.index()));
    rows.push(row(
        &format!("minimum node cut, {size}"),
        ours,
        None,
        json!([cut.nodes.len(), parted]),
        &json!([cut.nodes.len(), true]),
    ));

    let uncertain =
        PlainGraph::from_edges(generated.nodes, &generated.edges, &generated.likelihoods).unwrap();
    let worlds = Worlds::default();
    let (exposure, ours) = timed(5, || simulate_exposure(&uncertain, &targets, worlds));
    let (again, certain) = timed(5, || simulate_exposure(&graph, &targets, worlds));
    // With certain steps chance must give what the search gave.
    let sum: u64 = entries.iter().map(|entry| u64::from(again.reached[entry.index()])).sum();
    rows.push(row(
        &format!("1,024 simulated attacks, all users, certain steps, {size}"),
        certain,
        None,
        json!(sum),
        &json!(exposed as u64 * u64::from(worlds.count)),
    ));
    let mean = exposure.mean_probability(&entries);
    let bounded = mean > 0.0 && mean <= exposed as f64 / entries.len() as f64;
    rows.push(row(
        &format!("1,024 simulated attacks, all users, uncertain steps, {size}"),
        ours,
        None,
        json!([mean, bounded]),
        &json!([mean, true]),
    ));
    rows
}

fn edges_part(graph: &PlainGraph, generated: &GeneratedGraph, cut: &[u32]) -> bool {
    let left: Vec<(u32, u32)> = (0..graph.edge_count() as u32)
        .filter(|edge| cut.binary_search(edge).is_err())
        .map(|edge| graph.ends(edge))
        .map(|(tail, head)| (tail.0, head.0))
        .collect();
    let left = PlainGraph::from_edges(generated.nodes, &left, &[]).unwrap();
    let reached = reachable(&left, Direction::Forward, &ids(&generated.entries), None);
    generated.targets.iter().all(|&target| !reached.contains(target as usize))
}
