//! Looking at a report without keeping anything.

use std::collections::HashSet;
use std::path::Path;

use bartizan_discover::formats::{self, Format};
use bartizan_discover::{Context, Outcome, Problem, Record, Sink};
use bartizan_intake::{Document, Limits};
use bartizan_model::{Digest, Observation, Subject, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Result;
use crate::tallying::{Counts, IgnoredReason};

/// What a report is and holds.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Inspection {
    pub file: String,
    pub format: Option<&'static str>,
    pub title: Option<&'static str>,
    pub tool: Option<String>,
    pub tool_version: Option<String>,
    pub scanned_at: Option<Timestamp>,
    pub records: u64,
    pub findings: u64,
    pub occurrences: u64,
    pub assets: u64,
    pub relations: u64,
    pub services: u64,
    pub components: u64,
    pub rejected: u64,
    pub ignored: Vec<IgnoredReason>,
    #[serde(serialize_with = "problems")]
    pub problems: Vec<Problem>,
    pub error: Option<String>,
}

fn problems<S: serde::Serializer>(problems: &[Problem], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(problems)
}

#[derive(Default)]
struct Looking {
    counts: Counts,
    assets: HashSet<Digest>,
    relations: u64,
    services: u64,
    components: u64,
}

impl Looking {
    fn see(&mut self, subject: &Subject) {
        self.assets.insert(subject.digest());
    }

    fn look(&mut self, observation: &Observation) {
        match observation {
            Observation::Asset(asset) => self.see(&asset.subject),
            Observation::Relation(relation) => {
                self.relations += 1;
                self.see(&relation.from);
                self.see(&relation.to);
            }
            Observation::Service(service) => {
                self.services += 1;
                self.see(&service.host);
            }
            Observation::Finding(finding) => self.see(&finding.subject),
            Observation::Coverage(coverage) => self.see(&coverage.subject),
            Observation::Component(component) => {
                self.components += 1;
                self.see(&component.subject);
            }
        }
    }
}

impl Sink for Looking {
    fn record(&mut self, record: Record) -> bartizan_discover::Result<()> {
        self.counts.count(&record);
        match &record.outcome {
            Outcome::Observed(observations) | Outcome::Ignored { observations, .. } => {
                for observation in observations {
                    self.look(observation);
                }
            }
            Outcome::Rejected { .. } => {}
        }
        Ok(())
    }

    fn remark(&mut self, observation: Observation) -> bartizan_discover::Result<()> {
        self.look(&observation);
        Ok(())
    }
}

/// Reads a file and says what it is. A file that cannot be read gives an inspection with `error`.
pub fn inspect(path: &Path, format: Option<&str>, context: &Context, limits: Limits) -> Inspection {
    let mut inspection = Inspection { file: path.to_string_lossy().into_owned(), ..Inspection::default() };
    if let Err(error) = fill(&mut inspection, path, format, context, limits) {
        inspection.error = Some(error.to_string());
    }
    inspection
}

fn fill(
    inspection: &mut Inspection,
    path: &Path,
    format: Option<&str>,
    context: &Context,
    limits: Limits,
) -> Result<()> {
    let mut document = Document::open(path, limits)?;
    let format: &'static Format = match format {
        Some(name) => formats::by_name(name)?,
        None => formats::recognise(&document)?,
    };
    inspection.format = Some(format.name);
    inspection.title = Some(format.title);
    let mut looking = Looking::default();
    let result = formats::read(&mut document, format, context, &mut looking);
    inspection.records = looking.counts.records;
    inspection.findings = looking.counts.findings();
    inspection.occurrences = looking.counts.occurrences;
    inspection.rejected = looking.counts.rejected;
    inspection.ignored = looking.counts.reasons();
    inspection.assets = looking.assets.len() as u64;
    inspection.relations = looking.relations;
    inspection.services = looking.services;
    inspection.components = looking.components;
    inspection.problems = looking.counts.problems;
    let header = result?;
    inspection.tool = Some(header.tool);
    inspection.tool_version = header.tool_version;
    inspection.scanned_at = header.scanned_at;
    inspection.problems.extend(header.problems);
    Ok(())
}
