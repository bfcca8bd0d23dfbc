//! testssl.sh: its flat JSON, its pretty JSON and its CSV (versions 2.9 to 3.2).
//!
//! A record is one row: what one test found at one port. Rows that say `OK` passed; the rows of the
//! rating say again what others say. All others are findings, as they are to the tool's users, those
//! with `INFO` as information. A certificate's rows carry its number behind their id, which is no
//! part of the rule.
//!
//! Coverage: each test that has a row ran at the port. Tests of single cipher suites have a row only
//! where the suite is offered; that they all ran is shown by the rating, which comes only at the end
//! of a full run. Ports at which the scan broke off prove nothing beyond their rows.

use std::collections::BTreeSet;
use std::io::Read;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{Attributes, FixHint, Observation, Severity, Weakness, WeaknessKey, excerpt};
use serde::Deserialize;

use super::{Confidence, Format, Kind};
use crate::endpoint::Endpoint;
use crate::tls::{self, Fault};
use crate::{Context, Error, Head, Header, Record, Result, Sink, advisory, lenient, table};

const FAMILY: &str = "testssl";

pub(super) const JSON: Format = Format {
    name: "testssl-json",
    title: "testssl.sh JSON",
    tool: "testssl.sh",
    kind: Kind::Network,
    example: "testssl.sh --jsonfile testssl.json shop.example.com:443",
    sniff: sniff_json,
    parse: parse_json,
};

pub(super) const CSV: Format = Format {
    name: "testssl-csv",
    title: "testssl.sh CSV",
    tool: "testssl.sh",
    kind: Kind::Network,
    example: "testssl.sh --csvfile testssl.csv shop.example.com:443",
    sniff: sniff_csv,
    parse: parse_csv,
};

fn sniff_json(head: &Head<'_>) -> Confidence {
    let flat = head.is_json_array() && head.has_keys(&["id", "ip", "port", "severity", "finding"]);
    let pretty = head.has_key("scanResult") || head.has_keys(&["Invocation", "openssl"]);
    if flat || pretty { Confidence::Certain } else { Confidence::No }
}

fn sniff_csv(head: &Head<'_>) -> Confidence {
    let line = head.text().trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    let line = line.replace('"', "");
    if line.starts_with("id,fqdn/ip,port,severity,finding") { Confidence::Certain } else { Confidence::No }
}

#[derive(Default, Deserialize)]
struct Row {
    #[serde(default)]
    id: String,
    /// `name/address`.
    #[serde(alias = "fqdn/ip", default)]
    ip: String,
    #[serde(default, deserialize_with = "lenient::text")]
    port: Option<String>,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    finding: String,
    #[serde(default, deserialize_with = "lenient::text")]
    cve: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cwe: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    hint: Option<String>,
}

/// One target while its rows are read.
struct Target {
    /// As the report names it.
    label: (String, String),
    endpoint: Option<Endpoint>,
    service: String,
    answered: bool,
    broke: bool,
    is_full: bool,
    /// Tests that ran, by the families of their rules.
    own: BTreeSet<String>,
    shared: BTreeSet<String>,
    vulnerabilities: BTreeSet<String>,
}

struct Scan<'s> {
    context: &'s Context,
    sink: &'s mut dyn Sink,
    header: Header,
    target: Option<Target>,
}

const ROUTES: &[&str] = &[
    "[]",
    "version",
    "startTime",
    "scanResult[].targetHost",
    "scanResult[].ip",
    "scanResult[].port",
    "scanResult[].{}[]",
    "clientProblem1[]",
    "scanResult[].service",
    "scanResult[].rDNS",
];
/// The first route that leads through a target of the pretty form.
const TARGET: usize = 3;

