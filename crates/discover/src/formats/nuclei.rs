//! Nuclei JSON: lines (`-jsonl`, formerly `-json`) or an array (`-json-export`), version 2 and 3.
//!
//! One object is one match of a template. The rule is the template and the name of the matcher or
//! extractor that fired; a template that names CVEs is those vulnerabilities instead. Matches of
//! one rule on one host, whatever the port and path, fold into one finding. With `-matcher-status`
//! the tool also writes templates that did not match: they are ignored and cover their rule.
//! Otherwise the report does not say which templates ran, so nothing closes by absence from it.
//!
//! Requests and responses are looked at but never kept.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use bartizan_model::{
    AssetKind, AssetObservation, Attributes, Checks, Coverage, Finding, FixHint, FixKind, Identifier,
    Observation, Place, Places, RelationKind, RelationObservation, Scheme, ServiceObservation, Severity,
    Subject, Weakness, WeaknessKey, excerpt, mask_secret, secret_fingerprint,
};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{Confidence, Format, Kind};
use crate::network::{address, address_or_name, reaches, without_url_credentials};
use crate::rows::rows;
use crate::secret::{credential, sha1_hex};
use crate::{Context, Head, Header, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "nuclei",
    title: "Nuclei JSON",
    tool: "Nuclei",
    kind: Kind::Web,
    example: "nuclei -u https://example.com -jsonl -o nuclei.jsonl",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let names_template = head.has_key("template-id") || head.has_key("templateID");
    if names_template && head.has_key("info") { Confidence::Certain } else { Confidence::No }
}

/// One match. Version 2 wrote other names for the same fields.
#[derive(Deserialize)]
struct Match {
    #[serde(rename = "template-id", alias = "templateID")]
    template: Option<String>,
    #[serde(rename = "template-path", default)]
    full_path: Option<String>,
    #[serde(rename = "template", default)]
    short_path: Option<String>,
    info: Info,
    #[serde(rename = "matcher-name", alias = "matcher_name", default)]
    matcher: Option<String>,
    #[serde(rename = "extractor-name", alias = "extractor_name", default)]
    extractor: Option<String>,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    port: Value,
    #[serde(default)]
    ip: Option<String>,
    #[serde(rename = "matched-at", alias = "matched", default)]
    matched: Option<String>,
    #[serde(rename = "extracted-results", alias = "extracted_results", default)]
    extracted: Value,
    #[serde(default)]
    request: Option<String>,
    #[serde(default)]
    response: Option<String>,
    #[serde(rename = "curl-command", default)]
    curl: Option<String>,
    #[serde(rename = "fuzzing_parameter", alias = "fuzzing-parameter", default)]
    parameter: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(rename = "matcher-status", alias = "matcher_status", default)]
    status: Option<bool>,
    #[serde(default)]
    error: Option<String>,
}

impl Match {
    /// Where the template lies in its collection.
    fn path(&self) -> Option<&str> {
        self.short_path.as_deref().or(self.full_path.as_deref())
    }
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    name: String,
    #[serde(default)]
    severity: Value,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    remediation: Option<String>,
    #[serde(default)]
    reference: Value,
    #[serde(default)]
    tags: Value,
    #[serde(default)]
    classification: Option<Classification>,
}

#[derive(Default, Deserialize)]
struct Classification {
    #[serde(rename = "cve-id", default)]
    cves: Value,
    #[serde(rename = "cwe-id", default)]
    cwes: Value,
    #[serde(rename = "cvss-metrics", default)]
    vector: Option<String>,
    #[serde(rename = "cvss-score", default)]
    score: Option<f64>,
    #[serde(default)]
    cpe: Option<String>,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("nuclei");
    let mut seen = BTreeSet::new();
    rows(reader, &mut |json, at| {
        let found: Match = match serde_json::from_str(json) {
            Ok(found) => found,
            Err(error) => return sink.record(Record::rejected(at, error.to_string())),
        };
        let time = found.timestamp.as_deref().and_then(crate::time::parse);
        header.scanned_at = header.scanned_at.max(time);
        sink.record(record(at, found, context, &mut seen))
    })?;
    Ok(header)
}

/// Services and hosts that were already told of.
type Seen = BTreeSet<(Arc<Subject>, u16)>;

