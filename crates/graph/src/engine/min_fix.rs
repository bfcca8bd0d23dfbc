//! The cheapest remediations after which no target can be attained.
//!
//! Where steps are plain and every fix removes one thing, this is a minimum cut. Otherwise it is a hitting
//! set: every proof must lose a fix. Proofs are too many to list, so they are generated as they are missed
//! (implicit hitting sets; Moreno-Centeno, Karp 2013): solve for the proofs known, look for a proof that
//! survives, add it, repeat. The cost of each exact intermediate solution is a lower bound.

use fixedbitset::FixedBitSet;

use super::closure::{Relevant, closure, unfold};
use super::flow::{Arc, Network};
use super::hitting_set::{TOLERANCE, lightest_hitting_set};
use super::ids::{FixId, NONE, NodeId};
use super::proof::{Effort, Labels};
use super::removed::Removed;
use super::rule_graph::RuleGraph;
use crate::Result;

/// Fixes that keep every target from being attained.
#[derive(Debug, Clone, PartialEq)]
pub struct FixSet {
    /// Ascending.
    pub fixes: Vec<FixId>,
    /// The sum of their costs.
    pub cost: f64,
    /// No set of fixes that does it costs less than this.
    pub lower_bound: f64,
    /// Whether `cost` has been shown to be the least.
    pub optimal: bool,
    /// The fixpoint after these fixes, computed anew on the whole graph, holds none of the targets.
    pub certificate: bool,
}

/// The cheapest fixes that make every one of `targets` unattainable, on top of what is `removed` already.
/// `None` when all fixes together do not suffice; cost 0 when nothing needs to be done.
pub fn minimum_fixes(
    graph: &RuleGraph,
    removed: &Removed,
    targets: &[NodeId],
    effort: Effort,
) -> Result<Option<FixSet>> {
    let certify = |fixes: Vec<FixId>, lower_bound: f64| {
        let mut after = removed.clone();
        for &fix in &fixes {
            after.fix(graph, fix);
        }
        let cost = graph.cost_of(&fixes);
        let certificate = !closure(graph, &after).holds_any(targets);
        let optimal = certificate && cost <= lower_bound + TOLERANCE;
        FixSet { fixes, cost, lower_bound: lower_bound.min(cost), optimal, certificate }
    };
    let relevant = Relevant::new(graph, removed, targets);
    if relevant.nodes.is_empty() {
        return Ok(Some(certify(Vec::new(), 0.0)));
    }
    let part = graph.restrict(&relevant, targets)?;
    let all: Vec<FixId> = (0..part.fix_count() as u32).map(FixId).collect();
    if closure(&part, &Removed::by_fixes(&part, &all)).holds_any(part.targets()) {
        return Ok(None);
    }
    if relevant.is_plain(graph) && each_fix_removes_one_thing(&part) {
        let Some(fixes) = cut(&part) else { return Ok(None) };
        let cost = part.cost_of(&fixes);
        return Ok(Some(certify(fixes, cost)));
    }
    let (fixes, lower_bound) = Hunt::new(&part, effort).run();
    Ok(Some(certify(fixes, lower_bound)))
}

fn each_fix_removes_one_thing(part: &RuleGraph) -> bool {
    (0..part.fix_count()).all(|fix| part.fix_rules.len_of(fix) + part.fix_nodes.len_of(fix) <= 1)
}

/// The cheapest fix of a row; the smaller id among equals.
fn cheapest(part: &RuleGraph, fixes: &[u32]) -> Option<u32> {
    fixes.iter().copied().min_by(|&left, &right| {
        part.fix_costs[left as usize].total_cmp(&part.fix_costs[right as usize]).then(left.cmp(&right))
    })
}

