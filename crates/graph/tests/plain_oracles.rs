//! Plain graphs: the engine against trying everything on small graphs, against petgraph on larger ones.

use std::collections::{BTreeSet, HashMap};

use bartizan_graph::engine::{
    Chance, Direction, Effort, NodeId, PlainGraph, Removed, Rule, RuleGraphBuilder, Worlds, best_proof,
    blast_radius, components, mandatory, minimum_edge_cut, minimum_fixes, minimum_node_cut, reachable,
    simulate_exposure,
};
use bartizan_testkit::graphs::{GeneratedGraph, cloud, directory, rmat};
use bartizan_testkit::random::Random;
use petgraph::graph::{DiGraph, NodeIndex};
use proptest::prelude::*;

type Edges = Vec<(u32, u32)>;

fn ids(nodes: &[u32]) -> Vec<NodeId> {
    nodes.iter().map(|&node| NodeId(node)).collect()
}

/// Who reaches whom, by relaxing every edge until nothing changes.
fn naive_reach(
    sources: &[u32],
    edges: impl Iterator<Item = (u32, u32)> + Clone,
    removed: &[u32],
) -> BTreeSet<u32> {
    let mut reached: BTreeSet<u32> =
        sources.iter().copied().filter(|source| !removed.contains(source)).collect();
    loop {
        let before = reached.len();
        for (tail, head) in edges.clone() {
            if reached.contains(&tail) && !removed.contains(&head) {
                reached.insert(head);
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}

/// Distinct edges that are no loops: the ids of the plain graph.
fn distinct(edges: &Edges) -> Vec<(u32, u32)> {
    let set: BTreeSet<(u32, u32)> = edges.iter().copied().filter(|(tail, head)| tail != head).collect();
    set.into_iter().collect()
}

prop_compose! {
    fn small_graph(most_nodes: u32, most_edges: usize)(nodes in 1..=most_nodes)(
        nodes in Just(nodes),
        edges in prop::collection::vec((0..nodes, 0..nodes), 0..=most_edges),
        entries in prop::collection::vec(0..nodes, 0..=3),
        targets in prop::collection::vec(0..nodes, 0..=2),
        removed in prop::collection::vec(0..nodes, 0..=2),
    ) -> (u32, Edges, Vec<u32>, Vec<u32>, Vec<u32>) {
        (nodes, edges, entries, targets, removed)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6_000))]

    #[test]
    fn reach_blast_and_components_agree_with_relaxation((nodes, edges, entries, _, removed) in small_graph(10, 24)) {
        let graph = PlainGraph::from_edges(nodes, &edges, &[]).unwrap();
        prop_assert_eq!(graph.edge_count(), distinct(&edges).len());
        for (edge, ends) in distinct(&edges).into_iter().enumerate() {
            prop_assert_eq!(graph.ends(edge as u32), (NodeId(ends.0), NodeId(ends.1)));
        }
        let mut mask = fixedbitset::FixedBitSet::with_capacity(nodes as usize);
        mask.extend(removed.iter().map(|&node| node as usize));
        let swapped = edges.iter().map(|&(tail, head)| (head, tail));
        for (direction, expected) in [
            (Direction::Forward, naive_reach(&entries, edges.iter().copied(), &removed)),
            (Direction::Reverse, naive_reach(&entries, swapped, &removed)),
        ] {
            let found = reachable(&graph, direction, &ids(&entries), Some(&mask));
            prop_assert_eq!(found.ones().map(|node| node as u32).collect::<BTreeSet<_>>(), expected);
        }
        let reach: Vec<BTreeSet<u32>> = (0..nodes).map(|node| naive_reach(&[node], edges.iter().copied(), &[])).collect();
        let expected: Vec<u32> = reach.iter().map(|reached| reached.len() as u32 - 1).collect();
        prop_assert_eq!(blast_radius(&graph), expected);
        let found = components(&graph);
        for left in 0..nodes as usize {
            for right in 0..nodes as usize {
                let together = reach[left].contains(&(right as u32)) && reach[right].contains(&(left as u32));
                prop_assert_eq!(found.of_node[left] == found.of_node[right], together);
                if reach[left].contains(&(right as u32)) {
                    prop_assert!(found.of_node[left] >= found.of_node[right]);
                }
            }
            let size = found.of_node.iter().filter(|&&component| component == found.of_node[left]).count();
            prop_assert_eq!(found.sizes[found.of_node[left] as usize] as usize, size);
        }
    }

    #[test]
    fn cuts_are_the_smallest_of_all_sets((nodes, edges, entries, targets, _) in small_graph(8, 13)) {
        let graph = PlainGraph::from_edges(nodes, &edges, &[]).unwrap();
        let edges = distinct(&edges);
        let parted = |edges: &[(u32, u32)], removed: &[u32]| {
            let reached = naive_reach(&entries, edges.iter().copied(), removed);
            targets.iter().all(|target| !reached.contains(target))
        };
        let kept = |left_out: &dyn Fn(usize) -> bool| -> Edges {
            edges.iter().enumerate().filter(|&(edge, _)| !left_out(edge)).map(|(_, &ends)| ends).collect()
        };
        let smallest = (0_u32..1 << edges.len())
            .filter(|set| parted(&kept(&|edge| set >> edge & 1 == 1), &[]))
            .map(u32::count_ones)
            .min();
        let found = minimum_edge_cut(&graph, &ids(&entries), &ids(&targets));
        prop_assert_eq!(found.as_ref().map(|cut| cut.edges.len() as u32), smallest);
        if let Some(cut) = found {
            prop_assert!(parted(&kept(&|edge| cut.edges.contains(&(edge as u32))), &[]));
        }

        let smallest = (0_u32..1 << nodes)
            .map(|set| (0..nodes).filter(|node| set >> node & 1 == 1).collect::<Vec<u32>>())
            .filter(|set| !set.iter().any(|node| targets.contains(node)) && parted(&edges, set))
            .map(|set| set.len())
            .min();
        let found = minimum_node_cut(&graph, &ids(&entries), &ids(&targets));
        // An entry that is a target cannot be parted from it, whatever is removed.
        prop_assert_eq!(found.as_ref().map(|cut| cut.nodes.len()), smallest);
        if let Some(cut) = found {
            let removed: Vec<u32> = cut.nodes.iter().map(|node| node.0).collect();
            prop_assert!(parted(&edges, &removed) && !removed.iter().any(|node| targets.contains(node)));
        }
    }
}

#[test]
fn simulated_exposure_agrees_with_enumeration() {
    let worlds = Worlds { count: 6_000, seed: 17 };
    let mut random = Random::new(23);
    for round in 0..400 {
        let nodes = 2 + random.below(5);
        let count = random.below(11);
        let edges: Edges = (0..count).map(|_| (random.below(nodes), random.below(nodes))).collect();
        let chances: Vec<f64> =
            (0..count).map(|_| if random.chance(0.2) { 1.0 } else { random.fraction() }).collect();
        let targets = vec![random.below(nodes)];
        let graph = PlainGraph::from_edges(nodes, &edges, &chances).unwrap();
        // Parallel edges count once, with the highest chance.
        let mut best: HashMap<(u32, u32), f64> = HashMap::new();
        for (&ends, &chance) in edges.iter().zip(&chances) {
            let known = best.entry(ends).or_default();
            *known = known.max(chance);
        }
        let distinct = distinct(&edges);
        let mut expected = vec![0.0; nodes as usize];
        for world in 0_u32..1 << distinct.len() {
            let works = |edge: usize| world >> edge & 1 == 1;
            let weight: f64 = distinct
                .iter()
                .enumerate()
                .map(|(edge, ends)| if works(edge) { best[ends] } else { 1.0 - best[ends] })
                .product();
            let swapped = distinct
                .iter()
                .enumerate()
                .filter(|&(edge, _)| works(edge))
                .map(|(_, &(tail, head))| (head, tail));
            for node in naive_reach(&targets, swapped, &[]) {
                expected[node as usize] += weight;
            }
        }
        let found = simulate_exposure(&graph, &ids(&targets), worlds);
        for (node, expected) in expected.iter().enumerate() {
            let error = (expected * (1.0 - expected).max(0.0) / 6_000.0).sqrt();
            let share = f64::from(found.reached[node]) / 6_000.0;
            assert!(
                (share - expected).abs() <= 5.5 * error + 1e-9,
                "round {round}, node {node}: {share} not {expected}"
            );
        }
    }
}

fn petgraph_of(nodes: u32, edges: &[(u32, u32)]) -> DiGraph<(), u32> {
    let mut graph = DiGraph::with_capacity(nodes as usize, edges.len());
    (0..nodes).for_each(|_| {
        graph.add_node(());
    });
    for &(tail, head) in edges {
        graph.add_edge(NodeIndex::new(tail as usize), NodeIndex::new(head as usize), 1);
    }
    graph
}

fn generated() -> Vec<GeneratedGraph> {
    let mut graphs = vec![directory(900, 1), directory(2_500, 2), cloud(900, 3), cloud(2_500, 4)];
    for seed in 0..4 {
        let mut graph = rmat(9, 2_000, seed);
        graph.targets = graph.edges.iter().step_by(700).map(|&(_, head)| head).collect();
        graph.entries.extend([11, 12, 13]);
        graph.entries.retain(|entry| !graph.targets.contains(entry));
        graphs.push(graph);
    }
    graphs
}

#[test]
fn petgraph_finds_the_same_reach_components_and_blast() {
    for generated in generated() {
        let edges = distinct(&generated.edges);
        let ours = PlainGraph::from_edges(generated.nodes, &generated.edges, &[]).unwrap();
        let theirs = petgraph_of(generated.nodes, &edges);
        let blast = blast_radius(&ours);
        let mut checked = 0;
        for node in (0..generated.nodes).step_by(7) {
            let mut search = petgraph::visit::Bfs::new(&theirs, NodeIndex::new(node as usize));
            let mut reached = BTreeSet::new();
            while let Some(next) = search.next(&theirs) {
                reached.insert(next.index());
            }
            let found = reachable(&ours, Direction::Forward, &[NodeId(node)], None);
            assert_eq!(found.ones().collect::<BTreeSet<_>>(), reached);
            assert_eq!(blast[node as usize] as usize, reached.len() - 1);
            checked += usize::from(reached.len() > 10);
        }
        assert!(checked > 5, "the graph is worth looking at");
        let found = components(&ours);
        let mut theirs: Vec<Vec<usize>> = petgraph::algo::kosaraju_scc(&theirs)
            .into_iter()
            .map(|members| {
                let mut members: Vec<usize> = members.into_iter().map(NodeIndex::index).collect();
                members.sort_unstable();
                members
            })
            .collect();
        theirs.sort();
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); found.sizes.len()];
        for (node, &component) in found.of_node.iter().enumerate() {
            members[component as usize].push(node);
        }
        members.sort();
        assert_eq!(members, theirs);
    }
}

