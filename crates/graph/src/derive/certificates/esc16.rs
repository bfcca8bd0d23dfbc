//! `ADCSESC16`: the authority writes no security extension into any certificate and lets users specify names.
//!
//! Precondition: the extension (1.3.6.1.4.1.311.25.2) is among those that the authority disables, users may
//! specify the other name, the template signs one in and is free of approval and signatures; the right to
//! enrol on both, and for users a template that needs no DNS name.

use super::super::premise::Output;
use super::template::{authenticates, is_free};
use super::{Services, esc6, properties};

/// The security extension that names the account's SID.
const SECURITY_EXTENSION: &str = "1.3.6.1.4.1.311.25.2";

pub(in super::super) fn derive(services: &Services<'_>, output: &mut Output) {
    let directory = services.directory;
    for (authority, template) in services.published() {
        let disabled = directory.texts(authority.node, "disabledextensions").unwrap_or_default();
        if !disabled.contains(&SECURITY_EXTENSION)
            || directory.flag(authority.node, "disabledextensionscollected") == Some(false)
            || !esc6::lets_users_name(services, authority)
            || !authenticates(directory, template)
            || !is_free(directory, template)
        {
            continue;
        }
        let facts = ["authenticationenabled", "requiresmanagerapproval"];
        let (mut enrolment, principals) = esc6::enrolment(services, authority, template, &facts);
        enrolment.facts.extend(properties(authority.node, &["disabledextensions"]));
        services.submit("ADCSESC16", output, &enrolment, principals);
    }
}
