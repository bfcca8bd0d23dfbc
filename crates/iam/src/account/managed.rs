//! AWS managed policies whose text is short and well known, for exports that name them without their
//! document. It must not hold approximations: a policy that is not here is unknown.
//!
//! Source: AWS managed policy reference guide.

use std::collections::BTreeMap;

use crate::arn::Arn;
use crate::policy::{Document, Kind};

pub(crate) const ADMINISTRATOR_ACCESS: &str = "AdministratorAccess";

/// Name (with the path below `policy/`), actions on `*`.
const KNOWN: &[(&str, &[&str])] = &[
    (ADMINISTRATOR_ACCESS, &["*"]),
    ("AmazonS3FullAccess", &["s3:*", "s3-object-lambda:*"]),
    (
        "AmazonS3ReadOnlyAccess",
        &["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"],
    ),
    (
        "service-role/AWSLambdaBasicExecutionRole",
        &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    ),
    (
        "IAMFullAccess",
        &[
            "iam:*",
            "organizations:DescribeAccount",
            "organizations:DescribeOrganization",
            "organizations:DescribeOrganizationalUnit",
            "organizations:DescribePolicy",
            "organizations:ListChildren",
            "organizations:ListParents",
            "organizations:ListPoliciesForTarget",
            "organizations:ListRoots",
            "organizations:ListPolicies",
            "organizations:ListTargetsForPolicy",
        ],
    ),
];

/// The documents of the known policies, by name.
pub(super) fn known_documents() -> BTreeMap<&'static str, Document> {
    KNOWN.iter().map(|(name, actions)| (*name, Document::allow(name, actions, &["*"]))).collect()
}

/// The document of a managed policy that no export brought along: known, or unknown.
pub(super) fn fallback(arn: &str) -> Document {
    let known = aws_policy(arn).and_then(|name| KNOWN.iter().find(|(known, _)| *known == name));
    match known {
        Some((name, actions)) => Document::allow(name, actions, &["*"]),
        None => Document::unreadable(arn, Kind::Identity),
    }
}

/// The name of a policy that AWS owns, which nobody can change: `arn:PARTITION:iam::aws:policy/NAME`.
pub(crate) fn aws_policy(arn: &str) -> Option<&str> {
    let arn = Arn::parse(arn)?;
    let name = arn.resource.strip_prefix("policy/")?;
    (arn.service == "iam" && arn.account == "aws").then_some(name)
}
