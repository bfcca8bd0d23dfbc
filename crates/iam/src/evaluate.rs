//! The decision on one request, by the evaluation logic that AWS documents. It must not read documents
//! nor know an estate: all policies that apply are handed in.
//!
//! Source: IAM user guide, "Policy evaluation logic" (within one account, across accounts, explicit and
//! implicit denies), "Permissions boundaries", "AWS JSON policy elements: Principal".
//!
//! ```
//! use bartizan_iam::{Caller, Context, Document, Kind, Outcome, Policies, Request, decide};
//!
//! let (document, problems) = Document::parse(
//!     "read-reports",
//!     Kind::Identity,
//!     r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::reports/*"}}"#,
//! );
//! assert!(problems.is_empty());
//! let caller = Caller::from_arn("arn:aws:iam::123456789012:user/ann").unwrap();
//! let policies = Policies { identity: vec![&document], ..Policies::default() };
//! let context = Context::new();
//! let request = Request::new(&caller, "s3:GetObject", "arn:aws:s3:::reports/2026.csv", &context);
//! assert_eq!(decide(&request, &policies).outcome, Outcome::Allow);
//! ```

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::arn::Arn;
use crate::caller::{Caller, CallerKind, Reach, reach};
use crate::context::Context;
use crate::policy::{Document, Effect, Principals, Statement};
use crate::truth::Truth;

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub caller: &'a Caller,
    /// `service:Action`, in any case.
    pub action: &'a str,
    /// ARN, or `*` for an action that knows no resources.
    pub resource: &'a str,
    /// Account that owns the resource; `None` when it is the caller's.
    pub resource_account: Option<&'a str>,
    pub context: &'a Context<'a>,
}

impl<'a> Request<'a> {
    /// A request whose resource belongs to the account in its ARN, or to the caller's when there is none.
    pub fn new(caller: &'a Caller, action: &'a str, resource: &'a str, context: &'a Context<'a>) -> Self {
        let resource_account =
            Arn::parse(resource).map(|arn| arn.account).filter(|account| !account.is_empty());
        Self { caller, action, resource, resource_account, context }
    }
}

/// The policies that apply to a request.
#[derive(Debug, Clone, Default)]
pub struct Policies<'a> {
    /// Of the user and its groups, or of the role.
    pub identity: Vec<&'a Document>,
    pub boundary: Option<&'a Document>,
    pub session: Option<&'a Document>,
    /// SCPs of the caller's account, one list per level from the root down: each level must allow.
    pub service_control: Vec<Vec<&'a Document>>,
    /// RCPs of the resource's account, one list per level.
    pub resource_control: Vec<Vec<&'a Document>>,
    /// Policy on the resource, or trust policy of the role that is to be assumed.
    pub resource: Option<&'a Document>,
    /// Whether the resource policy must allow, even within one account: trust policies and KMS keys.
    pub resource_must_allow: bool,
}

/// What comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Allow,
    /// A statement denies.
    ExplicitDeny,
    /// Nothing allows, or a layer that must allow does not.
    ImplicitDeny,
    /// It hangs on what is not known.
    Unknown,
}

impl Outcome {
    /// Whether the request goes through.
    pub fn truth(self) -> Truth {
        match self {
            Self::Allow => Truth::Yes,
            Self::ExplicitDeny | Self::ImplicitDeny => Truth::No,
            Self::Unknown => Truth::Unknown,
        }
    }
}

/// A layer of the evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Identity,
    Boundary,
    Session,
    ServiceControl,
    ResourceControl,
    Resource,
}

/// A statement that took part in a decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Citation {
    pub layer: Layer,
    pub policy: String,
    /// Place among the statements of the document, from 0.
    pub index: usize,
    pub sid: Option<String>,
    pub effect: Effect,
}

impl fmt::Display for Citation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.effect {
            Effect::Allow => "allows",
            Effect::Deny => "denies",
            Effect::Unreadable => "cannot be read",
        };
        match &self.sid {
            Some(sid) => write!(formatter, "{} statement {sid} {verb}", self.policy),
            None => write!(formatter, "{} statement {} {verb}", self.policy, self.index),
        }
    }
}

/// A decision with its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    pub outcome: Outcome,
    /// The statements that decided; for an implicit deny there are none.
    pub because: Vec<Citation>,
    /// Conditions that could not be evaluated, as `Operator key`; empty unless the outcome is unknown.
    pub open: BTreeSet<String>,
    /// For an implicit deny, the layer that did not allow.
    pub missing: Option<Layer>,
}

