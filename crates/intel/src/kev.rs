//! CISA's catalogue of Known Exploited Vulnerabilities: JSON, one list `vulnerabilities`.

use std::io::Read;

use bartizan_intake::json::{Documents, Event, walk};
use serde::Deserialize;

use crate::facts::{CveFacts, DescriptionSource, Kev, cve_id, cwe_number};
use crate::feed::{Sink, Summary, nothing_of};
use crate::{Feed, Result, time};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "cveID")]
    cve_id: String,
    date_added: String,
    #[serde(default)]
    due_date: Option<String>,
    #[serde(default)]
    known_ransomware_campaign_use: Option<String>,
    #[serde(default)]
    vendor_project: String,
    #[serde(default)]
    product: String,
    #[serde(default)]
    vulnerability_name: String,
    #[serde(default)]
    short_description: String,
    #[serde(default)]
    required_action: String,
    #[serde(default)]
    cwes: Vec<String>,
}

const VERSION: usize = 0;
const RELEASED: usize = 1;
const COUNT: usize = 2;
const ENTRY: usize = 3;

pub(crate) fn read(reader: impl Read, sink: Sink<'_>) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut stated: Option<u64> = None;
    // The version may stand behind the list, and the whole catalogue is small.
    let mut entries: Vec<(String, Result<Entry, String>)> = Vec::new();
    let routes = ["catalogVersion", "dateReleased", "count", "vulnerabilities[]"];
    walk(reader, &routes, Documents::One, &mut |event, position| -> Result<()> {
        let Event::Value { route, json, .. } = event else { return Ok(()) };
        match route {
            VERSION => summary.version = serde_json::from_str(json).ok(),
            RELEASED => {
                summary.date = serde_json::from_str::<String>(json).ok().and_then(|it| time::timestamp(&it));
            }
            COUNT => stated = serde_json::from_str(json).ok(),
            ENTRY => {
                entries.push((
                    position.to_string(),
                    serde_json::from_str(json).map_err(|error| error.to_string()),
                ));
            }
            _ => {}
        }
        Ok(())
    })?;
    if entries.is_empty() && stated != Some(0) {
        return Err(nothing_of(Feed::Kev));
    }
    for (at, entry) in entries {
        summary.records += 1;
        let facts = entry.and_then(|entry| facts(entry, summary.version.as_deref()));
        match facts {
            Ok(facts) => {
                summary.taken += 1;
                sink(facts)?;
            }
            Err(message) => summary.reject(at, message),
        }
    }
    if let Some(stated) = stated.filter(|stated| *stated != summary.records) {
        let lost = format!("the catalogue says that it has {stated} entries, but has {}", summary.records);
        summary.lose(&lost);
    }
    Ok(summary)
}

fn facts(entry: Entry, catalogue: Option<&str>) -> Result<CveFacts, String> {
    let id = cve_id(&entry.cve_id).ok_or_else(|| format!("cveID: {:?} is not a CVE id", entry.cve_id))?;
    let date_added = time::date(&entry.date_added)
        .ok_or_else(|| format!("dateAdded: {:?} is not a date", entry.date_added))?;
    let mut facts = CveFacts::new(id);
    facts.describe(DescriptionSource::Kev, &entry.short_description);
    facts.cwes = entry.cwes.iter().filter_map(|cwe| cwe_number(cwe)).collect();
    facts.kev = Some(Kev {
        catalogue: catalogue.map(str::to_owned),
        date_added,
        due_date: entry.due_date.as_deref().and_then(time::date),
        ransomware: entry
            .known_ransomware_campaign_use
            .is_some_and(|used| used.eq_ignore_ascii_case("known")),
        vendor: entry.vendor_project,
        product: entry.product,
        name: entry.vulnerability_name,
        action: entry.required_action,
    });
    Ok(facts.settle())
}
