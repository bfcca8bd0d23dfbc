//! The questions of an attack graph: which principals can assume which roles, and which may touch which
//! data. It must not list every action: levels are what counts.
//!
//! Statements are sorted by action once; for each resource only those principals are asked that have a
//! statement about the action, or that the resource's own policy may name.

mod actions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Serialize;

use crate::account::{Estate, Index, Principal, Resource, ResourcePolicy, tag_keys};
use crate::arn::Arn;
use crate::context::{Context, Key};
use crate::evaluate::{
    CallerSide, Decision, Outcome, Policies, Request, ResourceSide, Selection, decide_prepared,
};
use crate::policy::{Document, Element, Kind};

pub use actions::Level;
use actions::{DataAction, Shape, data_actions};

const ASSUME: &str = "sts:AssumeRole";

static UNSEEN: LazyLock<Document> =
    LazyLock::new(|| Document::unreadable("a resource policy that is not in the data", Kind::Resource));

/// A right of a principal on a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    pub level: Level,
    /// The action that was asked about.
    pub action: &'static str,
    /// What it was asked on: the resource, or an example of something inside it.
    pub on: String,
    /// Allow or unknown.
    pub decision: Decision,
}

/// A principal that can assume a role, or perhaps can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// ARN.
    pub principal: String,
    /// ARN.
    pub role: String,
    /// Allow or unknown.
    pub decision: Decision,
}

/// An estate made ready for questions.
///
/// ```
/// use bartizan_iam::{Access, Document, Estate, Kind, Level, Resource, User};
///
/// let (document, _) = Document::parse(
///     "reader",
///     Kind::Identity,
///     r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}}"#,
/// );
/// let estate = Estate {
///     users: vec![User {
///         arn: "arn:aws:iam::123456789012:user/ann".into(),
///         name: "ann".into(),
///         inline: vec![document],
///         ..User::default()
///     }],
///     resources: vec![Resource {
///         arn: "arn:aws:s3:::reports".into(),
///         account: Some("123456789012".into()),
///         ..Resource::default()
///     }],
///     ..Estate::default()
/// };
/// let access = Access::new(&estate);
/// let grants = access.grants("arn:aws:iam::123456789012:user/ann", "arn:aws:s3:::reports");
/// assert_eq!(grants.len(), 1);
/// assert_eq!(grants[0].level, Level::Read);
/// ```
pub struct Access<'a> {
    index: Index<'a>,
    /// Per action, the caller's side of every principal that has a statement which may allow it.
    sides: BTreeMap<&'static str, Prepared<'a>>,
}

struct Prepared<'a> {
    /// By index of the principal.
    sides: Vec<CallerSide<'a>>,
    /// Principals whose own policies may allow.
    able: Vec<usize>,
}

impl<'a> Access<'a> {
    pub fn new(estate: &'a Estate) -> Self {
        let index = Index::new(estate);
        let mut names: BTreeSet<&'static str> = [ASSUME].into();
        for resource in &estate.resources {
            for action in data_actions(&resource.arn) {
                names.insert(action.name);
                if resource.kms_key.is_some() {
                    names.extend(action.key);
                }
            }
        }
        let policies: Vec<Policies<'a>> = index.principals.iter().map(Principal::policies).collect();
        let sides = names
            .into_iter()
            .map(|name| {
                let action = name.to_ascii_lowercase();
                let sides: Vec<CallerSide<'a>> =
                    policies.iter().map(|policies| CallerSide::new(policies, &action)).collect();
                let able = (0..sides.len()).filter(|at| sides[*at].identity.may_allow()).collect();
                (name, Prepared { sides, able })
            })
            .collect();
        Self { index, sides }
    }

