//! Methods that end in `sts:AssumeRole`: with the trust policy as it is, or after changing it. They must
//! not count service-linked roles, which only their service assumes.

use super::ask::{Answer, Target};
use super::search::GainEdge;
use super::world::{ActorId, World};
use crate::policy::Document;

pub(super) fn assume(world: &mut World<'_>, actor: ActorId, only: Option<usize>) -> Vec<GainEdge> {
    let own = world.principal_of(actor);
    let may = world.may(actor, "sts:AssumeRole");
    let mut edges = Vec::new();
    let index = world.index;
    for at in world.those(only) {
        let principal = &index.principals[at];
        let Some(role) = principal.role() else { continue };
        if at == own || principal.service_linked || !role.trust.may_trust_principals(!may) {
            continue;
        }
        let answer = world.ask_to_assume_role(actor, at);
        if !answer.is_no() {
            edges.push(GainEdge::new(at, answer));
        }
    }
    edges
}

pub(super) fn update(world: &mut World<'_>, actor: ActorId, only: Option<usize>) -> Vec<GainEdge> {
    if !world.may(actor, "iam:UpdateAssumeRolePolicy") {
        return Vec::new();
    }
    let own = world.principal_of(actor);
    let (arn, account) = (world.principal(actor).arn, world.principal(actor).account);
    let trust = Document::trusting("the new trust policy", arn);
    let mut edges = Vec::new();
    let index = world.index;
    for at in world.those(only) {
        let principal = &index.principals[at];
        if at == own || principal.is_user() || principal.protected || principal.account != account {
            continue;
        }
        let target = Target::principal(principal);
        let answer = world.ask(actor, "iam:UpdateAssumeRolePolicy", &target);
        if answer.is_no() {
            continue;
        }
        let mut assumed = world.ask_to_assume(actor, &target, &trust);
        // The trust policy that the actor writes itself is no reason to show.
        assumed.because.retain(|citation| citation.policy != trust.name());
        let answer: Answer = answer.and(assumed);
        if !answer.is_no() {
            edges.push(GainEdge::new(at, answer));
        }
    }
    edges
}
