//! The ranking: a pure function of its [`Inputs`] and of the rules that Bartizan ships.
//!
//! Everything that a person or a page is told about priorities is in it, worked out once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bartizan_graph::engine::{
    BudgetPlan, Closure, Effort, FixId, Gain, NodeId, Proof, Removed, RuleId, Simulation, Usage, Worlds,
    best_proofs, best_within_budget, closure, minimum_fixes, simulate, simulate_usage,
};
use bartizan_graph::rules::{
    Assessment, AttackGraph, AttackNode, Catalogue, CatalogueFacts, Entry, EntryKind, Facts, Fix as GraphFix,
    Jewel, Question, Remedy as GraphRemedy, Rules, Step, ground,
};
use bartizan_intel::{DeadlineTable, Situation, Within, likelihood};
use bartizan_mobilize::{Plan, Remedy, effort, fix_key, plan};
use bartizan_model::estate::{AssetIndex, Estate, Exposure, ExposureIndex, Mention};
use bartizan_model::{Digest, Digester, Severity, State, Timestamp, WeaknessKey};
use bartizan_prioritize::{Counterfactual, Placed, Standing, TierRules, order};
use serde::{Deserialize, Serialize};

use crate::inputs::{Digests, Inputs};
use crate::{Error, Result};

/// How many worlds are simulated, and from which seed: fixed, so that a ranking can be made again.
const WORLDS: Worlds = Worlds { count: 1024, seed: 1 };
/// How many distinct paths are kept for each crown jewel.
const PATHS: usize = 16;
/// How many exposures have the risk that they carry measured one by one; the rest carries too
/// little to be told from zero.
const MEASURED: usize = 512;

/// Everything that follows from the inputs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ranking {
    pub as_of: Timestamp,
    pub digests: Digests,
    pub organisation: Option<String>,
    pub currency: Option<String>,
    /// One sentence: the answer.
    pub headline: String,
    /// What is not known that would let us say more.
    pub missing: Vec<String>,
    pub jewels: Vec<JewelAnswer>,
    /// Live exposures in scope, in order.
    pub exposures: Vec<Ranked>,
    /// Every element in scope.
    pub elements: Vec<Element>,
    /// Likeliest first.
    pub paths: Vec<Path>,
    pub fixes: FixAnswer,
    /// All fixes that remove something, in the order of the best exposure that each removes.
    pub all_fixes: Vec<FixEntry>,
    pub counts: Counts,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub assets: usize,
    pub assets_in_scope: usize,
    pub exposures_live: usize,
    pub exposures_closed: usize,
    pub exposures_on_path: usize,
    pub exposures_out_of_scope: usize,
    pub not_assessed: usize,
    pub reports: usize,
}

/// How a crown jewel stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JewelAnswer {
    pub name: String,
    pub worth: f64,
    pub owner: Option<String>,
    pub assets: Vec<String>,
    pub reachable: bool,
    /// Chance that an attacker who starts from the stated entries gets it, by simulation.
    pub probability: f64,
    pub standard_error: f64,
    pub expected_loss: f64,
    /// Steps of the likeliest path.
    pub steps: Option<usize>,
    pub paths: usize,
}

/// An exposure in the order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    pub rank: usize,
    pub id: Digest,
    /// What to do, or what is wrong where nothing says what to do.
    pub title: String,
    pub weakness: String,
    pub weakness_title: String,
    pub asset: String,
    pub asset_id: Digest,
    pub place: String,
    pub tier: u8,
    pub because: String,
    pub risk_removed: f64,
    pub likelihood: f64,
    pub likelihood_because: String,
    pub on_path: bool,
    pub reachable: bool,
    pub exploited: bool,
    pub proven: bool,
    /// Share of successful simulated attacks that use it.
    pub used: f64,
    /// Numbers of the paths that use it, from 1.
    pub paths: Vec<usize>,
    pub crown_jewels: Vec<String>,
    pub deadline: Option<Timestamp>,
    pub deadline_because: Option<String>,
    pub owner: Option<String>,
    pub contact: Option<String>,
    pub fix: Option<String>,
    pub fix_id: Option<Digest>,
    pub severity: Severity,
    pub state: State,
    pub sources: Vec<String>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub evidence: Vec<EvidenceItem>,
    pub counterfactuals: Vec<Counterfactual>,
}

