//! Observations: what a report says about assets, relations and weaknesses. Immutable.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Place, RelationKind, Severity, Subject, Weakness};

/// Properties that a report gives; keys in `snake_case`, dotted for a source's own (`aws.vpc_id`).
pub type Attributes = BTreeMap<String, Value>;

/// One thing that a report says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observation {
    Asset(AssetObservation),
    Relation(RelationObservation),
    Service(ServiceObservation),
    Finding(Box<Finding>),
    Coverage(Coverage),
    Component(ComponentObservation),
}

/// An asset and what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssetObservation {
    pub subject: Arc<Subject>,
    /// A name for people; never identity.
    pub name: Option<String>,
    pub attributes: Attributes,
}

/// A tie between two assets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelationObservation {
    pub kind: RelationKind,
    pub from: Arc<Subject>,
    pub to: Arc<Subject>,
    pub attributes: Attributes,
}

/// A port on which a host answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceObservation {
    pub host: Arc<Subject>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    pub port: u16,
    /// `service` (http, ssh…), `product`, `version`, `cpe`, `tls` (bool) where known.
    pub attributes: Attributes,
}

/// A component inside an asset, as a bill of materials or a package list has it. It is a part of the
/// asset, not an asset of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentObservation {
    pub subject: Arc<Subject>,
    pub part: Part,
    /// `purl` (with version), `type`, `licenses` (list), `cpe`, `scope`, `hashes` (by algorithm),
    /// `depends_on` (purls) where known.
    pub attributes: Attributes,
}

/// One witness of one or several weaknesses on an asset at a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub subject: Arc<Subject>,
    /// Usually one. A finding that names several CVEs is several exposures that share one fix.
    pub weaknesses: Vec<Weakness>,
    pub place: Place,
    /// Where inside the asset a CVE-like weakness was seen.
    pub part: Option<Part>,
    pub status: Status,
    /// As the tool states it.
    pub severity: Severity,
    /// What the tool saw, secrets masked, at most 2,000 characters.
    pub evidence: Option<String>,
    pub fix: Option<FixHint>,
    /// Line, commit, layer and other details that are shown but are not identity.
    pub attributes: Attributes,
}

impl Finding {
    pub fn new(subject: Arc<Subject>, weakness: Weakness, place: Place, severity: Severity) -> Self {
        Self {
            subject,
            weaknesses: vec![weakness],
            place,
            part: None,
            status: Status::Affected,
            severity,
            evidence: None,
            fix: None,
            attributes: Attributes::new(),
        }
    }
}

/// A component, file or layer in which a CVE-like weakness was seen. The version is an attribute:
/// upgrading to another vulnerable version is not a new part.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Part {
    /// purl without version, else the package's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub component: String,
    /// File path inside the asset, where the report gives one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Part {
    /// The text by which two reports mean the same part.
    pub fn key(&self) -> String {
        if self.path.is_empty() {
            self.component.clone()
        } else {
            format!("{}@{}", self.component, crate::place::clean_path(&self.path))
        }
    }
}

/// What the report says about the weakness being there; the words of VEX.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    #[default]
    Affected,
    UnderInvestigation,
    Fixed,
    NotAffected {
        justification: String,
    },
}

/// What a report advises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FixHint {
    pub kind: FixKind,
    /// One imperative sentence, exact where the report is.
    pub text: String,
    /// The component to upgrade: purl without version, else name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Versions that are not affected, as the report lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed_versions: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixKind {
    Upgrade,
    Configure,
    ChangeCode,
    RotateSecret,
    Restrict,
    Remove,
}

impl FixKind {
    pub const ALL: [Self; 6] =
        [Self::Upgrade, Self::Configure, Self::ChangeCode, Self::RotateSecret, Self::Restrict, Self::Remove];
}

/// Proof that a check ran on a target: what lets absence close an exposure.
///
/// It is stated only where the report shows it (Nessus: host up, plugin run, credentials worked;
/// SARIF: rule and artifact listed; nmap: port scanned and answered; Trivy: artifact and class).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    pub subject: Arc<Subject>,
    pub checks: Checks,
    pub places: Places,
}

/// Which checks ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checks {
    /// Every check of a family (see [`crate::WeaknessKey::family`]).
    Family(String),
    /// These rules of a family.
    Rules { family: String, ids: Vec<String> },
}

