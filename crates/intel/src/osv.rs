//! OSV records: the aliases by which one vulnerability is known elsewhere, vectors, CWEs. Which
//! packages are affected is for whoever matches components; it is not kept here.

use std::io::Read;

use bartizan_model::WeaknessKey;
use serde::Deserialize;
use serde_json::Value;

use crate::facts::{CveFacts, DescriptionSource, Standing, cve_id, cwe_number};
use crate::feed::{Sink, Summary, nothing_of, objects};
use crate::{Feed, Result, time};

#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    modified: Option<String>,
    #[serde(default)]
    published: Option<String>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    severity: Option<Vec<Severity>>,
    #[serde(default)]
    affected: Option<Vec<Affected>>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Deserialize)]
struct Severity {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    score: String,
}

#[derive(Deserialize)]
struct Affected {
    #[serde(default)]
    severity: Option<Vec<Severity>>,
}

pub(crate) fn read(reader: impl Read, sink: Sink<'_>) -> Result<Summary> {
    let mut summary = Summary::default();
    objects(reader, &mut |json, at| {
        summary.records += 1;
        let record = match serde_json::from_str::<Record>(json) {
            Ok(record) if !record.id.trim().is_empty() => record,
            Ok(_) => {
                summary.reject(at, "id: is empty");
                return Ok(());
            }
            Err(error) => {
                summary.reject(at, error);
                return Ok(());
            }
        };
        summary.taken += 1;
        summary.date = summary.date.max(record.modified.as_deref().and_then(time::timestamp));
        for facts in facts(&record, &mut summary) {
            sink(facts)?;
        }
        Ok(())
    })?;
    if summary.taken == 0 {
        return Err(nothing_of(Feed::Osv));
    }
    Ok(summary)
}

/// A record that names several CVEs speaks of each of them; one that names none stands for itself.
fn facts(record: &Record, summary: &mut Summary) -> Vec<CveFacts> {
    let aliases = record.aliases.as_deref().unwrap_or_default();
    let ids = || std::iter::once(&record.id).chain(aliases).map(String::as_str);
    let mut keys: Vec<String> = ids().filter_map(cve_id).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        keys.extend(WeaknessKey::canonical(ids()).map(|key| key.id().to_owned()));
    }
    // Other CVEs that a record names are other vulnerabilities, not other names of one.
    let names: Vec<String> = ids()
        .filter(|id| cve_id(id).is_none() && !id.trim().is_empty())
        .map(|id| WeaknessKey::vulnerability(id).id().to_owned())
        .collect();
    let mut facts = CveFacts::new(String::new());
    facts.aliases = names;
    facts.published = record.published.as_deref().and_then(time::timestamp);
    facts.describe(
        DescriptionSource::Osv,
        record
            .details
            .as_deref()
            .filter(|text| !text.is_empty())
            .or(record.summary.as_deref())
            .unwrap_or_default(),
    );
    let affected = record.affected.as_deref().unwrap_or_default();
    let severities = record
        .severity
        .iter()
        .flatten()
        .chain(affected.iter().flat_map(|affected| affected.severity.iter().flatten()));
    for severity in severities.filter(|severity| severity.kind.starts_with("CVSS_V")) {
        if !facts.add_vector("osv", &severity.score) {
            summary.lose("CVSS vectors that cannot be read");
        }
    }
    if let Some(cwes) = record.database_specific.get("cwe_ids").and_then(Value::as_array) {
        facts.cwes = cwes.iter().filter_map(Value::as_str).filter_map(cwe_number).collect();
    }
    keys.into_iter()
        .map(|id| {
            let mut facts = CveFacts { id, ..facts.clone() };
            // Withdrawing an advisory says nothing about the standing of a CVE.
            if cve_id(&facts.id).is_none() {
                facts.standing = Some(Standing {
                    as_of: [&record.modified, &record.withdrawn]
                        .into_iter()
                        .filter_map(|text| time::timestamp(text.as_deref()?))
                        .max(),
                    rejected: record.withdrawn.is_some(),
                });
            }
            facts.settle()
        })
        .collect()
}
