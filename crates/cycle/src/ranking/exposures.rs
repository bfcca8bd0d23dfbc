//! The exposures in order: each with its tier, the risk that it carries and why.

use std::collections::{BTreeSet, HashMap};

use bartizan_graph::engine::{RuleId, Simulation, Usage, simulate};
use bartizan_graph::rules::{Assessment, Facts};
use bartizan_model::estate::{Exposure, ExposureIndex, Remedy};
use bartizan_model::{Digest, WeaknessKey};
use bartizan_prioritize::{Placed, Standing, order};

use super::answer::{EvidenceItem, Path, Ranked};
use super::engine::{Engine, WORLDS};
use super::facts::Informed;

/// How many exposures have the risk that they carry measured one by one; the rest carries too
/// little to be told from zero.
const MEASURED: usize = 512;

/// What the graph says about one exposure.
struct Circumstances<'p> {
    on_path: bool,
    reachable: bool,
    used: f64,
    risk_removed: f64,
    paths: &'p [&'p Path],
}

impl Engine<'_> {
    /// Live exposures in scope, in order.
    pub(super) fn exposures(&self, before: &Simulation, usage: &Usage, paths: &[Path]) -> Vec<Ranked> {
        let mut on_paths: HashMap<Digest, Vec<&Path>> = HashMap::new();
        for path in paths {
            let keys: BTreeSet<Digest> =
                path.hops.iter().flat_map(|hop| hop.exposures.iter().copied()).collect();
            for key in keys {
                on_paths.entry(key).or_default().push(path);
            }
        }
        let fired: BTreeSet<RuleId> = self.closure.firing_order().collect();
        let loss = self.loss(before);
        let facts = Informed::new(self.inputs, &self.estate, &self.book);
        let mut measured = 0;
        let mut ranked: Vec<Ranked> = Vec::new();
        for index in self.estate.exposure_indices() {
            let exposure = self.estate.exposure(index);
            if !exposure.state.is_live() || !self.inputs.scope.places[exposure.asset.index()].in_scope {
                continue;
            }
            let rules = self.rules_of.get(&index).map_or(&[][..], Vec::as_slice);
            let used = rules
                .iter()
                .map(|rule| usage.share_of_cause(self.attack.graph.cause(*rule)))
                .fold(0.0, f64::max);
            let own_paths = on_paths.get(&exposure.key).map_or(&[][..], Vec::as_slice);
            let on_path = used > 0.0 || !own_paths.is_empty();
            let risk_removed = if on_path && measured < MEASURED {
                measured += 1;
                let mut removed = self.removed.clone();
                for rule in rules {
                    removed.rule(*rule);
                }
                (loss - self.loss(&simulate(&self.attack.graph, &removed, WORLDS))).max(0.0)
            } else {
                0.0
            };
            let reachable = rules.iter().any(|rule| fired.contains(rule));
            let standing = Circumstances { on_path, reachable, used, risk_removed, paths: own_paths };
            ranked.push(self.ranked(index, exposure, &facts.assess(index), &standing));
        }
        ranked.sort_by(|left, right| order(&placed(left), &placed(right)));
        for (position, ranked) in ranked.iter_mut().enumerate() {
            ranked.rank = position + 1;
        }
        ranked
    }

    fn ranked(
        &self,
        index: ExposureIndex,
        exposure: &Exposure,
        assessment: &Assessment,
        circumstances: &Circumstances<'_>,
    ) -> Ranked {
        let weakness = self.estate.weakness(exposure.weakness);
        let asset = self.estate.asset(exposure.asset);
        let place = &self.inputs.scope.places[exposure.asset.index()];
        let intel = self.inputs.intel_of(weakness);
        let exploited = intel.is_some_and(|facts| facts.kev.is_some());
        let standing = Standing {
            exploited,
            proven: self.inputs.proven.contains(&exposure.key),
            on_path: circumstances.on_path,
            reachable: circumstances.reachable,
            likelihood: Some(assessment.likelihood),
        };
        let decision = self.book.tiers.decide(&standing);
        let fix = self.plan.fix_of(Remedy::Exposure(index)).map(|position| &self.plan.fixes[position]);
        let (deadline, deadline_because) = self.deadline(exposure, circumstances.reachable, decision.tier);
        let live = || exposure.witnesses.iter().filter(|witness| witness.live);
        let mut sources: Vec<String> = live().map(|witness| witness.tool.clone()).collect();
        sources.sort_unstable();
        sources.dedup();
        let mut evidence: Vec<EvidenceItem> = live()
            .map(|witness| {
                let said = witness.evidence.clone().unwrap_or_else(|| weakness.title.clone());
                let part = witness.part.as_ref().map(|part| {
                    let version = part.version.as_deref().unwrap_or("an unknown version");
                    format!("{} {version}", part.component)
                });
                let text = part.map_or_else(|| said.clone(), |part| format!("{part}: {said}"));
                self.cite(&bartizan_model::excerpt(&text, 400), &witness.mention)
            })
            .collect();
        evidence.dedup();
        let mut crown_jewels: Vec<String> =
            circumstances.paths.iter().map(|path| path.crown_jewel.clone()).collect();
        crown_jewels.sort_unstable();
        crown_jewels.dedup();
        Ranked {
            rank: 0,
            id: exposure.key,
            title: title(fix, weakness, asset),
            weakness: weakness.key.to_string(),
            weakness_title: weakness.title.clone(),
            asset: asset.name.clone(),
            asset_id: asset.key,
            place: exposure.place.to_string(),
            tier: decision.tier,
            because: decision.because,
            risk_removed: circumstances.risk_removed,
            likelihood: assessment.likelihood,
            likelihood_because: assessment.why.clone(),
            on_path: circumstances.on_path,
            reachable: circumstances.reachable,
            exploited,
            proven: standing.proven,
            used: circumstances.used,
            paths: circumstances.paths.iter().map(|path| path.number).collect(),
            crown_jewels,
            deadline,
            deadline_because,
            owner: place.owner.clone(),
            contact: place.contact.clone(),
            fix: fix.map(|fix| fix.title.clone()),
            fix_id: fix.map(|fix| fix.key),
            severity: exposure.severity,
            state: exposure.state,
            sources,
            first_seen: exposure.first_seen,
            last_seen: exposure.last_seen,
            evidence,
            counterfactuals: self.book.tiers.counterfactuals(&standing),
        }
    }
}

