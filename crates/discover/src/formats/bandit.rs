//! Bandit JSON: weaknesses in Python code.
//!
//! A record is one issue. Its place is the flagged line, by its text: the same as in the SARIF that
//! Bandit writes, so that both are one exposure. What `# nosec` hides is not in the report.
//!
//! Coverage: the metrics list every file that was read, and how many issues it has. Where all of
//! those issues are in the report, no filter by severity or confidence hid any, so every test covers
//! the files that were parsed. A choice of tests (`--tests`, `--skip`) does not show in the report.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{
    Checks, Coverage, Finding, FixHint, FixKind, Observation, Place, Places, Severity, Subject, Weakness,
    WeaknessKey, excerpt,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Confidence, Format, Kind};
use crate::{Context, Error, Head, Header, Record, Result, Sink, lenient, redact, target};

/// The name of the tool in its SARIF, too.
const FAMILY: &str = "bandit";

pub(super) const FORMAT: Format = Format {
    name: "bandit",
    title: "Bandit JSON",
    tool: "Bandit",
    kind: Kind::Code,
    example: "bandit --recursive . --format json --output bandit.json",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let has_metrics = head.has_keys(&["generated_at", "metrics"]) && head.contains("\"CONFIDENCE.");
    let has_issues = head.has_key("results") && head.contains("\"issue_confidence\"");
    if has_metrics || has_issues { Confidence::Certain } else { Confidence::No }
}

const ROUTES: &[&str] = &["generated_at", "errors[]", "metrics.{}", "results[]"];

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    filename: String,
    #[serde(default)]
    test_id: String,
    #[serde(default, deserialize_with = "lenient::text")]
    test_name: Option<String>,
    #[serde(default)]
    issue_text: String,
    #[serde(default, deserialize_with = "lenient::text")]
    issue_severity: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    issue_confidence: Option<String>,
    /// Since version 1.7.3; an empty object where there is none.
    #[serde(default, deserialize_with = "lenient::optional")]
    issue_cwe: Option<Cwe>,
    #[serde(default, deserialize_with = "lenient::optional")]
    line_number: Option<u64>,
    #[serde(default, deserialize_with = "lenient::optional")]
    line_range: Option<Vec<u64>>,
    /// The flagged lines and those around them, each after its number.
    #[serde(default)]
    code: String,
    #[serde(default, deserialize_with = "lenient::text")]
    more_info: Option<String>,
}

#[derive(Deserialize)]
struct Cwe {
    id: u32,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    filename: String,
    #[serde(default)]
    reason: String,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new(FAMILY);
    let repository = target::repository(context, &mut header);
    let mut files = BTreeSet::new();
    let mut unread = BTreeSet::new();
    // As the metrics count them, and as the report holds them.
    let (mut counted, mut told) = (0.0, 0.0);
    let mut is_complete = false;
    walk::<Error>(reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, key, json } = event else { return Ok(()) };
        match route {
            0 => {
                let time = serde_json::from_str::<String>(json).ok();
                header.scanned_at = time.as_deref().and_then(crate::time::parse);
            }
            1 => {
                let Ok(fault) = serde_json::from_str::<Fault>(json) else { return Ok(()) };
                let path = target::path_inside(&repository, &fault.filename);
                let message = format!("Bandit could not read {path}: {}", excerpt(&fault.reason, 300));
                header.problem(position.to_string(), message);
                unread.insert(path);
            }
            2 if key == Some("_totals") => {
                is_complete = true;
                let totals: Value = serde_json::from_str(json).unwrap_or_default();
                counted = ["HIGH", "MEDIUM", "LOW", "UNDEFINED"]
                    .iter()
                    .filter_map(|word| totals.get(format!("SEVERITY.{word}"))?.as_f64())
                    .sum();
            }
            2 => {
                files.extend(key.map(|file| target::path_inside(&repository, file)));
            }
            _ => {
                told += 1.0;
                let record = match serde_json::from_str::<Issue>(json) {
                    Ok(issue) => {
                        header.tool_version = header.tool_version.take().or_else(|| version(&issue));
                        record(position.to_string(), &issue, &repository)
                    }
                    Err(error) => Record::rejected(position.to_string(), error.to_string()),
                };
                sink.record(record)?;
            }
        }
        Ok(())
    })?;
    if !is_complete && told == 0.0 {
        let message = "there are neither metrics nor results in it".to_owned();
        return Err(Error::Incomplete { format: FORMAT.name, message });
    }
    let paths: Vec<String> = files.into_iter().filter(|file| !unread.contains(file)).collect();
    if is_complete && counted > told {
        let message = format!(
            "{} of {counted} issues were left out by a filter, so what is absent closes nothing",
            counted - told
        );
        header.problem("the document", message);
    } else if is_complete && !paths.is_empty() {
        sink.remark(Observation::Coverage(Coverage {
            subject: repository,
            checks: Checks::Family(FAMILY.to_owned()),
            places: Places::Paths(paths),
        }))?;
    }
    Ok(header)
}

