//! The estate: what is known now, in memory, as the graph and the ranking read it.
//!
//! It is a plain picture taken from the store: dense indices instead of keys, everything sorted, so
//! that equal facts give equal bytes and a ranking can be replayed from it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AssetKind, Attributes, Digest, FixHint, Identifier, Part, Place, RelationKind, Severity, State, Status,
    Timestamp, Weakness,
};

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
            #[serde(transparent)]
            pub struct $name(pub u32);

            impl $name {
                pub const fn index(self) -> usize {
                    self.0 as usize
                }
            }
        )*
    };
}

index! {
    /// Position in [`Estate::assets`].
    AssetIndex;
    /// Position in [`Estate::weaknesses`].
    WeaknessIndex;
    /// Position in [`Estate::exposures`].
    ExposureIndex;
    /// Position in [`Estate::reports`].
    ReportIndex;
}

/// Everything that is known, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estate {
    /// By key.
    pub assets: Vec<Asset>,
    /// By kind, ends and attributes.
    pub relations: Vec<Relation>,
    /// By host, protocol and port.
    pub services: Vec<Service>,
    /// By key.
    pub weaknesses: Vec<Weakness>,
    /// By asset, weakness and place. Live and closed ones.
    pub exposures: Vec<Exposure>,
    /// By digest.
    pub reports: Vec<Report>,
    /// Components inside assets, as bills of materials list them. By asset, component, version.
    pub components: Vec<Component>,
}

impl Estate {
    pub fn asset(&self, index: AssetIndex) -> &Asset {
        &self.assets[index.index()]
    }

    pub fn weakness(&self, index: WeaknessIndex) -> &Weakness {
        &self.weaknesses[index.index()]
    }

    pub fn exposure(&self, index: ExposureIndex) -> &Exposure {
        &self.exposures[index.index()]
    }

    pub fn report(&self, index: ReportIndex) -> &Report {
        &self.reports[index.index()]
    }

    pub fn asset_indices(&self) -> impl Iterator<Item = AssetIndex> + use<> {
        (0..self.assets.len() as u32).map(AssetIndex)
    }

    pub fn exposure_indices(&self) -> impl Iterator<Item = ExposureIndex> + use<> {
        (0..self.exposures.len() as u32).map(ExposureIndex)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    pub key: Digest,
    pub kind: AssetKind,
    /// For people; never identity.
    pub name: String,
    /// Sorted: the best first.
    pub identifiers: Vec<Identifier>,
    /// The latest value of every property that a report gave.
    pub attributes: Attributes,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// When a check last ran on it, whatever it found; `None`: nobody looked for weaknesses.
    pub assessed_at: Option<Timestamp>,
    /// The reports that last spoke of it, one per source.
    pub witnesses: Vec<Mention>,
}

impl Asset {
    pub fn attribute(&self, name: &str) -> Option<&serde_json::Value> {
        self.attributes.get(name)
    }

    /// The values of one scheme.
    pub fn identifiers_of(&self, scheme: crate::Scheme) -> impl Iterator<Item = &str> {
        self.identifiers.iter().filter(move |identifier| identifier.scheme() == scheme).map(Identifier::value)
    }
}

/// Where a report says something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mention {
    pub report: ReportIndex,
    /// Place in the report's file.
    pub at: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relation {
    pub kind: RelationKind,
    pub from: AssetIndex,
    pub to: AssetIndex,
    pub attributes: Attributes,
    pub witnesses: Vec<Mention>,
}

/// A port on which a host answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub host: AssetIndex,
    pub protocol: String,
    pub port: u16,
    pub attributes: Attributes,
    pub witnesses: Vec<Mention>,
}

/// A component inside an asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Component {
    pub asset: AssetIndex,
    pub part: Part,
    pub attributes: Attributes,
    pub witnesses: Vec<Mention>,
}

/// A weakness on an asset at a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    pub key: Digest,
    pub asset: AssetIndex,
    pub weakness: WeaknessIndex,
    pub place: Place,
    pub state: State,
    /// The highest that a live witness states.
    pub severity: Severity,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub witnesses: Vec<Witness>,
}

/// What one source says of an exposure, most recently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    pub tool: String,
    pub mention: Mention,
    pub part: Option<Part>,
    pub status: Status,
    pub severity: Severity,
    pub evidence: Option<String>,
    pub fix: Option<FixHint>,
    pub attributes: Attributes,
    pub last_seen: Timestamp,
    /// False once the same check reached the same target later and did not fire.
    pub live: bool,
}

/// A fact that a fix takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    Exposure(ExposureIndex),
    /// Position in [`Estate::relations`].
    Relation(u32),
    /// Position in [`Estate::services`].
    Service(u32),
}

/// A report that was imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    pub digest: Digest,
    pub file: String,
    pub format: String,
    pub tool: String,
    pub tool_version: Option<String>,
    pub scanned_at: Timestamp,
}
