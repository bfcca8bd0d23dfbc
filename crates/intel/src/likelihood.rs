//! A first estimate of the likelihood that a weakness is exploited within 30 days by an attacker
//! who reaches it. A fitted model takes its place once there is one; until then every number here
//! is an assumption that is written down, and every estimate says which of them it rests on.
//!
//! How it is made: EPSS is the start where it is known, else a prior by the class of the weakness
//! and, for vulnerabilities, by what CVSS says an attacker needs. Evidence of exploitation then sets
//! floors under it; the highest holds. So more evidence never lowers an estimate except that a
//! measured EPSS score replaces a guessed prior. An estimate is never 0 and never above 0.95:
//! nothing known is not harmless, and nothing is certain.

use bartizan_model::WeaknessKey;
use serde::Serialize;

use crate::cvss::{AttackVector, Privileges, Vector};
use crate::facts::{CveFacts, ExploitKind, Exploitation};

const LOWEST: f64 = 0.0005;
const HIGHEST: f64 = 0.95;

/// In KEV and used by ransomware groups.
const RANSOMWARE: f64 = 0.8;
/// In KEV: exploited somewhere, so the means exist and are used.
const KNOWN_EXPLOITED: f64 = 0.6;
/// SSVC says that exploitation is active.
const ACTIVE: f64 = 0.5;
/// A ready-made exploit is public.
const WEAPONISED: f64 = 0.25;
/// Public templates find and often exploit it at scale.
const DETECTION: f64 = 0.1;
/// A proof of concept is public.
const PROOF_OF_CONCEPT: f64 = 0.05;

/// What kind of weakness it is, as far as that tells how it is exploited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeaknessClass {
    /// A secret that lies open: whoever finds it can use it.
    ExposedSecret,
    /// Default or missing credentials, missing authentication.
    OpenDoor,
    /// Code, command, SQL or template injection, unsafe deserialisation, upload of code.
    CodeExecution,
    /// Path traversal, server-side request forgery, XML external entities, broken access control.
    AccessBypass,
    /// Memory that is read or written where it should not be.
    Memory,
    /// Cross-site scripting, forged requests, open redirects: needs a person who follows.
    ClientSide,
    InformationLeak,
    /// Weak or broken cryptography, certificates, transport.
    Cryptography,
    DenialOfService,
    /// A published vulnerability of which no more is known.
    Vulnerability,
    /// A rule of a scanner of which no more is known.
    Misconfiguration,
}

impl WeaknessClass {
    /// The class by CWE, else by the family of the rule that found it.
    pub fn of(key: &WeaknessKey, cwes: &[u32]) -> Self {
        // Of several CWEs the class with the highest prior counts.
        let by_cwe = cwes
            .iter()
            .filter_map(|cwe| Self::of_cwe(*cwe))
            .max_by(|one, two| one.prior().total_cmp(&two.prior()).then_with(|| two.cmp(one)));
        by_cwe.unwrap_or_else(|| match key {
            WeaknessKey::Vulnerability(_) => Self::Vulnerability,
            WeaknessKey::Rule { family, id } => {
                let text = format!("{family}:{id}").to_lowercase();
                let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
                if has(&["gitleaks", "trufflehog", "secret", "private-key", "api-key", "apikey"]) {
                    Self::ExposedSecret
                } else if has(&["default-cred", "default-login", "no-auth", "unauth", "anonymous"]) {
                    Self::OpenDoor
                } else if has(&["tls", "ssl", "cipher", "certificate"]) {
                    Self::Cryptography
                } else {
                    Self::Misconfiguration
                }
            }
        })
    }

