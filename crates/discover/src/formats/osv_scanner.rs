//! OSV-Scanner JSON (versions 1 and 2): known vulnerabilities of the packages that lock files, bills
//! of materials, checkouts and images list.
//!
//! A record is one vulnerability of one package, or a package without any. The tool groups ids that
//! its databases know as the same vulnerability and shows each group as one row, so a group is one
//! finding; the ids of its entries are aliases of each other. What call analysis found not to be
//! called is not affected.
//!
//! Coverage: a source that is listed was looked up, so the packages of its ecosystems are covered.
//! Sources without any vulnerable package are not listed unless the tool was asked for all packages.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{
    AssetKind, Attributes, Checks, ComponentObservation, Coverage, Finding, FixHint, FixKind, Observation,
    Part, Place, Places, Severity, Status, Subject, Weakness, WeaknessKey, excerpt,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Confidence, Format, Kind};
use crate::{Context, Error, Head, Header, Record, Result, Sink, advisory, lenient, purl, target};

pub(super) const FORMAT: Format = Format {
    name: "osv-scanner",
    title: "OSV-Scanner JSON",
    tool: "OSV-Scanner",
    kind: Kind::Vulnerabilities,
    example: "osv-scanner scan source --recursive . --format json --output osv-scanner.json",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let has_packages = head.has_key("results")
        && ["\"source\"", "\"packages\"", "\"ecosystem\""].iter().all(|mark| head.contains(mark));
    // Without a package, `results` alone could be anybody's.
    let is_empty =
        head.has_key("results") && (head.has_key("experimental_config") || head.has_key("license_summary"));
    if has_packages || is_empty { Confidence::Certain } else { Confidence::No }
}

/// The first stands for the document: it is named by the first route that leads through it.
const ROUTES: &[&str] = &[
    "experimental_config",
    "results[].source",
    "results[].packages[].package",
    "results[].packages[].vulnerabilities[]",
    "results[].packages[].groups",
    "results[].packages[].dependency_groups",
    "results[].packages[].licenses",
];
const SOURCE: usize = 1;
const PACKAGE: usize = 2;

type Text<'a> = Option<Cow<'a, str>>;

fn filled<'t>(text: &'t Text<'_>) -> Option<&'t str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

#[derive(Default, Deserialize)]
struct Source {
    #[serde(default)]
    path: String,
    #[serde(rename = "type", default)]
    kind: String,
}

impl Source {
    fn is_image(&self) -> bool {
        matches!(self.kind.as_str(), "docker" | "os" | "image")
    }
}

#[derive(Default, Deserialize)]
struct Package {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    ecosystem: String,
    #[serde(default)]
    commit: String,
    #[serde(default)]
    os_package_name: String,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default, deserialize_with = "lenient::strings")]
    ids: Vec<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    aliases: Vec<String>,
    #[serde(alias = "experimentalAnalysis", alias = "experimental_analysis", default)]
    analysis: Option<BTreeMap<String, Analysis>>,
    #[serde(default, deserialize_with = "lenient::text")]
    max_severity: Option<String>,
}

#[derive(Deserialize)]
struct Analysis {
    #[serde(default)]
    called: Option<bool>,
    #[serde(default)]
    unimportant: Option<bool>,
}

impl Group {
    /// One entry of a vulnerability may know the functions that are at fault, another may not.
    fn is_uncalled(&self) -> bool {
        let analyses = self.analysis.iter().flatten();
        let mut called = analyses.map(|(_, analysis)| analysis.called).peekable();
        called.peek().is_some() && called.all(|called| called == Some(false))
    }
}

/// An entry of the OSV schema, <https://ossf.github.io/osv-schema/>, as far as it matters here.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    /// What a distribution's entry was made from.
    #[serde(default)]
    upstream: Option<Vec<String>>,
    #[serde(borrow, default)]
    summary: Text<'a>,
    #[serde(borrow, default)]
    details: Text<'a>,
    #[serde(borrow, default)]
    published: Text<'a>,
    #[serde(borrow, default)]
    withdrawn: Text<'a>,
    #[serde(default, deserialize_with = "lenient::optional")]
    severity: Option<Vec<Score>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    affected: Option<Vec<Affected>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    references: Option<Vec<Reference>>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Deserialize)]
struct Score {
    #[serde(default, deserialize_with = "lenient::text")]
    score: Option<String>,
}

#[derive(Deserialize)]
struct Affected {
    #[serde(default, deserialize_with = "lenient::optional")]
    package: Option<Package>,
    #[serde(default, deserialize_with = "lenient::optional")]
    severity: Option<Vec<Score>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    ranges: Option<Vec<Range>>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Deserialize)]
struct Range {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    events: Vec<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    url: String,
}

/// What an entry says, before its package and group are known.
struct Told {
    at: String,
    ids: Vec<String>,
    weakness: Result<Described, String>,
}