/// Decides one request.
pub fn decide(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    let action = request.action.to_ascii_lowercase();
    let caller = CallerSide::new(policies, &action);
    let resource = ResourceSide::new(policies, &action);
    decide_prepared(request, &caller, &resource)
}

/// A statement with the document that it stands in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cited<'a> {
    document: &'a Document,
    statement: &'a Statement,
    /// Whether it speaks of the action: yes or unknown.
    action: Truth,
}

/// The statements of some documents that speak of one action.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection<'a>(Vec<Cited<'a>>);

impl<'a> Selection<'a> {
    pub(crate) fn new(documents: impl IntoIterator<Item = &'a Document>, action: &str) -> Self {
        let mut cited = Vec::new();
        for document in documents {
            for statement in &document.statements {
                let action = statement.names_action(action);
                if action.possible() {
                    cited.push(Cited { document, statement, action });
                }
            }
        }
        Self(cited)
    }

    /// Whether one of the statements may allow.
    pub(crate) fn may_allow(&self) -> bool {
        self.0.iter().any(|cited| cited.statement.effect != Effect::Deny)
    }

    pub(crate) fn statements(&self) -> impl Iterator<Item = &'a Statement> {
        self.0.iter().map(|cited| cited.statement)
    }
}

/// The caller's policies, reduced to one action.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallerSide<'a> {
    pub(crate) identity: Selection<'a>,
    boundary: Option<Selection<'a>>,
    session: Option<Selection<'a>>,
    service_control: Vec<Selection<'a>>,
}

impl<'a> CallerSide<'a> {
    pub(crate) fn new(policies: &Policies<'a>, action: &str) -> Self {
        Self {
            identity: Selection::new(policies.identity.iter().copied(), action),
            boundary: policies.boundary.map(|document| Selection::new([document], action)),
            session: policies.session.map(|document| Selection::new([document], action)),
            service_control: levels(&policies.service_control, action),
        }
    }
}

/// The resource's policies, reduced to one action.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResourceSide<'a> {
    pub(crate) policy: Option<Selection<'a>>,
    must_allow: bool,
    resource_control: Vec<Selection<'a>>,
}

impl<'a> ResourceSide<'a> {
    pub(crate) fn new(policies: &Policies<'a>, action: &str) -> Self {
        Self {
            policy: policies.resource.map(|document| Selection::new([document], action)),
            must_allow: policies.resource_must_allow,
            resource_control: levels(&policies.resource_control, action),
        }
    }
}

fn levels<'a>(levels: &[Vec<&'a Document>], action: &str) -> Vec<Selection<'a>> {
    levels.iter().map(|level| Selection::new(level.iter().copied(), action)).collect()
}

/// What one set of statements allows, and by which.
struct Allowed<'a> {
    truth: Truth,
    by: Vec<(Truth, Cited<'a>)>,
}

/// The free keys that all allowing statements of a layer rely on: with another statement, the caller has
/// another way.
#[derive(Default)]
struct Reliance<'a>(Option<BTreeSet<&'a str>>);

impl<'a> Reliance<'a> {
    fn on(&mut self, keys: &[&'a str]) {
        match &mut self.0 {
            Some(common) => common.retain(|key| keys.contains(key)),
            None => self.0 = Some(keys.iter().copied().collect()),
        }
    }

    fn keys(self) -> BTreeSet<&'a str> {
        self.0.unwrap_or_default()
    }
}

struct Evaluation<'r, 'a> {
    request: &'r Request<'r>,
    /// Free keys without which a layer would not allow.
    free: BTreeSet<&'a str>,
    /// Conditions that stay unknown, per statement that may matter.
    open: BTreeSet<String>,
}