    const fn of_cwe(cwe: u32) -> Option<Self> {
        Some(match cwe {
            256 | 312 | 321 | 522 | 540 | 547 | 798 | 1392 => Self::ExposedSecret,
            258 | 259 | 287 | 288 | 306 | 1188 => Self::OpenDoor,
            74 | 77 | 78 | 88 | 89 | 94 | 95 | 98 | 434 | 502 | 564 | 917 | 943 | 1321 | 1336 => {
                Self::CodeExecution
            }
            22 | 23 | 36 | 73 | 269 | 284 | 285 | 611 | 639 | 732 | 862 | 863 | 918 => Self::AccessBypass,
            119 | 120 | 121 | 122 | 125 | 190 | 415 | 416 | 476 | 787 | 824 | 843 => Self::Memory,
            79 | 80 | 352 | 601 | 1021 => Self::ClientSide,
            200 | 201 | 203 | 209 | 532 | 538 | 548 => Self::InformationLeak,
            295 | 310 | 311 | 319 | 326 | 327 | 328 | 330 | 347 | 757 | 916 => Self::Cryptography,
            400 | 674 | 770 | 835 | 1333 => Self::DenialOfService,
            _ => return None,
        })
    }

    /// The likelihood where nothing else is known. Our assumptions: they order the classes by how
    /// little an attacker needs, and stay above what most published vulnerabilities ever come to,
    /// because these weaknesses were found here and not only published.
    pub const fn prior(self) -> f64 {
        match self {
            Self::ExposedSecret => 0.3,
            Self::OpenDoor => 0.25,
            Self::CodeExecution => 0.08,
            Self::AccessBypass => 0.05,
            Self::Misconfiguration => 0.03,
            Self::Vulnerability | Self::Memory => 0.02,
            Self::ClientSide | Self::InformationLeak | Self::DenialOfService => 0.01,
            Self::Cryptography => 0.005,
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::ExposedSecret => "an exposed secret",
            Self::OpenDoor => "missing or default authentication",
            Self::CodeExecution => "execution of foreign code or commands",
            Self::AccessBypass => "a way around access control",
            Self::Memory => "a memory error",
            Self::ClientSide => "an attack through somebody's browser",
            Self::InformationLeak => "a leak of information",
            Self::Cryptography => "weak cryptography",
            Self::DenialOfService => "a denial of service",
            Self::Vulnerability => "a published vulnerability of unknown kind",
            Self::Misconfiguration => "a misconfiguration",
        }
    }
}

/// A likelihood and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Probability of exploitation within 30 days by an attacker who reaches the weakness; above 0
    /// and at most 0.95.
    pub probability: f64,
    pub basis: Basis,
    /// What counted, the strongest first.
    pub why: Vec<String>,
}

/// How well an estimate is founded; the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Only the kind of the weakness is known.
    Prior,
    /// EPSS predicts it.
    Predicted,
    /// An exploit is public.
    ExploitPublic,
    /// Exploitation was observed.
    Observed,
}

/// Estimates how likely a weakness is to be exploited where it is reached. `facts` is what the
/// feeds know, `cwes` and `vectors` what reports say about it.
pub fn likelihood(facts: Option<&CveFacts>, key: &WeaknessKey, cwes: &[u32], vectors: &[Vector]) -> Estimate {
    let mut lines: Vec<(f64, Basis, String)> = Vec::new();
    if let Some(facts) = facts {
        evidence(facts, &mut lines);
    }
    if !lines.iter().any(|(_, basis, _)| *basis == Basis::Predicted) {
        let mut all_cwes: Vec<u32> = cwes.to_vec();
        all_cwes.extend(facts.iter().flat_map(|facts| &facts.cwes));
        let vector = facts.and_then(CveFacts::vector).or_else(|| vectors.iter().max());
        lines.push(prior(WeaknessClass::of(key, &all_cwes), vector));
    }
    lines.sort_by(|one, two| {
        two.0.total_cmp(&one.0).then_with(|| two.1.cmp(&one.1)).then_with(|| one.2.cmp(&two.2))
    });
    let probability = lines.first().map_or(LOWEST, |(probability, _, _)| *probability).clamp(LOWEST, HIGHEST);
    let basis = lines.iter().map(|(_, basis, _)| *basis).max().unwrap_or(Basis::Prior);
    Estimate { probability, basis, why: lines.into_iter().map(|(_, _, why)| why).collect() }
}