#[test]
fn petgraph_finds_the_same_maximum_flow() {
    for generated in generated() {
        let edges = distinct(&generated.edges);
        let graph = PlainGraph::from_edges(generated.nodes, &generated.edges, &[]).unwrap();
        let (entries, targets) = (ids(&generated.entries), ids(&generated.targets));
        let plenty = 1_000_000;
        let (source, sink) = (generated.nodes, generated.nodes + 1);
        let flow = |nodes: u32, arcs: &[(u32, u32, u32)], source: u32, sink: u32| {
            let mut network: DiGraph<(), u32> = petgraph_of(nodes, &[]);
            for &(tail, head, capacity) in arcs {
                network.add_edge(NodeIndex::new(tail as usize), NodeIndex::new(head as usize), capacity);
            }
            petgraph::algo::dinics(&network, NodeIndex::new(source as usize), NodeIndex::new(sink as usize)).0
        };
        let mut arcs: Vec<(u32, u32, u32)> = edges.iter().map(|&(tail, head)| (tail, head, 1)).collect();
        arcs.extend(generated.entries.iter().map(|&entry| (source, entry, plenty)));
        arcs.extend(generated.targets.iter().map(|&target| (target, sink, plenty)));
        let expected = flow(generated.nodes + 2, &arcs, source, sink);
        let found = minimum_edge_cut(&graph, &entries, &targets).unwrap();
        assert_eq!(found.edges.len() as u32, expected);
        assert!(expected > 0);

        // Node cut: node n is the arc from n to n + nodes.
        let nodes = generated.nodes;
        let capacity = |node: u32| if generated.targets.contains(&node) { plenty } else { 1 };
        let mut arcs: Vec<(u32, u32, u32)> =
            (0..nodes).map(|node| (node, node + nodes, capacity(node))).collect();
        arcs.extend(edges.iter().map(|&(tail, head)| (tail + nodes, head, plenty)));
        let (source, sink) = (nodes * 2, nodes * 2 + 1);
        arcs.extend(generated.entries.iter().map(|&entry| (source, entry, plenty)));
        arcs.extend(generated.targets.iter().map(|&target| (target + nodes, sink, plenty)));
        let expected = flow(nodes * 2 + 2, &arcs, source, sink);
        let found = minimum_node_cut(&graph, &entries, &targets).unwrap();
        assert_eq!(found.nodes.len() as u32, expected);
        let mut mask = fixedbitset::FixedBitSet::with_capacity(nodes as usize);
        mask.extend(found.nodes.iter().map(|node| node.index()));
        let reached = reachable(&graph, Direction::Forward, &entries, Some(&mask));
        assert!(generated.targets.iter().all(|&target| !reached.contains(target as usize)));
    }
}

