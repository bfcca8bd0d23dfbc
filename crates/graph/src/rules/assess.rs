//! What an exposure gives an attacker and how likely its use succeeds: the door through which the
//! intelligence of the caller enters, and an answer without any.

use bartizan_model::estate::{Estate, ExposureIndex};
use bartizan_model::{Severity, Weakness, WeaknessKey};
use serde::{Deserialize, Serialize};

use super::catalogue::{Catalogue, Gives};
use super::cvss::{self, Impact, Metrics, Privileges, Vector};

/// What is known of using an exposure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Chance that an attacker who can reach it uses it with success, 0 to 1.
    pub likelihood: f64,
    /// Where the likelihood comes from, for people.
    pub why: String,
    pub vector: Vector,
    pub privileges: Privileges,
    /// Somebody must open or click something.
    pub needs_user: bool,
    pub gives: Gives,
}

/// Who knows how likely exposures are used. The caller's intelligence (EPSS, KEV, exploit code, results
/// of validation) implements it, usually on top of [`CatalogueFacts`].
pub trait Facts {
    fn assess(&self, exposure: ExposureIndex) -> Assessment;
}

/// What the catalogue and the CVSS vectors in the reports say; priors where nothing says more.
pub struct CatalogueFacts<'a> {
    pub estate: &'a Estate,
    pub catalogue: &'a Catalogue,
}

impl Facts for CatalogueFacts<'_> {
    fn assess(&self, exposure: ExposureIndex) -> Assessment {
        let exposure = self.estate.exposure(exposure);
        assess(self.estate.weakness(exposure.weakness), exposure.severity, self.catalogue)
    }
}

/// Priors of a published vulnerability, by the effort that it takes. EPSS gives a better figure; these
/// are of its order for vulnerabilities of such vectors, so that a missing feed neither hides nor shouts.
const PRIOR_SIMPLE: f64 = 0.1;
const PRIOR_DIFFICULT: f64 = 0.03;

fn assess(weakness: &Weakness, severity: Severity, catalogue: &Catalogue) -> Assessment {
    if let Some(class) = catalogue.class(weakness) {
        return Assessment {
            likelihood: class.likelihood,
            why: format!("prior of the class \"{}\"", class.title),
            vector: class.vector,
            privileges: class.privileges,
            needs_user: class.gives == Gives::UserExecution,
            gives: class.gives,
        };
    }
    let is_vulnerability = matches!(weakness.key, WeaknessKey::Vulnerability(_));
    if let Some(metrics) = cvss::best_of(weakness.cvss.iter().map(String::as_str)) {
        let is_simple = metrics.is_simple && metrics.privileges == Privileges::None && !metrics.needs_user;
        return Assessment {
            likelihood: if is_simple { PRIOR_SIMPLE } else { PRIOR_DIFFICULT },
            why: format!(
                "prior of a {} vulnerability by its CVSS vector; no exploit prediction is at hand",
                if is_simple { "simple" } else { "difficult" }
            ),
            vector: metrics.vector,
            privileges: metrics.privileges,
            needs_user: metrics.needs_user,
            gives: gives(metrics),
        };
    }
    // A score without a vector does not say from where; only the worst are taken to run code.
    let is_worst = weakness.score.map_or(severity == Severity::Critical, |score| score >= 9.0);
    if is_vulnerability && is_worst {
        return Assessment {
            likelihood: PRIOR_DIFFICULT,
            why:
                "prior of a critical vulnerability without a CVSS vector, taken to run code from the network"
                    .to_owned(),
            vector: Vector::Network,
            privileges: Privileges::None,
            needs_user: false,
            gives: Gives::Execution,
        };
    }
    Assessment {
        likelihood: 0.0,
        why: "what it gives an attacker is not known".to_owned(),
        vector: Vector::Unknown,
        privileges: Privileges::None,
        needs_user: false,
        gives: Gives::Unknown,
    }
}

/// What a vulnerability with these metrics gives. Code runs where both confidentiality and integrity
/// are lost altogether; a script in a victim's browser loses little of each.
fn gives(metrics: Metrics) -> Gives {
    match (metrics.confidentiality, metrics.integrity) {
        (Impact::High, Impact::High) if metrics.needs_user => Gives::UserExecution,
        (Impact::High, Impact::High) => Gives::Execution,
        (Impact::High, _) => Gives::Data,
        (_, Impact::High) => Gives::Changes,
        (Impact::None, Impact::None) if metrics.availability > Impact::None => Gives::Denial,
        _ => Gives::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vector: &str) -> Assessment {
        let mut weakness = Weakness::new(WeaknessKey::vulnerability("CVE-2024-0001"), "");
        weakness.cvss = vec![vector.to_owned()];
        assess(&weakness, Severity::High, &Catalogue::parse(&[]).unwrap())
    }

    #[test]
    fn vectors_decide_what_a_vulnerability_gives() {
        for (vector, gives) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Gives::Execution),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Gives::None),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", Gives::UserExecution),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", Gives::Data),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N", Gives::Changes),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Gives::Denial),
            ("AV:N/AC:L/Au:N/C:P/I:P/A:P", Gives::Execution),
            ("CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Gives::Execution),
        ] {
            assert_eq!(of(vector).gives, gives, "{vector}");
        }
        assert_eq!(of("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H").vector, Vector::Local);
    }

    #[test]
    fn without_a_vector_only_the_worst_are_taken_to_run_code() {
        let catalogue = Catalogue::parse(&[]).unwrap();
        let mut weakness = Weakness::new(WeaknessKey::vulnerability("CVE-2024-0001"), "");
        assert_eq!(assess(&weakness, Severity::Critical, &catalogue).gives, Gives::Execution);
        assert_eq!(assess(&weakness, Severity::High, &catalogue).gives, Gives::Unknown);
        weakness.score = Some(5.0);
        assert_eq!(assess(&weakness, Severity::Critical, &catalogue).gives, Gives::Unknown);
        weakness.key = WeaknessKey::rule("bandit", "B101");
        weakness.score = None;
        assert_eq!(assess(&weakness, Severity::Critical, &catalogue).gives, Gives::Unknown);
    }
}
