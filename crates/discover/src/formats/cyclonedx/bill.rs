//! One bill of materials while it is read: the asset, its components, and what waits for them.
//!
//! The order of the parts is not fixed. Components that come before the metadata are held until the
//! asset is known; vulnerabilities that come before the components are held until the end.

use std::collections::HashMap;
use std::sync::Arc;

use bartizan_model::{
    AssetKind, AssetObservation, Attributes, Checks, ComponentObservation, Coverage, Identifier, Observation,
    Part, Places, Scheme, Subject, WeaknessKey,
};
use serde_json::Value;

use super::schema::{Component, Metadata, Service, Tool, Tools, Vulnerability};
use crate::image::{self, Image};
use crate::{Context, Header, Outcome, Record, Result, Sink, purl};

/// Tools that look vulnerabilities up; the rest only list components.
const SCANNERS: [&str; 10] = [
    "trivy",
    "grype",
    "dependency-track",
    "dependency track",
    "jake",
    "snyk",
    "osv-scanner",
    "depscan",
    "dep-scan",
    "bomber",
];
/// Package managers that are listed among the tools, before the one that wrote the bill.
const MANAGERS: [&str; 6] = ["npm", "yarn", "pnpm", "pip", "maven", "gradle"];

pub(super) struct Bill<'b> {
    context: &'b Context,
    sink: &'b mut dyn Sink,
    header: Header,
    subject: Option<Arc<Subject>>,
    /// Stands for the asset in records that are held.
    placeholder: Arc<Subject>,
    held: Vec<Record>,
    /// `bom-ref` to what it names; `None` is the asset itself.
    parts: HashMap<String, Option<Part>>,
    waiting: Vec<(String, Vulnerability)>,
    components_began: bool,
    found: usize,
}

impl<'b> Bill<'b> {
    pub(super) fn new(context: &'b Context, sink: &'b mut dyn Sink) -> Self {
        Self {
            context,
            sink,
            header: Header::new("cyclonedx"),
            subject: None,
            placeholder: Arc::new(Subject::new(AssetKind::Artifact, [])),
            held: Vec::new(),
            parts: HashMap::new(),
            waiting: Vec::new(),
            components_began: false,
            found: 0,
        }
    }

    pub(super) fn problem(&mut self, at: String, message: String) {
        self.header.problem(at, message);
    }

    /// Components follow, or stand here at least as an empty list.
    pub(super) fn has_components(&mut self) {
        self.components_began = true;
    }

    pub(super) fn metadata(&mut self, metadata: Metadata) -> Result<()> {
        if let Some(text) = &metadata.timestamp {
            self.header.scanned_at = crate::time::parse(text);
        }
        if let Some(tool) = metadata.tools.as_ref().and_then(tool) {
            if let Some(name) = &tool.name {
                self.header.tool = name.trim().to_lowercase().replace(char::is_whitespace, "-");
            }
            self.header.tool_version.clone_from(&tool.version);
        }
        let Some(component) = metadata.component else {
            self.settle();
            return Ok(());
        };
        let own = subject(&component, self.context);
        let subject = own.map_or_else(
            || crate::target::named(self.context, &mut self.header, AssetKind::Artifact),
            Arc::new,
        );
        self.sink.remark(Observation::Asset(AssetObservation {
            subject: Arc::clone(&subject),
            name: component.name.clone(),
            attributes: attributes_of_asset(&component),
        }))?;
        self.subject = Some(subject);
        if let Some(reference) = &component.bom_ref {
            self.parts.insert(reference.clone(), None);
        }
        for (at, nested) in component.components.unwrap_or_default().into_iter().enumerate() {
            self.component(format!("metadata.component.components[{at}]"), nested)?;
        }
        Ok(())
    }

