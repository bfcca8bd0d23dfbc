//! Attack rules, checked and compiled: every name resolved to a slot, every condition parsed.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_model::{AssetKind, Digest, Digester};

use super::condition::Condition;
use super::node::Level;
use super::table::ATTACK_RULES;
use super::text::{AtomText, LikelihoodText, PortText, RuleFile, RuleText, TestText};
use crate::{Error, Result};

/// The words for steps. A rule that uses another word is refused, so that people meet one word per thing.
pub const STEP_WORDS: &[&str] = &[
    "reaches",
    "exposes",
    "exploits",
    "escalates",
    "phishes",
    "runs as",
    "has session",
    "holds secret",
    "authenticates",
    "member of",
    "administers",
    "logs on",
    "controls",
    "replicates",
    "enrols",
    "relays",
    "delegates",
    "assumes",
    "passes role",
    "grants access",
    "escapes",
    "schedules",
    "deploys",
    "federates",
    "contains",
    "includes",
    "enters",
];

/// More needs than this and a rule says too much at once.
const MOST_NEEDS: usize = 16;

/// What a variable of a rule stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Entity,
    Relation,
    Service,
    Exposure,
}

impl Sort {
    const fn word(self) -> &'static str {
        match self {
            Self::Entity => "an asset",
            Self::Relation => "a relation",
            Self::Service => "a service",
            Self::Exposure => "an exposure",
        }
    }
}

pub(super) struct Slot {
    pub(super) name: String,
    pub(super) sort: Sort,
}

/// A node of the graph as a rule names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeTerm {
    pub(super) level: Level,
    pub(super) slot: usize,
}

/// A value that is written in the rule, or stands in a relation's attribute.
pub(super) enum Term<T> {
    Given(T),
    Attribute(usize, String),
}

/// What a need binds or asks.
pub(super) enum AtomKind {
    Relation {
        kinds: usize,
        from: usize,
        to: usize,
        relation: usize,
        from_bound: bool,
        to_bound: bool,
    },
    Service {
        host: usize,
        service: usize,
        host_bound: bool,
        protocol: Option<Term<String>>,
        port: Option<Term<u16>>,
    },
    Exposure {
        on: usize,
        exposure: usize,
        on_bound: bool,
        at: Option<usize>,
        secret: Option<usize>,
        optional: bool,
    },
    Asset {
        entity: usize,
        bound: bool,
        kinds: Vec<AssetKind>,
    },
    Without {
        kinds: usize,
        from: Option<usize>,
        to: Option<usize>,
    },
    /// Only a condition.
    Condition,
}

pub(super) struct Atom {
    pub(super) kind: AtomKind,
    pub(super) condition: Option<Condition>,
    /// For errors: `needs[2]`.
    pub(super) field: String,
}

pub(super) enum Likelihood {
    Number(f64),
    Exposure { slot: usize, times: f64, otherwise: Option<f64> },
    Relation { slot: usize, attribute: String, times: f64, otherwise: Option<f64> },
}

/// A sentence with places for variables.
pub(super) struct Template(pub(super) Vec<Piece>);

pub(super) enum Piece {
    Text(String),
    Variable(usize),
    Attribute(usize, String),
}

/// An attack rule: who holds all that it needs gains its conclusion.
pub struct Rule {
    id: String,
    step: String,
    technique: String,
    about: String,
    pub(super) because: String,
    pub(super) file: usize,
    pub(super) slots: Vec<Slot>,
    pub(super) atoms: Vec<Atom>,
    pub(super) holds: Vec<NodeTerm>,
    pub(super) gains: NodeTerm,
    pub(super) likelihood: Likelihood,
    pub(super) removed_by: Vec<usize>,
    pub(super) sentence: Template,
    pub(super) unknown_flaw_of: Option<usize>,
    pub(super) tests: Vec<TestText>,
}