fn record(at: String, found: Match, context: &Context, seen: &mut Seen) -> Record {
    let Some(template) = found.template.as_deref().filter(|template| !template.is_empty()) else {
        return Record::rejected(at, "the field template-id is missing");
    };
    let Some(target) = Target::of(&found, context) else {
        return Record::rejected(at, "neither host nor matched-at names a target");
    };
    let subject = Arc::new(Subject::new(target.kind, target.identifiers.clone()));
    let detail = found.matcher.as_deref().or(found.extractor.as_deref()).filter(|name| !name.is_empty());
    let rule = detail.map_or_else(|| template.to_owned(), |detail| format!("{template}:{detail}"));
    if found.status == Some(false) {
        if found.error.is_some_and(|error| !error.is_empty()) {
            return Record::ignored(at, "template failed");
        }
        let weaknesses = weaknesses(&rule, &found.info);
        let by_family = |family: &str| -> Vec<String> {
            let of_family = weaknesses.iter().filter(|weakness| weakness.key.family() == family);
            of_family.map(|weakness| weakness.key.id().to_owned()).collect()
        };
        // It did not match here; another port of the host is another target.
        let places = target.port.map_or(Places::All, |port| Places::Ports {
            protocol: "tcp".to_owned(),
            ranges: vec![(port, port)],
        });
        let coverage = ["nuclei", WeaknessKey::VULNERABILITY].into_iter().filter_map(|family| {
            let ids = by_family(family);
            (!ids.is_empty()).then(|| {
                Observation::Coverage(Coverage {
                    subject: Arc::clone(&subject),
                    checks: Checks::Rules { family: family.to_owned(), ids },
                    places: places.clone(),
                })
            })
        });
        return Record::ignored_with(at, "template did not match", coverage.collect());
    }

    let weaknesses = weaknesses(&rule, &found.info);
    let is_vulnerability =
        weaknesses.iter().any(|weakness| matches!(weakness.key, WeaknessKey::Vulnerability(_)));
    let place = if is_vulnerability { Place::Whole } else { target.place(&found) };
    let fold = format!("{rule} {} {}", found.kind, target.label);
    let secrets = secrets(&found);
    let evidence = evidence(&found, &secrets);
    let mut attributes = Attributes::from([("template".to_owned(), template.into())]);
    for (key, value) in [
        ("matcher", detail),
        ("type", Some(found.kind.as_str())),
        ("template_path", found.path()),
        ("matched_at", found.matched.as_deref()),
        ("cpe", found.info.classification.as_ref().and_then(|known| known.cpe.as_deref())),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.insert(key.to_owned(), without_url_credentials(value).into());
        }
    }
    if let Some(port) = target.port {
        attributes.insert("port".to_owned(), port.into());
    }
    let finding = Finding {
        subject: Arc::clone(&subject),
        weaknesses,
        place,
        part: None,
        status: bartizan_model::Status::Affected,
        severity: severity(&found.info),
        evidence: Some(evidence),
        fix: fix(&found.info),
        attributes,
    };
    let mut observations = Vec::new();
    if target.kind == AssetKind::Host && seen.insert((Arc::clone(&subject), target.port.unwrap_or(0))) {
        observations.extend(target.facts(&subject, context, &found.kind));
    }
    observations.push(Observation::Finding(Box::new(finding)));
    observations.extend(secrets.iter().map(|secret| {
        Observation::Relation(RelationObservation {
            kind: RelationKind::HOLDS_SECRET,
            from: Arc::clone(&subject),
            to: credential(secret_fingerprint(&sha1_hex(secret)), Some(secret)),
            attributes: [("hint".to_owned(), mask_secret(secret).into())].into(),
        })
    }));
    for remote in git_remotes(&found) {
        observations.push(Observation::Relation(RelationObservation {
            kind: RelationKind::SERVES_SOURCE,
            from: Arc::clone(&subject),
            to: Arc::new(Subject::new(
                AssetKind::Repository,
                [Identifier::new(Scheme::RepositoryUrl, &remote)],
            )),
            attributes: target.port.map(|port| ("port".to_owned(), port.into())).into_iter().collect(),
        }));
    }
    Record::observed(at, observations).folded(fold)
}

