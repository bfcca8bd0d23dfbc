//! Security groups and their rules: what they let in.

use std::collections::BTreeSet;

use bartizan_model::estate::{Asset, AssetIndex};
use bartizan_model::{AssetKind, Identifier, RelationKind, Scheme};
use serde_json::{Value, json};

use super::Outcome;
use super::change::{Change, texts};
use super::site::Site;
use crate::words::list;

const INGRESS: &str = "aws.ingress";

pub(super) fn is_group(asset: &Asset) -> bool {
    asset.attribute(INGRESS).is_some()
        || asset.attribute("aws.type").is_some_and(|kind| kind == "security-group")
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
