//! `tls-handshake`: does the server accept an old version of TLS; what is wrong with its
//! certificate?
//!
//! What it does: for versions, sends one greeting that offers the version as the highest and reads
//! the first answer; for certificates, completes one handshake and looks at the certificate.
//!
//! Evidence: a ServerHello of the version confirms. A protocol-version alert, or a ServerHello of a
//! lower version, is a check that ran and did not fire. A certificate that has, or has not, the
//! fault is plain to see.
//!
//! Limits: a server that ends the handshake for another reason (alert 40) or just closes may only
//! dislike the suites offered: that stays inconclusive. Protocols that turn to TLS later (STARTTLS)
//! are not spoken. Handshakes need TLS 1.2 or 1.3.

use bartizan_model::check::Outcome;
use bartizan_model::{Timestamp, WeaknessKey};

use super::{Case, Reading, Validator, check, place_of, unanswered};
use crate::hello::PROTOCOL_VERSION;
use crate::probe::{Action, Probe, TlsVersion};
use crate::record::{Certificate, HelloAnswer, Record, Seen};
use crate::report::{Answer, Answers};
use crate::subject::ValidationSubject;

pub(super) const VALIDATOR: Validator = Validator {
    name: "tls-handshake",
    about: "Offers a TLS version, or looks at the server's certificate.",
    applies: |subject| Fault::of(subject).is_some() && !subject.ports().is_empty(),
    probes,
    read,
    answers,
};

/// What is said to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Accepts(Vec<TlsVersion>),
    Expired,
    SelfSigned,
    WeakSignature,
    WeakKey,
}

/// Rules that find that a version is accepted: id in any family, versions.
const VERSION_RULES: [(&str, TlsVersion); 12] = [
    ("tls:sslv3", TlsVersion::Ssl3),
    ("tls:tlsv1.0", TlsVersion::Tls10),
    ("tls:tlsv1.1", TlsVersion::Tls11),
    ("SSLv3", TlsVersion::Ssl3),
    ("TLS1", TlsVersion::Tls10),
    ("TLS1_1", TlsVersion::Tls11),
    ("sslv3", TlsVersion::Ssl3),
    ("tls1.0", TlsVersion::Tls10),
    ("tls1.1", TlsVersion::Tls11),
    // Plugins 104743 and 157288 of Nessus.
    ("104743", TlsVersion::Tls10),
    ("157288", TlsVersion::Tls11),
    ("tls1_0", TlsVersion::Tls10),
];

/// Rules that find a fault of a certificate.
const CERTIFICATE_RULES: [(&str, Fault); 7] = [
    ("certificate:expired", Fault::Expired),
    ("certificate:self-signed", Fault::SelfSigned),
    ("certificate:weak-signature", Fault::WeakSignature),
    ("certificate:weak-key", Fault::WeakKey),
    ("15901", Fault::Expired),
    ("57582", Fault::SelfSigned),
    ("expired-ssl", Fault::Expired),
];

/// Ways in which titles name versions, in lower case.
const VERSION_WORDS: [(&str, TlsVersion); 9] = [
    ("ssl 3.0", TlsVersion::Ssl3),
    ("sslv3", TlsVersion::Ssl3),
    ("tls 1.0", TlsVersion::Tls10),
    ("tlsv1.0", TlsVersion::Tls10),
    ("tls version 1.0", TlsVersion::Tls10),
    ("tls 1.1", TlsVersion::Tls11),
    ("tlsv1.1", TlsVersion::Tls11),
    ("tls version 1.1", TlsVersion::Tls11),
    ("ssl 3 ", TlsVersion::Ssl3),
];

/// Words in titles that say that a version is on.
const ON: [&str; 8] =
    ["enabled", "supported", "accepted", "offered", "detection", "detected", "deprecated", "allowed"];

/// Object identifiers of signatures with MD5 or SHA-1 (RFC 3279).
const WEAK_SIGNATURES: [&str; 4] =
    ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10040.4.3", "1.2.840.10045.4.1"];
const SHORTEST_RSA_KEY: u32 = 2048;