fn evidence(facts: &CveFacts, lines: &mut Vec<(f64, Basis, String)>) {
    let mut add = |floor: f64, basis: Basis, why: String| {
        lines.push((floor, basis, format!("{why}: at least {}", percent(floor))));
    };
    if let Some(kev) = &facts.kev {
        let since = kev.date_added;
        if kev.ransomware {
            add(RANSOMWARE, Basis::Observed, format!("in KEV since {since}, used by ransomware groups"));
        } else {
            add(KNOWN_EXPLOITED, Basis::Observed, format!("in KEV since {since}"));
        }
    }
    match facts.ssvc.and_then(|ssvc| ssvc.exploitation) {
        Some(Exploitation::Active) => {
            add(ACTIVE, Basis::Observed, "CISA's SSVC says that exploitation is active".to_owned());
        }
        Some(Exploitation::Poc) => {
            add(
                PROOF_OF_CONCEPT,
                Basis::ExploitPublic,
                "CISA's SSVC says that a proof of concept is public".to_owned(),
            );
        }
        _ => {}
    }
    for (kind, floor, what) in [
        (ExploitKind::Weaponised, WEAPONISED, "a ready-made exploit is public"),
        (ExploitKind::Detection, DETECTION, "scanners find it at scale"),
        (ExploitKind::ProofOfConcept, PROOF_OF_CONCEPT, "a proof of concept is public"),
    ] {
        let mut sources: Vec<&str> = facts
            .exploits
            .iter()
            .filter(|exploit| exploit.kind == kind)
            .map(|exploit| exploit.source.as_str())
            .collect();
        sources.dedup();
        if !sources.is_empty() {
            add(floor, Basis::ExploitPublic, format!("{what} ({})", sources.join(", ")));
        }
    }
    if let Some(epss) = &facts.epss {
        let of = epss.date.map_or_else(String::new, |date| format!(" of {date}"));
        lines.push((epss.score, Basis::Predicted, format!("EPSS{of} says {}", percent(epss.score))));
    }
}

/// The prior of a class, turned down by what an attacker needs beside the way to the weakness.
fn prior(class: WeaknessClass, vector: Option<&Vector>) -> (f64, Basis, String) {
    let mut probability = class.prior();
    let mut because = String::new();
    if let Some(vector) = vector {
        let mut needs = Vec::new();
        if matches!(vector.attack_vector(), AttackVector::Local | AttackVector::Physical) {
            probability *= 0.5;
            needs.push("a foothold on the system");
        }
        if vector.privileges_required() != Privileges::None {
            probability *= 0.5;
            needs.push("an account");
        }
        if vector.user_interaction() == Some(true) {
            probability *= 0.5;
            needs.push("somebody's help");
        }
        if vector.is_complex() {
            probability *= 0.5;
            needs.push("special conditions");
        }
        because = if needs.is_empty() {
            " that needs nothing else (CVSS)".to_owned()
        } else {
            format!(" that needs {} (CVSS)", needs.join(", "))
        };
    }
    let why = format!("no EPSS score; assumed for {}{because}: {}", class.in_words(), percent(probability));
    (probability, Basis::Prior, why)
}

