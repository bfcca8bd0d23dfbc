//! Nmap XML (output versions 1.03 to 1.05): hosts, open ports, and what scripts found on them.
//!
//! A record is one row of ports: a `<port>`, or an `<extraports>` that sums up many alike; a host
//! without rows is a record itself. An open port is a service and, since that is what users of Nmap
//! count and want to see closed again, also an informational finding `nmap:open-port`; equal ports
//! of several hosts fold into one. Findings of scripts ride on the record of their port, those of
//! host scripts on the first open port that speaks SMB, else on the first open one.
//!
//! Coverage: a port that was scanned and answered (open or closed) covers `open-port`; a filtered
//! port proves nothing. A script covers its rules on closed ports, and on open ones whose service
//! was probed or is one that the script looks at, if the command line asked for the script and it
//! did not fail there. A vulnerability is covered only where a script says NOT VULNERABLE.

mod port;
mod scripts;
mod selection;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::xml::{Element, Node, Reader};
use bartizan_model::{
    AssetKind, AssetObservation, Attributes, Checks, Coverage, Finding, FixHint, FixKind, Identifier,
    Observation, Part, Place, Places, RelationKind, RelationObservation, Scheme, ServiceObservation,
    Severity, Subject, Timestamp, Weakness, WeaknessKey,
};
use data_encoding::{BASE64, BASE64_NOPAD};
use sha2::{Digest, Sha256};

use self::port::{Port, Ranges, answered, ranges, subtract};
use self::scripts::{SCRIPTS, Script, Verdict, git_remotes, keyed};
use self::selection::Selection;
use super::{Confidence, Format, Kind};
use crate::network::{address, name, reaches};
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "nmap-xml",
    title: "Nmap XML",
    tool: "Nmap",
    kind: Kind::Network,
    example: "nmap -sV -sC -oX nmap.xml 192.0.2.0/24",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    match head.xml_root() {
        // Masscan imitates the format, one host element for each port; it has a reader of its own.
        Some("nmaprun") if head.contains("scanner=\"masscan\"") => Confidence::No,
        Some("nmaprun") => Confidence::Certain,
        _ => Confidence::No,
    }
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("nmap");
    let mut xml = Reader::new(reader);
    let mut scan = Scan { context, selection: Selection::from_arguments(""), scanned: Vec::new() };
    let mut finished = false;
    let mut is_first = true;
    loop {
        let element = match xml.next()? {
            Node::Start(element) => element,
            Node::Eof => break,
            Node::End(_) | Node::Text(_) => continue,
        };
        if std::mem::take(&mut is_first) {
            if element.name != "nmaprun" {
                return Err(incomplete(format!("its root is <{}>, not <nmaprun>", element.name)));
            }
            header.tool_version = element.attribute("version").map(str::to_owned);
            header.scanned_at = element.attribute("start").and_then(crate::time::parse);
            scan.selection = Selection::from_arguments(element.attribute("args").unwrap_or_default());
            continue;
        }
        match element.name.as_str() {
            "scaninfo" => {
                scan.scaninfo(&element);
                xml.skip()?;
            }
            "host" => {
                let host = xml.subtree(element)?;
                scan.host(&host, header.scanned_at, &mut header, sink)?;
            }
            "finished" => {
                finished = true;
                header.scanned_at =
                    element.attribute("time").and_then(crate::time::parse).or(header.scanned_at);
                if element.attribute("exit") == Some("error") {
                    let message = element.attribute("errormsg").unwrap_or("no reason given").to_owned();
                    return Err(Error::ScanFailed { tool: "Nmap", message });
                }
                xml.skip()?;
            }
            "runstats" => {}
            _ => xml.skip()?,
        }
    }
    if finished {
        Ok(header)
    } else {
        Err(incomplete("it ends without <runstats>: the scan was stopped".to_owned()))
    }
}

fn incomplete(message: String) -> Error {
    Error::Incomplete { format: FORMAT.name, message }
}

/// What the head of the report says for all hosts.
struct Scan<'c> {
    context: &'c Context,
    selection: Selection,
    /// Ports that were scanned, by protocol.
    scanned: Vec<(String, Ranges)>,
}

/// A script's output on one host, in the order of the report.
#[derive(Default)]
struct Scripts {
    observations: Vec<Observation>,
    /// Ids of scripts that broke off.
    failed: Vec<String>,
    absent: Vec<String>,
}

