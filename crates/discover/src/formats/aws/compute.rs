//! EC2 instances and Lambda functions: where they stand, how they are reached, as what they run.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartizan_model::{AssetKind, Identifier, RelationKind, Scheme, Subject, mask_secret};
use serde::Deserialize;
use serde_json::Value;

use super::arn::{Arn, iam_identity, partition, region_of_zone};
use super::facts::{Facts, List, Notes, Tag, tag};
use super::{Setting, access_keys, by_arn, network, one, one_or_ignored, required};
use crate::Record;
use crate::secret::is_access_key_id;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reservation<'a> {
    owner_id: Option<String>,
    #[serde(borrow, default)]
    instances: Option<Vec<&'a serde_json::value::RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Instance {
    instance_id: Option<String>,
    image_id: Option<String>,
    instance_type: Option<String>,
    key_name: Option<String>,
    launch_time: Option<Value>,
    platform: Option<String>,
    platform_details: Option<String>,
    private_ip_address: Option<String>,
    public_ip_address: Option<String>,
    public_dns_name: Option<String>,
    placement: Placement,
    state: State,
    subnet_id: Option<String>,
    vpc_id: Option<String>,
    security_groups: List<Group>,
    network_interfaces: List<Interface>,
    iam_instance_profile: Option<Profile>,
    metadata_options: Option<MetadataOptions>,
    tags: List<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Placement {
    availability_zone: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Group {
    group_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Profile {
    arn: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct MetadataOptions {
    http_tokens: Option<String>,
    http_endpoint: Option<String>,
    http_put_response_hop_limit: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Interface {
    owner_id: Option<String>,
    mac_address: Option<String>,
    subnet_id: Option<String>,
    groups: List<Group>,
    private_ip_addresses: List<Address>,
    ipv6_addresses: List<Ipv6>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Address {
    private_ip_address: Option<String>,
    association: Option<Association>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Association {
    public_ip: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Ipv6 {
    ipv6_address: Option<String>,
}

pub(super) fn reservation(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    let reservation = match serde_json::from_str::<Reservation>(json) {
        Ok(reservation) => reservation,
        Err(error) => return records.push(Record::rejected(at, error.to_string())),
    };
    for (index, instance) in reservation.instances.into_iter().flatten().enumerate() {
        let at = format!("{at}.Instances[{index}]");
        records.push(one_or_ignored(&at, instance.get(), |instance: Instance| {
            match instance.state.name.as_deref() {
                Some("terminated") => Ok(Err("instance terminated")),
                Some("shutting-down") => Ok(Err("instance shutting down")),
                _ => say_instance(setting, reservation.owner_id.as_deref(), instance).map(Ok),
            }
        }));
    }
}

fn say_instance(setting: &Setting, owner: Option<&str>, instance: Instance) -> Result<Facts, String> {
    let id = required(instance.instance_id, "InstanceId")?;
    let interfaces = &instance.network_interfaces;
    let owner = owner.or_else(|| interfaces.iter().find_map(|interface| interface.owner_id.as_deref()));
    let account = setting.owner(owner);
    let region = instance.placement.availability_zone.as_deref().and_then(region_of_zone);
    let arn = region
        .zip(account.as_deref())
        .map(|(region, account)| format!("arn:{}:ec2:{region}:{account}:instance/{id}", partition(region)));

    let mut identifiers = vec![Identifier::new(Scheme::CloudId, &id)];
    identifiers.extend(arn.map(|arn| Identifier::new(Scheme::AwsArn, arn)));
    let vpc = instance.vpc_id.as_deref();
    let addresses = interfaces.iter().flat_map(|interface| interface.private_ip_addresses.iter());
    let private = addresses.clone().filter_map(|address| address.private_ip_address.as_deref());
    for address in private.chain(instance.private_ip_address.as_deref()) {
        identifiers.push(setting.address(vpc, address));
    }
    let public = addresses.filter_map(|address| address.association.as_ref()?.public_ip.as_deref());
    let version_6 = interfaces.iter().flat_map(|interface| interface.ipv6_addresses.iter());
    let version_6 = version_6.filter_map(|address| address.ipv6_address.as_deref());
    for address in public.chain(instance.public_ip_address.as_deref()).chain(version_6) {
        identifiers.push(Identifier::new(Scheme::Ip, address));
    }
    for mac in interfaces.iter().filter_map(|interface| interface.mac_address.as_deref()) {
        identifiers.push(Identifier::new(Scheme::Mac, mac));
    }
    // The private name is made of the private address, so it is no better than that; a simulator may
    // print it in place of the public one.
    let public_name = instance.public_dns_name.as_deref().filter(|name| !name.ends_with(".internal"));
    identifiers.extend(public_name.map(|name| Identifier::new(Scheme::Fqdn, name)));
    if let Some(name) = tag(&instance.tags, &["fqdn", "hostname"]) {
        let scheme = if name.contains('.') { Scheme::Fqdn } else { Scheme::Hostname };
        identifiers.push(Identifier::new(scheme, name));
    }
    let subject = Arc::new(Subject::new(AssetKind::Host, identifiers));

    let groups: Vec<&str> = instance
        .security_groups
        .iter()
        .chain(interfaces.iter().flat_map(|interface| interface.groups.iter()))
        .filter_map(|group| group.group_id.as_deref())
        .collect();
    let metadata = instance.metadata_options.unwrap_or_default();
    let mut notes = Notes::default()
        .set("aws.type", "instance")
        .maybe("aws.state", instance.state.name)
        .maybe("aws.vpc_id", instance.vpc_id.clone())
        .maybe("aws.subnet_id", instance.subnet_id.clone())
        .maybe("aws.region", region)
        .maybe("aws.public_ip", instance.public_ip_address)
        .maybe("aws.image_id", instance.image_id)
        .maybe("aws.instance_type", instance.instance_type)
        .maybe("aws.key_name", instance.key_name)
        .maybe("aws.platform", instance.platform_details.or(instance.platform))
        .time("aws.launched", instance.launch_time.as_ref())
        .maybe("aws.metadata_tokens", metadata.http_tokens)
        .maybe("aws.metadata_endpoint", metadata.http_endpoint)
        .maybe("aws.metadata_hop_limit", metadata.http_put_response_hop_limit)
        .maybe(
            "aws.instance_profile",
            instance.iam_instance_profile.as_ref().and_then(|profile| profile.arn.clone()),
        );
    let distinct: std::collections::BTreeSet<&str> = groups.iter().copied().collect();
    notes = notes.list("aws.security_groups", distinct).tags(&instance.tags);

    let mut facts = Facts::of(&subject, tag(&instance.tags, &["Name"]).unwrap_or(&id), notes);
    facts.in_account(account.as_deref(), &subject);
    network::place(&mut facts, &subject, instance.subnet_id.as_deref(), groups);
    for subnet in interfaces.iter().filter_map(|interface| interface.subnet_id.as_deref()) {
        if instance.subnet_id.as_deref() != Some(subnet) {
            network::place(&mut facts, &subject, Some(subnet), []);
        }
    }
    if let Some(profile) = instance.iam_instance_profile.and_then(|profile| profile.arn) {
        facts.relation(RelationKind::RUNS_AS, &subject, &by_arn(AssetKind::CloudResource, &profile));
    }
    Ok(facts)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Function {
    function_arn: Option<String>,
    function_name: Option<String>,
    role: Option<String>,
    runtime: Option<String>,
    handler: Option<String>,
    last_modified: Option<Value>,
    package_type: Option<String>,
    vpc_config: Option<VpcConfig>,
    environment: Option<Environment>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct VpcConfig {
    vpc_id: Option<String>,
    subnet_ids: List<String>,
    security_group_ids: List<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Environment {
    variables: Option<BTreeMap<String, String>>,
}

pub(super) fn function(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |function: Function| {
        let text = required(function.function_arn, "FunctionArn")?;
        let arn = Arn::parse(&text).ok_or_else(|| format!("{text:?} is not an ARN"))?;
        let subject = by_arn(AssetKind::Workload, &text);
        let variables =
            function.environment.and_then(|environment| environment.variables).unwrap_or_default();
        let vpc = function.vpc_config.unwrap_or_default();
        let mut notes = Notes::default()
            .set("aws.type", "function")
            .maybe("aws.region", Some(arn.region))
            .maybe("aws.runtime", function.runtime)
            .maybe("aws.handler", function.handler)
            .maybe("aws.package_type", function.package_type)
            .time("aws.modified", function.last_modified.as_ref())
            .maybe("aws.vpc_id", vpc.vpc_id)
            .list("aws.security_groups", vpc.security_group_ids.iter().cloned());
        if !variables.is_empty() {
            let masked: serde_json::Map<String, Value> =
                variables.iter().map(|(name, value)| (name.clone(), mask_secret(value).into())).collect();
            notes = notes.set("aws.environment", masked);
        }
        let mut facts = Facts::of(&subject, function.function_name.unwrap_or_default(), notes);
        facts.in_account(setting.owner(arn.owner()).as_deref(), &subject);
        if let Some(role) = function.role.filter(|role| Arn::parse(role).is_some()) {
            facts.relation(RelationKind::RUNS_AS, &subject, &Arc::new(iam_identity(AssetKind::Role, &role)));
        }
        network::place(&mut facts, &subject, None, vpc.security_group_ids.iter().map(String::as_str));
        for subnet in vpc.subnet_ids.iter() {
            network::place(&mut facts, &subject, Some(subnet), []);
        }
        for (name, value) in variables.iter().filter(|(_, value)| is_access_key_id(value)) {
            let notes = Notes::default().set("variable", name.as_str()).set("hint", mask_secret(value));
            facts.relation_with(RelationKind::HOLDS_SECRET, &subject, &access_keys::subject(value), notes);
        }
        Ok(facts)
    }));
}
