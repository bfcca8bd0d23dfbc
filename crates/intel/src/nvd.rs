//! Answers of the NVD API 2.0 (`vulnerabilities[].cve`), and JSON lines in the layout of one such
//! entry, as published overrides of NVD data are.

use std::io::Read;

use bartizan_intake::json::{Documents, Event, walk};
use serde::Deserialize;

use crate::facts::{CveFacts, DescriptionSource, Exploit, ExploitKind, Kev, Standing, cve_id, cwe_number};
use crate::feed::{Sink, Summary, nothing_of};
use crate::{Feed, Result, time};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Cve {
    id: String,
    published: Option<String>,
    last_modified: Option<String>,
    vuln_status: Option<String>,
    descriptions: Vec<Text>,
    metrics: Metrics,
    weaknesses: Vec<Weakness>,
    references: Vec<Reference>,
    cisa_exploit_add: Option<String>,
    cisa_action_due: Option<String>,
    cisa_required_action: Option<String>,
    cisa_vulnerability_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metrics {
    #[serde(rename = "cvssMetricV2")]
    v2: Vec<Metric>,
    #[serde(rename = "cvssMetricV30")]
    v30: Vec<Metric>,
    #[serde(rename = "cvssMetricV31")]
    v31: Vec<Metric>,
    #[serde(rename = "cvssMetricV40")]
    v40: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    #[serde(default)]
    source: String,
    cvss_data: Vectored,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectored {
    #[serde(default)]
    vector_string: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Weakness {
    description: Vec<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Text {
    lang: String,
    value: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    url: String,
    tags: Vec<String>,
}

/// What an override says about itself beside the entry that it overrides.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotation {
    cve_id: String,
    description: String,
    published: Option<String>,
}

const TIMESTAMP: usize = 0;
const VERSION: usize = 1;
const LISTED: usize = 2;
const LINE: usize = 3;
const ANNOTATION: usize = 4;

pub(crate) fn read(reader: impl Read, sink: Sink<'_>) -> Result<Summary> {
    let mut summary = Summary::default();
    // An override's annotation may stand before or after the entry: it is put together at the end
    // of the object.
    let mut annotation: Option<Annotation> = None;
    let mut single: Option<(String, String)> = None;
    // Whether the element of the list, or the whole document, that ends has said anything.
    let (mut element_told, mut document_told) = (false, false);
    let routes = ["timestamp", "version", "vulnerabilities[].cve", "cve", "_annotation"];
    walk(reader, &routes, Documents::Many, &mut |event, position| -> Result<()> {
        match event {
            Event::Value { route: TIMESTAMP, json, .. } => {
                let time = serde_json::from_str::<String>(json).ok().and_then(|text| time::timestamp(&text));
                summary.date = summary.date.max(time);
                document_told = true;
            }
            Event::Value { route: VERSION, json, .. } => {
                summary.version = serde_json::from_str(json).ok();
                document_told = true;
            }
            Event::Value { route: LISTED, json, .. } => {
                (element_told, document_told) = (true, true);
                take(json, None, &position.to_string(), &mut summary, sink)?;
            }
            Event::Value { route: LINE, json, .. } => single = Some((json.to_owned(), position.to_string())),
            Event::Value { route: ANNOTATION, json, .. } => annotation = serde_json::from_str(json).ok(),
            Event::End { .. } => {
                let at = position.to_string();
                let told = if at.contains(".vulnerabilities[") {
                    document_told = true;
                    std::mem::take(&mut element_told)
                } else if let Some((json, at)) = single.take() {
                    document_told = false;
                    return take(&json, annotation.take(), &at, &mut summary, sink);
                } else {
                    std::mem::take(&mut document_told)
                };
                if !told {
                    annotation = None;
                    summary.records += 1;
                    summary.reject(at, "has no `cve`");
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    if summary.taken == 0 && (summary.rejected > 0 || summary.version.is_none()) {
        return Err(nothing_of(Feed::Nvd));
    }
    Ok(summary)
}

fn take(
    json: &str,
    annotation: Option<Annotation>,
    at: &str,
    summary: &mut Summary,
    sink: Sink<'_>,
) -> Result<()> {
    summary.records += 1;
    let cve = match serde_json::from_str::<Cve>(json) {
        Ok(cve) => cve,
        Err(error) => {
            summary.reject(at, error);
            return Ok(());
        }
    };
    let annotation = annotation.unwrap_or_default();
    let stated = if cve.id.is_empty() { &annotation.cve_id } else { &cve.id };
    let Some(id) = cve_id(stated) else {
        summary.reject(at, format!("cve.id: {stated:?} is not a CVE id"));
        return Ok(());
    };
    summary.taken += 1;
    sink(facts(id, &cve, &annotation, summary))
}

fn facts(id: String, cve: &Cve, annotation: &Annotation, summary: &mut Summary) -> CveFacts {
    let mut facts = CveFacts::new(id);
    let published = cve.published.as_deref().or(annotation.published.as_deref());
    facts.published = published.and_then(time::timestamp);
    if let Some(status) = &cve.vuln_status {
        facts.standing = Some(Standing {
            as_of: cve.last_modified.as_deref().and_then(time::timestamp),
            rejected: status == "Rejected",
        });
    }
    let described = cve.descriptions.iter().find(|text| text.lang.starts_with("en"));
    facts.describe(
        DescriptionSource::Nvd,
        described.map_or(annotation.description.as_str(), |text| &text.value),
    );
    let metrics = &cve.metrics;
    for metric in [&metrics.v2, &metrics.v30, &metrics.v31, &metrics.v40].into_iter().flatten() {
        if !facts.add_vector(&metric.source, &metric.cvss_data.vector_string) {
            summary.lose("CVSS vectors that cannot be read");
        }
    }
    let weaknesses = cve.weaknesses.iter().flat_map(|weakness| &weakness.description);
    facts.cwes = weaknesses.filter_map(|text| cwe_number(&text.value)).collect();
    for reference in cve.references.iter().filter(|it| it.tags.iter().any(|tag| tag == "Exploit")) {
        facts.exploits.push(Exploit {
            kind: ExploitKind::ProofOfConcept,
            source: "reference".to_owned(),
            reference: reference.url.clone(),
            seen: None,
        });
    }
    if let Some(date_added) = cve.cisa_exploit_add.as_deref().and_then(time::date) {
        facts.kev = Some(Kev {
            catalogue: None,
            date_added,
            due_date: cve.cisa_action_due.as_deref().and_then(time::date),
            ransomware: false,
            vendor: String::new(),
            product: String::new(),
            name: cve.cisa_vulnerability_name.clone().unwrap_or_default(),
            action: cve.cisa_required_action.clone().unwrap_or_default(),
        });
    }
    facts.settle()
}
