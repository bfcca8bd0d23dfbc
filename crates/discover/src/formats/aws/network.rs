//! VPCs, subnets, routes, gateways, security groups, access lists and interfaces.
//!
//! VPCs and subnets are zones. Reachability from the internet is said on routes: a subnet whose own
//! table leads to an internet gateway has `internet routes_to subnet`; a main table that does so has
//! `internet routes_to vpc`, with `applies_to: unassociated-subnets` and in `except` the subnets of the
//! VPC that have tables of their own, because the command does not list the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bartizan_model::{AssetKind, Identifier, RelationKind, Scheme, Subject};
use serde::Deserialize;
use serde_json::Value;

use super::arn::{partition, region_of_zone};
use super::facts::{Facts, List, Notes, Tag, object, tag};
use super::{Held, Setting, by_id, one, required};
use crate::Record;

pub(super) fn subnet_subject(id: &str, arn: Option<&str>) -> Arc<Subject> {
    by_id(AssetKind::NetworkZone, id, arn)
}

pub(super) fn vpc_subject(id: &str) -> Arc<Subject> {
    by_id(AssetKind::NetworkZone, id, None)
}

pub(super) fn security_group_subject(id: &str, arn: Option<&str>) -> Arc<Subject> {
    by_id(AssetKind::CloudResource, id, arn)
}

fn internet() -> Arc<Subject> {
    Arc::new(Subject::new(AssetKind::Internet, [Identifier::new(Scheme::Name, "internet")]))
}

