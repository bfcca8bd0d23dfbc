//! Instances: their security groups, public addresses and profiles.

use std::collections::BTreeSet;

use bartizan_graph::rules::is_public;
use bartizan_model::estate::{Asset, AssetIndex};
use bartizan_model::{AssetKind, Attributes, RelationKind, Scheme, State};
use serde_json::Value;

use super::Outcome;
use super::change::{Change, texts};
use super::groups::is_group;
use super::site::Site;
use crate::words::list;

/// Stands for a public address that AWS gives out only when the plan is applied (RFC 5737).
const ADDRESS_TO_COME: &str = "192.0.2.1";

fn is_instance(asset: &Asset) -> bool {
    asset.kind == AssetKind::Host
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
