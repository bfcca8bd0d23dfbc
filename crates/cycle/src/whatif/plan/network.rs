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
    asset.attribute(INGRESS).is_some() || asset.attribute("aws.type").is_some_and(|kind| kind == "security-group")
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
    let group = match known {
        Some(group) => {
            site.remember(change, group);
            group
        }
        None => {
            let name = change.text("name").unwrap_or(change.address);
            let id = change.text("id").map_or_else(|| format!("planned:{}", change.address), str::to_owned);
            let group = site.create(
                change,
                AssetKind::CloudResource,
                name,
                vec![Identifier::new(Scheme::CloudId, id)],
            );
            site.asset_mut(group).attributes.insert("aws.type".to_owned(), "security-group".into());
            site.asset_mut(group).attributes.insert(INGRESS.to_owned(), json!([]));
            group
        }
    };
    let mut outcome = Outcome::applied("no change of what it lets in");
    if change.differs("ingress") && change.after("ingress").is_array() {
        let rules = change.after("ingress").as_array().into_iter().flatten();
        let permissions: Vec<Value> = rules.map(|rule| inline(site, group, rule)).collect();
        outcome = Outcome::applied(format!("lets in {}", in_words(&permissions)));
        site.asset_mut(group).attributes.insert(INGRESS.to_owned(), permissions.into());
    }
    if change.is_unknown("ingress") && change.after("ingress").as_array().is_some_and(|rules| !rules.is_empty()) {
        outcome = outcome.but("a part of what it lets in is known only after apply");
    }
    outcome
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
    let mut done = Vec::new();
    let mut outcome = Outcome::default();
    if !change.before.is_null() {
        let (gone, _) = stated(site, change, group, change.before);
        if take_away(site, group, &gone) {
            done.push(format!("no longer lets in {}", in_words(std::slice::from_ref(&gone))));
        } else {
            outcome = outcome.but("the rule that goes is in no inventory of the group as it is written");
        }
    }
    if !change.is_removed() {
        let (new, is_whole) = stated(site, change, group, change.after);
        if !is_whole {
            outcome = outcome.but("whom it lets in is a prefix list, or known only after apply");
        }
        done.push(format!("lets in {}", in_words(std::slice::from_ref(&new))));
        let asset = site.asset_mut(group);
        let ingress = asset.attributes.entry(INGRESS.to_owned()).or_insert_with(|| json!([]));
        if let Value::Array(permissions) = ingress {
            permissions.push(new);
        }
    }
    let name = site.estate().asset(group).name.clone();
    outcome.applied = (!done.is_empty()).then(|| format!("{name} {}", done.join(", and ")));
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
    let Some(Value::Array(permissions)) = site.asset_mut(group).attributes.get_mut(INGRESS) else { return false };
    let mut left: BTreeSet<(&str, &str)> = ["cidrs", "groups"]
        .iter()
        .flat_map(|name| texts(&gone[*name]).into_iter().map(move |text| (*name, text)))
        .collect();
    for known in permissions.iter_mut().filter(|known| ports(known) == ports(gone)) {
        for name in ["cidrs", "groups"] {
            if let Some(Value::Array(items)) = known.get_mut(name) {
                items.retain(|item| item.as_str().is_none_or(|text| !left.remove(&(name, text))));
            }
        }
    }
    permissions.retain(|known| {
        let empty = |name: &str| known.get(name).is_none_or(|list| list.as_array().is_some_and(Vec::is_empty));
        !(empty("cidrs") && empty("groups") && known.get("prefix_lists").is_none_or(Value::is_null))
    });
    left.is_empty()
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
    let mut done: Vec<String> = Vec::new();
    let host = match known {
        Some(host) => {
            site.remember(change, host);
            host
        }
        None => {
            let tag = change.after("tags").get("Name").and_then(Value::as_str);
            let name = tag.unwrap_or(change.address).to_owned();
            done.push("a new instance".to_owned());
            outcome = outcome.but("what will listen on the new instance, and with which weaknesses, is not known");
            site.create(change, AssetKind::Host, &name, Vec::new())
        }
    };
    if known.is_none() || change.differs("vpc_security_group_ids") || change.is_unknown("vpc_security_group_ids") {
        let mut groups: Vec<AssetIndex> = site.references(change, "vpc_security_group_ids");
        let mut lost = 0;
        for id in texts(change.after("vpc_security_group_ids")) {
            match site.find(id, is_group) {
                Some(group) => groups.push(group),
                None => lost += 1,
            }
        }
        groups.retain(|group| is_group(site.estate().asset(*group)));
        groups.sort_unstable();
        groups.dedup();
        if lost > 0 || groups.is_empty() {
            outcome = outcome.but("some of its security groups are in no inventory, or known only after apply");
        }
        if !groups.is_empty() {
            let old: BTreeSet<AssetIndex> =
                site.estate().asset_indices().filter(|index| is_group(site.estate().asset(*index))).collect();
            site.unrelate(|relation| {
                relation.kind == RelationKind::PROTECTS && relation.to == host && old.contains(&relation.from)
            });
            for group in &groups {
                let witnesses = site.mention(change);
                site.relate(RelationKind::PROTECTS, *group, host, Attributes::new(), witnesses);
            }
            let names: Vec<&str> =
                groups.iter().map(|group| site.estate().asset(*group).name.as_str()).collect();
            done.push(format!("security groups {}", list(names)));
        }
    }
    let was_public = is_public(site.estate().asset(host));
    let asked = change.after("associate_public_ip_address").as_bool();
    let address = change.after("public_ip").as_str().filter(|address| !address.is_empty());
    match (address, asked) {
        (None, Some(false)) if was_public && change.differs("associate_public_ip_address") => {
            make_private(site, host, change.before("public_ip").as_str());
            done.push("no public address any more".to_owned());
        }
        (_, Some(true)) | (Some(_), _) if !was_public => {
            make_public(site, host, address);
            done.push("a public address".to_owned());
        }
        _ => {}
    }
    if change.differs("iam_instance_profile") {
        site.unrelate(|relation| relation.kind == RelationKind::RUNS_AS && relation.from == host);
        match change.after("iam_instance_profile").as_str().filter(|name| !name.is_empty()) {
            None if change.is_unknown("iam_instance_profile") => {
                let referred = site.references(change, "iam_instance_profile");
                give_profile(site, change, host, referred.first().copied(), &mut done, &mut outcome);
            }
            None => done.push("no instance profile any more".to_owned()),
            Some(name) => {
                let profile = site.find(name, is_profile);
                give_profile(site, change, host, profile, &mut done, &mut outcome);
            }
        }
    }
    if done.is_empty() && outcome.unjudged.is_empty() {
        return Outcome::unjudged("of an instance only groups, public address and profile are judged; others change");
    }
    outcome.applied = (!done.is_empty()).then(|| done.join(", "));
    outcome
}

