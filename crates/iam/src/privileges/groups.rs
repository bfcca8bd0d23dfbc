//! Methods on group membership of a held user. They must not count a group that adds nothing.

use std::collections::BTreeSet;

use super::ask::Target;
use super::search::{Change, ChangeEdge};
use super::world::{ActorId, World};
use crate::arn::Arn;

pub(super) fn add(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    if !world.principal(held).is_user() || !world.may(actor, "iam:AddUserToGroup") {
        return Vec::new();
    }
    let have = world.groups(held);
    let mut edges = Vec::new();
    for (at, group) in world.index.groups.iter().enumerate() {
        let own = Arn::parse(&group.arn).is_some_and(|arn| arn.account == world.principal(held).account);
        if !own || have.contains(&at) {
            continue;
        }
        let answer = world.ask(actor, "iam:AddUserToGroup", &Target::iam(&group.arn));
        if !answer.is_no() {
            edges.push(ChangeEdge::new(answer, &group.arn, Change::Join(at)));
        }
    }
    edges
}

pub(super) fn remove(world: &mut World<'_>, actor: ActorId, held: ActorId) -> Vec<ChangeEdge> {
    if !world.principal(held).is_user() || !world.may(actor, "iam:RemoveUserFromGroup") {
        return Vec::new();
    }
    let mut edges = Vec::new();
    for group in world.principal(held).groups.clone() {
        let holdings = world.principal(held).holdings.iter().enumerate();
        let places: BTreeSet<usize> =
            holdings.filter(|(_, holding)| holding.source.group() == Some(group)).map(|(at, _)| at).collect();
        let denies = places.iter().any(|at| world.principal(held).holdings[*at].document.denies_something());
        if !denies {
            continue;
        }
        let target = Target::iam(&world.index.groups[group].arn);
        let answer = world.ask(actor, "iam:RemoveUserFromGroup", &target);
        if !answer.is_no() {
            edges.push(ChangeEdge::new(answer, &target.resource, Change::Drop(places)));
        }
    }
    edges
}