/// What a source said, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EvidenceItem {
    pub text: String,
    pub tool: String,
    pub report: String,
    pub at: String,
    pub scanned_at: Timestamp,
}

/// An element in scope with its tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Element {
    pub element: String,
    pub id: Digest,
    pub kind: String,
    /// `1` to `5`, or `not assessed`.
    pub tier: String,
    pub why: String,
    pub freshness: Freshness,
    pub owner: Option<String>,
    pub services: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    pub last_assessed: Option<Timestamp>,
    pub window_hours: i64,
    pub fresh: bool,
}

/// A way from an entry to a crown jewel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Path {
    pub number: usize,
    pub entry: String,
    pub crown_jewel: String,
    pub likelihood: f64,
    /// Whether no likelier path differs from those before it.
    pub exact: bool,
    pub hops: Vec<Hop>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// What the attacker must hold; several where all are needed.
    pub from: String,
    pub step: String,
    pub to: String,
    pub technique: String,
    pub likelihood: f64,
    pub likelihood_because: String,
    pub sentence: String,
    pub evidence: Vec<EvidenceItem>,
    /// Exposures on which the hop rests, by id.
    pub exposures: Vec<Digest>,
    /// Fixes any one of which stops the hop.
    pub fixes: Vec<Digest>,
}

/// The fewest fixes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FixAnswer {
    pub fixes: Vec<FixEntry>,
    /// Hours.
    pub cost: f64,
    pub lower_bound: f64,
    pub optimal: bool,
    pub certificate: Certificate,
    /// Crown jewels that these fixes protect.
    pub crown_jewels: Vec<String>,
}

/// Proof that the fixes do it: the graph without what they remove, walked again from the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub holds: bool,
    pub statement: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FixEntry {
    pub id: Digest,
    pub title: String,
    pub how: Vec<String>,
    pub asset: String,
    pub hours: f64,
    pub owner: Option<String>,
    pub contact: Option<String>,
    pub tier: Option<u8>,
    pub deadline: Option<Timestamp>,
    pub deadline_because: Option<String>,
    /// Paths that it stops, by number.
    pub paths: Vec<usize>,
    /// Share of successful simulated attacks that use what it removes.
    pub used: f64,
    pub risk_removed: f64,
    /// Exposures that it removes, by id.
    pub exposures: Vec<Digest>,
}

/// The rules and tables of this version.
pub struct Book {
    pub rules: Rules,
    pub catalogue: Catalogue,
    pub tiers: TierRules,
    pub deadlines: DeadlineTable,
}

impl Book {
    /// What is built in; the deadline table by name where the scope names one.
    pub fn embedded(deadline_table: Option<&str>) -> Result<Self> {
        let faulty = |error: bartizan_intel::Error| Error::Deadlines(error.to_string());
        let deadlines = match deadline_table {
            None => DeadlineTable::bod_26_04().map_err(faulty)?,
            Some(name) => DeadlineTable::named(name)
                .ok_or_else(|| Error::Deadlines(format!("there is no table called {name:?}")))?
                .map_err(faulty)?,
        };
        Ok(Self {
            rules: Rules::embedded()?,
            catalogue: Catalogue::embedded()?,
            tiers: TierRules::embedded()?,
            deadlines,
        })
    }

    pub fn digest(&self) -> Digest {
        Digester::new("rules")
            .field(env!("CARGO_PKG_VERSION"))
            .field(self.rules.digest().as_bytes())
            .field(self.catalogue.digest().as_bytes())
            .field(self.tiers.digest().as_bytes())
            .field(serde_json::to_vec(&self.deadlines).unwrap_or_default())
            .finish()
    }
}

/// Makes the ranking.
pub fn rank(inputs: &Inputs) -> Result<Ranking> {
    Engine::new(inputs)?.rank()
}