    pub(super) fn component(&mut self, at: String, component: Component) -> Result<()> {
        // Nested components follow their parent; a stack keeps their order without recursion.
        let mut stack = vec![(at, component)];
        while let Some((at, mut component)) = stack.pop() {
            let nested = component.components.take().unwrap_or_default();
            let vulnerabilities = std::mem::take(&mut component.vulnerabilities);
            let below = nested.into_iter().enumerate();
            let below: Vec<_> =
                below.map(|(index, nested)| (format!("{at}.components[{index}]"), nested)).collect();
            stack.extend(below.into_iter().rev());
            let part = part(&component);
            if part.component.is_empty() {
                self.record(Record::rejected(at.clone(), "the component has neither a name nor a purl"))?;
            } else {
                let observation = Observation::Component(ComponentObservation {
                    subject: self.target(),
                    part: part.clone(),
                    attributes: attributes(&component),
                });
                self.record(Record::observed(at.clone(), vec![observation]))?;
            }
            if let Some(reference) = component.bom_ref {
                self.parts.insert(reference, Some(part.clone()));
            }
            for (index, vulnerability) in vulnerabilities.into_iter().enumerate() {
                let at = format!("{at} vulnerability {}", index + 1);
                let target = self.target();
                let record = super::vulnerability::record(at, &vulnerability, &target, &mut |_| {
                    Some(Some(part.clone()))
                });
                self.found += 1;
                self.record(record)?;
            }
        }
        Ok(())
    }

    pub(super) fn service(&mut self, at: String, service: Service) -> Result<()> {
        let mut stack = vec![(at, service)];
        while let Some((at, mut service)) = stack.pop() {
            let nested = service.services.take().unwrap_or_default();
            let below: Vec<_> = nested
                .into_iter()
                .enumerate()
                .map(|(index, nested)| (format!("{at}.services[{index}]"), nested))
                .collect();
            stack.extend(below.into_iter().rev());
            let name = qualified(service.group.as_deref(), service.name.as_deref(), "/");
            let Some(name) = name else {
                self.record(Record::rejected(at, "the service has no name"))?;
                continue;
            };
            let part = Part { component: name, path: String::new(), version: service.version.clone() };
            if let Some(reference) = service.bom_ref {
                self.parts.insert(reference, Some(part.clone()));
            }
            let mut attributes: Attributes = [("type".to_owned(), "service".into())].into();
            if !service.endpoints.is_empty() {
                attributes.insert("endpoints".to_owned(), service.endpoints.into());
            }
            for (key, flag) in [
                ("authenticated", service.authenticated),
                ("crosses_trust_boundary", service.crosses_trust_boundary),
            ] {
                if let Some(flag) = flag {
                    attributes.insert(key.to_owned(), flag.into());
                }
            }
            if let Some(provider) = service.provider.and_then(|provider| provider.name) {
                attributes.insert("provider".to_owned(), provider.into());
            }
            let subject = self.target();
            let observation = Observation::Component(ComponentObservation { subject, part, attributes });
            self.record(Record::observed(at, vec![observation]))?;
        }
        Ok(())
    }

    pub(super) fn vulnerability(&mut self, at: String, vulnerability: Vulnerability) -> Result<()> {
        let references =
            vulnerability.affects.iter().flatten().filter_map(|affected| affected.reference.as_deref());
        let are_known = references.into_iter().all(|reference| self.parts.contains_key(local(reference)));
        // A bill of vulnerabilities alone names components of another bill, so what is not known when
        // components began will not become known, either, except by services, which are few.
        if are_known || self.components_began {
            return self.tell_vulnerability(at, &vulnerability);
        }
        self.waiting.push((at, vulnerability));
        Ok(())
    }

    fn tell_vulnerability(&mut self, at: String, vulnerability: &Vulnerability) -> Result<()> {
        let subject = self.target();
        let parts = &self.parts;
        let mut find = |reference: &str| parts.get(local(reference)).cloned();
        let record = super::vulnerability::record(at, vulnerability, &subject, &mut find);
        self.found += 1;
        self.record(record)
    }

    /// Nothing that follows can name the asset any more.
    pub(super) fn settle(&mut self) -> Arc<Subject> {
        let known = self.subject.take();
        let subject = known
            .unwrap_or_else(|| crate::target::named(self.context, &mut self.header, AssetKind::Artifact));
        self.subject = Some(Arc::clone(&subject));
        subject
    }

    fn target(&self) -> Arc<Subject> {
        Arc::clone(self.subject.as_ref().unwrap_or(&self.placeholder))
    }

