//! What holds data: buckets, databases and their snapshots, secrets.

use std::sync::Arc;

use bartizan_model::{AssetKind, Identifier, RelationKind, Scheme, Subject};
use serde::Deserialize;
use serde_json::Value;

use super::arn::Arn;
use super::facts::{Facts, List, Notes, Tag, object};
use super::{Setting, by_arn, network, one, required};
use crate::{Header, Record};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Bucket {
    name: Option<String>,
    bucket_arn: Option<String>,
    bucket_region: Option<String>,
    creation_date: Option<Value>,
}

/// A bucket by its name. Names are unique in a partition; the list does not say which it is, and all
/// but the Chinese and the government's regions are one.
fn bucket_subject(name: &str) -> Arc<Subject> {
    by_arn(AssetKind::DataStore, &format!("arn:aws:s3:::{name}"))
}

pub(super) fn bucket(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |bucket: Bucket| {
        let name = required(bucket.name, "Name")?;
        let partition = bucket.bucket_region.as_deref().map_or("aws", super::arn::partition);
        let arn = bucket.bucket_arn.unwrap_or_else(|| format!("arn:{partition}:s3:::{name}"));
        let subject = by_arn(AssetKind::DataStore, &arn);
        let notes = Notes::default()
            .set("aws.type", "bucket")
            .maybe("aws.account_id", setting.account.clone())
            .maybe("aws.region", bucket.bucket_region)
            .time("aws.created", bucket.creation_date.as_ref());
        let mut facts = Facts::of(&subject, name, notes);
        facts.in_account(setting.account.as_deref(), &subject);
        Ok(facts)
    }));
}

/// The bucket that a file is about which does not name it: what a person named, else what the file's
/// name holds, as in `s3api-get-bucket-acl-NAME.json`.
pub(super) fn bucket_of_file(setting: &Setting, header: &mut Header) -> Arc<Subject> {
    if let Some(asset) =
        setting.context.asset.as_ref().filter(|asset| asset.kind() != AssetKind::CloudAccount)
    {
        return Arc::clone(asset);
    }
    if let Some(name) = bucket_in_name(&setting.context.name) {
        return bucket_subject(name);
    }
    crate::target::named(setting.context, header, AssetKind::DataStore)
}

/// `s3api-get-bucket-acl-NAME`, `get-bucket-policy_NAME`, `NAME.bucket-policy`.
fn bucket_in_name(file: &str) -> Option<&str> {
    // Longer ones first: one contains another.
    const MARKS: [&str; 4] = ["bucket-policy-status", "public-access-block", "bucket-policy", "bucket-acl"];
    const BORDERS: [char; 4] = ['-', '_', '.', ' '];
    let (before, after) = MARKS.iter().find_map(|mark| file.split_once(mark))?;
    let before = before.trim_end_matches(BORDERS);
    let before = before.strip_suffix("get").unwrap_or(before).trim_end_matches(BORDERS);
    let before = before.strip_suffix("s3api").unwrap_or(before).trim_end_matches(BORDERS);
    [after.trim_start_matches(BORDERS), before].into_iter().find(|name| is_bucket_name(name))
}

/// S3 user guide, "Bucket naming rules": 3 to 63 of lower-case letters, digits, dots and hyphens.
fn is_bucket_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
}

fn of_bucket(bucket: &Arc<Subject>, notes: Notes) -> Facts {
    let mut facts = Facts::default();
    facts.asset(bucket, None, notes);
    facts
}

pub(super) fn policy_status(bucket: &Arc<Subject>, status: Value) -> Facts {
    of_bucket(bucket, Notes::default().maybe("aws.policy_is_public", status.get("IsPublic").cloned()))
}

pub(super) fn public_access_block(bucket: &Arc<Subject>, block: Value) -> Facts {
    let member = |name: &str| block.get(name).cloned().unwrap_or(Value::Null);
    let block = object([
        ("block_public_acls", member("BlockPublicAcls")),
        ("ignore_public_acls", member("IgnorePublicAcls")),
        ("block_public_policy", member("BlockPublicPolicy")),
        ("restrict_public_buckets", member("RestrictPublicBuckets")),
    ]);
    of_bucket(bucket, Notes::default().set("aws.public_access_block", block))
}

/// Groups that AWS predefines stand for everybody, or for everybody with any AWS account (S3 user
/// guide, "Access control list overview").
pub(super) fn grants(bucket: &Arc<Subject>, grants: Value) -> Facts {
    let mut list = Vec::new();
    let mut public = false;
    for grant in grants.as_array().into_iter().flatten() {
        let grantee = grant.get("Grantee");
        let text = |name: &str| grantee.and_then(|grantee| grantee.get(name)).and_then(Value::as_str);
        let group = text("URI").map(|uri| uri.rsplit('/').next().unwrap_or(uri));
        public |= matches!(group, Some("AllUsers" | "AuthenticatedUsers"));
        list.push(object([
            ("group", group.into()),
            ("canonical_id", text("ID").into()),
            ("permission", grant.get("Permission").cloned().unwrap_or_default()),
        ]));
    }
    of_bucket(bucket, Notes::default().set("aws.acl", list).set("aws.acl_is_public", public))
}

