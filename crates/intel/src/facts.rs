//! What is known about one published vulnerability, whoever says it, and how sayings are united.
//!
//! Uniting is independent of order and repetition: for every part a total order says which of two
//! sayings stays (the newer, then the larger), and lists are sets.

use std::collections::BTreeMap;

use bartizan_model::{Timestamp, Weakness, WeaknessKey, excerpt};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::cvss::Vector;

/// The longest description that is kept, in characters.
const DESCRIPTION: usize = 2_000;

/// Everything that the feeds say about one vulnerability.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CveFacts {
    /// The CVE id; where there is none, the canonical id of the alias set.
    pub id: String,
    /// Other ids of the same vulnerability, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// Whether the list that owns the id still stands by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kev: Option<Kev>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssvc: Option<Ssvc>,
    /// Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cvss: Vec<Cvss>,
    /// CWE numbers, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<u32>,
    /// Sorted; one for each kind, source and reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exploits: Vec<Exploit>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Description {
    pub source: DescriptionSource,
    pub text: String,
}

/// Whose words a description is in; the last is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DescriptionSource {
    Exploit,
    Kev,
    Osv,
    Nvd,
    Cve,
}

/// What the CVE list (or an advisory's own database) last said about its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Standing {
    pub as_of: Option<Timestamp>,
    /// Rejected or withdrawn.
    pub rejected: bool,
}

/// An entry of CISA's catalogue of Known Exploited Vulnerabilities.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kev {
    /// The version of the catalogue; `None` where another feed mentions the entry.
    pub catalogue: Option<String>,
    pub date_added: Date,
    pub due_date: Option<Date>,
    /// Known to be used in ransomware campaigns; false is "not known to be".
    pub ransomware: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub product: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
}

/// FIRST's Exploit Prediction Scoring System: the probability that exploitation is observed
/// anywhere in the 30 days after the date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epss {
    /// 0 to 1.
    pub score: f64,
    /// 0 to 1.
    pub percentile: Option<f64>,
    pub date: Option<Date>,
    /// The version of the model.
    pub model: Option<String>,
}

/// SSVC decision points as CISA's Vulnrichment states them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ssvc {
    pub date: Option<Timestamp>,
    pub exploitation: Option<Exploitation>,
    pub automatable: Option<bool>,
    pub technical_impact: Option<TechnicalImpact>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exploitation {
    None,
    Poc,
    Active,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TechnicalImpact {
    Partial,
    Total,
}

/// A CVSS vector and who assigned it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cvss {
    pub source: String,
    pub vector: Vector,
}

/// Public code or text that exploits the vulnerability, or checks for it by exploiting it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exploit {
    pub kind: ExploitKind,
    /// The collection: `metasploit`, `nuclei`, `reference`, or the name of a list.
    pub source: String,
    /// Module, template or address within it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// By when it existed, where the source says so: the earliest date known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExploitKind {
    /// Shows that it works.
    ProofOfConcept,
    /// Finds vulnerable systems at scale.
    Detection,
    /// Ready to be used by anyone.
    Weaponised,
}

impl CveFacts {
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Adds what another saying knows about the same vulnerability, also under another of its ids.
    pub fn merge(&mut self, other: Self) {
        unite(&mut self.aliases, other.aliases);
        if other.id != self.id {
            let canonical = WeaknessKey::canonical([self.id.as_str(), other.id.as_str()]);
            let canonical = canonical.map_or_else(|| self.id.clone(), |key| key.id().to_owned());
            unite(&mut self.aliases, vec![std::mem::replace(&mut self.id, canonical), other.id]);
        }
        let id = self.id.clone();
        self.aliases.retain(|alias| *alias != id);
        self.description = self.description.take().max(other.description);
        self.published = match (self.published, other.published) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.standing = self.standing.max(other.standing);
        self.kev = self.kev.take().max(other.kev);
        self.epss = newer_epss(self.epss.take(), other.epss);
        self.ssvc = self.ssvc.max(other.ssvc);
        unite(&mut self.cvss, other.cvss);
        unite(&mut self.cwes, other.cwes);
        self.exploits.extend(other.exploits);
        self.settle_exploits();
    }

    /// Brings the lists into their order, as [`CveFacts::merge`] leaves them. Readers call it once a
    /// record is complete.
    pub(crate) fn settle(mut self) -> Self {
        let id = self.id.clone();
        self.aliases.retain(|alias| *alias != id);
        unite(&mut self.aliases, Vec::new());
        unite(&mut self.cvss, Vec::new());
        unite(&mut self.cwes, Vec::new());
        self.settle_exploits();
        self
    }