    /// All pairs of principal and role where the principal can assume the role, or where it is not known;
    /// in the order of the ARNs.
    pub fn assumptions(&self) -> Vec<Assumption> {
        let Some(prepared) = self.sides.get(ASSUME) else { return Vec::new() };
        let mut assumptions = Vec::new();
        for target in &self.index.principals {
            let Some(role) = target.role().filter(|_| !target.service_linked) else { continue };
            if !role.trust.may_trust_principals(false) {
                continue;
            }
            let policies = self.resource_policies(target.account, Some(&role.trust), true);
            let resource = ResourceSide::new(&policies, "sts:assumerole");
            let mut keys = Context::new();
            keys.value("aws:ResourceAccount", target.account)
                // The session's name and the region are the caller's choice.
                .set("sts:RoleSessionName", Key::Free)
                .set("aws:RequestedRegion", Key::Free)
                .absent("sts:SourceIdentity");
            tag_keys(&mut keys, "aws:ResourceTag/", target.tags);
            tag_keys(&mut keys, "iam:ResourceTag/", target.tags);
            for at in self.candidates(prepared, &role.trust) {
                let principal = &self.index.principals[at];
                if principal.arn == target.arn || principal.service_linked {
                    continue;
                }
                let context = Context::both(&keys, &principal.context);
                let request = Request::new(&principal.caller, ASSUME, target.arn, &context);
                let decision = decide_prepared(&request, &prepared.sides[at], &resource);
                if decision.outcome.truth().possible() {
                    assumptions.push(Assumption {
                        principal: principal.arn.to_owned(),
                        role: target.arn.to_owned(),
                        decision,
                    });
                }
            }
        }
        assumptions.sort_by(|a, b| (&a.principal, &a.role).cmp(&(&b.principal, &b.role)));
        assumptions
    }

    /// What a principal may do with a resource, lowest level first. Empty when nothing, or when one of
    /// the two is not in the estate.
    pub fn grants(&self, principal: &str, resource: &str) -> Vec<Grant> {
        let (Some(at), Some(resource)) = (self.index.principal(principal), self.index.resource(resource))
        else {
            return Vec::new();
        };
        let mut grants = Vec::new();
        for action in data_actions(&resource.arn) {
            grants.extend(Question::new(self, resource, action).and_then(|question| question.ask(at)));
        }
        grants.sort_by_key(|grant| grant.level);
        grants
    }

    /// Who may do what with a resource: ARN of the principal and its grants, in order. Principals without
    /// a grant are left out.
    pub fn grants_on(&self, resource: &str) -> BTreeMap<String, Vec<Grant>> {
        let mut all: BTreeMap<String, Vec<Grant>> = BTreeMap::new();
        let Some(resource) = self.index.resource(resource) else { return all };
        for action in data_actions(&resource.arn) {
            let Some(question) = Question::new(self, resource, action) else { continue };
            let candidates = match question.policy {
                Some(policy) => self.candidates(question.prepared, policy),
                None => question.prepared.able.clone(),
            };
            for at in candidates {
                if let Some(grant) = question.ask(at) {
                    all.entry(self.index.principals[at].arn.to_owned()).or_default().push(grant);
                }
            }
        }
        for grants in all.values_mut() {
            grants.sort_by_key(|grant| grant.level);
        }
        all
    }

    /// Principals that the question is worth asking of: those with a statement of their own, and those
    /// that the resource's policy may let in directly.
    fn candidates(&self, prepared: &Prepared<'a>, policy: &Document) -> Vec<usize> {
        if policy.may_trust_everyone() {
            return (0..self.index.principals.len()).collect();
        }
        let mut candidates: BTreeSet<usize> = prepared.able.iter().copied().collect();
        for name in policy.named_principals() {
            match self.index.principal(name) {
                Some(at) => {
                    candidates.insert(at);
                }
                // A unique id, or a session: rare enough to look at everybody.
                None => candidates.extend(self.index.principals.iter().enumerate().filter_map(
                    |(at, principal)| {
                        let id = principal.caller.unique_id.as_deref() == Some(name);
                        let session = name.contains(&format!(":assumed-role/{}/", principal.name));
                        (id || session).then_some(at)
                    },
                )),
            }
        }
        candidates.into_iter().collect()
    }