/// `42 %`, `1.7 %`, `0.04 %`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 {
        format!("{percent:.0} %")
    } else if percent >= 1.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.2} %")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::{Epss, Exploit, Kev, Ssvc};

    fn cve() -> WeaknessKey {
        WeaknessKey::vulnerability("CVE-2024-0001")
    }

    fn epss(score: f64) -> CveFacts {
        let mut facts = CveFacts::new("CVE-2024-0001");
        facts.epss = Some(Epss { score, percentile: None, date: "2025-06-29".parse().ok(), model: None });
        facts
    }

    fn kev(ransomware: bool) -> Kev {
        Kev {
            catalogue: None,
            date_added: "2024-01-10".parse().unwrap(),
            due_date: None,
            ransomware,
            vendor: String::new(),
            product: String::new(),
            name: String::new(),
            action: String::new(),
        }
    }

    #[test]
    fn evidence_sets_floors() {
        let mut facts = epss(0.003);
        let estimate = likelihood(Some(&facts), &cve(), &[], &[]);
        assert!((estimate.probability - 0.003).abs() < 1e-12);
        assert_eq!(
            (estimate.basis, estimate.why.as_slice()),
            (Basis::Predicted, &["EPSS of 2025-06-29 says 0.30 %".to_owned()][..])
        );
        facts.kev = Some(kev(false));
        let estimate = likelihood(Some(&facts), &cve(), &[], &[]);
        assert!((estimate.probability - KNOWN_EXPLOITED).abs() < 1e-12);
        assert_eq!(estimate.why[0], "in KEV since 2024-01-10: at least 60 %");
        facts.epss.as_mut().unwrap().score = 0.99;
        assert!((likelihood(Some(&facts), &cve(), &[], &[]).probability - HIGHEST).abs() < 1e-12);
    }

    #[test]
    fn unknown_is_not_harmless() {
        let easy = Vector::parse("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H").unwrap();
        let hard = Vector::parse("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:H/I:H/A:H").unwrap();
        let rule = |family: &str, id: &str| WeaknessKey::rule(family, id);
        let secret = likelihood(None, &rule("gitleaks", "aws-access-token"), &[], &[]);
        let injection = likelihood(None, &rule("semgrep", "x"), &[89], &[]);
        let bare = likelihood(None, &cve(), &[], &[]);
        let reachable = likelihood(None, &cve(), &[78], &[easy]);
        let awkward = likelihood(None, &cve(), &[], &[hard]);
        let order = [&secret, &injection, &bare, &awkward].map(|estimate| estimate.probability);
        assert!(order.is_sorted_by(|one, two| one > two), "{order:?}");
        assert!((reachable.probability - injection.probability).abs() < 1e-12);
        assert_eq!(
            awkward.why,
            [
                "no EPSS score; assumed for a published vulnerability of unknown kind that needs a foothold on the system, \
              an account, somebody's help, special conditions (CVSS): 0.12 %"
            ]
        );
        assert!(awkward.probability > 0.0 && awkward.basis == Basis::Prior);
    }

    proptest! {
        /// More evidence never lowers an estimate, and every estimate stays in its bounds.
        #[test]
        fn evidence_never_lowers(score in 0.0f64..=1.0, which in 0usize..5, ransomware: bool, cwe in 0u32..1400) {
            let mut facts = epss(score);
            let before = likelihood(Some(&facts), &cve(), &[cwe], &[]);
            match which {
                0 => facts.kev = Some(kev(ransomware)),
                1 => facts.ssvc = Some(Ssvc { date: None, exploitation: Some(Exploitation::Active), automatable: None, technical_impact: None }),
                kind => facts.exploits.push(Exploit {
                    kind: [ExploitKind::ProofOfConcept, ExploitKind::Detection, ExploitKind::Weaponised][kind - 2],
                    source: "x".to_owned(), reference: String::new(), seen: None,
                }),
            }
            let after = likelihood(Some(&facts), &cve(), &[cwe], &[]);
            prop_assert!(after.probability >= before.probability);
            prop_assert!(after.basis > before.basis);
            let blind = likelihood(None, &cve(), &[cwe], &[]);
            for estimate in [before, after, blind] {
                prop_assert!(estimate.probability >= LOWEST && estimate.probability <= HIGHEST);
                prop_assert!(!estimate.why.is_empty());
            }
        }
    }
}