/// What was looked at.
struct Target {
    kind: AssetKind,
    identifiers: Vec<Identifier>,
    /// The host or path by itself, without port.
    label: String,
    port: Option<u16>,
    url: Option<Url>,
}

impl Target {
    fn of(found: &Match, context: &Context) -> Option<Self> {
        let matched = found.matched.as_deref().or(found.host.as_deref()).filter(|text| !text.is_empty())?;
        if matches!(found.kind.as_str(), "file" | "code") && !matched.contains("://") {
            let subject = context.asset.clone().unwrap_or_else(|| {
                Arc::new(Subject::new(
                    AssetKind::Repository,
                    [Identifier::new(Scheme::Target, &context.name)],
                ))
            });
            return Some(Self {
                kind: subject.kind(),
                identifiers: subject.identifiers().to_vec(),
                label: matched.to_owned(),
                port: None,
                url: None,
            });
        }
        let url = Url::parse(matched).ok().filter(Url::has_host);
        let said_port = match &found.port {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
            _ => None,
        };
        let (label, port) = match &url {
            Some(url) => (url.host_str()?.to_owned(), url.port_or_known_default()),
            None => split_port(matched),
        };
        let mut identifiers = Vec::new();
        identifiers.extend(address_or_name(context, &label));
        if let Some(ip) = found.ip.as_deref().filter(|ip| ip.parse::<std::net::IpAddr>().is_ok()) {
            identifiers.push(address(context, ip));
        }
        if identifiers.is_empty() {
            return None;
        }
        let port = port.or(said_port).filter(|_| found.kind != "dns" && found.kind != "whois");
        Some(Self { kind: AssetKind::Host, identifiers, label, port, url })
    }

    fn place(&self, found: &Match) -> Place {
        match (&self.url, self.port) {
            (Some(url), Some(port)) if matches!(url.scheme(), "http" | "https") => {
                let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
                Place::web(&method(found), port, target, found.parameter.as_deref())
            }
            (_, Some(port)) => {
                let protocol = if found.kind == "udp" { "udp" } else { "tcp" };
                Place::port(protocol, port)
            }
            (None, None) if self.kind != AssetKind::Host => Place::code(&self.label, None, &found.kind),
            _ => Place::Whole,
        }
    }

    /// That the host is there and that its port answered.
    fn facts(&self, subject: &Arc<Subject>, context: &Context, kind: &str) -> Vec<Observation> {
        let Some(port) = self.port else {
            return vec![Observation::Asset(AssetObservation {
                subject: Arc::clone(subject),
                name: Some(self.label.clone()),
                attributes: Attributes::new(),
            })];
        };
        let mut attributes = Attributes::new();
        let scheme = self.url.as_ref().map_or("", Url::scheme);
        if matches!(scheme, "http" | "https") {
            attributes.insert("service".to_owned(), "http".into());
        }
        if scheme == "https" || kind == "ssl" {
            attributes.insert("tls".to_owned(), true.into());
        }
        let service =
            ServiceObservation { host: Arc::clone(subject), protocol: "tcp".to_owned(), port, attributes };
        let mut facts = vec![Observation::Service(service)];
        facts.extend(reaches(context, subject, "tcp", port));
        facts
    }
}

/// `host:port`, `[v6]:port` or a bare host.
fn split_port(text: &str) -> (String, Option<u16>) {
    let bare = text.split('/').next().unwrap_or(text);
    if let Some((host, port)) = bare.rsplit_once(':')
        && (!host.contains(':') || host.ends_with(']'))
        && let Ok(port) = port.parse()
    {
        return (host.trim_matches(['[', ']']).to_owned(), Some(port));
    }
    (bare.to_owned(), None)
}

/// The request's method: from the request, else from the curl command that repeats it.
fn method(found: &Match) -> String {
    let is_method = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let from_request =
        found.request.as_deref().and_then(|request| request.split_whitespace().next()).filter(is_method);
    let from_curl = || {
        let (_, rest) = found.curl.as_deref()?.split_once("-X ")?;
        rest.split_whitespace().next().map(|word| word.trim_matches('\'')).filter(is_method)
    };
    from_request.or_else(from_curl).unwrap_or("GET").to_owned()
}

