//! Paths over what is new, looked for one by one.
//!
//! The likeliest paths of the changed world may all be old ones: then a list of them says nothing of what
//! opened. So each new step and each new entry is asked for a path over it to each crown jewel.

use std::collections::{BTreeSet, HashSet};

use bartizan_graph::engine::{Effort, NodeId, RuleId, best_proof, closure};
use bartizan_graph::rules::AttackNode;

use crate::ranking::engine::Engine;
use crate::ranking::{Path, Way};

/// How many new steps are asked; a change has few of them that can be taken.
const ASKED: usize = 512;
/// For each of them: that there is a path matters here more than that none is likelier.
const EFFORT: Effort = Effort { steps: 1_000_000 };

/// Paths over what only the changed world has, for those new steps and entries that are on none of `listed`.
/// Left out are those that need all that another path needs: whatever stops that one stops them.
pub(super) fn over_new(after: &Engine<'_>, today: &Engine<'_>, old: &[Way], listed: &[&Way]) -> Vec<Way> {
    let (entries, steps) = (new_entries(after, today), new_steps(after, today));
    let mut found: Vec<Way> = Vec::new();
    for (jewel, facts) in after.inputs.scope.jewels.iter().enumerate() {
        for target in after.targets(jewel).into_iter().filter(|target| after.closure.holds(*target)) {
            let is_listed = |matches: &dyn Fn(&Way) -> bool, found: &[Way]| {
                let known = listed.iter().copied().chain(found);
                known.filter(|way| way.target == target).any(matches)
            };
            for &entry in &entries {
                if !is_listed(&|way| starts_at(after, way, entry), &found) {
                    found.extend(from_entry(after, entry, target, &facts.name));
                }
            }
            for &rule in &steps {
                if !is_listed(&|way| way.rules.contains(&rule), &found) {
                    found.extend(over_step(after, rule, target, &facts.name));
                }
            }
        }
    }
    found.sort_by(|left, right| {
        right.path.likelihood.total_cmp(&left.path.likelihood).then_with(|| left.rules.cmp(&right.rules))
    });
    let mut known: Vec<(NodeId, BTreeSet<String>)> = Vec::new();
    for way in old.iter().filter_map(|way| Some((after_node(after, today, way.target)?, needs(&way.path)))) {
        known.push(way);
    }
    known.extend(listed.iter().map(|way| (way.target, needs(&way.path))));
    found.retain(|way| {
        let own = needs(&way.path);
        let is_new = !known.iter().any(|(target, needed)| *target == way.target && needed.is_subset(&own));
        if is_new {
            known.push((way.target, own));
        }
        is_new
    });
    found
}

/// A node of today's graph in the changed one.
fn after_node(after: &Engine<'_>, today: &Engine<'_>, node: NodeId) -> Option<NodeId> {
    after.attack.node(&today.attack.nodes[node.index()])
}

fn new_entries(after: &Engine<'_>, today: &Engine<'_>) -> Vec<NodeId> {
    let old: BTreeSet<&AttackNode> =
        today.attack.graph.entries().iter().map(|node| &today.attack.nodes[node.index()]).collect();
    let entries = after.attack.graph.entries().iter().copied();
    entries.filter(|node| !old.contains(&after.attack.nodes[node.index()])).collect()
}

/// Steps that can be taken and that today has not: with other ends, or over an assumed weakness.
fn new_steps(after: &Engine<'_>, today: &Engine<'_>) -> Vec<RuleId> {
    fn ends<'e>(engine: &'e Engine<'_>, rule: RuleId) -> (Vec<&'e AttackNode>, &'e AttackNode) {
        let node = |node: NodeId| &engine.attack.nodes[node.index()];
        let graph = &engine.attack.graph;
        (graph.premises(rule).map(node).collect(), node(graph.conclusion(rule)))
    }
    let old: HashSet<_> = today.attack.step_ids().map(|rule| ends(today, rule)).collect();
    let hypothetical: BTreeSet<RuleId> = after
        .rules_of
        .iter()
        .filter(|(exposure, _)| after.inputs.hypothetical.contains(&after.estate.exposure(**exposure).key))
        .flat_map(|(_, rules)| rules.iter().copied())
        .collect();
    let graph = &after.attack.graph;
    let can_be_taken = |rule: &RuleId| {
        graph.premises(*rule).all(|premise| after.closure.holds(premise))
            && !graph.fixes_of(*rule).any(|fix| after.fixed.contains(&fix))
    };
    let steps = after.attack.step_ids().filter(can_be_taken);
    // Premises stand in the order of their numbers, which may differ: a step too many is asked in vain.
    steps
        .filter(|rule| hypothetical.contains(rule) || !old.contains(&ends(after, *rule)))
        .take(ASKED)
        .collect()
}

fn starts_at(engine: &Engine<'_>, way: &Way, entry: NodeId) -> bool {
    let graph = &engine.attack.graph;
    way.target == entry || way.rules.iter().any(|rule| graph.premises(*rule).any(|premise| premise == entry))
}

/// A path from an entry alone.
fn from_entry(engine: &Engine<'_>, entry: NodeId, target: NodeId, jewel: &str) -> Option<Way> {
    let alone = engine.attack.graph.with_ends(&[entry], &[target]);
    let proof = best_proof(&alone, &engine.removed, target, EFFORT)?;
    Some(engine.way(proof.rules, target, jewel))
}

/// A path over a step: to what it needs without what it gives, and from what it gives to the target.
fn over_step(engine: &Engine<'_>, rule: RuleId, target: NodeId, jewel: &str) -> Option<Way> {
    let graph = &engine.attack.graph;
    let given = graph.conclusion(rule);
    if graph.entries().contains(&given) {
        return None;
    }
    let mut without = engine.removed.clone();
    without.node(given);
    let mut rules: Vec<RuleId> = Vec::new();
    for premise in graph.premises(rule) {
        rules.extend(best_proof(graph, &without, premise, EFFORT)?.rules);
    }
    rules.push(rule);
    let alone = graph.with_ends(&[given], &[target]);
    let onward = best_proof(&alone, &engine.removed, target, EFFORT);
    let onward = onward.map(|proof| proof.rules).or_else(|| {
        // What it gives may not be enough alone.
        let entries = [graph.entries(), &[given]].concat();
        let with = graph.with_ends(&entries, &[target]);
        let proof = best_proof(&with, &engine.removed, target, EFFORT)?;
        let is_used = proof.rules.iter().any(|rule| graph.premises(*rule).any(|premise| premise == given));
        is_used.then_some(proof.rules)
    })?;
    rules.extend(onward);
    let mut seen = BTreeSet::new();
    rules.retain(|rule| seen.insert(*rule));
    // Who comes back to where the way led before has gone in a circle, and never needed the step.
    let others: BTreeSet<RuleId> = rules.iter().copied().filter(|own| *own != rule).collect();
    let mut only = engine.removed.clone();
    for other in engine.attack.step_ids().filter(|other| !others.contains(other)) {
        only.rule(other);
    }
    let is_needed = !closure(graph, &only).holds(target);
    is_needed.then(|| engine.way(rules, target, jewel))
}

/// What stops a path: its fixes, and the steps that none stops.
fn needs(path: &Path) -> BTreeSet<String> {
    let mut needs = BTreeSet::new();
    for hop in &path.hops {
        if hop.fixes.is_empty() {
            needs.insert(format!("{} {} {}", hop.from, hop.step, hop.to));
        }
        needs.extend(hop.fixes.iter().map(ToString::to_string));
    }
    needs
}