impl Scan<'_> {
    fn scaninfo(&mut self, element: &Element) {
        let protocol = element.attribute("protocol").unwrap_or_default();
        if matches!(protocol, "tcp" | "udp" | "sctp") {
            let ranges = ranges(element.attribute("services").unwrap_or_default());
            self.scanned.push((protocol.to_owned(), ranges));
        }
    }

    fn host(
        &self,
        host: &Element,
        started: Option<Timestamp>,
        header: &mut Header,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        let label = label(host);
        if host.child("status").and_then(|status| status.attribute("state")) == Some("down") {
            return sink.record(Record::ignored(label, "host down"));
        }
        let subject = Arc::new(self.subject(host));
        if subject.identifiers().is_empty() {
            return sink.record(Record::rejected(label, "the host has neither an address nor a name"));
        }
        let seen = host.attribute("endtime").and_then(crate::time::parse).or(started);
        let asset = Observation::Asset(asset(host, &subject));
        let ports = host.children("ports").flat_map(|ports| &ports.children);
        let rows: Vec<&Element> =
            ports.filter(|row| matches!(row.name.as_str(), "port" | "extraports")).collect();

        let carrier = carrier(&rows);
        let smb = carrier.and_then(|at| Port::read(rows[at])).filter(|port| matches!(port.number, 139 | 445));
        let mut host_scripts = Scripts::default();
        for script in host.children("hostscript").flat_map(|scripts| scripts.children("script")) {
            let is_smb = script.attribute("id").is_some_and(|id| id.starts_with("smb"));
            read_script(script, smb.as_ref().filter(|_| is_smb), &subject, seen, &mut host_scripts);
        }
        let mut failed: BTreeMap<Option<(&str, u16)>, Vec<String>> = BTreeMap::new();
        failed.insert(None, std::mem::take(&mut host_scripts.failed));
        let mut absent = std::mem::take(&mut host_scripts.absent);

        if rows.is_empty() {
            let mut observations = vec![asset];
            observations.append(&mut host_scripts.observations);
            sink.record(Record::observed(label.clone(), observations))?;
        } else {
            sink.remark(asset)?;
        }
        for (at, row) in rows.iter().enumerate() {
            if row.name == "extraports" {
                let state = row.attribute("state").unwrap_or("unknown");
                let count = row.attribute("count").unwrap_or("?");
                sink.record(Record::ignored(format!("{label} {count} ports {state}"), reason(state)))?;
                continue;
            }
            let Some(port) = Port::read(row) else {
                sink.record(Record::rejected(
                    format!("{label} port row {}", at + 1),
                    "the port has no number",
                ))?;
                continue;
            };
            let place = format!("{label} port {}/{}", port.protocol, port.number);
            let mut found = Scripts::default();
            for script in row.children("script") {
                read_script(script, Some(&port), &subject, seen, &mut found);
            }
            failed.insert(Some((port.protocol, port.number)), found.failed);
            absent.append(&mut found.absent);
            if port.state != "open" {
                // What a script of a port that is only perhaps open found is no less true.
                let record = if found.observations.is_empty() {
                    Record::ignored(place, reason(port.state))
                } else {
                    Record::observed(place, found.observations)
                };
                sink.record(record)?;
                continue;
            }
            let mut observations = self.open_port(&port, &subject);
            observations.append(&mut found.observations);
            if carrier == Some(at) {
                observations.append(&mut host_scripts.observations);
            }
            let fold = format!("open {}/{}", port.protocol, port.number);
            sink.record(Record::observed(place, observations).folded(fold))?;
        }
        // No port is open, yet a host script found something: the host speaks for itself.
        if !host_scripts.observations.is_empty() {
            sink.record(Record::observed(label.clone(), host_scripts.observations))?;
        }
        for (place, scripts) in &failed {
            if !scripts.is_empty() {
                let at =
                    place.map_or(label.clone(), |(protocol, port)| format!("{label} port {protocol}/{port}"));
                header.problem(at, format!("these scripts failed: {}", scripts.join(", ")));
            }
        }
        if host.attribute("timedout") == Some("true") {
            header.problem(label, "the host timed out; what it did not show proves nothing");
            return Ok(());
        }
        if !absent.is_empty() {
            absent.sort_unstable();
            absent.dedup();
            sink.remark(Observation::Coverage(Coverage {
                subject: Arc::clone(&subject),
                checks: Checks::Rules { family: WeaknessKey::VULNERABILITY.to_owned(), ids: absent },
                places: Places::All,
            }))?;
        }
        self.coverage(&rows, &failed, &subject, sink)
    }

    /// Every name of the host in the report, among them those that services tell of themselves.
    fn subject(&self, host: &Element) -> Subject {
        let mut identifiers = Vec::new();
        for element in host.children("address") {
            let Some(value) = element.attribute("addr") else { continue };
            identifiers.push(match element.attribute("addrtype") {
                Some("mac") => Identifier::new(Scheme::Mac, value),
                _ => address(self.context, value),
            });
        }
        let names = host.children("hostnames").flat_map(|names| names.children("hostname"));
        identifiers.extend(names.filter_map(|element| name(element.attribute("name")?)));
        let of_ports = host.children("ports").flat_map(|ports| ports.children("port"));
        let scripts = of_ports
            .flat_map(|port| port.children("script"))
            .chain(host.children("hostscript").flat_map(|scripts| scripts.children("script")));
        for script in scripts {
            match script.attribute("id") {
                Some("ssh-hostkey") => identifiers.extend(host_keys(script)),
                Some("smb-os-discovery") => identifiers.extend(keyed(script, "fqdn").and_then(name)),
                Some(id) if id.ends_with("-ntlm-info") => {
                    identifiers.extend(keyed(script, "DNS_Computer_Name").and_then(name));
                }
                _ => {}
            }
        }
        Subject::new(AssetKind::Host, identifiers)
    }

    fn open_port(&self, port: &Port<'_>, subject: &Arc<Subject>) -> Vec<Observation> {
        let attributes = port.attributes();
        let mut finding = Finding::new(
            Arc::clone(subject),
            Weakness::new(WeaknessKey::rule("nmap", "open-port"), "Open port"),
            Place::port(port.protocol, port.number),
            Severity::Info,
        );
        finding.evidence = Some(port.describe());
        finding.fix = Some(FixHint {
            kind: FixKind::Restrict,
            text: format!(
                "Close port {}/{} or let only those reach it who need it.",
                port.protocol, port.number
            ),
            component: None,
            fixed_versions: Vec::new(),
        });
        let mut observations = vec![
            Observation::Service(ServiceObservation {
                host: Arc::clone(subject),
                protocol: port.protocol.to_owned(),
                port: port.number,
                attributes,
            }),
            Observation::Finding(Box::new(finding)),
        ];
        observations.extend(reaches(self.context, subject, port.protocol, port.number));
        observations
    }

    /// States what the absence of a finding proves on this host, in as few statements as it takes.
    fn coverage(
        &self,
        rows: &[&Element],
        failed: &BTreeMap<Option<(&str, u16)>, Vec<String>>,
        subject: &Arc<Subject>,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        let ports: Vec<Port<'_>> = rows.iter().filter_map(|row| Port::read(row)).collect();
        let requested: Vec<&Script> =
            SCRIPTS.iter().filter(|script| self.selection.contains(script.id, script.categories)).collect();
        for (protocol, scanned) in &self.scanned {
            let answered = answered(scanned, protocol, rows, &ports);
            if answered.is_empty() {
                continue;
            }
            let open: Vec<&Port<'_>> =
                ports.iter().filter(|port| port.protocol == protocol && port.state == "open").collect();
            let mut checks: BTreeMap<Ranges, Vec<String>> = BTreeMap::new();
            checks.entry(answered.clone()).or_default().push("open-port".to_owned());
            for script in &requested {
                let unproven: Ranges = open
                    .iter()
                    .filter(|port| {
                        let broke = failed
                            .get(&Some((port.protocol, port.number)))
                            .is_some_and(|failed| failed.iter().any(|id| id == script.id));
                        broke || !port.was_tried_by(script)
                    })
                    .map(|port| (port.number, port.number))
                    .collect();
                let ids = script.rules.iter().map(|rule| rule.id.to_owned());
                checks.entry(subtract(&answered, &unproven)).or_default().extend(ids);
            }
            for (ranges, mut ids) in checks {
                if ranges.is_empty() {
                    continue;
                }
                ids.sort_unstable();
                ids.dedup();
                sink.remark(Observation::Coverage(Coverage {
                    subject: Arc::clone(subject),
                    checks: Checks::Rules { family: "nmap".to_owned(), ids },
                    places: Places::Ports { protocol: protocol.clone(), ranges },
                }))?;
            }
        }
        Ok(())
    }
}