fn weaknesses(rule: &str, info: &Info) -> Vec<Weakness> {
    let none = Classification::default();
    let classification = info.classification.as_ref().unwrap_or(&none);
    let title = if info.name.is_empty() { rule } else { &info.name };
    let mut weaknesses: Vec<Weakness> = texts(&classification.cves)
        .iter()
        .filter(|id| id.to_ascii_uppercase().starts_with("CVE-"))
        .filter_map(|id| Weakness::from_ids([id.as_str()], title))
        .collect();
    if weaknesses.is_empty() {
        weaknesses.push(Weakness::new(WeaknessKey::rule("nuclei", rule), title));
    }
    let cwes: Vec<u32> = texts(&classification.cwes)
        .iter()
        .filter_map(|cwe| cwe.to_ascii_lowercase().strip_prefix("cwe-")?.parse().ok())
        .collect();
    let references: Vec<String> = texts(&info.reference)
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| line.trim().trim_start_matches("- ").to_owned())
        .filter(|line| !line.is_empty())
        .take(10)
        .collect();
    for weakness in &mut weaknesses {
        weakness.description = info
            .description
            .as_deref()
            .filter(|text| !text.trim().is_empty())
            .map(|text| excerpt(text, 2000));
        weakness.cwes.clone_from(&cwes);
        weakness.cvss =
            classification.vector.clone().filter(|vector| !vector.is_empty()).into_iter().collect();
        weakness.score = classification.score.filter(|score| *score > 0.0);
        weakness.references.clone_from(&references);
    }
    weaknesses
}

fn severity(info: &Info) -> Severity {
    Severity::from_word(info.severity.as_str().unwrap_or_default())
}

fn fix(info: &Info) -> Option<FixHint> {
    let text = info.remediation.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
    let kind =
        if text.to_ascii_lowercase().starts_with("up") { FixKind::Upgrade } else { FixKind::Configure };
    Some(FixHint { kind, text: excerpt(text, 500), component: None, fixed_versions: Vec::new() })
}

/// A string, a string with commas, or a list of strings.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// What was extracted, where the template looks for secrets.
fn secrets(found: &Match) -> Vec<String> {
    let of_path = found.path().is_some_and(|path| path.contains("/tokens/") || path.contains("/keys/"));
    let of_tags = texts(&found.info.tags)
        .iter()
        .flat_map(|tags| tags.split(','))
        .any(|tag| matches!(tag.trim(), "token" | "tokens" | "keys" | "secret" | "secrets"));
    if !of_path && !of_tags {
        return Vec::new();
    }
    let mut secrets: Vec<String> =
        texts(&found.extracted).iter().map(|text| text.trim().to_owned()).collect();
    secrets.retain(|text| !text.is_empty());
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}

fn evidence(found: &Match, secrets: &[String]) -> String {
    let mut lines = vec![format!("matched at {}", found.matched.as_deref().unwrap_or_default())];
    for text in texts(&found.extracted) {
        let text = text.trim().to_owned();
        lines.push(if secrets.contains(&text) { mask_secret(&text) } else { text });
    }
    excerpt(&without_url_credentials(&lines.join("\n")), 2000)
}

/// URLs of the remotes in an exposed `.git/config`.
fn git_remotes(found: &Match) -> Vec<String> {
    let is_git = found.template.as_deref().is_some_and(|template| template.contains("git-config"))
        || found.matched.as_deref().is_some_and(|matched| matched.contains(".git/config"));
    if !is_git {
        return Vec::new();
    }
    let response = found.response.as_deref().unwrap_or_default();
    let of_response = response.lines().filter_map(|line| {
        let (key, value) = line.trim().split_once('=')?;
        (key.trim() == "url").then(|| value.trim().to_owned())
    });
    let extracted = texts(&found.extracted);
    let of_results = extracted.iter().map(|text| text.trim().trim_start_matches("url").trim_start());
    let of_results = of_results.map(|text| text.trim_start_matches('=').trim().to_owned());
    let mut remotes: Vec<String> = of_response.chain(of_results).collect();
    remotes.retain(|remote| {
        !remote.contains(char::is_whitespace)
            && (remote.contains("://") || remote.split_once(':').is_some_and(|(host, _)| host.contains('@')))
    });
    remotes.sort_unstable();
    remotes.dedup();
    remotes
}
