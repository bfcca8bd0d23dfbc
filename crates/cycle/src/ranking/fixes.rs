//! Fixes: what each removes, the fewest that stop all paths, and the best within a budget.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_graph::engine::{
    BudgetPlan, Effort, FixId, Gain, NodeId, Removed, Simulation, Usage, best_within_budget, closure,
    minimum_fixes, simulate,
};
use bartizan_model::Digest;

use super::answer::{Certificate, FixAnswer, FixEntry, Path, Ranked, Ranking};
use super::engine::{Engine, WORLDS};
use crate::inputs::Inputs;
use crate::words::list;
use crate::{Error, Result};

/// The fewest fixes that stop all paths to one crown jewel, or to all; within a budget of hours, the
/// best that it buys.
pub fn fixes_for(
    inputs: &Inputs,
    ranking: &Ranking,
    to: Option<&str>,
    budget: Option<f64>,
) -> Result<FixAnswer> {
    if to.is_none() && budget.is_none() {
        return Ok(ranking.fixes.clone());
    }
    Engine::new(inputs)?.fixes(ranking, to, budget)
}

impl Engine<'_> {
    pub(super) fn all_fixes(
        &self,
        exposures: &[Ranked],
        usage: &Usage,
        paths: &[Path],
        before: &Simulation,
    ) -> Vec<FixEntry> {
        let mut removes: BTreeMap<Digest, Vec<&Ranked>> = BTreeMap::new();
        for ranked in exposures {
            if let Some(fix) = ranked.fix_id {
                removes.entry(fix).or_default().push(ranked);
            }
        }
        let loss = self.loss(before);
        let mut entries: Vec<(usize, FixEntry)> = Vec::new();
        for fix in &self.plan.fixes {
            let removed = removes.get(&fix.key).map_or(&[][..], Vec::as_slice);
            let id = self.fix_ids.get(&fix.key).copied();
            let used = id.map_or(0.0, |id| usage.share_of_fix(id));
            let stopped: Vec<usize> = paths
                .iter()
                .filter(|path| path.hops.iter().any(|hop| hop.fixes.contains(&fix.key)))
                .map(|path| path.number)
                .collect();
            if removed.is_empty() && stopped.is_empty() {
                continue;
            }
            let risk_removed = match id {
                Some(id) if used > 0.0 || !stopped.is_empty() => {
                    let after = simulate(&self.attack.graph, &self.without(&[id]), WORLDS);
                    (loss - self.loss(&after)).max(0.0)
                }
                _ => 0.0,
            };
            let first = removed.first();
            let due = removed
                .iter()
                .filter(|ranked| ranked.deadline.is_some())
                .min_by_key(|ranked| ranked.deadline);
            let place = &self.inputs.scope.places[fix.asset.index()];
            entries.push((
                first.map_or(usize::MAX, |ranked| ranked.rank),
                FixEntry {
                    id: fix.key,
                    title: fix.title.clone(),
                    how: fix.how.clone(),
                    asset: self.estate.asset(fix.asset).name.clone(),
                    hours: fix.hours,
                    owner: place.owner.clone(),
                    contact: place.contact.clone(),
                    tier: first.map(|ranked| ranked.tier).or((!stopped.is_empty()).then_some(3)),
                    deadline: due.and_then(|ranked| ranked.deadline),
                    deadline_because: due.and_then(|ranked| ranked.deadline_because.clone()),
                    paths: stopped,
                    used,
                    risk_removed,
                    exposures: removed.iter().map(|ranked| ranked.id).collect(),
                },
            ));
        }
        entries.sort_by(|left, right| {
            let key = |entry: &(usize, FixEntry)| (entry.1.tier.unwrap_or(9), entry.0);
            key(left)
                .cmp(&key(right))
                .then_with(|| right.1.risk_removed.total_cmp(&left.1.risk_removed))
                .then_with(|| left.1.id.cmp(&right.1.id))
        });
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    pub(crate) fn fewest_for(&self, all: &[FixEntry], jewels: &[usize]) -> Result<FixAnswer> {
        let graph = &self.attack.graph;
        let reachable: Vec<(usize, Vec<NodeId>)> = jewels
            .iter()
            .copied()
            .map(|jewel| (jewel, self.targets(jewel)))
            .filter(|(_, targets)| self.closure.holds_any(targets))
            .collect();
        let targets: Vec<NodeId> =
            reachable.iter().flat_map(|(_, targets)| targets.iter().copied()).collect();
        let crown_jewels: Vec<String> =
            reachable.iter().map(|(jewel, _)| self.inputs.scope.jewels[*jewel].name.clone()).collect();
        if targets.is_empty() {
            let statement =
                "no crown jewel is reached from an entry, so nothing has to be fixed for that".to_owned();
            let certificate = Certificate { holds: true, statement };
            return Ok(FixAnswer { certificate, optimal: true, ..FixAnswer::default() });
        }
        let Some(set) = minimum_fixes(graph, &self.removed, &targets, Effort::default())? else {
            let statement = "some path rests on nothing that a fix can remove".to_owned();
            let certificate = Certificate { holds: false, statement };
            return Ok(FixAnswer { certificate, crown_jewels, ..FixAnswer::default() });
        };
        let after = closure(graph, &self.without(&set.fixes));
        let statement = format!(
            "with these fixes the attack rules, walked again from every entry over all {} steps, gain {} of {} nodes and none of {}",
            graph.rule_count(),
            after.nodes().count(),
            graph.node_count(),
            crown_jewels.join(", "),
        );
        Ok(FixAnswer {
            fixes: self.entries_of(all, &set.fixes),
            cost: set.cost,
            lower_bound: set.lower_bound,
            optimal: set.optimal,
            certificate: Certificate { holds: set.certificate, statement },
            crown_jewels,
        })
    }

    fn fixes(&self, ranking: &Ranking, to: Option<&str>, budget: Option<f64>) -> Result<FixAnswer> {
        let jewels = &self.inputs.scope.jewels;
        let chosen: Vec<usize> = match to {
            None => (0..jewels.len()).collect(),
            Some(name) => {
                let found = jewels.iter().position(|jewel| jewel.name.eq_ignore_ascii_case(name));
                vec![found.ok_or_else(|| Error::NoJewel {
                    name: name.to_owned(),
                    known: list(jewels.iter().map(|jewel| jewel.name.as_str())),
                })?]
            }
        };
        let Some(hours) = budget else { return self.fewest_for(&ranking.all_fixes, &chosen) };
        let targets: Vec<NodeId> = chosen.iter().flat_map(|jewel| self.targets(*jewel)).collect();
        let graph = self.attack.graph.with_ends(self.attack.graph.entries(), &targets);
        let plan = BudgetPlan { budget: hours, gain: Gain::Probability(WORLDS), effort: Effort::default() };
        let purchase = best_within_budget(&graph, &self.removed, plan)?;
        let after = closure(&graph, &self.without(&purchase.fixes));
        let protected: Vec<String> = chosen
            .iter()
            .filter(|jewel| {
                let targets = self.targets(**jewel);
                self.closure.holds_any(&targets) && !after.holds_any(&targets)
            })
            .map(|jewel| jewels[*jewel].name.clone())
            .collect();
        let statement = format!(
            "within {hours} hours the chance that crown jewels fall drops by {:.3} in sum over {} targets; no choice within the budget drops it by more than {:.3}",
            purchase.gain,
            targets.len(),
            purchase.upper_bound,
        );
        Ok(FixAnswer {
            fixes: self.entries_of(&ranking.all_fixes, &purchase.fixes),
            cost: purchase.cost,
            lower_bound: 0.0,
            optimal: purchase.optimal,
            certificate: Certificate { holds: true, statement },
            crown_jewels: protected,
        })
    }

    /// What is taken away, and what these fixes take away beside it.
    fn without(&self, fixes: &[FixId]) -> Removed {
        let mut removed = self.removed.clone();
        for &fix in fixes {
            removed.fix(&self.attack.graph, fix);
        }
        removed
    }

    fn entries_of(&self, all: &[FixEntry], fixes: &[FixId]) -> Vec<FixEntry> {
        let keys: BTreeSet<&str> = fixes.iter().map(|fix| self.attack.fixes[fix.index()].as_str()).collect();
        all.iter().filter(|entry| keys.contains(entry.id.to_string().as_str())).cloned().collect()
    }
}
