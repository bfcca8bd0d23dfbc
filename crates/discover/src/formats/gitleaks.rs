//! Gitleaks JSON (v7 to v8): secrets in code and in its history.
//!
//! The report is an array with one object per secret; without findings it is `[]` (v8) or `null`
//! (v7). It names neither the repository nor the time of the scan. Coverage cannot be told from it
//! (rules and paths may be excluded), so nothing closes by absence from it.

use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{
    AssetKind, Finding, FixHint, FixKind, Identifier, Observation, Place, RelationKind, RelationObservation,
    Scheme, Severity, Subject, Weakness, WeaknessKey, mask_secret, secret_fingerprint,
};
use serde::Deserialize;

use super::{Confidence, Format, Kind};
use crate::secret::sha1_hex;
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "gitleaks",
    title: "Gitleaks JSON",
    tool: "Gitleaks",
    kind: Kind::Secrets,
    example: "gitleaks git --report-format json --report-path gitleaks.json .",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let version_8 = head.has_keys(&["RuleID", "Secret", "File"]);
    let version_7 = head.has_keys(&["offender", "rule", "commit"]);
    if version_8 || version_7 { Confidence::Certain } else { Confidence::No }
}

/// One finding. Version 7 writes other names in lower case.
#[derive(Deserialize)]
struct Leak {
    #[serde(alias = "RuleID")]
    rule_id: Option<String>,
    /// Version 7: the rule's description stands where version 8 has an id.
    rule: Option<String>,
    #[serde(alias = "Description", default)]
    description: String,
    #[serde(alias = "File", default)]
    file: String,
    #[serde(alias = "StartLine", alias = "lineNumber")]
    line: Option<u64>,
    #[serde(alias = "Secret", alias = "offender")]
    secret: Option<String>,
    #[serde(alias = "Match")]
    matched: Option<String>,
    #[serde(alias = "Commit", default)]
    commit: String,
    #[serde(alias = "Author", default)]
    author: String,
    #[serde(alias = "Date", default)]
    date: String,
    /// Version 7 names the repository's URL.
    #[serde(alias = "repoURL")]
    repository_url: Option<String>,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("gitleaks");
    let fallback = crate::target::repository(context, &mut header);
    walk::<Error>(reader, &["[]"], Documents::One, &mut |event, position| {
        let Event::Value { json, .. } = event else { return Ok(()) };
        let at = position.to_string();
        match serde_json::from_str::<Leak>(json) {
            Ok(leak) => sink.record(record(at, leak, &fallback)),
            Err(error) => sink.record(Record::rejected(at, error.to_string())),
        }
    })?;
    Ok(header)
}

fn record(at: String, leak: Leak, fallback: &Arc<Subject>) -> Record {
    let Some(rule) = leak.rule_id.or(leak.rule).filter(|rule| !rule.is_empty()) else {
        return Record::rejected(at, "the field RuleID is missing");
    };
    let Some(secret) = leak.secret.or(leak.matched).filter(|secret| !secret.is_empty()) else {
        return Record::rejected(at, "the field Secret is missing");
    };
    let repository = match &leak.repository_url {
        Some(url) if !url.is_empty() => {
            Arc::new(Subject::new(AssetKind::Repository, [Identifier::new(Scheme::RepositoryUrl, url)]))
        }
        _ => Arc::clone(fallback),
    };
    let masked = mask_secret(&secret);
    let title = if leak.description.is_empty() { rule.clone() } else { leak.description };
    let place = if secret.contains("REDACTED") {
        // With --redact the secret is gone; what is left to tell two apart is where they stand.
        Place::code(&leak.file, None, &format!("{rule} {}", leak.line.unwrap_or_default()))
    } else {
        Place::Secret(secret_fingerprint(&sha1_hex(&secret)))
    };
    let mut finding = Finding::new(
        Arc::clone(&repository),
        Weakness::new(WeaknessKey::rule("secret", "exposed"), title.clone()),
        place.clone(),
        Severity::High,
    );
    finding.weaknesses[0].cwes = vec![798];
    finding.evidence = Some(format!("{masked} in {}", leak.file));
    finding.fix = Some(FixHint {
        kind: FixKind::RotateSecret,
        text: format!("Revoke and replace {masked} ({title}); removing it from the history is not enough."),
        component: None,
        fixed_versions: Vec::new(),
    });
    for (key, value) in [
        ("path", leak.file),
        ("commit", leak.commit),
        ("author", leak.author),
        ("date", leak.date),
        ("rule", rule),
    ] {
        if !value.is_empty() {
            finding.attributes.insert(key.to_owned(), value.into());
        }
    }
    if let Some(line) = leak.line {
        finding.attributes.insert("line".to_owned(), line.into());
    }
    let mut observations = vec![Observation::Finding(Box::new(finding))];
    if let Place::Secret(fingerprint) = place {
        observations.push(Observation::Relation(RelationObservation {
            kind: RelationKind::HOLDS_SECRET,
            from: repository,
            to: crate::secret::credential(fingerprint, Some(&secret)),
            attributes: [("hint".to_owned(), masked.into())].into(),
        }));
    }
    Record::observed(at, observations)
}
