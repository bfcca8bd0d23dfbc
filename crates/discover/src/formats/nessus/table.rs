//! The CSV exports. They show no coverage: neither which hosts were scanned without a finding nor
//! whether credentials worked.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use bartizan_model::{
    AssetKind, AssetObservation, Attributes, Identifier, Observation, Scheme, ServiceObservation, Severity,
    Status, Subject, Timestamp,
};

use super::dialect::{Columns, Field};
use super::host::target;
use super::item::{Item, cve_ids, detail, severity_of_number, vector};
use crate::formats::{Confidence, Format, Kind};
use crate::network::{address, name, reaches};
use crate::table::{delimiter, reader};
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(in crate::formats) const FORMAT: Format = Format {
    name: "nessus-csv",
    title: "Nessus and Tenable CSV",
    tool: "Nessus, Tenable",
    kind: Kind::Vulnerabilities,
    example: "export a scan from Nessus as \"CSV\"",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let line = head.text().lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = delimiter(line) as char;
    let names: BTreeSet<String> =
        line.split(delimiter).map(|name| name.trim().trim_matches('"').to_ascii_lowercase()).collect();
    let has = |wanted: &[&str]| wanted.iter().all(|name| names.contains(*name));
    let is_known = has(&["plugin id", "risk", "host"])
        || has(&["plugin id", "name", "severity", "plugin output"])
        || has(&["plugin", "plugin name", "family", "severity"])
        || has(&["definition.id", "definition.name", "asset.name"]);
    if is_known { Confidence::Certain } else { Confidence::No }
}

fn parse(source: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("nessus");
    let mut rows = reader(source)?;
    let names = rows.headers().map_err(crate::table::error)?.clone();
    let columns = Columns::of(names.iter());
    for (field, name) in [(Field::Plugin, "Plugin ID"), (Field::Name, "Name")] {
        if !columns.has(field) {
            let message = format!("the column {name} is missing");
            return Err(Error::Incomplete { format: FORMAT.name, message });
        }
    }
    let mut hosts = Hosts::default();
    let mut row = csv::StringRecord::new();
    while rows.read_record(&mut row).map_err(crate::table::error)? {
        let line = row.position().map_or(0, csv::Position::line);
        let at = format!("line {line}");
        if row.iter().all(|cell| cell.trim().is_empty()) {
            sink.record(Record::ignored(at, "empty row"))?;
            continue;
        }
        let time = time(columns.get(&row, Field::LastSeen));
        header.scanned_at = header.scanned_at.max(time);
        sink.record(record(at, &row, &columns, context, &mut hosts))?;
    }
    Ok(header)
}

/// A time in the spelling of Tenable.sc (`Nov 2, 2026 21:01:01 UTC`), or in a usual one.
fn time(text: &str) -> Option<Timestamp> {
    crate::time::parse(text)
        .or_else(|| crate::time::parse(text.trim().trim_end_matches(" UTC").replace(',', "").as_str()))
}

/// Hosts that were met, so that a million rows about a few share them, and ports that were told of.
#[derive(Default)]
struct Hosts {
    known: BTreeMap<Vec<String>, Arc<Subject>>,
    services: BTreeSet<(Arc<Subject>, String, u16)>,
}

fn record(
    at: String,
    row: &csv::StringRecord,
    columns: &Columns,
    context: &Context,
    hosts: &mut Hosts,
) -> Record {
    let text = |field| columns.get(row, field);
    let plugin = text(Field::Plugin);
    if plugin.is_empty() {
        return Record::rejected(at, "the column Plugin ID is empty");
    }
    let mut observations = Vec::new();
    let Some(subject) = host(row, columns, context, hosts, &mut observations) else {
        return Record::rejected(at, "no column names the host");
    };
    let item = item(row, columns);
    let mut fold = format!("{plugin} {}/{}", item.protocol, item.port);
    if !columns.is_security_center {
        let host =
            [text(Field::Host), text(Field::Fqdn), text(Field::Ip)].into_iter().find(|host| !host.is_empty());
        fold.push(' ');
        fold.push_str(host.unwrap_or_default());
    }
    let is_transport = matches!(item.protocol.as_str(), "tcp" | "udp" | "sctp");
    if item.port > 0
        && is_transport
        && hosts.services.insert((Arc::clone(&subject), item.protocol.clone(), item.port))
    {
        let mut attributes = Attributes::new();
        if !item.service.is_empty() {
            attributes.insert("service".to_owned(), item.service.as_str().into());
        }
        observations.push(Observation::Service(ServiceObservation {
            host: Arc::clone(&subject),
            protocol: item.protocol.clone(),
            port: item.port,
            attributes,
        }));
        observations.extend(reaches(context, &subject, &item.protocol, item.port));
    }
    let state = text(Field::State).to_ascii_lowercase();
    let accepted = text(Field::AcceptComment).to_owned();
    let mut finding = item.finding(&subject);
    if state == "fixed" {
        finding.status = Status::Fixed;
    }
    // The acceptance of a risk elsewhere is a remark here: who accepts what is decided in one place.
    detail(&mut finding.attributes, "risk_accepted_because", &accepted);
    detail(&mut finding.attributes, "recast_because", text(Field::RecastReason));
    detail(&mut finding.attributes, "tenable_state", text(Field::State));
    observations.push(Observation::Finding(Box::new(finding)));
    Record::observed(at, observations).folded(fold)
}