pub(super) fn is_profile(asset: &Asset) -> bool {
    asset.kind == AssetKind::CloudResource
        && asset.identifiers_of(Scheme::AwsArn).any(|arn| arn.contains(":instance-profile/"))
}

fn give_profile(
    site: &mut Site<'_>,
    change: &Change<'_>,
    host: AssetIndex,
    profile: Option<AssetIndex>,
    done: &mut Vec<String>,
    outcome: &mut Outcome,
) {
    let Some(profile) = profile else {
        outcome.unjudged.push("its instance profile is in no inventory, or known only after apply".to_owned());
        return;
    };
    let witnesses = site.mention(change);
    site.relate(RelationKind::RUNS_AS, host, profile, Attributes::new(), witnesses);
    done.push(format!("runs with the profile {}", site.estate().asset(profile).name));
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
        match change.after(field).as_str().filter(|id| !id.is_empty()) {
            Some(id) => site.find(id, is_instance),
            None => {
                let referred = site.references(change, field);
                referred.into_iter().find(|index| is_instance(site.estate().asset(*index)))
            }
        }
    };
    let mut done = Vec::new();
    if let Some(host) = was.filter(|host| Some(*host) != is) {
        make_private(site, host, change.before("public_ip").as_str());
        done.push(format!("{} loses its public address", site.estate().asset(host).name));
    }
    if let Some(host) = is.filter(|host| Some(*host) != was) {
        make_public(site, host, change.after("public_ip").as_str());
        done.push(format!("{} gets a public address", site.estate().asset(host).name));
    }
    if done.is_empty() {
        return Outcome::unjudged("the address belongs to no instance of an inventory");
    }
    Outcome::applied(done.join(", "))
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
        for opening in is.into_iter().flatten().filter(|opening| was.is_none_or(|was| !was.contains(opening))) {
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
    let witness = || vec![site.mention_of("resource_changes")];
    let (for_zone, for_place) = (witness(), witness());
    let zone = site.add("openings", AssetKind::NetworkZone, &name, Vec::new(), for_zone, false);
    site.relate(RelationKind::IN_ZONE, host, zone, Attributes::new(), for_place);
    for (protocol, port) in ports {
        let attributes = Attributes::from([
            ("protocol".to_owned(), protocol.as_str().into()),
            ("port".to_owned(), (*port).into()),
        ]);
        let witnesses = vec![site.mention_of("resource_changes")];
        site.relate(RelationKind::ROUTES_TO, internet, zone, attributes, witnesses);
    }
}