impl Rule {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// One of [`STEP_WORDS`].
    pub fn step(&self) -> &str {
        &self.step
    }

    /// ATT&CK technique id.
    pub fn technique(&self) -> &str {
        &self.technique
    }

    /// What it does, why it matters, limits.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// How many tests it brings.
    pub fn test_count(&self) -> usize {
        self.tests.len()
    }
}

/// All rules, in the order in which they are grounded.
pub struct Rules {
    pub(super) rules: Vec<Rule>,
    pub(super) files: Vec<String>,
    /// Distinct sets of relation kinds, each sorted: the indexes that grounding builds.
    pub(super) kind_sets: Vec<Vec<String>>,
    digest: Digest,
}

impl Rules {
    /// The rules that come with the product.
    pub fn embedded() -> Result<Self> {
        Self::parse(ATTACK_RULES)
    }

    /// Reads rule files, given as name and text, in their order.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self> {
        let mut digester = Digester::new("attack-rules");
        let mut rules =
            Rules { rules: Vec::new(), files: Vec::new(), kind_sets: Vec::new(), digest: Digest::of(&[]) };
        let mut kind_sets = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for (number, &(name, text)) in files.iter().enumerate() {
            digester.push(name.as_bytes());
            digester.push(text.as_bytes());
            rules.files.push(name.to_owned());
            let fail = |field: &str, message: String| Error::RuleFile {
                file: name.to_owned(),
                field: field.to_owned(),
                message,
            };
            let file: RuleFile = read_yaml(name, text)?;
            for rule in file.rules {
                let at = format!("rule \"{}\"", rule.id);
                if !ids.insert(rule.id.clone()) {
                    return Err(fail(&at, "another rule has this id".to_owned()));
                }
                let compiled = Compiler::new(&mut kind_sets).rule(rule, number);
                let compiled =
                    compiled.map_err(|(field, message)| fail(&format!("{at}: {field}"), message))?;
                rules.rules.push(compiled);
            }
        }
        rules.kind_sets = vec![Vec::new(); kind_sets.len()];
        for (kinds, index) in kind_sets {
            rules.kind_sets[index] = kinds;
        }
        rules.digest = digester.finish();
        Ok(rules)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    pub fn len(&self) -> usize {
        self.rules.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Of the files' names and texts: what a ranking names to be replayed.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Reads a YAML file; the error names the file, the line and the field where the parser knows them.
pub(super) fn read_yaml<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T> {
    serde_saphyr::from_str(text).map_err(|error| {
        let field = error.location().map_or_else(|| "file".to_owned(), |at| format!("line {}", at.line()));
        let message = error.to_string();
        // The first line says what is wrong; the rest is an excerpt of the file.
        let message = message.lines().next().unwrap_or_default().to_owned();
        Error::RuleFile { file: name.to_owned(), field, message }
    })
}

/// Field and message.
type Fault = (String, String);

fn fault<T>(field: impl Into<String>, message: impl Into<String>) -> Result<T, Fault> {
    Err((field.into(), message.into()))
}

struct Compiler<'sets> {
    slots: Vec<Slot>,
    kind_sets: &'sets mut BTreeMap<Vec<String>, usize>,
}

impl<'sets> Compiler<'sets> {
    fn new(kind_sets: &'sets mut BTreeMap<Vec<String>, usize>) -> Self {
        Self { slots: Vec::new(), kind_sets }
    }