/// The attack graph of the inputs with all that questions about it need.
pub struct Engine<'i> {
    inputs: &'i Inputs,
    /// The estate with what follows from policies.
    pub estate: Estate,
    pub book: Book,
    pub attack: AttackGraph,
    pub plan: Plan,
    closure: Closure,
    /// Rules that rest on each exposure.
    rules_of: HashMap<ExposureIndex, Vec<RuleId>>,
    fix_ids: HashMap<Digest, FixId>,
}

/// Likelihoods: the intelligence where it says something, the catalogue for what an exposure gives.
struct Informed<'a> {
    inputs: &'a Inputs,
    estate: &'a Estate,
    catalogue: CatalogueFacts<'a>,
}

impl Facts for Informed<'_> {
    fn assess(&self, index: ExposureIndex) -> Assessment {
        let mut assessment = self.catalogue.assess(index);
        let exposure = self.estate.exposure(index);
        let weakness = self.estate.weakness(exposure.weakness);
        if self.inputs.proven.contains(&exposure.key) {
            assessment.likelihood = 0.95;
            "validation confirmed it here".clone_into(&mut assessment.why);
        } else if matches!(weakness.key, WeaknessKey::Vulnerability(_)) {
            let vectors: Vec<_> = weakness.cvss.iter().filter_map(|text| text.parse().ok()).collect();
            let estimate =
                likelihood(self.inputs.intel_of(weakness), &weakness.key, &weakness.cwes, &vectors);
            assessment.likelihood = estimate.probability;
            assessment.why = estimate.why.join("; ");
        }
        assessment
    }
}

impl<'i> Engine<'i> {
    pub fn new(inputs: &'i Inputs) -> Result<Self> {
        let book = Book::embedded(inputs.scope.deadline_table.as_deref())?;
        let mut estate = inputs.estate.clone();
        crate::cloud::derive(&mut estate);
        let entries: Vec<Entry> = inputs
            .scope
            .entries
            .iter()
            .filter_map(|entry| {
                Some(Entry { kind: EntryKind::parse(&entry.kind)?, assets: entry.assets.clone() })
            })
            .collect();
        let jewels: Vec<Jewel> = inputs
            .scope
            .jewels
            .iter()
            .flat_map(|jewel| jewel.assets.iter().map(|asset| Jewel::new(*asset)))
            .collect();
        let hours = |kind| inputs.scope.fix_hours.get(&kind).copied().unwrap_or(4.0);
        let facts = Informed {
            inputs,
            estate: &estate,
            catalogue: CatalogueFacts { estate: &estate, catalogue: &book.catalogue },
        };
        let fix_of = |remedy: &GraphRemedy| {
            let remedy = remedy_of(*remedy);
            let (key, kind) = fix_key(&estate, remedy);
            Some(GraphFix { key: key.to_string(), hours: hours(kind) * effort(&estate, remedy) })
        };
        let question = Question {
            entries: &entries,
            jewels: &jewels,
            facts: &facts,
            fix_of: &fix_of,
            unknown_flaws: false,
        };
        let attack = ground(&estate, &book.rules, &book.catalogue, &question)?;
        let mut rules_of: HashMap<ExposureIndex, Vec<RuleId>> = HashMap::new();
        let mut others = BTreeSet::new();
        for id in attack.step_ids() {
            for remedy in attack.remedies_of(&estate, &book.rules, id) {
                match remedy {
                    GraphRemedy::Exposure(index) => rules_of.entry(index).or_default().push(id),
                    other => {
                        others.insert(remedy_of(other));
                    }
                }
            }
        }
        let plan = plan(&estate, others, &hours);
        let closure = closure(&attack.graph, &Removed::none(&attack.graph));
        let fix_ids = attack
            .fixes
            .iter()
            .enumerate()
            .filter_map(|(number, key)| Some((key.parse().ok()?, FixId(number as u32))))
            .collect();
        Ok(Self { inputs, estate, book, attack, plan, closure, rules_of, fix_ids })
    }

