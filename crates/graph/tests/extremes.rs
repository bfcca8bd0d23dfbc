//! Shapes that break naive code: very long, very wide, all in one loop, empty, and ends that coincide.

#![expect(clippy::unwrap_used, reason = "a test may stop at a broken graph")]
#![expect(clippy::float_cmp, reason = "these answers are exact")]

use bartizan_graph::engine::{
    Direction, Effort, NodeId, PlainGraph, Removed, Rule, RuleGraph, RuleGraphBuilder, Worlds, best_proof,
    best_proofs, blast_radius, closure, components, enumerate_worlds, mandatory, minimum_edge_cut,
    minimum_fixes, minimum_node_cut, reachable, simulate, simulate_exposure, zero_day_distance,
};

const MILLION: u32 = 1_000_000;
const FEW: Worlds = Worlds { count: 64, seed: 1 };

fn plain(nodes: u32, edges: &[(u32, u32)]) -> PlainGraph {
    PlainGraph::from_edges(nodes, edges, &[]).unwrap()
}

fn reached(graph: &PlainGraph, from: u32) -> usize {
    reachable(graph, Direction::Forward, &[NodeId(from)], None).count_ones(..)
}

#[test]
fn a_chain_of_a_million() {
    let edges: Vec<(u32, u32)> = (1..MILLION).map(|node| (node - 1, node)).collect();
    let graph = plain(MILLION, &edges);
    let (first, last) = ([NodeId(0)], [NodeId(MILLION - 1)]);
    assert_eq!(reached(&graph, 0), MILLION as usize);
    assert_eq!(components(&graph).sizes.len(), MILLION as usize);
    assert_eq!(minimum_edge_cut(&graph, &first, &last).unwrap().edges.len(), 1);
    assert_eq!(minimum_node_cut(&graph, &first, &last).unwrap().nodes.len(), 1);
    assert_eq!(simulate_exposure(&graph, &last, FEW).reached[0], 64);
}

#[test]
fn a_loop_of_a_million() {
    let edges: Vec<(u32, u32)> = (0..MILLION).map(|node| (node, (node + 1) % MILLION)).collect();
    let graph = plain(MILLION, &edges);
    assert_eq!(components(&graph).sizes, [MILLION]);
    assert!(blast_radius(&graph).iter().all(|&others| others == MILLION - 1));
}

#[test]
fn a_star_of_a_million() {
    let edges: Vec<(u32, u32)> = (1..MILLION).map(|leaf| (0, leaf)).collect();
    let graph = plain(MILLION, &edges);
    let blast = blast_radius(&graph);
    assert_eq!(blast[0], MILLION - 1);
    assert!(blast[1..].iter().all(|&others| others == 0));
    let inward: Vec<(u32, u32)> = (1..MILLION).map(|leaf| (leaf, 0)).collect();
    let inward = plain(MILLION, &inward);
    let leaves: Vec<NodeId> = (1..MILLION).map(NodeId).collect();
    assert_eq!(minimum_edge_cut(&inward, &leaves, &[NodeId(0)]).unwrap().edges.len(), MILLION as usize - 1);
    assert!(blast_radius(&inward)[1..].iter().all(|&others| others == 1));
}

#[test]
fn a_chain_of_rules_of_two_hundred_thousand() {
    let length = 200_000;
    let mut builder = RuleGraphBuilder::new();
    let first = builder.nodes(length);
    for node in 1..length {
        let mut rule = Rule::step(NodeId(node - 1), NodeId(node), 1.0);
        // Every second rule needs two things, so that the chain is not plain.
        if node % 2 == 0 {
            rule.premises.push(NodeId(node - 2));
        }
        rule.fixes.push(builder.fix(f64::from(node)));
        builder.rule(rule);
    }
    let last = NodeId(length - 1);
    builder.entry(first);
    builder.target(last);
    let graph = builder.build().unwrap();
    let nothing = Removed::none(&graph);
    assert!(closure(&graph, &nothing).holds(last));
    let proof = best_proof(&graph, &nothing, last, Effort::default()).unwrap();
    assert_eq!((proof.rules.len(), proof.likelihood), (length as usize - 1, 1.0));
    assert_eq!(simulate(&graph, &nothing, FEW).any.successes, 64);
    assert_eq!(enumerate_worlds(&graph, &nothing, &[last], Effort::default()).unwrap(), Some(1.0));
    assert_eq!(zero_day_distance(&graph, &nothing, last, Effort::default()).unwrap().unwrap().k, 0);
    let fixes = minimum_fixes(&graph, &nothing, &[last], Effort::default()).unwrap().unwrap();
    assert!(fixes.certificate && fixes.lower_bound <= 1.0);
}

#[test]
fn trees_that_double_at_every_level_overflow_nothing() {
    // Each level needs the one below twice: the tree has 2^2000 leaves, the proof 6000 rules.
    let mut builder = RuleGraphBuilder::new();
    let mut below = builder.node();
    builder.entry(below);
    for _ in 0..2_000 {
        let (left, right, above) = (builder.node(), builder.node(), builder.node());
        builder.rule(Rule::step(below, left, 0.9));
        builder.rule(Rule::step(below, right, 0.9));
        builder.rule(Rule { premises: vec![left, right], ..Rule::step(left, above, 0.9) });
        below = above;
    }
    builder.target(below);
    let graph = builder.build().unwrap();
    let proof = best_proof(&graph, &Removed::none(&graph), below, Effort { steps: 100_000 }).unwrap();
    assert_eq!(proof.rules.len(), 6_000);
    assert!((proof.likelihood - 0.9_f64.powi(6_000)).abs() < 1e-280);
}