/// The same graph as one-premise rules: proofs, dominators and cheapest fixes have classical counterparts.
#[test]
fn rules_with_one_premise_are_a_plain_graph() {
    for generated in generated() {
        let edges = distinct(&generated.edges);
        let mut builder = RuleGraphBuilder::new();
        builder.nodes(generated.nodes);
        let mut random = Random::new(5);
        let mut weighted: DiGraph<(), f64> = DiGraph::new();
        let root = weighted.add_node(());
        (0..generated.nodes).for_each(|_| {
            weighted.add_node(());
        });
        for &(tail, head) in &edges {
            let chance = 0.1 + 0.8 * random.fraction();
            let fix = builder.fix(1.0);
            builder.rule(Rule {
                premises: vec![NodeId(tail)],
                conclusion: NodeId(head),
                chance: Chance::Own(chance),
                fixes: vec![fix],
                product: None,
            });
            weighted.add_edge(
                NodeIndex::new(tail as usize + 1),
                NodeIndex::new(head as usize + 1),
                -chance.ln(),
            );
        }
        let (entries, targets) = (ids(&generated.entries), ids(&generated.targets));
        for entry in &entries {
            builder.entry(*entry);
            weighted.add_edge(root, NodeIndex::new(entry.index() + 1), 0.0);
        }
        for &target in &targets {
            builder.target(target);
        }
        let graph = builder.build().unwrap();
        let nothing = Removed::none(&graph);
        let distances = petgraph::algo::dijkstra(&weighted, root, None, |edge| *edge.weight());
        let dominators = petgraph::algo::dominators::simple_fast(&weighted, root);
        for &target in &targets {
            let place = NodeIndex::new(target.index() + 1);
            let proof = best_proof(&graph, &nothing, target, Effort { steps: 0 });
            assert_eq!(proof.is_some(), distances.contains_key(&place));
            let Some(proof) = proof else { continue };
            assert!(proof.exact && (-proof.likelihood.ln() - distances[&place]).abs() < 1e-9);
            let mut expected: Vec<u32> = dominators
                .strict_dominators(place)
                .unwrap()
                .filter(|&node| node != root)
                .map(|node| node.index() as u32 - 1)
                .collect();
            expected.sort_unstable();
            let found: Vec<u32> =
                mandatory(&graph, &nothing, target).unwrap().nodes.iter().map(|node| node.0).collect();
            assert_eq!(found, expected);
        }
        let plain = PlainGraph::from_edges(generated.nodes, &generated.edges, &[]).unwrap();
        let cut = minimum_edge_cut(&plain, &entries, &targets).unwrap();
        let fixes = minimum_fixes(&graph, &nothing, &targets, Effort::default()).unwrap().unwrap();
        assert!(fixes.optimal && fixes.certificate);
        assert!((fixes.cost - cut.edges.len() as f64).abs() < 1e-9);
    }
}