fn placed(ranked: &Ranked) -> Placed {
    Placed {
        key: ranked.id,
        tier: ranked.tier,
        risk_removed: ranked.risk_removed,
        used: ranked.used,
        likelihood: Some(ranked.likelihood),
        severity: ranked.severity,
        first_seen: ranked.first_seen,
    }
}

/// What to do for a secret or a setting; what is wrong, and the fix beside it, for a vulnerability.
fn title(
    fix: Option<&bartizan_mobilize::Fix>,
    weakness: &bartizan_model::Weakness,
    asset: &bartizan_model::estate::Asset,
) -> String {
    match (fix, &weakness.key) {
        (Some(fix), WeaknessKey::Rule { .. }) => fix.title.clone(),
        (_, WeaknessKey::Vulnerability(id)) if weakness.title.is_empty() || weakness.title == *id => {
            format!("{id} on {}", asset.name)
        }
        (_, WeaknessKey::Vulnerability(id)) => {
            let title = weakness.title.strip_prefix(id.as_str()).unwrap_or(&weakness.title);
            let title = title.trim_start_matches([':', ' ', '-']);
            format!("{id} {} on {}", bartizan_model::excerpt(title, 100), asset.name)
        }
        (None, _) => format!("{} on {}", weakness.title, asset.name),
    }
}