/// Links to the documentation name the version: `…readthedocs.io/en/1.9.4/plugins/…`.
fn version(issue: &Issue) -> Option<String> {
    let (_, rest) = issue.more_info.as_deref()?.split_once("readthedocs.io/en/")?;
    let version = rest.split('/').next()?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

/// The line with a number, without it: `10 import subprocess` → `import subprocess`.
fn line(code: &str, number: u64) -> Option<&str> {
    code.lines().find_map(|line| {
        let line = line.trim_start();
        let (digits, text) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        (digits.parse::<u64>() == Ok(number)).then_some(text)
    })
}

/// Hard-coded passwords (B105 to B107) and what else is about credentials quotes them.
fn is_about_credentials(issue: &Issue, cwe: Option<u32>) -> bool {
    matches!(cwe, Some(256 | 259 | 312 | 321 | 522 | 798))
        || issue.test_name.as_deref().is_some_and(|name| name.contains("password"))
}

fn without_quotations(text: &str) -> String {
    match (text.find('\''), text.rfind('\'')) {
        (Some(start), Some(end)) if end > start => format!("{}…{}", &text[..=start], &text[end..]),
        _ => text.to_owned(),
    }
}

fn record(at: String, issue: &Issue, repository: &Arc<Subject>) -> Record {
    if issue.test_id.is_empty() {
        return Record::rejected(at, "the field test_id is missing");
    }
    let path = target::path_inside(repository, &issue.filename);
    if path.is_empty() {
        return Record::rejected(at, "the field filename is missing");
    }
    let cwe = issue.issue_cwe.as_ref().map(|cwe| cwe.id).filter(|id| *id > 0);
    let is_secret = is_about_credentials(issue, cwe);
    let text = if is_secret { without_quotations(&issue.issue_text) } else { issue.issue_text.clone() };
    let title =
        if text.is_empty() { issue.test_name.clone().unwrap_or_default() } else { excerpt(&text, 200) };
    let mut weakness = Weakness::new(WeaknessKey::rule(FAMILY, &issue.test_id), title);
    weakness.cwes = cwe.into_iter().collect();
    weakness.references = issue.more_info.iter().filter(|link| link.contains("://")).cloned().collect();
    let number = issue.line_number.unwrap_or_default();
    let flagged = line(&issue.code, number);
    let context = format!("{}  {text}", issue.test_id);
    let severity = issue.issue_severity.as_deref().map_or(Severity::Unknown, Severity::from_word);
    let place = Place::code(&path, flagged, &context);
    let mut finding = Finding::new(Arc::clone(repository), weakness, place, severity);
    let range = issue.line_range.as_deref().unwrap_or_default();
    let last = range.last().copied().unwrap_or(number);
    let lines: Vec<&str> =
        (number..=last.min(number + 50)).filter_map(|number| line(&issue.code, number)).collect();
    finding.evidence =
        if is_secret { Some(excerpt(&text, 2_000)) } else { redact::code([lines.join("\n").as_str()]) };
    finding.fix = Some(FixHint {
        kind: FixKind::ChangeCode,
        text: format!("Change line {number} of {path}: {}.", excerpt(&text, 300).trim_end_matches('.')),
        component: None,
        fixed_versions: Vec::new(),
    });
    let attributes = &mut finding.attributes;
    for (key, value) in [
        ("path", Some(path.as_str())),
        ("test", issue.test_name.as_deref()),
        ("confidence", issue.issue_confidence.as_deref()),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.insert(key.to_owned(), value.into());
        }
    }
    if number > 0 {
        attributes.insert("line".to_owned(), number.into());
    }
    if last > number {
        attributes.insert("end_line".to_owned(), last.into());
    }
    Record::observed(at, vec![Observation::Finding(Box::new(finding))])
}

#[cfg(test)]
mod tests {
    use super::{line, without_quotations};

    #[test]
    fn lines_lose_their_number() {
        let code = "9 import sqlite3\n10     import subprocess\n11\n";
        assert_eq!(line(code, 10), Some("    import subprocess"));
        assert_eq!(line(code, 11), Some(""));
        assert_eq!(line(code, 1), None);
    }

    #[test]
    fn quoted_secrets_are_masked() {
        assert_eq!(
            without_quotations("Possible hardcoded password: 'it's me'"),
            "Possible hardcoded password: '…'"
        );
    }
}
