//! `ADCSESC9a`, `9b`, `10a` and `10b`: an attacker renames an account that he controls and enrols as it.
//!
//! Precondition of all: control of a *victim* (`GenericAll`, `GenericWrite`, `Owns`, `WriteOwner`,
//! `WriteDacl`) that may enrol on the template and on an authority of the domain; the template takes the
//! subject from the directory and is free of approval and signatures.
//! - 9: the template signs one in and leaves out the security extension; Kerberos in the forest takes weak
//!   mappings.
//! - 10: the template signs one in over TLS; a domain controller of the forest maps by user principal name.
//! - a: the certificate holds the principal name; victims are users and computers (users only where no DNS
//!   name is needed). b: it holds the DNS name; victims are computers.

use fixedbitset::FixedBitSet;

use super::super::directory::{Directory, Sort, Tie};
use super::super::premise::{Output, Premise};
use super::template::{authenticates, authenticates_over_tls, can_name, is_free};
use super::{Authority, Enrolment, Services, enrol, mapping, properties};
use crate::engine::NodeId;

const CONTROL: [Tie; 5] = [Tie::GenericAll, Tie::GenericWrite, Tie::Owns, Tie::WriteOwner, Tie::WriteDacl];

/// What the certificate names the victim by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Principal,
    Dns,
}

pub(in super::super) fn esc9a(services: &Services<'_>, output: &mut Output) {
    kerberos(services, output, "ADCSESC9a", Named::Principal);
}

pub(in super::super) fn esc9b(services: &Services<'_>, output: &mut Output) {
    kerberos(services, output, "ADCSESC9b", Named::Dns);
}

pub(in super::super) fn esc10a(services: &Services<'_>, output: &mut Output) {
    tls(services, output, "ADCSESC10a", Named::Principal);
}

pub(in super::super) fn esc10b(services: &Services<'_>, output: &mut Output) {
    tls(services, output, "ADCSESC10b", Named::Dns);
}

fn kerberos(services: &Services<'_>, output: &mut Output, kind: &'static str, named: Named) {
    let directory = services.directory;
    for (authority, template) in services.published() {
        if authenticates(directory, template) && directory.is_true(template, "nosecurityextension") {
            let facts = ["authenticationenabled", "nosecurityextension"];
            let rule = Rule { kind, named, facts: &facts, mapped: mapping::weak_binding };
            rule.derive(services, output, authority, template);
        }
    }
}

fn tls(services: &Services<'_>, output: &mut Output, kind: &'static str, named: Named) {
    for (authority, template) in services.published() {
        if authenticates_over_tls(services.directory, template) {
            let facts = ["schannelauthenticationenabled"];
            let rule = Rule { kind, named, facts: &facts, mapped: mapping::by_name };
            rule.derive(services, output, authority, template);
        }
    }
}

/// How the domain controllers map, with the reasons.
type Mapped = fn(&Directory, NodeId, NodeId) -> Option<Vec<Premise>>;

struct Rule<'a> {
    kind: &'static str,
    named: Named,
    facts: &'a [&'static str],
    mapped: Mapped,
}

impl Rule<'_> {
    fn derive(&self, services: &Services<'_>, output: &mut Output, authority: &Authority, template: NodeId) {
        let directory = services.directory;
        let names: &[&'static str] = match self.named {
            Named::Principal => &["subjectaltrequireupn", "subjectaltrequirespn"],
            Named::Dns => &["subjectaltrequiredns"],
        };
        if !is_free(directory, template)
            || directory.is_true(template, "enrolleesuppliessubject")
            || names.iter().all(|name| !directory.is_true(template, name))
        {
            return;
        }
        let domains: Vec<(NodeId, Vec<Premise>)> = authority
            .domains
            .iter()
            .filter_map(|(&domain, trust)| {
                let mapped = (self.mapped)(directory, authority.node, domain)?;
                Some((domain, trust.iter().chain(&mapped).copied().collect()))
            })
            .collect();
        if domains.is_empty() {
            return;
        }
        let set = names.iter().copied().find(|name| directory.is_true(template, name));
        let facts = self.facts.iter().copied().chain(set).chain(["enrolleesuppliessubject"]);
        let facts = properties(template, &facts.collect::<Vec<_>>());
        let enrolment =
            Enrolment { authority, template, rights: vec![enrol(template), authority.ask()], facts };
        let victims = victims(services, authority, template);
        let fits = |victim: NodeId| match self.named {
            Named::Principal => can_name(directory, template, victim),
            Named::Dns => directory.is(victim, Sort::Computer),
        };
        // By the ties of control: there are far fewer of them than pairs of attackers and victims.
        for tie in CONTROL {
            for (attacker, victim) in directory.pairs(tie) {
                let is_new = |domain: NodeId| output.is_new(self.kind, attacker, domain);
                if !victims.contains(victim.index())
                    || !domains.iter().any(|&(domain, _)| is_new(domain))
                    || !is_principal(directory, attacker)
                    || !fits(victim)
                {
                    continue;
                }
                let mut because = vec![Premise::Tie { start: attacker, tie, end: victim }];
                because.extend(enrolment.because(services.members, victim));
                for (domain, reasons) in &domains {
                    let because = because.iter().chain(reasons).copied().collect();
                    output.push(self.kind, attacker, *domain, because);
                }
            }
        }
    }
}

fn is_principal(directory: &Directory, attacker: NodeId) -> bool {
    [Sort::Group, Sort::User, Sort::Computer].into_iter().any(|sort| directory.is(attacker, sort))
}

/// The accounts that may enrol on both. Who controls them acts as one of them, so groups are opened up
/// altogether. Where everyone holds one of the rights, the other decides.
pub(in super::super) fn victims(
    services: &Services<'_>,
    authority: &Authority,
    template: NodeId,
) -> FixedBitSet {
    let on_template = services.members.holders(enrol(template));
    let on_authority = services.members.holders(authority.ask());
    let mut all = match (on_template.everyone, on_authority.everyone) {
        (None, None) => {
            let mut both = on_template.all.clone();
            both.intersect_with(&on_authority.all);
            both
        }
        (Some(_), None) => on_authority.all.clone(),
        (None, Some(_)) => on_template.all.clone(),
        (Some(_), Some(_)) => {
            let mut either = on_template.all.clone();
            either.union_with(&on_authority.all);
            either
        }
    };
    for group in services.members.groups() {
        all.set(group.index(), false);
    }
    all
}