fn host(
    row: &csv::StringRecord,
    columns: &Columns,
    context: &Context,
    hosts: &mut Hosts,
    observations: &mut Vec<Observation>,
) -> Option<Arc<Subject>> {
    const NAMING: [Field; 9] = [
        Field::Host,
        Field::Ip,
        Field::Ipv6,
        Field::Fqdn,
        Field::Netbios,
        Field::HostName,
        Field::Mac,
        Field::AssetId,
        Field::AgentId,
    ];
    let key: Vec<String> = NAMING.iter().map(|field| columns.get(row, *field).to_owned()).collect();
    if let Some(subject) = hosts.known.get(&key) {
        return Some(Arc::clone(subject));
    }
    let mut identifiers = Vec::new();
    for (field, text) in NAMING.iter().zip(&key) {
        if text.is_empty() {
            continue;
        }
        match field {
            Field::Host | Field::Netbios => identifiers.extend(target(context, text)),
            Field::Ip | Field::Ipv6 => {
                let addresses = text.split([',', ' ']).filter(|text| !text.is_empty());
                identifiers.extend(addresses.map(|text| address(context, text)));
            }
            Field::Fqdn | Field::HostName => identifiers.extend(text.split(',').filter_map(name)),
            Field::Mac => {
                let addresses = text.split([',', ' ', '\n']).filter(|mac| mac.len() >= 12);
                identifiers.extend(addresses.map(|mac| Identifier::new(Scheme::Mac, mac)));
            }
            // Tenable's ids of an asset and of the agent on it. One asset has one id, so the second
            // counts only where the first is missing.
            Field::AssetId => identifiers.push(Identifier::new(Scheme::AgentId, text)),
            Field::AgentId if columns.get(row, Field::AssetId).is_empty() => {
                identifiers.push(Identifier::new(Scheme::AgentId, text));
            }
            _ => {}
        }
    }
    if identifiers.is_empty() {
        return None;
    }
    let subject = Arc::new(Subject::new(AssetKind::Host, identifiers));
    let os = columns.get(row, Field::Os);
    observations.push(Observation::Asset(AssetObservation {
        subject: Arc::clone(&subject),
        name: key.iter().find(|text| !text.is_empty()).cloned(),
        attributes: (!os.is_empty()).then(|| ("os".to_owned(), os.into())).into_iter().collect(),
    }));
    hosts.known.insert(key, Arc::clone(&subject));
    Some(subject)
}

fn item(row: &csv::StringRecord, columns: &Columns) -> Item {
    let text = |field| columns.get(row, field).to_owned();
    let risk = columns.get(row, Field::Risk);
    let severity = match Severity::from_word(risk) {
        Severity::Unknown => severity_of_number(risk),
        severity => severity,
    };
    let mut cves: Vec<String> = cve_ids(columns.get(row, Field::Cve)).collect();
    cves.sort_unstable();
    cves.dedup();
    let cwes = columns.get(row, Field::Cwe).split([',', ' ', '|']);
    let score = |field| columns.get(row, field).parse::<f64>().ok();
    let mut details = Attributes::new();
    for (key, field) in [
        ("vpr_score", Field::Vpr),
        ("exploit_available", Field::Exploit),
        ("exploited_by_malware", Field::Malware),
        ("unsupported_by_vendor", Field::Unsupported),
    ] {
        detail(&mut details, key, columns.get(row, field));
    }
    let port: u16 = columns.get(row, Field::Port).parse().unwrap_or(0);
    let protocol = columns.get(row, Field::Protocol).to_ascii_lowercase();
    Item {
        plugin: text(Field::Plugin),
        name: text(Field::Name),
        family: text(Field::Family),
        severity,
        // Web application scanning writes `http` here.
        protocol: if matches!(protocol.as_str(), "udp" | "sctp" | "icmp") {
            protocol
        } else {
            "tcp".to_owned()
        },
        port,
        service: text(Field::Service),
        cves,
        cwes: cwes.filter_map(|cwe| cwe.trim().trim_start_matches("CWE-").parse().ok()).collect(),
        vectors: [(Field::Vector4, 4), (Field::Vector3, 3), (Field::Vector2, 2)]
            .into_iter()
            .filter_map(|(field, version)| vector(columns.get(row, field), version))
            .collect(),
        score: score(Field::Score4).or_else(|| score(Field::Score3)).or_else(|| score(Field::Score2)),
        synopsis: text(Field::Synopsis),
        description: text(Field::Description),
        solution: text(Field::Solution),
        output: text(Field::Output),
        see_also: columns
            .get(row, Field::SeeAlso)
            .split_whitespace()
            .filter(|link| link.contains("://"))
            .map(str::to_owned)
            .collect(),
        cpe: text(Field::Cpe),
        details,
        compliance: None,
    }
}