    fn rank(&self) -> Result<Ranking> {
        let graph = &self.attack.graph;
        let nothing = Removed::none(graph);
        let before = simulate(graph, &nothing, WORLDS);
        let usage = simulate_usage(graph, &nothing, graph.targets(), WORLDS);
        let paths = self.paths()?;
        let jewels = self.jewels(&before, &paths);
        let mut exposures = self.exposures(&before, &usage, &paths);
        exposures.sort_by(|left, right| order(&placed(left), &placed(right)));
        for (position, ranked) in exposures.iter_mut().enumerate() {
            ranked.rank = position + 1;
        }
        let elements = self.elements(&exposures, &paths);
        let all_fixes = self.all_fixes(&exposures, &usage, &paths, &before);
        let every: Vec<usize> = (0..self.inputs.scope.jewels.len()).collect();
        let fixes = self.fewest_for(&all_fixes, &every)?;
        let counts = self.counts(&exposures, &elements);
        Ok(Ranking {
            as_of: self.inputs.as_of,
            digests: self.inputs.digests(self.book.digest()),
            organisation: self.inputs.scope.organisation.clone(),
            currency: self.inputs.scope.currency.clone(),
            headline: self.headline(&jewels, &fixes, &exposures),
            missing: self.missing(),
            jewels,
            exposures,
            elements,
            paths,
            fixes,
            all_fixes,
            counts,
        })
    }

    /// The nodes that are targets for a jewel.
    fn targets(&self, jewel: usize) -> Vec<NodeId> {
        let assets: BTreeSet<AssetIndex> = self.inputs.scope.jewels[jewel].assets.iter().copied().collect();
        self.attack
            .graph
            .targets()
            .iter()
            .copied()
            .filter(|node| {
                self.attack.nodes[node.index()].asset().is_some_and(|asset| assets.contains(&asset))
            })
            .collect()
    }

    fn paths(&self) -> Result<Vec<Path>> {
        let graph = &self.attack.graph;
        let nothing = Removed::none(graph);
        let mut paths = Vec::new();
        for (number, jewel) in self.inputs.scope.jewels.iter().enumerate() {
            for target in self.targets(number) {
                for proof in best_proofs(graph, &nothing, target, PATHS, Effort::default())? {
                    paths.push(self.path(&proof, &jewel.name));
                }
            }
        }
        paths.sort_by(|left, right| {
            right
                .likelihood
                .total_cmp(&left.likelihood)
                .then_with(|| left.hops.len().cmp(&right.hops.len()))
                .then_with(|| left.crown_jewel.cmp(&right.crown_jewel))
                .then_with(|| names(left).cmp(names(right)))
        });
        for (position, path) in paths.iter_mut().enumerate() {
            path.number = position + 1;
        }
        Ok(paths)
    }

    /// Paths between any two names, for questions that the scope does not ask: `from` and `to` are
    /// parts of the names of entries, jewels or assets.
    pub fn paths_between(&self, from: Option<&str>, to: Option<&str>, count: usize) -> Result<Vec<Path>> {
        let graph = &self.attack.graph;
        let wanted = |text: &str| {
            let text = text.to_lowercase();
            self.attack
                .nodes
                .iter()
                .enumerate()
                .filter(|(_, node)| {
                    let jewel = node.asset().and_then(|asset| {
                        self.inputs.scope.jewels.iter().find(|jewel| jewel.assets.contains(&asset))
                    });
                    node.label(&self.estate).to_lowercase().contains(&text)
                        || node.id(&self.estate) == text
                        || jewel.is_some_and(|jewel| jewel.name.to_lowercase() == text)
                        || matches!(node, AttackNode::Entry(kind) if kind.as_str() == text)
                        || matches!(node, AttackNode::Internet) && text == "internet"
                })
                .map(|(number, _)| NodeId(number as u32))
                .collect::<Vec<NodeId>>()
        };
        let entries = from.map_or_else(|| graph.entries().to_vec(), wanted);
        let targets = to.map_or_else(|| graph.targets().to_vec(), wanted);
        let graph = graph.with_ends(&entries, &targets);
        let nothing = Removed::none(&graph);
        let mut paths = Vec::new();
        for target in targets {
            let node = &self.attack.nodes[target.index()];
            let jewel = node.asset().and_then(|asset| {
                self.inputs.scope.jewels.iter().find(|jewel| jewel.assets.contains(&asset))
            });
            let name = jewel.map_or_else(|| node.label(&self.estate), |jewel| jewel.name.clone());
            for proof in best_proofs(&graph, &nothing, target, count, Effort::default())? {
                if !proof.rules.is_empty() {
                    paths.push(self.path(&proof, &name));
                }
            }
        }
        paths.sort_by(|left, right| {
            right.likelihood.total_cmp(&left.likelihood).then_with(|| names(left).cmp(names(right)))
        });
        paths.truncate(count);
        for (position, path) in paths.iter_mut().enumerate() {
            path.number = position + 1;
        }
        Ok(paths)
    }

