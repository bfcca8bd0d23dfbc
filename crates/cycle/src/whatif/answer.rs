//! What a what-if says. The names of the fields are a contract with the command line; nothing is worked
//! out here.

use bartizan_model::{Digest, Timestamp};
use serde::Serialize;

use super::plan::PlanAnswer;
use crate::ranking::{Certificate, EvidenceItem, FixAnswer, FixEntry, Path};

/// The changed world beside the one of today.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub as_of: Timestamp,
    pub currency: Option<String>,
    /// One or more sentences: the answer.
    pub headline: String,
    pub jewels: Vec<JewelChange>,
    /// Sum over the crown jewels.
    pub expected_loss_before: f64,
    pub expected_loss: f64,
    /// Paths of the changed world that need something which today's has not; numbers are those of the
    /// changed world.
    pub opened: Vec<Path>,
    /// Paths of today that need something which the changed world has not; numbers are those of
    /// `bartizan paths`.
    pub closed: Vec<Path>,
    /// How many paths stay.
    pub unchanged: usize,
    /// The fixes that were made.
    pub fixed: Vec<FixEntry>,
    /// Whether the fixes that were made leave no path; only where fixes were made.
    pub certificate: Option<Certificate>,
    pub compromised: Option<Compromised>,
    pub zero_day: Option<ZeroDay>,
    pub plan: Option<PlanAnswer>,
    pub containment: Containment,
    /// What the answer takes for granted.
    pub assumed: Vec<String>,
}

/// A crown jewel before and after.
#[derive(Clone, Debug, Serialize)]
pub struct JewelChange {
    pub name: String,
    pub worth: f64,
    pub owner: Option<String>,
    pub reachable_before: bool,
    pub reachable: bool,
    /// Chance that it falls, by simulation.
    pub probability_before: f64,
    pub probability: f64,
    pub standard_error_before: f64,
    pub standard_error: f64,
    pub expected_loss_before: f64,
    pub expected_loss: f64,
    pub paths_before: usize,
    pub paths: usize,
}

/// What falls with an asset.
#[derive(Clone, Debug, Serialize)]
pub struct Compromised {
    pub asset: String,
    pub id: Digest,
    pub kind: String,
    pub owner: Option<String>,
    /// Crown jewels that whoever holds the asset gets from it alone.
    pub crown_jewels: Vec<String>,
    /// How many other assets in scope fall to whoever holds it; network zones are not counted.
    pub blast_radius: usize,
    /// Of how many assets in scope.
    pub assets_in_scope: usize,
    /// They, by kind and name; out-of-scope ones, too, and marked.
    pub gains: Vec<Gained>,
}

/// An asset that falls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Gained {
    pub kind: String,
    pub asset: String,
    pub id: Digest,
    /// How much of it, in words: `user on …`, `content of …`, the name alone for full control.
    pub what: String,
    pub owner: Option<String>,
    pub in_scope: bool,
}

/// A weakness that nobody knows yet, in one component.
#[derive(Clone, Debug, Serialize)]
pub struct ZeroDay {
    /// As it was asked for.
    pub component: String,
    /// Chance that it works for an attacker who reaches it.
    pub likelihood: f64,
    pub likelihood_because: String,
    pub affected: Vec<Affected>,
    /// How many assets in scope that hold or run software have a component inventory.
    pub with_inventory: usize,
    /// Those that have none: whether they hold the component is not known.
    pub without_inventory: Vec<Named>,
}

/// An asset that holds the component.
#[derive(Clone, Debug, Serialize)]
pub struct Affected {
    pub asset: String,
    pub id: Digest,
    pub kind: String,
    pub owner: Option<String>,
    pub contact: Option<String>,
    pub in_scope: bool,
    /// As reports name it.
    pub components: Vec<String>,
    /// Empty where no report knows the version.
    pub versions: Vec<String>,
    /// Where it listens, as `tcp/443`.
    pub ports: Vec<String>,
    /// Whether an attacker from a stated entry gets to use it.
    pub reached: bool,
    pub assumed: String,
    pub evidence: Vec<EvidenceItem>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Named {
    pub kind: String,
    pub asset: String,
    pub id: Digest,
    pub owner: Option<String>,
}

/// The fewest fixes that stop every path of the changed world.
#[derive(Clone, Debug, Serialize)]
pub struct Containment {
    #[serde(flatten)]
    pub answer: FixAnswer,
    /// Those that are not among the fewest fixes of today, by id.
    pub beyond_today: Vec<Digest>,
    /// Crown jewels for which no known fix is enough: `answer` is about the others.
    pub uncontained: Vec<String>,
}
