//! Records: the smallest units of a report that say something, each with its outcome.
//!
//! "Count in = count out" rests on them: every record that a report holds reaches the [`Sink`] once,
//! as observed, ignored with a reason, or rejected with its place.

use std::borrow::Cow;
use std::sync::Arc;

use bartizan_model::{Observation, Subject, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Result;

/// One record of a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Where it stands in the file: `Results[3].Vulnerabilities[17]`, `host 10.0.0.1 port tcp/22`.
    pub at: String,
    pub outcome: Outcome,
    /// Records with the same text here are one finding to the tool's users (one check on many
    /// hosts, say). `None`: the record is a finding of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds_into: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It makes these observations (at least one).
    Observed(Vec<Observation>),
    /// It names no weakness and no asset of its own, for a reason that a person can count: `check
    /// passed`, `port closed`. What it proves all the same (coverage) comes with it.
    Ignored { reason: Cow<'static, str>, observations: Vec<Observation> },
    /// It should have said something but cannot be understood.
    Rejected { message: String },
}

impl Record {
    pub fn observed(at: impl Into<String>, observations: Vec<Observation>) -> Self {
        Self { at: at.into(), outcome: Outcome::Observed(observations), folds_into: None }
    }

    pub fn ignored(at: impl Into<String>, reason: impl Into<Cow<'static, str>>) -> Self {
        let outcome = Outcome::Ignored { reason: reason.into(), observations: Vec::new() };
        Self { at: at.into(), outcome, folds_into: None }
    }

    /// Ignored, but it proves something: a passed check is coverage.
    pub fn ignored_with(
        at: impl Into<String>,
        reason: impl Into<Cow<'static, str>>,
        observations: Vec<Observation>,
    ) -> Self {
        let outcome = Outcome::Ignored { reason: reason.into(), observations };
        Self { at: at.into(), outcome, folds_into: None }
    }

    pub fn rejected(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at: at.into(), outcome: Outcome::Rejected { message: message.into() }, folds_into: None }
    }

    #[must_use]
    pub fn folded(mut self, key: impl Into<String>) -> Self {
        self.folds_into = Some(key.into());
        self
    }
}

/// Where records go.
pub trait Sink {
    /// Takes the next record.
    fn record(&mut self, record: Record) -> Result<()>;

    /// Takes something that the report says as a whole and that no record of it counts for:
    /// coverage of a target, the asset that was scanned.
    fn remark(&mut self, observation: Observation) -> Result<()>;
}

/// What the reader is told about the report from outside.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The file's name without folder and extensions: the last resort for naming what was scanned.
    pub name: String,
    /// The asset that the report is about, if a person said so (`--asset`, or the scope's sources).
    pub asset: Option<Arc<Subject>>,
    /// The zone to which private addresses in the report belong.
    pub zone: Option<String>,
    /// The zone from which a network scanner looked.
    pub viewpoint: Option<String>,
    /// For the format `generic`: which columns hold what, as YAML or JSON (see `formats/generic`).
    pub mapping: Option<String>,
}

/// What a report says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Header {
    /// The tool that made it: the source of every occurrence in it.
    pub tool: String,
    pub tool_version: Option<String>,
    /// When the scan ended (or began, where only that is known).
    pub scanned_at: Option<Timestamp>,
    /// What could not be understood but loses no record, and what a person should know.
    pub problems: Vec<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
/// What a reader could not understand, and where.
#[schema(as = ReadingProblem)]
pub struct Problem {
    pub at: String,
    pub message: String,
}

impl Header {
    pub fn new(tool: impl Into<String>) -> Self {
        Self { tool: tool.into(), ..Self::default() }
    }

    pub fn problem(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { at: at.into(), message: message.into() });
    }
}
