//! Methods that change what policies say of a held user or role: attach, put, new version, detach. They
//! must not touch policies that AWS owns, nor roles that AWS keeps for itself.

use std::collections::BTreeSet;

use super::ask::{Answer, Target};
use super::coverage::is_administrator_document;
use super::search::{Change, ChangeEdge};
use super::world::{ActorId, World};
use crate::account::{Source, aws_policy, tag_keys};
use crate::context::Context;

/// A managed policy has at most so many versions; one more needs the right to delete one.
const MOST_VERSIONS: usize = 5;

#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    User,
    Role,
}

/// Whether the method speaks of this kind of principal, and the principal can be changed at all.
fn fits(world: &World<'_>, held: ActorId, on: On) -> bool {
    let principal = world.principal(held);
    principal.is_user() == (on == On::User) && !principal.protected
}

pub(super) fn attach_user(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    attach_own(world, actor, held, On::User, "iam:AttachUserPolicy")
}

pub(super) fn attach_role(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    attach_own(world, actor, held, On::Role, "iam:AttachRolePolicy")
}

fn attach_own(
    world: &mut World<'_>,
    actor: ActorId,
    held: ActorId,
    on: On,
    action: &'static str,
) -> Vec<ChangeEdge> {
    if !fits(world, held, on) || !world.may(actor, action) {
        return Vec::new();
    }
    let target = Target::principal(world.principal(held));
    attach(world, actor, held, action, &target)
}

pub(super) fn attach_group(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    if !world.may(actor, "iam:AttachGroupPolicy") {
        return Vec::new();
    }
    let mut edges = Vec::new();
    for group in world.groups(held) {
        let target = Target::iam(&world.index.groups[group].arn);
        edges.extend(attach(world, actor, held, "iam:AttachGroupPolicy", &target));
    }
    edges
}

/// `AdministratorAccess` if that may be attached, else whichever of the known policies may be.
fn attach(
    world: &mut World<'_>,
    actor: ActorId,
    held: ActorId,
    action: &'static str,
    target: &Target,
) -> Vec<ChangeEdge> {
    let administrator = world.administrator_policy(actor);
    let answer = world.ask(actor, action, &target.clone().with("iam:PolicyARN", &administrator));
    let certain = answer.truth.certain();
    let mut edges = Vec::new();
    if !answer.is_no() {
        edges.push(ChangeEdge::new(answer, &target.resource, Change::Administrator));
    }
    if certain {
        return edges;
    }
    let (account, have) = (world.principal(held).account, world.managed(held));
    for (at, policy) in world.index.policies.iter().enumerate() {
        let own = crate::arn::Arn::parse(&policy.arn).is_some_and(|arn| arn.account == account);
        // A policy that denies can take more than it gives; it is not attached on purpose.
        let worth = policy.document().is_some_and(|document| !document.denies_something());
        if have.contains(&at) || !worth || !(own || aws_policy(&policy.arn).is_some()) {
            continue;
        }
        let answer = world.ask(actor, action, &target.clone().with("iam:PolicyARN", &policy.arn));
        if !answer.is_no() {
            edges.push(ChangeEdge::new(answer, &target.resource, Change::Policy(at)));
        }
    }
    edges
}

pub(super) fn put_user(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    put_own(world, actor, held, On::User, "iam:PutUserPolicy")
}

pub(super) fn put_role(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    put_own(world, actor, held, On::Role, "iam:PutRolePolicy")
}

fn put_own(
    world: &mut World<'_>,
    actor: ActorId,
    held: ActorId,
    on: On,
    action: &'static str,
) -> Vec<ChangeEdge> {
    if !fits(world, held, on) || !world.may(actor, action) {
        return Vec::new();
    }
    let target = Target::principal(world.principal(held));
    let answer = world.ask(actor, action, &target);
    // Inline policies can be overwritten one by one, so those that deny go as well.
    let denying = denying(world, held, |source| source == Source::Inline);
    edge(answer, &target, Change::Rewrite(denying))
}

pub(super) fn put_group(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    if !world.may(actor, "iam:PutGroupPolicy") {
        return Vec::new();
    }
    let mut edges = Vec::new();
    for group in world.groups(held) {
        let target = Target::iam(&world.index.groups[group].arn);
        let answer = world.ask(actor, "iam:PutGroupPolicy", &target);
        let denying = denying(world, held, |source| source == Source::GroupInline(group));
        edges.extend(edge(answer, &target, Change::Rewrite(denying)));
    }
    edges
}

fn edge(answer: Answer, target: &Target, change: Change) -> Vec<ChangeEdge> {
    if answer.is_no() { Vec::new() } else { vec![ChangeEdge::new(answer, &target.resource, change)] }
}

/// Places of the holdings from this source that deny something.
fn denying(world: &World<'_>, held: ActorId, from: impl Fn(Source) -> bool) -> BTreeSet<usize> {
    let holdings = world.principal(held).holdings.iter().enumerate();
    holdings
        .filter(|(_, holding)| from(holding.source) && holding.document.denies_something())
        .map(|(at, _)| at)
        .collect()
}

/// The customer's policies that hold for the principal, its boundary last.
fn changeable(world: &World<'_>, held: ActorId) -> Vec<(usize, bool)> {
    let mut list: Vec<(usize, bool)> = world.managed(held).into_iter().map(|at| (at, false)).collect();
    if let Some((arn, _)) = world.principal(held).boundary.filter(|_| !world.overlay(held).unbound) {
        list.extend(world.policy(arn).map(|at| (at, true)));
    }
    list.retain(|(at, _)| aws_policy(&world.index.policies[*at].arn).is_none());
    list
}

