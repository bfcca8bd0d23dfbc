//! Reads the JSON of `aws iam get-account-authorization-details`, one page or many, one account or
//! several. It must not reject a file for one odd record.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Estate, Group, LastUsed, ManagedPolicy, PolicyVersion, Role, User};
use crate::arn::Arn;
use crate::error::{Error, Result};
use crate::policy::{Document, Kind, Problem};

const LISTS: [&str; 4] = ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"];

impl Estate {
    /// Reads pages of authorization details and merges them: each page is an object with
    /// `UserDetailList`, `GroupDetailList`, `RoleDetailList` and `Policies` (any may be missing), or a
    /// list of such objects. Records that come twice are taken once.
    ///
    /// Fails when a page holds none of the four lists; a bad record is a problem and the rest is read.
    pub fn from_authorization_details<'a>(
        pages: impl IntoIterator<Item = &'a Value>,
    ) -> Result<(Self, Vec<Problem>)> {
        let mut reader = Reader::default();
        for page in pages {
            match page {
                Value::Array(list) if !list.is_empty() => {
                    for page in list {
                        reader.page(page)?;
                    }
                }
                page => reader.page(page)?,
            }
        }
        Ok((reader.estate, reader.problems))
    }

    /// As [`Estate::from_authorization_details`], from the text of one file: one document, or one page
    /// after the other as a paging shell loop writes them.
    pub fn parse_authorization_details(text: &str) -> Result<(Self, Vec<Problem>)> {
        let text = text.trim_start_matches('\u{feff}');
        let pages = serde_json::Deserializer::from_str(text)
            .into_iter::<Value>()
            .collect::<std::result::Result<Vec<Value>, _>>()?;
        if pages.is_empty() {
            return Err(Error::NotAuthorizationDetails);
        }
        Self::from_authorization_details(&pages)
    }

    /// Adds another estate; records with an ARN that is there already are dropped.
    pub fn merge(&mut self, other: Self) {
        fn add<T>(into: &mut Vec<T>, from: Vec<T>, arn: impl Fn(&T) -> &String) {
            let have: BTreeSet<String> = into.iter().map(|item| arn(item).clone()).collect();
            into.extend(from.into_iter().filter(|item| !have.contains(arn(item))));
        }
        add(&mut self.users, other.users, |user| &user.arn);
        add(&mut self.groups, other.groups, |group| &group.arn);
        add(&mut self.roles, other.roles, |role| &role.arn);
        add(&mut self.policies, other.policies, |policy| &policy.arn);
        add(&mut self.resources, other.resources, |resource| &resource.arn);
        match (&mut self.compute, other.compute) {
            (Some(have), Some(more)) => add(have, more, |compute| &compute.arn),
            (have @ None, more) => *have = more,
            (Some(_), None) => {}
        }
        for (account, controls) in other.organization {
            self.organization.entry(account).or_insert(controls);
        }
    }
}

#[derive(Default)]
struct Reader {
    estate: Estate,
    problems: Vec<Problem>,
    seen: BTreeSet<String>,
}

impl Reader {
    fn page(&mut self, page: &Value) -> Result<()> {
        let Some(page) = page.as_object() else { return Err(Error::NotAuthorizationDetails) };
        if !LISTS.iter().any(|list| page.contains_key(*list)) {
            return Err(Error::NotAuthorizationDetails);
        }
        for list in LISTS {
            let records = match page.get(list) {
                None | Some(Value::Null) => continue,
                Some(Value::Array(records)) => records,
                Some(_) => {
                    self.problem(list, "not a list");
                    continue;
                }
            };
            for (index, record) in records.iter().enumerate() {
                let at = format!("{list}[{index}]");
                let Some(record) = record.as_object() else {
                    self.problem(&at, "not an object");
                    continue;
                };
                let Some(arn) = text(record, "Arn").filter(|arn| Arn::parse(arn).is_some()) else {
                    self.problem(&at, "no ARN");
                    continue;
                };
                // Pages of one export overlap when something changed while it ran.
                if !self.seen.insert(arn.to_owned()) {
                    continue;
                }
                match list {
                    "UserDetailList" => self.user(arn, record),
                    "GroupDetailList" => self.group(arn, record),
                    "RoleDetailList" => self.role(arn, record),
                    _ => self.policy(arn, record),
                }
            }
        }
        Ok(())
    }

    fn problem(&mut self, at: &str, message: &str) {
        self.problems.push(Problem { at: at.to_owned(), message: message.to_owned() });
    }

