//! `ADCSESC6a` and `ADCSESC6b`: the authority takes the subject's other name from any request.
//!
//! Precondition of both: the authority lets users specify the name, the template is free of approval and
//! signatures, the principal may enrol on both and, when it is a user, the template needs no DNS name.
//! - a (Kerberos): the template signs one in and leaves out the security extension.
//! - b (TLS): the template signs one in over TLS, and a domain controller of the forest maps certificates
//!   by user principal name.

use super::super::premise::Output;
use super::mapping;
use super::template::{authenticates, authenticates_over_tls, can_name, is_free};
use super::{Authority, Enrolment, Services, enrol, properties};
use crate::engine::NodeId;

pub(in super::super) fn by_kerberos(services: &Services<'_>, output: &mut Output) {
    let directory = services.directory;
    for (authority, template) in services.published() {
        if !lets_users_name(services, authority)
            || !mapping::weak_binding_is_not_denied(directory, authority.node)
            || !is_free(directory, template)
            || !authenticates(directory, template)
            || !directory.is_true(template, "nosecurityextension")
        {
            continue;
        }
        let facts = ["nosecurityextension", "authenticationenabled", "requiresmanagerapproval"];
        let (enrolment, principals) = enrolment(services, authority, template, &facts);
        services.submit("ADCSESC6a", output, &enrolment, principals);
    }
}

pub(in super::super) fn over_tls(services: &Services<'_>, output: &mut Output) {
    let directory = services.directory;
    for (authority, template) in services.published() {
        if !lets_users_name(services, authority)
            || !is_free(directory, template)
            || !authenticates_over_tls(directory, template)
        {
            continue;
        }
        let facts = ["schannelauthenticationenabled", "requiresmanagerapproval"];
        let (enrolment, principals) = enrolment(services, authority, template, &facts);
        for (&domain, trust) in &authority.domains {
            let Some(mapped) = mapping::by_name(directory, authority.node, domain) else { continue };
            for &principal in &principals {
                if output.is_new("ADCSESC6b", principal, domain) {
                    let mut because = enrolment.because(services.members, principal);
                    because.extend(trust.iter().chain(&mapped));
                    output.push("ADCSESC6b", principal, domain, because);
                }
            }
        }
    }
}

/// Set and, as far as is said, really collected.
pub(super) fn lets_users_name(services: &Services<'_>, authority: &Authority) -> bool {
    services.directory.is_true(authority.node, "isuserspecifiessanenabled")
        && services.directory.flag(authority.node, "isuserspecifiessanenabledcollected") != Some(false)
}

/// The way to a certificate, and who has it.
pub(super) fn enrolment<'a>(
    services: &Services<'_>,
    authority: &'a Authority,
    template: NodeId,
    names: &[&'static str],
) -> (Enrolment<'a>, Vec<NodeId>) {
    let rights = vec![enrol(template), authority.ask()];
    let mut principals = services.members.common(&rights);
    principals.retain(|&principal| can_name(services.directory, template, principal));
    let mut facts = properties(authority.node, &["isuserspecifiessanenabled"]);
    facts.extend(properties(template, names));
    (Enrolment { authority, template, rights, facts }, principals)
}
