//! Phase four, validate: is an exposure really there? Safe checks, through one guard, with evidence.
//!
//! [`plan`] says what would be sent, [`rehearse`] whether the scope allows it now (the dry run:
//! neither opens a socket nor resolves a name), [`run`] sends it, and [`judge`] says what the
//! answers mean. Judging is pure: [`replay`] of a kept [`Report`] gives the same judgement.
//!
//! No check carries a payload, sends a secret, changes anything, or follows a redirect. The crate
//! does not know scopes: its [`Permission`] is asked about every address before it is dialled.
//!
//! Whoever composes the phases builds the permission from the scope: it asks the scope about the
//! address (or, for `None`, about the name) with the port, and passes on the window's name, rate, and
//! whether one of its targets [names the machine itself](Permit::names_loopback).
//!
//! # When is a weakness confirmed, when refuted
//!
//! - **Confirmed**: the check fired on at least one target.
//! - **Refuted**: every planned check was answered by the very target that it was sent to, and did
//!   not fire on any. What counts as such an answer is stated at each validator. A closed port (TCP
//!   reset) refutes only that the port is open; about what is behind it, it says nothing.
//! - **Inconclusive**: everything else (timeout, a filter, a refusal by the guard, a name that is
//!   not resolved, a block page, an answer in another protocol, targets left out). It never lowers
//!   risk.
//!
//! ```
//! use bartizan_model::{Digest, Place, WeaknessKey};
//! use bartizan_validate::{ValidationSubject, ZonedAddress};
//!
//! let subject = ValidationSubject {
//!     exposure: Digest::of(b"an exposure"),
//!     weakness: WeaknessKey::rule("nmap", "http-git"),
//!     title: "Git repository served by a web server".to_owned(),
//!     cwes: vec![527],
//!     asset: Digest::of(b"a host"),
//!     asset_name: "shop".to_owned(),
//!     place: Place::port("tcp", 8080),
//!     names: Vec::new(),
//!     addresses: vec![ZonedAddress { address: "198.51.100.10".parse().unwrap(), zone: None }],
//!     services: Vec::new(),
//! };
//! let plan = bartizan_validate::plan(&subject);
//! assert_eq!(plan.validator.as_deref(), Some("http-exposed-path"));
//! assert!(plan.probes[0].sends().starts_with("GET /.git/HEAD HTTP/1.1\r\n"));
//! ```

mod address;
mod guard;
mod hello;
mod http;
mod mask;
mod probe;
mod record;
mod report;
mod resolve;
mod subject;
mod tls;
mod validators;

pub use bartizan_model::check::{Method, Outcome};
pub use guard::{Guard, Limits, Permission, Permit, Refusal};
pub use probe::{Action, Host, Mark, Probe, Role, Target, TlsVersion};
pub use record::{Certificate, Handshake, HelloAnswer, HttpResponse, Record, Seen};
pub use report::{Answer, Answers, Judgement, Plan, Rehearsal, Report, YesNo};
pub use resolve::{Resolver, SystemResolver};
pub use subject::{ServiceFact, ValidationSubject, ZonedAddress};
pub use validators::{VALIDATORS, Validator, judge, plan};

/// Why a guard cannot be set up. Whatever happens to a probe is a [`Record`], not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("limits must be positive, at most 64 KiB, 10 seconds and 100 requests per second")]
    Limits,
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What each probe of a plan would send and whether it may, now. Opens nothing, resolves nothing.
pub fn rehearse(plan: &Plan, guard: &Guard<'_>) -> Vec<Rehearsal> {
    plan.probes
        .iter()
        .map(|probe| {
            let (permit, refused) = match guard.may(probe) {
                Ok(permit) => (Some(permit), None),
                Err(Refusal(reason)) => (None, Some(reason)),
            };
            let note = matches!(probe.target.host, Host::Name(_)).then(|| {
                "the name is resolved when the check runs; each address that it then has must be allowed too".to_owned()
            });
            Rehearsal {
                target: probe.target.to_string(),
                method: probe.method(),
                sends: probe.sends(),
                permit,
                refused,
                note,
            }
        })
        .collect()
}

/// Sends the plan's probes, one after the other, and judges the answers.
pub fn run(subject: &ValidationSubject, plan: Plan, guard: &Guard<'_>) -> Report {
    let started = guard.now();
    let records: Vec<Record> = plan.probes.iter().flat_map(|probe| guard.send(probe)).collect();
    let judgement = judge(subject, &plan, &records);
    Report {
        subject: subject.clone(),
        plan,
        zone: guard.zone().map(str::to_owned),
        started,
        finished: guard.now(),
        judgement,
        records,
    }
}

/// Judges a kept report again, from its records alone.
pub fn replay(report: &Report) -> Judgement {
    judge(&report.subject, &report.plan, &report.records)
}
