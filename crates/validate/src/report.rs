//! What a validation says: one outcome, four answers, and the evidence of each.

use bartizan_model::Timestamp;
use bartizan_model::check::{Method, Outcome};
use serde::{Deserialize, Serialize};

use crate::guard::Permit;
use crate::probe::Probe;
use crate::record::Record;
use crate::subject::ValidationSubject;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum YesNo {
    Yes,
    No,
    Unknown,
}

/// One of the four answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub answer: YesNo,
    pub why: String,
    /// What would make an unknown answer known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// Positions in [`Report::records`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<usize>,
}

impl Answer {
    pub(crate) fn yes(why: impl Into<String>, evidence: Vec<usize>) -> Self {
        Self { answer: YesNo::Yes, why: why.into(), needs: None, evidence }
    }

    pub(crate) fn no(why: impl Into<String>, evidence: Vec<usize>) -> Self {
        Self { answer: YesNo::No, why: why.into(), needs: None, evidence }
    }

    pub(crate) fn unknown(why: impl Into<String>, needs: impl Into<String>) -> Self {
        Self { answer: YesNo::Unknown, why: why.into(), needs: Some(needs.into()), evidence: Vec::new() }
    }
}

/// The four questions, each answered from its own evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Can it be reached from where the checks ran?
    pub accessible: Answer,
    /// Can it be used under these network conditions?
    pub exploitable: Answer,
    /// Did a control stop it?
    pub controls_hold: Answer,
    /// What follows if it is used?
    pub harm: Answer,
}

/// What the records say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    pub outcome: Outcome,
    pub because: String,
    pub answers: Answers,
}

impl Judgement {
    /// Whether the check showed that the weakness can be used; an open port alone does not.
    pub fn proves(&self) -> bool {
        self.outcome == Outcome::Confirmed && self.answers.exploitable.answer == YesNo::Yes
    }
}

/// What is to be sent, and by which validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of an entry of [`crate::VALIDATORS`]; `None` when none can look at the exposure.
    pub validator: Option<String>,
    pub probes: Vec<Probe>,
    /// False when some targets were left out: such a plan can confirm and cannot refute.
    pub complete: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A line of a dry run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsal {
    pub target: String,
    pub method: Method,
    /// The bytes, where they are known before the answer.
    pub sends: String,
    /// The permit, or why it would not be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permit: Option<Permit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Says that a name is looked up only when the check runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A validation with all that is needed to judge it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub subject: ValidationSubject,
    pub plan: Plan,
    /// The zone in which the checks ran; what they saw holds from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    pub started: Timestamp,
    pub finished: Timestamp,
    #[serde(flatten)]
    pub judgement: Judgement,
    pub records: Vec<Record>,
}