/// Where they ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Places {
    /// Everywhere on the asset.
    All,
    /// Ports of one protocol, as inclusive ranges.
    Ports { protocol: String, ranges: Vec<(u16, u16)> },
    /// These places, by their stored text.
    Exact(Vec<String>),
    /// Code under these paths (files or folders).
    Paths(Vec<String>),
    /// CVE-like weaknesses seen in these components (purl without version, or name) or, ending
    /// in `/`, in every component of such a type (`pkg:npm/`).
    Components(Vec<String>),
}

impl Coverage {
    /// True when the statement shows that this check ran at this place, so that a weakness that is
    /// not in the report was not there. `part` is a [`Part::key`].
    pub fn covers(&self, weakness: &crate::WeaknessKey, place: &Place, part: &str) -> bool {
        let ran = match &self.checks {
            Checks::Family(family) => family == weakness.family(),
            Checks::Rules { family, ids } => {
                family == weakness.family() && ids.iter().any(|id| id == weakness.id())
            }
        };
        ran && match &self.places {
            Places::All => true,
            Places::Ports { protocol, ranges } => match place {
                Place::Port { protocol: at, port } => {
                    at == protocol && ranges.iter().any(|(low, high)| (low..=high).contains(&port))
                }
                Place::Web { port, .. } => {
                    protocol == "tcp" && ranges.iter().any(|(low, high)| (low..=high).contains(&port))
                }
                _ => false,
            },
            Places::Exact(places) => {
                let place = place.to_string();
                places.contains(&place)
            }
            Places::Paths(paths) => match place {
                Place::Code { path, .. } => paths.iter().any(|known| is_under(path, known)),
                _ => false,
            },
            Places::Components(components) => {
                let component = part.split('@').next().unwrap_or_default();
                components.iter().any(|known| {
                    if known.ends_with('/') {
                        component.starts_with(known.as_str())
                    } else {
                        component == known
                    }
                })
            }
        }
    }
}

fn is_under(path: &str, folder: &str) -> bool {
    let folder = crate::place::clean_path(folder);
    let folder = folder.trim_end_matches('/');
    folder.is_empty() || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AssetKind, WeaknessKey};

    #[test]
    fn coverage_covers_what_it_states_and_no_more() {
        let host = Arc::new(Subject::new(AssetKind::Host, []));
        let tls = WeaknessKey::rule("nmap", "ssl-enum-ciphers");
        let mut coverage = Coverage {
            subject: host,
            checks: Checks::Rules { family: "nmap".to_owned(), ids: vec!["ssl-enum-ciphers".to_owned()] },
            places: Places::Ports { protocol: "tcp".to_owned(), ranges: vec![(80, 80), (443, 445)] },
        };
        assert!(coverage.covers(&tls, &Place::port("tcp", 443), ""));
        assert!(!coverage.covers(&tls, &Place::port("tcp", 8443), ""));
        assert!(!coverage.covers(&tls, &Place::port("udp", 443), ""));
        assert!(!coverage.covers(&WeaknessKey::rule("nmap", "http-git"), &Place::port("tcp", 443), ""));

        coverage.checks = Checks::Family(WeaknessKey::VULNERABILITY.to_owned());
        coverage.places =
            Places::Components(vec!["pkg:npm/".to_owned(), "pkg:deb/debian/openssl".to_owned()]);
        let cve = WeaknessKey::vulnerability("CVE-2024-1");
        assert!(coverage.covers(&cve, &Place::Whole, "pkg:npm/lodash@package-lock.json"));
        assert!(coverage.covers(&cve, &Place::Whole, "pkg:deb/debian/openssl"));
        assert!(!coverage.covers(&cve, &Place::Whole, "pkg:pypi/requests"));
        assert!(!coverage.covers(&cve, &Place::Whole, ""));

        coverage.places = Places::Paths(vec!["./src/".to_owned()]);
        coverage.checks = Checks::Family("bandit".to_owned());
        let rule = WeaknessKey::rule("bandit", "B101");
        assert!(coverage.covers(&rule, &Place::code("src/a.py", Some("x"), ""), ""));
        assert!(!coverage.covers(&rule, &Place::code("srcs/a.py", Some("x"), ""), ""));
    }
}
