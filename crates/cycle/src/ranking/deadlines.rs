//! By when an exposure is to be fixed.

use bartizan_intel::{Situation, Within};
use bartizan_model::estate::Exposure;
use bartizan_model::{Timestamp, WeaknessKey};

use super::engine::Engine;

impl Engine<'_> {
    /// By when: the stricter of the deadline table, for published vulnerabilities, and the scope's own
    /// days for the tier. Both count from when the exposure was first seen.
    pub(super) fn deadline(
        &self,
        exposure: &Exposure,
        reachable: bool,
        tier: u8,
    ) -> (Option<Timestamp>, Option<String>) {
        match (self.by_table(exposure, reachable), self.by_scope(exposure, tier)) {
            (Some(Due { at: Some(at), why }), by_scope) => {
                by_scope.into_iter().chain([(at, why)]).min().unzip()
            }
            (Some(Due { at: None, why }), None) => (None, Some(why)),
            (_, by_scope) => by_scope.unzip(),
        }
    }

    /// What the deadline table asks of a published vulnerability.
    fn by_table(&self, exposure: &Exposure, reachable: bool) -> Option<Due> {
        let weakness = self.estate.weakness(exposure.weakness);
        if !matches!(weakness.key, WeaknessKey::Vulnerability(_)) {
            return None;
        }
        let facts = self.inputs.intel_of(weakness)?;
        let kev_known = self.inputs.feeds.iter().any(|feed| feed.feed == "kev");
        let deadline = self.book.deadlines.decide(Situation::of(facts, Some(reachable), kev_known))?;
        let at = match deadline.within {
            Within::Days(days) => Some(after(exposure.first_seen, i64::from(days) * 24)),
            Within::OnUpgrade => None,
        };
        Some(Due { at, why: deadline.why })
    }

    /// What the scope's own days for the tier ask.
    fn by_scope(&self, exposure: &Exposure, tier: u8) -> Option<(Timestamp, String)> {
        let hours = *self.inputs.scope.tier_hours.get(&tier)?;
        let why = format!("the scope gives tier {tier} {} days", hours / 24);
        Some((after(exposure.first_seen, hours), why))
    }
}

/// An answer of the deadline table; without a date, the fix may wait for the next upgrade.
struct Due {
    at: Option<Timestamp>,
    why: String,
}

fn after(at: Timestamp, hours: i64) -> Timestamp {
    Timestamp::from_second(at.as_second().saturating_add(hours.saturating_mul(3600))).unwrap_or(at)
}