    fn rule(mut self, text: RuleText, file: usize) -> Result<Rule, Fault> {
        if !STEP_WORDS.contains(&text.step.as_str()) {
            return fault(
                "step",
                format!("`{}` is no step; there are: {}", text.step, STEP_WORDS.join(", ")),
            );
        }
        let technique = text.technique.strip_prefix('T').is_some_and(|number| {
            let (main, sub) = number.split_once('.').unwrap_or((number, "000"));
            let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
            digits(main, 4) && digits(sub, 3)
        });
        if !technique {
            return fault("technique", format!("`{}` is no ATT&CK technique id", text.technique));
        }
        if text.needs.is_empty() || text.needs.len() > MOST_NEEDS {
            return fault(
                "needs",
                format!("has {} entries; 1 to {MOST_NEEDS} are possible", text.needs.len()),
            );
        }
        let mut atoms = Vec::new();
        let mut held = Vec::new();
        for (number, need) in text.needs.into_iter().enumerate() {
            let field = format!("needs[{number}]");
            if let Some(node) = self.need(need, &field, &mut atoms)? {
                held.push((format!("{field}.holds"), node));
            }
        }
        // What is held is checked last: the order of needs is for people.
        let mut holds = Vec::new();
        for (field, node) in held {
            holds.push(self.node(&node, &field)?);
        }
        if holds.is_empty() {
            return fault("needs", "names nothing that the attacker holds (`holds: …`)");
        }
        let gains = self.node(&text.gains, "gains")?;
        let likelihood = self.likelihood(text.likelihood)?;
        if matches!(likelihood, Likelihood::Number(_)) && text.because.is_empty() {
            return fault("because", "a likelihood that is a number needs its reason");
        }
        let mut removed_by = Vec::new();
        for (number, name) in text.removed_by.iter().enumerate() {
            let field = format!("removed_by[{number}]");
            let slot = self.known(name, &field)?;
            if self.slots[slot].sort == Sort::Entity {
                return fault(
                    field,
                    format!("`{name}` is an asset; a fix removes exposures, relations or services"),
                );
            }
            removed_by.push(slot);
        }
        let unknown_flaw_of = match &text.unknown_flaw_of {
            Some(name) => Some(self.known_as(name, Sort::Service, "unknown_flaw_of")?),
            None => None,
        };
        let sentence = self.template(&text.sentence)?;
        if text.tests.iter().all(|test| test.steps.is_empty())
            || text.tests.iter().all(|test| !test.steps.is_empty())
        {
            return fault("tests", "a rule needs a test with steps and one without");
        }
        Ok(Rule {
            id: text.id,
            step: text.step,
            technique: text.technique,
            about: text.about,
            because: text.because,
            file,
            slots: self.slots,
            atoms,
            holds,
            gains,
            likelihood,
            removed_by,
            sentence,
            unknown_flaw_of,
            tests: text.tests,
        })
    }