impl<'a> Evaluation<'_, 'a> {
    /// Whether the statement matches, the principal left aside. An allowing statement leaves the free keys
    /// that it relies on in `relies`; without that, it is a deny.
    fn matches(&mut self, cited: Cited<'a>, relies: Option<&mut Reliance<'a>>) -> Truth {
        let statement = cited.statement;
        let mut truth =
            cited.action.and(statement.names_resource(self.request.resource, self.request.context));
        if truth == Truth::No {
            return truth;
        }
        let held = statement.conditions_hold(self.request.context);
        truth = truth.and(held.truth);
        if truth == Truth::No {
            return truth;
        }
        if let Some(relies) = relies {
            if truth == Truth::Yes {
                relies.on(&held.free);
            }
        } else if held.free.iter().any(|key| self.free.contains(key)) {
            // What the caller must pick to be allowed may be what is denied.
            truth = truth.and(Truth::Unknown);
        } else if !held.free.is_empty() {
            return Truth::No;
        }
        if truth == Truth::Unknown {
            self.open.extend(held.open.iter().map(|name| (*name).to_owned()));
        }
        truth
    }

    fn allowed(&mut self, selection: &Selection<'a>) -> Allowed<'a> {
        let mut allowed = Allowed { truth: Truth::No, by: Vec::new() };
        let mut relies = Reliance::default();
        for cited in &selection.0 {
            let limit = match cited.statement.effect {
                Effect::Allow => Truth::Yes,
                Effect::Unreadable => Truth::Unknown,
                Effect::Deny => continue,
            };
            let truth = self.matches(*cited, Some(&mut relies)).and(limit);
            if truth.possible() {
                allowed.truth = allowed.truth.or(truth);
                allowed.by.push((truth, *cited));
            }
        }
        self.free.extend(relies.keys());
        allowed
    }

    /// Whether a statement of the selection denies; those that do or might are added to `by`.
    fn denied(&mut self, selection: &Selection<'a>, layer: Layer, by: &mut Vec<(Truth, Layer, Cited<'a>)>) {
        for cited in &selection.0 {
            let limit = match cited.statement.effect {
                Effect::Deny => Truth::Yes,
                Effect::Unreadable => Truth::Unknown,
                Effect::Allow => continue,
            };
            let names = match layer {
                Layer::Resource => reach(&cited.statement.principals, self.request.caller).any(),
                Layer::ResourceControl => match cited.statement.principals {
                    // RCPs name everyone; tolerate one without.
                    Principals::Nobody => Truth::Yes,
                    _ => reach(&cited.statement.principals, self.request.caller).any(),
                },
                _ => match cited.statement.principals {
                    Principals::Nobody => Truth::Yes,
                    _ => Truth::Unknown,
                },
            };
            let limit = limit.and(names);
            if limit == Truth::No {
                continue;
            }
            let truth = self.matches(*cited, None).and(limit);
            if truth.possible() {
                by.push((truth, layer, *cited));
            }
        }
    }
}