fn parse_json(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let (has_keys, mut reader) =
        crate::peek::has_any_key(reader, &["scanResult", "Invocation", "id", "version"])?;
    if !has_keys {
        let message = "it has neither rows nor a list of scan results".to_owned();
        return Err(Error::Incomplete { format: JSON.name, message });
    }
    let mut scan = Scan { context, sink, header: Header::new(FAMILY), target: None };
    let (mut name, mut ip, mut port) = (String::new(), String::new(), None);
    // The rows of a target in the pretty form, which names it once.
    let mut rows: Vec<(String, Result<Row, String>)> = Vec::new();
    walk::<Error>(&mut reader, ROUTES, Documents::One, &mut |event, position| {
        let at = || position.to_string();
        match event {
            Event::Begin { route: TARGET } => (name, ip, port) = (String::new(), String::new(), None),
            Event::End { route: TARGET } => {
                for (at, row) in std::mem::take(&mut rows) {
                    let row = row.map(|row| Row { ip: format!("{name}/{ip}"), port: port.clone(), ..row });
                    scan.row(at, row)?;
                }
            }
            Event::Begin { .. } | Event::End { .. } => {}
            Event::Value { route, json, .. } => {
                let text = || serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
                let row = || serde_json::from_str::<Row>(json).map_err(|error| error.to_string());
                match route {
                    0 | 7 => scan.row(at(), row())?,
                    1 => {
                        scan.header.tool_version = text()
                            .split_whitespace()
                            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
                            .map(str::to_owned);
                    }
                    2 => scan.header.scanned_at = crate::time::parse(&text()),
                    3 => name = text(),
                    4 => ip = text(),
                    5 => port = Some(text()),
                    6 => rows.push((at(), row())),
                    _ => {}
                }
            }
        }
        Ok(())
    })?;
    scan.finish()
}

fn parse_csv(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut rows = table::reader(reader)?;
    let headers = rows.headers().map_err(table::error)?.clone();
    let is_own = headers.iter().any(|name| name == "fqdn/ip") && headers.iter().any(|name| name == "finding");
    if !is_own {
        let message = "its first line does not name the columns fqdn/ip and finding".to_owned();
        return Err(Error::Incomplete { format: CSV.name, message });
    }
    let mut scan = Scan { context, sink, header: Header::new(FAMILY), target: None };
    for (index, row) in rows.records().enumerate() {
        let row = row.map_err(table::error)?;
        let read = row.deserialize::<Row>(Some(&headers)).map_err(|error| error.to_string());
        scan.row(format!("row {}", index + 2), read)?;
    }
    scan.finish()
}

/// The rows of the rating, which sum the others up.
fn is_rating(id: &str) -> bool {
    id.starts_with("protocol_support_score")
        || id.starts_with("key_exchange_score")
        || id.starts_with("cipher_strength_score")
        || id.starts_with("grade_cap_reason")
        || matches!(id, "final_score" | "overall_grade" | "finalScore" | "grade")
}

/// `cert_keySize <cert#2>` → `cert_keySize` and `cert#2`.
fn split_id(id: &str) -> (&str, Option<&str>) {
    match id.split_once(['<', ' ']) {
        Some((rule, rest)) => {
            let number = rest.trim_matches(['<', '>', ' ']);
            (rule.trim(), Some(number).filter(|number| !number.is_empty()))
        }
        None => (id.trim(), None),
    }
}

/// The weakness that other scanners find, too, and that the rule decides on.
fn fault(rule: &str, finding: &str) -> Option<Fault> {
    let finding = finding.to_ascii_lowercase();
    match rule {
        "cert_expirationStatus" if finding.starts_with("expired") => Some(Fault::Expired),
        "cert_chain_of_trust" if finding.contains("self signed") && !finding.contains("chain") => {
            Some(Fault::SelfSigned)
        }
        "cert_signatureAlgorithm" if ["md5", "sha1"].iter().any(|weak| finding.contains(weak)) => {
            Some(Fault::WeakSignature)
        }
        "cert_keySize" if finding.starts_with("rsa") => Some(Fault::WeakKey),
        _ => Fault::of_version(rule),
    }
}

