//! Security groups, instances and their addresses; and what they mean for the internet.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_graph::rules::{Opening, is_public, openings};
use bartizan_model::estate::{Asset, AssetIndex};
use bartizan_model::{AssetKind, Attributes, Identifier, RelationKind, Scheme, State};
use serde_json::{Value, json};

use super::change::{Change, texts};
use super::site::Site;
use super::{Exposed, Outcome};
use crate::words::list;

const INGRESS: &str = "aws.ingress";
/// Stands for a public address that AWS gives out only when the plan is applied (RFC 5737).
const ADDRESS_TO_COME: &str = "192.0.2.1";

pub(super) fn is_group(asset: &Asset) -> bool {
    asset.attribute(INGRESS).is_some()
        || asset.attribute("aws.type").is_some_and(|kind| kind == "security-group")
}

fn is_instance(asset: &Asset) -> bool {
    asset.kind == AssetKind::Host
}

/// A security group, with the rules that stand in it.
pub(super) fn group(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let known = change.text("id").and_then(|id| site.find(id, is_group));
    if change.is_removed() {
        let Some(group) = known else { return Outcome::unjudged("the group is in no inventory") };
        site.asset_mut(group).attributes.insert(INGRESS.to_owned(), json!([]));
        site.unrelate(|relation| relation.kind == RelationKind::PROTECTS && relation.from == group);
        return Outcome::applied("the security group is gone");
    }
    let group = known.unwrap_or_else(|| new_group(site, change));
    site.remember(change, group);
    let mut outcome = Outcome::applied("no change of what it lets in");
    if change.differs("ingress") && change.after("ingress").is_array() {
        let rules = change.after("ingress").as_array().into_iter().flatten();
        let permissions: Vec<Value> = rules.map(|rule| inline(site, group, rule)).collect();
        outcome = Outcome::applied(format!("lets in {}", in_words(&permissions)));
        site.asset_mut(group).attributes.insert(INGRESS.to_owned(), permissions.into());
    }
    if change.is_unknown("ingress")
        && change.after("ingress").as_array().is_some_and(|rules| !rules.is_empty())
    {
        outcome.left("a part of what it lets in is known only after apply");
    }
    outcome
}

fn new_group(site: &mut Site<'_>, change: &Change<'_>) -> AssetIndex {
    let name = change.text("name").unwrap_or(change.address);
    let id = change.text("id").map_or_else(|| format!("planned:{}", change.address), str::to_owned);
    let id = Identifier::new(Scheme::CloudId, id);
    let group = site.create(change, AssetKind::CloudResource, name, vec![id]);
    let attributes = &mut site.asset_mut(group).attributes;
    attributes.insert("aws.type".to_owned(), "security-group".into());
    attributes.insert(INGRESS.to_owned(), json!([]));
    group
}

/// A rule inside `aws_security_group`.
fn inline(site: &Site<'_>, group: AssetIndex, rule: &Value) -> Value {
    let field = |name: &str| rule.get(name).unwrap_or(&Value::Null);
    let mut cidrs = texts(field("cidr_blocks"));
    cidrs.extend(texts(field("ipv6_cidr_blocks")));
    let mut groups: Vec<String> = texts(field("security_groups")).into_iter().map(str::to_owned).collect();
    if field("self") == &Value::Bool(true) {
        groups.push(id_of(site, group));
    }
    permission(field("protocol"), field("from_port"), field("to_port"), &cidrs, &groups)
}

fn permission(protocol: &Value, from: &Value, to: &Value, cidrs: &[&str], groups: &[String]) -> Value {
    json!({"protocol": protocol, "from_port": from, "to_port": to, "cidrs": cidrs, "groups": groups})
}

fn id_of(site: &Site<'_>, group: AssetIndex) -> String {
    let asset = site.estate().asset(group);
    let id = asset.identifiers_of(Scheme::CloudId).next().map(str::to_owned);
    let of_arn = || asset.identifiers_of(Scheme::AwsArn).next()?.rsplit('/').next().map(str::to_owned);
    id.or_else(of_arn).unwrap_or_else(|| asset.name.clone())
}

