//! Which paths of one world are none in the other.
//!
//! A path is a set of steps; it is there in a world that has all of them and from whose entries they start.
//! Comparing lists of likeliest paths would not do: what is no longer among the likeliest is not gone.

use std::collections::BTreeSet;

use bartizan_graph::engine::{NodeId, RuleId};
use bartizan_graph::rules::AttackNode;
use bartizan_model::Digest;
use bartizan_model::estate::Remedy;

use crate::ranking::Way;
use crate::ranking::engine::Engine;

/// A step, in terms that two worlds share: the attack rule, what it needs, what it gives, and the exposures
/// that it rests on. Assets keep their positions from world to world.
type Step = (String, Vec<AttackNode>, AttackNode, Vec<Digest>);

/// Positions of the ways of one world that the other does not have.
pub(super) fn missing(ways: &[Way], own: &Engine<'_>, other: &Engine<'_>) -> BTreeSet<usize> {
    let wanted: BTreeSet<NodeId> = ways
        .iter()
        .flat_map(|way| &way.rules)
        .filter_map(|rule| other.attack.node(&own.attack.nodes[own.attack.graph.conclusion(*rule).index()]))
        .collect();
    let graph = &other.attack.graph;
    let there: BTreeSet<Step> = other
        .attack
        .step_ids()
        .filter(|rule| wanted.contains(&graph.conclusion(*rule)))
        .filter(|rule| !graph.fixes_of(*rule).any(|fix| other.fixed.contains(&fix)))
        .filter_map(|rule| step(other, rule))
        .collect();
    let entries: BTreeSet<&AttackNode> =
        graph.entries().iter().map(|node| &other.attack.nodes[node.index()]).collect();
    let is_there = |way: &Way| {
        starts(own, way).iter().all(|node| entries.contains(&own.attack.nodes[node.index()]))
            && way.rules.iter().all(|rule| step(own, *rule).is_some_and(|step| there.contains(&step)))
    };
    (0..ways.len()).filter(|position| !is_there(&ways[*position])).collect()
}

fn step(engine: &Engine<'_>, rule: RuleId) -> Option<Step> {
    let step = engine.attack.step(&engine.estate, &engine.book.rules, rule)?;
    let node = |node: &NodeId| engine.attack.nodes[node.index()].clone();
    let mut exposures: Vec<Digest> = step
        .remedies
        .iter()
        .filter_map(|remedy| match remedy {
            Remedy::Exposure(index) => Some(engine.estate.exposure(*index).key),
            Remedy::Relation(_) | Remedy::Service(_) => None,
        })
        .collect();
    exposures.sort_unstable();
    Some((step.rule, step.premises.iter().map(node).collect(), node(&step.conclusion), exposures))
}

/// What a way needs that none of its steps gives.
fn starts(engine: &Engine<'_>, way: &Way) -> BTreeSet<NodeId> {
    let graph = &engine.attack.graph;
    if way.rules.is_empty() {
        return BTreeSet::from([way.target]);
    }
    let given: BTreeSet<NodeId> = way.rules.iter().map(|rule| graph.conclusion(*rule)).collect();
    let needed = way.rules.iter().flat_map(|rule| graph.premises(*rule));
    needed.filter(|node| !given.contains(node)).collect()
}