    /// Adds the atom of a need; returns the node of a `holds`.
    fn need(&mut self, need: AtomText, field: &str, atoms: &mut Vec<Atom>) -> Result<Option<String>, Fault> {
        let given = [
            need.holds.is_some(),
            need.relation.is_some(),
            need.service.is_some(),
            need.exposure.is_some(),
            need.asset.is_some(),
            need.without.is_some(),
        ];
        let given = given.iter().filter(|is_given| **is_given).count();
        if given > 1 || (given == 0 && need.when.is_none()) {
            let names = "`holds`, `relation`, `service`, `exposure`, `asset` or `without`";
            return fault(field, format!("needs exactly one of {names}, or a `when` alone; it has {given}"));
        }
        if let Some(node) = need.holds {
            if need.when.is_some() {
                return fault(format!("{field}.when"), "stands with what is bound, not with what is held");
            }
            return Ok(Some(node));
        }
        let kind = if let Some(relation) = need.relation {
            let kinds = self.kinds(relation.kind, &format!("{field}.relation.kind"))?;
            if relation.from == relation.to {
                return fault(format!("{field}.relation.to"), "is the same variable as `from`");
            }
            let (from, from_bound) = self.entity(&relation.from, &format!("{field}.relation.from"))?;
            let (to, to_bound) = self.entity(&relation.to, &format!("{field}.relation.to"))?;
            let name = relation.name.as_deref().unwrap_or("relation");
            let relation = self.new_slot(name, Sort::Relation, &format!("{field}.relation.as"))?;
            AtomKind::Relation { kinds, from, to, relation, from_bound, to_bound }
        } else if let Some(service) = need.service {
            let protocol = match service.protocol {
                None => None,
                Some(text) => Some(match self.path(&text, &format!("{field}.service.protocol"))? {
                    Some((slot, attribute)) => Term::Attribute(slot, attribute),
                    None => Term::Given(text),
                }),
            };
            let port = match service.port {
                None => None,
                Some(PortText::Number(port)) => Some(Term::Given(port)),
                Some(PortText::Path(text)) => match self.path(&text, &format!("{field}.service.port"))? {
                    Some((slot, attribute)) => Some(Term::Attribute(slot, attribute)),
                    None => return fault(format!("{field}.service.port"), format!("`{text}` is no port")),
                },
            };
            let (host, host_bound) = self.entity(&service.host, &format!("{field}.service.host"))?;
            let service = self.new_slot(&service.name, Sort::Service, &format!("{field}.service.as"))?;
            AtomKind::Service { host, service, host_bound, protocol, port }
        } else if let Some(exposure) = need.exposure {
            let at = match &exposure.at {
                Some(name) => Some(self.known_as(name, Sort::Service, &format!("{field}.exposure.at"))?),
                None => None,
            };
            let secret = match &exposure.secret {
                Some(name) => Some(self.known_as(name, Sort::Entity, &format!("{field}.exposure.secret"))?),
                None => None,
            };
            let (on, on_bound) = self.entity(&exposure.on, &format!("{field}.exposure.on"))?;
            if exposure.optional && !on_bound {
                return fault(
                    format!("{field}.exposure.optional"),
                    "only works on an asset that is bound before",
                );
            }
            let slot = self.new_slot(&exposure.name, Sort::Exposure, &format!("{field}.exposure.as"))?;
            AtomKind::Exposure { on, exposure: slot, on_bound, at, secret, optional: exposure.optional }
        } else if let Some(asset) = need.asset {
            let mut kinds = Vec::new();
            for name in &asset.kind {
                match AssetKind::parse(name) {
                    Some(kind) => kinds.push(kind),
                    None => {
                        return fault(format!("{field}.asset.kind"), format!("`{name}` is no kind of asset"));
                    }
                }
            }
            let (entity, bound) = self.entity(&asset.name, &format!("{field}.asset.as"))?;
            AtomKind::Asset { entity, bound, kinds }
        } else if let Some(without) = need.without {
            let kinds = self.kinds(without.kind, &format!("{field}.without.kind"))?;
            let end = |name: Option<String>, end: &str| match name {
                Some(name) => self.known_as(&name, Sort::Entity, &format!("{field}.without.{end}")).map(Some),
                None => Ok(None),
            };
            let (from, to) = (end(without.from, "from")?, end(without.to, "to")?);
            if from.is_none() && to.is_none() {
                return fault(format!("{field}.without"), "needs `from` or `to`");
            }
            AtomKind::Without { kinds, from, to }
        } else {
            AtomKind::Condition
        };
        let condition = match need.when {
            None => None,
            Some(source) => {
                let slot_of = |name: &str| self.slots.iter().position(|slot| slot.name == name);
                let condition = Condition::compile(&source, slot_of);
                Some(condition.map_err(|message| (format!("{field}.when"), message))?)
            }
        };
        atoms.push(Atom { kind, condition, field: field.to_owned() });
        Ok(None)
    }

    fn kinds(&mut self, mut kinds: Vec<String>, field: &str) -> Result<usize, Fault> {
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.is_empty() {
            return fault(field, "names no kind");
        }
        let next = self.kind_sets.len();
        Ok(*self.kind_sets.entry(kinds).or_insert(next))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.name == name)
    }