/// An entry without what only its package decides.
struct Described {
    title: Option<String>,
    description: Option<String>,
    cwes: Vec<u32>,
    vectors: Vec<String>,
    references: Vec<String>,
    severity: Severity,
    published: Option<String>,
    withdrawn: Option<String>,
    /// Ecosystem, name and version of each fix.
    fixes: Vec<(String, String, String)>,
}

/// One package while it is read.
#[derive(Default)]
struct Current {
    at: String,
    package: Option<Package>,
    groups: Vec<Group>,
    dependency_groups: Vec<String>,
    licenses: Vec<String>,
    told: Vec<Told>,
}

struct Scan<'s> {
    context: &'s Context,
    sink: &'s mut dyn Sink,
    header: Header,
    source: Option<Source>,
    /// Packages that came before the source that lists them.
    held: Vec<Current>,
    current: Current,
    repository: Option<Arc<Subject>>,
    image: Option<Arc<Subject>>,
    covered: BTreeMap<Arc<Subject>, BTreeSet<String>>,
    has_results: bool,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut scan = Scan {
        context,
        sink,
        header: Header::new("osv-scanner"),
        source: None,
        held: Vec::new(),
        current: Current::default(),
        repository: None,
        image: None,
        covered: BTreeMap::new(),
        has_results: false,
    };
    let (has_results, reader) = crate::peek::has_any_key(reader, &["results"])?;
    scan.has_results = has_results;
    walk::<Error>(reader, ROUTES, Documents::One, &mut |event, position| {
        match event {
            Event::Begin { route: SOURCE } => {
                scan.has_results = true;
                scan.source = None;
            }
            Event::Begin { route: PACKAGE } => {
                scan.current = Current { at: position.to_string(), ..Current::default() };
            }
            Event::End { route: PACKAGE } => {
                let package = std::mem::take(&mut scan.current);
                if scan.source.is_some() {
                    scan.package(package)?;
                } else {
                    scan.held.push(package);
                }
            }
            Event::End { route: SOURCE } => {
                for package in std::mem::take(&mut scan.held) {
                    scan.package(package)?;
                }
            }
            Event::Begin { .. } | Event::End { .. } => {}
            Event::Value { route, json, .. } => match route {
                1 => scan.source = Some(value(json)),
                2 => scan.current.package = serde_json::from_str(json).ok(),
                3 => scan.current.told.push(entry(position.to_string(), json)),
                4 => scan.current.groups = value(json),
                5 => scan.current.dependency_groups = value(json),
                6 => scan.current.licenses = value(json),
                _ => {}
            },
        }
        Ok(())
    })?;
    scan.finish()
}

fn value<T: DeserializeOwned + Default>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_default()
}

fn entry(at: String, json: &str) -> Told {
    let entry = match serde_json::from_str::<Entry<'_>>(json) {
        Ok(entry) => entry,
        Err(error) => return Told { at, ids: Vec::new(), weakness: Err(error.to_string()) },
    };
    let Some(id) = filled(&entry.id) else {
        return Told { at, ids: Vec::new(), weakness: Err("the field id is missing".to_owned()) };
    };
    let others = entry.aliases.iter().chain(&entry.upstream).flatten().cloned();
    let ids: Vec<String> = std::iter::once(id.to_owned()).chain(others).collect();
    let affected = entry.affected.as_deref().unwrap_or_default();
    let scores = entry.severity.iter().flatten();
    let scores = scores.chain(affected.iter().filter_map(|affected| affected.severity.as_ref()).flatten());
    let mut vectors: Vec<String> = Vec::new();
    let mut word = Severity::Unknown;
    for text in scores.filter_map(|score| score.score.as_deref()) {
        if text.contains("AV:") && !vectors.iter().any(|known| known == text) {
            vectors.push(text.to_owned());
        } else if word == Severity::Unknown {
            // Ubuntu's entries give a word in place of a vector.
            word = Severity::from_word(text);
        }
    }
    let stated = entry.database_specific.get("severity").and_then(Value::as_str);
    let severity = stated.map_or(word, Severity::from_word);
    let mut references: Vec<String> = Vec::new();
    for reference in entry.references.iter().flatten() {
        if references.len() < 10 && reference.url.contains("://") && !references.contains(&reference.url) {
            references.push(reference.url.clone());
        }
    }
    let fixes = affected.iter().flat_map(|affected| {
        let package = affected.package.as_ref();
        let (ecosystem, name) =
            package.map_or(("", ""), |package| (package.ecosystem.as_str(), package.name.as_str()));
        let ranges = affected.ranges.iter().flatten().filter(|range| range.kind != "GIT");
        let fixed = ranges.flat_map(|range| &range.events).filter_map(|event| event.get("fixed")?.as_str());
        fixed.map(move |fixed| (ecosystem.to_owned(), name.to_owned(), fixed.to_owned()))
    });
    let described = Described {
        title: filled(&entry.summary).map(|summary| excerpt(summary, 200)),
        description: filled(&entry.details).map(|details| excerpt(details, 4_000)),
        cwes: cwes(&entry, affected),
        vectors,
        references,
        severity,
        published: filled(&entry.published).map(str::to_owned),
        withdrawn: filled(&entry.withdrawn).map(str::to_owned),
        fixes: fixes.collect(),
    };
    Told { at, ids, weakness: Ok(described) }
}

