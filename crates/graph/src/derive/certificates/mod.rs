//! Certificate services: authorities that domains trust, templates that they publish, and what both let an
//! account become.
//!
//! All rules here share the same ground: an authority counts for a domain when its chain ends in a root CA
//! of the domain *and* it is in the NTAuth store of the domain; who enrols needs the right on the template
//! *and* on the authority. Sources: SpecterOps, *Certified Pre-Owned* (ESC1 to ESC8) and its sequels for
//! ESC9, 10, 13 and 16, and the edges of BloodHound CE as its documentation and its analysis (Apache-2.0)
//! define them; expressed anew.
//!
//! **What is not stated.** A flag that a template does not state is false and a number 0: collectors leave
//! out what is not set. What makes a template *dangerous* must therefore be stated. An authority whose host
//! is not known may still be running; one whose known hosts are all disabled is not.

pub(super) mod esc1;
pub(super) mod esc13;
pub(super) mod esc16;
pub(super) mod esc3;
pub(super) mod esc4;
pub(super) mod esc6;
pub(super) mod golden_cert;
pub(super) mod mapping;
pub(super) mod template;
pub(super) mod trust;
pub(super) mod victims;

use std::collections::BTreeMap;

use super::directory::{Directory, Sort, Tie};
use super::membership::{Membership, Right};
use super::premise::{Output, Premise};
use crate::engine::NodeId;

/// Who may enrol in a template.
pub(super) const ENROL: &[Tie] = &[Tie::Enroll, Tie::GenericAll, Tie::AllExtendedRights];
/// Who may ask an authority for a certificate.
const ASK: &[Tie] = &[Tie::Enroll];

/// An authority that counts for at least one domain.
pub(super) struct Authority {
    pub(super) node: NodeId,
    /// The domains that trust it, with the reasons, in order.
    pub(super) domains: BTreeMap<NodeId, Vec<Premise>>,
    /// The templates that it publishes, in order.
    pub(super) templates: Vec<NodeId>,
}

impl Authority {
    pub(super) fn ask(&self) -> Right {
        Right { target: self.node, ties: ASK }
    }
}

/// What the rules of this family look at.
pub(super) struct Services<'d> {
    pub(super) directory: &'d Directory,
    pub(super) members: &'d Membership<'d>,
    pub(super) authorities: Vec<Authority>,
}

impl<'d> Services<'d> {
    pub(super) fn new(directory: &'d Directory, members: &'d Membership<'d>) -> Self {
        let mut trusted: BTreeMap<NodeId, BTreeMap<NodeId, Vec<Premise>>> = BTreeMap::new();
        for domain in directory.all(Sort::Domain) {
            for (authority, reasons) in trust::authorities_of(directory, domain) {
                trusted.entry(authority).or_default().insert(domain, reasons);
            }
        }
        let authorities = trusted
            .into_iter()
            .filter(|&(node, _)| may_run(directory, node))
            .map(|(node, domains)| {
                let templates = directory.starts(Tie::PublishedTo, node);
                let templates = templates.filter(|&template| directory.is(template, Sort::CertTemplate));
                Authority { node, domains, templates: templates.collect() }
            })
            .collect();
        Self { directory, members, authorities }
    }

    /// One edge from each principal to each domain that trusts the authority.
    pub(super) fn submit(
        &self,
        kind: &'static str,
        output: &mut Output,
        enrolment: &Enrolment<'_>,
        principals: impl IntoIterator<Item = NodeId>,
    ) {
        for principal in principals {
            let domains = || enrolment.authority.domains.iter();
            if !domains().any(|(&domain, _)| output.is_new(kind, principal, domain)) {
                continue;
            }
            let because = enrolment.because(self.members, principal);
            for (&domain, trust) in domains() {
                let because = because.iter().chain(trust).copied().collect();
                output.push(kind, principal, domain, because);
            }
        }
    }

    /// Every template that an authority publishes.
    pub(super) fn published(&self) -> impl Iterator<Item = (&Authority, NodeId)> {
        self.authorities
            .iter()
            .flat_map(|authority| authority.templates.iter().map(move |&template| (authority, template)))
    }
}

/// A way to a certificate: the rights that must meet in one principal, and the facts that make it dangerous.
pub(super) struct Enrolment<'a> {
    pub(super) authority: &'a Authority,
    pub(super) template: NodeId,
    pub(super) rights: Vec<Right>,
    pub(super) facts: Vec<Premise>,
}

impl Enrolment<'_> {
    /// The reasons but for the domain's trust.
    pub(super) fn because(&self, members: &Membership<'_>, principal: NodeId) -> Vec<Premise> {
        let mut because: Vec<Premise> = Vec::new();
        for &right in &self.rights {
            for premise in members.grounds(principal, right) {
                if !because.contains(&premise) {
                    because.push(premise);
                }
            }
        }
        because.extend(&self.facts);
        because.push(Premise::Tie { start: self.template, tie: Tie::PublishedTo, end: self.authority.node });
        because
    }
}

/// The right to enrol in a template.
pub(super) fn enrol(template: NodeId) -> Right {
    Right { target: template, ties: ENROL }
}

/// The premises for properties of one object.
pub(super) fn properties(object: NodeId, names: &[&'static str]) -> Vec<Premise> {
    names.iter().map(|&name| Premise::Property { object, name }).collect()
}

/// Whether some host of the authority may be up. Hosts that nobody named are not held against it.
fn may_run(directory: &Directory, authority: NodeId) -> bool {
    let mut hosts = directory.starts(Tie::HostsCaService, authority).peekable();
    hosts.peek().is_none() || hosts.any(|host| directory.flag(host, "enabled") != Some(false))
}