/// The shared weaknesses that a rule would have told.
fn faults_of(rule: &str) -> &'static [Fault] {
    match rule {
        "cert_expirationStatus" => &[Fault::Expired],
        "cert_chain_of_trust" => &[Fault::SelfSigned],
        "cert_signatureAlgorithm" => &[Fault::WeakSignature],
        "cert_keySize" => &[Fault::WeakKey],
        "SSLv2" => &[Fault::Ssl2],
        "SSLv3" => &[Fault::Ssl3],
        "TLS1" => &[Fault::Tls10],
        "TLS1_1" => &[Fault::Tls11],
        _ => &[],
    }
}

fn severity(word: &str) -> Severity {
    match word {
        // These tell of the scan, not of the target.
        "WARN" | "FATAL" | "DEBUG" => Severity::Info,
        word => Severity::from_word(word),
    }
}

/// What to do about a finding, by the kind of its test.
fn fix(rule: &str, port: u16) -> Option<FixHint> {
    let text =
        if rule.starts_with("cipherlist_") || rule.starts_with("cipher-") || rule.starts_with("cipher_x") {
            "Turn off these cipher suites"
        } else if rule.starts_with("cipher_order") {
            "Let the server choose the order of cipher suites"
        } else if rule.starts_with("cert") || rule.starts_with("OCSP") {
            "Replace the certificate or its chain"
        } else if rule == "HSTS" || rule.starts_with("HSTS_") {
            "Send the header Strict-Transport-Security for at least 180 days"
        } else if rule == "security_headers" {
            "Send the security headers (Content-Security-Policy, X-Content-Type-Options, Referrer-Policy…)"
        } else if rule.starts_with("DNS_CAA") {
            return Some(tls::configure("Publish a CAA record that names your certificate authority."));
        } else {
            return None;
        };
    Some(tls::configure(format!("{text} at port {port}.")))
}

