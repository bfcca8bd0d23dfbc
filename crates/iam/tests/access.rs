//! Who can assume which role, and who may touch which data.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use bartizan_iam::{Access, Document, Estate, Grant, Kind, Level, Outcome, Resource, ResourcePolicy};
use serde_json::{Value, json};
use support::*;

const BUCKET: &str = "arn:aws:s3:::reports";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1";

fn policy(statements: Value) -> ResourcePolicy {
    let (document, problems) = Document::read("resource-policy", Kind::Resource, &document(statements));
    assert_eq!(problems, []);
    ResourcePolicy::Is(document)
}

fn bucket(policy: ResourcePolicy) -> Resource {
    Resource { arn: BUCKET.into(), account: Some(ACCOUNT.into()), policy, ..Resource::default() }
}

fn with(details: &Details, resources: Vec<Resource>) -> Estate {
    Estate { resources, ..details.estate() }
}

/// Level, action and outcome of each grant.
fn brief(grants: &[Grant]) -> Vec<(Level, &'static str, Outcome)> {
    grants.iter().map(|grant| (grant.level, grant.action, grant.decision.outcome)).collect()
}

fn grants(estate: &Estate, who: &str, what: &str) -> Vec<(Level, &'static str, Outcome)> {
    let access = Access::new(estate);
    let grants = access.grants(who, what);
    // Both ways of asking give the same.
    assert_eq!(access.grants_on(what).get(who).cloned().unwrap_or_default(), grants);
    brief(&grants)
}

