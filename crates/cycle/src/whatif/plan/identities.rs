//! IAM: policies and to whom they are attached, roles and whom they trust, users, groups, profiles.

use bartizan_model::estate::AssetIndex;
use bartizan_model::{AssetKind, Attributes, Identifier, RelationKind, Scheme};
use serde_json::{Value, json};

use super::Outcome;
use super::change::{Change, document, texts};
use super::instances::is_profile;
use super::site::Site;
use crate::words::count;

const POLICIES: &str = "aws.identity_policies";
const NOT_LISTED: &str = "its principal is in no inventory, or known only after apply";

/// The policies of a principal, to be changed.
fn policies<'s>(site: &'s mut Site<'_>, principal: AssetIndex) -> Option<&'s mut Vec<Value>> {
    let attributes = &mut site.asset_mut(principal).attributes;
    let value = attributes.entry(POLICIES.to_owned()).or_insert_with(|| json!([]));
    if !value.is_array() {
        *value = json!([]);
    }
    value.as_array_mut()
}

fn put(site: &mut Site<'_>, principal: AssetIndex, is_same: impl Fn(&Value) -> bool, new: Option<Value>) {
    if let Some(list) = policies(site, principal) {
        list.retain(|policy| !is_same(policy));
        list.extend(new);
    }
}

/// A policy written into a principal.
pub(super) fn inline_policy(site: &mut Site<'_>, change: &Change<'_>, sort: &str) -> Outcome {
    let Some(principal) = principal(site, change, sort, sort) else { return Outcome::unjudged(NOT_LISTED) };
    let on = site.estate().asset(principal).name.clone();
    let gone = change.before("name").as_str().map(str::to_owned);
    let name = change.text("name").unwrap_or(change.address).to_owned();
    let is_same = |policy: &Value| {
        let own = policy.get("name").and_then(Value::as_str);
        policy.get("arn").is_none() && (own == Some(name.as_str()) || own.is_some() && own == gone.as_deref())
    };
    if change.is_removed() {
        put(site, principal, is_same, None);
        return Outcome::applied(format!("{on} loses the policy {name}"));
    }
    let Some(document) = document(change.after("policy")) else {
        return Outcome::unjudged("its document is known only after apply");
    };
    let policy = json!({"name": name, "kind": "inline", "document": document});
    put(site, principal, is_same, Some(policy));
    Outcome::applied(format!("{on} gets the policy {name} as planned"))
}

fn principal(site: &Site<'_>, change: &Change<'_>, field: &str, sort: &str) -> Option<AssetIndex> {
    match change.text(field) {
        Some(name) => {
            site.principal(sort, name).or_else(|| site.references(change, field).into_iter().next())
        }
        None => site.references(change, field).into_iter().next(),
    }
}

/// A managed policy: its document counts for everybody to whom it is attached.
pub(super) fn managed_policy(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let arn = change.text("arn").map(str::to_owned);
    if change.is_removed() {
        return Outcome::applied("a policy that is attached to nobody is gone");
    }
    let Some(document) = document(change.after("policy")) else {
        return Outcome::unjudged("its document is known only after apply");
    };
    site.documents.insert(super::site::plain(change.address).to_owned(), document.clone());
    let Some(arn) = arn else { return Outcome::applied("a new policy") };
    site.documents.insert(arn.clone(), document.clone());
    let is_it = |policy: &Value| policy["arn"].as_str() == Some(arn.as_str());
    let holds = |index: &AssetIndex| {
        let list = site.estate().asset(*index).attribute(POLICIES).and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(is_it))
    };
    let holders: Vec<AssetIndex> = site.estate().asset_indices().filter(holds).collect();
    for holder in &holders {
        for policy in policies(site, *holder).into_iter().flatten().filter(|policy| is_it(policy)) {
            policy["document"] = document.clone();
        }
    }
    Outcome::applied(format!(
        "its new document counts for {}",
        count(holders.len(), "principal", "principals")
    ))
}

