//! The XML report, streamed item by item: neither the policy nor a host is held in memory.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::xml::{Element, Node, Reader};
use bartizan_model::{
    Attributes, Checks, Coverage, Observation, Places, ServiceObservation, Severity, WeaknessKey,
};

use super::host::Host;
use super::item::{COMPLIANCE, Compliance, FAMILY, Item, cve_ids, detail, severity_of_number, vector};
use crate::formats::{Confidence, Format, Kind};
use crate::network::reaches;
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(in crate::formats) const FORMAT: Format = Format {
    name: "nessus",
    title: "Nessus XML (.nessus, version 2)",
    tool: "Nessus, Tenable",
    kind: Kind::Vulnerabilities,
    example: "export a scan from Nessus as \"Nessus\"",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    match head.xml_root() {
        Some("NessusClientData_v2") => Confidence::Certain,
        _ => Confidence::No,
    }
}

/// Families that find no weaknesses, or only such as are stated under another family of rules.
const BESIDE: [&str; 4] = ["Port scanners", "Policy Compliance", "Tenable.ot", "Settings"];
/// Plugins that list ports from inside the host: they prove no way in from outside.
const LOCAL_PORTS: [&str; 6] = ["14272", "14274", "25221", "34220", "34252", "64582"];
/// Plugins that say that the checks on the host did not or not fully run: authentication failed
/// (21745, 104410, 117885), not enough rights (24786, 110385, 110695), no local checks (117886).
const NOT_FULLY_RUN: [&str; 7] = ["21745", "104410", "117885", "24786", "110385", "110695", "117886"];

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("nessus");
    let mut xml = Reader::new(reader);
    match xml.next()? {
        Node::Start(root) if root.name == "NessusClientData_v2" => {}
        Node::Start(root) if root.name == "NessusClientData" => {
            return Err(Error::Incomplete {
                format: FORMAT.name,
                message: "it is version 1 of the format; export it as version 2".to_owned(),
            });
        }
        _ => {
            return Err(Error::Incomplete {
                format: FORMAT.name,
                message: "its root is not <NessusClientData_v2>".to_owned(),
            });
        }
    }
    let mut policy = Policy::default();
    loop {
        match xml.next()? {
            Node::Start(element) => match element.name.as_str() {
                "Policy" | "Report" | "FamilySelection" => {}
                "FamilyItem" => policy.family(&xml.subtree(element)?),
                "ReportHost" => {
                    let label = element.attribute("name").unwrap_or_default().to_owned();
                    host(&mut xml, &label, &policy, context, &mut header, sink)?;
                }
                _ => xml.skip()?,
            },
            Node::Eof => return Ok(header),
            Node::End(_) | Node::Text(_) => {}
        }
    }
}

/// Which families of plugins the scan's policy enabled.
#[derive(Default)]
struct Policy {
    names_families: bool,
    lacks_families: bool,
}

impl Policy {
    fn family(&mut self, item: &Element) {
        self.names_families = true;
        let is_beside = item.text_of("FamilyName").is_some_and(|name| BESIDE.contains(&name));
        self.lacks_families |= !is_beside && item.text_of("Status") != Some("enabled");
    }

    fn is_complete(&self) -> bool {
        self.names_families && !self.lacks_families
    }
}

/// What was said about one host so far.
#[derive(Default)]
struct Progress {
    services: BTreeSet<(String, u16)>,
    reached: BTreeSet<(String, u16)>,
    compliance: BTreeSet<String>,
    hindrances: BTreeSet<String>,
    items: usize,
}

