//! The best few ways to a target that differ in what cuts them.
//!
//! Two proofs count as different when neither is cut whenever the other is: a proof whose fixes include all
//! those of a better one brings nothing new. A rule without a fix stands for itself. The search branches in
//! the manner of Lawler (1972): each proof found is taken apart by forbidding its fixes one at a time, and
//! the likeliest of all that is left comes next.

use std::collections::BTreeSet;

use super::closure::Relevant;
use super::ids::{FixId, NodeId, RuleId};
use super::proof::{Effort, Proof, best_proof_within};
use super::removed::Removed;
use super::rule_graph::RuleGraph;
use crate::Result;

/// What a proof can lose: a fix, or a rule that no fix removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Fix(u32),
    Rule(u32),
}

/// Up to `count` proofs of `target`, likeliest first, none of which has all the fixes of an earlier one.
///
/// `effort` limits the whole search: once it is spent, proofs come from Knuth's method alone (`exact` is
/// false), and when it is spent twice, fewer proofs are returned. `exact` of a proof says that it is the
/// likeliest of the branch in which it was found; when it holds for all, they are the best in their order.
pub fn best_proofs(
    graph: &RuleGraph,
    removed: &Removed,
    target: NodeId,
    count: usize,
    effort: Effort,
) -> Result<Vec<Proof>> {
    let relevant = Relevant::new(graph, removed, &[target]);
    if relevant.nodes.is_empty() || count == 0 {
        return Ok(Vec::new());
    }
    let part = graph.restrict(&relevant, &[target])?;
    let Some(&target) = part.targets().first() else { return Ok(Vec::new()) };
    let mut search =
        Search { part: &part, target, effort, steps: 0, open: Vec::new(), seen: BTreeSet::new() };
    let mut found: Vec<(Proof, BTreeSet<Part>)> = Vec::new();
    search.add(BTreeSet::new());
    while found.len() < count {
        let Some(candidate) = search.next() else { break };
        // Forbid the parts of whatever this proof repeats: its own when it is new.
        let repeated = found.iter().find(|(_, parts)| parts.is_subset(&candidate.parts));
        let to_forbid = repeated.map_or_else(|| candidate.parts.clone(), |(_, parts)| parts.clone());
        if repeated.is_none() {
            found.push((candidate.proof, candidate.parts));
        }
        if found.len() < count {
            for forbidden in to_forbid {
                let mut without = candidate.without.clone();
                without.insert(forbidden);
                search.add(without);
            }
        }
    }
    let original = |rule: RuleId| RuleId(relevant.rules[rule.index()]);
    Ok(found
        .into_iter()
        .map(|(proof, _)| Proof { rules: proof.rules.into_iter().map(original).collect(), ..proof })
        .collect())
}

struct Candidate {
    proof: Proof,
    parts: BTreeSet<Part>,
    without: BTreeSet<Part>,
}

struct Search<'graph> {
    part: &'graph RuleGraph,
    target: NodeId,
    effort: Effort,
    steps: u64,
    open: Vec<Candidate>,
    seen: BTreeSet<BTreeSet<Part>>,
}

impl Search<'_> {
    /// Looks for the best proof without these parts and keeps it for later.
    fn add(&mut self, without: BTreeSet<Part>) {
        if self.seen.contains(&without) || self.steps / 2 > self.effort.steps {
            return;
        }
        self.seen.insert(without.clone());
        self.steps += self.part.size() * 8;
        let mut removed = Removed::none(self.part);
        for part in &without {
            match *part {
                Part::Fix(fix) => removed.fix(self.part, FixId(fix)),
                Part::Rule(rule) => removed.rule(RuleId(rule)),
            }
        }
        // One hard branch may not use up what the others need.
        let left = self.effort.steps.saturating_sub(self.steps);
        let share = Effort { steps: left.min(self.effort.steps / 16) };
        let (proof, steps) = best_proof_within(self.part, &removed, self.target, share);
        self.steps += steps;
        if let Some(proof) = proof {
            let parts = self.parts_of(&proof.rules);
            self.open.push(Candidate { proof, parts, without });
        }
    }

    /// The likeliest proof that waits; among equals the shorter, then the one with smaller rule numbers.
    fn next(&mut self) -> Option<Candidate> {
        let best = (0..self.open.len()).min_by(|&left, &right| {
            let (left, right) = (&self.open[left], &self.open[right]);
            (right.proof.likelihood.total_cmp(&left.proof.likelihood))
                .then(left.proof.rules.len().cmp(&right.proof.rules.len()))
                .then_with(|| left.proof.rules.cmp(&right.proof.rules))
                .then_with(|| left.without.cmp(&right.without))
        })?;
        Some(self.open.swap_remove(best))
    }

    fn parts_of(&self, rules: &[RuleId]) -> BTreeSet<Part> {
        let mut parts: BTreeSet<Part> =
            self.part.fixes_of_proof(rules, self.target).into_iter().map(Part::Fix).collect();
        for rule in rules {
            if self.part.rule_fixes.len_of(rule.index()) == 0 {
                parts.insert(Part::Rule(rule.0));
            }
        }
        parts
    }
}