/// A managed policy attached to principals; `fields` are names of fields with the sort of principal in each.
pub(super) fn attachment(site: &mut Site<'_>, change: &Change<'_>, fields: &[(&str, &str)]) -> Outcome {
    let stated = change.text("policy_arn").map(str::to_owned);
    let references = site.references_of(change, "policy_arn");
    let by_reference = references.iter().find_map(|reference| {
        let document = site.documents.get(*reference)?;
        Some(((*reference).to_owned(), document.clone()))
    });
    let (arn, document) = match (stated, by_reference) {
        (Some(arn), _) => {
            let document = site.documents.get(&arn).cloned().or_else(|| known_document(site, &arn));
            (arn, document)
        }
        // A new policy has no ARN yet: its address stands for it.
        (None, Some((address, document))) => (format!("planned:{address}"), Some(document)),
        (None, None) => return Outcome::unjudged("its policy is known only after apply"),
    };
    let side = if change.is_removed() { change.before } else { change.after };
    let mut outcome = Outcome::default();
    for (field, sort) in fields {
        let names: Vec<&str> = match side.get(*field) {
            Some(Value::String(name)) => vec![name],
            Some(list) => texts(list),
            None => Vec::new(),
        };
        let mut principals: Vec<AssetIndex> = Vec::new();
        for name in names {
            match site.principal(sort, name) {
                Some(principal) => principals.push(principal),
                None => outcome.left(format!("the {sort} {name} is in no inventory")),
            }
        }
        if !change.is_removed() {
            principals.extend(site.references(change, field));
        }
        principals.sort_unstable();
        principals.dedup();
        for principal in principals {
            let is_same = |policy: &Value| policy["arn"].as_str() == Some(arn.as_str());
            let name = arn.rsplit('/').next().unwrap_or(&arn);
            let policy = json!({"arn": arn, "name": name, "kind": "managed", "document": document});
            put(site, principal, is_same, (!change.is_removed()).then_some(policy));
            let verb = if change.is_removed() { "loses" } else { "gets" };
            outcome.did(format!("{} {verb} the policy {name}", site.estate().asset(principal).name));
        }
    }
    if outcome.is_empty() {
        return Outcome::unjudged(NOT_LISTED);
    }
    outcome
}

/// The document of a managed policy as some inventory has it. AWS's own are known to the evaluation.
fn known_document(site: &Site<'_>, arn: &str) -> Option<Value> {
    let policies =
        site.estate().assets.iter().filter_map(|asset| asset.attribute(POLICIES)?.as_array()).flatten();
    let mut own = policies.filter(|policy| policy["arn"].as_str() == Some(arn));
    let attached = own.find_map(|policy| policy.get("document").filter(|document| !document.is_null()));
    attached.cloned().or_else(|| {
        let index = site.find(arn, |asset| asset.attribute("aws.policy_document").is_some())?;
        site.estate().asset(index).attribute("aws.policy_document").cloned()
    })
}

/// A role: whom it trusts, and policies that stand in it.
pub(super) fn role(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let name = change.text("name").unwrap_or(change.address).to_owned();
    let known = site.principal("role", &name);
    if change.is_removed() {
        let Some(role) = known else { return Outcome::unjudged("the role is in no inventory") };
        silence(site, role);
        return Outcome::applied(format!("the role {name} is gone"));
    }
    let role = match known {
        Some(role) => {
            site.remember(change, role);
            role
        }
        None => create(site, change, AssetKind::Role, "role", &name),
    };
    let mut outcome = Outcome::applied(format!("the role {name} as planned"));
    match document(change.after("assume_role_policy")) {
        Some(trust) => {
            site.asset_mut(role).attributes.insert("aws.trust_policy".to_owned(), trust);
        }
        None => outcome.left("whom it trusts is known only after apply"),
    }
    if change.differs("permissions_boundary") {
        let attributes = &mut site.asset_mut(role).attributes;
        match change.after("permissions_boundary").as_str().filter(|arn| !arn.is_empty()) {
            Some(arn) => {
                attributes.insert("aws.permissions_boundary".to_owned(), json!({"arn": arn}));
            }
            None => {
                attributes.remove("aws.permissions_boundary");
            }
        }
    }
    for inline in change.after("inline_policy").as_array().into_iter().flatten() {
        let own = inline["name"].as_str().filter(|own| !own.is_empty());
        if let (Some(own), Some(document)) = (own, document(&inline["policy"])) {
            let policy = json!({"name": own, "kind": "inline", "document": document});
            put(
                site,
                role,
                |policy| policy.get("arn").is_none() && policy["name"].as_str() == Some(own),
                Some(policy),
            );
        }
    }
    for arn in texts(change.after("managed_policy_arns")) {
        let document = site.documents.get(arn).cloned().or_else(|| known_document(site, arn));
        let policy =
            json!({"arn": arn, "name": arn.rsplit('/').next(), "kind": "managed", "document": document});
        put(site, role, |policy| policy["arn"].as_str() == Some(arn), Some(policy));
    }
    outcome
}

