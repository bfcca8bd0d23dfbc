//! A sink that counts what passes, for imports and for looking at a report without keeping it.

use std::collections::{BTreeMap, HashSet};

use bartizan_discover::{Outcome, Problem, Record};
use bartizan_model::{Digest, Observation};
use serde::Serialize;
use utoipa::ToSchema;

/// How many rejected records are named one by one; the rest is only counted.
const NAMED_PROBLEMS: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct IgnoredReason {
    pub reason: String,
    pub count: u64,
}

/// Counts of a report's records.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) records: u64,
    pub(crate) occurrences: u64,
    pub(crate) observed: u64,
    pub(crate) ignored: u64,
    pub(crate) rejected: u64,
    own_findings: u64,
    folds: HashSet<Digest>,
    reasons: BTreeMap<String, u64>,
    pub(crate) problems: Vec<Problem>,
}

impl Counts {
    pub(crate) fn count(&mut self, record: &Record) {
        self.records += 1;
        match &record.outcome {
            Outcome::Observed(observations) => {
                self.observed += 1;
                let occurrences = observations
                    .iter()
                    .filter(|observation| matches!(observation, Observation::Finding(_)))
                    .count();
                self.occurrences += occurrences as u64;
                if occurrences > 0 {
                    match &record.folds_into {
                        Some(key) => {
                            self.folds.insert(Digest::of(key.as_bytes()));
                        }
                        None => self.own_findings += 1,
                    }
                }
            }
            Outcome::Ignored { reason, .. } => {
                self.ignored += 1;
                *self.reasons.entry(reason.to_string()).or_default() += 1;
            }
            Outcome::Rejected { message } => {
                self.rejected += 1;
                if self.problems.len() < NAMED_PROBLEMS {
                    self.problems.push(Problem { at: record.at.clone(), message: message.clone() });
                }
            }
        }
    }

    /// Distinct weakness entries, as the tool's users count them.
    pub(crate) fn findings(&self) -> u64 {
        self.own_findings + self.folds.len() as u64
    }

    /// Why records were ignored, most frequent first.
    pub(crate) fn reasons(&self) -> Vec<IgnoredReason> {
        let mut reasons: Vec<IgnoredReason> = self
            .reasons
            .iter()
            .map(|(reason, count)| IgnoredReason { reason: reason.clone(), count: *count })
            .collect();
        reasons
            .sort_by(|left, right| right.count.cmp(&left.count).then_with(|| left.reason.cmp(&right.reason)));
        reasons
    }
}
