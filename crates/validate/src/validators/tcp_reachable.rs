//! `tcp-reachable`: does the port answer?
//!
//! What it does: opens a connection to each known address and closes it; nothing is sent.
//!
//! Evidence: for an exposure that *is* an open port, an open port confirms it and a reset from every
//! address refutes it. For any other exposure the outcome stays inconclusive: the check says only
//! whether it is accessible from here.
//!
//! Limits: a filter may answer with a reset in the target's name; what is seen holds from the zone
//! in which the check ran. UDP is not tried.

use bartizan_model::check::Outcome;

use super::{Case, Reading, Validator, check, place_of, unanswered};
use crate::probe::{Action, Probe};
use crate::record::{Record, Seen};
use crate::report::{Answer, Answers};
use crate::subject::ValidationSubject;

pub(super) const VALIDATOR: Validator = Validator {
    name: "tcp-reachable",
    about: "Opens a connection to the port and closes it.",
    applies: |subject| !subject.ports().is_empty(),
    probes,
    read,
    answers,
};

/// Rules whose finding is that a port is open: family, id.
const OPEN_PORT_RULES: [(&str, &str); 4] =
    [("nmap", "open-port"), ("masscan", "open-port"), ("nessus", "11219"), ("nessus", "10335")];

fn is_open_port(subject: &ValidationSubject) -> bool {
    OPEN_PORT_RULES.contains(&(subject.weakness.family(), subject.weakness.id()))
}

fn probes(subject: &ValidationSubject) -> Vec<Probe> {
    subject
        .ports()
        .into_iter()
        .flat_map(|port| subject.bare_targets(port))
        .map(|target| check(target, Action::Connect))
        .collect()
}

fn read(subject: &ValidationSubject, record: &Record, _: &[Record]) -> Reading {
    match &record.seen {
        Seen::Connected if is_open_port(subject) => Reading::Fired(format!("{} is open", place_of(record))),
        Seen::Closed if is_open_port(subject) => Reading::Clear(format!("{} is closed", place_of(record))),
        Seen::Connected => Reading::Unknown(format!(
            "{} is open; whether the weakness is behind it was not checked",
            place_of(record)
        )),
        Seen::Closed => Reading::Unknown(format!(
            "{} is closed; that says nothing of the weakness behind it",
            place_of(record)
        )),
        _ => unanswered(record),
    }
}

fn answers(case: &Case<'_>, answers: &mut Answers) {
    if case.outcome == Outcome::Refuted {
        answers.exploitable = Answer::no(case.because, case.decisive.to_vec());
    } else if is_open_port(case.subject) {
        answers.exploitable = Answer::unknown(
            "an open port is a way in only with a weakness or a credential behind it",
            "a check of the service behind the port",
        );
    }
}