#[test]
fn grants_on_a_bucket() {
    let eve = |statements: Value| Details::new().user("eve", statements);
    let get = (Level::Read, "s3:GetObject", Outcome::Allow);
    let all = json!([allow(json!("s3:*"), json!("*"))]);
    let stop =
        json!([{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": format!("{BUCKET}/*")}]);
    let open = json!([{"Effect": "Allow", "Principal": {"AWS": user_arn("eve")}, "Action": "s3:GetObject", "Resource": format!("{BUCKET}/*")}]);
    let vpc = json!([{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}]);
    let tls = json!([{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]);
    let count = |statements: Value, policy: ResourcePolicy| {
        grants(&with(&eve(statements), vec![bucket(policy)]), &user_arn("eve"), BUCKET)
    };
    assert_eq!(count(json!([allow(json!("s3:Get*"), json!("*"))]), ResourcePolicy::None), [get]);
    // A part of the bucket is enough.
    let part = json!([allow(json!("s3:Get*"), json!(format!("{BUCKET}/2026/*.csv")))]);
    assert_eq!(count(part, ResourcePolicy::None), [get]);
    let other = json!([allow(json!("s3:Get*"), json!("arn:aws:s3:::reports-old/*"))]);
    assert_eq!(count(other, ResourcePolicy::None), []);
    // The bucket itself has no objects.
    assert_eq!(count(json!([allow(json!("s3:Get*"), json!(BUCKET))]), ResourcePolicy::None), []);
    assert_eq!(count(all.clone(), ResourcePolicy::None).len(), 5);
    assert_eq!(count(json!([]), policy(open)), [get]);
    let left: Vec<_> = count(all.clone(), policy(stop)).into_iter().map(|grant| grant.0).collect();
    assert_eq!(left, [Level::Admin, Level::Admin]);
    assert_eq!(count(all.clone(), policy(tls)).len(), 5);
    assert_eq!(count(all.clone(), policy(vpc))[0], (Level::Read, "s3:GetObject", Outcome::Unknown));
    assert!(count(all, ResourcePolicy::Unknown).iter().all(|grant| grant.2 == Outcome::Unknown));
    assert_eq!(count(json!([]), ResourcePolicy::None), []);
}

#[test]
fn encrypted_data_needs_the_key() {
    let eve = |statements: Value| Details::new().user("eve", statements);
    let root = json!([{"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "kms:*", "Resource": "*"}]);
    let via = json!([{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*",
        "Condition": {"StringEquals": {"kms:CallerAccount": ACCOUNT, "kms:ViaService": "s3.eu-central-1.amazonaws.com"}}}]);
    let encrypted = || Resource { kms_key: Some(KEY.into()), ..bucket(ResourcePolicy::None) };
    let key = |statements: &Value| Resource {
        arn: KEY.into(),
        policy: policy(statements.clone()),
        ..Resource::default()
    };
    let read = json!([allow(json!("s3:GetObject"), json!("*"))]);
    let both = json!([allow(json!(["s3:GetObject", "kms:Decrypt"]), json!("*"))]);
    let ask = |statements: &Value, resources: Vec<Resource>| {
        let estate = with(&eve(statements.clone()), resources);
        grants(&estate, &user_arn("eve"), BUCKET).first().map(|grant| grant.2)
    };
    assert_eq!(ask(&read, vec![encrypted(), key(&root)]), None);
    assert_eq!(ask(&both, vec![encrypted(), key(&root)]), Some(Outcome::Allow));
    assert_eq!(ask(&read, vec![encrypted(), key(&via)]), Some(Outcome::Allow));
    assert_eq!(ask(&both, vec![encrypted(), key(&json!([]))]), None);
    // Nobody read the key's policy.
    assert_eq!(ask(&both, vec![encrypted()]), Some(Outcome::Unknown));
    // The key itself: its policy must allow.
    let on_key = |statements: Value, policy: &Value| {
        grants(&with(&eve(statements), vec![key(policy)]), &user_arn("eve"), KEY)
    };
    let decrypt = json!([allow(json!("kms:Decrypt"), json!("*"))]);
    assert_eq!(on_key(decrypt.clone(), &root), [(Level::Read, "kms:Decrypt", Outcome::Allow)]);
    assert_eq!(on_key(decrypt, &json!([])), []);
}

#[test]
fn grants_across_accounts() {
    let secret = "arn:aws:secretsmanager:eu-central-1:999988887777:secret:db-AbCdEf";
    let eve = Details::new().user("eve", json!([allow(json!("secretsmanager:*"), json!("*"))]));
    let to = json!([{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]);
    let resource = |policy| Resource { arn: secret.into(), policy, ..Resource::default() };
    let ask = |policy| grants(&with(&eve, vec![resource(policy)]), &user_arn("eve"), secret);
    assert_eq!(ask(ResourcePolicy::None), []);
    assert_eq!(ask(policy(to)), [(Level::Read, "secretsmanager:GetSecretValue", Outcome::Allow)]);
}

#[test]
fn other_kinds_of_data() {
    for (arn, action, level) in [
        (
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf",
            "secretsmanager:GetSecretValue",
            Level::Read,
        ),
        ("arn:aws:ssm:eu-central-1:111122223333:parameter/db/password", "ssm:GetParameter", Level::Read),
        ("arn:aws:dynamodb:eu-central-1:111122223333:table/orders", "dynamodb:PutItem", Level::Write),
        ("arn:aws:rds:eu-central-1:111122223333:db:main", "rds:ModifyDBInstance", Level::Admin),
        ("arn:aws:rds:eu-central-1:111122223333:cluster:main", "rds-data:ExecuteStatement", Level::Write),
        ("arn:aws:sqs:eu-central-1:111122223333:jobs", "sqs:ReceiveMessage", Level::Read),
        ("arn:aws:sns:eu-central-1:111122223333:news", "sns:Publish", Level::Write),
        ("arn:aws:kinesis:eu-central-1:111122223333:stream/events", "kinesis:GetRecords", Level::Read),
        ("arn:aws:ecr:eu-central-1:111122223333:repository/app", "ecr:PutImage", Level::Write),
        (
            "arn:aws:elasticfilesystem:eu-central-1:111122223333:file-system/fs-1",
            "elasticfilesystem:ClientMount",
            Level::Read,
        ),
        ("arn:aws:es:eu-central-1:111122223333:domain/logs", "es:ESHttpGet", Level::Read),
        ("arn:aws:lambda:eu-central-1:111122223333:function:report", "lambda:InvokeFunction", Level::Write),
    ] {
        let details = Details::new().user("eve", json!([allow(json!(action), json!("*"))]));
        let estate = with(&details, vec![Resource { arn: arn.into(), ..Resource::default() }]);
        assert_eq!(grants(&estate, &user_arn("eve"), arn), [(level, action, Outcome::Allow)], "{arn}");
    }
    // Databases go by another name where users sign in.
    let db = "arn:aws:rds:eu-central-1:111122223333:db:main";
    let connect = |id: &str| {
        let user = format!("arn:aws:rds-db:eu-central-1:111122223333:dbuser:{id}/app");
        let details = Details::new().user("eve", json!([allow(json!("rds-db:connect"), json!(user))]));
        let resource = Resource { arn: db.into(), data_id: Some("db-ABC".into()), ..Resource::default() };
        grants(&with(&details, vec![resource]), &user_arn("eve"), db)
    };
    assert_eq!(connect("db-ABC"), [(Level::Read, "rds-db:connect", Outcome::Allow)]);
    assert_eq!(connect("db-XYZ"), []);
}

#[test]
fn assumptions() {
    let details = Details::new()
        .user("eve", json!([allow(json!("sts:AssumeRole"), json!("*"))]))
        .user("bob", json!([]))
        .role("by-account", json!({"AWS": ACCOUNT}), json!([]))
        .role("by-name", json!({"AWS": [user_arn("bob"), "arn:aws:iam::999988887777:root"]}), json!([]))
        .role("by-id", json!({"AWS": "AIDABOB"}), json!([]))
        .role("service", json!({"Service": "ec2.amazonaws.com"}), json!([]))
        .role_with_trust(
            "guarded",
            json!([{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "42"}}}]),
            json!([]),
        );
    let estate = details.estate();
    let found: Vec<(String, String, Outcome)> = Access::new(&estate)
        .assumptions()
        .into_iter()
        .map(|one| (one.principal, one.role, one.decision.outcome))
        .collect();
    assert_eq!(
        found,
        [
            (user_arn("bob"), role_arn("by-id"), Outcome::Allow),
            (user_arn("bob"), role_arn("by-name"), Outcome::Allow),
            (user_arn("eve"), role_arn("by-account"), Outcome::Allow),
            (user_arn("eve"), role_arn("guarded"), Outcome::Unknown),
        ]
    );
}
