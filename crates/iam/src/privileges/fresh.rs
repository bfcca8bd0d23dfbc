//! Methods that make a new principal with full rights. They must not count where organisation policies
//! would bind the new one too.

use super::ask::{Answer, Target};
use super::coverage::is_administrator_document;
use super::probe::Need;
use super::world::{ActorId, World};
use crate::arn::Arn;
use crate::context::Context;
use crate::policy::Document;

const USER: &str = "global:user/new-administrator";
const ROLE: &str = "global:role/new-administrator";

const CREATE_USER: Need = &[("iam:CreateUser", USER)];
const ARM_USER: Need = &[("iam:PutUserPolicy", USER), ("iam:AttachUserPolicy", USER)];
const ENTER_USER: Need = &[("iam:CreateAccessKey", USER), ("iam:CreateLoginProfile", USER)];
const CREATE_ROLE: Need = &[("iam:CreateRole", ROLE)];
const ARM_ROLE: Need = &[("iam:PutRolePolicy", ROLE), ("iam:AttachRolePolicy", ROLE)];
const ENTER_ROLE: Need = &[("sts:AssumeRole", ROLE)];

/// A new principal without tags and boundary, to which `AdministratorAccess` is attached.
fn extra(world: &World<'_>, actor: ActorId) -> Context<'static> {
    let mut context = Context::new();
    context
        .absent("iam:PermissionsBoundary")
        .value("iam:PolicyARN", world.administrator_policy(actor))
        .absent("aws:TagKeys")
        .close("aws:RequestTag/")
        .close("aws:ResourceTag/")
        .close("iam:ResourceTag/");
    context
}

pub(super) fn user(world: &mut World<'_>, actor: ActorId) -> Answer {
    if !world.may(actor, "iam:CreateUser") {
        return Answer::no();
    }
    let extra = extra(world, actor);
    let mut best = world.needs(actor, &[CREATE_USER, ARM_USER, ENTER_USER], &extra, None);
    if !best.truth.certain() && world.may(actor, "iam:AddUserToGroup") {
        best = best.or(into_group(world, actor, &extra));
    }
    best.and(world.new_administrator(actor))
}

/// The new user gets its rights from a group that gives everything.
fn into_group(world: &mut World<'_>, actor: ActorId, extra: &Context<'static>) -> Answer {
    let mut best = Answer::no();
    for group in &world.index.groups {
        let attached = group.attached.iter().filter_map(|arn| world.policy(arn));
        let attached = attached.filter_map(|at| world.index.policies[at].document());
        let documents: Vec<&Document> = group.inline.iter().chain(attached).collect();
        let everything =
            documents.iter().any(|document| is_administrator_document(document, &Context::new()));
        let own = Arn::parse(&group.arn).is_some_and(|arn| arn.account == world.principal(actor).account);
        if !own || !everything || documents.iter().any(|document| document.denies_something()) {
            continue;
        }
        let joined = world.ask(actor, "iam:AddUserToGroup", &Target::iam(&group.arn));
        if !joined.is_no() {
            best = best.or(world.needs(actor, &[CREATE_USER, ENTER_USER], extra, None).and(joined));
        }
    }
    best
}

pub(super) fn role(world: &mut World<'_>, actor: ActorId) -> Answer {
    if !world.may(actor, "iam:CreateRole") {
        return Answer::no();
    }
    let extra = extra(world, actor);
    let trust = Document::trusting("the new trust policy", world.principal(actor).arn);
    let mut answer = world.needs(actor, &[CREATE_ROLE, ARM_ROLE, ENTER_ROLE], &extra, Some(&trust));
    answer.because.retain(|citation| citation.policy != trust.name());
    answer.and(world.new_administrator(actor))
}
