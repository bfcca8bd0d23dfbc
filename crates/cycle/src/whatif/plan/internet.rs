//! What groups and addresses mean for the internet: which ports it gets to before and after.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_graph::rules::{Opening, is_public, openings};
use bartizan_model::estate::AssetIndex;
use bartizan_model::{AssetKind, Attributes, RelationKind};
use serde_json::Value;

use super::Exposed;
use super::groups::is_group;
use super::site::Site;

/// What the internet may send to each host: nothing without a public address.
pub(super) fn exposure_of_hosts(site: &Site<'_>) -> BTreeMap<AssetIndex, Vec<Opening>> {
    let mut open: BTreeMap<AssetIndex, Vec<Opening>> = BTreeMap::new();
    for relation in &site.estate().relations {
        let (group, host) = (site.estate().asset(relation.from), site.estate().asset(relation.to));
        if relation.kind == RelationKind::PROTECTS && is_group(group) {
            let openings = if is_public(host) { openings(group) } else { Vec::new() };
            open.entry(relation.to).or_default().extend(openings);
        }
    }
    for openings in open.values_mut() {
        openings.sort();
        openings.dedup();
    }
    open
}

/// A scan from the internet tells what answered before the plan. Where the plan closes a port, what it saw no
/// longer holds; where it opens one, nobody has looked yet. Returns what opens.
pub(super) fn follow_exposure(
    site: &mut Site<'_>,
    before: &BTreeMap<AssetIndex, Vec<Opening>>,
) -> Vec<Exposed> {
    let after = exposure_of_hosts(site);
    let hosts: BTreeSet<AssetIndex> = before.keys().chain(after.keys()).copied().collect();
    let mut exposed = Vec::new();
    for host in hosts {
        let (was, is) = (before.get(&host), after.get(&host));
        if was == is {
            continue;
        }
        let holds = |openings: Option<&Vec<Opening>>, protocol: &str, port: u16| {
            openings.is_some_and(|openings| openings.iter().any(|opening| opening.holds(protocol, port)))
        };
        close(site, host, &|protocol, port| holds(was, protocol, port) && !holds(is, protocol, port));
        let services: Vec<(String, u16)> = site
            .estate()
            .services
            .iter()
            .filter(|service| service.host == host)
            .map(|service| (service.protocol.to_lowercase(), service.port))
            .collect();
        let new: Vec<(String, u16)> = services
            .iter()
            .filter(|(protocol, port)| !holds(was, protocol, *port) && holds(is, protocol, *port))
            .cloned()
            .collect();
        open(site, host, &new);
        let name = site.estate().asset(host).name.clone();
        for (protocol, port) in &new {
            let ports = format!("{protocol}/{port}");
            let text = format!("{ports} of {name}, where something is known to listen");
            exposed.push(Exposed { asset: name.clone(), ports, known: true, text });
        }
        for opening in is.into_iter().flatten().filter(|opening| was.is_none_or(|was| !was.contains(opening)))
        {
            if services.iter().any(|(protocol, port)| opening.holds(protocol, *port)) {
                continue;
            }
            let ports = match (opening.first, opening.last) {
                (0, u16::MAX) => format!("{}/all", opening.protocol),
                (first, last) if first == last => format!("{}/{first}", opening.protocol),
                (first, last) => format!("{}/{first}-{last}", opening.protocol),
            };
            let text = format!("{ports} of {name}; no report says what listens there, so no step follows");
            exposed.push(Exposed { asset: name.clone(), ports, known: false, text });
        }
    }
    exposed.sort();
    exposed.dedup();
    exposed
}

fn internet(site: &Site<'_>) -> Option<AssetIndex> {
    let mut all = site.estate().asset_indices();
    all.find(|index| site.estate().asset(*index).kind == AssetKind::Internet)
}

/// What a scanner on the internet saw at these ports holds no longer.
fn close(site: &mut Site<'_>, host: AssetIndex, is_closed: &dyn Fn(&str, u16) -> bool) {
    let Some(internet) = internet(site) else { return };
    site.unrelate(|relation| {
        let port = relation.attributes.get("port").and_then(Value::as_u64);
        let protocol = relation.attributes.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
        relation.kind == RelationKind::REACHES
            && relation.from == internet
            && relation.to == host
            && port.and_then(|port| u16::try_from(port).ok()).is_some_and(|port| is_closed(protocol, port))
    });
}

/// Gives the internet a way to these ports. Where a scanner on the internet saw the host, attack rules believe
/// it and not the security group, so the way is stated: as a route into a zone that stands for the openings,
/// because a port that answered, the other way to state it, is what nobody has seen.
fn open(site: &mut Site<'_>, host: AssetIndex, ports: &[(String, u16)]) {
    let Some(internet) = internet(site) else { return };
    let was_seen = site.estate().relations.iter().any(|relation| {
        relation.kind == RelationKind::REACHES && relation.from == internet && relation.to == host
    });
    if ports.is_empty() || !was_seen {
        return;
    }
    let name = format!("what the plan opens of {}", site.estate().asset(host).name);
    let at = "resource_changes";
    let zone = site.add(at, AssetKind::NetworkZone, &name, Vec::new());
    let witnesses = vec![site.mention_of(at)];
    site.relate(RelationKind::IN_ZONE, host, zone, Attributes::new(), witnesses);
    for (protocol, port) in ports {
        let attributes = Attributes::from([
            ("protocol".to_owned(), protocol.as_str().into()),
            ("port".to_owned(), (*port).into()),
        ]);
        let witnesses = vec![site.mention_of(at)];
        site.relate(RelationKind::ROUTES_TO, internet, zone, attributes, witnesses);
    }
}
