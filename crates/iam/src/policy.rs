//! Policy documents as statements that can be asked whether they match. It must not decide: that is
//! [`crate::evaluate`]. Reading is in [`read`].
//!
//! A part that cannot be read never makes a statement vanish: it matches *perhaps*, so that a broken Deny
//! ends in an unknown decision and not in access.

mod read;

use serde::Serialize;

use crate::condition::{Condition, Verdict};
use crate::context::Context;
use crate::pattern::Pattern;
use crate::truth::Truth;

/// What a document is attached to, which says which elements it must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// On a user, group or role, or a boundary or session policy: `Resource`, no `Principal`.
    Identity,
    /// An organisation policy (SCP or RCP).
    Control,
    /// On a resource: `Principal` and, mostly, `Resource`.
    Resource,
    /// The trust policy of a role: `Principal`, no `Resource`.
    Trust,
}

/// Something in a document that could not be read or is not allowed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where: policy name and a path in it, `inline-ann.Statement[2].Effect`.
    pub at: String,
    pub message: String,
}

/// A policy document.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) name: String,
    pub(crate) statements: Vec<Statement>,
}

/// `Unreadable` may be an Allow or a Deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Allow,
    Deny,
    Unreadable,
}

#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) index: usize,
    pub(crate) sid: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) principals: Principals,
    pub(crate) actions: Element,
    pub(crate) resources: Element,
    pub(crate) conditions: Vec<Condition>,
    /// A part of the statement could not be read: it may ask for more than what is known.
    pub(crate) partial: bool,
}

/// `Action`/`NotAction` or `Resource`/`NotResource`.
#[derive(Debug, Clone)]
pub(crate) enum Element {
    Only(Vec<Pattern>),
    Except(Vec<Pattern>),
    /// Not given, where it need not be: everything.
    Everything,
    Unreadable,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone)]
pub(crate) enum Principals {
    /// Identity policies have none.
    Nobody,
    Only(Vec<PrincipalName>),
    Except(Vec<PrincipalName>),
    Unreadable,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PrincipalName {
    /// `"*"` or `{"AWS": "*"}`.
    Everyone,
    /// An account number (written so, or as the ARN of its root).
    Account(String),
    /// An ARN of a user, a role or a session, or the unique id that is left of a deleted one.
    Aws(String),
    Service(String),
    Federated(String),
    Canonical(String),
}

impl Document {
    /// The name that citations carry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many statements it has.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether a statement denies or might.
    pub fn denies_something(&self) -> bool {
        self.statements.iter().any(|statement| statement.effect != Effect::Allow)
    }

    /// Whether a statement allows or might.
    pub(crate) fn allows_something(&self) -> bool {
        self.statements.iter().any(|statement| statement.effect != Effect::Deny)
    }

    /// A document of which nothing is known but that it is there: everything it says is unknown.
    pub fn unreadable(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            statements: vec![Statement {
                index: 0,
                sid: None,
                effect: Effect::Unreadable,
                principals: if matches!(kind, Kind::Identity | Kind::Control) {
                    Principals::Nobody
                } else {
                    Principals::Unreadable
                },
                actions: Element::Unreadable,
                resources: Element::Unreadable,
                conditions: Vec::new(),
                partial: true,
            }],
        }
    }

    /// A document with one Allow statement without conditions.
    pub fn allow(name: &str, actions: &[&str], resources: &[&str]) -> Self {
        let patterns = |list: &[&str], action: bool| {
            Element::Only(
                list.iter()
                    .map(
                        |text| {
                            if action { Pattern::action(text) } else { read::resource_pattern(text, true) }
                        },
                    )
                    .collect(),
            )
        };
        Self {
            name: name.to_owned(),
            statements: vec![Statement {
                index: 0,
                sid: None,
                effect: Effect::Allow,
                principals: Principals::Nobody,
                actions: patterns(actions, true),
                resources: patterns(resources, false),
                conditions: Vec::new(),
                partial: false,
            }],
        }
    }

