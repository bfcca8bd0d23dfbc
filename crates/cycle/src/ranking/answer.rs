//! What a ranking says: the answer that the command line prints, the API serves and the store keeps.
//!
//! The names and the order of the fields are a contract with all three; nothing is worked out here.

use bartizan_model::{Digest, Severity, State, Timestamp};
use bartizan_prioritize::Counterfactual;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::inputs::Digests;

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

impl Ranking {
    /// The exposures of one tier or of all, of one owner or of all, in order.
    pub fn select(&self, tier: Option<u8>, owner: Option<&str>) -> impl Iterator<Item = &Ranked> {
        self.exposures
            .iter()
            .filter(move |ranked| tier.is_none_or(|tier| ranked.tier == tier))
            .filter(move |ranked| owner.is_none_or(|owner| ranked.owner.as_deref() == Some(owner)))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
/// How much is known, in numbers.
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct EvidenceItem {
    pub text: String,
    pub tool: String,
    pub report: String,
    pub at: String,
    pub scanned_at: Timestamp,
}

/// An element in scope with its tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
/// Whether an element was looked at lately enough.
pub struct Freshness {
    pub last_assessed: Option<Timestamp>,
    pub window_hours: i64,
    pub fresh: bool,
}

/// A way from an entry to a crown jewel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AttackPath)]
pub struct Path {
    pub number: usize,
    pub entry: String,
    pub crown_jewel: String,
    pub likelihood: f64,
    /// Whether no likelier path differs from those before it.
    pub exact: bool,
    pub hops: Vec<Hop>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
/// One step of the attacker.
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
    /// Assets that the hop leads over, by id.
    pub assets: Vec<Digest>,
}

/// The fewest fixes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Certificate {
    pub holds: bool,
    pub statement: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
/// A fix with what it removes.
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
