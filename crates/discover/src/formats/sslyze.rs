//! SSLyze JSON (versions 3 to 6): how servers speak TLS, and their certificates.
//!
//! A record is one scan command on one server. The old versions of the protocol and the faults of
//! certificates are the weaknesses that other scanners of TLS find, too. Of TLS 1.2 the cipher suites
//! are judged by RFC 9325, since the tool itself judges none.
//!
//! Certificates wait for the date of the scan, which may stand at the end: by it they are expired.
//!
//! Coverage: each command that completed ran at the port.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{Attributes, Finding, Observation, Severity, Timestamp, Weakness, WeaknessKey, excerpt};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Confidence, Format, Kind};
use crate::endpoint::Endpoint;
use crate::tls::{self, Fault};
use crate::{Context, Error, Head, Header, Record, Result, Sink};

const FAMILY: &str = "sslyze";

pub(super) const FORMAT: Format = Format {
    name: "sslyze",
    title: "SSLyze JSON",
    tool: "SSLyze",
    kind: Kind::Network,
    example: "sslyze --json_out=sslyze.json shop.example.com:443",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let is_named = head.has_key("sslyze_version") || head.has_key("sslyze_url");
    if head.has_key("server_scan_results") || is_named { Confidence::Certain } else { Confidence::No }
}

const ROUTES: &[&str] = &[
    "sslyze_version",
    "date_scans_completed",
    "date_scans_started",
    "server_scan_results[]",
    "server_connectivity_errors[]",
    "invalid_server_strings[]",
];

/// What a command found is read by the command: the keys of certificates are numbers larger than
/// any that a general value holds.
type Results = BTreeMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct Server {
    #[serde(default)]
    server_location: Option<Location>,
    /// Version 3.
    #[serde(default)]
    server_info: Option<Info>,
    #[serde(default)]
    connectivity_status: Option<String>,
    #[serde(default)]
    connectivity_error_trace: Option<String>,
    #[serde(default)]
    connectivity_result: Value,
    #[serde(default)]
    scan_result: Option<Results>,
    /// Version 3.
    #[serde(default)]
    scan_commands_results: Option<Results>,
    #[serde(default)]
    scan_commands_errors: Value,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    server_location: Option<Location>,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default)]
    ip_address: Option<String>,
    #[serde(default)]
    port: Option<u16>,
}

/// Since version 4 a result stands beside its status.
#[derive(Deserialize)]
struct Attempt<'a> {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    error_reason: Option<String>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct CertificateInfo {
    #[serde(default)]
    certificate_deployments: Vec<Deployment>,
}

#[derive(Deserialize)]
struct Deployment {
    #[serde(default)]
    received_certificate_chain: Vec<Leaf>,
    #[serde(default)]
    leaf_certificate_subject_matches_hostname: Option<bool>,
    #[serde(default)]
    verified_chain_has_sha1_signature: Option<bool>,
    #[serde(default)]
    path_validation_results: Vec<Validation>,
}

#[derive(Deserialize)]
struct Validation {
    #[serde(default)]
    was_validation_successful: Option<bool>,
    #[serde(alias = "openssl_error_string", default)]
    validation_error: Option<String>,
}

#[derive(Deserialize)]
struct Leaf {
    #[serde(default)]
    subject: Option<Name>,
    #[serde(default)]
    issuer: Option<Name>,
    #[serde(alias = "notAfter", default)]
    not_valid_after: Option<String>,
    #[serde(default)]
    signature_hash_algorithm: Option<Algorithm>,
    #[serde(rename = "signatureAlgorithm", default)]
    old_algorithm: Option<String>,
    #[serde(alias = "publicKey", default)]
    public_key: Option<PublicKey>,
}

#[derive(Deserialize)]
struct Name {
    #[serde(default)]
    rfc4514_string: Option<String>,
}

