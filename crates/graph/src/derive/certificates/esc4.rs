//! `ADCSESC4`: whoever may change a template makes it dangerous first and enrols then.
//!
//! Precondition: the right to ask an authority of the domain that publishes the template, and on the template
//! one of
//! - full control (`GenericAll`, `Owns`, `WriteOwner`, `WriteDacl`);
//! - `GenericWrite`, with the right to enrol;
//! - the right to enrol and to write the settings that are missing, on a template that signs one in and
//!   needs no signatures: the name flag (enrollee supplies the subject), the enrolment flag (no approval),
//!   or one of the two where the other is set already.

use super::super::directory::Tie;
use super::super::membership::Right;
use super::super::premise::Output;
use super::template::{authenticates, is_unsigned, needs_approval};
use super::{Enrolment, Services, properties};

const CONTROL: &[Tie] = &[Tie::Owns, Tie::GenericAll, Tie::WriteDacl, Tie::WriteOwner];
const WRITE: &[Tie] = &[Tie::GenericWrite];
/// Full control is a case of its own.
const ENROL_ALONE: &[Tie] = &[Tie::Enroll, Tie::AllExtendedRights];
const NAME_FLAG: &[Tie] = &[Tie::WritePkiNameFlag];
const ENROLMENT_FLAG: &[Tie] = &[Tie::WritePkiEnrollmentFlag];

pub(in super::super) fn derive(services: &Services<'_>, output: &mut Output) {
    let directory = services.directory;
    for (authority, template) in services.published() {
        let on = |ties| Right { target: template, ties };
        let mut ways: Vec<(Vec<Right>, &[&'static str])> = vec![
            (vec![authority.ask(), on(CONTROL)], &[]),
            (vec![authority.ask(), on(WRITE), on(ENROL_ALONE)], &[]),
        ];
        if authenticates(directory, template) && is_unsigned(directory, template) {
            ways.push((
                vec![authority.ask(), on(ENROL_ALONE), on(NAME_FLAG), on(ENROLMENT_FLAG)],
                &["authenticationenabled", "schemaversion", "authorizedsignatures"],
            ));
            if directory.is_true(template, "enrolleesuppliessubject") {
                ways.push((
                    vec![authority.ask(), on(ENROL_ALONE), on(ENROLMENT_FLAG)],
                    &[
                        "enrolleesuppliessubject",
                        "authenticationenabled",
                        "schemaversion",
                        "authorizedsignatures",
                    ],
                ));
            }
            if !needs_approval(directory, template) {
                ways.push((
                    vec![authority.ask(), on(ENROL_ALONE), on(NAME_FLAG)],
                    &[
                        "requiresmanagerapproval",
                        "authenticationenabled",
                        "schemaversion",
                        "authorizedsignatures",
                    ],
                ));
            }
        }
        for (rights, names) in ways {
            let principals = services.members.common(&rights);
            let enrolment = Enrolment { authority, template, rights, facts: properties(template, names) };
            services.submit("ADCSESC4", output, &enrolment, principals);
        }
    }
}
