//! Trivy JSON: images, file systems, repositories, machines, bills of materials and clusters.
//!
//! Schema version 2 is an object with `Results`, version 1 an array of results; `trivy k8s` puts
//! results under each object of the cluster. Vulnerabilities, failed checks, secrets and licences are
//! findings; passed checks are coverage; the packages of `--list-all-pkgs` are components.
//!
//! Coverage: a result of a class of packages shows that packages of that class were scanned on the
//! artifact; a result of configuration shows that the checks ran on that file or object. A filter by
//! severity does not show in the report. Secrets: a file without any is not listed, so none is stated.

mod artifact;
mod record;
mod schema;

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, Position, walk};
use bartizan_model::{
    AssetObservation, Attributes, Checks, Coverage, Observation, Places, RelationKind, RelationObservation,
    Subject, WeaknessKey,
};
use serde::de::DeserializeOwned;

use self::artifact::{Artifact, image_of_target};
use self::record::Setting;
use self::schema::Metadata;
use super::{Confidence, Format, Kind};
use crate::{Context, Error, Head, Header, Result, Sink, cloud, purl};

pub(super) const FORMAT: Format = Format {
    name: "trivy",
    title: "Trivy JSON",
    tool: "Trivy",
    kind: Kind::Vulnerabilities,
    example: "trivy image --format json --output trivy.json registry.example.com/shop:1.2",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let version_2 =
        head.has_key("ArtifactName") && (head.has_key("ArtifactType") || head.has_key("SchemaVersion"));
    let empty = head.has_keys(&["SchemaVersion", "Results"]);
    let cluster = head.has_key("ClusterName")
        && ["Resources", "Findings", "Vulnerabilities", "Misconfigurations"]
            .iter()
            .any(|key| head.has_key(key));
    let version_1 = head.is_json_array() && head.has_keys(&["Target", "Vulnerabilities"]);
    if version_2 || empty || cluster || version_1 {
        Confidence::Certain
    } else if head.text().trim() == "null" {
        // What version 1 writes when it found nothing; other tools of its time do, too.
        Confidence::Possible
    } else {
        Confidence::No
    }
}

/// What holds results: the report itself, or an object of a cluster.
const OWNERS: [&str; 5] = ["", "Resources[].", "Findings[].", "Vulnerabilities[].", "Misconfigurations[]."];
const OWNER_FIELDS: [&str; 11] = [
    "Namespace",
    "Kind",
    "Name",
    "Error",
    "Metadata",
    "ArtifactName",
    "ArtifactType",
    "CreatedAt",
    "ClusterName",
    "Trivy.Version",
    "SchemaVersion",
];
/// Where results stand; the last is schema version 1.
const RESULTS: [&str; 6] = [
    "Results[].",
    "Resources[].Results[].",
    "Findings[].Results[].",
    "Vulnerabilities[].Results[].",
    "Misconfigurations[].Results[].",
    "[].",
];
const RESULT_FIELDS: [&str; 10] = [
    "Target",
    "Class",
    "Type",
    "MisconfSummary",
    "Vulnerabilities[]",
    "Misconfigurations[]",
    "Secrets[]",
    "Licenses[]",
    "Packages[]",
    "ExperimentalModifiedFindings[]",
];

fn routes() -> Vec<String> {
    let owners =
        OWNERS.iter().flat_map(|prefix| OWNER_FIELDS.iter().map(move |field| format!("{prefix}{field}")));
    let results =
        RESULTS.iter().flat_map(|prefix| RESULT_FIELDS.iter().map(move |field| format!("{prefix}{field}")));
    owners.chain(results).collect()
}

