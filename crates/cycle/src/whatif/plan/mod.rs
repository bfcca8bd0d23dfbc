//! A Terraform plan applied to what is known: what `terraform show -json` prints, of which the resource
//! changes are taken over into the facts that attack rules use.
//!
//! Security groups and their rules, instances with their addresses and profiles, IAM policies, roles, users
//! and memberships, bucket policies and public access blocks of AWS. Every other change is listed as not
//! judged: nothing is passed over in silence. What Terraform knows only after it has run is told, too.
//! Format: Terraform's JSON output format, `resource_changes`.

mod change;
mod data;
mod groups;
mod identities;
mod instances;
mod internet;
mod site;

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use self::change::Change;
use self::site::Site;
use crate::inputs::Inputs;
use crate::words::{count, list};
use crate::{Error, Result};

/// A plan to be applied.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name under which it is cited.
    pub file: String,
    /// What `terraform show -json` printed.
    pub document: Value,
}

/// What became of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlanAnswer {
    pub terraform_version: Option<String>,
    /// Changes that were taken over.
    pub applied: Vec<PlanChange>,
    /// Changes that could not be judged, or not altogether.
    pub unjudged: Vec<Unjudged>,
    /// Ports that the plan opens to the internet.
    pub exposed: Vec<Exposed>,
    /// Changes that change nothing (`no-op`, `read`).
    pub without_effect: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct PlanChange {
    pub address: String,
    pub actions: Vec<String>,
    pub what: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Unjudged {
    pub address: String,
    pub actions: Vec<String>,
    pub reason: String,
}

/// Ports of a host to which the plan gives the internet a way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Exposed {
    pub asset: String,
    /// `tcp/443`, or a range: `tcp/8000-8100`.
    pub ports: String,
    /// Whether a report knows that something listens there.
    pub known: bool,
    pub text: String,
}

/// Takes the plan over into the inputs.
pub(super) fn apply(inputs: &mut Inputs, plan: &Plan) -> Result<PlanAnswer> {
    let document = &plan.document;
    let changes = change::read(document).map_err(Error::NoPlan)?;
    let version = document.get("terraform_version").and_then(Value::as_str).map(str::to_owned);
    let mut answer = PlanAnswer {
        terraform_version: version.clone(),
        applied: Vec::new(),
        unjudged: Vec::new(),
        exposed: Vec::new(),
        without_effect: 0,
    };
    let mut site = Site::new(inputs, &plan.file, document, version);
    let before = internet::exposure_of_hosts(&site);
    // Things come before what refers to them, whatever the order of the plan.
    let mut changes: Vec<&Change<'_>> = changes.iter().collect();
    changes.sort_by_key(|change| (order(change.kind), change.address));
    for change in changes {
        if change.is_idle() {
            answer.without_effect += 1;
            continue;
        }
        let actions: Vec<String> = change.actions.iter().map(|action| (*action).to_owned()).collect();
        site.begin(change);
        let outcome = judge(&mut site, change);
        if !outcome.done.is_empty() {
            let (address, what) = (change.address.to_owned(), outcome.done.join(", "));
            answer.applied.push(PlanChange { address, actions: actions.clone(), what });
        }
        for reason in outcome.unjudged {
            let address = change.address.to_owned();
            answer.unjudged.push(Unjudged { address, actions: actions.clone(), reason });
        }
    }
    for (address, reason) in change::deferred(document) {
        let reason = format!("Terraform puts it off: {reason}");
        answer.unjudged.push(Unjudged { address, actions: Vec::new(), reason });
    }
    answer.exposed = internet::follow_exposure(&mut site, &before);
    Ok(answer)
}

/// What became of one change: what of it was taken over, and why the rest could not be.
#[derive(Default)]
struct Outcome {
    done: Vec<String>,
    unjudged: Vec<String>,
}

impl Outcome {
    fn applied(what: impl Into<String>) -> Self {
        Self { done: vec![what.into()], unjudged: Vec::new() }
    }

