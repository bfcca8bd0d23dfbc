//! `CoerceAndRelayNTLMToSMB`, `…ToLDAP`, `…ToLDAPS` and `…ToADCS`: a computer is made to sign in at the
//! attacker's, who passes the sign-in on to a service that does not check who speaks.
//!
//! Precondition of all: the computer may sign in with NTLM elsewhere (stated: `restrictoutboundntlm` is
//! false) and is not protected as a member of *Protected Users* in a domain of level 2012 R2 or later. The
//! edge starts at *Authenticated Users* of the domain, since any account can coerce, and needs that group in
//! the file.
//! - SMB: the target does not require signing, and a coercible computer other than it is its administrator.
//! - LDAP, LDAPS: the WebClient runs on the computer, and a domain controller other than it takes unsigned
//!   LDAP, or LDAPS without channel binding.
//! - ADCS: an authority's web enrolment has no protection, and the computer may enrol in a template that signs
//!   it in, free of approval and signatures.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

use super::certificates::template::{authenticates, is_free};
use super::certificates::victims::victims;
use super::certificates::{Enrolment, Services, enrol, properties};
use super::directory::{Directory, Sort, Tie};
use super::membership::{Membership, Right};
use super::premise::{Output, Premise};
use crate::engine::NodeId;

/// Domain functional levels in which *Protected Users* may still sign in with NTLM.
const WITHOUT_PROTECTION: [&str; 6] =
    ["2000 Mixed/Native", "2003 Interim", "2003", "2008", "2008 R2", "2012"];
const TO_AUTHORITY: &str = "CoerceAndRelayNTLMToADCS";
const ADMINISTERS: &[Tie] = &[Tie::AdminTo];

/// What the four rules share.
pub(super) struct Coercion {
    /// Domains with their group of all accounts.
    domains: Vec<(NodeId, NodeId)>,
    coercible: FixedBitSet,
}

impl Coercion {
    pub(super) fn new(directory: &Directory, members: &Membership<'_>) -> Self {
        let groups: Vec<NodeId> = directory.all(Sort::Group).collect();
        let in_domain = |domain: NodeId, end: &str| {
            groups
                .iter()
                .copied()
                .find(|&group| directory.object_id(group).ends_with(end) && directory.is_in(group, domain))
        };
        let domains: Vec<(NodeId, NodeId)> = directory
            .all(Sort::Domain)
            .filter_map(|domain| Some((domain, in_domain(domain, "-S-1-5-11")?)))
            .collect();
        let mut coercible = FixedBitSet::with_capacity(directory.len());
        for &(domain, _) in &domains {
            let level = directory.text(domain, "functionallevel");
            let is_old = level.is_some_and(|level| WITHOUT_PROTECTION.contains(&level));
            let protected = in_domain(domain, "-525").filter(|_| !is_old);
            let protected = members.with_members(&protected.into_iter().collect::<Vec<_>>());
            for computer in directory.all(Sort::Computer) {
                if directory.is_in(computer, domain)
                    && directory.flag(computer, "restrictoutboundntlm") == Some(false)
                    && !protected.contains(computer.index())
                {
                    coercible.insert(computer.index());
                }
            }
        }
        Self { domains, coercible }
    }

    fn is_coercible(&self, computer: NodeId) -> bool {
        self.coercible.contains(computer.index())
    }
}

pub(super) fn to_smb(
    directory: &Directory,
    members: &Membership<'_>,
    coercion: &Coercion,
    output: &mut Output,
) {
    // Two of each administrator's computers will do: one of them is not the target.
    let mut relayable: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for &(domain, everyone) in &coercion.domains {
        for target in directory.all(Sort::Computer) {
            if !directory.is_in(target, domain) || directory.flag(target, "smbsigning") != Some(false) {
                continue;
            }
            let right = Right { target, ties: ADMINISTERS };
            let administrators = members.named(right);
            let relayed = administrators.iter().find_map(|&administrator| {
                let computers = relayable
                    .entry(administrator)
                    .or_insert_with(|| members.nearest(administrator, 2, |each| coercion.is_coercible(each)));
                computers.iter().copied().find(|&computer| computer != target)
            });
            let Some(relayed) = relayed else { continue };
            let mut because = properties(target, &["smbsigning"]);
            because.extend(properties(relayed, &["restrictoutboundntlm"]));
            because.extend(members.grounds_among(relayed, right, &administrators));
            output.push("CoerceAndRelayNTLMToSMB", everyone, target, because);
        }
    }
}

pub(super) fn to_ldap(directory: &Directory, coercion: &Coercion, output: &mut Output) {
    let weak = |controller: NodeId| {
        directory.is_true(controller, "ldapavailable")
            && directory.flag(controller, "ldapsigning") == Some(false)
    };
    let facts = ["ldapavailable", "ldapsigning"];
    to_controller("CoerceAndRelayNTLMToLDAP", &facts, directory, coercion, output, weak);
}

pub(super) fn to_ldaps(directory: &Directory, coercion: &Coercion, output: &mut Output) {
    let weak = |controller: NodeId| {
        directory.is_true(controller, "ldapsavailable")
            && directory.flag(controller, "ldapsepa") == Some(false)
    };
    let facts = ["ldapsavailable", "ldapsepa"];
    to_controller("CoerceAndRelayNTLMToLDAPS", &facts, directory, coercion, output, weak);
}

fn to_controller(
    kind: &'static str,
    facts: &[&'static str],
    directory: &Directory,
    coercion: &Coercion,
    output: &mut Output,
    is_weak: impl Fn(NodeId) -> bool,
) {
    for &(domain, everyone) in &coercion.domains {
        let computers = || directory.all(Sort::Computer).filter(|&each| directory.is_in(each, domain));
        let weak: Vec<NodeId> =
            computers().filter(|&each| directory.is_true(each, "isdc") && is_weak(each)).take(2).collect();
        for computer in computers() {
            if !coercion.is_coercible(computer) || !directory.is_true(computer, "webclientrunning") {
                continue;
            }
            let Some(&controller) = weak.iter().find(|&&each| each != computer) else { continue };
            let mut because = properties(computer, &["webclientrunning", "restrictoutboundntlm"]);
            because.extend(properties(controller, facts));
            output.push(kind, everyone, computer, because);
        }
    }
}

pub(super) fn to_authority(services: &Services<'_>, coercion: &Coercion, output: &mut Output) {
    let directory = services.directory;
    for (authority, template) in services.published() {
        if !directory.is_true(authority.node, "hasvulnerableendpoint")
            || !authenticates(directory, template)
            || !is_free(directory, template)
        {
            continue;
        }
        let rights = vec![enrol(template), authority.ask()];
        let mut facts = properties(authority.node, &["hasvulnerableendpoint"]);
        facts.extend(properties(template, &["authenticationenabled", "requiresmanagerapproval"]));
        let enrolment = Enrolment { authority, template, rights, facts };
        let mut computers = victims(services, authority, template);
        computers.intersect_with(&coercion.coercible);
        for computer in computers.ones().map(|index| NodeId(index as u32)) {
            for (domain, trust) in &authority.domains {
                let everyone = coercion.domains.iter().find(|(each, _)| each == domain);
                let everyone = everyone.map(|&(_, everyone)| everyone);
                let Some(everyone) = everyone.filter(|&each| output.is_new(TO_AUTHORITY, each, computer))
                else {
                    continue;
                };
                let mut because = vec![Premise::Property { object: computer, name: "restrictoutboundntlm" }];
                because.extend(enrolment.because(services.members, computer));
                because.extend(trust);
                output.push(TO_AUTHORITY, everyone, computer, because);
            }
        }
    }
}
