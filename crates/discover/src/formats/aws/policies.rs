//! Policy documents: managed policies, policies of resources, and the objects that are about one
//! bucket or one account.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bartizan_model::{AssetKind, Subject};
use serde::Deserialize;
use serde_json::Value;

use super::arn::{Arn, iam_identity, iam_name};
use super::facts::{Facts, List, Notes, Tag};
use super::{Held, Setting, by_arn, credential_report, data, managed, one, one_or_ignored, required};
use crate::{Header, Record};

/// Managed policies by ARN.
#[derive(Default)]
pub(super) struct Library(BTreeMap<String, Value>);

impl Library {
    /// The document of a policy, and whether it is only the essence of it. Null where it is not known.
    pub(super) fn find(&self, arn: &str) -> (Value, bool) {
        match self.0.get(arn) {
            Some(document) => (document.clone(), false),
            None => managed::essence(arn).unwrap_or((Value::Null, false)),
        }
    }
}

/// A managed policy (`get-account-authorization-details`, `iam list-policies`) or an organisation's
/// policy (`organizations list-policies`).
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Policy {
    arn: Option<String>,
    id: Option<String>,
    #[serde(alias = "Name")]
    policy_name: Option<String>,
    policy_id: Option<String>,
    path: Option<String>,
    description: Option<String>,
    #[serde(rename = "Type")]
    sort: Option<String>,
    aws_managed: Option<bool>,
    attachment_count: Option<u64>,
    default_version_id: Option<String>,
    policy_version_list: List<Version>,
    create_date: Option<Value>,
    update_date: Option<Value>,
    tags: List<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Version {
    version_id: Option<String>,
    is_default_version: Option<bool>,
    document: Option<Value>,
}

impl Policy {
    fn document(&self) -> Option<Value> {
        let versions = &self.policy_version_list;
        let default = versions
            .iter()
            .find(|version| version.is_default_version == Some(true))
            .or_else(|| versions.iter().find(|version| version.version_id == self.default_version_id))?;
        default.document.as_ref().map(document)
    }
}

/// Reads the listed policies and keeps their documents for those that they are attached to.
pub(super) fn read(held: Vec<Held>, records: &mut Vec<Record>) -> Library {
    let mut library = Library::default();
    for Held { at, json } in held {
        records.push(one_or_ignored(&at, &json, |policy: Policy| {
            let document = policy.document();
            let arn = required(policy.arn, "Arn")?;
            if let Some(document) = &document {
                library.0.insert(arn.clone(), document.clone());
            }
            let owner = Arn::parse(&arn).ok_or_else(|| format!("{arn:?} is not an ARN"))?;
            if owner.account == "aws" || policy.aws_managed == Some(true) {
                return Ok(Err("policy of AWS itself"));
            }
            let organization = owner.service == "organizations";
            let subject = by_arn(AssetKind::CloudResource, &arn);
            let notes = Notes::default()
                .set("aws.type", if organization { "organization-policy" } else { "managed-policy" })
                .maybe("aws.policy_type", policy.sort)
                .maybe("aws.unique_id", policy.policy_id.or(policy.id))
                .maybe("aws.path", policy.path)
                .maybe("aws.description", policy.description)
                .maybe("aws.attachments", policy.attachment_count)
                .maybe("aws.policy_document", document)
                .time("aws.created", policy.create_date.as_ref())
                .time("aws.updated", policy.update_date.as_ref())
                .tags(&policy.tags);
            let name = policy
                .policy_name
                .unwrap_or_else(|| owner.resource.rsplit('/').next().unwrap_or(owner.resource).to_owned());
            let mut facts = Facts::of(&subject, name, notes);
            facts.in_account(owner.owner(), &subject);
            Ok(Ok(facts))
        }));
    }
    library
}

/// A policy document as JSON. The service itself hands it out as text with `%` escapes; the AWS CLI
/// decodes it. What cannot be decoded is kept as it is, so that it is seen as unreadable.
pub(super) fn document(value: &Value) -> Value {
    let Value::String(text) = value else { return value.clone() };
    let decoded = if text.trim_start().starts_with('%') { unescape(text) } else { text.clone() };
    serde_json::from_str(&decoded).unwrap_or_else(|_| value.clone())
}

fn unescape(text: &str) -> String {
    let from = text.as_bytes();
    let mut bytes = Vec::with_capacity(from.len());
    let mut at = 0;
    while let Some(&byte) = from.get(at) {
        let digits = from.get(at + 1..at + 3).filter(|_| byte == b'%');
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads an object that is about one thing, from its members.
pub(super) fn single(
    setting: &Setting,
    parts: &BTreeMap<&str, String>,
    header: &mut Header,
    records: &mut Vec<Record>,
) {
    let part = |name: &str| parts.get(name).map(String::as_str);
    let text = |name: &str| part(name).and_then(|json| serde_json::from_str::<String>(json).ok());
    if let Some(json) = part("Policy") {
        records.push(one("Policy", json, |policy: Value| resource_policy(setting, header, &policy)));
    }
    if let Some(json) = part("ResourcePolicy") {
        records.push(one("ResourcePolicy", json, |policy: Value| {
            let arn = required(text("ARN"), "ARN")?;
            Ok(named_policy(&by_arn(kind_of(&arn), &arn), &document(&policy)))
        }));
    }
    for (name, read) in [
        ("PolicyStatus", data::policy_status as fn(&Arc<Subject>, Value) -> Facts),
        ("PublicAccessBlockConfiguration", data::public_access_block),
        ("Grants", data::grants),
    ] {
        if let Some(json) = part(name) {
            let bucket = data::bucket_of_file(setting, header);
            records.push(one(name, json, |value: Value| Ok(read(&bucket, value))));
        }
    }
    if let (Some(account), Some(arn)) = (text("Account"), text("Arn")) {
        records.push(caller(&account, &arn, text("UserId")));
    }
    if part("ReportFormat").is_some()
        && let Some(content) = text("Content")
    {
        if let Some(time) = text("GeneratedTime") {
            header.scanned_at = crate::time::parse(&time);
        }
        match data_encoding::BASE64.decode(content.trim().as_bytes()) {
            Ok(table) => {
                credential_report::rows(table.as_slice(), "Content ", &mut |record| records.push(record));
            }
            Err(error) => records.push(Record::rejected("Content", format!("it is not base64: {error}"))),
        }
    }
}

/// `sts get-caller-identity`: the account, and who asked.
fn caller(account: &str, arn: &str, id: Option<String>) -> Record {
    let subject = super::cloud_account(account);
    let mut facts = Facts::of(&subject, account, Notes::default());
    let notes = Notes::default().maybe("aws.unique_id", id);
    let who = match Arn::parse(arn) {
        Some(parts) if parts.service == "sts" => {
            // `assumed-role/ROLE/SESSION` has no path, so the role's ARN cannot be known from it.
            let role = parts.resource.split('/').nth(1).unwrap_or_default();
            (!role.is_empty())
                .then(|| (Subject::new(AssetKind::Role, [iam_name("role", role, account)]), Notes::default()))
        }
        Some(_) => Some((iam_identity(AssetKind::Account, arn), notes)),
        None => None,
    };
    if let Some((who, notes)) = who {
        let who = Arc::new(who);
        facts.asset(&who, None, notes);
        facts.in_account(Some(account), &who);
    }
    Record::observed("Account", facts.into_observations())
}

/// The member `Policy`: of a bucket, function, queue or key as text (`get-bucket-policy`,
/// `get-policy`), of an organisation (`describe-policy`) or of IAM (`get-policy`) as an object.
fn resource_policy(setting: &Setting, header: &mut Header, policy: &Value) -> Result<Facts, String> {
    if let Some(summary) = policy.get("PolicySummary") {
        let arn =
            required(summary.get("Arn").and_then(Value::as_str).map(str::to_owned), "PolicySummary.Arn")?;
        let notes = Notes::default()
            .set("aws.type", "organization-policy")
            .maybe("aws.policy_type", summary.get("Type").cloned())
            .maybe("aws.policy_document", policy.get("Content").map(document));
        let name = summary.get("Name").and_then(Value::as_str).unwrap_or_default();
        return Ok(Facts::of(&by_arn(AssetKind::CloudResource, &arn), name, notes));
    }
    if let Some(arn) = policy.get("Arn").and_then(Value::as_str) {
        let notes = Notes::default()
            .set("aws.type", "managed-policy")
            .maybe("aws.attachments", policy.get("AttachmentCount").cloned());
        let name = policy.get("PolicyName").and_then(Value::as_str).unwrap_or_default();
        return Ok(Facts::of(&by_arn(AssetKind::CloudResource, arn), name, notes));
    }
    let document = document(policy);
    if !document.is_object() {
        return Err("Policy is not a policy document".to_owned());
    }
    let subject = match owner(&document) {
        Some(arn) => by_arn(kind_of(&arn), &arn),
        None => data::bucket_of_file(setting, header),
    };
    Ok(named_policy(&subject, &document))
}

fn named_policy(subject: &Arc<Subject>, document: &Value) -> Facts {
    let name =
        subject.best().map(|identifier| identifier.value().rsplit(':').next().unwrap_or_default().to_owned());
    Facts::of(
        subject,
        name.unwrap_or_default(),
        Notes::default().set("aws.resource_policy", document.clone()),
    )
}

/// What carries a policy: the one thing that its statements name. `None` if they name several.
fn owner(document: &Value) -> Option<String> {
    let statements = match document.get("Statement")? {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let mut owners = BTreeSet::new();
    for resource in statements.iter().filter_map(|statement| statement.get("Resource")) {
        let names = match resource {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect::<Vec<_>>(),
        };
        for name in names {
            let arn = Arn::parse(name)?;
            let owner = if arn.service == "s3" {
                let bucket = arn.resource.split('/').next().unwrap_or_default();
                format!("arn:{}:s3:::{bucket}", arn.partition)
            } else {
                name.to_owned()
            };
            if owner.contains(['*', '?']) {
                return None;
            }
            owners.insert(owner);
        }
    }
    owners.pop_first().filter(|_| owners.is_empty())
}

/// What sort of thing an ARN names, as far as this reader knows it.
fn kind_of(text: &str) -> AssetKind {
    match Arn::parse(text).map(|arn| arn.service) {
        Some("s3" | "rds" | "dynamodb") => AssetKind::DataStore,
        Some("secretsmanager") => AssetKind::Credential,
        Some("lambda") => AssetKind::Workload,
        _ => AssetKind::CloudResource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_documents_are_read() {
        let escaped = Value::from("%7B%22Version%22%3A%222012-10-17%22%7D");
        assert_eq!(document(&escaped), serde_json::json!({"Version": "2012-10-17"}));
        assert_eq!(document(&"%7".into()), Value::from("%7"));
        assert_eq!(document(&"%é1".into()), Value::from("%é1"));
    }

    #[test]
    fn the_owner_of_a_policy_is_what_its_statements_name() {
        let of = |resource: Value| owner(&serde_json::json!({"Statement": {"Resource": resource}}));
        assert_eq!(
            of(serde_json::json!(["arn:aws:s3:::a", "arn:aws:s3:::a/*"])).as_deref(),
            Some("arn:aws:s3:::a")
        );
        assert_eq!(of(serde_json::json!(["arn:aws:s3:::a", "arn:aws:s3:::b/*"])), None);
        assert_eq!(of("*".into()), None);
    }
}