#[derive(Deserialize)]
struct Algorithm {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct PublicKey {
    #[serde(default)]
    algorithm: Option<String>,
    #[serde(alias = "size", default)]
    key_size: Option<u64>,
}

struct Scan<'s> {
    context: &'s Context,
    sink: &'s mut dyn Sink,
    header: Header,
    certificates: Vec<(String, Endpoint, Certificate)>,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let (is_own, mut reader) =
        crate::peek::has_any_key(reader, &["server_scan_results", "sslyze_version", "sslyze_url"])?;
    if !is_own {
        let message = "there are no server_scan_results in it".to_owned();
        return Err(Error::Incomplete { format: FORMAT.name, message });
    }
    let mut scan = Scan { context, sink, header: Header::new(FAMILY), certificates: Vec::new() };
    walk::<Error>(&mut reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, json, .. } = event else { return Ok(()) };
        let at = position.to_string();
        let text = || serde_json::from_str::<String>(json).ok();
        match route {
            0 => scan.header.tool_version = text(),
            1 => scan.header.scanned_at = text().as_deref().and_then(crate::time::parse),
            2 => {
                let started = text().as_deref().and_then(crate::time::parse);
                scan.header.scanned_at = scan.header.scanned_at.or(started);
            }
            3 => match serde_json::from_str::<Server>(json) {
                Ok(server) => scan.server(&at, server)?,
                Err(error) => scan.sink.record(Record::rejected(at, error.to_string()))?,
            },
            _ => {
                let value: Value = serde_json::from_str(json).unwrap_or_default();
                let name = value["server_string"].as_str().unwrap_or("a server");
                let reason = value["error_message"].as_str().unwrap_or("no reason given");
                scan.header.problem(at.clone(), format!("{name} was not scanned: {}", excerpt(reason, 300)));
                scan.sink.record(Record::ignored(at, "server not reached"))?;
            }
        }
        Ok(())
    })?;
    let seen = scan.header.scanned_at;
    for (at, endpoint, certificate) in std::mem::take(&mut scan.certificates) {
        scan.sink.record(record(at, certificate.findings(&endpoint, seen)))?;
    }
    Ok(scan.header)
}

fn record(at: String, findings: Vec<Finding>) -> Record {
    if findings.is_empty() {
        return Record::ignored(at, "check passed");
    }
    Record::observed(
        at,
        findings.into_iter().map(|finding| Observation::Finding(Box::new(finding))).collect(),
    )
}

