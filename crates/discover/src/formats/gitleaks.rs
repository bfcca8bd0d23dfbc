//! Gitleaks JSON (v2 to v8): secrets in code and in its history.
//!
//! The report is an array with one object per secret; without findings it is `[]` (v8) or `null`
//! (v7). One secret at one line in several commits is one finding. Version 7 reports what its pattern
//! matched, version 8 the secret in it. Of a private key either may report the first line only, which
//! is the same for all keys; with `--redact` the secret is not there at all: both are known by file,
//! rule and quoted text instead.
//!
//! The report does not name the time of the scan, and names the repository only through links.
//! Coverage cannot be told from it (rules and paths may be excluded), so nothing closes by absence.

use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{
    AssetKind, Finding, FixHint, FixKind, Identifier, Observation, Place, RelationKind, RelationObservation,
    Scheme, Severity, Subject, mask_secret, secret_fingerprint,
};
use serde::Deserialize;

use super::{Confidence, Format, Kind};
use crate::secret::sha1_hex;
use crate::{Context, Error, Head, Header, Record, Result, Sink, lenient};

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
    #[serde(alias = "StartLine", alias = "lineNumber", default, deserialize_with = "lenient::optional")]
    line_number: Option<u64>,
    /// Version 7: the text of the line.
    #[serde(default, deserialize_with = "lenient::text")]
    line: Option<String>,
    #[serde(alias = "Secret")]
    secret: Option<String>,
    #[serde(alias = "offender", alias = "Match")]
    matched: Option<String>,
    #[serde(alias = "Commit", default)]
    commit: String,
    #[serde(alias = "Author", default)]
    author: String,
    #[serde(alias = "Date", default)]
    date: String,
    /// Version 8.19 and later, for hosts that it knows.
    #[serde(alias = "Link", default)]
    link: String,
    /// Version 7 names the repository's URL and folder.
    #[serde(alias = "repoURL", default)]
    repository_url: String,
    #[serde(default)]
    repo: String,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("gitleaks");
    let mut fallback = None;
    walk::<Error>(reader, &["[]"], Documents::One, &mut |event, position| {
        let Event::Value { json, .. } = event else { return Ok(()) };
        let at = position.to_string();
        let leak = match serde_json::from_str::<Leak>(json) {
            Ok(leak) => leak,
            Err(error) => return sink.record(Record::rejected(at, error.to_string())),
        };
        let repository = repository(&leak, context).unwrap_or_else(|| {
            Arc::clone(fallback.get_or_insert_with(|| crate::target::repository(context, &mut header)))
        });
        sink.record(record(at, leak, repository))
    })?;
    Ok(header)
}

fn repository(leak: &Leak, context: &Context) -> Option<Arc<Subject>> {
    let of_link = || {
        let end = ["/-/blob/", "/blob/", "/src/commit/"].iter().find_map(|mark| leak.link.find(mark))?;
        Some(&leak.link[..end])
    };
    let url = Some(leak.repository_url.as_str()).filter(|url| !url.is_empty()).or_else(of_link);
    if let Some(url) = url {
        return Some(Arc::new(Subject::new(
            AssetKind::Repository,
            [Identifier::new(Scheme::RepositoryUrl, url)],
        )));
    }
    // The name of a folder: better than the report's file, less than what a person says.
    let is_telling = context.asset.is_none() && leak.repo.contains(char::is_alphanumeric);
    is_telling
        .then(|| Arc::new(Subject::new(AssetKind::Repository, [Identifier::new(Scheme::Target, &leak.repo)])))
}

/// What version 7 matched is often an assignment: the secret is its value.
fn value(matched: &str) -> &str {
    let Some(at) = matched.find(['=', ':']) else { return matched };
    let (name, value) =
        (matched[..at].trim(), matched[at + 1..].trim().trim_start_matches(['=', '>']).trim());
    let is_name =
        name.chars().all(|character| character.is_ascii_alphanumeric() || "_-.\"' ".contains(character));
    let unquoted = value.trim_matches(['"', '\'', '`']);
    if is_name && !unquoted.is_empty() && !value.starts_with("//") { unquoted } else { matched }
}

