//! `ADCSESC1`: whoever enrols names the subject himself.
//!
//! Precondition: the template lets the enrollee supply the subject, signs one in, and is free of approval
//! and signatures; the right to enrol on the template and on an authority of the domain.

use super::super::premise::Output;
use super::template::{authenticates, is_free};
use super::{Enrolment, Services, enrol, properties};

pub(in super::super) fn derive(services: &Services<'_>, output: &mut Output) {
    let directory = services.directory;
    for (authority, template) in services.published() {
        if !is_free(directory, template)
            || !authenticates(directory, template)
            || !directory.is_true(template, "enrolleesuppliessubject")
        {
            continue;
        }
        let rights = vec![enrol(template), authority.ask()];
        let facts = properties(
            template,
            &[
                "enrolleesuppliessubject",
                "authenticationenabled",
                "requiresmanagerapproval",
                "schemaversion",
                "authorizedsignatures",
            ],
        );
        let principals = services.members.common(&rights);
        let enrolment = Enrolment { authority, template, rights, facts };
        services.submit("ADCSESC1", output, &enrolment, principals);
    }
}
