//! What the scope says of the network, as facts of the estate: which zones there are, which hosts
//! stand in them, and into which others connections can be opened.
//!
//! These facts rest on the scope file, which is therefore cited like a report.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_model::estate::{Asset, AssetIndex, Estate, Mention, Relation, Report, ReportIndex};
use bartizan_model::{AssetKind, Attributes, Digester, Identifier, RelationKind, Scheme, Subject, Timestamp};
use bartizan_scope::{INTERNET, Scope, Zone};

/// The tool and the format of the report that stands for the scope file.
pub(crate) const SCOPE: &str = "scope";

/// Adds the zones of the scope to the estate. `as_of` dates the statement: a scope holds when it is asked.
pub(crate) fn add(estate: &mut Estate, scope: &Scope, as_of: Timestamp) {
    // Zones matter where something is known to stand in them.
    if scope.zones.is_empty() || estate.assets.is_empty() {
        return;
    }
    let report = cite(estate, scope, as_of);
    let mention = |zone: &Zone| vec![Mention { report, at: format!("zones: {}", zone.name) }];
    let zones: BTreeMap<&str, AssetIndex> = scope
        .zones
        .iter()
        .map(|zone| (zone.name.as_str(), zone_asset(estate, zone, as_of, mention(zone))))
        .collect();
    let mut stated = Vec::new();
    for index in estate.asset_indices().filter(|index| estate.asset(*index).kind == AssetKind::Host) {
        let addresses = estate.asset(index).identifiers_of(Scheme::Ip);
        let mut own: Vec<&Zone> = addresses.filter_map(|value| scope.zone_of_identifier(value)).collect();
        own.sort_by_key(|zone| &zone.name);
        own.dedup_by_key(|zone| &zone.name);
        for zone in own {
            if let Some(to) = zones.get(zone.name.as_str()) {
                let attributes = Attributes::new();
                let kind = RelationKind::IN_ZONE;
                stated.push(Relation { kind, from: index, to: *to, attributes, witnesses: mention(zone) });
            }
        }
    }
    for zone in &scope.zones {
        // Ways out to the internet are no ways in.
        for reach in zone.reaches.iter().filter(|reach| reach.zone != INTERNET) {
            let (Some(from), Some(to)) = (zones.get(zone.name.as_str()), zones.get(reach.zone.as_str()))
            else {
                continue;
            };
            let relation = |attributes| Relation {
                kind: RelationKind::ROUTES_TO,
                from: *from,
                to: *to,
                attributes,
                witnesses: mention(zone),
            };
            if reach.ports.is_empty() {
                stated.push(relation(Attributes::new()));
            }
            for port in &reach.ports {
                for protocol in ["tcp", "udp"] {
                    stated.push(relation(Attributes::from([
                        ("protocol".to_owned(), protocol.into()),
                        ("port".to_owned(), (*port).into()),
                    ])));
                }
            }
        }
    }
    // Where a report states the same, its word is better evidence.
    let known: BTreeSet<_> =
        estate.relations.iter().filter(|known| NETWORK.contains(&known.kind)).map(tie).collect();
    stated.retain(|relation| !known.contains(&tie(relation)));
    estate.relations.extend(stated);
}

const NETWORK: [RelationKind; 2] = [RelationKind::IN_ZONE, RelationKind::ROUTES_TO];

/// What makes two ties the same. Whether one holds for all ports is a part of it; for which is not.
fn tie(relation: &Relation) -> (RelationKind, AssetIndex, AssetIndex, bool) {
    (relation.kind.clone(), relation.from, relation.to, relation.attributes.contains_key("port"))
}

/// The scope file among the reports.
fn cite(estate: &mut Estate, scope: &Scope, as_of: Timestamp) -> ReportIndex {
    estate.reports.push(Report {
        digest: scope.digest(),
        file: scope.file.clone(),
        format: SCOPE.to_owned(),
        tool: SCOPE.to_owned(),
        tool_version: None,
        scanned_at: as_of,
    });
    ReportIndex(estate.reports.len() as u32 - 1)
}

/// The asset of a zone: the one that a report named, else one of its own.
fn zone_asset(estate: &mut Estate, zone: &Zone, as_of: Timestamp, witnesses: Vec<Mention>) -> AssetIndex {
    let name = Identifier::new(Scheme::Name, &zone.name);
    let known = estate.asset_indices().find(|index| {
        let asset = estate.asset(*index);
        asset.kind == AssetKind::NetworkZone && asset.identifiers.contains(&name)
    });
    known.unwrap_or_else(|| {
        let subject = Subject::new(AssetKind::NetworkZone, [name.clone()]);
        estate.assets.push(Asset {
            key: Digester::new("zone").field(subject.digest().as_bytes()).finish(),
            kind: AssetKind::NetworkZone,
            name: zone.name.clone(),
            identifiers: vec![name],
            attributes: Attributes::new(),
            first_seen: as_of,
            last_seen: as_of,
            assessed_at: None,
            witnesses,
        });
        AssetIndex(estate.assets.len() as u32 - 1)
    })
}