fn name(tags: &[Tag], fallback: &str) -> String {
    tag(tags, &["Name"]).unwrap_or(fallback).to_owned()
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Vpc {
    vpc_id: Option<String>,
    owner_id: Option<String>,
    cidr_block: Option<String>,
    cidr_block_association_set: List<CidrBlock>,
    is_default: Option<bool>,
    tags: List<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct CidrBlock {
    cidr_block: Option<String>,
    ipv6_cidr_block: Option<String>,
}

pub(super) fn vpc(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |vpc: Vpc| {
        let id = required(vpc.vpc_id, "VpcId")?;
        let subject = vpc_subject(&id);
        let blocks: BTreeSet<String> = vpc
            .cidr_block_association_set
            .iter()
            .filter_map(|block| block.cidr_block.clone())
            .chain(vpc.cidr_block.clone())
            .collect();
        let notes = Notes::default()
            .set("aws.type", "vpc")
            .maybe("cidr", vpc.cidr_block)
            .list("aws.cidrs", blocks)
            .maybe("aws.default", vpc.is_default)
            .tags(&vpc.tags);
        let mut facts = Facts::of(&subject, name(&vpc.tags, &id), notes);
        facts.in_account(setting.owner(vpc.owner_id.as_deref()).as_deref(), &subject);
        Ok(facts)
    }));
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Subnet {
    subnet_id: Option<String>,
    subnet_arn: Option<String>,
    owner_id: Option<String>,
    vpc_id: Option<String>,
    cidr_block: Option<String>,
    ipv6_cidr_block_association_set: List<CidrBlock>,
    availability_zone: Option<String>,
    map_public_ip_on_launch: Option<bool>,
    tags: List<Tag>,
}

pub(super) fn subnet(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |subnet: Subnet| {
        let id = required(subnet.subnet_id, "SubnetId")?;
        let account = setting.owner(subnet.owner_id.as_deref());
        let region = subnet.availability_zone.as_deref().and_then(region_of_zone);
        // Newer versions of the command print the ARN; for older ones it is put together.
        let arn = subnet.subnet_arn.or_else(|| {
            let (region, account) = (region?, account.as_deref()?);
            Some(format!("arn:{}:ec2:{region}:{account}:subnet/{id}", partition(region)))
        });
        let subject = subnet_subject(&id, arn.as_deref());
        let notes = Notes::default()
            .set("aws.type", "subnet")
            .maybe("cidr", subnet.cidr_block)
            .list(
                "aws.ipv6_cidrs",
                subnet
                    .ipv6_cidr_block_association_set
                    .iter()
                    .filter_map(|block| block.ipv6_cidr_block.clone()),
            )
            .maybe("aws.vpc_id", subnet.vpc_id.clone())
            .maybe("aws.availability_zone", subnet.availability_zone.clone())
            .maybe("aws.maps_public_ip", subnet.map_public_ip_on_launch)
            .tags(&subnet.tags);
        let mut facts = Facts::of(&subject, name(&subnet.tags, &id), notes);
        facts.in_account(account.as_deref(), &subject);
        if let Some(vpc) = &subnet.vpc_id {
            facts.relation(RelationKind::CONTAINS, &vpc_subject(vpc), &subject);
        }
        Ok(facts)
    }));
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RouteTable {
    route_table_id: Option<String>,
    owner_id: Option<String>,
    vpc_id: Option<String>,
    associations: List<Association>,
    routes: List<Route>,
    tags: List<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Association {
    main: Option<bool>,
    subnet_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Route {
    destination_cidr_block: Option<String>,
    destination_ipv6_cidr_block: Option<String>,
    destination_prefix_list_id: Option<String>,
    gateway_id: Option<String>,
    nat_gateway_id: Option<String>,
    transit_gateway_id: Option<String>,
    vpc_peering_connection_id: Option<String>,
    network_interface_id: Option<String>,
    instance_id: Option<String>,
    egress_only_internet_gateway_id: Option<String>,
    local_gateway_id: Option<String>,
    carrier_gateway_id: Option<String>,
    core_network_arn: Option<String>,
    state: Option<String>,
}

impl Route {
    fn destination(&self) -> Option<&str> {
        self.destination_cidr_block
            .as_deref()
            .or(self.destination_ipv6_cidr_block.as_deref())
            .or(self.destination_prefix_list_id.as_deref())
    }

    fn target(&self) -> Option<&str> {
        [
            &self.gateway_id,
            &self.nat_gateway_id,
            &self.transit_gateway_id,
            &self.vpc_peering_connection_id,
            &self.network_interface_id,
            &self.instance_id,
            &self.egress_only_internet_gateway_id,
            &self.local_gateway_id,
            &self.carrier_gateway_id,
            &self.core_network_arn,
        ]
        .into_iter()
        .find_map(|target| target.as_deref().filter(|target| !target.is_empty()))
    }

    /// A default route that lets connections in: to an internet gateway. A NAT gateway lets none in.
    fn internet_source(&self) -> Option<&str> {
        let gateway = self.gateway_id.as_deref().filter(|gateway| gateway.starts_with("igw-"))?;
        let default = matches!(self.destination(), Some("0.0.0.0/0" | "::/0"));
        (default && self.state.as_deref() != Some("blackhole")).then_some(gateway)
    }

    fn value(&self) -> Value {
        object([
            ("destination", self.destination().into()),
            ("target", self.target().into()),
            ("state", self.state.as_deref().into()),
        ])
    }
}

/// Reads all tables together: a VPC's main table holds for the subnets that no other one claims.
pub(super) fn route_tables(setting: &Setting, held: &[Held], records: &mut Vec<Record>) {
    let mut claimed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in held.iter().filter_map(|held| serde_json::from_str::<RouteTable>(&held.json).ok()) {
        let subnets = table.associations.iter().filter_map(|association| association.subnet_id.clone());
        claimed.entry(table.vpc_id.clone().unwrap_or_default()).or_default().extend(subnets);
    }
    for Held { at, json } in held {
        records.push(one(at, json, |table: RouteTable| route_table(setting, table, &claimed)));
    }
}

fn route_table(
    setting: &Setting,
    table: RouteTable,
    claimed: &BTreeMap<String, BTreeSet<String>>,
) -> Result<Facts, String> {
    let id = required(table.route_table_id, "RouteTableId")?;
    let subject = by_id(AssetKind::CloudResource, &id, None);
    let gateway = table.routes.iter().find_map(Route::internet_source);
    let notes = Notes::default()
        .set("aws.type", "route-table")
        .maybe("aws.vpc_id", table.vpc_id.clone())
        .set("aws.main", table.associations.iter().any(|association| association.main == Some(true)))
        .set("aws.public", gateway.is_some())
        .set("aws.routes", table.routes.iter().map(Route::value).collect::<Vec<_>>())
        .list(
            "aws.subnets",
            table.associations.iter().filter_map(|association| association.subnet_id.clone()),
        )
        .tags(&table.tags);
    let mut facts = Facts::of(&subject, name(&table.tags, &id), notes);
    facts.in_account(setting.owner(table.owner_id.as_deref()).as_deref(), &subject);

    let routed = || {
        Notes::default().set("route_table", id.as_str()).maybe("gateway", gateway).maybe(
            "destination",
            table.routes.iter().find(|route| route.internet_source().is_some()).and_then(Route::destination),
        )
    };
    for association in table.associations.iter() {
        if let Some(subnet) = &association.subnet_id {
            let zone = subnet_subject(subnet, None);
            let notes =
                Notes::default().set("aws.public", gateway.is_some()).set("aws.route_table", id.as_str());
            facts.asset(&zone, None, notes);
            if gateway.is_some() {
                facts.relation_with(RelationKind::ROUTES_TO, &internet(), &zone, routed());
            }
        } else if association.main == Some(true)
            && let Some(vpc) = &table.vpc_id
        {
            let zone = vpc_subject(vpc);
            facts.asset(&zone, None, Notes::default().set("aws.main_table_public", gateway.is_some()));
            if gateway.is_some() {
                let except = claimed.get(vpc).into_iter().flatten().cloned();
                let notes = routed()
                    .set("applies_to", "unassociated-subnets")
                    .set("except", except.collect::<Vec<_>>());
                facts.relation_with(RelationKind::ROUTES_TO, &internet(), &zone, notes);
            }
        }
    }
    Ok(facts)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct InternetGateway {
    internet_gateway_id: Option<String>,
    owner_id: Option<String>,
    attachments: List<Attachment>,
    tags: List<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Attachment {
    vpc_id: Option<String>,
    instance_id: Option<String>,
}

pub(super) fn internet_gateway(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |gateway: InternetGateway| {
        let id = required(gateway.internet_gateway_id, "InternetGatewayId")?;
        let subject = by_id(AssetKind::CloudResource, &id, None);
        let vpcs = gateway.attachments.iter().filter_map(|attachment| attachment.vpc_id.clone());
        let notes = Notes::default()
            .set("aws.type", "internet-gateway")
            .list("aws.vpc_ids", vpcs)
            .tags(&gateway.tags);
        let mut facts = Facts::of(&subject, name(&gateway.tags, &id), notes);
        facts.in_account(setting.owner(gateway.owner_id.as_deref()).as_deref(), &subject);
        Ok(facts)
    }));
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct AccessList {
    network_acl_id: Option<String>,
    owner_id: Option<String>,
    vpc_id: Option<String>,
    is_default: Option<bool>,
    associations: List<Association>,
    entries: List<Entry>,
    tags: List<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    rule_number: Option<u64>,
    egress: Option<bool>,
    protocol: Option<String>,
    rule_action: Option<String>,
    cidr_block: Option<String>,
    ipv6_cidr_block: Option<String>,
    port_range: Option<PortRange>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct PortRange {
    from: Option<i64>,
    to: Option<i64>,
}

impl Entry {
    fn value(&self) -> Value {
        let ports = self.port_range.as_ref();
        object([
            ("number", self.rule_number.into()),
            ("action", self.rule_action.as_deref().into()),
            ("protocol", protocol(self.protocol.as_deref())),
            ("cidr", self.cidr_block.as_deref().or(self.ipv6_cidr_block.as_deref()).into()),
            ("from_port", ports.and_then(|ports| ports.from).into()),
            ("to_port", ports.and_then(|ports| ports.to).into()),
        ])
    }
}

pub(super) fn access_list(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |list: AccessList| {
        let id = required(list.network_acl_id, "NetworkAclId")?;
        let subject = by_id(AssetKind::CloudResource, &id, None);
        let mut entries: Vec<&Entry> = list.entries.iter().collect();
        // The first match decides, in the order of the numbers.
        entries.sort_by_key(|entry| entry.rule_number);
        let one_way = |egress: bool| {
            let entries = entries.iter().filter(|entry| entry.egress == Some(egress));
            entries.map(|entry| entry.value()).collect::<Vec<_>>()
        };
        let notes = Notes::default()
            .set("aws.type", "network-acl")
            .maybe("aws.vpc_id", list.vpc_id)
            .maybe("aws.default", list.is_default)
            .set("aws.ingress", one_way(false))
            .set("aws.egress", one_way(true))
            .tags(&list.tags);
        let mut facts = Facts::of(&subject, name(&list.tags, &id), notes);
        facts.in_account(setting.owner(list.owner_id.as_deref()).as_deref(), &subject);
        for subnet in list.associations.iter().filter_map(|association| association.subnet_id.as_deref()) {
            facts.relation(RelationKind::PROTECTS, &subject, &subnet_subject(subnet, None));
        }
        Ok(facts)
    }));
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct SecurityGroup {
    group_id: Option<String>,
    security_group_arn: Option<String>,
    group_name: Option<String>,
    description: Option<String>,
    owner_id: Option<String>,
    vpc_id: Option<String>,
    ip_permissions: List<Permission>,
    ip_permissions_egress: List<Permission>,
    tags: List<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Permission {
    ip_protocol: Option<String>,
    from_port: Option<i64>,
    to_port: Option<i64>,
    ip_ranges: List<Range>,
    ipv6_ranges: List<Range>,
    prefix_list_ids: List<Range>,
    user_id_group_pairs: List<Pair>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Range {
    cidr_ip: Option<String>,
    cidr_ipv6: Option<String>,
    prefix_list_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Pair {
    group_id: Option<String>,
    user_id: Option<String>,
}

impl Permission {
    /// `{protocol, from_port?, to_port?, cidrs, groups, prefix_lists?}`; no ports stands for all of them.
    fn value(&self) -> Value {
        let cidrs = self.ip_ranges.iter().chain(self.ipv6_ranges.iter());
        let cidrs = cidrs.filter_map(|range| range.cidr_ip.clone().or_else(|| range.cidr_ipv6.clone()));
        let groups = self.user_id_group_pairs.iter().filter_map(|pair| pair.group_id.clone());
        let others: Vec<String> =
            self.prefix_list_ids.iter().filter_map(|list| list.prefix_list_id.clone()).collect();
        let accounts: BTreeSet<String> =
            self.user_id_group_pairs.iter().filter_map(|pair| pair.user_id.clone()).collect();
        object([
            ("protocol", protocol(self.ip_protocol.as_deref())),
            ("from_port", self.from_port.into()),
            ("to_port", self.to_port.into()),
            ("cidrs", cidrs.collect::<Vec<_>>().into()),
            ("groups", groups.collect::<Vec<_>>().into()),
            ("prefix_lists", if others.is_empty() { Value::Null } else { others.into() }),
            (
                "group_accounts",
                if accounts.is_empty() {
                    Value::Null
                } else {
                    accounts.into_iter().collect::<Vec<_>>().into()
                },
            ),
        ])
    }
}

pub(super) fn security_group(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |group: SecurityGroup| {
        let id = required(group.group_id, "GroupId")?;
        let subject = security_group_subject(&id, group.security_group_arn.as_deref());
        let rules = |list: &List<Permission>| list.iter().map(Permission::value).collect::<Vec<_>>();
        let notes = Notes::default()
            .set("aws.type", "security-group")
            .maybe("aws.vpc_id", group.vpc_id)
            .maybe("aws.description", group.description)
            .set("aws.ingress", rules(&group.ip_permissions))
            .set("aws.egress", rules(&group.ip_permissions_egress))
            .tags(&group.tags);
        let mut facts = Facts::of(&subject, group.group_name.unwrap_or(id), notes);
        facts.in_account(setting.owner(group.owner_id.as_deref()).as_deref(), &subject);
        Ok(facts)
    }));
}

/// An attribute value for a rule of a security group or access list: `-1` stands for every protocol.
fn protocol(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| match text {
        "-1" => "all".into(),
        "6" => "tcp".into(),
        "17" => "udp".into(),
        "1" => "icmp".into(),
        other => other.into(),
    })
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkInterface {
    network_interface_id: Option<String>,
    owner_id: Option<String>,
    vpc_id: Option<String>,
    subnet_id: Option<String>,
    mac_address: Option<String>,
    private_ip_address: Option<String>,
    private_ip_addresses: List<PrivateAddress>,
    ipv6_addresses: List<Ipv6Address>,
    association: Option<PublicAddress>,
    attachment: Option<Attachment>,
    groups: List<Pair>,
    interface_type: Option<String>,
    description: Option<String>,
    tag_set: List<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct PrivateAddress {
    private_ip_address: Option<String>,
    association: Option<PublicAddress>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct PublicAddress {
    public_ip: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Ipv6Address {
    ipv6_address: Option<String>,
}

/// An interface of an instance says more about the instance; another one (load balancer, database,
/// function) is a resource of its own.
pub(super) fn network_interface(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |interface: NetworkInterface| {
        let id = required(interface.network_interface_id, "NetworkInterfaceId")?;
        let vpc = interface.vpc_id.as_deref();
        let mut addresses = Vec::new();
        let private =
            interface.private_ip_addresses.iter().filter_map(|each| each.private_ip_address.as_deref());
        for address in private.chain(interface.private_ip_address.as_deref()) {
            addresses.push(setting.address(vpc, address));
        }
        let public = interface.private_ip_addresses.iter().filter_map(|each| each.association.as_ref());
        for address in
            public.chain(interface.association.as_ref()).filter_map(|each| each.public_ip.as_deref())
        {
            addresses.push(Identifier::new(Scheme::Ip, address));
        }
        for address in interface.ipv6_addresses.iter().filter_map(|each| each.ipv6_address.as_deref()) {
            addresses.push(Identifier::new(Scheme::Ip, address));
        }
        if let Some(mac) = &interface.mac_address {
            addresses.push(Identifier::new(Scheme::Mac, mac));
        }
        let instance = interface.attachment.as_ref().and_then(|attachment| attachment.instance_id.as_deref());
        let (kind, own_id) =
            instance.map_or((AssetKind::CloudResource, id.as_str()), |id| (AssetKind::Host, id));
        addresses.push(Identifier::new(Scheme::CloudId, own_id));
        let subject = Arc::new(Subject::new(kind, addresses));
        let notes = match instance {
            Some(_) => Notes::default(),
            None => Notes::default()
                .set("aws.type", "network-interface")
                .maybe("aws.interface_type", interface.interface_type)
                .maybe("aws.description", interface.description)
                .tags(&interface.tag_set),
        };
        let mut facts = Facts::default();
        facts.asset(&subject, instance.is_none().then(|| id.clone()), notes);
        facts.in_account(setting.owner(interface.owner_id.as_deref()).as_deref(), &subject);
        place(
            &mut facts,
            &subject,
            interface.subnet_id.as_deref(),
            interface.groups.iter().filter_map(|group| group.group_id.as_deref()),
        );
        Ok(facts)
    }));
}

/// Where something stands and what guards it.
pub(super) fn place<'a>(
    facts: &mut Facts,
    subject: &Arc<Subject>,
    subnet: Option<&str>,
    groups: impl IntoIterator<Item = &'a str>,
) {
    if let Some(subnet) = subnet.filter(|subnet| !subnet.is_empty()) {
        facts.relation(RelationKind::IN_ZONE, subject, &subnet_subject(subnet, None));
    }
    let groups: BTreeSet<&str> = groups.into_iter().collect();
    for group in groups {
        facts.relation(RelationKind::PROTECTS, &security_group_subject(group, None), subject);
    }
}
