//! sslscan XML (versions 1.10 to 2.1): versions, cipher suites and certificate of a TLS server.
//!
//! A record is one row of a test: a version, a cipher suite, a certificate, or the answer to one
//! probe. Heartbleed is asked for each version and is one finding. A cipher suite is a finding where
//! the server accepts it and the tool calls it weak; all of them are one exposure of the port.
//!
//! Coverage: a version, a probe or a certificate that has a row was looked at; so were the cipher
//! suites where any is listed.

use std::collections::BTreeSet;
use std::io::Read;

use bartizan_intake::xml::{Element, Node, Reader};
use bartizan_model::{Attributes, Finding, Observation, Severity, Weakness, WeaknessKey, excerpt};

use super::{Confidence, Format, Kind};
use crate::endpoint::Endpoint;
use crate::tls::{self, Fault};
use crate::{Context, Error, Head, Header, Record, Result, Sink};

const FAMILY: &str = "sslscan";
const HEARTBLEED: &str = "CVE-2014-0160";

pub(super) const FORMAT: Format = Format {
    name: "sslscan",
    title: "sslscan XML",
    tool: "sslscan",
    kind: Kind::Network,
    example: "sslscan --xml=sslscan.xml shop.example.com:443",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let is_own = head.xml_root() == Some("document") && head.contains("SSLScan Results");
    if is_own { Confidence::Certain } else { Confidence::No }
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new(FAMILY);
    let mut xml = Reader::new(reader);
    let mut is_first = true;
    let mut tests = 0;
    let mut fault = None;
    loop {
        let element = match xml.next()? {
            Node::Start(element) => element,
            Node::Eof => break,
            Node::End(_) | Node::Text(_) => continue,
        };
        if std::mem::take(&mut is_first) {
            if element.name != "document" {
                let message = format!("its root is <{}>, not <document>", element.name);
                return Err(Error::Incomplete { format: FORMAT.name, message });
            }
            header.tool_version =
                element.attribute("version").map(|version| version.trim_end_matches("-static").to_owned());
            continue;
        }
        match element.name.as_str() {
            "ssltest" => {
                tests += 1;
                let test = xml.subtree(element)?;
                Test::read(&test, context, &mut header, sink)?;
            }
            "error" => {
                let text = excerpt(&xml.subtree(element)?.text, 300);
                header.problem("the document", text.clone());
                fault = Some(text);
            }
            _ => xml.skip()?,
        }
    }
    match fault {
        Some(message) if tests == 0 => Err(Error::ScanFailed { tool: "sslscan", message }),
        _ => Ok(header),
    }
}

/// The test of one port while it is read.
struct Test<'t> {
    endpoint: Endpoint,
    label: String,
    sink: &'t mut dyn Sink,
    shared: BTreeSet<String>,
    own: BTreeSet<String>,
    vulnerabilities: BTreeSet<String>,
}

impl<'t> Test<'t> {
    fn read(test: &Element, context: &Context, header: &mut Header, sink: &'t mut dyn Sink) -> Result<()> {
        let host = test.attribute("host").unwrap_or_default();
        let port = test.attribute("port").and_then(|port| port.parse().ok()).unwrap_or(443);
        let label = format!("{host}:{port}");
        let Some(endpoint) = Endpoint::new(context, host, host, port) else {
            return sink.record(Record::rejected(label, "the test names no host"));
        };
        let (shared, own, vulnerabilities) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut reading = Self { endpoint, label, sink, shared, own, vulnerabilities };
        for row in &test.children {
            if row.name == "error" {
                header.problem(reading.label.clone(), excerpt(&row.text, 300));
                continue;
            }
            // Since version 2.0.7 certificates stand in a list.
            let rows = if row.name == "certificates" { row.children.iter().collect() } else { vec![row] };
            for row in rows {
                reading.row(row)?;
            }
        }
        reading.finish(context)
    }

    fn tell(&mut self, row: &Element, detail: &str, finding: Option<Finding>) -> Result<()> {
        let at = format!("{} {} {detail}", self.label, row.name);
        let at = at.trim_end().to_owned();
        self.sink.record(match finding {
            Some(finding) => Record::observed(at, vec![Observation::Finding(Box::new(finding))]),
            None => Record::ignored(at, "check passed"),
        })
    }

