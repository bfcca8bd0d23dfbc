//! `Owns` and `WriteOwner` from what collectors list as `OwnsRaw` and `WriteOwnerRaw`.
//!
//! Precondition: the owner of an object has implicit rights unless the forest blocks them
//! (`dSHeuristics`, 29th character `1`: BlockOwnerImplicitRights). Then owners of computers and managed
//! service accounts have none, but for domain and enterprise admins; and taking such an object over gives
//! none either. Source: Microsoft KB5008383.

use super::directory::{Directory, Sort, Tie};
use super::membership::Membership;
use super::premise::{Output, Premise};
use crate::engine::NodeId;

/// The place of BlockOwnerImplicitRights in `dSHeuristics`.
const BLOCK_OWNER: usize = 28;

pub(super) fn derive(directory: &Directory, output: &mut Output) {
    if !directory.knows(Tie::OwnsRaw) && !directory.knows(Tie::WriteOwnerRaw) {
        return;
    }
    let blocking: Vec<NodeId> = directory
        .all(Sort::Domain)
        .filter(|&domain| {
            let heuristics = directory.text(domain, "dsheuristics");
            heuristics.is_some_and(|text| text.as_bytes().get(BLOCK_OWNER) == Some(&b'1'))
        })
        .collect();
    let members = Membership::new(directory);
    let admins: Vec<NodeId> = (0..directory.len() as u32)
        .map(NodeId)
        .filter(|&object| directory.is(object, Sort::Group))
        .filter(|&group| ["-512", "-519"].iter().any(|end| directory.object_id(group).ends_with(end)))
        .collect();
    let admins = members.with_members(&admins);
    let is_protected = |object: NodeId| {
        let is_computer = directory.is(object, Sort::Computer)
            || directory.is_true(object, "gmsa")
            || directory.is_true(object, "msa");
        is_computer && blocking.iter().any(|&domain| directory.is_in(object, domain))
    };
    for (owner, object) in directory.pairs(Tie::OwnsRaw) {
        if !is_protected(object) || admins.contains(owner.index()) {
            let because = vec![Premise::Tie { start: owner, tie: Tie::OwnsRaw, end: object }];
            output.push(Tie::Owns.text(), owner, object, because);
        }
    }
    for (principal, object) in directory.pairs(Tie::WriteOwnerRaw) {
        if !is_protected(object) {
            let because = vec![Premise::Tie { start: principal, tie: Tie::WriteOwnerRaw, end: object }];
            output.push(Tie::WriteOwner.text(), principal, object, because);
        }
    }
}
