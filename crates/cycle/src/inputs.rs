//! What a ranking is made from: gathered once, kept with it, so that it can be made again.
//!
//! The scope is frozen into what it says of each asset, so a ranking does not change when the file
//! is edited later.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_intel::CveFacts;
use bartizan_model::estate::{AssetIndex, Estate, Report};
use bartizan_model::{Digest, Digester, FixKind, Timestamp};
use bartizan_scope::{AssetView, Basis, Scope};
use bartizan_store::Store;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Error, Result, zones};

/// The version of this structure; a ranking kept by another version cannot be replayed.
const FORMAT: u32 = 1;

/// Everything that a ranking depends on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inputs {
    format: u32,
    /// The time that ages and deadlines are counted from; full hours, so that looking twice in an
    /// hour is one ranking.
    pub as_of: Timestamp,
    pub estate: Estate,
    pub scope: ScopeFacts,
    /// By id: what the feeds know of the vulnerabilities in the estate.
    pub intel: BTreeMap<String, CveFacts>,
    /// The feeds that were read, with their dates.
    pub feeds: Vec<FeedFacts>,
    /// Exposures that validation confirmed, by key.
    pub proven: BTreeSet<Digest>,
    /// Exposures that a question assumes, by key. Never kept: what is only assumed is in no ranking.
    #[serde(skip)]
    pub(crate) hypothetical: BTreeSet<Digest>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeedFacts {
    pub feed: String,
    pub version: Option<String>,
    pub date: Option<Timestamp>,
}

/// What the scope says, frozen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScopeFacts {
    /// Whether there is a scope file.
    pub stated: bool,
    pub organisation: Option<String>,
    pub currency: Option<String>,
    /// By asset.
    pub places: Vec<AssetPlace>,
    pub jewels: Vec<JewelFacts>,
    pub entries: Vec<EntryFacts>,
    pub fix_hours: BTreeMap<FixKind, f64>,
    /// Days by tier, where the scope states them.
    pub tier_hours: BTreeMap<u8, i64>,
    /// The deadline table by its name; the built-in one without.
    pub deadline_table: Option<String>,
}

/// Where an asset stands in the scope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AssetPlace {
    pub in_scope: bool,
    pub reason: String,
    pub owner: Option<String>,
    pub contact: Option<String>,
    pub owner_because: Option<String>,
    pub services: Vec<String>,
    pub freshness_hours: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JewelFacts {
    pub name: String,
    /// Loss if it falls, in the scope's currency.
    pub worth: f64,
    pub owner: Option<String>,
    pub assets: Vec<AssetIndex>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EntryFacts {
    pub name: String,
    pub kind: String,
    pub assets: Vec<AssetIndex>,
}

impl Inputs {
    /// Gathers what is known now.
    pub fn gather(store: &Store, scope: Option<&Scope>, now: Timestamp) -> Result<Self> {
        let as_of = Timestamp::from_second(now.as_second() / 3600 * 3600).unwrap_or(now);
        let mut estate = store.estate()?;
        if let Some(scope) = scope {
            zones::add(&mut estate, scope, as_of);
        }
        let ids: BTreeSet<&str> = estate
            .weaknesses
            .iter()
            .flat_map(|weakness| {
                std::iter::once(weakness.key.id()).chain(weakness.aliases.iter().map(String::as_str))
            })
            .collect();
        let mut intel = BTreeMap::new();
        for (id, body) in store.intel_facts(ids)? {
            let facts =
                serde_json::from_str(&body).map_err(|error| Error::Stored { what: "intelligence", error })?;
            intel.insert(id, facts);
        }
        add_vectors(&mut estate, &intel);
        let feeds = store
            .intel_feeds()?
            .into_iter()
            .map(|feed| FeedFacts { feed: feed.feed, version: feed.version, date: feed.feed_at })
            .collect();
        let facts = freeze(&estate, scope);
        let proven = store.proven()?.into_iter().collect();
        let hypothetical = BTreeSet::new();
        Ok(Self { format: FORMAT, as_of, estate, scope: facts, intel, feeds, proven, hypothetical })
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::Stored { what: "ranking", error })
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version =
            serde_json::from_slice(bytes).map_err(|error| Error::Stored { what: "ranking", error })?;
        if version.format != FORMAT {
            return Err(Error::OldRanking { found: version.format, known: FORMAT });
        }
        serde_json::from_slice(bytes).map_err(|error| Error::Stored { what: "ranking", error })
    }

    /// One digest for each thing that a ranking is a function of.
    pub fn digests(&self, rules: Digest) -> Digests {
        let of = |domain: &str, value: &dyn erased::Json| Digester::new(domain).field(value.json()).finish();
        Digests {
            facts: of("facts", &(&self.estate, &self.proven)),
            scope: of("scope-facts", &self.scope),
            rules,
            intelligence: of("intelligence", &(&self.intel, &self.feeds)),
            as_of: self.as_of,
        }
    }

    /// The reports that were imported; the scope, which is cited like one, is none.
    pub fn imported(&self) -> impl Iterator<Item = &Report> {
        self.estate.reports.iter().filter(|report| report.format != zones::SCOPE)
    }

    /// What the feeds know of a weakness, under any of its ids.
    pub fn intel_of(&self, weakness: &bartizan_model::Weakness) -> Option<&CveFacts> {
        self.intel
            .get(weakness.key.id())
            .or_else(|| weakness.aliases.iter().find_map(|alias| self.intel.get(alias)))
    }
}