    fn resource_policies<'b>(
        &'b self,
        account: &str,
        policy: Option<&'b Document>,
        must_allow: bool,
    ) -> Policies<'b> {
        let controls = self.index.estate.organization.get(account);
        Policies {
            resource: policy,
            resource_must_allow: must_allow,
            resource_control: controls.map_or_else(Vec::new, |controls| {
                controls.resource_control.iter().map(|level| level.iter().collect()).collect()
            }),
            ..Policies::default()
        }
    }
}

/// One action on one resource, prepared for many principals.
struct Question<'b, 'a> {
    access: &'b Access<'a>,
    resource: &'b Resource,
    action: &'static DataAction,
    prepared: &'b Prepared<'a>,
    policy: Option<&'b Document>,
    side: ResourceSide<'b>,
    /// The resource's policy lets nobody in without policies of its own.
    only_own: bool,
    account: Option<&'b str>,
    keys: Context<'static>,
    key: Option<KeyQuestion<'b, 'a>>,
}

/// What the KMS key of the resource has to allow too.
struct KeyQuestion<'b, 'a> {
    arn: &'b str,
    action: &'static str,
    prepared: &'b Prepared<'a>,
    side: ResourceSide<'b>,
}

fn policy_of(resource: &Resource) -> Option<&Document> {
    match &resource.policy {
        ResourcePolicy::None => None,
        ResourcePolicy::Unknown => Some(&UNSEEN),
        ResourcePolicy::Is(document) => Some(document),
    }
}

fn owner(resource: &Resource) -> Option<&str> {
    let own = Arn::parse(&resource.arn).map(|arn| arn.account).filter(|account| !account.is_empty());
    resource.account.as_deref().or(own)
}

impl<'b, 'a> Question<'b, 'a> {
    fn new(access: &'b Access<'a>, resource: &'b Resource, action: &'static DataAction) -> Option<Self> {
        let prepared = access.sides.get(action.name)?;
        let policy = policy_of(resource);
        let account = owner(resource);
        // KMS knows no other way in than its key policy.
        let is_key = action.name.starts_with("kms:");
        let policies = access.resource_policies(account.unwrap_or_default(), policy, is_key);
        let side = ResourceSide::new(&policies, &action.name.to_ascii_lowercase());
        let mut keys = Context::new();
        if let Some(account) = account {
            keys.value("aws:ResourceAccount", account).value("s3:ResourceAccount", account);
        }
        tag_keys(&mut keys, "aws:ResourceTag/", resource.tags.as_ref());
        let region = resource.arn.split(':').nth(3).unwrap_or_default();
        if !region.is_empty() {
            keys.value("aws:RequestedRegion", region);
        }
        let key = match (&resource.kms_key, action.key) {
            (Some(arn), Some(action)) => {
                let known = access.index.resource(arn);
                let policy = known.map_or(Some(&*UNSEEN), policy_of);
                let account = Arn::parse(arn).map_or("", |arn| arn.account);
                let policies = access.resource_policies(account, policy, true);
                let side = ResourceSide::new(&policies, &action.to_ascii_lowercase());
                Some(KeyQuestion { arn, action, prepared: access.sides.get(action)?, side })
            }
            _ => None,
        };
        let only_own = policy.is_none_or(|policy| !policy.may_trust_principals(true));
        Some(Self { access, resource, action, prepared, policy, side, only_own, account, keys, key })
    }