/// The minimum cut of a graph in which every rule needs only the last of its premises to fall; nodes are arcs
/// from an inner to an outer half, and a fix that removes several things costs each of them its share.
///
/// In a plain graph with separate fixes that is the answer. Otherwise it makes the attacker stronger than he
/// is, so that what stops him there stops him here: a good first solution, but no bound.
fn cut(part: &RuleGraph) -> Option<Vec<FixId>> {
    const SOURCE: u32 = 0;
    const SINK: u32 = 1;
    let inner = |node: u32| 2 + node * 2;
    let outer = |node: u32| 3 + node * 2;
    let mut falls_at = vec![0_usize; part.node_count()];
    for (place, rule) in closure(part, &Removed::none(part)).firing_order().enumerate() {
        falls_at[part.conclusion(rule).index()] = place + 1;
    }
    let mut arcs: Vec<Arc<f64>> = Vec::new();
    let mut fixes: Vec<Option<u32>> = Vec::new();
    let mut add = |tail: u32, head: u32, row: Option<&[u32]>| {
        let fix = row.and_then(|row| cheapest(part, row));
        let capacity = fix.map_or(f64::INFINITY, |fix| {
            let removes = part.fix_rules.len_of(fix as usize) + part.fix_nodes.len_of(fix as usize);
            part.fix_costs[fix as usize] / removes as f64
        });
        arcs.push(Arc { tail, head, capacity });
        fixes.push(fix);
    };
    for node in 0..part.node_count() as u32 {
        add(inner(node), outer(node), Some(part.node_fixes.row(node as usize)));
    }
    for rule in 0..part.rule_count() {
        let last = part.premises.row(rule).iter().copied().max_by_key(|&premise| falls_at[premise as usize]);
        let tail = last.map_or(SOURCE, outer);
        add(tail, inner(part.conclusions[rule]), Some(part.rule_fixes.row(rule)));
    }
    part.entries.iter().for_each(|entry| add(SOURCE, inner(entry.0), None));
    part.targets.iter().for_each(|target| add(outer(target.0), SINK, None));
    let cut = Network::new(2 + part.node_count() * 2, &arcs, SOURCE, SINK).smallest_cut()?;
    let mut chosen: Vec<FixId> = arcs
        .iter()
        .zip(fixes)
        .filter(|(arc, _)| cut.source_side[arc.tail as usize] && !cut.source_side[arc.head as usize])
        .filter_map(|(_, fix)| fix.map(FixId))
        .collect();
    chosen.sort_unstable();
    chosen.dedup();
    Some(chosen)
}

/// What the bound may cost when the effort is spent.
const LAST_BOUND: Effort = Effort { steps: 2_000_000 };
/// Above this size the few rules of the first derivation are taken for few fixes, which is far cheaper.
const LARGE: u64 = 200_000;

/// What holds, and a rule for each node that does: proofs with few fixes make small sets, and small sets
/// make strong bounds.
fn derivations(part: &RuleGraph, removed: &Removed) -> (FixedBitSet, Vec<u32>) {
    if part.size() <= LARGE {
        let labels = Labels::new(part, removed, |rule| part.fixes_at(rule).count() as f64 + 1e-3);
        return (labels.holds, labels.given_by);
    }
    let held = closure(part, removed);
    let mut given_by = vec![NONE; part.node_count()];
    for rule in held.firing_order() {
        given_by[part.conclusion(rule).index()] = rule.0;
    }
    (held.nodes().map(NodeId::index).collect(), given_by)
}

/// The hunt for surviving proofs.
struct Hunt<'graph> {
    part: &'graph RuleGraph,
    effort: Effort,
    steps: u64,
    /// The fixes of every proof met so far: each must lose one.
    family: Vec<Vec<u32>>,
    /// How many sets of the family each fix meets.
    met: Vec<u32>,
    /// Whether fixes have been found that suffice.
    solved: bool,
}

impl<'graph> Hunt<'graph> {
    fn new(part: &'graph RuleGraph, effort: Effort) -> Self {
        Self { part, effort, steps: 0, family: Vec::new(), met: vec![0; part.fix_count()], solved: false }
    }

    /// The best fixes found and a lower bound on the cost of any.
    fn run(mut self) -> (Vec<FixId>, f64) {
        let mut best: Option<(f64, Vec<u32>)> = None;
        if let Some(fixes) = cut(self.part) {
            // The cut can be far larger than what is needed of it: it is built up, not worn down.
            let suffices: FixedBitSet = fixes.into_iter().map(FixId::index).collect();
            best = self.repair(Vec::new(), Some(&suffices)).map(|fixes| (self.cost(&fixes), fixes));
        }
        let mut lower_bound = 0.0_f64;
        loop {
            let left = Effort { steps: self.effort.steps.saturating_sub(self.steps) };
            let solved = lightest_hitting_set(&self.part.fix_costs, &self.family, left);
            self.steps += solved.steps;
            lower_bound = lower_bound.max(solved.lower_bound);
            self.gather(&solved.elements);
            if let Some(repaired) = self.repair(solved.elements, None) {
                let cost = self.cost(&repaired);
                if best.as_ref().is_none_or(|(least, _)| cost < *least - TOLERANCE) {
                    best = Some((cost, repaired));
                }
            }
            let least = best.as_ref().map_or(f64::INFINITY, |(least, _)| *least);
            if least <= lower_bound + TOLERANCE || self.steps >= self.effort.steps || !solved.optimal {
                // What was learnt last still makes for a better bound.
                let last = lightest_hitting_set(&self.part.fix_costs, &self.family, LAST_BOUND);
                let fixes = best.map(|(_, fixes)| fixes).unwrap_or_default();
                return (fixes.into_iter().map(FixId).collect(), lower_bound.max(last.lower_bound));
            }
        }
    }

    fn cost(&self, fixes: &[u32]) -> f64 {
        fixes.iter().fold(0.0, |sum, &fix| sum + self.part.fix_costs[fix as usize])
    }