    fn path(&self, proof: &Proof, jewel: &str) -> Path {
        let hops: Vec<Hop> = proof.rules.iter().filter_map(|rule| self.hop(*rule)).collect();
        let entry = hops.first().map_or_else(|| "the entry itself".to_owned(), |hop| hop.from.clone());
        Path {
            number: 0,
            entry,
            crown_jewel: jewel.to_owned(),
            likelihood: proof.likelihood,
            exact: proof.exact,
            hops,
        }
    }

    fn hop(&self, rule: RuleId) -> Option<Hop> {
        let step = self.attack.step(&self.estate, &self.book.rules, rule)?;
        let label = |node: &NodeId| self.attack.nodes[node.index()].label(&self.estate);
        let from: Vec<String> = step.premises.iter().map(label).collect();
        let mut exposures = Vec::new();
        let mut fixes = Vec::new();
        for remedy in &step.remedies {
            if let GraphRemedy::Exposure(index) = remedy {
                exposures.push(self.estate.exposure(*index).key);
            }
            fixes.extend(self.plan.fix_of(remedy_of(*remedy)).map(|position| self.plan.fixes[position].key));
        }
        fixes.sort_unstable();
        fixes.dedup();
        Some(Hop {
            from: from.join(" and "),
            to: label(&step.conclusion),
            likelihood: step.likelihood,
            evidence: self.evidence(&step),
            step: step.word,
            technique: step.technique,
            likelihood_because: step.why,
            sentence: step.sentence,
            exposures,
            fixes,
        })
    }

    fn evidence(&self, step: &Step) -> Vec<EvidenceItem> {
        let mut items: Vec<EvidenceItem> = step
            .evidence
            .iter()
            .flat_map(|evidence| evidence.mentions.iter().map(|mention| self.cite(&evidence.text, mention)))
            .collect();
        items.dedup();
        items
    }

    fn cite(&self, text: &str, mention: &Mention) -> EvidenceItem {
        let report = self.estate.report(mention.report);
        EvidenceItem {
            text: text.to_owned(),
            tool: report.tool.clone(),
            report: report.file.clone(),
            at: mention.at.clone(),
            scanned_at: report.scanned_at,
        }
    }

    fn jewels(&self, simulation: &Simulation, paths: &[Path]) -> Vec<JewelAnswer> {
        let fallen = self.jewel_probabilities(simulation);
        self.inputs
            .scope
            .jewels
            .iter()
            .enumerate()
            .map(|(number, jewel)| {
                let own: Vec<&Path> = paths.iter().filter(|path| path.crown_jewel == jewel.name).collect();
                let (probability, standard_error) = fallen[number];
                JewelAnswer {
                    name: jewel.name.clone(),
                    worth: jewel.worth,
                    owner: jewel.owner.clone(),
                    assets: jewel.assets.iter().map(|asset| self.estate.asset(*asset).name.clone()).collect(),
                    reachable: self.closure.holds_any(&self.targets(number)),
                    probability,
                    standard_error,
                    expected_loss: probability * jewel.worth,
                    steps: own.first().map(|path| path.hops.len()),
                    paths: own.len(),
                }
            })
            .collect()
    }

