//! IAM users, groups, roles and instance profiles, with their policies.
//!
//! `aws.identity_policies` is a list of `{name, arn?, kind: inline|managed, document}`; `document` is
//! null where nobody printed it, and has `partial: true` beside it where only its essence is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartizan_model::{AssetKind, RelationKind, Subject};
use serde::Deserialize;
use serde_json::Value;

use super::arn::{Arn, iam_identity, iam_name};
use super::facts::{Facts, List, Notes, Tag, object};
use super::policies::{Library, document};
use super::{Held, Setting, by_arn, one, required};
use crate::Record;

/// A user, group or role of any command. Only some commands print some of the fields.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Identity {
    arn: Option<String>,
    path: Option<String>,
    #[serde(alias = "GroupName", alias = "RoleName")]
    user_name: Option<String>,
    #[serde(alias = "GroupId", alias = "RoleId")]
    user_id: Option<String>,
    create_date: Option<Value>,
    description: Option<String>,
    password_last_used: Option<Value>,
    #[serde(alias = "GroupPolicyList", alias = "RolePolicyList")]
    user_policy_list: Option<List<Inline>>,
    attached_managed_policies: Option<List<Attached>>,
    group_list: List<String>,
    permissions_boundary: Option<Boundary>,
    assume_role_policy_document: Option<Value>,
    instance_profile_list: List<Profile>,
    role_last_used: Option<LastUsed>,
    max_session_duration: Option<u64>,
    tags: List<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Inline {
    policy_name: Option<String>,
    policy_document: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Attached {
    policy_name: Option<String>,
    policy_arn: Option<String>,
}

/// An object from AWS, a bare ARN from programs that copy it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Boundary {
    Object {
        #[serde(rename = "PermissionsBoundaryArn")]
        arn: Option<String>,
    },
    Arn(String),
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct LastUsed {
    last_used_date: Option<Value>,
    region: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Profile {
    arn: Option<String>,
    path: Option<String>,
    instance_profile_name: Option<String>,
    instance_profile_id: Option<String>,
    create_date: Option<Value>,
    roles: List<Identity>,
    tags: List<Tag>,
}

/// The lists of `get-account-authorization-details`.
pub(super) struct Details {
    pub users: Vec<Held>,
    pub groups: Vec<Held>,
    pub roles: Vec<Held>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    User,
    Group,
    Role,
}

impl Sort {
    const fn asset_kind(self) -> AssetKind {
        match self {
            Self::User => AssetKind::Account,
            Self::Group => AssetKind::Group,
            Self::Role => AssetKind::Role,
        }
    }
}

pub(super) fn user(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |identity| {
        say(setting, Sort::User, identity, &Library::default(), &Groups::new())
    }));
}

pub(super) fn group(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |identity| {
        say(setting, Sort::Group, identity, &Library::default(), &Groups::new())
    }));
}

pub(super) fn role(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |identity| {
        say(setting, Sort::Role, identity, &Library::default(), &Groups::new())
    }));
}

/// ARNs of groups by account and name: users list their groups by name only.
type Groups = BTreeMap<(String, String), String>;

pub(super) fn details(library: &Library, details: &Details, setting: &Setting, records: &mut Vec<Record>) {
    let groups = known_groups(&details.groups);
    for (sort, list) in
        [(Sort::User, &details.users), (Sort::Group, &details.groups), (Sort::Role, &details.roles)]
    {
        for held in list {
            records
                .push(one(&held.at, &held.json, |identity| say(setting, sort, identity, library, &groups)));
        }
    }
}

fn known_groups(held: &[Held]) -> Groups {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Named {
        arn: String,
        group_name: String,
    }
    held.iter()
        .filter_map(|group| serde_json::from_str::<Named>(&group.json).ok())
        .filter_map(|group| {
            let account = Arn::parse(&group.arn)?.owner()?.to_owned();
            Some(((account, group.group_name), group.arn))
        })
        .collect()
}

