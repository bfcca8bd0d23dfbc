//! SARIF 2.1.0 and its drafts from 2.0: the exchange format of static analysis.
//!
//! A record is one result. Passed, not applicable and baseline-absent results are ignored. A
//! suppressed result is kept, with the status "not affected" and the suppression as justification,
//! unless the suppression was rejected: users of the tools still count it, and what was once
//! suppressed must not look as if it had been fixed. A result at several locations is one finding
//! and an occurrence at each location.
//!
//! Weaknesses: a rule that is a published id (or has one in its tags) is that vulnerability, a
//! result of a scanner of secrets is `secret:exposed`, everything else is the rule in the family of
//! the tool's name. Place: the tool's fingerprint, else the flagged text; never the line.
//!
//! Coverage: stated once for a run whose invocations all succeeded, for the rules that the tool lists
//! on the artifacts that the run lists. Most producers list only what fired; then it covers little.
//!
//! Members of a run come in any order (several tools write results before their rules), so results
//! wait for the end of their run, as text, up to [`WAITING_BYTES`]; after that they wait only for the tool.

mod result;
mod run;
mod schema;

use std::io::Read;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::Observation;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::run::Run;
use self::schema::{Finding, Rule};
use super::{Confidence, Format, Kind};
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "sarif",
    title: "SARIF",
    tool: "CodeQL, Semgrep, Bandit, Checkov and many others",
    kind: Kind::Code,
    example: "semgrep scan --sarif --output results.sarif",
    sniff,
    parse,
};

/// How much text of results may wait for what follows them in their run.
const WAITING_BYTES: usize = 64 << 20;

fn sniff(head: &Head<'_>) -> Confidence {
    if head.is_json_array() || !head.has_key("runs") {
        return Confidence::No;
    }
    let names_itself = head.contains("sarif") || head.contains("\"driver\"");
    let is_versioned = head.has_key("version") || head.has_key("$schema");
    match (names_itself, is_versioned) {
        (true, _) => Confidence::Certain,
        (false, true) => Confidence::Possible,
        (false, false) => Confidence::No,
    }
}

const ROUTES: [&str; 12] = [
    "version",
    "runs[].tool",
    "runs[].results[]",
    "runs[].artifacts[]",
    "runs[].logicalLocations[]",
    "runs[].invocations[]",
    "runs[].versionControlProvenance[]",
    "runs[].originalUriBaseIds",
    "runs[].properties",
    // Drafts of 2.0.
    "runs[].resources.rules",
    "runs[].rules",
    "runs[].invocation",
];

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut reading = Reading {
        header: Header::default(),
        run: None,
        waiting: Vec::new(),
        waiting_bytes: 0,
        runs: 0,
        depth: 0,
        has_told_of_subject: false,
        context,
        sink,
    };
    let mut version = None;
    walk::<Error>(reader, &ROUTES, Documents::One, &mut |event, position| match event {
        Event::Begin { .. } => {
            reading.depth += 1;
            // The document itself, then a run, then what of a draft nests deeper.
            if reading.depth == 2 {
                reading.begin();
            }
            Ok(())
        }
        Event::End { .. } => {
            reading.depth -= 1;
            if reading.depth == 1 { reading.end() } else { Ok(()) }
        }
        Event::Value { route: 0, json, .. } => {
            version = serde_json::from_str::<String>(json).ok();
            Ok(())
        }
        Event::Value { route, json, .. } => reading.value(route, json, position.to_string()),
    })?;
    let Reading { mut header, runs, .. } = reading;
    if runs == 0 && version.is_none() {
        return Err(Error::Incomplete { format: FORMAT.name, message: "it has no runs".to_owned() });
    }
    if header.tool.is_empty() {
        "sarif".clone_into(&mut header.tool);
    }
    Ok(header)
}

/// The state of the walk.
struct Reading<'r> {
    header: Header,
    run: Option<Run>,
    waiting: Vec<(String, Box<str>)>,
    waiting_bytes: usize,
    runs: usize,
    depth: usize,
    has_told_of_subject: bool,
    context: &'r Context,
    sink: &'r mut dyn Sink,
}

