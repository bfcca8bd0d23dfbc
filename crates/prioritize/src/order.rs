//! The one total order: tier, then risk removed if fixed, then likelihood, then severity, then age,
//! and the key last, so that no two exposures are ever equal.

use std::cmp::Ordering;

use bartizan_model::{Digest, Severity, Timestamp};

/// What the order looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    pub key: Digest,
    pub tier: u8,
    /// Expected loss at the crown jewels before minus after the fix, in the scope's currency.
    pub risk_removed: f64,
    /// Share of simulated attacks that use it, 0 to 1.
    pub used: f64,
    pub likelihood: Option<f64>,
    pub severity: Severity,
    pub first_seen: Timestamp,
}

/// Compares two exposures; `Less` comes first.
pub fn order(left: &Placed, right: &Placed) -> Ordering {
    // An unknown likelihood stands where the highest does: unknown is not harmless.
    let likelihood = |placed: &Placed| placed.likelihood.unwrap_or(1.0);
    left.tier
        .cmp(&right.tier)
        .then_with(|| right.risk_removed.total_cmp(&left.risk_removed))
        .then_with(|| right.used.total_cmp(&left.used))
        .then_with(|| likelihood(right).total_cmp(&likelihood(left)))
        .then_with(|| right.severity.cmp(&left.severity))
        .then_with(|| left.first_seen.cmp(&right.first_seen))
        .then_with(|| left.key.cmp(&right.key))
}
