//! Steps as people read them: what is gained from what, how likely, why, and which reports prove it.
//! Made from the bindings when somebody asks, because an estate may have hundreds of millions.

use bartizan_model::EntryKind;
use bartizan_model::estate::{Estate, ExposureIndex, Mention, Remedy};
use serde::{Deserialize, Serialize};

use super::ground::{AttackGraph, origins, remedies};
use super::join::ABSENT;
use super::node::{name_of, service_label};
use super::rule::{Likelihood, Piece, Rule, Rules, Sort};
use super::world::{self, Origin, Virtual};
use crate::engine::{NodeId, RuleId};

/// One step of an attacker: who holds all the premises gains the conclusion.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Id of the attack rule.
    pub rule: String,
    /// One of [`super::STEP_WORDS`].
    pub word: String,
    /// ATT&CK technique id.
    pub technique: String,
    pub premises: Vec<NodeId>,
    pub conclusion: NodeId,
    /// Chance that the step works, 0 to 1.
    pub likelihood: f64,
    /// Where the likelihood comes from.
    pub why: String,
    pub sentence: String,
    /// Never empty, and at least one of them is in a report.
    pub evidence: Vec<Evidence>,
    /// Facts any one of which stops the step when it goes.
    pub remedies: Vec<Remedy>,
}

/// A fact on which a step rests, and where reports state it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub text: String,
    pub mentions: Vec<Mention>,
}

impl AttackGraph {
    /// Describes a step. `estate` and `rules` must be those that were grounded; `None` for an id that is
    /// not there.
    pub fn step(&self, estate: &Estate, rules: &Rules, id: RuleId) -> Option<Step> {
        let number = *self.instances.rules.get(id.index())? as usize;
        let rule = rules.rules.get(number)?;
        let description =
            Description { attack: self, estate, rule, bound: self.instances.bindings(id.index()) };
        Some(Step {
            rule: rule.id().to_owned(),
            word: rule.step().to_owned(),
            technique: rule.technique().to_owned(),
            premises: self.graph.premises(id).collect(),
            conclusion: self.graph.conclusion(id),
            likelihood: self.graph.likelihood(id),
            why: description.why(),
            sentence: description.sentence(),
            evidence: description.evidence(),
            remedies: remedies(estate, &self.derived, rule, description.bound),
        })
    }
}

struct Description<'a> {
    attack: &'a AttackGraph,
    estate: &'a Estate,
    rule: &'a Rule,
    bound: &'a [u32],
}