    fn unjudged(reason: impl Into<String>) -> Self {
        Self { done: Vec::new(), unjudged: vec![reason.into()] }
    }

    fn did(&mut self, what: impl Into<String>) {
        self.done.push(what.into());
    }

    fn left(&mut self, reason: impl Into<String>) {
        self.unjudged.push(reason.into());
    }

    fn is_empty(&self) -> bool {
        self.done.is_empty() && self.unjudged.is_empty()
    }
}

/// Types that are taken over, in the order in which they refer to each other.
const TYPES: [&str; 23] = [
    "aws_security_group",
    "aws_iam_policy",
    "aws_iam_group",
    "aws_iam_role",
    "aws_iam_user",
    "aws_iam_instance_profile",
    "aws_s3_bucket",
    "aws_security_group_rule",
    "aws_vpc_security_group_ingress_rule",
    "aws_instance",
    "aws_eip",
    "aws_eip_association",
    "aws_iam_role_policy",
    "aws_iam_user_policy",
    "aws_iam_group_policy",
    "aws_iam_role_policy_attachment",
    "aws_iam_user_policy_attachment",
    "aws_iam_group_policy_attachment",
    "aws_iam_policy_attachment",
    "aws_iam_user_group_membership",
    "aws_iam_group_membership",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_policy",
];

fn order(kind: &str) -> usize {
    TYPES.iter().position(|known| *known == kind).unwrap_or(TYPES.len())
}

fn judge(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    match change.kind {
        "aws_security_group" => groups::group(site, change),
        "aws_security_group_rule" | "aws_vpc_security_group_ingress_rule" => groups::rule(site, change),
        "aws_instance" => instances::instance(site, change),
        "aws_eip" | "aws_eip_association" => instances::address(site, change),
        "aws_iam_policy" => identities::managed_policy(site, change),
        "aws_iam_role" => identities::role(site, change),
        "aws_iam_user" | "aws_iam_group" => identities::user_or_group(site, change),
        "aws_iam_instance_profile" => identities::instance_profile(site, change),
        "aws_iam_role_policy" => identities::inline_policy(site, change, "role"),
        "aws_iam_user_policy" => identities::inline_policy(site, change, "user"),
        "aws_iam_group_policy" => identities::inline_policy(site, change, "group"),
        "aws_iam_role_policy_attachment" => identities::attachment(site, change, &[("role", "role")]),
        "aws_iam_user_policy_attachment" => identities::attachment(site, change, &[("user", "user")]),
        "aws_iam_group_policy_attachment" => identities::attachment(site, change, &[("group", "group")]),
        "aws_iam_policy_attachment" => {
            let fields = [("roles", "role"), ("users", "user"), ("groups", "group")];
            identities::attachment(site, change, &fields)
        }
        "aws_iam_user_group_membership" | "aws_iam_group_membership" => identities::membership(site, change),
        "aws_s3_bucket" => data::bucket(site, change),
        "aws_s3_bucket_public_access_block" => data::public_access_block(site, change),
        "aws_s3_bucket_policy" => data::bucket_policy(site, change),
        _ => Outcome::unjudged("no attack rule reads resources of this type"),
    }
}

impl PlanAnswer {
    pub(super) fn headline(&self) -> String {
        let mut text =
            format!("Of the plan {} applied", count(self.applied.len(), "change is", "changes are"));
        if !self.unjudged.is_empty() {
            let _ = write!(text, " and {} not judged", self.unjudged.len());
        }
        let exposed: Vec<String> =
            self.exposed.iter().map(|exposed| format!("{} of {}", exposed.ports, exposed.asset)).collect();
        if !exposed.is_empty() {
            let exposed = list(exposed.iter().map(String::as_str));
            let _ = write!(text, "; it opens {exposed} to the internet");
        }
        text.push('.');
        text
    }
}