    /// For each jewel, the probability that its likeliest asset falls.
    fn jewel_probabilities(&self, simulation: &Simulation) -> Vec<(f64, f64)> {
        let targets = self.attack.graph.targets();
        (0..self.inputs.scope.jewels.len())
            .map(|jewel| {
                self.targets(jewel)
                    .iter()
                    .filter_map(|node| targets.iter().position(|target| target == node))
                    .map(|position| simulation.targets[position])
                    .map(|estimate| (estimate.value(), estimate.standard_error()))
                    .max_by(|left, right| left.0.total_cmp(&right.0))
                    .unwrap_or((0.0, 0.0))
            })
            .collect()
    }

    fn loss(&self, simulation: &Simulation) -> f64 {
        self.jewel_probabilities(simulation)
            .iter()
            .zip(&self.inputs.scope.jewels)
            .map(|((probability, _), jewel)| probability * jewel.worth)
            .sum()
    }

    fn exposures(&self, before: &Simulation, usage: &Usage, paths: &[Path]) -> Vec<Ranked> {
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
        let facts = Informed {
            inputs: self.inputs,
            estate: &self.estate,
            catalogue: CatalogueFacts { estate: &self.estate, catalogue: &self.book.catalogue },
        };
        let mut measured = 0;
        let mut ranked = Vec::new();
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
                let mut removed = Removed::none(&self.attack.graph);
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

    /// By when: the stricter of the deadline table, for published vulnerabilities, and the scope's own
    /// days for the tier. Both count from when the exposure was first seen.
    fn deadline(
        &self,
        exposure: &Exposure,
        reachable: bool,
        tier: u8,
    ) -> (Option<Timestamp>, Option<String>) {
        let weakness = self.estate.weakness(exposure.weakness);
        let mut candidates = Vec::new();
        if matches!(weakness.key, WeaknessKey::Vulnerability(_))
            && let Some(facts) = self.inputs.intel_of(weakness)
        {
            let kev_known = self.inputs.feeds.iter().any(|feed| feed.feed == "kev");
            let situation = Situation::of(facts, Some(reachable), kev_known);
            if let Some(deadline) = self.book.deadlines.decide(situation) {
                match deadline.within {
                    Within::Days(days) => {
                        candidates.push((after(exposure.first_seen, i64::from(days) * 24), deadline.why));
                    }
                    Within::OnUpgrade => return self.tier_deadline(exposure, tier, Some(deadline.why)),
                }
            }
        }
        if let Some(hours) = self.inputs.scope.tier_hours.get(&tier) {
            let why = format!("the scope gives tier {tier} {} days", hours / 24);
            candidates.push((after(exposure.first_seen, *hours), why));
        }
        match candidates.into_iter().min() {
            Some((at, why)) => (Some(at), Some(why)),
            None => (None, None),
        }
    }

    fn tier_deadline(
        &self,
        exposure: &Exposure,
        tier: u8,
        why: Option<String>,
    ) -> (Option<Timestamp>, Option<String>) {
        match self.inputs.scope.tier_hours.get(&tier) {
            Some(hours) => {
                let why = format!("the scope gives tier {tier} {} days", hours / 24);
                (Some(after(exposure.first_seen, *hours)), Some(why))
            }
            None => (None, why),
        }
    }

    fn elements(&self, exposures: &[Ranked], paths: &[Path]) -> Vec<Element> {
        let mut best: HashMap<Digest, &Ranked> = HashMap::new();
        for ranked in exposures {
            best.entry(ranked.asset_id).or_insert(ranked);
        }
        let mut elements: Vec<Element> = self
            .estate
            .asset_indices()
            .filter(|index| self.inputs.scope.places[index.index()].in_scope)
            .map(|index| self.element(index, best.get(&self.estate.asset(index).key).copied(), paths))
            .collect();
        elements.sort_by(|left, right| {
            (&left.tier, &left.kind, &left.element, left.id).cmp(&(
                &right.tier,
                &right.kind,
                &right.element,
                right.id,
            ))
        });
        elements
    }

    fn element(&self, index: AssetIndex, best: Option<&Ranked>, paths: &[Path]) -> Element {
        let asset = self.estate.asset(index);
        let place = &self.inputs.scope.places[index.index()];
        // An identity is assessed by evaluating its policies, whenever they were listed.
        let evaluated = asset.attributes.contains_key("aws.identity_policies").then_some(asset.last_seen);
        let last_assessed = asset.assessed_at.max(evaluated);
        let fresh = last_assessed
            .is_some_and(|at| self.inputs.as_of.duration_since(at).as_hours() <= place.freshness_hours);
        let label = &asset.name;
        let crossed = paths
            .iter()
            .find(|path| path.hops.iter().any(|hop| hop.to.ends_with(label) || hop.from.ends_with(label)));
        let (tier, why) = match (best, crossed) {
            (Some(ranked), _) => (
                ranked.tier.to_string(),
                format!("{} ({}): {}", ranked.weakness, ranked.title, ranked.because),
            ),
            (None, Some(path)) => {
                ("3".to_owned(), format!("path {} to {} leads over it", path.number, path.crown_jewel))
            }
            (None, None) if fresh => ("5".to_owned(), "checked, and nothing is known against it".to_owned()),
            (None, None) if last_assessed.is_some() => (
                NOT_ASSESSED.to_owned(),
                format!("the last check is older than {} hours", place.freshness_hours),
            ),
            (None, None) => (NOT_ASSESSED.to_owned(), "no report has looked for weaknesses on it".to_owned()),
        };
        Element {
            element: asset.name.clone(),
            id: asset.key,
            kind: asset.kind.to_string(),
            tier,
            why,
            freshness: Freshness { last_assessed, window_hours: place.freshness_hours, fresh },
            owner: place.owner.clone(),
            services: place.services.clone(),
        }
    }

    fn all_fixes(
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
                    let after =
                        simulate(&self.attack.graph, &Removed::by_fixes(&self.attack.graph, &[id]), WORLDS);
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

    fn fewest_for(&self, all: &[FixEntry], jewels: &[usize]) -> Result<FixAnswer> {
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
        let Some(set) = minimum_fixes(graph, &Removed::none(graph), &targets, Effort::default())? else {
            let statement = "some path rests on nothing that a fix can remove".to_owned();
            let certificate = Certificate { holds: false, statement };
            return Ok(FixAnswer { certificate, crown_jewels, ..FixAnswer::default() });
        };
        let after = closure(graph, &Removed::by_fixes(graph, &set.fixes));
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

    /// The fewest fixes for one crown jewel, or the best within a budget of hours.
    pub fn fixes(&self, ranking: &Ranking, to: Option<&str>, budget: Option<f64>) -> Result<FixAnswer> {
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
        let nothing = Removed::none(&graph);
        let plan = BudgetPlan { budget: hours, gain: Gain::Probability(WORLDS), effort: Effort::default() };
        let purchase = best_within_budget(&graph, &nothing, plan)?;
        let after = closure(&graph, &Removed::by_fixes(&graph, &purchase.fixes));
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

    fn entries_of(&self, all: &[FixEntry], fixes: &[FixId]) -> Vec<FixEntry> {
        let keys: BTreeSet<&str> = fixes.iter().map(|fix| self.attack.fixes[fix.index()].as_str()).collect();
        all.iter().filter(|entry| keys.contains(entry.id.to_string().as_str())).cloned().collect()
    }

    fn counts(&self, exposures: &[Ranked], elements: &[Element]) -> Counts {
        let live = self.estate.exposures.iter().filter(|exposure| exposure.state.is_live()).count();
        Counts {
            assets: self.estate.assets.len(),
            assets_in_scope: elements.len(),
            exposures_live: exposures.len(),
            exposures_closed: self
                .estate
                .exposures
                .iter()
                .filter(|exposure| exposure.state == State::Closed)
                .count(),
            exposures_on_path: exposures.iter().filter(|ranked| ranked.on_path).count(),
            exposures_out_of_scope: live - exposures.len(),
            not_assessed: elements.iter().filter(|element| element.tier == NOT_ASSESSED).count(),
            reports: self.estate.reports.len(),
        }
    }

    fn headline(&self, jewels: &[JewelAnswer], fixes: &FixAnswer, exposures: &[Ranked]) -> String {
        if self.estate.reports.is_empty() {
            return "Nothing is known yet. Import reports: bartizan import FILE…".to_owned();
        }
        if jewels.is_empty() {
            let urgent = exposures.iter().filter(|ranked| ranked.tier <= 2).count();
            let how = if urgent == 1 { "exposure is" } else { "exposures are" };
            return format!(
                "{urgent} of {} {how} exploited or likely, and reachable. No crown jewel is stated, so no path can be shown.",
                exposures.len()
            );
        }
        let fallen: Vec<&str> =
            jewels.iter().filter(|jewel| jewel.reachable).map(|jewel| jewel.name.as_str()).collect();
        if fallen.is_empty() {
            return format!(
                "No known path reaches {}.",
                list(jewels.iter().map(|jewel| jewel.name.as_str()))
            );
        }
        if !fixes.certificate.holds {
            return format!("Known paths reach {}, and no set of known fixes stops them all.", list(fallen));
        }
        let things = if fixes.fixes.len() == 1 { "thing" } else { "things" };
        format!("Fix {} {things} and no known path reaches {}.", fixes.fixes.len(), list(fallen))
    }

    /// What would let us say more, in the words of who could bring it.
    fn missing(&self) -> Vec<String> {
        use bartizan_model::AssetKind;
        let has = |kind: AssetKind| self.estate.assets.iter().any(|asset| asset.kind == kind);
        let mut missing = Vec::new();
        if !self.inputs.scope.stated {
            missing.push(
                "no scope file (bartizan.yaml): crown jewels, owners and entries are not stated".to_owned(),
            );
        } else if self.inputs.scope.jewels.is_empty() {
            missing.push("the scope names no crown jewel, so no path can be shown".to_owned());
        }
        for jewel in self.inputs.scope.jewels.iter().filter(|jewel| jewel.assets.is_empty()) {
            missing.push(format!("no asset is known that is the crown jewel {}", jewel.name));
        }
        if !self
            .estate
            .relations
            .iter()
            .any(|relation| matches!(relation.kind.as_str(), "reaches" | "routes_to"))
        {
            missing.push(
                "no reachability: import a network scan and say from where it looked (sources: viewpoint)"
                    .to_owned(),
            );
        }
        if !has(AssetKind::Account) && !has(AssetKind::Role) {
            missing.push("no identities: import a directory or cloud inventory".to_owned());
        }
        if !has(AssetKind::Directory) && !has(AssetKind::Group) {
            missing.push("no directory".to_owned());
        }
        if !has(AssetKind::Cluster) && !has(AssetKind::Namespace) {
            missing.push("no Kubernetes inventory".to_owned());
        }
        for (feed, what) in [
            ("kev", "which vulnerabilities are exploited in the wild"),
            ("epss", "how likely exploitation is"),
        ] {
            if !self.inputs.feeds.iter().any(|known| known.feed == feed) {
                missing.push(format!(
                    "no {} feed: {what} is not known (bartizan intel import)",
                    feed.to_uppercase()
                ));
            }
        }
        missing
    }
}

const NOT_ASSESSED: &str = "not assessed";

/// What the graph says about one exposure.
struct Circumstances<'p> {
    on_path: bool,
    reachable: bool,
    used: f64,
    risk_removed: f64,
    paths: &'p [&'p Path],
}

fn remedy_of(remedy: GraphRemedy) -> Remedy {
    match remedy {
        GraphRemedy::Exposure(index) => Remedy::Exposure(index),
        GraphRemedy::Relation(index) => Remedy::Relation(index),
        GraphRemedy::Service(index) => Remedy::Service(index),
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

fn names(path: &Path) -> impl Iterator<Item = (&str, &str)> {
    path.hops.iter().map(|hop| (hop.from.as_str(), hop.to.as_str()))
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

fn after(at: Timestamp, hours: i64) -> Timestamp {
    Timestamp::from_second(at.as_second().saturating_add(hours.saturating_mul(3600))).unwrap_or(at)
}

/// `a`, `a and b`, `a, b and c`.
fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