fn host<R: Read>(
    xml: &mut Reader<R>,
    label: &str,
    policy: &Policy,
    context: &Context,
    header: &mut Header,
    sink: &mut dyn Sink,
) -> Result<()> {
    let mut known: Option<Host> = None;
    let mut progress = Progress::default();
    loop {
        let element = match xml.next()? {
            Node::Start(element) => element,
            Node::End(name) if name == "ReportHost" => break,
            Node::End(_) | Node::Text(_) | Node::Eof => continue,
        };
        match element.name.as_str() {
            "HostProperties" => {
                let properties = xml.subtree(element)?;
                let time = ["HOST_END_TIMESTAMP", "HOST_END", "HOST_START_TIMESTAMP", "HOST_START"]
                    .into_iter()
                    .find_map(|key| {
                        let tag =
                            properties.children("tag").find(|tag| tag.attribute("name") == Some(key))?;
                        crate::time::parse(&tag.text)
                    });
                header.scanned_at = header.scanned_at.max(time);
                let host = Host::new(context, label, Some(&properties));
                if !host.subject.identifiers().is_empty() {
                    sink.remark(Observation::Asset(host.observation()))?;
                }
                known = Some(host);
            }
            "ReportItem" => {
                let element = xml.subtree(element)?;
                progress.items += 1;
                let host = known.get_or_insert_with(|| Host::new(context, label, None));
                sink.record(record(&element, host, context, &mut progress, header))?;
            }
            _ => xml.skip()?,
        }
    }
    let Some(host) = known else { return Ok(()) };
    coverage(&host, policy, progress, header, sink)
}

fn record(
    element: &Element,
    host: &Host,
    context: &Context,
    progress: &mut Progress,
    header: &mut Header,
) -> Record {
    let plugin = element.attribute("pluginID").unwrap_or_default();
    let at = format!("host {} item {} (plugin {plugin})", host.label, progress.items);
    if plugin.is_empty() {
        return Record::rejected(at, "the attribute pluginID is missing");
    }
    if host.subject.identifiers().is_empty() {
        return Record::rejected(at, "its host has neither an address nor a name");
    }
    let item = item(element);
    if plugin == "19506" && header.tool_version.is_none() {
        header.tool_version = value_of(&item.output, "Nessus version");
    }
    if NOT_FULLY_RUN.contains(&plugin) {
        progress.hindrances.insert(item.name.clone());
    }
    let mut observations = services(&item, host, context, progress);
    let fold = match &item.compliance {
        Some(compliance) => {
            progress.compliance.insert(compliance.check.clone());
            match compliance.result.as_str() {
                "PASSED" => return Record::ignored_with(at, "compliance check passed", observations),
                "ERROR" | "SKIPPED" => {
                    progress.compliance.remove(&compliance.check);
                    return Record::ignored_with(at, "compliance check could not run", observations);
                }
                _ => format!("{plugin} {}", compliance.check),
            }
        }
        None => format!("{plugin} {}", item.severity.as_str()),
    };
    observations.push(Observation::Finding(Box::new(item.finding(&host.subject))));
    Record::observed(at, observations).folded(fold)
}

/// The first result on a port tells that there is a service.
fn services(item: &Item, host: &Host, context: &Context, progress: &mut Progress) -> Vec<Observation> {
    let mut observations = Vec::new();
    if item.port == 0 || !matches!(item.protocol.as_str(), "tcp" | "udp" | "sctp") {
        return observations;
    }
    let place = (item.protocol.clone(), item.port);
    if progress.services.insert(place.clone()) {
        let mut attributes = Attributes::new();
        let name = item.service.trim_end_matches('?');
        if !name.is_empty() && name != "unknown" && name != "general" {
            attributes.insert("service".to_owned(), name.into());
        }
        observations.push(Observation::Service(ServiceObservation {
            host: Arc::clone(&host.subject),
            protocol: item.protocol.clone(),
            port: item.port,
            attributes,
        }));
    }
    if !LOCAL_PORTS.contains(&item.plugin.as_str()) && progress.reached.insert(place) {
        observations.extend(reaches(context, &host.subject, &item.protocol, item.port));
    }
    observations
}