/// A database instance or cluster: the fields have the same names, but for their first parts.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Database {
    #[serde(rename = "DBInstanceArn", alias = "DBClusterArn")]
    arn: Option<String>,
    #[serde(rename = "DBInstanceIdentifier")]
    identifier: Option<String>,
    /// Of an instance, too: the cluster that it belongs to.
    #[serde(rename = "DBClusterIdentifier")]
    cluster_identifier: Option<String>,
    /// What connecting as an IAM user is granted on (`rds-db:connect`).
    #[serde(rename = "DbiResourceId", alias = "DbClusterResourceId")]
    resource_id: Option<String>,
    #[serde(rename = "DBInstanceStatus", alias = "Status")]
    status: Option<String>,
    engine: Option<String>,
    engine_version: Option<String>,
    /// An object for instances, a name for clusters.
    endpoint: Option<Value>,
    reader_endpoint: Option<String>,
    port: Option<u16>,
    master_username: Option<String>,
    publicly_accessible: Option<bool>,
    storage_encrypted: Option<bool>,
    kms_key_id: Option<String>,
    #[serde(rename = "IAMDatabaseAuthenticationEnabled")]
    iam_authentication: Option<bool>,
    deletion_protection: Option<bool>,
    vpc_security_groups: List<SecurityGroup>,
    #[serde(rename = "DBSubnetGroup")]
    subnet_group: Option<Value>,
    #[serde(rename = "DBClusterMembers")]
    members: List<Member>,
    tag_list: List<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct SecurityGroup {
    vpc_security_group_id: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Member {
    #[serde(rename = "DBInstanceIdentifier")]
    identifier: Option<String>,
}

pub(super) fn database(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |database: Database| say_database(setting, "database", database)));
}

pub(super) fn cluster(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |cluster: Database| say_database(setting, "database-cluster", cluster)));
}