    fn user(&mut self, arn: &str, record: &Map<String, Value>) {
        let groups = match record.get("GroupList") {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let user = User {
            arn: arn.to_owned(),
            name: name(arn, record, "UserName"),
            id: text(record, "UserId").map(str::to_owned),
            groups,
            inline: self.inline(arn, record, "UserPolicyList"),
            attached: self.attached(arn, record),
            boundary: self.boundary(arn, record),
            tags: tags(record),
            has_password: None,
        };
        self.estate.users.push(user);
    }

    fn group(&mut self, arn: &str, record: &Map<String, Value>) {
        let group = Group {
            arn: arn.to_owned(),
            name: name(arn, record, "GroupName"),
            inline: self.inline(arn, record, "GroupPolicyList"),
            attached: self.attached(arn, record),
        };
        self.estate.groups.push(group);
    }

    fn role(&mut self, arn: &str, record: &Map<String, Value>) {
        let trust_name = format!("trust policy of {}", short(arn));
        let trust = if let Some(value) = record.get("AssumeRolePolicyDocument") {
            self.document(&trust_name, Kind::Trust, value)
        } else {
            self.problem(arn, "no AssumeRolePolicyDocument");
            Document::unreadable(&trust_name, Kind::Trust)
        };
        let instance_profiles = match record.get("InstanceProfileList") {
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(|profile| profile.get("Arn").or_else(|| profile.get("InstanceProfileName")))
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => Vec::new(),
        };
        let role = Role {
            arn: arn.to_owned(),
            name: name(arn, record, "RoleName"),
            id: text(record, "RoleId").map(str::to_owned),
            trust,
            instance_profiles,
            inline: self.inline(arn, record, "RolePolicyList"),
            attached: self.attached(arn, record),
            boundary: self.boundary(arn, record),
            tags: tags(record),
            last_used: last_used(record),
        };
        self.estate.roles.push(role);
    }

    fn policy(&mut self, arn: &str, record: &Map<String, Value>) {
        let default = text(record, "DefaultVersionId");
        let mut versions = Vec::new();
        let policy_name = name(arn, record, "PolicyName");
        if let Some(Value::Array(list)) = record.get("PolicyVersionList") {
            for (index, version) in list.iter().enumerate() {
                let at = format!("{arn}.PolicyVersionList[{index}]");
                let Some(version) = version.as_object() else {
                    self.problem(&at, "not an object");
                    continue;
                };
                let id = text(version, "VersionId").unwrap_or_default();
                let is_default = match version.get("IsDefaultVersion") {
                    Some(Value::Bool(value)) => *value,
                    _ => default.is_some_and(|default| default == id),
                };
                let document = if let Some(value) = version.get("Document") {
                    self.document(&policy_name, Kind::Identity, value)
                } else {
                    self.problem(&at, "no Document");
                    Document::unreadable(&policy_name, Kind::Identity)
                };
                versions.push(PolicyVersion { id: id.to_owned(), default: is_default, document });
            }
        }
        let policy = ManagedPolicy { arn: arn.to_owned(), name: policy_name, versions, tags: tags(record) };
        self.estate.policies.push(policy);
    }

    fn document(&mut self, name: &str, kind: Kind, value: &Value) -> Document {
        let (document, problems) = Document::read(name, kind, value);
        self.problems.extend(problems);
        document
    }

    fn inline(&mut self, arn: &str, record: &Map<String, Value>, list: &str) -> Vec<Document> {
        let mut documents = Vec::new();
        if let Some(Value::Array(policies)) = record.get(list) {
            for (index, policy) in policies.iter().enumerate() {
                let name = policy.get("PolicyName").and_then(Value::as_str).unwrap_or("unnamed");
                if let Some(value) = policy.get("PolicyDocument") {
                    documents.push(self.document(name, Kind::Identity, value));
                } else {
                    self.problem(&format!("{arn}.{list}[{index}]"), "no PolicyDocument");
                    documents.push(Document::unreadable(name, Kind::Identity));
                }
            }
        }
        documents
    }

    fn attached(&mut self, arn: &str, record: &Map<String, Value>) -> Vec<String> {
        let mut attached = Vec::new();
        if let Some(Value::Array(list)) = record.get("AttachedManagedPolicies") {
            for (index, policy) in list.iter().enumerate() {
                if let Some(policy) = policy.get("PolicyArn").and_then(Value::as_str) {
                    attached.push(policy.to_owned());
                } else {
                    self.problem(&format!("{arn}.AttachedManagedPolicies[{index}]"), "no PolicyArn");
                }
            }
        }
        attached
    }

    fn boundary(&mut self, arn: &str, record: &Map<String, Value>) -> Option<String> {
        let boundary = record.get("PermissionsBoundary").filter(|value| match value {
            Value::Null => false,
            Value::Object(object) => !object.is_empty(),
            _ => true,
        })?;
        let named = boundary
            .get("PermissionsBoundaryArn")
            .or(Some(boundary))
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty());
        if named.is_none() {
            self.problem(&format!("{arn}.PermissionsBoundary"), "no PermissionsBoundaryArn");
        }
        // A boundary that cannot be named still bounds: an ARN that no policy has makes it unknown.
        Some(named.unwrap_or("unreadable boundary").to_owned())
    }
}

fn text<'a>(record: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    record.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn name(arn: &str, record: &Map<String, Value>, key: &str) -> String {
    text(record, key).map_or_else(|| short(arn).to_owned(), str::to_owned)
}

fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// `None` when the record says nothing of tags.
fn tags(record: &Map<String, Value>) -> Option<BTreeMap<String, String>> {
    let list = record.get("Tags")?.as_array()?;
    let pair = |tag: &Value| {
        let key = tag.get("Key").and_then(Value::as_str)?;
        Some((key.to_owned(), tag.get("Value").and_then(Value::as_str).unwrap_or_default().to_owned()))
    };
    Some(list.iter().filter_map(pair).collect())
}

/// The date is text from the CLI, a number from some SDKs; an empty object means never.
fn last_used(record: &Map<String, Value>) -> LastUsed {
    match record.get("RoleLastUsed") {
        Some(Value::Object(used)) => match used.get("LastUsedDate") {
            Some(Value::String(date)) => LastUsed::At(date.clone()),
            Some(Value::Number(date)) => LastUsed::At(date.to_string()),
            Some(Value::Null) | None => LastUsed::Never,
            Some(_) => LastUsed::Unknown,
        },
        _ => LastUsed::Unknown,
    }
}