/// GitHub's entries list ids beside the entry, others objects beside each package.
fn cwes(entry: &Entry<'_>, affected: &[Affected]) -> Vec<u32> {
    let lists = std::iter::once(&entry.database_specific)
        .chain(affected.iter().map(|affected| &affected.database_specific))
        .flat_map(|database| [database.get("cwe_ids"), database.get("cwes")])
        .flatten()
        .filter_map(Value::as_array)
        .flatten();
    let mut cwes: Vec<u32> = lists
        .filter_map(|cwe| cwe.as_str().or_else(|| cwe.get("cweId")?.as_str()))
        .filter_map(crate::cwe::number)
        .collect();
    cwes.sort_unstable();
    cwes.dedup();
    cwes
}

/// The purl without version of a package as OSV names it: `npm`, `Debian:12`, `Rocky Linux:9`.
fn component(package: &Package) -> String {
    let ecosystem = package.ecosystem.split(':').next().unwrap_or_default();
    let name = if package.os_package_name.is_empty() { &package.name } else { &package.os_package_name };
    let plain = match ecosystem {
        "ConanCenter" => "conan",
        "SwiftURL" => "swift",
        "Red Hat" => "redhat",
        "Rocky Linux" => "rocky",
        other => other,
    };
    // OSV knows packages of distributions by their source; the tool says which binary it found.
    purl::of(plain, &package.name).or_else(|| purl::of_distribution(plain, name)).unwrap_or_else(|| {
        if package.name.is_empty() { package.commit.clone() } else { package.name.clone() }
    })
}

impl Scan<'_> {
    fn subject(&mut self, is_image: bool) -> Arc<Subject> {
        let kind = if is_image { AssetKind::Artifact } else { AssetKind::Repository };
        let known = if is_image { &mut self.image } else { &mut self.repository };
        Arc::clone(known.get_or_insert_with(|| target::named(self.context, &mut self.header, kind)))
    }

    fn package(&mut self, current: Current) -> Result<()> {
        let is_image = self.source.as_ref().is_some_and(Source::is_image);
        let subject = self.subject(is_image);
        let source = self.source.as_ref();
        let package = current.package.unwrap_or_default();
        let component = component(&package);
        let of_system = ["pkg:deb/", "pkg:rpm/", "pkg:apk/"].iter().any(|kind| component.starts_with(kind));
        // The database of the distribution's packages is where all of them lie, so it tells nothing.
        let path = source.filter(|_| !of_system).map(|source| target::path_inside(&subject, &source.path));
        let part = Part {
            component,
            path: path.unwrap_or_default(),
            version: Some(package.version.clone()).filter(|version| !version.is_empty()),
        };
        if let Some(kind) = part.component.strip_prefix("pkg:").and_then(|rest| rest.split('/').next()) {
            let kinds = self.covered.entry(Arc::clone(&subject)).or_default();
            kinds.insert(format!("pkg:{kind}/"));
        }
        let mut attributes = Attributes::new();
        for (key, text) in [
            ("ecosystem", package.ecosystem.as_str()),
            ("commit", package.commit.as_str()),
            ("source_type", source.map_or("", |source| source.kind.as_str())),
        ] {
            if !text.is_empty() {
                attributes.insert(key.to_owned(), text.into());
            }
        }
        for (key, list) in
            [("dependency_groups", &current.dependency_groups), ("licenses", &current.licenses)]
        {
            if !list.is_empty() {
                attributes.insert(key.to_owned(), list.as_slice().into());
            }
        }
        if current.told.is_empty() {
            let record = if part.component.is_empty() {
                Record::rejected(current.at, "the package has no name")
            } else {
                let component = ComponentObservation { subject, part, attributes };
                Record::observed(current.at, vec![Observation::Component(component)])
            };
            return self.sink.record(record);
        }
        for told in current.told {
            let group = current
                .groups
                .iter()
                .find(|group| told.ids.first().is_some_and(|id| group.ids.iter().any(|known| known == id)));
            let known = Known { subject: &subject, package: &package, part: &part, attributes: &attributes };
            self.sink.record(known.record(told, group))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Header> {
        if !self.has_results {
            let message = "there are no results in it".to_owned();
            return Err(Error::Incomplete { format: FORMAT.name, message });
        }
        for (subject, kinds) in self.covered {
            self.sink.remark(Observation::Coverage(Coverage {
                subject,
                checks: Checks::Family(WeaknessKey::VULNERABILITY.to_owned()),
                places: Places::Components(kinds.into_iter().collect()),
            }))?;
        }
        Ok(self.header)
    }
}

/// The package that an entry is about.
struct Known<'k> {
    subject: &'k Arc<Subject>,
    package: &'k Package,
    part: &'k Part,
    attributes: &'k Attributes,
}