/// The digests of what a ranking was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Digests {
    pub facts: Digest,
    pub scope: Digest,
    pub rules: Digest,
    pub intelligence: Digest,
    pub as_of: Timestamp,
}

impl Digests {
    pub fn whole(&self) -> Digest {
        Digester::new("ranking")
            .field(self.facts.as_bytes())
            .field(self.scope.as_bytes())
            .field(self.rules.as_bytes())
            .field(self.intelligence.as_bytes())
            .field(self.as_of.to_string())
            .finish()
    }
}

/// Serialising behind one small face, so that digests of different types are taken in one way.
mod erased {
    pub(super) trait Json {
        fn json(&self) -> Vec<u8>;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> Vec<u8> {
            // Maps have text keys and numbers are finite, so this always serialises.
            serde_json::to_vec(self).unwrap_or_default()
        }
    }
}

/// A report may name a CVE without saying how it is attacked; the lists do.
fn add_vectors(estate: &mut Estate, intel: &BTreeMap<String, CveFacts>) {
    for weakness in &mut estate.weaknesses {
        let facts = intel
            .get(weakness.key.id())
            .or_else(|| weakness.aliases.iter().find_map(|alias| intel.get(alias)));
        let Some(facts) = facts else { continue };
        weakness.cvss.extend(facts.cvss.iter().map(|cvss| cvss.vector.to_string()));
        weakness.cvss.sort_unstable();
        weakness.cvss.dedup();
        weakness.cwes.extend(&facts.cwes);
        weakness.cwes.sort_unstable();
        weakness.cwes.dedup();
    }
}

fn freeze(estate: &Estate, stated: Option<&Scope>) -> ScopeFacts {
    let none = Scope::default();
    let scope = stated.unwrap_or(&none);
    let mut jewels: Vec<JewelFacts> = scope
        .crown_jewels
        .iter()
        .map(|jewel| JewelFacts {
            name: jewel.name.clone(),
            worth: match jewel.worth.basis {
                Basis::Loss | Basis::PerYear => jewel.worth.amount,
            },
            owner: jewel.owner.clone(),
            assets: Vec::new(),
        })
        .collect();
    let mut entries: Vec<EntryFacts> = scope
        .entries
        .iter()
        .map(|entry| EntryFacts {
            name: entry.name.clone(),
            kind: entry.kind.as_str().to_owned(),
            assets: Vec::new(),
        })
        .collect();
    let mut places = Vec::with_capacity(estate.assets.len());
    for index in estate.asset_indices() {
        let asset = estate.asset(index);
        let view = AssetView {
            kind: asset.kind,
            name: &asset.name,
            identifiers: &asset.identifiers,
            attributes: &asset.attributes,
            owner: None,
        };
        let placement = scope.classify(&view);
        for jewel in jewels.iter_mut().filter(|jewel| placement.crown_jewels.contains(&jewel.name.as_str())) {
            jewel.assets.push(index);
        }
        for entry in entries.iter_mut().filter(|entry| placement.entries.contains(&entry.name.as_str())) {
            entry.assets.push(index);
        }
        places.push(AssetPlace {
            in_scope: placement.in_scope,
            reason: placement.reason.to_owned(),
            owner: placement.owner.as_ref().map(|owner| owner.name.to_owned()),
            contact: placement.owner.as_ref().and_then(|owner| owner.contact.map(str::to_owned)),
            owner_because: placement.owner.as_ref().map(|owner| owner.because.clone()),
            services: placement.services.iter().map(|service| (*service).to_owned()).collect(),
            freshness_hours: placement.freshness.as_hours(),
        });
    }
    ScopeFacts {
        stated: stated.is_some(),
        organisation: scope.organisation.clone(),
        currency: scope.currency.clone(),
        places,
        jewels,
        entries,
        fix_hours: FixKind::ALL.into_iter().map(|kind| (kind, scope.fix_hours(kind))).collect(),
        tier_hours: scope.deadlines.tiers.iter().map(|(tier, within)| (*tier, within.as_hours())).collect(),
        deadline_table: scope.deadlines.table.clone(),
    }
}