impl Reading<'_> {
    fn begin(&mut self) {
        self.run = Some(Run::default());
        self.runs += 1;
    }

    fn value(&mut self, route: usize, json: &str, at: String) -> Result<()> {
        let Some(run) = &mut self.run else { return Ok(()) };
        let problems = &mut self.header;
        match ROUTES[route] {
            "runs[].results[]" => return self.result(json, at),
            "runs[].tool" => {
                if let Some(tool) = read(json, &at, problems) {
                    run.set_tool(tool);
                }
            }
            "runs[].artifacts[]" => {
                if let Some(artifact) = read(json, &at, problems) {
                    run.add_artifact(artifact);
                }
            }
            "runs[].logicalLocations[]" => {
                if let Some(logical) = read(json, &at, problems) {
                    run.add_logical(logical);
                }
            }
            "runs[].invocations[]" | "runs[].invocation" => {
                if let Some(invocation) = read(json, &at, problems) {
                    run.add_invocation(invocation);
                }
            }
            "runs[].versionControlProvenance[]" => {
                if let Some(provenance) = read(json, &at, problems) {
                    run.add_provenance(provenance);
                }
            }
            "runs[].originalUriBaseIds" => {
                if let Some(Some(bases)) = read(json, &at, problems) {
                    run.set_bases(bases);
                }
            }
            "runs[].properties" => {
                if let Some(Some(properties)) = read(json, &at, problems) {
                    run.set_properties(properties);
                }
            }
            "runs[].resources.rules" | "runs[].rules" => run.add_loose_rules(loose_rules(json)),
            _ => {}
        }
        Ok(())
    }

    fn result(&mut self, json: &str, at: String) -> Result<()> {
        let is_tool_known = self.run.as_ref().is_some_and(|run| run.tool().is_some());
        if self.waiting_bytes + json.len() > WAITING_BYTES && is_tool_known {
            self.flush()?;
            return self.emit(&at, json);
        }
        self.waiting_bytes += json.len();
        self.waiting.push((at, json.into()));
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        for (at, json) in std::mem::take(&mut self.waiting) {
            self.emit(&at, &json)?;
        }
        // What waited once does not wait again: from now on results stream.
        Ok(())
    }

    fn emit(&mut self, at: &str, json: &str) -> Result<()> {
        let Some(run) = &mut self.run else { return Ok(()) };
        let record = match serde_json::from_str::<Finding>(json) {
            Ok(finding) => result::record(at.to_owned(), &finding, run, self.context),
            Err(error) => Record::rejected(at, error.to_string()),
        };
        self.sink.record(record)
    }

    fn end(&mut self) -> Result<()> {
        let has_results = self.waiting_bytes > 0;
        self.flush()?;
        self.waiting_bytes = 0;
        let Some(mut run) = self.run.take() else { return Ok(()) };
        let at = format!("runs[{}]", self.runs - 1);
        match run.tool() {
            Some(tool) => {
                if self.header.tool.is_empty() {
                    run.family().clone_into(&mut self.header.tool);
                    self.header.tool_version = tool.version().map(str::to_owned);
                } else if self.header.tool != run.family() {
                    let message = format!(
                        "this run is by {}, the first by {}; the report counts as the first one's",
                        run.family(),
                        self.header.tool
                    );
                    self.header.problem(&at, message);
                }
            }
            None => self.header.problem(&at, "the run does not name its tool"),
        }
        for invocation in run.invocations() {
            let time = [&invocation.end, &invocation.start]
                .into_iter()
                .find_map(|time| crate::time::parse(time.as_deref()?));
            self.header.scanned_at = self.header.scanned_at.max(time);
            if invocation.successful == Some(false) {
                let reason = invocation.exit.as_deref().unwrap_or("no reason given");
                self.header.problem(&at, format!("the tool says that it did not succeed: {reason}"));
            }
        }
        let subject = run.subject(self.context);
        if has_results && !run.named_subject && !std::mem::replace(&mut self.has_told_of_subject, true) {
            let name = &self.context.name;
            let message = format!(
                "the run does not say what was scanned; its repository is called {name:?} after the file; --asset names it"
            );
            self.header.problem(&at, message);
        }
        if let Some(asset) = run.asset(&subject) {
            self.sink.remark(Observation::Asset(asset))?;
        }
        run.coverage_remark(&subject).map_or(Ok(()), |coverage| self.sink.remark(coverage))
    }
}

/// Reads a part of a run. One that cannot be read costs what it would have told, not the report.
fn read<T: DeserializeOwned>(json: &str, at: &str, header: &mut Header) -> Option<T> {
    match serde_json::from_str(json) {
        Ok(part) => Some(part),
        Err(error) => {
            header.problem(at, error.to_string());
            None
        }
    }
}

/// Drafts list their rules, or map ids to them.
fn loose_rules(json: &str) -> Vec<Rule> {
    let values: Vec<Value> = match serde_json::from_str(json) {
        Ok(Value::Array(list)) => list,
        Ok(Value::Object(map)) => map
            .into_iter()
            .map(|(id, mut rule)| {
                if let Some(members) = rule.as_object_mut() {
                    members.entry("id").or_insert(Value::String(id));
                }
                rule
            })
            .collect(),
        _ => Vec::new(),
    };
    values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect()
}