    /// A trust policy that lets one principal of the same account assume the role.
    pub(crate) fn trusting(name: &str, arn: &str) -> Self {
        let mut document = Self::allow(name, &["sts:AssumeRole"], &["*"]);
        for statement in &mut document.statements {
            statement.principals = Principals::Only(vec![PrincipalName::Aws(arn.to_owned())]);
            statement.resources = Element::Everything;
        }
        document
    }
}

impl Document {
    /// Whether a statement may let users or roles in; with `directly`, without the help of their own
    /// policies. Leaves out the many roles that only services and identity providers assume.
    pub(crate) fn may_trust_principals(&self, directly: bool) -> bool {
        self.statements.iter().any(|statement| match &statement.principals {
            _ if statement.effect == Effect::Deny => false,
            Principals::Nobody => false,
            Principals::Only(names) => names.iter().any(|name| match name {
                PrincipalName::Everyone | PrincipalName::Aws(_) => true,
                PrincipalName::Account(_) | PrincipalName::Canonical(_) => !directly,
                PrincipalName::Service(_) | PrincipalName::Federated(_) => false,
            }),
            Principals::Except(_) | Principals::Unreadable => true,
        })
    }
}

impl Document {
    /// Whether a statement may let in whoever comes.
    pub(crate) fn may_trust_everyone(&self) -> bool {
        self.statements.iter().any(|statement| match &statement.principals {
            _ if statement.effect == Effect::Deny => false,
            Principals::Nobody => false,
            Principals::Only(names) => names.contains(&PrincipalName::Everyone),
            Principals::Except(_) | Principals::Unreadable => true,
        })
    }

    /// The users, roles and sessions that are named.
    pub(crate) fn named_principals(&self) -> impl Iterator<Item = &str> {
        self.statements
            .iter()
            .flat_map(|statement| match &statement.principals {
                Principals::Only(names) => names.as_slice(),
                _ => &[],
            })
            .filter_map(|name| match name {
                PrincipalName::Aws(arn) => Some(arn.as_str()),
                _ => None,
            })
    }
}

impl Statement {
    /// Whether the statement speaks of the action; `action` in lower case.
    pub(crate) fn names_action(&self, action: &str) -> Truth {
        match &self.actions {
            Element::Only(patterns) => patterns.iter().any(|pattern| pattern.fits(action)).into(),
            Element::Except(patterns) => (!patterns.iter().any(|pattern| pattern.fits(action))).into(),
            Element::Everything => Truth::Yes,
            Element::Unreadable => Truth::Unknown,
        }
    }

    pub(crate) fn names_resource(&self, resource: &str, context: &Context<'_>) -> Truth {
        let any = |patterns: &[Pattern]| {
            patterns.iter().map(|pattern| pattern.matches(resource, context)).fold(Truth::No, Truth::or)
        };
        match &self.resources {
            Element::Only(patterns) => any(patterns),
            Element::Except(patterns) => any(patterns).negate(),
            Element::Everything => Truth::Yes,
            Element::Unreadable => Truth::Unknown,
        }
    }

    /// Conditions; the keys that the caller may pick freely, and the names of those that stay unknown.
    pub(crate) fn conditions_hold<'a>(&'a self, context: &Context<'_>) -> Held<'a> {
        let mut held = Held { truth: Truth::Yes, free: Vec::new(), open: Vec::new() };
        for condition in &self.conditions {
            match condition.evaluate(context) {
                Verdict::Is(truth) => {
                    if truth == Truth::Unknown {
                        held.open.push(condition.name());
                    }
                    held.truth = held.truth.and(truth);
                }
                // Two wishes about one free key may contradict each other: not looked into.
                Verdict::Free if held.free.contains(&condition.key()) => {
                    held.open.push(condition.name());
                    held.truth = held.truth.and(Truth::Unknown);
                }
                Verdict::Free => held.free.push(condition.key()),
            }
        }
        if self.partial {
            held.truth = held.truth.and(Truth::Unknown);
        }
        held
    }
}

pub(crate) struct Held<'a> {
    pub(crate) truth: Truth,
    pub(crate) free: Vec<&'a str>,
    pub(crate) open: Vec<&'a str>,
}