    pub(super) fn record(&mut self, record: Record) -> Result<()> {
        if self.subject.is_some() {
            return self.sink.record(record);
        }
        self.held.push(record);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Header> {
        let subject = self.settle();
        for mut record in std::mem::take(&mut self.held) {
            if let Outcome::Observed(observations) = &mut record.outcome {
                for observation in observations {
                    match observation {
                        Observation::Finding(finding) => finding.subject = Arc::clone(&subject),
                        Observation::Component(component) => component.subject = Arc::clone(&subject),
                        _ => {}
                    }
                }
            }
            self.sink.record(record)?;
        }
        for (at, vulnerability) in std::mem::take(&mut self.waiting) {
            self.tell_vulnerability(at, &vulnerability)?;
        }
        if self.found > 0 && self.components_began && SCANNERS.contains(&self.header.tool.as_str()) {
            self.sink.remark(Observation::Coverage(Coverage {
                subject,
                checks: Checks::Family(WeaknessKey::VULNERABILITY.to_owned()),
                places: Places::All,
            }))?;
        }
        Ok(self.header)
    }
}

/// `urn:cdx:<serial>/<version>#<bom-ref>` names a component of a bill by its reference there.
fn local(reference: &str) -> &str {
    match reference.strip_prefix("urn:cdx:").and_then(|link| link.split_once('#')) {
        Some((_, reference)) => reference,
        None => reference,
    }
}

fn tool(tools: &Tools) -> Option<&Tool> {
    let all: Vec<&Tool> = match tools {
        Tools::List(tools) => tools.iter().collect(),
        Tools::Components { components, services } => components.iter().chain(services).collect(),
    };
    let is_one_of = |tool: &&&Tool, names: &[&str]| {
        tool.name.as_deref().is_some_and(|name| names.contains(&name.to_lowercase().as_str()))
    };
    let scanner = all.iter().find(|tool| is_one_of(tool, &SCANNERS));
    let writer = || all.iter().find(|tool| tool.name.is_some() && !is_one_of(tool, &MANAGERS));
    scanner.or_else(writer).copied()
}

fn qualified(group: Option<&str>, name: Option<&str>, separator: &str) -> Option<String> {
    let name = name.map(str::trim).filter(|name| !name.is_empty())?;
    Some(match group.map(str::trim).filter(|group| !group.is_empty()) {
        Some(group) => format!("{group}{separator}{name}"),
        None => name.to_owned(),
    })
}

fn property<'c>(component: &'c Component, name: &str) -> Option<&'c str> {
    let mut properties = component.properties.iter().flatten();
    properties.find(|property| property.name == name)?.value.as_deref().filter(|value| !value.is_empty())
}

/// The asset that the bill is of.
fn subject(component: &Component, context: &Context) -> Option<Subject> {
    let url = component.purl.as_deref().unwrap_or_default();
    if component.kind.as_deref() == Some("container")
        || url.starts_with("pkg:oci/")
        || url.starts_with("pkg:docker/")
    {
        let mut tags: Vec<String> =
            property(component, "aquasecurity:trivy:RepoTag").into_iter().map(str::to_owned).collect();
        let name = component.name.as_deref().unwrap_or_default();
        if tags.is_empty() && image::is_reference(name) && !image::is_digest(name) {
            tags.push(name.to_owned());
        }
        let decoded = url.replace("%3A", ":").replace("%3a", ":");
        let digest = decoded
            .split(['?', '#'])
            .next()
            .and_then(|text| text.rfind("sha256:").map(|at| text[at..].to_owned()));
        let digests: Vec<String> = property(component, "aquasecurity:trivy:RepoDigest")
            .map(str::to_owned)
            .into_iter()
            .chain(digest)
            .collect();
        let id = component
            .version
            .as_deref()
            .filter(|version| image::is_digest(version))
            .or_else(|| property(component, "aquasecurity:trivy:ImageID"))
            .unwrap_or_default();
        let found = image::subject(&Image { repository_digests: &digests, tags: &tags, id });
        if found.is_some() {
            return found;
        }
    }
    // What a person says goes before what a package says about itself.
    if context.asset.is_some() {
        return None;
    }
    if let Some(url) = purl::without_version(url) {
        return Some(Subject::new(AssetKind::Artifact, [Identifier::new(Scheme::Purl, url)]));
    }
    let sources = component.external_references.iter().flatten();
    let source =
        sources.filter(|reference| reference.kind == "vcs").map(|reference| reference.url.as_str()).next();
    if let Some(url) = source.map(|url| url.trim_start_matches("git+")).filter(|url| url.contains("://")) {
        return Some(Subject::new(AssetKind::Repository, [Identifier::new(Scheme::RepositoryUrl, url)]));
    }
    let name = qualified(component.group.as_deref(), component.name.as_deref(), "/")?;
    let is_telling = name.contains(char::is_alphanumeric);
    is_telling.then(|| Subject::new(AssetKind::Artifact, [Identifier::new(Scheme::Target, name)]))
}

