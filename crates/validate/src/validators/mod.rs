//! The validators, in one ordered table: the first that applies to an exposure looks at it.
//!
//! A validator plans probes and reads each answer as *fired*, *clear* or *unknown*. What follows
//! from the readings, the outcome, is decided here, by one rule for all.

mod http_exposed_path;
mod http_get;
mod tcp_reachable;
mod tls_handshake;

use bartizan_model::check::Outcome;

use crate::probe::{Action, Probe, Role, Target};
use crate::record::{Record, Seen};
use crate::report::{Answer, Answers, Judgement, Plan};
use crate::subject::ValidationSubject;

/// More probes than this are not sent for one exposure.
const MOST_PROBES: usize = 32;

/// One way to look at some exposures.
pub struct Validator {
    pub name: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    applies: fn(&ValidationSubject) -> bool,
    probes: fn(&ValidationSubject) -> Vec<Probe>,
    read: fn(&ValidationSubject, &Record, &[Record]) -> Reading,
    answers: fn(&Case<'_>, &mut Answers),
}

/// The more exact first.
pub const VALIDATORS: &[Validator] =
    &[http_exposed_path::VALIDATOR, tls_handshake::VALIDATOR, http_get::VALIDATOR, tcp_reachable::VALIDATOR];

/// What one answer says of the weakness.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reading {
    Fired(String),
    /// The check ran on the target and did not fire.
    Clear(String),
    Unknown(String),
}

/// What the answers to the other questions are drawn from.
struct Case<'a> {
    subject: &'a ValidationSubject,
    outcome: Outcome,
    because: &'a str,
    records: &'a [Record],
    /// Positions of the records that decided the outcome.
    decisive: &'a [usize],
}

fn validator(name: &str) -> Option<&'static Validator> {
    VALIDATORS.iter().find(|validator| validator.name == name)
}

/// What would be sent to see whether the exposure is there. Opens nothing, resolves nothing.
pub fn plan(subject: &ValidationSubject) -> Plan {
    let mut plan = Plan { validator: None, probes: Vec::new(), complete: true, notes: Vec::new() };
    let Some(validator) = VALIDATORS.iter().find(|validator| (validator.applies)(subject)) else {
        plan.notes.push("no validator looks at exposures in such a place".to_owned());
        return plan;
    };
    plan.validator = Some(validator.name.to_owned());
    plan.probes = (validator.probes)(subject);
    if plan.probes.is_empty() {
        plan.notes.push(if subject.ports().is_empty() {
            "no TCP port is known on which the exposure can be met".to_owned()
        } else {
            "the asset has neither an address nor a full name that could be dialled".to_owned()
        });
    }
    if plan.probes.len() > MOST_PROBES {
        plan.notes.push(format!(
            "{} of {} probes are left out, so the check can confirm and cannot refute",
            plan.probes.len() - MOST_PROBES,
            plan.probes.len()
        ));
        plan.probes.truncate(MOST_PROBES);
        plan.complete = false;
    }
    plan
}

/// What the records say. Pure: the same records, the same judgement.
pub fn judge(subject: &ValidationSubject, plan: &Plan, records: &[Record]) -> Judgement {
    let validator = plan.validator.as_deref().and_then(validator);
    let Some(validator) = validator.filter(|_| !plan.probes.is_empty()) else {
        let because = plan
            .notes
            .first()
            .cloned()
            .unwrap_or_else(|| "the plan names no validator that is known".to_owned());
        let answers = first_answers(plan, records);
        return Judgement { outcome: Outcome::Inconclusive, because, answers };
    };
    let readings: Vec<(usize, Reading)> = records
        .iter()
        .enumerate()
        .filter(|(_, record)| record.probe.role == Role::Check)
        .map(|(at, record)| (at, (validator.read)(subject, record, records)))
        .collect();
    let (outcome, because, decisive) = settle(plan, records, &readings);
    let mut answers = first_answers(plan, records);
    let case = Case { subject, outcome, because: &because, records, decisive: &decisive };
    (validator.answers)(&case, &mut answers);
    Judgement { outcome, because, answers }
}