/// Reads one script's output.
fn read_script(
    script: &Element,
    port: Option<&Port<'_>>,
    subject: &Arc<Subject>,
    seen: Option<Timestamp>,
    found: &mut Scripts,
) {
    let id = script.attribute("id").unwrap_or_default();
    let reading = scripts::read(script, seen);
    if reading.failed {
        found.failed.push(id.to_owned());
    }
    found.absent.extend(reading.absent);
    for verdict in reading.verdicts {
        found.observations.push(finding(id, verdict, port, subject));
    }
    if id == "http-git" {
        for remote in git_remotes(script) {
            let repository =
                Subject::new(AssetKind::Repository, [Identifier::new(Scheme::RepositoryUrl, &remote)]);
            found.observations.push(Observation::Relation(RelationObservation {
                kind: RelationKind::SERVES_SOURCE,
                from: Arc::clone(subject),
                to: Arc::new(repository),
                attributes: port
                    .map(|port| Attributes::from([("port".to_owned(), port.number.into())]))
                    .unwrap_or_default(),
            }));
        }
    }
}

fn reason(state: &str) -> String {
    match state {
        "open|filtered" => "port open or filtered (no answer)".to_owned(),
        "closed|filtered" => "port closed or filtered".to_owned(),
        other => format!("port {other}"),
    }
}