/// A user or a group: there or not.
pub(super) fn user_or_group(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let (kind, sort) = match change.kind {
        "aws_iam_user" => (AssetKind::Account, "user"),
        _ => (AssetKind::Group, "group"),
    };
    let name = change.text("name").unwrap_or(change.address).to_owned();
    match (site.principal(sort, &name), change.is_removed()) {
        (None, true) => Outcome::unjudged(format!("the {sort} is in no inventory")),
        (Some(known), true) => {
            silence(site, known);
            Outcome::applied(format!("the {sort} {name} is gone"))
        }
        (Some(known), false) => {
            site.remember(change, known);
            Outcome::applied(format!("the {sort} {name} stays"))
        }
        (None, false) => {
            create(site, change, kind, sort, &name);
            Outcome::applied(format!("a new {sort} {name}"))
        }
    }
}

/// What is gone may nothing, and nobody may take it over.
fn silence(site: &mut Site<'_>, principal: AssetIndex) {
    let attributes = &mut site.asset_mut(principal).attributes;
    attributes.insert(POLICIES.to_owned(), json!([]));
    attributes.insert("aws.trust_policy".to_owned(), json!({"Version": "2012-10-17", "Statement": []}));
    site.unrelate(|relation| relation.from == principal || relation.to == principal);
}

fn create(site: &mut Site<'_>, change: &Change<'_>, kind: AssetKind, sort: &str, name: &str) -> AssetIndex {
    let account = site.account().unwrap_or_default();
    let path = change.after("path").as_str().unwrap_or("/").trim_matches('/').to_owned();
    let path = if path.is_empty() { path } else { format!("{path}/") };
    let arn = format!("arn:aws:iam::{account}:{sort}/{path}{name}");
    let index = site.create(change, kind, name, vec![Identifier::new(Scheme::AwsArn, arn)]);
    site.asset_mut(index).attributes.insert(POLICIES.to_owned(), json!([]));
    index
}

/// A profile hands its role to the instances that have it.
pub(super) fn instance_profile(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let name = change.text("name").unwrap_or(change.address).to_owned();
    let known = site.find(&name, is_profile);
    if change.is_removed() {
        let Some(profile) = known else { return Outcome::unjudged("the profile is in no inventory") };
        site.unrelate(|relation| relation.from == profile || relation.to == profile);
        return Outcome::applied(format!("the profile {name} is gone"));
    }
    let profile = match known {
        Some(profile) => {
            site.remember(change, profile);
            profile
        }
        None => create(site, change, AssetKind::CloudResource, "instance-profile", &name),
    };
    let Some(role) = principal(site, change, "role", "role") else {
        return Outcome::unjudged("its role is in no inventory, or known only after apply");
    };
    site.unrelate(|relation| relation.kind == RelationKind::RUNS_AS && relation.from == profile);
    let witnesses = site.mention(change);
    site.relate(RelationKind::RUNS_AS, profile, role, Attributes::new(), witnesses);
    Outcome::applied(format!("the profile {name} hands out {}", site.estate().asset(role).name))
}

/// A user's groups, or a group's users.
pub(super) fn membership(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let (one, one_sort, many, many_sort) = match change.kind {
        "aws_iam_user_group_membership" => ("user", "user", "groups", "group"),
        _ => ("group", "group", "users", "user"),
    };
    let Some(own) = principal(site, change, one, one_sort) else { return Outcome::unjudged(NOT_LISTED) };
    let mut outcome = Outcome::default();
    let mut others = |site: &Site<'_>, side: &Value| -> Vec<AssetIndex> {
        let names = side.get(many).map(texts).unwrap_or_default();
        let found = names.into_iter().filter_map(|name| {
            let found = site.principal(many_sort, name);
            if found.is_none() {
                outcome.unjudged.push(format!("the {many_sort} {name} is in no inventory"));
            }
            found
        });
        found.collect()
    };
    let gone = others(site, change.before);
    let mut come = others(site, change.after);
    if !change.is_removed() {
        come.extend(site.references(change, many));
    }
    let ends = |other: AssetIndex| if one == "user" { (own, other) } else { (other, own) };
    for other in gone {
        let (user, group) = ends(other);
        site.unrelate(|relation| {
            relation.kind == RelationKind::MEMBER_OF && relation.from == user && relation.to == group
        });
    }
    let number = come.len();
    for other in come {
        let (user, group) = ends(other);
        let witnesses = site.mention(change);
        site.relate(RelationKind::MEMBER_OF, user, group, Attributes::new(), witnesses);
    }
    outcome.did(format!("{} has {number} {many} as planned", site.estate().asset(own).name));
    outcome
}