    fn settle_exploits(&mut self) {
        self.exploits.sort_unstable();
        // The same exploit with several dates, or with one and without: `None` sorts first, so the
        // kept one takes the earliest date of those that follow.
        self.exploits.dedup_by(|later, kept| {
            let same =
                later.kind == kept.kind && later.source == kept.source && later.reference == kept.reference;
            if same && kept.seen.is_none() {
                kept.seen = later.seen;
            }
            same
        });
    }

    /// The vector to judge by: of the newest version; of several the one with the highest score.
    pub fn vector(&self) -> Option<&Vector> {
        self.cvss.iter().map(|cvss| &cvss.vector).max_by(|one, two| {
            let key = |vector: &Vector| (vector.version(), (vector.base_score() * 10.0) as i64);
            key(one).cmp(&key(two)).then_with(|| one.cmp(two))
        })
    }

    pub fn is_rejected(&self) -> bool {
        self.standing.is_some_and(|standing| standing.rejected)
    }

    pub(crate) fn describe(&mut self, source: DescriptionSource, text: &str) {
        let text = excerpt(text, DESCRIPTION);
        if !text.is_empty() {
            self.description = self.description.take().max(Some(Description { source, text }));
        }
    }

    pub(crate) fn add_vector(&mut self, source: &str, text: &str) -> bool {
        let vector = Vector::parse(text);
        let found = vector.is_some();
        self.cvss.extend(vector.map(|vector| Cvss { source: source.to_owned(), vector }));
        found
    }
}

fn unite<T: Ord>(list: &mut Vec<T>, more: Vec<T>) {
    list.extend(more);
    list.sort_unstable();
    list.dedup();
}

/// The score of the later date; of one date the one of the later model, then the higher.
fn newer_epss(one: Option<Epss>, two: Option<Epss>) -> Option<Epss> {
    let (Some(one), Some(two)) = (&one, &two) else { return one.or(two) };
    let order = one
        .date
        .cmp(&two.date)
        .then_with(|| one.model.cmp(&two.model))
        .then_with(|| one.score.total_cmp(&two.score))
        .then_with(|| one.percentile.unwrap_or(-1.0).total_cmp(&two.percentile.unwrap_or(-1.0)));
    Some(if order.is_ge() { one.clone() } else { two.clone() })
}

/// The number of a `CWE-79`, or of the first one in a text that begins so.
pub(crate) fn cwe_number(text: &str) -> Option<u32> {
    let rest = text.trim().strip_prefix("CWE-").or_else(|| text.trim().strip_prefix("cwe-"))?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// A CVE id in the list's spelling, if the text is one.
pub(crate) fn cve_id(text: &str) -> Option<String> {
    let text = text.trim();
    let (head, rest) = text.split_at_checked(4)?;
    let (year, number) = rest.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let fits = head.eq_ignore_ascii_case("CVE-")
        && year.len() == 4
        && digits(year)
        && (4..=19).contains(&number.len())
        && digits(number);
    fits.then(|| text.to_ascii_uppercase())
}

/// Facts by id, found by aliases too: what several feeds say, united.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    facts: BTreeMap<String, CveFacts>,
    /// Alias to ids.
    aliases: BTreeMap<String, Vec<String>>,
}

impl Catalogue {
    pub fn add(&mut self, facts: CveFacts) {
        for alias in &facts.aliases {
            let ids = self.aliases.entry(alias.clone()).or_default();
            if let Err(at) = ids.binary_search(&facts.id) {
                ids.insert(at, facts.id.clone());
            }
        }
        match self.facts.get_mut(&facts.id) {
            Some(known) => known.merge(facts),
            None => {
                self.facts.insert(facts.id.clone(), facts.settle());
            }
        }
    }

    /// The facts for an id, or for the first id that has it as an alias.
    pub fn get(&self, id: &str) -> Option<&CveFacts> {
        self.facts.get(id).or_else(|| self.facts.get(self.aliases.get(id)?.first()?))
    }

    /// Everything that is known about a weakness under any of its ids, united; `None` when nothing is.
    pub fn of(&self, weakness: &Weakness) -> Option<CveFacts> {
        let WeaknessKey::Vulnerability(id) = &weakness.key else { return None };
        let mut united: Option<CveFacts> = None;
        for id in std::iter::once(id).chain(&weakness.aliases) {
            let Some(found) = self.get(id) else { continue };
            match &mut united {
                Some(united) => united.merge(found.clone()),
                None => united = Some(found.clone()),
            }
        }
        united
    }

    pub fn iter(&self) -> impl Iterator<Item = &CveFacts> {
        self.facts.values()
    }

    pub fn len(&self) -> usize {
        self.facts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
}
