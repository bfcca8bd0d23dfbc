//! The estate that is asked about: principals, managed policies, resources with their policies. It must
//! not decide anything: it says what stands where. Built from parts by the caller, or from the JSON of
//! `aws iam get-account-authorization-details` ([`Estate::from_authorization_details`]).

mod details;
mod index;
mod managed;

use std::collections::BTreeMap;

use crate::policy::Document;

pub(crate) use index::{ADMINISTRATOR, Index, Principal, PrincipalKind, Source, tag_keys};
pub(crate) use managed::{ADMINISTRATOR_ACCESS, aws_policy};

/// Everything known of one or more accounts. Lists may be in any order; the answers do not depend on it.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    pub users: Vec<User>,
    pub groups: Vec<Group>,
    pub roles: Vec<Role>,
    /// Managed policies, of AWS and of the customer.
    pub policies: Vec<ManagedPolicy>,
    /// What principals may act on and carries, or could carry, a policy of its own.
    pub resources: Vec<Resource>,
    /// What runs under a role. `None`: nobody listed it, so methods that need an existing instance or
    /// function stay unknown where the role was used; `Some`: this is all there is.
    pub compute: Option<Vec<Compute>>,
    /// Organisation policies by account number.
    pub organization: BTreeMap<String, AccountControls>,
}

/// What an organisation lays on an account. An account that is not listed has no such policies.
#[derive(Debug, Clone, Default)]
pub struct AccountControls {
    /// SCPs, one list per level from the root down to the account. Leave empty for the management
    /// account, which SCPs do not bind.
    pub service_control: Vec<Vec<Document>>,
    /// RCPs, one list per level.
    pub resource_control: Vec<Vec<Document>>,
    /// `aws:PrincipalOrgID` of its principals.
    pub organization_id: Option<String>,
}

/// An IAM user.
#[derive(Debug, Clone, Default)]
pub struct User {
    pub arn: String,
    pub name: String,
    /// `AIDA…`
    pub id: Option<String>,
    /// Names of groups in the same account.
    pub groups: Vec<String>,
    pub inline: Vec<Document>,
    /// ARNs of managed policies.
    pub attached: Vec<String>,
    /// ARN of a managed policy.
    pub boundary: Option<String>,
    /// `None`: not known.
    pub tags: Option<BTreeMap<String, String>>,
    /// Whether there is a console password; `None`: not known.
    pub has_password: Option<bool>,
}

/// An IAM group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    pub arn: String,
    pub name: String,
    pub inline: Vec<Document>,
    pub attached: Vec<String>,
}

/// An IAM role.
#[derive(Debug, Clone)]
pub struct Role {
    pub arn: String,
    pub name: String,
    /// `AROA…`
    pub id: Option<String>,
    pub trust: Document,
    /// ARNs of the instance profiles that hold the role.
    pub instance_profiles: Vec<String>,
    pub inline: Vec<Document>,
    pub attached: Vec<String>,
    pub boundary: Option<String>,
    pub tags: Option<BTreeMap<String, String>>,
    pub last_used: LastUsed,
}

/// When a role was last used. AWS keeps track for 400 days.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LastUsed {
    #[default]
    Unknown,
    Never,
    /// As the source prints it.
    At(String),
}

/// A managed policy with its versions.
#[derive(Debug, Clone, Default)]
pub struct ManagedPolicy {
    pub arn: String,
    pub name: String,
    pub versions: Vec<PolicyVersion>,
    pub tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone)]
pub struct PolicyVersion {
    /// `v3`
    pub id: String,
    pub default: bool,
    pub document: Document,
}

/// A resource: bucket, secret, table, key, queue, database.
#[derive(Debug, Clone, Default)]
pub struct Resource {
    /// ARN of the resource itself, `arn:aws:s3:::reports`.
    pub arn: String,
    /// Account that owns it; needed where the ARN has none (buckets).
    pub account: Option<String>,
    pub policy: ResourcePolicy,
    /// ARN of the KMS key that encrypts it, when it is a customer managed one.
    pub kms_key: Option<String>,
    /// The id that the data plane knows it by (`DbiResourceId` of a database).
    pub data_id: Option<String>,
    pub tags: Option<BTreeMap<String, String>>,
}

/// What is known of a resource's own policy.
#[derive(Debug, Clone, Default)]
pub enum ResourcePolicy {
    /// Known to have none.
    #[default]
    None,
    /// Nobody looked.
    Unknown,
    Is(Document),
}

/// Something that runs under a role.
#[derive(Debug, Clone)]
pub struct Compute {
    pub arn: String,
    pub kind: ComputeKind,
    /// ARN of the role whose credentials it holds.
    pub role: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComputeKind {
    /// EC2.
    Instance,
    /// Lambda.
    Function,
    BuildProject,
    /// SageMaker notebook instance.
    Notebook,
    /// ECS task or service.
    Task,
    GlueJob,
    GlueEndpoint,
    Stack,
    StateMachine,
    AppRunnerService,
}
