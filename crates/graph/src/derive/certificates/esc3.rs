//! `ADCSESC3`: an enrolment agent asks for a certificate in another's name.
//!
//! Precondition: a first template that makes an agent (free of approval and signatures) may enrol on behalf
//! of others in a second one (`EnrollOnBehalfOf`) that signs one in without approval; the right to enrol on
//! both templates, on an authority that publishes the first and on one of the domain that publishes the
//! second; and where that authority restricts its agents, to be one of those delegated for the second
//! template. Users cannot get the first template when it needs a DNS name.
//! Limit: the names for which an agent may ask are not looked at, as collectors do not resolve them.

use super::super::directory::{Sort, Tie};
use super::super::membership::Right;
use super::super::premise::{Output, Premise};
use super::template::{authenticates, can_name, is_free, needs_approval};
use super::{ASK, Enrolment, Services, enrol, properties};

pub(in super::super) fn derive(services: &Services<'_>, output: &mut Output) {
    let directory = services.directory;
    for (authority, second) in services.published() {
        if !authenticates(directory, second) || needs_approval(directory, second) {
            continue;
        }
        // Restrictions that were not collected are taken for none.
        let restricted = directory.is_true(authority.node, "hasenrollmentagentrestrictions")
            && directory.flag(authority.node, "enrollmentagentrestrictionscollected") != Some(false);
        for first in directory.starts(Tie::EnrollOnBehalfOf, second) {
            if !directory.is(first, Sort::CertTemplate) || !is_free(directory, first) {
                continue;
            }
            for issuer in directory.ends(Tie::PublishedTo, first) {
                if !directory.is(issuer, Sort::EnterpriseCa) {
                    continue;
                }
                let ask_issuer = Right { target: issuer, ties: ASK };
                let mut rights = vec![enrol(first), enrol(second), ask_issuer, authority.ask()];
                let mut facts = vec![
                    Premise::Tie { start: first, tie: Tie::PublishedTo, end: issuer },
                    Premise::Tie { start: first, tie: Tie::EnrollOnBehalfOf, end: second },
                ];
                facts.extend(properties(
                    first,
                    &["requiresmanagerapproval", "schemaversion", "authorizedsignatures"],
                ));
                facts.extend(properties(second, &["authenticationenabled", "requiresmanagerapproval"]));
                if restricted {
                    rights.push(Right { target: second, ties: &[Tie::DelegatedEnrollmentAgent] });
                } else {
                    facts.extend(properties(authority.node, &["hasenrollmentagentrestrictions"]));
                }
                let mut principals = services.members.common(&rights);
                principals.retain(|&principal| can_name(directory, first, principal));
                let enrolment = Enrolment { authority, template: second, rights, facts };
                services.submit("ADCSESC3", output, &enrolment, principals);
            }
        }
    }
}