#[test]
fn nobody_starts_or_nothing_is_wanted() {
    let graph = plain(3, &[(0, 1), (1, 2)]);
    for (entries, targets) in [(vec![], vec![NodeId(2)]), (vec![NodeId(0)], vec![]), (vec![], vec![])] {
        assert!(minimum_edge_cut(&graph, &entries, &targets).unwrap().edges.is_empty());
        assert!(minimum_node_cut(&graph, &entries, &targets).unwrap().nodes.is_empty());
        assert_eq!(simulate_exposure(&graph, &targets, FEW).mean_probability(&entries), 0.0);
    }
    let empty = plain(0, &[]);
    assert!(blast_radius(&empty).is_empty() && components(&empty).sizes.is_empty());

    let mut builder = RuleGraphBuilder::new();
    let (premise, target) = (builder.node(), builder.node());
    builder.rule(Rule::step(premise, target, 0.5));
    builder.target(target);
    let graph = builder.build().unwrap();
    let nothing = Removed::none(&graph);
    assert!(best_proof(&graph, &nothing, target, Effort::default()).is_none());
    assert!(best_proofs(&graph, &nothing, target, 3, Effort::default()).unwrap().is_empty());
    assert!(zero_day_distance(&graph, &nothing, target, Effort::default()).unwrap().is_none());
    let fixes = minimum_fixes(&graph, &nothing, &[target], Effort::default()).unwrap().unwrap();
    assert!(fixes.fixes.is_empty() && fixes.optimal && fixes.certificate && fixes.cost == 0.0);
    assert_eq!(simulate(&graph, &nothing, FEW).any.successes, 0);
}

#[test]
fn an_entry_that_is_a_target_has_fallen_already() {
    let graph = plain(2, &[(0, 1)]);
    assert!(minimum_edge_cut(&graph, &[NodeId(0)], &[NodeId(0)]).is_none());
    assert!(minimum_node_cut(&graph, &[NodeId(0)], &[NodeId(0)]).is_none());

    let mut builder = RuleGraphBuilder::new();
    let jewel = builder.node();
    builder.entry(jewel);
    builder.target(jewel);
    let graph = builder.clone().build().unwrap();
    let nothing = Removed::none(&graph);
    let proof = best_proof(&graph, &nothing, jewel, Effort::default()).unwrap();
    assert_eq!((proof.likelihood, proof.rules.len(), proof.exact), (1.0, 0, true));
    assert_eq!(enumerate_worlds(&graph, &nothing, &[jewel], Effort::default()).unwrap(), Some(1.0));
    assert!(minimum_fixes(&graph, &nothing, &[jewel], Effort::default()).unwrap().is_none());
    assert!(mandatory(&graph, &nothing, jewel).unwrap().nodes.is_empty());

    // A fix on the node itself takes it from the attacker although it is an entry.
    let fix = builder.fix(4.0);
    builder.node_fix(fix, jewel);
    let graph = builder.build().unwrap();
    let fixes = minimum_fixes(&graph, &Removed::none(&graph), &[jewel], Effort::default()).unwrap().unwrap();
    assert_eq!((fixes.fixes, fixes.cost), (vec![fix], 4.0));
}

#[test]
fn parallel_edges_and_loops_count_once_and_not_at_all() {
    let graph = PlainGraph::from_edges(2, &[(0, 1), (0, 0), (0, 1), (1, 1)], &[0.2, 1.0, 0.7, 1.0]).unwrap();
    assert_eq!(graph.edge_count(), 1);
    assert!((graph.likelihood(0) - 0.7).abs() < 1e-12);
    assert_eq!(minimum_edge_cut(&graph, &[NodeId(0)], &[NodeId(1)]).unwrap().edges, [0]);
}

#[test]
fn contradictions_are_refused_by_name() {
    assert!(PlainGraph::from_edges(2, &[(0, 2)], &[]).is_err());
    assert!(PlainGraph::from_edges(2, &[(0, 1)], &[0.5, 0.5]).is_err());
    let refuse = |make: &dyn Fn(&mut RuleGraphBuilder)| -> String {
        let mut builder = RuleGraphBuilder::new();
        builder.nodes(2);
        make(&mut builder);
        let outcome: Result<RuleGraph, _> = builder.build();
        outcome.unwrap_err().to_string()
    };
    assert_eq!(refuse(&|builder| builder.entry(NodeId(7))), "node 7: is not there; there are 2");
    assert!(
        refuse(&|builder| {
            builder.fix(-1.0);
        })
        .contains("fix 0: costs -1")
    );
    assert!(
        refuse(&|builder| {
            builder.fix(f64::NAN);
        })
        .contains("fix 0")
    );
    assert!(
        refuse(&|builder| {
            builder.rule(Rule::step(NodeId(0), NodeId(1), 1.1));
        })
        .contains("likelihood 1.1")
    );
}