    fn row(&mut self, row: &Element) -> Result<()> {
        let is = |name: &str| row.attribute(name) == Some("1");
        match row.name.as_str() {
            "protocol" => {
                let name = format!(
                    "{}v{}",
                    row.attribute("type").unwrap_or_default().to_ascii_uppercase(),
                    row.attribute("version").unwrap_or_default()
                );
                let fault = Fault::of_version(&name);
                self.shared.extend(fault.map(|fault| fault.id().to_owned()));
                let finding = fault.filter(|_| is("enabled")).and_then(|fault| {
                    self.endpoint.fault(fault, fault.severity(), &format!("{name} is enabled"))
                });
                self.tell(row, &name, finding)
            }
            "heartbleed" => {
                let version = row.attribute("sslversion").unwrap_or_default();
                self.vulnerabilities.insert(HEARTBLEED.to_owned());
                let finding = is("vulnerable").then(|| {
                    let key = WeaknessKey::vulnerability(HEARTBLEED);
                    let mut weakness = Weakness::new(key, "Heartbleed: memory of the server can be read");
                    weakness.cwes = vec![125];
                    let fix = tls::configure("Upgrade OpenSSL, then replace keys and certificates.");
                    let evidence = format!("vulnerable with {version}");
                    self.endpoint.finding(vec![weakness], Severity::Critical, &evidence, Some(fix))
                });
                let at = format!("{} heartbleed {version}", self.label);
                let fold = format!("heartbleed {}", self.label);
                self.sink.record(match finding.flatten() {
                    Some(finding) => {
                        Record::observed(at, vec![Observation::Finding(Box::new(finding))]).folded(fold)
                    }
                    None => Record::ignored(at, "check passed"),
                })
            }
            "cipher" => self.cipher(row),
            "compression" => {
                self.vulnerabilities.insert("CVE-2012-4929".to_owned());
                let weakness = Weakness::new(
                    WeaknessKey::vulnerability("CVE-2012-4929"),
                    "CRIME: TLS compression enabled",
                );
                let fix = tls::configure("Turn off TLS compression.");
                let finding = is("supported").then(|| {
                    self.endpoint.finding(
                        vec![weakness],
                        Severity::Medium,
                        "compression is supported",
                        Some(fix),
                    )
                });
                self.tell(row, "", finding.flatten())
            }
            "renegotiation" => {
                self.vulnerabilities.insert("CVE-2009-3555".to_owned());
                let weakness =
                    Weakness::new(WeaknessKey::vulnerability("CVE-2009-3555"), "Insecure renegotiation");
                let fix = tls::configure("Support secure renegotiation (RFC 5746).");
                let finding = (is("supported") && !is("secure")).then(|| {
                    self.endpoint.finding(
                        vec![weakness],
                        Severity::Medium,
                        "insecure renegotiation is supported",
                        Some(fix),
                    )
                });
                self.tell(row, "", finding.flatten())
            }
            "certificate" => self.certificate(row),
            _ => {
                let detail =
                    row.attribute("name").or_else(|| row.attribute("sslversion")).unwrap_or_default();
                let at = format!("{} {} {detail}", self.label, row.name);
                self.sink.record(Record::ignored(at.trim_end(), "information on the server"))
            }
        }
    }

    fn cipher(&mut self, row: &Element) -> Result<()> {
        let text = |name: &str| row.attribute(name).unwrap_or_default();
        self.own.insert("weak-cipher".to_owned());
        let name = text("cipher");
        let detail = format!("{} {name}", text("sslversion"));
        let is_accepted = matches!(text("status"), "accepted" | "preferred");
        let severity = match text("strength") {
            "null" | "anonymous" => Some(Severity::High),
            "weak" => Some(Severity::Medium),
            "medium" => Some(Severity::Low),
            // Versions before 1.11.8 do not judge.
            "" if tls::is_weak_suite(name) => Some(Severity::Medium),
            _ => None,
        };
        let finding = severity.filter(|_| is_accepted).and_then(|severity| {
            let key = WeaknessKey::rule(FAMILY, "weak-cipher");
            let mut weakness = Weakness::new(key, "Weak TLS cipher suite enabled");
            weakness.cwes = vec![327];
            let fix = tls::configure(format!("Turn off the cipher suite {name}."));
            let evidence = format!("{detail} ({} bits) is {}", text("bits"), text("status"));
            self.endpoint.finding(vec![weakness], severity, &evidence, Some(fix))
        });
        self.tell(row, &detail, finding)
    }

    fn certificate(&mut self, row: &Element) -> Result<()> {
        let text = |name: &str| row.text_of(name).unwrap_or_default();
        let faults = [Fault::Expired, Fault::SelfSigned, Fault::WeakSignature, Fault::WeakKey];
        self.shared.extend(faults.iter().map(|fault| fault.id().to_owned()));
        let subject = text("subject");
        let is_self_signed =
            text("self-signed") == "true" || (!subject.is_empty() && subject == text("issuer"));
        let key = row.child("pk").filter(|key| key.attribute("type") == Some("RSA"));
        let bits = key.and_then(|key| key.attribute("bits")?.parse::<u32>().ok()).unwrap_or(u32::MAX);
        let algorithm = text("signature-algorithm");
        let lower = algorithm.to_ascii_lowercase();
        let evidence = [
            (text("expired") == "true").then(|| format!("not valid after {}", text("not-valid-after"))),
            is_self_signed.then(|| format!("{subject} signed its own certificate")),
            (lower.contains("md5") || lower.contains("sha1")).then(|| format!("signed with {algorithm}")),
            (bits < 2048).then(|| format!("RSA key of {bits} bits")),
        ];
        let found = faults
            .into_iter()
            .zip(evidence)
            .filter_map(|(fault, evidence)| self.endpoint.fault(fault, fault.severity(), &evidence?));
        let observations: Vec<Observation> =
            found.map(|finding| Observation::Finding(Box::new(finding))).collect();
        let at = format!("{} certificate {subject}", self.label);
        self.sink.record(if observations.is_empty() {
            Record::ignored(at.trim_end(), "check passed")
        } else {
            Record::observed(at.trim_end(), observations)
        })
    }

    fn finish(self, context: &Context) -> Result<()> {
        // A port that did not answer has no rows.
        if self.own.is_empty() && self.shared.is_empty() && self.vulnerabilities.is_empty() {
            return Ok(());
        }
        for observation in self.endpoint.tls_service(context, Attributes::new()) {
            self.sink.remark(observation)?;
        }
        let families = [
            (tls::FAMILY, self.shared),
            (FAMILY, self.own),
            (WeaknessKey::VULNERABILITY, self.vulnerabilities),
        ];
        for (family, ids) in families {
            if let Some(coverage) = self.endpoint.coverage(family, ids) {
                self.sink.remark(coverage)?;
            }
        }
        Ok(())
    }
}