/// What a route leads to.
enum Place {
    Owner { field: &'static str, is_object: bool },
    Result { field: &'static str },
}

fn place(route: usize) -> Place {
    let owners = OWNERS.len() * OWNER_FIELDS.len();
    if route < owners {
        Place::Owner {
            field: OWNER_FIELDS[route % OWNER_FIELDS.len()],
            is_object: route >= OWNER_FIELDS.len(),
        }
    } else {
        Place::Result { field: RESULT_FIELDS[(route - owners) % RESULT_FIELDS.len()] }
    }
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let routes = routes();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    let mut report = Report {
        context,
        sink,
        header: Header::new("trivy"),
        artifact: Artifact::default(),
        cluster: None,
        object: None,
        subject: None,
        result: None,
        classes: BTreeSet::new(),
        told: HashSet::new(),
        schema_version: None,
    };
    walk::<Error>(reader, &routes, Documents::One, &mut |event, position| report.take(event, position))?;
    report.finish()
}

/// An object of a cluster: a workload, a role, a node.
#[derive(Default)]
struct Object {
    namespace: String,
    kind: String,
    name: String,
    metadata: Vec<Metadata>,
    /// The image of the results before: those of its languages do not name it again.
    image: Option<Arc<Subject>>,
}

/// One result as far as it was read.
#[derive(Default)]
struct Current {
    target: Option<String>,
    class: String,
    kind: String,
    /// Records that came before the target was known: reports whose keys were sorted.
    waiting: Vec<(&'static str, String, String)>,
    subject: Option<(Arc<Subject>, bool)>,
    has_checks: bool,
}

/// Version 1 has no class; its type tells.
fn class(current: &Current) -> &'static str {
    match current.class.as_str() {
        "os-pkgs" => "os-pkgs",
        "lang-pkgs" => "lang-pkgs",
        "config" => "config",
        "" if purl::of_distribution(&current.kind, "x").is_some() => "os-pkgs",
        "" if purl::of(&current.kind, "x").is_some() => "lang-pkgs",
        "" if current.has_checks => "config",
        _ => "other",
    }
}

struct Report<'r> {
    context: &'r Context,
    sink: &'r mut dyn Sink,
    header: Header,
    artifact: Artifact,
    cluster: Option<String>,
    object: Option<Object>,
    subject: Option<Arc<Subject>>,
    result: Option<Current>,
    /// Classes of packages that were scanned on the artifact.
    classes: BTreeSet<&'static str>,
    told: HashSet<(Arc<Subject>, Option<Arc<Subject>>)>,
    schema_version: Option<u64>,
}

fn value<T: DeserializeOwned + Default>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_default()
}