fn attributes_of_asset(component: &Component) -> Attributes {
    let mut attributes = attributes(component);
    let url = component.purl.as_deref().unwrap_or_default();
    let name = component.name.as_deref().unwrap_or_default();
    // Releases of one package, and builds of one image, belong together.
    let lineage = if component.kind.as_deref() == Some("container") {
        image::lineage(name).filter(|name| image::is_reference(name)).map(str::to_owned)
    } else {
        purl::without_version(url)
    };
    if let Some(lineage) = lineage {
        attributes.insert("lineage".to_owned(), lineage.into());
    }
    if let Some(version) = component.version.as_deref().filter(|version| !version.is_empty()) {
        attributes.insert("version".to_owned(), version.into());
    }
    attributes
}

fn part(component: &Component) -> Part {
    let name = match component.group.as_deref().filter(|group| !group.is_empty()) {
        // Without a purl, the ecosystem is not known: the way of the npm is the way of most.
        Some(_) => qualified(component.group.as_deref(), component.name.as_deref(), "/"),
        None => component.name.clone(),
    };
    let url = component.purl.as_deref().and_then(purl::without_version);
    let of_system = url.as_deref().is_some_and(|url| {
        ["pkg:deb/", "pkg:rpm/", "pkg:apk/", "pkg:alpm/"].iter().any(|kind| url.starts_with(kind))
    });
    Part {
        component: url.or(name).unwrap_or_default().trim().to_owned(),
        path: if of_system { String::new() } else { path(component).unwrap_or_default().to_owned() },
        version: component.version.clone().filter(|version| !version.is_empty()),
    }
}

/// Where tools say that they found a component: in the standard's field, or in properties of their own.
fn path(component: &Component) -> Option<&str> {
    const PROPERTIES: [&str; 4] =
        ["aquasecurity:trivy:FilePath", "syft:location:0:path", "cdx:npm:package:path", "SrcFile"];
    let occurrences = component.evidence.iter().flat_map(|evidence| &evidence.occurrences);
    let location =
        occurrences.filter_map(|occurrence| occurrence.location.as_deref()).find(|path| !path.is_empty());
    location.or_else(|| PROPERTIES.iter().find_map(|name| property(component, name)))
}

fn attributes(component: &Component) -> Attributes {
    let mut attributes = Attributes::new();
    let name = qualified(component.group.as_deref(), component.name.as_deref(), "/");
    let supplier = component.supplier.as_ref().and_then(|supplier| supplier.name.as_deref());
    let texts = [
        ("name", name.as_deref()),
        ("type", component.kind.as_deref()),
        ("purl", component.purl.as_deref()),
        ("cpe", component.cpe.as_deref()),
        ("scope", component.scope.as_deref()),
        ("supplier", supplier),
    ];
    for (key, value) in texts {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.insert(key.to_owned(), value.into());
        }
    }
    let licenses: Vec<Value> = component
        .licenses
        .iter()
        .flatten()
        .filter_map(|choice| {
            let license = choice.license.as_ref();
            let named = license.and_then(|license| license.id.clone().or_else(|| license.name.clone()));
            choice.expression.clone().or(named).map(Value::String)
        })
        .collect();
    if !licenses.is_empty() {
        attributes.insert("licenses".to_owned(), licenses.into());
    }
    let hashes: serde_json::Map<String, Value> = component
        .hashes
        .iter()
        .flatten()
        .map(|hash| (hash.alg.clone(), Value::String(hash.content.to_ascii_lowercase())))
        .collect();
    if !hashes.is_empty() {
        attributes.insert("hashes".to_owned(), Value::Object(hashes));
    }
    attributes
}
