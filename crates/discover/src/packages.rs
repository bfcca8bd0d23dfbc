//! The packages of a bill of materials whose asset and dependencies stand behind them: held in a
//! compact form until both are known, then told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bartizan_model::{
    AssetKind, Attributes, ComponentObservation, Finding, Observation, Part, Place, Severity, Subject,
};
use serde_json::Value;

use crate::{Record, Result, Sink, advisory};

/// One package as a bill lists it.
pub(crate) struct Package {
    pub(crate) at: String,
    /// How the bill's relations name it.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    pub(crate) part: Part,
    pub(crate) attributes: Attributes,
    /// Places and texts of advisories that the bill links to it.
    pub(crate) advisories: Vec<(String, String)>,
}

#[derive(Default)]
pub(crate) struct Packages {
    packages: Vec<Package>,
    rejected: Vec<Record>,
    /// Who needs whom, by ids.
    dependencies: BTreeMap<String, BTreeSet<String>>,
}

impl Packages {
    pub(crate) fn push(&mut self, package: Package) {
        if package.part.component.is_empty() {
            self.reject(package.at, "the package has neither a name nor a purl");
        } else {
            self.packages.push(package);
        }
    }

    pub(crate) fn reject(&mut self, at: String, message: impl Into<String>) {
        self.rejected.push(Record::rejected(at, message));
    }

    pub(crate) fn depends(&mut self, from: String, on: String) {
        self.dependencies.entry(from).or_default().insert(on);
    }

    /// Takes a package out: the one that stands for the asset.
    pub(crate) fn take(&mut self, is_wanted: impl Fn(&Package) -> bool) -> Option<Package> {
        let at = self.packages.iter().position(is_wanted)?;
        Some(self.packages.remove(at))
    }

    pub(crate) fn tell(self, subject: &Arc<Subject>, kind: AssetKind, sink: &mut dyn Sink) -> Result<()> {
        for record in self.rejected {
            sink.record(record)?;
        }
        let purl = |package: &Package| match package.attributes.get("purl") {
            Some(Value::String(purl)) => purl.clone(),
            _ => package.part.component.clone(),
        };
        let names: BTreeMap<&str, String> =
            self.packages.iter().map(|package| (package.id.as_str(), purl(package))).collect();
        for package in &self.packages {
            let mut part = package.part.clone();
            if kind == AssetKind::Repository {
                // The catalogue of a folder takes the folder for the root.
                part.path = part.path.trim_start_matches('/').to_owned();
            }
            let mut attributes = package.attributes.clone();
            let needed = self.dependencies.get(&package.id).into_iter().flatten();
            let needed: Vec<Value> =
                needed.filter_map(|id| names.get(id.as_str())).map(|purl| purl.as_str().into()).collect();
            if !needed.is_empty() {
                attributes.insert("depends_on".to_owned(), needed.into());
            }
            let observation = Observation::Component(ComponentObservation {
                subject: Arc::clone(subject),
                part: part.clone(),
                attributes,
            });
            sink.record(Record::observed(package.at.clone(), vec![observation]))?;
            for (at, text) in &package.advisories {
                sink.record(advisory_record(at, text, package, part.clone(), subject))?;
            }
        }
        Ok(())
    }
}

/// A link to an advisory says that the package is affected, and no more.
fn advisory_record(at: &str, text: &str, package: &Package, part: Part, subject: &Arc<Subject>) -> Record {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let ids: Vec<&str> = words.filter(|word| word.contains('-') && advisory::is_single(word)).collect();
    let mut weaknesses = advisory::weaknesses(&ids, "");
    for weakness in &mut weaknesses {
        weakness.title = format!("{} in {}", weakness.key.id(), package.name);
        if text.contains("://") {
            weakness.references = vec![text.to_owned()];
        }
    }
    let Some(first) = weaknesses.first().cloned() else {
        return Record::ignored(at, "link to an advisory without a known id");
    };
    let mut finding = Finding::new(Arc::clone(subject), first, Place::Whole, Severity::Unknown);
    finding.weaknesses = weaknesses;
    finding.part = Some(part);
    Record::observed(at, vec![Observation::Finding(Box::new(finding))])
}

/// Whether the package is of the system's own package manager: its path tells nothing, since all of
/// them lie in one database.
pub(crate) fn is_of_system(component: &str) -> bool {
    ["pkg:deb/", "pkg:rpm/", "pkg:apk/", "pkg:alpm/"].iter().any(|kind| component.starts_with(kind))
}
