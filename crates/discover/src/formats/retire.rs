//! Retire.js JSON (versions 1 to 5): JavaScript libraries with known vulnerabilities.
//!
//! A record is one vulnerability of one library in one file, or a library without any. Versions
//! before 4 write an array of files, later ones an object with the array in `data`. Weaknesses that
//! no list of vulnerabilities names are known by the library and the number of its own tracker.
//!
//! Coverage: only files with a finding are listed, and the tool's list of vulnerabilities is its own
//! choice of all, so the report does not show that a vulnerability is gone: none is stated.

use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{
    Attributes, ComponentObservation, Finding, FixHint, FixKind, Observation, Part, Place, Severity, Subject,
    Weakness,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Confidence, Format, Kind};
use crate::{Context, Error, Head, Header, Record, Result, Sink, advisory, lenient, peek, purl, target};

pub(super) const FORMAT: Format = Format {
    name: "retire",
    title: "Retire.js JSON",
    tool: "Retire.js",
    kind: Kind::Vulnerabilities,
    example: "retire --path . --outputformat json --outputpath retire.json",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let version_4 = head.has_keys(&["version", "data"])
        && !head.is_json_array()
        && (head.has_key("start") || head.contains("\"detection\""));
    let has_libraries = head.contains("\"component\"") && head.contains("\"version\"");
    let older = head.is_json_array() && head.has_key("results") && has_libraries;
    if version_4 || older { Confidence::Certain } else { Confidence::No }
}

const ROUTES: &[&str] =
    &["version", "start", "errors[]", "data[].file", "data[].results[]", "[].file", "[].results[]"];
/// The routes that name the elements of the list of files.
const FILES: [usize; 2] = [3, 5];

/// A library as it was found.
#[derive(Deserialize)]
struct Library {
    #[serde(default, deserialize_with = "lenient::text")]
    component: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    version: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    npmname: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    detection: Option<String>,
    #[serde(default)]
    vulnerabilities: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default, deserialize_with = "lenient::strings")]
    info: Vec<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    below: Option<String>,
    #[serde(rename = "atOrAbove", default, deserialize_with = "lenient::text")]
    from: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    severity: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    identifiers: Option<Identifiers>,
    #[serde(default, deserialize_with = "lenient::strings")]
    cwe: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Identifiers {
    #[serde(default, deserialize_with = "lenient::text")]
    summary: Option<String>,
    #[serde(rename = "CVE", default, deserialize_with = "lenient::strings")]
    cves: Vec<String>,
    #[serde(rename = "githubID", default, deserialize_with = "lenient::strings")]
    github: Vec<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    retid: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    issue: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    bug: Option<String>,
    #[serde(rename = "PR", default, deserialize_with = "lenient::text")]
    pull_request: Option<String>,
}

/// One file while it is read: its name may follow what was found in it.
#[derive(Default)]
struct File {
    name: Option<String>,
    libraries: Vec<(String, Library)>,
    rejected: Vec<Record>,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("retire");
    let repository = target::repository(context, &mut header);
    let (has_data, mut reader) = peek::has_any_key(reader, &["data", "results"])?;
    let mut file = File::default();
    let mut has_files = has_data;
    walk::<Error>(&mut reader, ROUTES, Documents::One, &mut |event, position| {
        match event {
            Event::Begin { route } if FILES.contains(&route) => {
                has_files = true;
                file = File::default();
            }
            Event::End { route } if FILES.contains(&route) => {
                return tell(std::mem::take(&mut file), &repository, sink);
            }
            Event::Value { route: 0, json, .. } => header.tool_version = serde_json::from_str(json).ok(),
            Event::Value { route: 1, json, .. } => {
                let start = serde_json::from_str::<String>(json).ok();
                header.scanned_at = start.as_deref().and_then(crate::time::parse);
            }
            Event::Value { route: 2, json, .. } => {
                let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
                header.problem(position.to_string(), bartizan_model::excerpt(&text, 500));
            }
            Event::Value { route: 3 | 5, json, .. } => file.name = serde_json::from_str(json).ok(),
            Event::Value { route: 4 | 6, json, .. } => match serde_json::from_str::<Library>(json) {
                Ok(library) => file.libraries.push((position.to_string(), library)),
                Err(error) => {
                    file.rejected.push(Record::rejected(position.to_string(), error.to_string()));
                }
            },
            _ => {}
        }
        Ok(())
    })?;
    if !has_files && header.tool_version.is_none() {
        let message = "there is no list of files in it".to_owned();
        return Err(Error::Incomplete { format: FORMAT.name, message });
    }
    Ok(header)
}

