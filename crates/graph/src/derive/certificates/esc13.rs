//! `ADCSESC13`: a certificate makes its holder a member of a group.
//!
//! Precondition: the template signs one in, is free of approval and signatures and carries an issuance policy
//! (`ExtendedByPolicy`) that is linked to a group (`OIDGroupLink`); the right to enrol on template and
//! authority, and for users a template that needs no DNS name. The edge leads to the group, which must be of
//! a domain for which the authority counts, or of one that trusts it.

use std::collections::BTreeSet;

use super::super::directory::{Directory, Sort, Tie};
use super::super::premise::{Output, Premise};
use super::template::{authenticates, can_name, is_free};
use super::{Enrolment, Services, enrol, properties};
use crate::engine::NodeId;

pub(in super::super) fn derive(services: &Services<'_>, output: &mut Output) {
    let directory = services.directory;
    for (authority, template) in services.published() {
        if !is_free(directory, template) || !authenticates(directory, template) {
            continue;
        }
        let links = links(directory, template);
        if links.is_empty() {
            continue;
        }
        let rights = vec![enrol(template), authority.ask()];
        let mut principals = services.members.common(&rights);
        principals.retain(|&principal| can_name(directory, template, principal));
        let names = ["authenticationenabled", "requiresmanagerapproval", "authorizedsignatures"];
        let facts = properties(template, &names);
        let enrolment = Enrolment { authority, template, rights, facts };
        for (group, ties) in links {
            let reached = authority.domains.iter().find(|&(&domain, _)| holds(directory, domain, group));
            let Some((_, trust)) = reached else { continue };
            for &principal in &principals {
                if !output.is_new("ADCSESC13", principal, group) {
                    continue;
                }
                let mut because = enrolment.because(services.members, principal);
                because.extend(&ties);
                because.extend(trust);
                output.push("ADCSESC13", principal, group, because);
            }
        }
    }
}

/// The groups that a template leads to. Older files have the tie to the policy the other way round.
fn links(directory: &Directory, template: NodeId) -> Vec<(NodeId, Vec<Premise>)> {
    let extended = Tie::ExtendedByPolicy;
    let forward = directory
        .ends(extended, template)
        .map(|policy| (policy, Premise::Tie { start: template, tie: extended, end: policy }));
    let backward = directory
        .starts(extended, template)
        .map(|policy| (policy, Premise::Tie { start: policy, tie: extended, end: template }));
    let mut links = Vec::new();
    for (policy, carried) in forward.chain(backward) {
        if directory.is(policy, Sort::IssuancePolicy) {
            for group in directory.ends(Tie::OidGroupLink, policy) {
                if directory.is(group, Sort::Group) {
                    let linked = Premise::Tie { start: policy, tie: Tie::OidGroupLink, end: group };
                    links.push((group, vec![carried, linked]));
                }
            }
        }
    }
    links
}

/// Whether the group is of the domain, or of one that trusts it. In files without containers the stated
/// domain counts.
fn holds(directory: &Directory, domain: NodeId, group: NodeId) -> bool {
    if directory.knows(Tie::Contains) {
        return reaches(directory, group, domain);
    }
    let stated = directory.text(group, "domainsid").is_some();
    let mut domains = directory.all(Sort::Domain).filter(|&each| directory.is_in(group, each));
    !stated || domains.any(|each| reaches(directory, each, domain))
}

/// Whether containers and trusts lead from the object up to the domain.
fn reaches(directory: &Directory, from: NodeId, domain: NodeId) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        if next == domain {
            return true;
        }
        // Both ties of today lead from who trusts to who is trusted, the older ones the other way.
        let above = directory
            .starts(Tie::Contains, next)
            .chain(directory.starts(Tie::TrustedBy, next))
            .chain(directory.starts(Tie::TrustedByParentChild, next))
            .chain(directory.ends(Tie::SameForestTrust, next))
            .chain(directory.ends(Tie::CrossForestTrust, next));
        for each in above {
            if seen.insert(each) {
                open.push(each);
            }
        }
    }
    false
}