impl Scan<'_> {
    fn row(&mut self, at: String, row: Result<Row, String>) -> Result<()> {
        let row = match row {
            Ok(row) if row.id.is_empty() => {
                return self.sink.record(Record::rejected(at, "the field id is empty"));
            }
            Ok(row) => row,
            Err(message) => return self.sink.record(Record::rejected(at, message)),
        };
        let label = (row.ip.clone(), row.port.clone().unwrap_or_default());
        if self.target.as_ref().is_none_or(|target| target.label != label) {
            self.end_target()?;
            self.target = Some(self.begin_target(label));
        }
        let record = self.record(at, &row);
        self.sink.record(record)
    }

    fn begin_target(&self, label: (String, String)) -> Target {
        let (name, ip) = label.0.split_once('/').unwrap_or((&label.0, ""));
        let port = label.1.trim().parse().unwrap_or(443);
        let endpoint = Endpoint::new(self.context, name, ip, port);
        Target {
            endpoint,
            label,
            service: String::new(),
            answered: false,
            broke: false,
            is_full: false,
            own: BTreeSet::new(),
            shared: BTreeSet::new(),
            vulnerabilities: BTreeSet::new(),
        }
    }

    fn record(&mut self, at: String, row: &Row) -> Record {
        let Some(target) = &mut self.target else { return Record::rejected(at, "there is no target") };
        let (rule, certificate) = split_id(&row.id);
        let word = row.severity.trim().to_ascii_uppercase();
        if rule == "scanTime" || rule == "scanProblem" || word == "WARN" || word == "FATAL" {
            if word == "FATAL" || word == "WARN" {
                self.header.problem(at.clone(), excerpt(&row.finding, 300));
            }
            target.broke |= word == "FATAL";
        } else {
            target.answered = true;
        }
        let Some(endpoint) = &target.endpoint else {
            return if word == "WARN" || word == "FATAL" || rule == "scanTime" {
                Record::ignored(at, "about the scan, not about a target")
            } else {
                Record::rejected(at, format!("{:?} names no host", row.ip))
            };
        };
        if rule == "service" {
            target.service = row.finding.trim().to_ascii_lowercase();
        }
        if is_rating(rule) {
            target.is_full |= rule == "overall_grade";
            return Record::ignored(at, "rating of the other rows");
        }
        let cves: Vec<&str> = row
            .cve
            .as_deref()
            .unwrap_or_default()
            .split([' ', ','])
            .filter(|id| id.to_ascii_uppercase().starts_with("CVE-"))
            .collect();
        if target.answered && !matches!(word.as_str(), "WARN" | "FATAL") {
            target.own.insert(rule.to_owned());
            target.shared.extend(faults_of(rule).iter().map(|fault| fault.id().to_owned()));
            target.vulnerabilities.extend(cves.iter().map(|cve| cve.to_ascii_uppercase()));
        }
        if word == "OK" {
            return Record::ignored(at, "check passed");
        }
        if word == "DEBUG" || rule == "scanTime" {
            return Record::ignored(at, "about the scan, not about a target");
        }
        let shared =
            fault(rule, &row.finding).filter(|_| !matches!(word.as_str(), "INFO" | "WARN" | "FATAL"));
        let title = format!("{rule}: {}", excerpt(&row.finding, 100));
        let mut weaknesses = match shared {
            Some(fault) => vec![fault.weakness()],
            None if cves.is_empty() => vec![Weakness::new(WeaknessKey::rule(FAMILY, rule), title)],
            None => advisory::weaknesses(&cves, &title),
        };
        if shared.is_none() {
            let cwe = row.cwe.as_deref().and_then(crate::cwe::number);
            for weakness in &mut weaknesses {
                weakness.cwes.extend(cwe);
            }
        }
        let hint = row.hint.as_deref().map(str::trim).filter(|hint| !hint.is_empty());
        let fix = hint
            .map(|hint| tls::configure(excerpt(hint, 500)))
            .or_else(|| shared.map(Fault::fix))
            .or_else(|| if severity(&word) > Severity::Info { fix(rule, endpoint.port) } else { None });
        let Some(mut finding) = endpoint.finding(weaknesses, severity(&word), &row.finding, fix) else {
            return Record::rejected(at, "the row has no id");
        };
        finding.attributes.insert("test".to_owned(), rule.into());
        if let Some(certificate) = certificate {
            finding.attributes.insert("certificate".to_owned(), certificate.into());
        }
        Record::observed(at, vec![Observation::Finding(Box::new(finding))])
    }

    fn end_target(&mut self) -> Result<()> {
        let Some(target) = self.target.take() else { return Ok(()) };
        let Some(endpoint) = target.endpoint.filter(|_| target.answered) else { return Ok(()) };
        let mut attributes = Attributes::new();
        // "Couldn't determine what's running…" is no service.
        if !target.service.is_empty() && !target.service.contains(char::is_whitespace) {
            attributes.insert("service".to_owned(), target.service.into());
        }
        for observation in endpoint.tls_service(self.context, attributes) {
            self.sink.remark(observation)?;
        }
        if target.is_full && !target.broke {
            self.sink.remark(endpoint.full_coverage(FAMILY))?;
        } else if let Some(coverage) = endpoint.coverage(FAMILY, target.own) {
            self.sink.remark(coverage)?;
        }
        for (family, ids) in
            [(tls::FAMILY, target.shared), (WeaknessKey::VULNERABILITY, target.vulnerabilities)]
        {
            if let Some(coverage) = endpoint.coverage(family, ids) {
                self.sink.remark(coverage)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Header> {
        self.end_target()?;
        Ok(self.header)
    }
}

#[cfg(test)]
mod tests {
    use super::split_id;

    #[test]
    fn ids_lose_the_number_of_the_certificate() {
        assert_eq!(split_id("cert_keySize <cert#2>"), ("cert_keySize", Some("cert#2")));
        assert_eq!(split_id("TLS1_1"), ("TLS1_1", None));
    }
}