/// `host 10.0.0.1`.
fn label(host: &Element) -> String {
    let address = host
        .children("address")
        .find(|address| address.attribute("addrtype") != Some("mac"))
        .or_else(|| host.child("address"))
        .and_then(|address| address.attribute("addr"));
    format!("host {}", address.unwrap_or("without address"))
}

fn asset(host: &Element, subject: &Arc<Subject>) -> AssetObservation {
    let mut attributes = Attributes::new();
    if let Some(os) = host.children("os").flat_map(|os| os.children("osmatch")).next() {
        attributes.extend(os.attribute("name").map(|name| ("os".to_owned(), name.into())));
        attributes.extend(
            os.attribute("accuracy")
                .and_then(|accuracy| accuracy.parse::<u8>().ok())
                .map(|accuracy| ("os_accuracy".to_owned(), accuracy.into())),
        );
    } else {
        // Banners of services and SMB tell the system without a fingerprint scan.
        let smb = host
            .children("hostscript")
            .flat_map(|scripts| scripts.children("script"))
            .find(|script| script.attribute("id") == Some("smb-os-discovery"))
            .and_then(|script| keyed(script, "os"));
        let banner = host
            .children("ports")
            .flat_map(|ports| ports.children("port"))
            .find_map(|port| port.child("service")?.attribute("ostype"));
        attributes.extend(smb.or(banner).map(|os| ("os".to_owned(), os.into())));
    }
    let vendor = host.children("address").find_map(|address| address.attribute("vendor"));
    attributes.extend(vendor.map(|vendor| ("mac_vendor".to_owned(), vendor.into())));
    let name = subject
        .identifiers()
        .iter()
        .find(|identifier| matches!(identifier.scheme(), Scheme::Fqdn | Scheme::Hostname))
        .map(|identifier| identifier.value().to_owned());
    AssetObservation { subject: Arc::clone(subject), name, attributes }
}

/// Fingerprints as OpenSSH prints them, over the key itself: the script's own are MD5.
fn host_keys(script: &Element) -> Vec<Identifier> {
    let keys = script.children("table").filter_map(|table| {
        let blob = keyed(table, "key")?;
        BASE64.decode(blob.as_bytes()).or_else(|_| BASE64_NOPAD.decode(blob.as_bytes())).ok()
    });
    keys.map(|key| {
        let fingerprint = format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(key)));
        Identifier::new(Scheme::SshHostKey, fingerprint)
    })
    .collect()
}

/// The row on whose record the findings of host scripts ride.
fn carrier(rows: &[&Element]) -> Option<usize> {
    let is_open = |row: &Element| Port::read(row).is_some_and(|port| port.state == "open");
    let is_smb = |row: &Element| matches!(row.attribute("portid"), Some("445" | "139"));
    rows.iter()
        .position(|row| is_open(row) && is_smb(row))
        .or_else(|| rows.iter().position(|row| is_open(row)))
}

fn finding(script: &str, verdict: Verdict, port: Option<&Port<'_>>, subject: &Arc<Subject>) -> Observation {
    let is_vulnerability =
        verdict.weaknesses.iter().any(|weakness| matches!(weakness.key, WeaknessKey::Vulnerability(_)));
    let place = match port {
        Some(port) if !is_vulnerability => Place::port(port.protocol, port.number),
        _ => Place::Whole,
    };
    let mut attributes = Attributes::from([("script".to_owned(), script.into())]);
    if let Some(port) = port {
        attributes.insert("protocol".to_owned(), port.protocol.into());
        attributes.insert("port".to_owned(), port.number.into());
    }
    attributes.extend(verdict.state.map(|state| ("state".to_owned(), state.into())));
    if verdict.is_exploit {
        attributes.insert("exploit".to_owned(), true.into());
    }
    let part = is_vulnerability.then(|| {
        let component = verdict.component.or_else(|| port.and_then(Port::component));
        component.map(|(component, version)| Part { component, path: String::new(), version })
    });
    Observation::Finding(Box::new(Finding {
        subject: Arc::clone(subject),
        weaknesses: verdict.weaknesses,
        place,
        part: part.flatten(),
        status: bartizan_model::Status::Affected,
        severity: verdict.severity,
        evidence: verdict.evidence,
        fix: verdict.fix,
        attributes,
    }))
}