impl Fault {
    fn of(subject: &ValidationSubject) -> Option<Self> {
        let WeaknessKey::Rule { id, .. } = &subject.weakness else { return None };
        if let Some((_, fault)) = CERTIFICATE_RULES.iter().find(|(rule, _)| rule == id) {
            return Some(fault.clone());
        }
        if let Some((_, version)) = VERSION_RULES.iter().find(|(rule, _)| rule == id) {
            return Some(Self::Accepts(vec![*version]));
        }
        let title = subject.title.to_lowercase();
        // Version 2 cannot be offered, so a title that names it too cannot be checked in full.
        if title.contains("sslv2") || title.contains("ssl 2") || !ON.iter().any(|word| title.contains(word)) {
            return None;
        }
        let mut versions: Vec<TlsVersion> = VERSION_WORDS
            .iter()
            .filter(|(word, _)| title.contains(word))
            .map(|(_, version)| *version)
            .collect();
        versions.sort_unstable();
        versions.dedup();
        (!versions.is_empty()).then_some(Self::Accepts(versions))
    }

    /// Whether the certificate has the fault at that moment; `None` where that cannot be told.
    fn is_in(&self, certificate: &Certificate, at: Timestamp) -> Option<bool> {
        match self {
            Self::Accepts(_) => None,
            Self::Expired => Some(certificate.not_after < at),
            Self::SelfSigned => Some(certificate.is_self_issued),
            Self::WeakSignature => Some(WEAK_SIGNATURES.contains(&certificate.signature_algorithm.as_str())),
            Self::WeakKey => Some(certificate.rsa_bits.is_some_and(|bits| bits < SHORTEST_RSA_KEY)),
        }
    }
}

fn probes(subject: &ValidationSubject) -> Vec<Probe> {
    let Some(fault) = Fault::of(subject) else { return Vec::new() };
    let targets = subject.ports().into_iter().flat_map(|port| subject.named_targets(port));
    match fault {
        Fault::Accepts(versions) => targets
            .flat_map(|target| {
                versions
                    .iter()
                    .map(move |version| check(target.clone(), Action::TlsHello { version: *version }))
            })
            .collect(),
        _ => targets.map(|target| check(target, Action::TlsHandshake)).collect(),
    }
}

fn read(subject: &ValidationSubject, record: &Record, _: &[Record]) -> Reading {
    let place = place_of(record);
    match (&record.seen, &record.probe.action, Fault::of(subject)) {
        (Seen::Hello { answer }, Action::TlsHello { version: offered }, _) => match answer {
            HelloAnswer::ServerHello { version, .. } if version == offered => {
                Reading::Fired(format!("{place} accepts {offered}"))
            }
            HelloAnswer::ServerHello { version, .. } if version < offered => {
                Reading::Clear(format!("{place} does not take {offered} and goes on with {version}"))
            }
            HelloAnswer::Alert { description: PROTOCOL_VERSION } => {
                Reading::Clear(format!("{place} refuses {offered} for its version"))
            }
            HelloAnswer::Alert { description } => Reading::Unknown(format!(
                "{place} ends the handshake of {offered} with alert {description}, which need not be about the version"
            )),
            _ => unanswered(record),
        },
        (Seen::Handshake { handshake }, _, Some(fault)) => {
            let Some(certificate) = &handshake.certificate else {
                return Reading::Unknown(format!("{place} shows no certificate that can be read"));
            };
            let says = format!(
                "the certificate of {place} is for {}, issued by {}, valid until {}",
                certificate.subject, certificate.issuer, certificate.not_after
            );
            match fault.is_in(certificate, record.at) {
                Some(true) => Reading::Fired(says),
                Some(false) => Reading::Clear(says),
                None => unanswered(record),
            }
        }
        _ => unanswered(record),
    }
}

fn answers(case: &Case<'_>, answers: &mut Answers) {
    match case.outcome {
        Outcome::Refuted => answers.exploitable = Answer::no(case.because, case.decisive.to_vec()),
        _ => {
            answers.exploitable = Answer::unknown(
                "its use needs an attacker between client and server",
                "a test of what clients accept, and of who can stand on the way",
            );
        }
    }
}
