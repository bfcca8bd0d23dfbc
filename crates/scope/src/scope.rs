//! The scope as it was read: plain data that other parts ask and that `scope show` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use bartizan_model::{Digest, Digester, EntryKind, FixKind};
use jiff::SignedDuration;
use serde::Serialize;

use crate::selector::Selector;
use crate::source::Source;
use crate::target::TargetPattern;
use crate::value::Worth;
use crate::window::Window;
use crate::zone::{self, Zone};

/// How old evidence may be where the scope says nothing: 30 days.
pub const DEFAULT_FRESHNESS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What an organisation protects, from whom, and what it allows.
///
/// [`Scope::default`] is what holds without a scope file: everything is in scope, attackers come
/// from the internet, no crown jewel and no owner is known, and nothing may be validated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scope {
    /// The file that was loaded, as it was named; empty for what holds without one.
    #[serde(skip)]
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// ISO 4217 code in which every worth is stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    pub services: Vec<Service>,
    pub crown_jewels: Vec<CrownJewel>,
    pub entries: Vec<Entry>,
    /// What is in scope; the first that matches wins. Empty: everything is.
    #[serde(rename = "in")]
    pub inside: Vec<Boundary>,
    /// What is out of scope whatever `in` says.
    #[serde(rename = "out")]
    pub outside: Vec<Boundary>,
    /// The first whose selector matches owns the asset.
    pub owners: Vec<Owner>,
    pub freshness: Freshness,
    pub validation: Vec<Window>,
    /// What validation must never touch, whatever its windows say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<TargetPattern>,
    pub zones: Vec<Zone>,
    pub sources: Vec<Source>,
    pub deadlines: Deadlines,
    /// Hours of work by kind of fix, by the kind's name; what is not stated is estimated.
    pub fix_costs: BTreeMap<&'static str, f64>,
}

/// What the organisation does, and the assets that it needs for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Service {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name of an [`Owner`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worth: Option<Worth>,
    pub selector: Selector,
}

/// What must not fall.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CrownJewel {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub worth: Worth,
    /// What its loss would be a loss of.
    pub falls: BTreeSet<Harm>,
    pub selector: Selector,
}

/// What an attacker takes from a crown jewel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    Confidentiality,
    Integrity,
    Availability,
}

/// Where an attacker is assumed to start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    pub name: String,
    pub kind: EntryKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The assets that the attacker holds at the start. `None`: the internet as such, or for other
    /// kinds nothing that is known by an asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
}

/// A part of the estate that is in or out of scope.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Boundary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub selector: Selector,
    pub reason: String,
    /// What about these assets is managed; empty for `out`.
    pub managed: BTreeSet<Aspect>,
}

/// What about an asset the programme looks after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    Vulnerabilities,
    Configuration,
    Identities,
    Secrets,
    Code,
    Network,
    Data,
}

impl Aspect {
    pub(crate) const CHOICES: [(&'static str, Self); 7] = [
        ("vulnerabilities", Self::Vulnerabilities),
        ("configuration", Self::Configuration),
        ("identities", Self::Identities),
        ("secrets", Self::Secrets),
        ("code", Self::Code),
        ("network", Self::Network),
        ("data", Self::Data),
    ];

    pub(crate) fn all() -> BTreeSet<Self> {
        Self::CHOICES.iter().map(|(_, aspect)| *aspect).collect()
    }
}

/// Who answers for assets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Owner {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// An owner without a selector is named by services and crown jewels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// How sure it is that they own what the selector matches, above 0 and at most 1.
    pub confidence: f64,
}

/// How old evidence about an asset may be before it counts as not assessed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Freshness {
    pub default: SignedDuration,
    /// By kind of asset.
    pub kinds: BTreeMap<&'static str, SignedDuration>,
    /// Looked at before kinds; the first that matches wins.
    pub selectors: Vec<FreshnessRule>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FreshnessRule {
    pub selector: Selector,
    pub window: SignedDuration,
}

/// By when an exposure has to be fixed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Deadlines {
    /// A table that is built in (`bod-26-04`), the path of one, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// By tier, 1 to 5.
    pub tiers: BTreeMap<u8, SignedDuration>,
    /// For assets with obligations of their own; the first that matches wins over the tiers.
    pub rules: Vec<DeadlineRule>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadlineRule {
    pub name: String,
    pub selector: Selector,
    pub within: SignedDuration,
    /// The law, contract or decision that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            file: String::new(),
            organisation: None,
            currency: None,
            services: Vec::new(),
            crown_jewels: Vec::new(),
            entries: vec![Entry::internet()],
            inside: Vec::new(),
            outside: Vec::new(),
            owners: Vec::new(),
            freshness: Freshness::default(),
            validation: Vec::new(),
            never: Vec::new(),
            zones: Vec::new(),
            sources: Vec::new(),
            deadlines: Deadlines::default(),
            fix_costs: BTreeMap::new(),
        }
    }
}

impl Default for Freshness {
    fn default() -> Self {
        Self { default: DEFAULT_FRESHNESS, kinds: BTreeMap::new(), selectors: Vec::new() }
    }
}

impl Entry {
    /// The entry that holds where the scope names none.
    pub fn internet() -> Self {
        Self { name: "internet".to_owned(), kind: EntryKind::Internet, description: None, selector: None }
    }
}

impl Scope {
    /// The digest of everything that the scope says, comments and layout apart.
    pub fn digest(&self) -> Digest {
        // Maps with text or number keys and finite numbers always serialise.
        Digester::new("scope").field(serde_json::to_vec(self).unwrap_or_default()).finish()
    }

    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    pub fn crown_jewel(&self, name: &str) -> Option<&CrownJewel> {
        self.crown_jewels.iter().find(|jewel| jewel.name == name)
    }

    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    pub fn owner(&self, name: &str) -> Option<&Owner> {
        self.owners.iter().find(|owner| owner.name == name)
    }

    /// The zone with the most specific network that holds the address.
    pub fn zone_of(&self, address: IpAddr) -> Option<&Zone> {
        zone::of_address(&self.zones, address)
    }

    /// The zone of an `ip` identifier's value, which may itself name the zone: `dmz/10.0.0.1`.
    pub fn zone_of_identifier(&self, value: &str) -> Option<&Zone> {
        zone::of_identifier(&self.zones, value)
    }

    /// What the scope says about a report's file; the first source that matches.
    pub fn source_of(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.files.matches(path))
    }

    /// Hours of work that a fix of this kind costs: as stated, else our estimate, which only serves
    /// to compare fixes with each other.
    pub fn fix_hours(&self, kind: FixKind) -> f64 {
        let (name, estimate) = fix_kind(kind);
        self.fix_costs.get(name).copied().unwrap_or(estimate)
    }
}

/// The name of a kind of fix, and the hours that we estimate for one.
pub(crate) const fn fix_kind(kind: FixKind) -> (&'static str, f64) {
    match kind {
        FixKind::Upgrade => ("upgrade", 4.0),
        FixKind::Configure => ("configure", 2.0),
        FixKind::ChangeCode => ("change-code", 16.0),
        FixKind::RotateSecret => ("rotate-secret", 3.0),
        FixKind::Restrict => ("restrict", 4.0),
        FixKind::Remove => ("remove", 8.0),
    }
}