impl Description<'_> {
    fn why(&self) -> String {
        match &self.rule.likelihood {
            Likelihood::Number(_) => self.rule.because.clone(),
            Likelihood::Exposure { slot, times, .. } => {
                let fact = self.bound[*slot];
                let assessment = self.attack.assessments.get(fact as usize).and_then(Option::as_ref);
                match assessment {
                    None => self.rule.because.clone(),
                    Some(assessment) if (*times - 1.0).abs() < f64::EPSILON => assessment.why.clone(),
                    Some(assessment) => {
                        let because =
                            if self.rule.because.is_empty() { "the rule" } else { &self.rule.because };
                        format!("{} × {times}: {because}", assessment.why)
                    }
                }
            }
            Likelihood::Relation { slot, attribute, .. } => {
                let attributes =
                    world::relation_attributes(self.estate, &self.attack.derived, self.bound[*slot]);
                match attributes.get(attribute) {
                    Some(_) => format!("stated by the report ({attribute})"),
                    None => self.rule.because.clone(),
                }
            }
        }
    }

    fn sentence(&self) -> String {
        let mut sentence = String::new();
        for piece in &self.rule.sentence.0 {
            match piece {
                Piece::Text(text) => sentence.push_str(text),
                Piece::Variable(slot) => sentence.push_str(&self.label(*slot)),
                Piece::Attribute(slot, name) => sentence.push_str(&self.attribute(*slot, name)),
            }
        }
        sentence
    }

    /// A bound variable for people.
    fn label(&self, slot: usize) -> String {
        let (fact, derived) = (self.bound[slot], &self.attack.derived);
        if fact == ABSENT {
            return "nothing known".to_owned();
        }
        match self.rule.slots[slot].sort {
            Sort::Entity => match world::entity_of(self.estate, derived, fact) {
                Ok(asset) => name_of(self.estate, asset),
                Err(Virtual::Internet) => "the internet".to_owned(),
                Err(Virtual::Entry(EntryKind::PhishedUser)) => "a message".to_owned(),
                Err(Virtual::Entry(kind)) => kind.to_string(),
                Err(Virtual::Gate { group, .. }) => name_of(self.estate, *group),
            },
            Sort::Relation => world::relation_kind(self.estate, derived, fact).to_owned(),
            Sort::Service => {
                let service = &derived.services[fact as usize];
                service_label(&name_of(self.estate, service.host), &service.protocol, service.port)
            }
            Sort::Exposure => {
                let weakness = self.estate.weakness(self.estate.exposures[fact as usize].weakness);
                let is_vulnerability = matches!(weakness.key, bartizan_model::WeaknessKey::Vulnerability(_));
                if is_vulnerability || weakness.title.is_empty() {
                    weakness.key.to_string()
                } else {
                    weakness.title.clone()
                }
            }
        }
    }

    fn attribute(&self, slot: usize, name: &str) -> String {
        let (fact, derived) = (self.bound[slot], &self.attack.derived);
        if fact == ABSENT {
            return "unknown".to_owned();
        }
        let value = match self.rule.slots[slot].sort {
            Sort::Relation => world::relation_attributes(self.estate, derived, fact).get(name),
            Sort::Entity => match world::entity_of(self.estate, derived, fact) {
                Ok(asset) => self.estate.asset(asset).attribute(name),
                Err(_) => None,
            },
            Sort::Service => match derived.services[fact as usize].origin {
                Origin::Service(number) => self.estate.services[number as usize].attributes.get(name),
                _ => None,
            },
            Sort::Exposure => {
                let live =
                    self.estate.exposures[fact as usize].witnesses.iter().filter(|witness| witness.live);
                live.filter_map(|witness| witness.attributes.get(name)).next_back()
            }
        };
        value.map_or("unknown".to_owned(), plain)
    }

    /// Relations, exposures and services; the assets themselves only where these name no report.
    fn evidence(&self) -> Vec<Evidence> {
        let (estate, derived) = (self.estate, &self.attack.derived);
        let mut evidence: Vec<Evidence> = Vec::new();
        let mut seen: Vec<Origin> = Vec::new();
        for (slot, origin) in origins(estate, derived, self.rule, self.bound) {
            let is_asset = self.rule.slots[slot].sort == Sort::Entity;
            let is_enough = evidence.iter().any(|evidence| !evidence.mentions.is_empty());
            if seen.contains(&origin) || is_asset && is_enough {
                continue;
            }
            seen.push(origin);
            let mentions = world::mentions(estate, origin);
            if is_asset && mentions.is_empty() {
                continue;
            }
            evidence.push(Evidence { text: self.statement(slot, origin), mentions });
        }
        evidence
    }

    /// What a fact states.
    fn statement(&self, slot: usize, origin: Origin) -> String {
        let fact = self.bound[slot];
        match self.rule.slots[slot].sort {
            Sort::Entity => format!("{} is there", self.label(slot)),
            Sort::Service => format!("{} answers", self.label(slot)),
            Sort::Exposure => {
                let exposure = self.estate.exposure(ExposureIndex(fact));
                let on = name_of(self.estate, exposure.asset);
                let mut text = format!("{} on {on}", self.label(slot));
                let place = exposure.place.to_string();
                if !place.is_empty() && !place.starts_with("secret:") {
                    text.push_str(" at ");
                    text.push_str(&place);
                }
                let mut shown = exposure.witnesses.iter().filter(|witness| witness.live);
                if let Some(shown) = shown.find_map(|witness| witness.evidence.as_deref()) {
                    let line = shown.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
                    text.push_str(": ");
                    text.push_str(&bartizan_model::excerpt(line, 120));
                }
                text
            }
            Sort::Relation => {
                let kind = world::relation_kind(self.estate, &self.attack.derived, fact).replace('_', " ");
                let (from, to) = self.ends(fact);
                match origin {
                    // A derived relation: the group's rules, or who was named as an entry.
                    Origin::Asset(asset) => format!("{} ({from} {kind} {to})", name_of(self.estate, asset)),
                    _ => format!("{from} {kind} {to}"),
                }
            }
        }
    }

    fn ends(&self, relation: u32) -> (String, String) {
        let (estate, derived) = (self.estate, &self.attack.derived);
        let (from, to) = world::relation_ends(estate, derived, relation);
        let name = |entity| match world::entity_of(estate, derived, entity) {
            Ok(asset) => name_of(estate, asset),
            Err(Virtual::Internet) => "the internet".to_owned(),
            Err(Virtual::Entry(kind)) => kind.to_string(),
            Err(Virtual::Gate { first, last, protocol, .. }) => format!("ports {first}–{last}/{protocol}"),
        };
        (name(from), name(to))
    }
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
