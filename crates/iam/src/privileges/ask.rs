//! Answers and targets: the small change of the search. It must not know any method.

use std::collections::BTreeSet;

use crate::account::{Principal, tag_keys};
use crate::context::{Context, Key};
use crate::evaluate::{Citation, Decision};
use crate::truth::Truth;

/// Whether something works, by which statements, and on what it hangs.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) truth: Truth,
    pub(super) because: Vec<Citation>,
    pub(super) open: BTreeSet<String>,
}

impl Answer {
    pub(super) fn yes() -> Self {
        Self { truth: Truth::Yes, because: Vec::new(), open: BTreeSet::new() }
    }

    pub(super) fn no() -> Self {
        Self { truth: Truth::No, because: Vec::new(), open: BTreeSet::new() }
    }

    pub(super) fn is_no(&self) -> bool {
        self.truth == Truth::No
    }

    /// It hangs on a fact besides.
    pub(super) fn hanging_on(mut self, fact: String) -> Self {
        if self.truth.possible() {
            self.truth = self.truth.and(Truth::Unknown);
            self.open.insert(fact);
        }
        self
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.truth = self.truth.and(other.truth);
        if self.truth == Truth::No {
            return Self::no();
        }
        for citation in other.because {
            if !self.because.contains(&citation) {
                self.because.push(citation);
            }
        }
        self.open.extend(other.open);
        self
    }

    /// The better of the two; the first when they are equal.
    pub(super) fn or(self, other: Self) -> Self {
        if other.truth > self.truth { other } else { self }
    }
}

impl From<Decision> for Answer {
    fn from(decision: Decision) -> Self {
        let truth = decision.outcome.truth();
        if truth == Truth::No {
            return Self::no();
        }
        Self { truth, because: decision.because, open: decision.open }
    }
}

/// What a request is made on, with the keys that come with it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) resource: String,
    pub(super) context: Context<'static>,
}

impl Target {
    /// A resource of IAM, which answers from one region.
    pub(super) fn iam(resource: &str) -> Self {
        let mut target = Self::at(resource, "us-east-1");
        target.context.absent("iam:PermissionsBoundary");
        target
    }

    pub(super) fn at(resource: &str, region: &str) -> Self {
        let mut context = Context::new();
        context.value("aws:RequestedRegion", region);
        Self { resource: resource.to_owned(), context }
    }

    /// A user or role.
    pub(super) fn principal(principal: &Principal<'_>) -> Self {
        let mut target = Self::iam(principal.arn);
        tag_keys(&mut target.context, "aws:ResourceTag/", principal.tags);
        tag_keys(&mut target.context, "iam:ResourceTag/", principal.tags);
        target.context.value("aws:ResourceAccount", principal.account);
        if let Some((boundary, _)) = principal.boundary {
            target.context.value("iam:PermissionsBoundary", boundary);
        }
        target
    }

    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.context.value(key, value);
        self
    }

    pub(super) fn set(mut self, key: &str, state: Key) -> Self {
        self.context.set(key, state);
        self
    }
}