fn say_database(setting: &Setting, sort: &str, database: Database) -> Result<Facts, String> {
    let text = required(database.arn, if sort == "database" { "DBInstanceArn" } else { "DBClusterArn" })?;
    let arn = Arn::parse(&text).ok_or_else(|| format!("{text:?} is not an ARN"))?;
    let (address, endpoint_port) = match &database.endpoint {
        Some(Value::String(name)) => (Some(name.as_str()), None),
        Some(endpoint) => (
            endpoint.get("Address").and_then(Value::as_str),
            endpoint.get("Port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok()),
        ),
        None => (None, None),
    };
    let names = [address, database.reader_endpoint.as_deref()];
    let names = names.into_iter().flatten().map(|name| Identifier::new(Scheme::Fqdn, name));
    let identifiers = names.chain([Identifier::new(Scheme::AwsArn, &text)]);
    let subject = Arc::new(Subject::new(AssetKind::DataStore, identifiers));

    let groups: Vec<&str> = database
        .vpc_security_groups
        .iter()
        .filter(|group| group.status.as_deref() != Some("removed"))
        .filter_map(|group| group.vpc_security_group_id.as_deref())
        .collect();
    let subnets: Vec<&str> = database
        .subnet_group
        .as_ref()
        .and_then(|group| group.get("Subnets"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|subnet| subnet.get("SubnetIdentifier").and_then(Value::as_str))
        .collect();
    let vpc = database.subnet_group.as_ref().and_then(|group| group.get("VpcId")).cloned();
    let notes = Notes::default()
        .set("aws.type", sort)
        .maybe("aws.region", Some(arn.region))
        .maybe("aws.resource_id", database.resource_id)
        .maybe("aws.status", database.status)
        .maybe("aws.engine", database.engine)
        .maybe("aws.engine_version", database.engine_version)
        .maybe("aws.endpoint", address)
        .maybe("port", endpoint_port.or(database.port))
        .maybe("aws.master_user", database.master_username)
        .maybe("aws.publicly_accessible", database.publicly_accessible)
        .maybe("aws.encrypted", database.storage_encrypted)
        .maybe("aws.kms_key", database.kms_key_id)
        .maybe("aws.iam_authentication", database.iam_authentication)
        .maybe("aws.deletion_protection", database.deletion_protection)
        .maybe("aws.vpc_id", vpc)
        .list("aws.security_groups", groups.iter().copied())
        .tags(&database.tag_list);
    let name = database.identifier.as_ref().or(database.cluster_identifier.as_ref()).cloned();
    let mut facts = Facts::of(&subject, name.unwrap_or_default(), notes);
    facts.in_account(setting.owner(arn.owner()).as_deref(), &subject);
    if let (Some(_), Some(cluster)) = (&database.identifier, &database.cluster_identifier) {
        let cluster = by_arn(AssetKind::DataStore, &database_arn(&arn, "cluster", cluster));
        facts.relation(RelationKind::CONTAINS, &cluster, &subject);
    }
    network::place(&mut facts, &subject, None, groups);
    // It stands in one of them and may move to another.
    for subnet in subnets {
        network::place(&mut facts, &subject, Some(subnet), []);
    }
    for member in database.members.iter().filter_map(|member| member.identifier.as_deref()) {
        let member = database_arn(&arn, "db", member);
        facts.relation(RelationKind::CONTAINS, &subject, &by_arn(AssetKind::DataStore, &member));
    }
    Ok(facts)
}

/// The ARN of another database of the same account and region.
fn database_arn(arn: &Arn<'_>, sort: &str, name: &str) -> String {
    format!("arn:{}:rds:{}:{}:{sort}:{name}", arn.partition, arn.region, arn.account)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Snapshot {
    #[serde(rename = "DBSnapshotArn")]
    arn: Option<String>,
    #[serde(rename = "DBSnapshotIdentifier")]
    identifier: Option<String>,
    #[serde(rename = "DBInstanceIdentifier")]
    database: Option<String>,
    engine: Option<String>,
    encrypted: Option<bool>,
    kms_key_id: Option<String>,
    snapshot_type: Option<String>,
    status: Option<String>,
    snapshot_create_time: Option<Value>,
    tag_list: List<Tag>,
}

/// A snapshot holds the data of its database as it was: whoever may restore it has them.
pub(super) fn snapshot(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |snapshot: Snapshot| {
        let text = required(snapshot.arn, "DBSnapshotArn")?;
        let arn = Arn::parse(&text).ok_or_else(|| format!("{text:?} is not an ARN"))?;
        let subject = by_arn(AssetKind::DataStore, &text);
        let notes = Notes::default()
            .set("aws.type", "database-snapshot")
            .maybe("aws.region", Some(arn.region))
            .maybe("aws.snapshot_of", snapshot.database.map(|name| database_arn(&arn, "db", &name)))
            .maybe("aws.snapshot_type", snapshot.snapshot_type)
            .maybe("aws.status", snapshot.status)
            .maybe("aws.engine", snapshot.engine)
            .maybe("aws.encrypted", snapshot.encrypted)
            .maybe("aws.kms_key", snapshot.kms_key_id)
            .time("aws.created", snapshot.snapshot_create_time.as_ref())
            .tags(&snapshot.tag_list);
        let mut facts = Facts::of(&subject, snapshot.identifier.unwrap_or_default(), notes);
        facts.in_account(setting.owner(arn.owner()).as_deref(), &subject);
        Ok(facts)
    }));
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Secret {
    #[serde(rename = "ARN")]
    arn: Option<String>,
    name: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    rotation_enabled: Option<bool>,
    last_rotated_date: Option<Value>,
    last_changed_date: Option<Value>,
    last_accessed_date: Option<Value>,
    created_date: Option<Value>,
    owning_service: Option<String>,
    tags: List<Tag>,
}

pub(super) fn secret(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |secret: Secret| {
        let text = required(secret.arn, "ARN")?;
        let arn = Arn::parse(&text).ok_or_else(|| format!("{text:?} is not an ARN"))?;
        let subject = by_arn(AssetKind::Credential, &text);
        let notes = Notes::default()
            .set("aws.type", "secret")
            .maybe("aws.region", Some(arn.region))
            .maybe("aws.description", secret.description)
            .maybe("aws.kms_key", secret.kms_key_id)
            .maybe("aws.rotation_enabled", secret.rotation_enabled)
            .maybe("aws.owning_service", secret.owning_service)
            .time("aws.last_rotated", secret.last_rotated_date.as_ref())
            .time("aws.last_changed", secret.last_changed_date.as_ref())
            .time("aws.last_accessed", secret.last_accessed_date.as_ref())
            .time("aws.created", secret.created_date.as_ref())
            .tags(&secret.tags);
        let mut facts = Facts::of(&subject, secret.name.unwrap_or_default(), notes);
        facts.in_account(setting.owner(arn.owner()).as_deref(), &subject);
        Ok(facts)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_named_by_files() {
        for (file, bucket) in [
            ("s3api-get-bucket-acl-customer-exports", Some("customer-exports")),
            ("get-bucket-policy-status_static.example.com", Some("static.example.com")),
            ("customer-exports-public-access-block", Some("customer-exports")),
            ("get-bucket-acl", None),
            ("exports", None),
        ] {
            assert_eq!(bucket_in_name(file), bucket, "{file}");
        }
    }
}
