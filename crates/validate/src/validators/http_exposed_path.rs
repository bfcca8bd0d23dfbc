//! `http-exposed-path`: is a file served that should not be?
//!
//! What it does: GETs the files by which such an exposure is known (`/.git/HEAD`) and looks for
//! their marks in the first kibibyte; a control request for `/` shows how the server treats others.
//!
//! Evidence: status 200 with a mark confirms. Not there (404, 410), no such host (421), or access
//! denied (401, 403) while `/` is not denied alike, is a check that ran and did not fire.
//!
//! Limits: status 200 without the mark may be a page that a filter puts in front, a denial of
//! everything may be a filter that knows the checker, and a redirect leads elsewhere: all three
//! leave it open. Marks are judged when they come in; only a masked excerpt is kept.

use bartizan_model::check::Outcome;
use bartizan_model::{Place, WeaknessKey};

use super::{Case, Reading, Validator, check, place_of, positions, unanswered};
use crate::http::clean_path;
use crate::probe::{Action, Mark, Probe, Role};
use crate::record::{Record, Seen};
use crate::report::{Answer, Answers};
use crate::subject::ValidationSubject;

pub(super) const VALIDATOR: Validator = Validator {
    name: "http-exposed-path",
    about: "Requests a file that should not be served and looks for its marks.",
    applies: |subject| exposed(subject).is_some() && !subject.ports().is_empty(),
    probes,
    read,
    answers,
};

/// One kind of exposed file.
struct Exposed {
    what: &'static str,
    /// Ids of rules, in any family, that find it.
    rules: &'static [&'static str],
    /// Parts of titles of rules that find it, in lower case.
    titles: &'static [&'static str],
    /// The part of a web place by which it is known, and below which the files lie.
    folder: &'static str,
    files: &'static [&'static str],
    marks: fn() -> Vec<Mark>,
}

const EXPOSED: [Exposed; 4] = [
    Exposed {
        what: "a Git repository",
        rules: &["served-git-folder", "http-git", "git-config", "git-head", "git-repository-browser"],
        titles: &["git repository served", "git repository found", "git repository exposed", ".git"],
        folder: "/.git/",
        files: &["/.git/HEAD", "/.git/config"],
        marks: || {
            vec![
                Mark::StartsWith("ref: refs/".to_owned()),
                Mark::Contains("[core]".to_owned()),
                Mark::CommitId,
            ]
        },
    },
    Exposed {
        what: "a Subversion working copy",
        rules: &["served-subversion-folder", "svn-wc-db"],
        titles: &[".svn"],
        folder: "/.svn/",
        files: &["/.svn/wc.db"],
        marks: || vec![Mark::StartsWith("SQLite format 3".to_owned())],
    },
    Exposed {
        what: "a file of environment variables",
        rules: &["served-environment-file", "generic-env", "dotenv-file"],
        titles: &[".env file"],
        folder: "/.env",
        files: &["/.env"],
        marks: || vec![Mark::Assignments],
    },
    Exposed {
        what: "the Apache status page",
        rules: &["apache-server-status", "server-status"],
        titles: &["server-status", "apache status page"],
        folder: "/server-status",
        files: &["/server-status"],
        marks: || vec![Mark::Contains("Apache Server Status".to_owned())],
    },
];

fn exposed(subject: &ValidationSubject) -> Option<&'static Exposed> {
    let WeaknessKey::Rule { id, .. } = &subject.weakness else { return None };
    let title = subject.title.to_lowercase();
    let url = match &subject.place {
        Place::Web { url, .. } => url.as_str(),
        Place::Port { protocol, .. } if protocol == "tcp" => "",
        _ => return None,
    };
    EXPOSED.iter().find(|exposed| {
        exposed.rules.contains(&id.as_str())
            || exposed.titles.iter().any(|part| title.contains(part))
            || url.contains(exposed.folder)
    })
}