fn is_redacted(secret: &str) -> bool {
    // `--redact=80` leaves the first fifth and `...`.
    secret.contains("REDACTED") || secret.ends_with("...")
}

/// The first line of a private key, without the key.
fn is_header_only(secret: &str) -> bool {
    secret.starts_with("-----BEGIN") && secret.trim_end().matches("-----").count() <= 2
}

fn record(at: String, leak: Leak, repository: Arc<Subject>) -> Record {
    let Some(rule) = leak.rule_id.or(leak.rule).filter(|rule| !rule.is_empty()) else {
        return Record::rejected(at, "the field RuleID is missing");
    };
    let matched = leak.matched.filter(|matched| !matched.is_empty());
    let secret = leak.secret.filter(|secret| !secret.is_empty());
    let Some(secret) = secret.or_else(|| matched.as_deref().map(|matched| value(matched).to_owned())) else {
        return Record::rejected(at, "the field Secret is missing");
    };
    let title = if leak.description.is_empty() { rule.clone() } else { leak.description };
    let is_known = !is_redacted(&secret) && !is_header_only(&secret);
    let place = if is_known {
        Place::Secret(secret_fingerprint(&sha1_hex(&secret)))
    } else {
        // What is quoted around the mask, else the rule, tells it from others in the file.
        let quoted = matched.as_deref().or(leak.line.as_deref()).unwrap_or_default();
        Place::code(&leak.file, None, &format!("{rule} {quoted}"))
    };
    let hint = if is_known { mask_secret(&secret) } else { title.clone() };
    let mut finding =
        Finding::new(Arc::clone(&repository), crate::secret::exposed(), place.clone(), Severity::High);
    finding.evidence = Some(format!("{hint} in {}", leak.file));
    finding.fix = Some(FixHint {
        kind: FixKind::RotateSecret,
        text: if is_known {
            format!("Revoke and replace {hint} ({title}); removing it from the history is not enough.")
        } else {
            format!(
                "Revoke and replace the secret in {} ({title}); removing it from the history is not enough.",
                leak.file
            )
        },
        component: None,
        fixed_versions: Vec::new(),
    });
    // A Go program's zero time means that there is none.
    let date = if leak.date.starts_with("0001") { String::new() } else { leak.date };
    let fold = format!("{rule} {} {} {place}", leak.file, leak.line_number.unwrap_or_default());
    for (key, value) in [
        ("path", leak.file),
        ("commit", leak.commit),
        ("author", leak.author),
        ("date", date),
        (crate::secret::SORT, rule.clone()),
        ("rule", rule),
        (crate::secret::MASKED, if is_known { hint.clone() } else { String::new() }),
        ("link", leak.link),
    ] {
        if !value.is_empty() {
            finding.attributes.insert(key.to_owned(), value.into());
        }
    }
    if let Some(line) = leak.line_number {
        finding.attributes.insert("line".to_owned(), line.into());
    }
    let mut observations = vec![Observation::Finding(Box::new(finding))];
    if let Place::Secret(fingerprint) = place {
        observations.push(Observation::Relation(RelationObservation {
            kind: RelationKind::HOLDS_SECRET,
            from: repository,
            to: crate::secret::credential(fingerprint, Some(&secret)),
            attributes: [("hint".to_owned(), hint.into())].into(),
        }));
    }
    Record::observed(at, observations).folded(fold)
}

#[cfg(test)]
mod tests {
    use super::{is_header_only, value};

    #[test]
    fn assignments_give_their_value() {
        for (matched, expected) in [
            ("GITHUB_TOKEN=\"c77e01\"", "c77e01"),
            ("api_key: 'abc'", "abc"),
            ("\"secret\" => \"x=y\"", "x=y"),
            ("https://hooks.example.com/T0", "https://hooks.example.com/T0"),
            ("twitter.com/a/1", "twitter.com/a/1"),
            ("abc==", "abc=="),
        ] {
            assert_eq!(value(matched), expected, "{matched}");
        }
    }

    #[test]
    fn headers_are_no_secrets() {
        assert!(is_header_only("-----BEGIN RSA PRIVATE KEY-----"));
        assert!(!is_header_only("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"));
    }
}