impl Scan<'_> {
    fn server(&mut self, at: &str, server: Server) -> Result<()> {
        let location = server.server_location.or_else(|| server.server_info?.server_location);
        let location = location.unwrap_or(Location { hostname: None, ip_address: None, port: None });
        let (name, ip) = (location.hostname.unwrap_or_default(), location.ip_address.unwrap_or_default());
        let port = location.port.unwrap_or(443);
        let Some(endpoint) = Endpoint::new(self.context, &name, &ip, port) else {
            return self.sink.record(Record::rejected(at, "the field server_location names no host"));
        };
        let failed = server.connectivity_status.as_deref() == Some("ERROR");
        let group = if server.scan_result.is_some() { "scan_result" } else { "scan_commands_results" };
        let results = server.scan_result.or(server.scan_commands_results);
        let Some(results) = results.filter(|_| !failed) else {
            let trace = server.connectivity_error_trace.unwrap_or_default();
            let reason = trace.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no connection");
            let message = format!("{name}:{port} was not scanned: {}", excerpt(reason, 300));
            self.header.problem(at, message);
            return self.sink.record(Record::ignored(at, "server not reached"));
        };
        let mut attributes = Attributes::new();
        for (key, name) in
            [("tls_version", "highest_tls_version_supported"), ("cipher_suite", "cipher_suite_supported")]
        {
            if let Some(value) = server.connectivity_result[name].as_str() {
                attributes.insert(key.to_owned(), value.into());
            }
        }
        for observation in endpoint.tls_service(self.context, attributes) {
            self.sink.remark(observation)?;
        }
        let mut ran = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
        for (command, json) in &results {
            let at = format!("{at}.{group}.{command}");
            let attempt = serde_json::from_str::<Attempt<'_>>(json.get()).ok();
            let status = attempt.as_ref().and_then(|attempt| attempt.status.as_deref());
            let result = match (&attempt, status) {
                (Some(attempt), Some(_)) => attempt.result.map_or("null", RawValue::get),
                _ => json.get(),
            };
            match status {
                Some("ERROR") => {
                    let reason = attempt.and_then(|attempt| attempt.error_reason);
                    let reason = reason.as_deref().unwrap_or("no reason given").to_owned();
                    self.header.problem(at.clone(), format!("{command} failed: {reason}"));
                    self.sink.record(Record::ignored(at, "check failed"))?;
                }
                _ if result == "null" => self.sink.record(Record::ignored(at, "check not asked for"))?,
                _ => self.command(at, command, result, &endpoint, &mut ran)?,
            }
        }
        // Version 3 lists what failed apart from what it found.
        for (command, fault) in server.scan_commands_errors.as_object().into_iter().flatten() {
            let reason = fault["reason"].as_str().unwrap_or("no reason given");
            self.header.problem(at, format!("{command} failed: {reason}"));
        }
        if group == "scan_commands_results" {
            // Without the date of the scan nobody can tell whether a certificate had expired.
            ran[0].remove(Fault::Expired.id());
        }
        for (family, ids) in [tls::FAMILY, FAMILY, WeaknessKey::VULNERABILITY].into_iter().zip(ran) {
            if let Some(coverage) = endpoint.coverage(family, ids) {
                self.sink.remark(coverage)?;
            }
        }
        Ok(())
    }

    /// `ran` gathers the rules that were checked: the shared ones, the tool's own, vulnerabilities.
    fn command(
        &mut self,
        at: String,
        command: &str,
        json: &str,
        endpoint: &Endpoint,
        ran: &mut [BTreeSet<String>; 3],
    ) -> Result<()> {
        let mut findings = Vec::new();
        if command == "certificate_info" {
            let info = match serde_json::from_str::<CertificateInfo>(json) {
                Ok(info) => info,
                Err(error) => return self.sink.record(Record::rejected(at, error.to_string())),
            };
            let faults = [Fault::SelfSigned, Fault::WeakSignature, Fault::WeakKey, Fault::Expired];
            ran[0].extend(faults.iter().map(|fault| fault.id().to_owned()));
            ran[1].extend(["certificate-name", "certificate-untrusted"].map(str::to_owned));
            let certificate = Certificate::read(info.certificate_deployments);
            if self.header.scanned_at.is_none() {
                self.certificates.push((at, endpoint.clone(), certificate));
                return Ok(());
            }
            let findings = certificate.findings(endpoint, self.header.scanned_at);
            return self.sink.record(record(at, findings));
        }
        let result: Value = match serde_json::from_str(json) {
            Ok(result) => result,
            Err(error) => return self.sink.record(Record::rejected(at, error.to_string())),
        };
        if let Some(version) = command.strip_suffix("_cipher_suites") {
            let suites: Vec<&str> = result["accepted_cipher_suites"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|suite| suite["cipher_suite"]["name"].as_str())
                .collect();
            if let Some(fault) = Fault::of_version(version) {
                ran[0].insert(fault.id().to_owned());
                if !suites.is_empty() {
                    let evidence = format!("accepts {}", suites.join(", "));
                    findings.extend(endpoint.fault(fault, fault.severity(), &evidence));
                }
            } else {
                let weak: Vec<&str> = suites.into_iter().filter(|suite| tls::is_weak_suite(suite)).collect();
                let version = version.replace("tls_", "TLS ").replace('_', ".");
                let id = format!("weak-cipher-suites:{}", version.replace(' ', "").to_ascii_lowercase());
                if !weak.is_empty() {
                    let mut weakness = Weakness::new(
                        WeaknessKey::rule(FAMILY, &id),
                        format!("Weak cipher suites enabled in {version}"),
                    );
                    weakness.cwes = vec![327];
                    weakness.references =
                        vec!["https://www.rfc-editor.org/rfc/rfc9325#section-4.2".to_owned()];
                    let fix = tls::configure(format!("Turn off these cipher suites: {}.", weak.join(", ")));
                    let evidence = format!("accepts {}", weak.join(", "));
                    findings.extend(endpoint.finding(vec![weakness], Severity::Medium, &evidence, Some(fix)));
                }
                ran[1].insert(id);
            }
        } else {
            let checks = CHECKS.iter().filter(|check| check.command == command);
            let mut is_known = false;
            for check in checks {
                is_known = true;
                let Some(value) = result.get(check.field) else { continue };
                let family = if check.id.starts_with("CVE-") { 2 } else { 1 };
                ran[family].insert(check.id.to_owned());
                if (check.fails)(value) {
                    findings.extend(check.finding(endpoint, value));
                }
            }
            if !is_known {
                return self.sink.record(Record::ignored(at, "information on the server"));
            }
        }
        self.sink.record(record(at, findings))
    }
}