/// The rule of all validators: see the crate's documentation.
fn settle(plan: &Plan, records: &[Record], readings: &[(usize, Reading)]) -> (Outcome, String, Vec<usize>) {
    let fired: Vec<(usize, &String)> = readings
        .iter()
        .filter_map(|(at, reading)| match reading {
            Reading::Fired(why) => Some((*at, why)),
            _ => None,
        })
        .collect();
    if let Some((_, why)) = fired.first() {
        return (Outcome::Confirmed, (*why).clone(), fired.iter().map(|(at, _)| *at).collect());
    }
    let unknown = readings.iter().find_map(|(at, reading)| match reading {
        Reading::Unknown(why) => Some((*at, why)),
        _ => None,
    });
    if let Some((at, why)) = unknown {
        return (Outcome::Inconclusive, why.clone(), vec![at]);
    }
    let all_asked = plan
        .probes
        .iter()
        .filter(|probe| probe.role == Role::Check)
        .all(|probe| records.iter().any(|record| record.probe == *probe));
    match readings.first() {
        Some((_, Reading::Clear(why))) if plan.complete && all_asked => {
            let count = readings.len();
            let because =
                if count == 1 { why.clone() } else { format!("{why} (and so on for all {count} checks)") };
            (Outcome::Refuted, because, readings.iter().map(|(at, _)| *at).collect())
        }
        _ => (Outcome::Inconclusive, "not every target of the check was asked".to_owned(), Vec::new()),
    }
}

/// What can be said of any exposure from its records.
fn first_answers(plan: &Plan, records: &[Record]) -> Answers {
    Answers {
        accessible: accessible(plan, records),
        exploitable: Answer::unknown(
            "the check does not try to use the weakness",
            "a check made for this weakness, or a test by hand whose evidence is recorded",
        ),
        controls_hold: Answer::unknown(
            "no control was put to the test",
            "a test of the controls on the way (filter, sign-in, detection), with their logs",
        ),
        harm: Answer::unknown(
            "a check from outside does not show what lies behind",
            "the attack graph: what is reached from this asset (bartizan whatif --compromise)",
        ),
    }
}

fn accessible(plan: &Plan, records: &[Record]) -> Answer {
    let open = positions(records, |record| record.seen.is_connected());
    if let Some(first) = open.first() {
        return Answer::yes(format!("{} answers from here", place_of(&records[*first])), open);
    }
    let closed = positions(records, |record| record.seen == Seen::Closed);
    if !records.is_empty() && closed.len() == records.len() && plan.complete {
        return Answer::no("every port that was tried is closed, as seen from here", closed);
    }
    let why = records.first().map_or_else(
        || "nothing was sent".to_owned(),
        |record| format!("{}: {}", record.probe.target, record.seen),
    );
    Answer::unknown(why, "a check from a zone, and in a window, from which the target can be asked")
}

fn positions(records: &[Record], is_so: impl Fn(&Record) -> bool) -> Vec<usize> {
    records.iter().enumerate().filter(|(_, record)| is_so(record)).map(|(at, _)| at).collect()
}

/// `198.51.100.10:443 as shop.example.com`, with the address that was really dialled.
fn place_of(record: &Record) -> String {
    match (record.dialled, record.probe.target.server_name()) {
        (Some(address), Some(name)) => format!("{address} as {name}"),
        (Some(address), None) => address.to_string(),
        (None, _) => record.probe.target.to_string(),
    }
}

/// The reading of whatever is no answer to the check.
fn unanswered(record: &Record) -> Reading {
    Reading::Unknown(format!("{}: {}", place_of(record), record.seen))
}

fn check(target: Target, action: Action) -> Probe {
    Probe { target, action, role: Role::Check }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_described() {
        let mut names: Vec<&str> = VALIDATORS.iter().map(|validator| validator.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), VALIDATORS.len());
        assert!(VALIDATORS.iter().all(|validator| validator.about.ends_with('.')));
    }
}
