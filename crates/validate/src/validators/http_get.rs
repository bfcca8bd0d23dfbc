//! `http-get`: does the web page where a weakness was found answer?
//!
//! What it does: one GET of the page's path, without query, body, cookies or payload. Pages that
//! take another method, and paths that sound as if they changed something, are not requested.
//!
//! Evidence: it answers whether the page is accessible. It neither confirms nor refutes: the
//! scanner's check (a payload, a session) is not repeated.

use bartizan_model::Place;

use super::{Case, Reading, Validator, check, place_of, positions, unanswered};
use crate::http::clean_path;
use crate::probe::{Action, Probe};
use crate::record::{Record, Seen};
use crate::report::{Answer, Answers};
use crate::subject::ValidationSubject;

pub(super) const VALIDATOR: Validator = Validator {
    name: "http-get",
    about: "Requests the page by GET without parameters.",
    applies: |subject| page(subject).is_some(),
    probes,
    read,
    answers,
};

/// Words in paths that may do more than show a page.
const CHANGING: [&str; 16] = [
    "logout",
    "signout",
    "logoff",
    "delete",
    "remove",
    "destroy",
    "unsubscribe",
    "cancel",
    "reset",
    "reboot",
    "restart",
    "shutdown",
    "stop",
    "purge",
    "drop",
    "revoke",
];

fn page(subject: &ValidationSubject) -> Option<(u16, String)> {
    let Place::Web { port, method, url, .. } = &subject.place else { return None };
    let path = clean_path(url);
    let lower = path.to_ascii_lowercase();
    let is_safe =
        matches!(method.as_str(), "GET" | "HEAD") && !CHANGING.iter().any(|word| lower.contains(word));
    is_safe.then_some((*port, path))
}

fn probes(subject: &ValidationSubject) -> Vec<Probe> {
    let Some((port, path)) = page(subject) else { return Vec::new() };
    let tls = subject.speaks_tls(port);
    subject
        .named_targets(port)
        .into_iter()
        .map(|target| check(target, Action::HttpGet { tls, path: path.clone(), looks_for: Vec::new() }))
        .collect()
}

fn read(_: &ValidationSubject, record: &Record, _: &[Record]) -> Reading {
    match &record.seen {
        Seen::Http { response } => Reading::Unknown(format!(
            "{} answers with status {}; a request without payload neither confirms nor refutes the weakness",
            place_of(record),
            response.status
        )),
        _ => unanswered(record),
    }
}

fn answers(case: &Case<'_>, answers: &mut Answers) {
    let status = |record: &Record| match &record.seen {
        Seen::Http { response } => Some(response.status),
        _ => None,
    };
    let there = positions(case.records, |record| {
        status(record).is_some_and(|status| !matches!(status, 404 | 410 | 421))
    });
    if let Some(first) = there.first() {
        let record = &case.records[*first];
        answers.accessible = match status(record) {
            Some(401 | 403) => Answer::unknown(
                format!("{} asks for more rights before it shows the page", place_of(record)),
                "a check with an account, by hand",
            ),
            _ => Answer::yes(format!("{}: {}", place_of(record), record.seen), there),
        };
    } else {
        let gone = positions(case.records, |record| status(record).is_some());
        if !gone.is_empty() && gone.len() == case.records.len() {
            answers.accessible =
                Answer::no("the page is not there any more, at any address or name tried", gone);
        }
    }
}