pub(crate) fn decide_prepared<'a>(
    request: &Request<'_>,
    caller: &CallerSide<'a>,
    resource: &ResourceSide<'a>,
) -> Decision {
    let mut evaluation = Evaluation { request, free: BTreeSet::new(), open: BTreeSet::new() };
    let is_service = matches!(request.caller.kind, CallerKind::Service | CallerKind::Federated);
    let same_account =
        is_service || request.resource_account.is_none_or(|account| account == request.caller.account);

    let mut by: Vec<(Truth, Layer, Cited<'a>)> = Vec::new();
    let mut note = |allowed: &Allowed<'a>, layer: Layer| {
        by.extend(allowed.by.iter().map(|(truth, cited)| (*truth, layer, *cited)));
    };

    // Layers that must allow whatever else does.
    let mut controls = Truth::Yes;
    let mut missing = None;
    for (layer, selections) in [
        (Layer::ServiceControl, caller.service_control.as_slice()),
        (Layer::ResourceControl, resource.resource_control.as_slice()),
    ] {
        // Organisation policies bind the principals of the account, not services.
        if is_service && layer == Layer::ServiceControl {
            continue;
        }
        for selection in selections {
            let allowed = evaluation.allowed(selection);
            if allowed.truth == Truth::Unknown {
                note(&allowed, layer);
            }
            if allowed.truth == Truth::No {
                missing = missing.or(Some(layer));
            }
            controls = controls.and(allowed.truth);
        }
    }

    let identity = if request.caller.kind == CallerKind::Root {
        Allowed { truth: Truth::Yes, by: Vec::new() }
    } else {
        evaluation.allowed(&caller.identity)
    };
    let mut limit =
        |selection: &Option<Selection<'a>>| selection.as_ref().map(|selection| evaluation.allowed(selection));
    let boundary = limit(&caller.boundary);
    let session = limit(&caller.session);
    let limit = |allowed: &Option<Allowed<'a>>| allowed.as_ref().map_or(Truth::Yes, |allowed| allowed.truth);
    let limits = limit(&boundary).and(limit(&session));

    let mut granted = Reach::NOBODY;
    let mut granting = Vec::new();
    if let Some(policy) = &resource.policy {
        let mut relies = Reliance::default();
        for cited in &policy.0 {
            let ceiling = match cited.statement.effect {
                Effect::Allow => Truth::Yes,
                Effect::Unreadable => Truth::Unknown,
                Effect::Deny => continue,
            };
            let names = reach(&cited.statement.principals, request.caller);
            if names == Reach::NOBODY {
                continue;
            }
            let truth = evaluation.matches(*cited, Some(&mut relies)).and(ceiling);
            if truth == Truth::No {
                continue;
            }
            granted.account = granted.account.or(names.account.and(truth));
            granted.role = granted.role.or(names.role.and(truth));
            granted.direct = granted.direct.or(names.direct.and(truth));
            granting.push((truth.and(names.any()), *cited));
        }
        evaluation.free.extend(relies.keys());
    }
    let granting = Allowed { truth: granted.any(), by: granting };

    // The ways to an allow; each names the layers that carry it.
    let own = identity.truth.and(limits);
    let ways: [(Truth, bool, bool); 3] = if same_account {
        [
            (granted.direct, false, true),
            (granted.role.and(limits), false, true),
            if resource.must_allow { (granted.account.and(own), true, true) } else { (own, true, false) },
        ]
    } else {
        [(granted.any().and(own), true, true), (Truth::No, false, false), (Truth::No, false, false)]
    };
    // The service has no identity policies: only what the resource policy says counts.
    let ways =
        if is_service { [(granted.direct, false, true), ways[1], (Truth::No, false, false)] } else { ways };
    let best = ways.iter().map(|(truth, ..)| *truth).fold(Truth::No, Truth::or);
    let allow = best.and(controls);
    for (truth, uses_identity, uses_resource) in ways {
        if truth == best && truth.possible() {
            if uses_identity {
                note(&identity, Layer::Identity);
                for (limit, layer) in [(&boundary, Layer::Boundary), (&session, Layer::Session)] {
                    if let Some(limit) = limit.as_ref().filter(|limit| limit.truth == Truth::Unknown) {
                        note(limit, layer);
                    }
                }
            }
            if uses_resource {
                note(&granting, Layer::Resource);
            }
            break;
        }
    }

    if allow == Truth::No && missing.is_none() {
        let foreign = !same_account && identity.truth.possible();
        missing = Some(if granted.any() == Truth::No && (foreign || resource.must_allow) {
            Layer::Resource
        } else if identity.truth == Truth::No {
            Layer::Identity
        } else if boundary.as_ref().is_some_and(|limit| limit.truth == Truth::No) {
            Layer::Boundary
        } else {
            Layer::Session
        });
    }

    // Denies come first in the logic; they are looked at last because a deny on a key that the caller
    // picks matters only when an allow relies on that key.
    let allow_open = std::mem::take(&mut evaluation.open);
    let mut denying = Vec::new();
    evaluation.denied(&caller.identity, Layer::Identity, &mut denying);
    for (selection, layer) in [(&caller.boundary, Layer::Boundary), (&caller.session, Layer::Session)] {
        if let Some(selection) = selection {
            evaluation.denied(selection, layer, &mut denying);
        }
    }
    if !is_service {
        for selection in &caller.service_control {
            evaluation.denied(selection, Layer::ServiceControl, &mut denying);
        }
    }
    for selection in &resource.resource_control {
        evaluation.denied(selection, Layer::ResourceControl, &mut denying);
    }
    if let Some(policy) = &resource.policy {
        evaluation.denied(policy, Layer::Resource, &mut denying);
    }
    let deny = denying.iter().map(|(truth, ..)| *truth).fold(Truth::No, Truth::or);

    let (outcome, wanted, by) = if deny == Truth::Yes {
        (Outcome::ExplicitDeny, Some(Truth::Yes), denying)
    } else if allow == Truth::No {
        (Outcome::ImplicitDeny, None, Vec::new())
    } else if allow == Truth::Yes && deny == Truth::No {
        (Outcome::Allow, Some(Truth::Yes), by)
    } else {
        by.extend(denying);
        let mut open = std::mem::take(&mut evaluation.open);
        if allow == Truth::Unknown {
            open.extend(allow_open);
        }
        return Decision { outcome: Outcome::Unknown, because: cite(&by, None), open, missing: None };
    };
    Decision {
        outcome,
        because: wanted.map_or_else(Vec::new, |truth| cite(&by, Some(truth))),
        open: BTreeSet::new(),
        missing: missing.filter(|_| outcome == Outcome::ImplicitDeny),
    }
}

fn cite(by: &[(Truth, Layer, Cited<'_>)], only: Option<Truth>) -> Vec<Citation> {
    let mut citations: Vec<Citation> = by
        .iter()
        .filter(|(truth, ..)| only.is_none_or(|only| only == *truth))
        .map(|(_, layer, cited)| Citation {
            layer: *layer,
            policy: cited.document.name.clone(),
            sid: cited.statement.sid.clone(),
            index: cited.statement.index,
            effect: cited.statement.effect,
        })
        .collect();
    citations.sort();
    citations.dedup();
    citations
}