fn policy_target(world: &World<'_>, policy: usize) -> Target {
    let policy = world.index.policies[policy];
    let mut target = Target::iam(&policy.arn);
    tag_keys(&mut target.context, "aws:ResourceTag/", policy.tags.as_ref());
    tag_keys(&mut target.context, "iam:ResourceTag/", policy.tags.as_ref());
    target
}

/// A policy that says all: as an identity policy it gives everything and denies nothing more; as the
/// boundary it bounds nothing.
fn rewritten(world: &World<'_>, held: ActorId, policy: usize, boundary: bool) -> Change {
    if boundary {
        return Change::Unbind;
    }
    let holdings = world.principal(held).holdings.iter().enumerate();
    let places = holdings.filter(|(_, holding)| holding.source.policy() == Some(policy)).map(|(at, _)| at);
    Change::Rewrite(places.collect())
}

pub(super) fn create_version(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    if !world.may(actor, "iam:CreatePolicyVersion") {
        return Vec::new();
    }
    let mut edges = Vec::new();
    for (policy, boundary) in changeable(world, held) {
        let target = policy_target(world, policy);
        let mut answer = world.ask(actor, "iam:CreatePolicyVersion", &target);
        if !answer.is_no() && world.index.policies[policy].versions.len() >= MOST_VERSIONS {
            answer = answer.and(world.ask(actor, "iam:DeletePolicyVersion", &target));
        }
        edges.extend(edge(answer, &target, rewritten(world, held, policy, boundary)));
    }
    edges
}

pub(super) fn set_default_version(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    if !world.may(actor, "iam:SetDefaultPolicyVersion") {
        return Vec::new();
    }
    let mut edges = Vec::new();
    let context = Context::new();
    for (policy, boundary) in changeable(world, held) {
        let target = policy_target(world, policy);
        let answer = world.ask(actor, "iam:SetDefaultPolicyVersion", &target);
        if answer.is_no() {
            continue;
        }
        for (at, version) in world.index.policies[policy].versions.iter().enumerate() {
            if version.default {
                continue;
            }
            // A version that gives everything is as good as a rewritten policy; another one replaces what
            // the policy gives now, which may take as well as give.
            let change = if is_administrator_document(&version.document, &context) {
                rewritten(world, held, policy, boundary)
            } else {
                Change::Flip(policy, at)
            };
            edges.extend(edge(answer.clone(), &target, change));
        }
    }
    edges
}

pub(super) fn detach_user(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    detach_own(world, actor, held, On::User, "iam:DetachUserPolicy")
}

pub(super) fn detach_role(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    detach_own(world, actor, held, On::Role, "iam:DetachRolePolicy")
}

fn detach_own(
    world: &mut World<'_>,
    actor: ActorId,
    held: ActorId,
    on: On,
    action: &'static str,
) -> Vec<ChangeEdge> {
    if !fits(world, held, on) || !world.may(actor, action) {
        return Vec::new();
    }
    let target = Target::principal(world.principal(held));
    let mut edges = Vec::new();
    for at in denying(world, held, |source| matches!(source, Source::Attached(_))) {
        let Source::Attached(policy) = world.principal(held).holdings[at].source else { continue };
        let target = target.clone().with("iam:PolicyARN", &world.index.policies[policy].arn);
        let answer = world.ask(actor, action, &target);
        edges.extend(edge(answer, &target, Change::Drop([at].into())));
    }
    edges
}

pub(super) fn detach_group(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    if !world.may(actor, "iam:DetachGroupPolicy") {
        return Vec::new();
    }
    let mut edges = Vec::new();
    for at in denying(world, held, |source| matches!(source, Source::GroupAttached(..))) {
        let Source::GroupAttached(group, policy) = world.principal(held).holdings[at].source else {
            continue;
        };
        let target = Target::iam(&world.index.groups[group].arn)
            .with("iam:PolicyARN", &world.index.policies[policy].arn);
        let answer = world.ask(actor, "iam:DetachGroupPolicy", &target);
        edges.extend(edge(answer, &target, Change::Drop([at].into())));
    }
    edges
}

pub(super) fn delete_user(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    delete_own(world, actor, held, On::User, "iam:DeleteUserPolicy")
}

pub(super) fn delete_role(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    delete_own(world, actor, held, On::Role, "iam:DeleteRolePolicy")
}

fn delete_own(
    world: &mut World<'_>,
    actor: ActorId,
    held: ActorId,
    on: On,
    action: &'static str,
) -> Vec<ChangeEdge> {
    if !fits(world, held, on) || !world.may(actor, action) {
        return Vec::new();
    }
    let target = Target::principal(world.principal(held));
    let answer = world.ask(actor, action, &target);
    let places = denying(world, held, |source| source == Source::Inline);
    places.into_iter().flat_map(|at| edge(answer.clone(), &target, Change::Drop([at].into()))).collect()
}

pub(super) fn delete_group(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    if !world.may(actor, "iam:DeleteGroupPolicy") {
        return Vec::new();
    }
    let mut edges = Vec::new();
    for at in denying(world, held, |source| matches!(source, Source::GroupInline(_))) {
        let Source::GroupInline(group) = world.principal(held).holdings[at].source else { continue };
        let target = Target::iam(&world.index.groups[group].arn);
        let answer = world.ask(actor, "iam:DeleteGroupPolicy", &target);
        edges.extend(edge(answer, &target, Change::Drop([at].into())));
    }
    edges
}