impl Report<'_> {
    fn take(&mut self, event: Event<'_>, position: &Position<'_>) -> Result<()> {
        match event {
            Event::Begin { route } => match place(route) {
                Place::Owner { field: "Namespace", is_object: true } => self.object = Some(Object::default()),
                Place::Result { field: "Target" } => self.result = Some(Current::default()),
                _ => {}
            },
            Event::End { route } => match place(route) {
                Place::Owner { field: "Namespace", is_object: true } => self.object = None,
                Place::Result { field: "Target" } => return self.end_result(),
                _ => {}
            },
            Event::Value { route, json, .. } => match place(route) {
                Place::Owner { field, is_object } => self.owner(field, is_object, json, position),
                Place::Result { field } => return self.result_field(field, json, position),
            },
        }
        Ok(())
    }

    fn owner(&mut self, field: &str, is_object: bool, json: &str, position: &Position<'_>) {
        match (field, &mut self.object) {
            ("Namespace", Some(object)) => object.namespace = value(json),
            ("Kind", Some(object)) => object.kind = value(json),
            ("Name", Some(object)) => object.name = value(json),
            // One object, or a list with one for each image.
            ("Metadata", Some(object)) if json.starts_with('[') => object.metadata = value(json),
            ("Metadata", Some(object)) => object.metadata = vec![value(json)],
            ("Error", Some(object)) => {
                let text: String = value(json);
                if !text.is_empty() {
                    let name = format!("{} {}", object.kind, object.name);
                    self.header.problem(position.to_string(), format!("Trivy could not scan {name}: {text}"));
                }
            }
            _ if is_object => {}
            ("ClusterName", _) => self.cluster = Some(value(json)),
            ("ArtifactName", _) => self.artifact.name = value(json),
            ("ArtifactType", _) => self.artifact.kind = value(json),
            ("Metadata", _) => match serde_json::from_str(json) {
                Ok(metadata) => self.artifact.metadata = metadata,
                Err(error) => self.header.problem("Metadata", error.to_string()),
            },
            ("CreatedAt", _) => self.header.scanned_at = crate::time::parse(&value::<String>(json)),
            ("Trivy.Version", _) => self.header.tool_version = serde_json::from_str(json).ok(),
            ("SchemaVersion", _) => self.schema_version = serde_json::from_str(json).ok(),
            _ => {}
        }
    }

    fn result_field(&mut self, field: &'static str, json: &str, position: &Position<'_>) -> Result<()> {
        let Some(current) = &mut self.result else { return Ok(()) };
        match field {
            "Target" => current.target = Some(value(json)),
            "Class" => current.class = value(json),
            "Type" => current.kind = value(json),
            "MisconfSummary" => current.has_checks = true,
            _ if current.target.is_none() => {
                current.waiting.push((field, position.to_string(), json.to_owned()));
            }
            _ => return self.record(field, position.to_string(), json),
        }
        Ok(())
    }

    fn end_result(&mut self) -> Result<()> {
        let Some(current) = &mut self.result else { return Ok(()) };
        for (field, at, json) in std::mem::take(&mut current.waiting) {
            self.record(field, at, &json)?;
        }
        // An object or a file of a cluster without any result is not told.
        let (subject, is_object) = self.result_subject()?;
        let Some(current) = self.result.take() else { return Ok(()) };
        let target = current.target.as_deref().unwrap_or_default();
        match class(&current) {
            "config" if current.has_checks || !is_object => {
                let setting = Setting {
                    subject: &subject,
                    target,
                    class: &current.class,
                    kind: &current.kind,
                    is_object,
                };
                self.sink.remark(Observation::Coverage(Coverage {
                    subject: Arc::clone(&subject),
                    checks: Checks::Family(record::FAMILY.to_owned()),
                    places: record::places(&setting),
                }))?;
            }
            class @ ("os-pkgs" | "lang-pkgs") => {
                if self.object.is_some() {
                    self.cover(&subject, class)?;
                } else {
                    self.classes.insert(class);
                    self.subject = Some(subject);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn cover(&mut self, subject: &Arc<Subject>, class: &str) -> Result<()> {
        const SYSTEM: [&str; 3] = ["pkg:deb/", "pkg:apk/", "pkg:rpm/"];
        const LANGUAGES: [&str; 15] = [
            "pkg:npm/",
            "pkg:pypi/",
            "pkg:maven/",
            "pkg:golang/",
            "pkg:gem/",
            "pkg:composer/",
            "pkg:nuget/",
            "pkg:cargo/",
            "pkg:conan/",
            "pkg:cocoapods/",
            "pkg:swift/",
            "pkg:pub/",
            "pkg:hex/",
            "pkg:conda/",
            "pkg:bitnami/",
        ];
        let types: &[&str] = if class == "os-pkgs" { &SYSTEM } else { &LANGUAGES };
        self.sink.remark(Observation::Coverage(Coverage {
            subject: Arc::clone(subject),
            checks: Checks::Family(WeaknessKey::VULNERABILITY.to_owned()),
            places: Places::Components(types.iter().map(|&text| text.to_owned()).collect()),
        }))
    }

    fn record(&mut self, field: &'static str, at: String, json: &str) -> Result<()> {
        let (subject, is_object) = self.result_subject()?;
        let Some(current) = &self.result else { return Ok(()) };
        let setting = Setting {
            subject: &subject,
            target: current.target.as_deref().unwrap_or_default(),
            class: &current.class,
            kind: &current.kind,
            is_object,
        };
        let record = match field {
            "Vulnerabilities[]" => record::vulnerability(at, json, &setting),
            "Misconfigurations[]" => record::misconfiguration(at, json, &setting),
            "Secrets[]" => record::secret(at, json, &setting),
            "Licenses[]" => record::license(at, json, &setting),
            "Packages[]" => record::package(at, json, &setting),
            _ => record::modified(at, json, &setting),
        };
        self.sink.record(record)
    }

    /// What the result at hand is about, and whether that is an object as it runs in a cluster.
    fn result_subject(&mut self) -> Result<(Arc<Subject>, bool)> {
        if let Some(known) = self.result.as_ref().and_then(|current| current.subject.as_ref()) {
            return Ok((Arc::clone(&known.0), known.1));
        }
        let found = match self.object.take() {
            Some(mut object) => {
                let found = self.object_subject(&mut object);
                self.object = Some(object);
                found?
            }
            None => (self.artifact_subject()?, false),
        };
        if let Some(current) = &mut self.result {
            current.subject = Some((Arc::clone(&found.0), found.1));
        }
        Ok(found)
    }

    fn artifact_subject(&mut self) -> Result<Arc<Subject>> {
        if let Some(subject) = &self.subject {
            return Ok(Arc::clone(subject));
        }
        // Version 1 names what it scanned in the results only: `shop:1.2 (debian 10.8)`.
        if self.artifact.name.is_empty()
            && self.artifact.kind.is_empty()
            && let Some(target) = self.result.as_ref().and_then(|current| current.target.as_deref())
            && let Some((name, _)) = target.split_once(" (")
        {
            name.clone_into(&mut self.artifact.name);
        }
        let subject = self.artifact.subject(self.context, &mut self.header);
        self.tell(&subject, Some(self.artifact.name.clone()), self.artifact.attributes())?;
        self.subject = Some(Arc::clone(&subject));
        Ok(subject)
    }

    fn object_subject(&mut self, object: &mut Object) -> Result<(Arc<Subject>, bool)> {
        let cluster = self.cluster();
        let place = cloud::Resource {
            provider: "kubernetes",
            account: &cluster,
            namespace: &object.namespace,
            kind: &object.kind,
            name: &object.name,
            ..cloud::Resource::default()
        };
        let Some(target) = cloud::target(&place) else { return Ok((self.artifact_subject()?, false)) };
        let mut attributes = Attributes::new();
        for (key, value) in [("namespace", &object.namespace), ("type", &object.kind)] {
            if !value.is_empty() {
                attributes.insert(key.to_owned(), value.as_str().into());
            }
        }
        self.tell(&target.subject, Some(object.name.clone()), attributes)?;
        if let Some(cluster) = cloud::account(&place) {
            let name = Some(place.account.to_owned());
            self.tell(&cluster, name, Attributes::new())?;
            self.relate(RelationKind::CONTAINS, &cluster, &target.subject)?;
        }
        let Some(current) = &self.result else { return Ok((target.subject, true)) };
        if current.class == "config" {
            return Ok((target.subject, true));
        }
        let name = current.target.as_deref().unwrap_or_default();
        let image = image_of_target(name, &object.metadata).map(Arc::new).or_else(|| object.image.clone());
        let Some(image) = image else { return Ok((target.subject, true)) };
        object.image = Some(Arc::clone(&image));
        let reference = name.split_once(" (").map(|(reference, _)| reference);
        let lineage = reference.and_then(crate::image::lineage);
        let attributes = lineage.map(|lineage| ("lineage".to_owned(), lineage.into()));
        self.tell(&image, reference.map(str::to_owned), attributes.into_iter().collect())?;
        self.relate(RelationKind::DEPLOYED_TO, &image, &target.subject)?;
        Ok((image, false))
    }

    fn cluster(&mut self) -> String {
        if let Some(name) = self.cluster.as_ref().filter(|name| !name.is_empty()) {
            return name.clone();
        }
        let named = self.context.asset.as_ref().and_then(|asset| asset.best());
        let name = named.map_or(self.context.name.as_str(), |identifier| identifier.value()).to_owned();
        if named.is_none() {
            let message = format!(
                "the report does not name its cluster; it is called {name:?} after the file; --asset names it"
            );
            self.header.problem("ClusterName", message);
        }
        self.cluster = Some(name.clone());
        name
    }

    fn tell(&mut self, subject: &Arc<Subject>, name: Option<String>, attributes: Attributes) -> Result<()> {
        if !self.told.insert((Arc::clone(subject), None)) {
            return Ok(());
        }
        let name = name.filter(|name| !name.is_empty());
        self.sink.remark(Observation::Asset(AssetObservation {
            subject: Arc::clone(subject),
            name,
            attributes,
        }))
    }

    fn relate(&mut self, kind: RelationKind, from: &Arc<Subject>, to: &Arc<Subject>) -> Result<()> {
        if !self.told.insert((Arc::clone(from), Some(Arc::clone(to)))) {
            return Ok(());
        }
        self.sink.remark(Observation::Relation(RelationObservation {
            kind,
            from: Arc::clone(from),
            to: Arc::clone(to),
            attributes: Attributes::new(),
        }))
    }

    fn finish(mut self) -> Result<Header> {
        if let Some(version) = self.schema_version.filter(|version| *version > 2) {
            let message = format!("schema version {version} is newer than the two that are known");
            self.header.problem("SchemaVersion", message);
        }
        // The report of an artifact without results still says that it is there.
        if self.cluster.is_none() && !self.artifact.name.is_empty() {
            self.artifact_subject()?;
        }
        if let Some(subject) = self.subject.take() {
            for class in std::mem::take(&mut self.classes) {
                self.cover(&subject, class)?;
            }
        }
        Ok(self.header)
    }
}
