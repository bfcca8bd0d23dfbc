//! CVE records 5.x as the CVE list publishes them, with what CISA's Vulnrichment adds to them: SSVC
//! decision points, CVSS, CWE and KEV dates in ADP containers.

use std::io::Read;

use serde::Deserialize;
use serde_json::Value;

use crate::facts::{
    CveFacts, DescriptionSource, Exploit, ExploitKind, Exploitation, Kev, Ssvc, Standing, TechnicalImpact,
    cve_id, cwe_number,
};
use crate::feed::{Sink, Summary, nothing_of, objects};
use crate::{Feed, Result, time};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    cve_metadata: Metadata,
    #[serde(default)]
    containers: Containers,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    cve_id: String,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    date_published: Option<String>,
    #[serde(default)]
    date_updated: Option<String>,
}

#[derive(Default, Deserialize)]
struct Containers {
    #[serde(default)]
    cna: Container,
    #[serde(default)]
    adp: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    provider_metadata: Provider,
    metrics: Vec<Metric>,
    problem_types: Vec<ProblemType>,
    descriptions: Vec<Text>,
    references: Vec<Reference>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Provider {
    short_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metric {
    #[serde(rename = "cvssV2_0")]
    v2: Option<Vectored>,
    #[serde(rename = "cvssV3_0")]
    v30: Option<Vectored>,
    #[serde(rename = "cvssV3_1")]
    v31: Option<Vectored>,
    #[serde(rename = "cvssV4_0")]
    v40: Option<Vectored>,
    other: Option<Other>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectored {
    #[serde(default)]
    vector_string: String,
}

#[derive(Deserialize)]
struct Other {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    content: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ProblemType {
    descriptions: Vec<Problem>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Problem {
    cwe_id: Option<String>,
    description: String,
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

pub(crate) fn read(reader: impl Read, sink: Sink<'_>) -> Result<Summary> {
    let mut summary = Summary::default();
    objects(reader, &mut |json, at| {
        summary.records += 1;
        match serde_json::from_str::<Record>(json) {
            Err(error) => summary.reject(at, error),
            Ok(record) => match cve_id(&record.cve_metadata.cve_id) {
                None => summary.reject(
                    at,
                    format!("cveMetadata.cveId: {:?} is not a CVE id", record.cve_metadata.cve_id),
                ),
                Some(id) => {
                    summary.taken += 1;
                    let updated = record.cve_metadata.date_updated.as_deref().and_then(time::timestamp);
                    summary.date = summary.date.max(updated);
                    sink(facts(id, &record, &mut summary))?;
                }
            },
        }
        Ok(())
    })?;
    if summary.taken == 0 {
        return Err(nothing_of(Feed::Cve));
    }
    Ok(summary)
}

fn facts(id: String, record: &Record, summary: &mut Summary) -> CveFacts {
    let mut facts = CveFacts::new(id);
    let metadata = &record.cve_metadata;
    facts.published = metadata.date_published.as_deref().and_then(time::timestamp);
    facts.standing = Some(Standing {
        as_of: metadata.date_updated.as_deref().and_then(time::timestamp),
        rejected: metadata.state.as_deref() == Some("REJECTED"),
    });
    for container in std::iter::once(&record.containers.cna).chain(&record.containers.adp) {
        add(&mut facts, container, summary);
    }
    facts.settle()
}

fn add(facts: &mut CveFacts, container: &Container, summary: &mut Summary) {
    let provider = container.provider_metadata.short_name.as_str();
    for metric in &container.metrics {
        for vectored in [&metric.v2, &metric.v30, &metric.v31, &metric.v40].into_iter().flatten() {
            if !facts.add_vector(provider, &vectored.vector_string) {
                summary.lose("CVSS vectors that cannot be read");
            }
        }
        let Some(other) = &metric.other else { continue };
        match other.kind.as_str() {
            "ssvc" => facts.ssvc = facts.ssvc.max(ssvc(&other.content)),
            "kev" => facts.kev = facts.kev.take().max(kev(&other.content)),
            _ => {}
        }
    }
    for problem in container.problem_types.iter().flat_map(|kind| &kind.descriptions) {
        let stated = problem.cwe_id.as_deref().and_then(cwe_number);
        facts.cwes.extend(stated.or_else(|| cwe_number(&problem.description)));
    }
    if let Some(text) = container.descriptions.iter().find(|text| text.lang.starts_with("en")) {
        facts.describe(DescriptionSource::Cve, &text.value);
    }
    for reference in container.references.iter().filter(|it| it.tags.iter().any(|tag| tag == "exploit")) {
        facts.exploits.push(Exploit {
            kind: ExploitKind::ProofOfConcept,
            source: "reference".to_owned(),
            reference: reference.url.clone(),
            seen: None,
        });
    }
}

/// `{"options": [{"Exploitation": "none"}, {"Automatable": "no"}, {"Technical Impact": "partial"}], "timestamp": …}`
fn ssvc(content: &Value) -> Option<Ssvc> {
    let option = |name: &str| {
        let options = content.get("options")?.as_array()?;
        options.iter().find_map(|option| option.get(name)?.as_str()).map(str::to_ascii_lowercase)
    };
    let ssvc = Ssvc {
        date: content.get("timestamp").and_then(Value::as_str).and_then(time::timestamp),
        exploitation: option("Exploitation").and_then(|value| match value.as_str() {
            "none" => Some(Exploitation::None),
            "poc" | "public poc" => Some(Exploitation::Poc),
            "active" => Some(Exploitation::Active),
            _ => None,
        }),
        automatable: option("Automatable").and_then(|value| match value.as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }),
        technical_impact: option("Technical Impact").and_then(|value| match value.as_str() {
            "partial" => Some(TechnicalImpact::Partial),
            "total" => Some(TechnicalImpact::Total),
            _ => None,
        }),
    };
    let says_something =
        ssvc.exploitation.is_some() || ssvc.automatable.is_some() || ssvc.technical_impact.is_some();
    says_something.then_some(ssvc)
}

/// `{"dateAdded": "2024-01-10", "reference": …}`: that the entry is in the catalogue, and since when.
fn kev(content: &Value) -> Option<Kev> {
    Some(Kev {
        catalogue: None,
        date_added: time::date(content.get("dateAdded")?.as_str()?)?,
        due_date: None,
        ransomware: false,
        vendor: String::new(),
        product: String::new(),
        name: String::new(),
        action: String::new(),
    })
}