impl Known<'_> {
    fn record(&self, told: Told, group: Option<&Group>) -> Record {
        let described = match told.weakness {
            Ok(described) => described,
            Err(message) => return Record::rejected(told.at, message),
        };
        let own: Vec<&str> = told.ids.iter().map(String::as_str).collect();
        let of_group = group.into_iter().flat_map(|group| group.ids.iter().chain(&group.aliases));
        let all: Vec<&str> = own.iter().copied().chain(of_group.map(String::as_str)).collect();
        // A group may tie several CVEs together; then each entry keeps its own.
        let cves: BTreeSet<&str> = all.iter().copied().filter(|id| id.starts_with("CVE-")).collect();
        let ids = if cves.len() > 1 { &own } else { &all };
        let name = &self.package.name;
        let mut weaknesses = advisory::weaknesses(ids, "");
        let score = group.and_then(|group| group.max_severity.as_deref()?.trim().parse::<f64>().ok());
        let score = score.filter(|score| *score > 0.0);
        for weakness in &mut weaknesses {
            weakness.title = match &described.title {
                Some(title) => title.clone(),
                None => format!("{} in {name}", weakness.key.id()),
            };
            describe(weakness, &described, score);
        }
        let Some(first) = weaknesses.first().cloned() else {
            return Record::rejected(told.at, "the field id is empty");
        };
        let id = own.first().copied().unwrap_or_default();
        let is_malicious = id.starts_with("MAL-");
        let severity = match described.severity {
            Severity::Unknown if is_malicious => Severity::Critical,
            Severity::Unknown => score.map_or(Severity::Unknown, Severity::from_cvss_score),
            stated => stated,
        };
        let mut finding = Finding::new(Arc::clone(self.subject), first, Place::Whole, severity);
        finding.weaknesses = weaknesses;
        finding.part = Some(self.part.clone());
        finding.fix = self.fix(&described, is_malicious);
        finding.attributes.clone_from(self.attributes);
        if group.is_some_and(Group::is_uncalled) {
            finding.status =
                Status::NotAffected { justification: "the vulnerable code is not called".to_owned() };
        }
        let analysis = group.and_then(|group| group.analysis.as_ref()?.get(id));
        if analysis.is_some_and(|analysis| analysis.unimportant == Some(true)) {
            finding.attributes.insert("unimportant".to_owned(), true.into());
        }
        for (key, text) in [
            ("advisory", Some(id.to_owned())),
            ("published", described.published),
            ("withdrawn", described.withdrawn),
        ] {
            if let Some(text) = text {
                finding.attributes.insert(key.to_owned(), text.into());
            }
        }
        let group = group.map_or_else(|| id.to_owned(), |group| group.ids.join(" "));
        let fold = format!("{} {} {group}", self.part.key(), self.package.version);
        Record::observed(told.at, vec![Observation::Finding(Box::new(finding))]).folded(fold)
    }

    fn fix(&self, described: &Described, is_malicious: bool) -> Option<FixHint> {
        let name = &self.package.name;
        if is_malicious {
            return Some(FixHint {
                kind: FixKind::Remove,
                text: format!("Remove {name}, and take what ran it as compromised: replace its secrets."),
                component: Some(self.part.component.clone()),
                fixed_versions: Vec::new(),
            });
        }
        // An entry may be about several packages.
        let of_package = described.fixes.iter().filter(|(ecosystem, fixed, _)| {
            fixed.eq_ignore_ascii_case(name) && (ecosystem.is_empty() || *ecosystem == self.package.ecosystem)
        });
        let mut fixed_versions: Vec<String> = Vec::new();
        for (_, _, version) in of_package {
            if !fixed_versions.contains(version) {
                fixed_versions.push(version.clone());
            }
        }
        (!fixed_versions.is_empty()).then(|| FixHint {
            kind: FixKind::Upgrade,
            text: format!("Upgrade {name} to {}.", fixed_versions.join(" or ")),
            component: Some(self.part.component.clone()),
            fixed_versions,
        })
    }
}

fn describe(weakness: &mut Weakness, described: &Described, score: Option<f64>) {
    weakness.description.clone_from(&described.description);
    weakness.cwes.clone_from(&described.cwes);
    weakness.cvss.clone_from(&described.vectors);
    weakness.references.clone_from(&described.references);
    weakness.score = score;
}