/// A field of a result that decides on a weakness.
struct Check {
    command: &'static str,
    field: &'static str,
    fails: fn(&Value) -> bool,
    id: &'static str,
    title: &'static str,
    severity: Severity,
    cwe: u32,
    fix: &'static str,
}

fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true)
}

fn is_false(value: &Value) -> bool {
    value.as_bool() == Some(false)
}

fn is_vulnerable(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("VULNERABLE"))
}

#[rustfmt::skip]
const CHECKS: &[Check] = &[
    Check { command: "heartbleed", field: "is_vulnerable_to_heartbleed", fails: is_true, id: "CVE-2014-0160",
        title: "Heartbleed: memory of the server can be read", severity: Severity::Critical, cwe: 125, fix: "Upgrade OpenSSL, then replace keys and certificates." },
    Check { command: "openssl_ccs_injection", field: "is_vulnerable_to_ccs_injection", fails: is_true, id: "CVE-2014-0224",
        title: "OpenSSL takes ChangeCipherSpec too early", severity: Severity::High, cwe: 326, fix: "Upgrade OpenSSL." },
    Check { command: "tls_compression", field: "supports_compression", fails: is_true, id: "CVE-2012-4929",
        title: "CRIME: TLS compression enabled", severity: Severity::Medium, cwe: 310, fix: "Turn off TLS compression." },
    Check { command: "robot", field: "robot_result", fails: is_vulnerable, id: "robot",
        title: "ROBOT: the server is an oracle for RSA decryption", severity: Severity::High, cwe: 203, fix: "Turn off cipher suites with RSA key exchange, and upgrade the TLS library." },
    Check { command: "robot", field: "robot_result_enum", fails: is_vulnerable, id: "robot",
        title: "ROBOT: the server is an oracle for RSA decryption", severity: Severity::High, cwe: 203, fix: "Turn off cipher suites with RSA key exchange, and upgrade the TLS library." },
    Check { command: "session_renegotiation", field: "supports_secure_renegotiation", fails: is_false, id: "CVE-2009-3555",
        title: "Insecure renegotiation", severity: Severity::Medium, cwe: 295, fix: "Support secure renegotiation (RFC 5746)." },
    Check { command: "session_renegotiation", field: "is_vulnerable_to_client_renegotiation_dos", fails: is_true, id: "client-renegotiation",
        title: "Clients can make the server renegotiate", severity: Severity::Medium, cwe: 400, fix: "Refuse renegotiation that clients ask for." },
    Check { command: "session_renegotiation", field: "accepts_client_renegotiation", fails: is_true, id: "client-renegotiation",
        title: "Clients can make the server renegotiate", severity: Severity::Medium, cwe: 400, fix: "Refuse renegotiation that clients ask for." },
    Check { command: "tls_fallback_scsv", field: "supports_fallback_scsv", fails: is_false, id: "fallback-scsv",
        title: "No protection from downgrades (TLS_FALLBACK_SCSV)", severity: Severity::Low, cwe: 757, fix: "Support TLS_FALLBACK_SCSV (RFC 7507), or turn off all versions below TLS 1.2." },
];

impl Check {
    fn finding(&self, endpoint: &Endpoint, value: &Value) -> Option<Finding> {
        let key = if self.id.starts_with("CVE-") {
            WeaknessKey::vulnerability(self.id)
        } else {
            WeaknessKey::rule(FAMILY, self.id)
        };
        let mut weakness = Weakness::new(key, self.title);
        weakness.cwes = vec![self.cwe];
        let evidence = format!("{}: {value}", self.field);
        endpoint.finding(vec![weakness], self.severity, &evidence, Some(tls::configure(self.fix)))
    }
}