/// `Nessus version : 10.4.1` → `10.4.1`.
fn value_of(output: &str, key: &str) -> Option<String> {
    output.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

fn item(element: &Element) -> Item {
    let text = |name: &str| element.text_of(name).unwrap_or_default().to_owned();
    let severity = element.attribute("severity").map_or(Severity::Unknown, severity_of_number);
    let mut cves: Vec<String> = element.children("cve").flat_map(|cve| cve_ids(&cve.text)).collect();
    cves.sort_unstable();
    cves.dedup();
    let of_xref = element.children("xref").filter_map(|xref| xref.text.trim().strip_prefix("CWE:"));
    let of_cwe = element.children("cwe").map(|cwe| cwe.text.trim());
    let mut cwes: Vec<u32> =
        of_cwe.chain(of_xref).filter_map(|cwe| cwe.trim_start_matches("CWE-").parse().ok()).collect();
    cwes.sort_unstable();
    cwes.dedup();
    let vectors = [("cvss4_vector", 4), ("cvss3_vector", 3), ("cvss_vector", 2)]
        .into_iter()
        .filter_map(|(name, version)| vector(element.text_of(name)?, version))
        .collect();
    let score = ["cvss4_base_score", "cvss3_base_score", "cvss_base_score", "cvssv3", "cvss"]
        .into_iter()
        .find_map(|name| element.text_of(name)?.parse::<f64>().ok());
    let see_also = element.children("see_also").flat_map(|links| links.text.lines());
    let mut details = Attributes::new();
    for key in [
        "vpr_score",
        "exploit_available",
        "exploitability_ease",
        "exploited_by_malware",
        "exploit_framework_metasploit",
        "metasploit_name",
        "exploit_framework_canvas",
        "exploit_framework_core",
        "in_the_news",
        "unsupported_by_vendor",
        "default_account",
        "patch_publication_date",
        "vuln_publication_date",
    ] {
        detail(&mut details, key, element.text_of(key).unwrap_or_default());
    }
    Item {
        plugin: element.attribute("pluginID").unwrap_or_default().to_owned(),
        name: element.attribute("pluginName").map_or_else(|| text("plugin_name"), str::to_owned),
        family: element.attribute("pluginFamily").unwrap_or_default().to_owned(),
        severity,
        protocol: element.attribute("protocol").unwrap_or("tcp").to_ascii_lowercase(),
        port: element.attribute("port").and_then(|port| port.parse().ok()).unwrap_or(0),
        service: element.attribute("svc_name").unwrap_or_default().to_owned(),
        cves,
        cwes,
        vectors,
        score,
        synopsis: text("synopsis"),
        description: text("description"),
        solution: element.text_of("compliance-solution").map_or_else(|| text("solution"), str::to_owned),
        output: compliance_output(element).unwrap_or_else(|| text("plugin_output")),
        see_also: see_also.map(|link| link.trim().to_owned()).filter(|link| !link.is_empty()).collect(),
        cpe: element.children("cpe").map(|cpe| cpe.text.trim()).collect::<Vec<_>>().join("\n"),
        details,
        compliance: compliance(element),
    }
}

fn compliance(element: &Element) -> Option<Compliance> {
    let result = element.text_of("compliance-result")?.to_owned();
    let title = element.text_of("compliance-check-name").unwrap_or("compliance check").to_owned();
    let check = element.text_of("compliance-check-id").unwrap_or(&title).to_owned();
    Some(Compliance { check, title, result })
}

fn compliance_output(element: &Element) -> Option<String> {
    element.child("compliance-result")?;
    let line = |name: &str, label: &str| {
        element.text_of(name).map(|value| format!("{label}: {value}")).unwrap_or_default()
    };
    let lines = [line("compliance-policy-value", "expected"), line("compliance-actual-value", "found")];
    Some(lines.join("\n").trim().to_owned())
}

fn coverage(
    host: &Host,
    policy: &Policy,
    progress: Progress,
    header: &mut Header,
    sink: &mut dyn Sink,
) -> Result<()> {
    let at = format!("host {}", host.label);
    if !host.is_finished {
        header.problem(at, "the scan of this host did not end; what is absent proves nothing");
        return Ok(());
    }
    if host.subject.identifiers().is_empty() {
        return Ok(());
    }
    let mut covered = Vec::new();
    if !progress.compliance.is_empty() {
        let ids = progress.compliance.into_iter().collect();
        covered.push(Checks::Rules { family: COMPLIANCE.to_owned(), ids });
    }
    if host.is_credentialed && policy.is_complete() {
        if progress.hindrances.is_empty() {
            covered.push(Checks::Family(FAMILY.to_owned()));
            covered.push(Checks::Family(WeaknessKey::VULNERABILITY.to_owned()));
        } else {
            let hindrances: Vec<String> = progress.hindrances.into_iter().collect();
            header.problem(
                at,
                format!("not all checks ran ({}); what is absent proves nothing", hindrances.join("; ")),
            );
        }
    }
    for checks in covered {
        let subject = Arc::clone(&host.subject);
        sink.remark(Observation::Coverage(Coverage { subject, checks, places: Places::All }))?;
    }
    Ok(())
}