fn tell(file: File, repository: &Arc<Subject>, sink: &mut dyn Sink) -> Result<()> {
    let path = file.name.as_deref().map(|name| target::path_inside(repository, name)).unwrap_or_default();
    for record in file.rejected {
        sink.record(record)?;
    }
    for (at, library) in file.libraries {
        let Some(name) = library.component.as_deref().filter(|name| !name.is_empty()) else {
            sink.record(Record::rejected(at, "the field component is missing"))?;
            continue;
        };
        // The library's own name is not always the one under which it is published.
        let published = library.npmname.as_deref().filter(|name| !name.is_empty());
        let part = Part {
            component: published.and_then(|name| purl::of("npm", name)).unwrap_or_else(|| name.to_owned()),
            path: path.clone(),
            version: library.version.clone().filter(|version| !version.is_empty()),
        };
        let mut attributes = Attributes::new();
        if let Some(detection) = library.detection.filter(|detection| !detection.is_empty()) {
            attributes.insert("detection".to_owned(), detection.into());
        }
        let vulnerabilities = library.vulnerabilities.unwrap_or_default();
        if vulnerabilities.is_empty() {
            let component = ComponentObservation { subject: Arc::clone(repository), part, attributes };
            sink.record(Record::observed(at, vec![Observation::Component(component)]))?;
            continue;
        }
        for (index, json) in vulnerabilities.into_iter().enumerate() {
            let at = format!("{at}.vulnerabilities[{index}]");
            let record = match serde_json::from_value::<Vulnerability>(json) {
                Ok(vulnerability) => {
                    let finding = finding(vulnerability, name, &part, repository, attributes.clone());
                    Record::observed(at, vec![Observation::Finding(Box::new(finding))])
                }
                Err(error) => Record::rejected(at, error.to_string()),
            };
            sink.record(record)?;
        }
    }
    Ok(())
}

fn finding(
    vulnerability: Vulnerability,
    name: &str,
    part: &Part,
    repository: &Arc<Subject>,
    attributes: Attributes,
) -> Finding {
    let identifiers = vulnerability.identifiers.unwrap_or_default();
    let version = part.version.as_deref().unwrap_or_default();
    let title = match identifiers.summary.as_deref().map(str::trim).filter(|summary| !summary.is_empty()) {
        Some(summary) => bartizan_model::excerpt(summary, 200),
        None => format!("{name} {version} has a known vulnerability").replace("  ", " "),
    };
    let ids: Vec<&str> = identifiers.cves.iter().chain(&identifiers.github).map(String::as_str).collect();
    let mut weaknesses = advisory::weaknesses(&ids, &title);
    if weaknesses.is_empty() {
        let own = own_id(name, &identifiers, vulnerability.below.as_deref());
        weaknesses.extend(Weakness::from_ids([own.as_str()], &title));
    }
    let cwes: Vec<u32> = vulnerability.cwe.iter().filter_map(|cwe| crate::cwe::number(cwe)).collect();
    let mut references = vulnerability.info;
    references.retain(|link| link.contains("://"));
    references.truncate(10);
    for weakness in &mut weaknesses {
        weakness.cwes.clone_from(&cwes);
        weakness.references.clone_from(&references);
    }
    let severity = vulnerability.severity.as_deref().map_or(Severity::Unknown, Severity::from_word);
    let first = weaknesses.remove(0);
    let mut finding = Finding::new(Arc::clone(repository), first, Place::Whole, severity);
    finding.weaknesses.append(&mut weaknesses);
    finding.part = Some(part.clone());
    let below = vulnerability.below.filter(|below| !below.is_empty());
    finding.fix = Some(fix(name, part, below.as_deref()));
    finding.evidence = Some(format!("{name} {version}").trim_end().to_owned());
    finding.attributes = attributes;
    let range: Vec<String> = [
        vulnerability.from.filter(|from| !from.is_empty()).map(|from| format!(">= {from}")),
        below.map(|below| format!("< {below}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !range.is_empty() {
        finding.attributes.insert("affected_versions".to_owned(), vec![range.join(", ")].into());
    }
    finding
}

/// Below which version the list says that the library is at fault. A number such as 3.999.999 is
/// none that was released: it stands for the whole of version 3, and 999.999.999 for all there are.
fn fix(name: &str, part: &Part, below: Option<&str>) -> FixHint {
    let upgrade = |text: String, fixed_versions: Vec<String>| FixHint {
        kind: FixKind::Upgrade,
        text,
        component: Some(part.component.clone()),
        fixed_versions,
    };
    let major = below.and_then(|below| below.split('.').next()?.parse::<u32>().ok());
    match (below, major) {
        (Some(below), _) if !below.contains("999") => {
            upgrade(format!("Upgrade {name} to {below} or later."), vec![below.to_owned()])
        }
        (Some(_), Some(major)) if major < 999 => {
            upgrade(format!("Upgrade {name} to version {} or later.", major + 1), Vec::new())
        }
        _ => FixHint {
            kind: FixKind::Remove,
            text: format!("Replace {name}: no release without this weakness is known."),
            component: Some(part.component.clone()),
            fixed_versions: Vec::new(),
        },
    }
}

/// What the list of Retire.js calls a vulnerability that has no published id.
fn own_id(name: &str, identifiers: &Identifiers, below: Option<&str>) -> String {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let detail = text(&identifiers.retid)
        .or_else(|| text(&identifiers.issue).map(|number| format!("issue-{number}")))
        .or_else(|| text(&identifiers.bug).map(|number| format!("bug-{number}")))
        .or_else(|| text(&identifiers.pull_request).map(|number| format!("pull-{number}")))
        .or_else(|| below.map(|below| format!("below-{below}")))
        .unwrap_or_else(|| "unnamed".to_owned());
    format!("RETIRE-{name}-{detail}").replace(char::is_whitespace, "-")
}
