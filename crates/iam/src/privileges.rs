//! Who is, or can become, administrator. A principal *is* one when it may do everything (`*` on `*`)
//! after denies, boundary and organisation policies; it *can* become one when a chain of publicly
//! documented methods leads there. It must not count what merely looks dangerous: every step of a chain
//! is decided like a request.
//!
//! The methods stand in one ordered table ([`METHODS`]); each family has a file. The search is a least
//! fixpoint per principal: whom it can act as, and what it can change about those.
//!
//! Methods of services that AWS has shut down (CodeStar) are left out on purpose.

mod ask;
mod boundaries;
mod compute;
mod coverage;
mod credentials;
mod fresh;
mod groups;
mod methods;
mod pass;
mod policies;
mod probe;
mod search;
mod trust;
mod world;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::account::{Estate, Index};

pub use methods::{METHODS, Method};

/// How a principal stands to full control of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Admin {
    Is,
    Can,
    No,
    /// It hangs on conditions or facts that are not known.
    Unknown,
}

/// The answer for one principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Privilege {
    /// ARN.
    pub principal: String,
    pub admin: Admin,
    /// Name of the first step's method; `None` for `is` and `no`.
    pub method: Option<String>,
    /// The chain, first step first. For `unknown`, the chain that might work.
    pub steps: Vec<Step>,
    /// The statements that make the principal administrator, or allow the steps.
    pub because: Vec<String>,
    /// What would have to be known: conditions, and facts that the data does not hold.
    pub open: BTreeSet<String>,
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Name of an entry of [`METHODS`].
    pub method: String,
    /// ARN of the principal that acts.
    pub actor: String,
    /// ARN of what it acts on or becomes.
    pub target: String,
    /// A sentence for people.
    pub text: String,
    pub because: Vec<String>,
    pub open: BTreeSet<String>,
}

/// Answers for all users and roles of the estate, in the order of their ARNs.
///
/// ```
/// use bartizan_iam::{Admin, Estate, privileges};
///
/// let details = r#"{"UserDetailList": [{
///     "Arn": "arn:aws:iam::123456789012:user/ann", "UserName": "ann",
///     "UserPolicyList": [{"PolicyName": "self-service", "PolicyDocument": {
///         "Version": "2012-10-17",
///         "Statement": {"Effect": "Allow", "Action": "iam:PutUserPolicy", "Resource": "*"}}}]}]}"#;
/// let (estate, problems) = Estate::parse_authorization_details(details).unwrap();
/// assert!(problems.is_empty());
/// let answers = privileges(&estate);
/// assert_eq!(answers[0].admin, Admin::Can);
/// assert_eq!(answers[0].method.as_deref(), Some("PutUserPolicy"));
/// ```
pub fn privileges(estate: &Estate) -> Vec<Privilege> {
    if estate.missing_policies().is_empty() {
        return search::run(&Index::new(estate));
    }
    // For the sake of names: what is not in the data shall be told as what it is.
    let mut complete = estate.clone();
    complete.complete();
    search::run(&Index::new(&complete))
}