    fn ask(&self, at: usize) -> Option<Grant> {
        let principal = &self.access.index.principals[at];
        if self.only_own && !self.may_touch(at) {
            return None;
        }
        let context = Context::both(&self.keys, &principal.context);
        let mut best: Option<(String, Decision)> = None;
        for on in self.examples(at, &context) {
            let request = Request {
                resource_account: self.account,
                ..Request::new(&principal.caller, self.action.name, &on, &context)
            };
            let decision = decide_prepared(&request, &self.prepared.sides[at], &self.side);
            let better = match &best {
                None => decision.outcome.truth().possible(),
                Some((_, best)) => decision.outcome.truth() > best.outcome.truth(),
            };
            if better {
                best = Some((on, decision));
            }
            if best.as_ref().is_some_and(|(_, best)| best.outcome == Outcome::Allow) {
                break;
            }
        }
        let (on, mut decision) = best?;
        if let Some(key) = &self.key {
            decision = both(decision, key.ask(principal, at, &self.resource.arn))?;
        }
        Some(Grant { level: self.action.level, action: self.action.name, on, decision })
    }

    /// Whether a statement of the principal may be about the resource or something inside; cheap, because
    /// most principals have nothing to do with most resources.
    fn may_touch(&self, at: usize) -> bool {
        if self.action.shape == Shape::DatabaseUser {
            return true;
        }
        self.prepared.sides[at].identity.statements().any(|statement| match &statement.resources {
            Element::Only(patterns) => patterns.iter().any(|pattern| {
                let (start, arn) = (pattern.start(), self.resource.arn.as_str());
                start.starts_with(arn) || arn.starts_with(start)
            }),
            Element::Except(_) | Element::Everything | Element::Unreadable => true,
        })
    }

    /// What to ask about: the resource, or things inside it as the statements describe them.
    fn examples(&self, at: usize, context: &Context<'_>) -> Vec<String> {
        let arn = &self.resource.arn;
        let inside = match self.action.shape {
            Shape::Itself => return vec![arn.clone()],
            Shape::Inside => format!("{arn}/"),
            Shape::DatabaseUser => {
                let parts: Vec<&str> = arn.splitn(6, ':').collect();
                let id = self.resource.data_id.as_deref().unwrap_or("*");
                let part = |at: usize| parts.get(at).copied().unwrap_or_default();
                format!("arn:{}:rds-db:{}:{}:dbuser:{id}/", part(1), part(3), part(4))
            }
        };
        let mut examples = vec![format!("{inside}example")];
        let own = self.prepared.sides[at].identity.statements();
        let theirs = self.side.policy.iter().flat_map(Selection::statements);
        for statement in own.chain(theirs) {
            let Element::Only(patterns) = &statement.resources else { continue };
            for pattern in patterns {
                let Some(example) = pattern.example(context, "example") else { continue };
                if example.starts_with(&inside) && !examples.contains(&example) {
                    examples.push(example);
                }
            }
        }
        examples
    }
}

impl KeyQuestion<'_, '_> {
    fn ask(&self, principal: &Principal<'_>, at: usize, resource: &str) -> Decision {
        let mut context = Context::over(&principal.context);
        context.value("kms:CallerAccount", principal.account);
        if let Some(arn) = Arn::parse(resource) {
            context.value("aws:ResourceAccount", Arn::parse(self.arn).map_or("", |key| key.account));
            let region = self.arn.split(':').nth(3).unwrap_or_default();
            if !region.is_empty() {
                context
                    .value("kms:ViaService", format!("{}.{region}.amazonaws.com", arn.service))
                    .value("aws:RequestedRegion", region);
            }
        }
        let request = Request::new(&principal.caller, self.action, self.arn, &context);
        decide_prepared(&request, &self.prepared.sides[at], &self.side)
    }
}

/// Both have to allow; `None` when one denies.
fn both(mut first: Decision, second: Decision) -> Option<Decision> {
    let truth = first.outcome.truth().and(second.outcome.truth());
    if !truth.possible() {
        return None;
    }
    if !truth.certain() {
        first.outcome = Outcome::Unknown;
    }
    for citation in second.because {
        if !first.because.contains(&citation) {
            first.because.push(citation);
        }
    }
    first.open.extend(second.open);
    Some(first)
}
