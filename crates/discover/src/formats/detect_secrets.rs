//! detect-secrets (0.12 to 1.5): secrets in a working tree, as a scan's output or as an audited baseline.
//!
//! Secrets are given as SHA-1, which is what Bartizan's fingerprint of a secret is taken over, so
//! that this report and one of a tool that prints secrets witness one exposure.
//!
//! Coverage is not stated. The tool looks at the working tree only: a secret that was deleted from
//! the tree still lies in the history and still opens what it opened, so its absence here closes
//! nothing.

use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{
    Finding, FixHint, FixKind, Observation, Place, RelationKind, RelationObservation, Severity, Status,
    Subject, secret_fingerprint,
};
use serde::Deserialize;

use super::{Confidence, Format, Kind};
use crate::secret::is_sha1_hex;
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "detect-secrets",
    title: "detect-secrets baseline",
    tool: "detect-secrets",
    kind: Kind::Secrets,
    example: "detect-secrets scan --all-files > detect-secrets.json",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let rest = ["results", "version", "filters_used", "exclude", "generated_at"];
    if head.has_key("plugins_used") && rest.iter().any(|key| head.has_key(key)) {
        Confidence::Certain
    } else {
        Confidence::No
    }
}

const ROUTES: &[&str] = &["version", "generated_at", "results.{}[]", "plugins_used[]"];

#[derive(Deserialize)]
struct Secret {
    #[serde(rename = "type")]
    kind: String,
    /// Missing in versions before 1.0, where the file is only the key of the list.
    filename: Option<String>,
    hashed_secret: String,
    #[serde(default)]
    is_verified: bool,
    /// What a person said in `detect-secrets audit`.
    is_secret: Option<bool>,
    line_number: Option<u64>,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("detect-secrets");
    let repository = crate::target::repository(context, &mut header);
    let mut plugins = 0_usize;
    walk::<Error>(reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, json, .. } = event else { return Ok(()) };
        match route {
            0 => header.tool_version = serde_json::from_str(json).ok(),
            1 => {
                header.scanned_at =
                    serde_json::from_str::<String>(json).ok().and_then(|text| crate::time::parse(&text));
            }
            2 => {
                let at = position.to_string();
                return sink.record(match serde_json::from_str::<Secret>(json) {
                    Ok(secret) => record(at, secret, &repository),
                    Err(error) => Record::rejected(at, error.to_string()),
                });
            }
            _ => plugins += 1,
        }
        Ok(())
    })?;
    if plugins == 0 {
        header.problem("plugins_used", "no plugin was used, so nothing could be found");
    }
    Ok(header)
}

fn record(at: String, secret: Secret, repository: &Arc<Subject>) -> Record {
    if !is_sha1_hex(&secret.hashed_secret) {
        return Record::rejected(at, "hashed_secret is not a SHA-1 in hexadecimal");
    }
    let fingerprint = secret_fingerprint(&secret.hashed_secret);
    // `results.src/app.py[3]`: the path is the key under which the secret stands.
    let path = secret.filename.unwrap_or_else(|| {
        let path = at.strip_prefix("results.").unwrap_or(&at);
        path.rfind('[').map_or(path, |end| &path[..end]).to_owned()
    });
    let mut finding = Finding::new(
        Arc::clone(repository),
        crate::secret::exposed(),
        Place::Secret(fingerprint),
        Severity::High,
    );
    finding.evidence = Some(format!("{} in {path}", secret.kind));
    finding.attributes = [
        ("path".to_owned(), path.clone().into()),
        (crate::secret::SORT.to_owned(), secret.kind.clone().into()),
        ("rule".to_owned(), secret.kind.clone().into()),
        ("verified".to_owned(), secret.is_verified.into()),
    ]
    .into();
    if let Some(line) = secret.line_number {
        finding.attributes.insert("line".to_owned(), line.into());
    }
    if let Some(answer) = secret.is_secret {
        finding.attributes.insert("audited".to_owned(), answer.into());
    }
    if secret.is_secret == Some(false) {
        finding.status = Status::NotAffected { justification: "audited: it is not a secret".to_owned() };
        return Record::observed(at, vec![Observation::Finding(Box::new(finding))]);
    }
    finding.fix = Some(FixHint {
        kind: FixKind::RotateSecret,
        text: format!(
            "Revoke and replace the secret in {path} ({}); removing it from the file is not enough.",
            secret.kind
        ),
        component: None,
        fixed_versions: Vec::new(),
    });
    let relation = RelationObservation {
        kind: RelationKind::HOLDS_SECRET,
        from: Arc::clone(repository),
        to: crate::secret::credential(fingerprint, None),
        attributes: [("verified".to_owned(), secret.is_verified.into())].into(),
    };
    Record::observed(at, vec![Observation::Finding(Box::new(finding)), Observation::Relation(relation)])
}