/// A rule that is a resource of its own, of either type.
pub(super) fn rule(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    if change.kind == "aws_security_group_rule" && change.text("type") != Some("ingress") {
        return Outcome::unjudged("no attack rule reads what a security group lets out");
    }
    let Some(group) = site.referred(change, "security_group_id", is_group) else {
        return Outcome::unjudged("its security group is in no inventory, or known only after apply");
    };
    let mut outcome = Outcome::default();
    let name = site.estate().asset(group).name.clone();
    if !change.before.is_null() {
        let (gone, _) = stated(site, change, group, change.before);
        if take_away(site, group, &gone) {
            outcome.did(format!("{name} no longer lets in {}", in_words(std::slice::from_ref(&gone))));
        } else {
            outcome.left("the rule that goes is in no inventory of the group as it is written");
        }
    }
    if !change.is_removed() {
        let (new, is_whole) = stated(site, change, group, change.after);
        if !is_whole {
            outcome.left("whom it lets in is a prefix list, or known only after apply");
        }
        outcome.did(format!("{name} lets in {}", in_words(std::slice::from_ref(&new))));
        let asset = site.asset_mut(group);
        let ingress = asset.attributes.entry(INGRESS.to_owned()).or_insert_with(|| json!([]));
        if let Value::Array(permissions) = ingress {
            permissions.push(new);
        }
    }
    outcome
}

/// The permission that one side of a change states, and whether it names whom it lets in.
fn stated(site: &Site<'_>, change: &Change<'_>, group: AssetIndex, state: &Value) -> (Value, bool) {
    let field = |name: &str| state.get(name).unwrap_or(&Value::Null);
    let mut cidrs = texts(field("cidr_blocks"));
    cidrs.extend(texts(field("ipv6_cidr_blocks")));
    cidrs.extend(["cidr_ipv4", "cidr_ipv6"].iter().filter_map(|name| field(name).as_str()));
    let sources = ["source_security_group_id", "referenced_security_group_id"];
    let mut groups: Vec<String> =
        sources.iter().filter_map(|name| field(name).as_str()).map(str::to_owned).collect();
    if groups.is_empty() {
        let referred = sources.iter().flat_map(|name| site.references(change, name));
        groups.extend(referred.map(|source| id_of(site, source)));
    }
    if field("self") == &Value::Bool(true) {
        groups.push(id_of(site, group));
    }
    let is_whole = !cidrs.is_empty() || !groups.is_empty();
    let protocol = if field("protocol").is_null() { field("ip_protocol") } else { field("protocol") };
    (permission(protocol, field("from_port"), field("to_port"), &cidrs, &groups), is_whole)
}

/// Takes sources out of the group's permissions for the same ports; whether all of them were there.
fn take_away(site: &mut Site<'_>, group: AssetIndex, gone: &Value) -> bool {
    let Some(Value::Array(permissions)) = site.asset_mut(group).attributes.get_mut(INGRESS) else {
        return false;
    };
    // A range of addresses is never the name of a group, so one set holds both.
    let sources: BTreeSet<&str> = ["cidrs", "groups"].iter().flat_map(|name| texts(&gone[*name])).collect();
    let mut found: BTreeSet<String> = BTreeSet::new();
    for known in permissions.iter_mut().filter(|known| ports(known) == ports(gone)) {
        for name in ["cidrs", "groups"] {
            if let Some(Value::Array(items)) = known.get_mut(name) {
                items.retain(|item| match item.as_str().filter(|text| sources.contains(text)) {
                    Some(text) => {
                        found.insert(text.to_owned());
                        false
                    }
                    None => true,
                });
            }
        }
    }
    permissions.retain(|known| {
        let empty =
            |name: &str| known.get(name).is_none_or(|list| list.as_array().is_some_and(Vec::is_empty));
        !(empty("cidrs") && empty("groups") && known.get("prefix_lists").is_none_or(Value::is_null))
    });
    found.len() == sources.len()
}

/// Protocol and ports, in one spelling.
fn ports(permission: &Value) -> (String, i64, i64) {
    let protocol = match permission["protocol"].as_str().unwrap_or_default() {
        "-1" | "all" | "any" | "" => return ("any".to_owned(), 0, 0),
        "6" => "tcp",
        "17" => "udp",
        other => other,
    };
    let port = |name: &str| permission[name].as_i64().unwrap_or(-1);
    (protocol.to_lowercase(), port("from_port"), port("to_port"))
}