/// What certificates of a server tell, without the certificates.
#[derive(Default)]
struct Certificate {
    /// Until when each leaf is valid.
    until: Vec<String>,
    self_signed: Option<String>,
    weak_signature: Option<String>,
    weak_key: Option<u64>,
    other_name: Option<String>,
    untrusted: Option<String>,
}

impl Certificate {
    fn read(deployments: Vec<Deployment>) -> Self {
        let mut certificate = Self::default();
        for deployment in deployments {
            let Some(leaf) = deployment.received_certificate_chain.into_iter().next() else { continue };
            let name = |name: Option<Name>| name.and_then(|name| name.rfc4514_string).unwrap_or_default();
            let (subject, issuer) = (name(leaf.subject), name(leaf.issuer));
            certificate.until.extend(leaf.not_valid_after);
            if !subject.is_empty() && subject == issuer {
                certificate.self_signed = Some(format!("{subject} signed its own certificate"));
            }
            let algorithm = leaf.signature_hash_algorithm.and_then(|algorithm| algorithm.name);
            let algorithm = algorithm.or(leaf.old_algorithm).unwrap_or_default().to_ascii_lowercase();
            if matches!(algorithm.as_str(), "md5" | "sha1") {
                certificate.weak_signature = Some(format!("signed with {algorithm}"));
            } else if deployment.verified_chain_has_sha1_signature == Some(true) {
                certificate.weak_signature =
                    Some("a certificate of the chain is signed with sha1".to_owned());
            }
            let is_rsa = |key: &PublicKey| {
                key.algorithm.as_deref().is_some_and(|name| name.to_ascii_uppercase().contains("RSA"))
            };
            let bits = leaf.public_key.filter(is_rsa).and_then(|key| key.key_size);
            certificate.weak_key = bits.filter(|bits| *bits < 2048).or(certificate.weak_key);
            if deployment.leaf_certificate_subject_matches_hostname == Some(false) {
                certificate.other_name = Some(format!("the certificate is for {subject}"));
            }
            let validations = deployment.path_validation_results;
            let count = validations.len();
            let errors: Vec<String> = validations
                .into_iter()
                .filter(|validation| {
                    validation.was_validation_successful == Some(false)
                        || validation.validation_error.is_some()
                })
                .map(|validation| validation.validation_error.unwrap_or_else(|| "not valid".to_owned()))
                .collect();
            // One store that trusts it is enough.
            if count == errors.len() {
                certificate.untrusted = errors.first().map(|error| excerpt(error, 500));
            }
        }
        certificate
    }

    fn findings(self, endpoint: &Endpoint, seen: Option<Timestamp>) -> Vec<Finding> {
        let fault = |fault: Fault, evidence: &str| endpoint.fault(fault, fault.severity(), evidence);
        let own = |id: &str, title: &str, cwe: u32, evidence: &str, fix: &str| {
            let mut weakness = Weakness::new(WeaknessKey::rule(FAMILY, id), title);
            weakness.cwes = vec![cwe];
            endpoint.finding(vec![weakness], Severity::Medium, evidence, Some(tls::configure(fix)))
        };
        let expired = self
            .until
            .iter()
            .find(|until| crate::time::parse(until).zip(seen).is_some_and(|(until, seen)| until < seen));
        [
            expired.and_then(|until| fault(Fault::Expired, &format!("not valid after {until}"))),
            self.self_signed.and_then(|text| fault(Fault::SelfSigned, &text)),
            self.weak_signature.and_then(|text| fault(Fault::WeakSignature, &text)),
            self.weak_key.and_then(|bits| fault(Fault::WeakKey, &format!("RSA key of {bits} bits"))),
            self.other_name.and_then(|text| {
                own(
                    "certificate-name",
                    "TLS certificate is for another name",
                    297,
                    &text,
                    "Use a certificate that names this server.",
                )
            }),
            self.untrusted.and_then(|text| {
                own(
                    "certificate-untrusted",
                    "TLS certificate is not trusted",
                    295,
                    &text,
                    "Use a certificate of a trusted authority, and send its whole chain.",
                )
            }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
