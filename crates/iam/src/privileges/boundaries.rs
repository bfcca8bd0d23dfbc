//! Methods on the permissions boundary of a held user or role. They must not count where there is none.

use super::ask::Target;
use super::coverage::is_administrator_document;
use super::search::{Change, ChangeEdge};
use super::world::{ActorId, World};
use crate::context::Context;

pub(super) fn delete_user(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    delete(world, actor, held, true, "iam:DeleteUserPermissionsBoundary")
}

pub(super) fn delete_role(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    delete(world, actor, held, false, "iam:DeleteRolePermissionsBoundary")
}

pub(super) fn put_user(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    put(world, actor, held, true, "iam:PutUserPermissionsBoundary")
}

pub(super) fn put_role(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    put(world, actor, held, false, "iam:PutRolePermissionsBoundary")
}

fn bounded(world: &World<'_>, held: ActorId, user: bool) -> bool {
    let principal = world.principal(held);
    principal.is_user() == user
        && principal.boundary.is_some()
        && !world.overlay(held).unbound
        && !principal.protected
}

fn delete(
    world: &mut World<'_>,
    actor: ActorId,
    held: ActorId,
    user: bool,
    action: &'static str,
) -> Vec<ChangeEdge> {
    if !bounded(world, held, user) {
        return Vec::new();
    }
    let target = Target::principal(world.principal(held));
    let answer = world.ask(actor, action, &target);
    if answer.is_no() { Vec::new() } else { vec![ChangeEdge::new(answer, &target.resource, Change::Unbind)] }
}

/// A boundary that bounds nothing: `AdministratorAccess`, or a policy of the customer that says the same.
fn put(
    world: &mut World<'_>,
    actor: ActorId,
    held: ActorId,
    user: bool,
    action: &'static str,
) -> Vec<ChangeEdge> {
    if !bounded(world, held, user) || !world.may(actor, action) {
        return Vec::new();
    }
    let context = Context::new();
    let mut wide = vec![world.administrator_policy(actor)];
    for policy in &world.index.policies {
        if policy.document().is_some_and(|document| is_administrator_document(document, &context)) {
            wide.push(policy.arn.clone());
        }
    }
    let target = Target::principal(world.principal(held));
    let mut edges = Vec::new();
    for boundary in wide {
        let answer = world.ask(actor, action, &target.clone().with("iam:PermissionsBoundary", &boundary));
        if !answer.is_no() {
            edges.push(ChangeEdge::new(answer, &target.resource, Change::Unbind));
        }
    }
    edges
}