fn in_words(permissions: &[Value]) -> String {
    let one = |permission: &Value| {
        let (protocol, first, last) = ports(permission);
        let ports = match (first, last) {
            _ if protocol == "any" => "everything".to_owned(),
            (first, last) if first == last => format!("{protocol}/{first}"),
            (first, last) => format!("{protocol}/{first}-{last}"),
        };
        let sources = [texts(&permission["cidrs"]), texts(&permission["groups"])].concat();
        let sources = if sources.is_empty() { "nobody known".to_owned() } else { list(sources) };
        format!("{ports} from {sources}")
    };
    if permissions.is_empty() {
        return "nothing".to_owned();
    }
    permissions.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// An instance: its groups, its public address, its profile.
pub(super) fn instance(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let known = change.text("id").and_then(|id| site.find(id, is_instance));
    if change.is_removed() {
        let Some(host) = known else { return Outcome::unjudged("the instance is in no inventory") };
        remove_host(site, host);
        return Outcome::applied("the instance is gone, with all that runs on it");
    }
    let mut outcome = Outcome::default();
    let host = known.unwrap_or_else(|| {
        let tag = change.after("tags").get("Name").and_then(Value::as_str);
        outcome.did("a new instance");
        outcome.left("what will listen on the new instance, and with which weaknesses, is not known");
        site.create(change, AssetKind::Host, tag.unwrap_or(change.address), Vec::new())
    });
    site.remember(change, host);
    let groups = "vpc_security_group_ids";
    if known.is_none() || change.differs(groups) || change.is_unknown(groups) {
        give_groups(site, change, host, &mut outcome);
    }
    give_address(site, change, host, &mut outcome);
    if change.differs("iam_instance_profile") || change.is_unknown("iam_instance_profile") {
        give_profile(site, change, host, &mut outcome);
    }
    if outcome.is_empty() {
        return Outcome::unjudged(
            "of an instance only groups, public address and profile are judged; something else changes",
        );
    }
    outcome
}

fn give_groups(site: &mut Site<'_>, change: &Change<'_>, host: AssetIndex, outcome: &mut Outcome) {
    let mut groups: Vec<AssetIndex> = site.references(change, "vpc_security_group_ids");
    let ids = texts(change.after("vpc_security_group_ids"));
    let known = ids.iter().filter_map(|id| site.find(id, is_group));
    groups.extend(known.clone());
    if known.count() < ids.len() || groups.is_empty() {
        outcome.left("some of its security groups are in no inventory, or known only after apply");
    }
    groups.retain(|group| is_group(site.estate().asset(*group)));
    groups.sort_unstable();
    groups.dedup();
    if groups.is_empty() {
        return;
    }
    let all = site.estate().asset_indices();
    let old: BTreeSet<AssetIndex> = all.filter(|index| is_group(site.estate().asset(*index))).collect();
    site.unrelate(|relation| {
        relation.kind == RelationKind::PROTECTS && relation.to == host && old.contains(&relation.from)
    });
    for group in &groups {
        let witnesses = site.mention(change);
        site.relate(RelationKind::PROTECTS, *group, host, Attributes::new(), witnesses);
    }
    let names: Vec<&str> = groups.iter().map(|group| site.estate().asset(*group).name.as_str()).collect();
    outcome.did(format!("security groups {}", list(names)));
}

fn give_address(site: &mut Site<'_>, change: &Change<'_>, host: AssetIndex, outcome: &mut Outcome) {
    let was_public = is_public(site.estate().asset(host));
    let asked = change.after("associate_public_ip_address").as_bool();
    let address = change.after("public_ip").as_str().filter(|address| !address.is_empty());
    if !was_public && (address.is_some() || asked == Some(true)) {
        make_public(site, host, address);
        outcome.did("a public address");
    }
    if was_public
        && address.is_none()
        && asked == Some(false)
        && change.differs("associate_public_ip_address")
    {
        make_private(site, host, change.before("public_ip").as_str());
        outcome.did("no public address any more");
    }
}

fn give_profile(site: &mut Site<'_>, change: &Change<'_>, host: AssetIndex, outcome: &mut Outcome) {
    site.unrelate(|relation| relation.kind == RelationKind::RUNS_AS && relation.from == host);
    let stated = change.after("iam_instance_profile").as_str().filter(|name| !name.is_empty());
    let profile = match stated {
        Some(name) => site.find(name, is_profile),
        None if !change.is_unknown("iam_instance_profile") => {
            outcome.did("no instance profile any more");
            return;
        }
        None => site.references(change, "iam_instance_profile").first().copied(),
    };
    let Some(profile) = profile else {
        outcome.left("its instance profile is in no inventory, or known only after apply");
        return;
    };
    let witnesses = site.mention(change);
    site.relate(RelationKind::RUNS_AS, host, profile, Attributes::new(), witnesses);
    outcome.did(format!("runs with the profile {}", site.estate().asset(profile).name));
}

pub(super) fn is_profile(asset: &Asset) -> bool {
    asset.kind == AssetKind::CloudResource
        && asset.identifiers_of(Scheme::AwsArn).any(|arn| arn.contains(":instance-profile/"))
}

fn remove_host(site: &mut Site<'_>, host: AssetIndex) {
    site.unrelate(|relation| relation.from == host || relation.to == host);
    site.inputs.estate.services.retain(|service| service.host != host);
    for exposure in site.inputs.estate.exposures.iter_mut().filter(|exposure| exposure.asset == host) {
        exposure.state = State::Closed;
    }
}

fn make_public(site: &mut Site<'_>, host: AssetIndex, address: Option<&str>) {
    let address = address.unwrap_or(ADDRESS_TO_COME);
    site.asset_mut(host).attributes.insert("aws.public_ip".to_owned(), address.into());
}

fn make_private(site: &mut Site<'_>, host: AssetIndex, address: Option<&str>) {
    let asset = site.asset_mut(host);
    let stated = ["aws.public_ip", "public_ip"].iter().filter_map(|name| asset.attributes.remove(*name));
    let mut gone: Vec<String> = stated.filter_map(|value| value.as_str().map(str::to_owned)).collect();
    gone.extend(address.map(str::to_owned));
    asset.identifiers.retain(|identifier| {
        identifier.scheme() != Scheme::Ip || !gone.iter().any(|address| address == identifier.value())
    });
}

/// An elastic address, or its tie to an instance.
pub(super) fn address(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let field = if change.kind == "aws_eip" { "instance" } else { "instance_id" };
    let was = change.before(field).as_str().and_then(|id| site.find(id, is_instance));
    let is = if change.is_removed() {
        None
    } else {
        let stated = change.after(field).as_str().filter(|id| !id.is_empty());
        let found = stated.and_then(|id| site.find(id, is_instance));
        found.or_else(|| {
            let referred = site.references(change, field);
            referred.into_iter().find(|index| is_instance(site.estate().asset(*index)))
        })
    };
    let mut outcome = Outcome::default();
    if let Some(host) = was.filter(|host| Some(*host) != is) {
        make_private(site, host, change.before("public_ip").as_str());
        outcome.did(format!("{} loses its public address", site.estate().asset(host).name));
    }
    if let Some(host) = is.filter(|host| Some(*host) != was) {
        make_public(site, host, change.after("public_ip").as_str());
        outcome.did(format!("{} gets a public address", site.estate().asset(host).name));
    }
    if outcome.is_empty() {
        return Outcome::unjudged("the address belongs to no instance of an inventory");
    }
    outcome
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_have_one_spelling() {
        let of = |protocol: Value, from: Value| ports(&permission(&protocol, &from, &from, &[], &[]));
        assert_eq!(of(json!("-1"), json!(0)), of(json!("all"), Value::Null));
        assert_eq!(of(json!("6"), json!(22)), of(json!("TCP"), json!(22)));
        assert_ne!(of(json!("udp"), json!(53)), of(json!("tcp"), json!(53)));
    }

    #[test]
    fn permissions_are_said_in_words() {
        let web = permission(&json!("tcp"), &json!(80), &json!(80), &["0.0.0.0/0"], &[]);
        let all = permission(&json!("-1"), &json!(0), &json!(0), &[], &["sg-1".to_owned()]);
        assert_eq!(in_words(&[web, all]), "tcp/80 from 0.0.0.0/0; everything from sg-1");
        let none = permission(&json!("tcp"), &json!(1), &json!(9), &[], &[]);
        assert_eq!(in_words(&[none]), "tcp/1-9 from nobody known");
        assert_eq!(in_words(&[]), "nothing");
    }
}
