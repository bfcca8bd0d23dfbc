//! The data actions that are asked about, by kind of resource. It must not hold every action of a
//! service: one or two per level say whether the level is there.
//!
//! Source: AWS service authorization reference.

use serde::Serialize;

use crate::arn::Arn;

/// What a grant is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// See the data.
    Read,
    /// Change the data.
    Write,
    /// Change who may, or destroy the store.
    Admin,
}

/// On what the call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Itself,
    /// Something inside: `ARN/…`, an object of a bucket.
    Inside,
    /// A database user, by the id that the data plane knows the database by.
    DatabaseUser,
}

pub(super) struct DataAction {
    pub(super) name: &'static str,
    pub(super) level: Level,
    pub(super) shape: Shape,
    /// What the KMS key of the resource must allow too.
    pub(super) key: Option<&'static str>,
}

const DECRYPT: Option<&str> = Some("kms:Decrypt");
const ENCRYPT: Option<&str> = Some("kms:GenerateDataKey");

const fn read(name: &'static str, shape: Shape) -> DataAction {
    DataAction { name, level: Level::Read, shape, key: DECRYPT }
}

const fn write(name: &'static str, shape: Shape) -> DataAction {
    DataAction { name, level: Level::Write, shape, key: ENCRYPT }
}

const fn remove(name: &'static str, shape: Shape) -> DataAction {
    DataAction { name, level: Level::Write, shape, key: None }
}

const fn admin(name: &'static str) -> DataAction {
    DataAction { name, level: Level::Admin, shape: Shape::Itself, key: None }
}

/// Service and start of the resource part of the ARN, with the actions.
const TABLE: &[(&str, &str, &[DataAction])] = &[
    (
        "s3",
        "",
        &[
            read("s3:GetObject", Shape::Inside),
            write("s3:PutObject", Shape::Inside),
            remove("s3:DeleteObject", Shape::Inside),
            admin("s3:PutBucketPolicy"),
            admin("s3:DeleteBucket"),
        ],
    ),
    (
        "secretsmanager",
        "secret:",
        &[
            read("secretsmanager:GetSecretValue", Shape::Itself),
            write("secretsmanager:PutSecretValue", Shape::Itself),
            admin("secretsmanager:PutResourcePolicy"),
            admin("secretsmanager:DeleteSecret"),
        ],
    ),
    (
        "ssm",
        "parameter/",
        &[
            read("ssm:GetParameter", Shape::Itself),
            read("ssm:GetParameters", Shape::Itself),
            write("ssm:PutParameter", Shape::Itself),
            admin("ssm:DeleteParameter"),
        ],
    ),
    (
        "dynamodb",
        "table/",
        &[
            read("dynamodb:GetItem", Shape::Itself),
            read("dynamodb:Query", Shape::Itself),
            read("dynamodb:Scan", Shape::Itself),
            read("dynamodb:ExportTableToPointInTime", Shape::Itself),
            write("dynamodb:PutItem", Shape::Itself),
            write("dynamodb:UpdateItem", Shape::Itself),
            remove("dynamodb:DeleteItem", Shape::Itself),
            admin("dynamodb:PutResourcePolicy"),
            admin("dynamodb:DeleteTable"),
        ],
    ),
    (
        "kms",
        "key/",
        &[
            DataAction { key: None, ..read("kms:Decrypt", Shape::Itself) },
            DataAction { key: None, ..write("kms:Encrypt", Shape::Itself) },
            admin("kms:PutKeyPolicy"),
            admin("kms:CreateGrant"),
            admin("kms:ScheduleKeyDeletion"),
        ],
    ),
    (
        "rds",
        "db:",
        &[
            DataAction { key: None, ..read("rds-db:connect", Shape::DatabaseUser) },
            // Sets a new master password.
            admin("rds:ModifyDBInstance"),
            admin("rds:DeleteDBInstance"),
        ],
    ),
    (
        "rds",
        "cluster:",
        &[
            DataAction { key: None, ..read("rds-db:connect", Shape::DatabaseUser) },
            DataAction { key: None, ..write("rds-data:ExecuteStatement", Shape::Itself) },
            admin("rds:ModifyDBCluster"),
            admin("rds:DeleteDBCluster"),
        ],
    ),
    (
        "sqs",
        "",
        &[
            read("sqs:ReceiveMessage", Shape::Itself),
            write("sqs:SendMessage", Shape::Itself),
            admin("sqs:SetQueueAttributes"),
            admin("sqs:DeleteQueue"),
        ],
    ),
    (
        "sns",
        "",
        &[
            read("sns:Subscribe", Shape::Itself),
            write("sns:Publish", Shape::Itself),
            admin("sns:SetTopicAttributes"),
            admin("sns:DeleteTopic"),
        ],
    ),
    (
        "kinesis",
        "stream/",
        &[
            read("kinesis:GetRecords", Shape::Itself),
            write("kinesis:PutRecord", Shape::Itself),
            admin("kinesis:PutResourcePolicy"),
            admin("kinesis:DeleteStream"),
        ],
    ),
    (
        "ecr",
        "repository/",
        &[
            read("ecr:BatchGetImage", Shape::Itself),
            write("ecr:PutImage", Shape::Itself),
            admin("ecr:SetRepositoryPolicy"),
            admin("ecr:DeleteRepository"),
        ],
    ),
    (
        "elasticfilesystem",
        "file-system/",
        &[
            DataAction { key: None, ..read("elasticfilesystem:ClientMount", Shape::Itself) },
            DataAction { key: None, ..write("elasticfilesystem:ClientWrite", Shape::Itself) },
            admin("elasticfilesystem:PutFileSystemPolicy"),
            admin("elasticfilesystem:DeleteFileSystem"),
        ],
    ),
    (
        "es",
        "domain/",
        &[
            DataAction { key: None, ..read("es:ESHttpGet", Shape::Inside) },
            DataAction { key: None, ..write("es:ESHttpPost", Shape::Inside) },
            admin("es:UpdateDomainConfig"),
            admin("es:DeleteDomain"),
        ],
    ),
    (
        "lambda",
        "function:",
        &[
            // Returns where the code can be fetched.
            DataAction { key: None, ..read("lambda:GetFunction", Shape::Itself) },
            DataAction { key: None, ..write("lambda:InvokeFunction", Shape::Itself) },
            admin("lambda:UpdateFunctionCode"),
            admin("lambda:DeleteFunction"),
        ],
    ),
];

/// The actions that matter for the resource; none when it is of a kind that holds no data.
pub(super) fn data_actions(arn: &str) -> &'static [DataAction] {
    let Some(arn) = Arn::parse(arn) else { return &[] };
    TABLE
        .iter()
        .find(|(service, prefix, _)| *service == arn.service && arn.resource.starts_with(prefix))
        .map_or(&[], |(_, _, actions)| actions)
}