    fn new_slot(&mut self, name: &str, sort: Sort, field: &str) -> Result<usize, Fault> {
        let well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !well_formed {
            return fault(field, format!("`{name}` is no variable: lower-case letters, digits and _"));
        }
        if self.position(name).is_some() {
            return fault(field, format!("`{name}` is bound already"));
        }
        self.slots.push(Slot { name: name.to_owned(), sort });
        Ok(self.slots.len() - 1)
    }

    /// The slot of an asset, and whether something before it has bound it.
    fn entity(&mut self, name: &str, field: &str) -> Result<(usize, bool), Fault> {
        if self.position(name).is_some() {
            return Ok((self.known_as(name, Sort::Entity, field)?, true));
        }
        Ok((self.new_slot(name, Sort::Entity, field)?, false))
    }

    fn known(&self, name: &str, field: &str) -> Result<usize, Fault> {
        self.position(name).map_or_else(|| fault(field, format!("knows no variable `{name}` here")), Ok)
    }

    fn known_as(&self, name: &str, sort: Sort, field: &str) -> Result<usize, Fault> {
        let slot = self.known(name, field)?;
        if self.slots[slot].sort == sort {
            return Ok(slot);
        }
        fault(field, format!("`{name}` is {}, not {}", self.slots[slot].sort.word(), sort.word()))
    }

    /// `relation.attributes.port`: the relation and the attribute.
    fn path(&self, text: &str, field: &str) -> Result<Option<(usize, String)>, Fault> {
        let Some((name, attribute)) = text.split_once(".attributes.") else { return Ok(None) };
        Ok(Some((self.known_as(name, Sort::Relation, field)?, attribute.to_owned())))
    }

    fn node(&self, text: &str, field: &str) -> Result<NodeTerm, Fault> {
        let (level, name) = Level::split(text);
        let slot = self.known(name, field)?;
        match self.slots[slot].sort {
            Sort::Entity => {}
            Sort::Service if level == Level::Held => {}
            sort => return fault(field, format!("`{text}`: {} cannot be held so", sort.word())),
        }
        Ok(NodeTerm { level, slot })
    }

    fn likelihood(&self, text: LikelihoodText) -> Result<Likelihood, Fault> {
        let check = |field: &str, number: f64| {
            let fits = (0.0..=1.0).contains(&number);
            if fits { Ok(()) } else { fault(field, format!("{number} is not between 0 and 1")) }
        };
        let (of, times, otherwise) = match text {
            LikelihoodText::Number(number) => {
                check("likelihood", number)?;
                return Ok(Likelihood::Number(number));
            }
            LikelihoodText::Of(of) => (of, 1.0, None),
            LikelihoodText::Scaled(scaled) => (scaled.of, scaled.times, scaled.otherwise),
        };
        check("likelihood.times", times)?;
        otherwise.map_or(Ok(()), |number| check("likelihood.otherwise", number))?;
        if let Some((slot, attribute)) = self.path(&of, "likelihood")? {
            return Ok(Likelihood::Relation { slot, attribute, times, otherwise });
        }
        let exposures: Vec<usize> =
            (0..self.slots.len()).filter(|&slot| self.slots[slot].sort == Sort::Exposure).collect();
        let slot = match (self.position(&of), exposures.as_slice()) {
            (Some(slot), _) if self.slots[slot].sort == Sort::Exposure => slot,
            (None, [only]) if of == "exposure" => *only,
            _ => return fault("likelihood", format!("`{of}` is no exposure of this rule")),
        };
        Ok(Likelihood::Exposure { slot, times, otherwise })
    }

    fn template(&self, text: &str) -> Result<Template, Fault> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let Some((name, after)) = after.split_once('}') else {
                return fault("sentence", "has a { without its }");
            };
            pieces.push(match name.split_once(".attributes.") {
                Some((variable, attribute)) => {
                    Piece::Attribute(self.known(variable, "sentence")?, attribute.to_owned())
                }
                None => Piece::Variable(self.known(name, "sentence")?),
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Template(pieces))
    }
}