fn probes(subject: &ValidationSubject) -> Vec<Probe> {
    let Some(exposed) = exposed(subject) else { return Vec::new() };
    // The folder above, where the place names one: `/backup` of `/backup/.git/config`.
    let above = match &subject.place {
        Place::Web { url, .. } => url.find(exposed.folder).map_or("", |at| &url[..at]),
        _ => "",
    };
    let mut probes = Vec::new();
    for port in subject.ports() {
        let tls = subject.speaks_tls(port);
        for target in subject.named_targets(port) {
            for file in exposed.files {
                let path = clean_path(&format!("{above}{file}"));
                let action = Action::HttpGet { tls, path, looks_for: (exposed.marks)() };
                probes.push(check(target.clone(), action));
            }
            let action = Action::HttpGet { tls, path: "/".to_owned(), looks_for: Vec::new() };
            probes.push(Probe { target, action, role: Role::Control });
        }
    }
    probes
}

fn read(subject: &ValidationSubject, record: &Record, records: &[Record]) -> Reading {
    let (Seen::Http { response }, Action::HttpGet { path, .. }) = (&record.seen, &record.probe.action) else {
        return unanswered(record);
    };
    let place = place_of(record);
    let status = response.status;
    let what = exposed(subject).map_or("the file", |exposed| exposed.what);
    match status {
        200 => match response.marks.first() {
            Some(mark) => Reading::Fired(format!("{place} serves {what}: {path} is {mark}")),
            None => Reading::Unknown(format!(
                "{place} answers {path} with status 200 and a page that is not {what}: it may be a filter's"
            )),
        },
        404 | 410 | 421 => Reading::Clear(format!("{place} answers {path} with status {status}")),
        401 | 403 => match control_status(record, records) {
            Some(control) if !matches!(control, 401 | 403 | 429 | 500..) => {
                Reading::Clear(format!("{place} denies {path} with status {status}, and / is not denied"))
            }
            Some(control) => Reading::Unknown(format!(
                "{place} answers {path} with status {status} and / with {control}: a filter may deny everything from here"
            )),
            None => Reading::Unknown(format!(
                "{place} denies {path} with status {status}, and how it treats / is not known"
            )),
        },
        300..=399 => {
            let to = response.fields.get("location").map_or("elsewhere", String::as_str);
            Reading::Unknown(format!("{place} redirects {path} to {to}; redirects are not followed"))
        }
        _ => Reading::Unknown(format!("{place} answers {path} with status {status}")),
    }
}

/// How the same address treated the control request of the same target.
fn control_status(record: &Record, records: &[Record]) -> Option<u16> {
    records.iter().find_map(|other| match &other.seen {
        Seen::Http { response }
            if other.probe.role == Role::Control
                && other.probe.target == record.probe.target
                && other.dialled == record.dialled =>
        {
            Some(response.status)
        }
        _ => None,
    })
}

fn answers(case: &Case<'_>, answers: &mut Answers) {
    let decisive = || case.decisive.to_vec();
    match case.outcome {
        Outcome::Confirmed => {
            answers.exploitable =
                Answer::yes(format!("read from here without credentials: {}", case.because), decisive());
            answers.controls_hold =
                Answer::no("no filter, sign-in or other control stopped the request", decisive());
            answers.harm = Answer::unknown(
                "only the first kibibyte was looked at; what else the files hold was not read",
                "a scan of the repository for secrets, and the attack graph for what they open",
            );
        }
        Outcome::Refuted => {
            answers.exploitable = Answer::no(case.because, decisive());
            let denied = positions(case.records, |record| {
                record.probe.role == Role::Check
                    && matches!(&record.seen, Seen::Http { response } if matches!(response.status, 401 | 403))
            });
            if denied.len() == case.decisive.len() {
                answers.controls_hold = Answer::yes(
                    "the server denies access to the file and not to the rest of the site",
                    denied,
                );
            }
        }
        Outcome::Inconclusive => {
            answers.exploitable = Answer::unknown(
                case.because,
                "a run that reaches every name and address of the asset and gets the server's own answer",
            );
        }
    }
}
