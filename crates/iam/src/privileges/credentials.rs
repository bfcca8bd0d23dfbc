//! Methods that make credentials of another user. They must not count roles, which have none.
//!
//! How many keys a user has, and whether it has a password, is mostly not in the data; where it is known,
//! it counts.

use super::ask::Target;
use super::search::GainEdge;
use super::world::{ActorId, World};
use crate::account::{PrincipalKind, User};

pub(super) fn access_key(world: &mut World<'_>, actor: ActorId, only: Option<usize>) -> Vec<GainEdge> {
    users(world, actor, only, "iam:CreateAccessKey", |_| true)
}

pub(super) fn create_login(world: &mut World<'_>, actor: ActorId, only: Option<usize>) -> Vec<GainEdge> {
    users(world, actor, only, "iam:CreateLoginProfile", |user| user.has_password != Some(true))
}

pub(super) fn update_login(world: &mut World<'_>, actor: ActorId, only: Option<usize>) -> Vec<GainEdge> {
    users(world, actor, only, "iam:UpdateLoginProfile", |user| user.has_password != Some(false))
}

fn users(
    world: &mut World<'_>,
    actor: ActorId,
    only: Option<usize>,
    action: &'static str,
    works: impl Fn(&User) -> bool,
) -> Vec<GainEdge> {
    if !world.may(actor, action) {
        return Vec::new();
    }
    let (own, account) = (world.principal_of(actor), world.principal(actor).account);
    let mut edges = Vec::new();
    let index = world.index;
    for at in world.those(only) {
        let principal = &index.principals[at];
        let PrincipalKind::User(user) = principal.kind else { continue };
        if at == own || principal.account != account || !works(user) {
            continue;
        }
        let answer = world.ask(actor, action, &Target::principal(principal));
        if !answer.is_no() {
            edges.push(GainEdge::new(at, answer));
        }
    }
    edges
}