    /// Adds proofs that survive `fixes`, each with fixes that none of the others has, as far as there are any.
    fn gather(&mut self, fixes: &[u32]) {
        let mut taken: Vec<u32> = fixes.to_vec();
        let mut is_taken = FixedBitSet::with_capacity(self.part.fix_count());
        is_taken.extend(fixes.iter().map(|&fix| fix as usize));
        while let Some(sets) = self.surviving(&taken) {
            for set in sets {
                if set.iter().all(|&fix| !is_taken.contains(fix as usize)) {
                    is_taken.extend(set.iter().map(|&fix| fix as usize));
                    taken.extend(&set);
                    self.learn(set);
                }
            }
            if self.steps >= self.effort.steps {
                break;
            }
        }
    }

    fn learn(&mut self, set: Vec<u32>) {
        for &fix in &set {
            self.met[fix as usize] += 1;
        }
        self.family.push(set);
    }

    /// Adds fixes to a set until no proof survives, then drops, dearest first, what is not needed. Where
    /// `among` is given, it suffices as a whole, and only its fixes are added. `None` when the effort is
    /// spent and there is a solution already.
    fn repair(&mut self, mut fixes: Vec<u32>, among: Option<&FixedBitSet>) -> Option<Vec<u32>> {
        while let Some(sets) = self.surviving(&fixes) {
            if self.solved && self.steps >= self.effort.steps {
                return None;
            }
            for set in sets {
                if set.iter().any(|fix| fixes.contains(fix)) {
                    continue;
                }
                let worth =
                    |fix: u32| self.part.fix_costs[fix as usize] / f64::from(self.met[fix as usize] + 1);
                let best = set
                    .iter()
                    .copied()
                    .filter(|&fix| among.is_none_or(|among| among.contains(fix as usize)))
                    .min_by(|&left, &right| worth(left).total_cmp(&worth(right)).then(left.cmp(&right)));
                fixes.extend(best);
                self.learn(set);
            }
        }
        self.solved = true;
        Some(self.without_waste(fixes))
    }

    /// Drops, dearest first, what is not needed to keep the targets from falling, as long as the effort
    /// is not spent twice.
    fn without_waste(&mut self, mut fixes: Vec<u32>) -> Vec<u32> {
        let mut order = fixes.clone();
        let costs = &self.part.fix_costs;
        order.sort_by(|&left, &right| {
            costs[right as usize].total_cmp(&costs[left as usize]).then(right.cmp(&left))
        });
        for fix in order {
            if self.steps / 2 > self.effort.steps {
                break;
            }
            let without: Vec<FixId> =
                fixes.iter().filter(|&&other| other != fix).map(|&other| FixId(other)).collect();
            if !self.falls(&Removed::by_fixes(self.part, &without)) {
                fixes.retain(|&other| other != fix);
            }
        }
        fixes.sort_unstable();
        fixes
    }

    fn falls(&mut self, removed: &Removed) -> bool {
        self.steps += self.part.size();
        closure(self.part, removed).holds_any(self.part.targets())
    }

    /// One proof per target that survives the fixes, as the set of fixes that cut it; `None` when no
    /// target is attained any more. Never holds an empty set: all fixes together do suffice.
    fn surviving(&mut self, fixes: &[u32]) -> Option<Vec<Vec<u32>>> {
        let part = self.part;
        let ids: Vec<FixId> = fixes.iter().map(|&fix| FixId(fix)).collect();
        let removed = Removed::by_fixes(part, &ids);
        self.steps += part.size() * 2;
        let (holds, given_by) = derivations(part, &removed);
        let mut sets: Vec<Vec<u32>> = part
            .targets()
            .iter()
            .filter(|target| holds.contains(target.index()))
            .map(|&target| part.fixes_of_proof(&unfold(part, &given_by, target), target))
            .collect();
        if sets.is_empty() {
            return None;
        }
        sets.sort_by(|left, right| left.len().cmp(&right.len()).then_with(|| left.cmp(right)));
        sets.dedup();
        let sets = sets.into_iter().map(|set| self.shrink(set)).collect();
        Some(sets)
    }

    /// Leaves out fixes without which the others still are a set that must be met: as long as a target
    /// falls with every fix applied but these, one of these has to be applied.
    fn shrink(&mut self, set: Vec<u32>) -> Vec<u32> {
        // Only where the looking costs little of the effort that is left.
        if self.part.size() * set.len() as u64 > self.effort.steps.saturating_sub(self.steps) / 64 {
            return set;
        }
        let mut kept = set.clone();
        for fix in set {
            if kept.len() == 1 {
                break;
            }
            let others: Vec<FixId> = (0..self.part.fix_count() as u32)
                .filter(|other| *other == fix || !kept.contains(other))
                .map(FixId)
                .collect();
            if self.falls(&Removed::by_fixes(self.part, &others)) {
                kept.retain(|&other| other != fix);
            }
        }
        kept
    }
}