fn say(
    setting: &Setting,
    sort: Sort,
    identity: Identity,
    library: &Library,
    groups: &Groups,
) -> Result<Facts, String> {
    let text = required(identity.arn, "Arn")?;
    let arn = Arn::parse(&text).ok_or_else(|| format!("{text:?} is not an ARN"))?;
    let account = setting.owner(arn.owner());
    let subject = Arc::new(iam_identity(sort.asset_kind(), &text));
    let name = identity
        .user_name
        .unwrap_or_else(|| arn.resource.rsplit('/').next().unwrap_or(arn.resource).to_owned());

    let mut notes = Notes::default()
        .maybe("aws.unique_id", identity.user_id)
        .maybe("aws.path", identity.path)
        .maybe("aws.description", identity.description)
        .time("aws.created", identity.create_date.as_ref())
        .time("aws.password_last_used", identity.password_last_used.as_ref())
        .maybe("aws.max_session_seconds", identity.max_session_duration)
        .tags(&identity.tags);
    if identity.user_policy_list.is_some() || identity.attached_managed_policies.is_some() {
        let inline = identity.user_policy_list.unwrap_or_default();
        let attached = identity.attached_managed_policies.unwrap_or_default();
        let policies: Vec<Value> = inline
            .iter()
            .map(|policy| {
                object([
                    ("kind", "inline".into()),
                    ("name", policy.policy_name.clone().into()),
                    ("document", policy.policy_document.as_ref().map(document).into()),
                ])
            })
            .chain(attached.iter().map(|policy| managed(policy, library)))
            .map(with_document)
            .collect();
        notes = notes.set("aws.identity_policies", policies);
    }
    if let Some(boundary) = identity.permissions_boundary {
        let arn = match boundary {
            Boundary::Object { arn } => arn,
            Boundary::Arn(arn) => Some(arn),
        };
        if let Some(arn) = arn.filter(|arn| !arn.is_empty()) {
            // The essence of a policy is a lower bound of what it allows: as a boundary it would take
            // away what the real one leaves.
            let (document, partial) = library.find(&arn);
            let document = if partial { Value::Null } else { document };
            let boundary = object([("arn", arn.into()), ("document", document)]);
            notes = notes.set("aws.permissions_boundary", with_document(boundary));
        }
    }
    if sort == Sort::Role {
        notes = notes.maybe("aws.trust_policy", identity.assume_role_policy_document.as_ref().map(document));
        if let Some(used) = &identity.role_last_used {
            // An empty object means that AWS saw no use in the time that it keeps (400 days).
            notes = match &used.last_used_date {
                Some(date) => {
                    notes.time("aws.last_used", Some(date)).maybe("aws.last_used_region", used.region.clone())
                }
                None => notes.set("aws.last_used", "never"),
            };
        }
        let profiles = identity.instance_profile_list.iter().filter_map(|profile| profile.arn.clone());
        notes = notes.list("aws.instance_profiles", profiles);
    }

    let mut facts = Facts::of(&subject, name, notes);
    facts.in_account(account.as_deref(), &subject);
    for group in identity.group_list.iter() {
        if let Some(group) = group_subject(account.as_deref(), group, groups) {
            facts.relation(RelationKind::MEMBER_OF, &subject, &group);
        }
    }
    for profile in identity.instance_profile_list.iter() {
        if let Some(profile) = &profile.arn {
            facts.relation(RelationKind::RUNS_AS, &by_arn(AssetKind::CloudResource, profile), &subject);
        }
    }
    Ok(facts)
}

/// By its ARN where the file lists it; else by name and account, because its path is not known.
fn group_subject(account: Option<&str>, name: &str, groups: &Groups) -> Option<Arc<Subject>> {
    let account = account?;
    let listed = groups.get(&(account.to_owned(), name.to_owned()));
    Some(Arc::new(match listed {
        Some(arn) => iam_identity(AssetKind::Group, arn),
        None => Subject::new(AssetKind::Group, [iam_name("group", name, account)]),
    }))
}

fn managed(policy: &Attached, library: &Library) -> Value {
    let (document, partial) =
        policy.policy_arn.as_deref().map_or((Value::Null, false), |arn| library.find(arn));
    object([
        ("kind", "managed".into()),
        ("name", policy.policy_name.clone().into()),
        ("arn", policy.policy_arn.clone().into()),
        ("document", document),
        ("partial", if partial { true.into() } else { Value::Null }),
    ])
}

/// An unknown document is said: it is not the same as no policy.
fn with_document(mut policy: Value) -> Value {
    if let Some(members) = policy.as_object_mut() {
        members.entry("document").or_insert(Value::Null);
    }
    policy
}

/// An instance profile hands a role to the machines that have it: instance → profile → role.
pub(super) fn instance_profile(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |profile: Profile| {
        let text = required(profile.arn, "Arn")?;
        let arn = Arn::parse(&text).ok_or_else(|| format!("{text:?} is not an ARN"))?;
        let subject = by_arn(AssetKind::CloudResource, &text);
        let notes = Notes::default()
            .set("aws.type", "instance-profile")
            .maybe("aws.unique_id", profile.instance_profile_id)
            .maybe("aws.path", profile.path)
            .time("aws.created", profile.create_date.as_ref())
            .tags(&profile.tags);
        let mut facts = Facts::of(&subject, profile.instance_profile_name.unwrap_or_default(), notes);
        facts.in_account(setting.owner(arn.owner()).as_deref(), &subject);
        for role in profile.roles.iter().filter_map(|role| role.arn.as_deref()) {
            let role = Arc::new(iam_identity(AssetKind::Role, role));
            facts.relation(RelationKind::RUNS_AS, &subject, &role);
        }
        Ok(facts)
    }));
}
