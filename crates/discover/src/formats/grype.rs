//! Grype JSON: known vulnerabilities of an image, a folder or a bill of materials.
//!
//! The matches stand before the source that they are about, so they are held until it is known.
//!
//! Coverage: every package of the source was matched, unless the configuration or a rule of the
//! user's left findings out; then none is stated. Matches that a rule ignored are ignored, too; VEX
//! statements keep their status.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{
    AssetKind, AssetObservation, Attributes, Checks, Coverage, Finding, FixHint, FixKind, Identifier,
    Observation, Part, Place, Places, Scheme, Severity, Status, Subject, Weakness, WeaknessKey, excerpt,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Confidence, Format, Kind};
use crate::image::{self, Image};
use crate::{Context, Error, Head, Header, Outcome, Record, Result, Sink, advisory, lenient, purl};

pub(super) const FORMAT: Format = Format {
    name: "grype",
    title: "Grype JSON",
    tool: "Grype",
    kind: Kind::Vulnerabilities,
    example: "grype registry.example.com/shop:1.2 --output json --file grype.json",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let is_named = ["\"name\": \"grype\"", "\"name\":\"grype\""].iter().any(|mark| head.contains(mark));
    // The name of the tool stands at the end, so matches must tell by themselves; Xeol's look alike.
    let has_matches = head.has_key("matches")
        && head.contains("\"vulnerability\"")
        && ["\"matchDetails\"", "\"relatedVulnerabilities\""].iter().any(|mark| head.contains(mark));
    let has_description = is_named && (head.has_key("matches") || head.has_key("descriptor"));
    if has_matches || has_description { Confidence::Certain } else { Confidence::No }
}

const ROUTES: &[&str] = &[
    "matches[]",
    "ignoredMatches[]",
    "source",
    "distro",
    "descriptor.name",
    "descriptor.version",
    "descriptor.timestamp",
    "descriptor.configuration",
];

type Text<'a> = Option<Cow<'a, str>>;

fn filled<'t>(text: &'t Text<'_>) -> Option<&'t str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match<'a> {
    #[serde(borrow)]
    vulnerability: Vulnerability<'a>,
    #[serde(borrow, default)]
    related_vulnerabilities: Option<Vec<Vulnerability<'a>>>,
    #[serde(borrow)]
    artifact: Artifact<'a>,
    /// One object before version 0.8, a list since.
    #[serde(default, deserialize_with = "lenient::optional")]
    match_details: Option<Vec<Detail>>,
    #[serde(default)]
    applied_ignore_rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vulnerability<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    data_source: Text<'a>,
    #[serde(borrow, default)]
    namespace: Text<'a>,
    #[serde(borrow, default)]
    severity: Text<'a>,
    #[serde(alias = "links", borrow, default)]
    urls: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    description: Text<'a>,
    #[serde(borrow, default)]
    cvss: Option<Vec<Cvss<'a>>>,
    /// The scores and the fix as versions before 0.8 give them.
    #[serde(borrow, default)]
    cvss_v2: Option<OldCvss<'a>>,
    #[serde(borrow, default)]
    cvss_v3: Option<OldCvss<'a>>,
    #[serde(borrow, default)]
    fixed_in_version: Text<'a>,
    #[serde(default)]
    cwes: Option<Vec<Cwe>>,
    #[serde(default)]
    fix: Option<Fix>,
    #[serde(default)]
    advisories: Option<Vec<Advisory>>,
    #[serde(default)]
    risk: Option<f64>,
}

#[derive(Deserialize)]
struct Cvss<'a> {
    #[serde(borrow, default)]
    vector: Text<'a>,
    #[serde(default)]
    metrics: Option<Metrics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldCvss<'a> {
    base_score: Option<f64>,
    #[serde(borrow, default)]
    vector: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    base_score: Option<f64>,
}

#[derive(Deserialize)]
struct Cwe {
    cwe: Option<String>,
}

#[derive(Deserialize)]
struct Fix {
    versions: Option<Vec<String>>,
    state: Option<String>,
}

#[derive(Deserialize)]
struct Advisory {
    id: Option<String>,
    link: Option<String>,
}

#[derive(Deserialize)]
struct Artifact<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    version: Text<'a>,
    #[serde(rename = "type", borrow, default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    purl: Text<'a>,
    #[serde(borrow, default)]
    locations: Option<Vec<Location<'a>>>,
    #[serde(default, deserialize_with = "lenient::strings")]
    licenses: Vec<String>,
    #[serde(borrow, default)]
    upstreams: Option<Vec<Upstream<'a>>>,
}

#[derive(Deserialize)]
struct Location<'a> {
    #[serde(borrow, default)]
    path: Text<'a>,
    #[serde(rename = "layerID", borrow, default)]
    layer: Text<'a>,
}

#[derive(Deserialize)]
struct Upstream<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    matcher: Option<String>,
}

/// Why a match was ignored. Keys are spelled with dashes; old versions used underscores.
#[derive(Deserialize)]
struct Rule {
    #[serde(default)]
    reason: Option<String>,
    #[serde(rename = "vex-status", alias = "vex_status", default)]
    vex_status: Option<String>,
    #[serde(rename = "vex-justification", alias = "vex_justification", default)]
    vex_justification: Option<String>,
    #[serde(rename = "match-type", alias = "match_type", default)]
    match_type: Option<String>,
}

impl Rule {
    /// Grype's own rules take out what it would not have told anyway (kernel headers, packages that
    /// the distribution knows to be fixed). A rule of the user's hides what is there.
    fn is_of_the_user(&self) -> bool {
        let has = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        let is_own = has(&self.match_type)
            || self.reason.as_deref().is_some_and(|reason| {
                ["DistroPackageFixed", "Explicit APK NAK", "Distro"].iter().any(|own| reason.starts_with(own))
            });
        !has(&self.vex_status) && !is_own
    }
}

#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    target: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ImageTarget {
    user_input: Option<String>,
    #[serde(rename = "imageID")]
    image_id: Option<String>,
    manifest_digest: Option<String>,
    tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    architecture: Option<String>,
    os: Option<String>,
}

#[derive(Default, Deserialize)]
struct Distribution {
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    version: Option<String>,
}

struct State {
    subject: Option<Arc<Subject>>,
    placeholder: Arc<Subject>,
    held: Vec<Record>,
    hidden: usize,
    seen: bool,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("grype");
    let placeholder = Arc::new(Subject::new(AssetKind::Artifact, []));
    let mut state = State { subject: None, placeholder, held: Vec::new(), hidden: 0, seen: false };
    let mut source = None;
    let mut distribution = Distribution::default();
    let mut is_filtered = false;
    walk::<Error>(reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, json, .. } = event else { return Ok(()) };
        match route {
            0 | 1 => {
                state.seen = true;
                let record = read_match(position.to_string(), json, route == 1, &mut state);
                if state.subject.is_some() {
                    return sink.record(record);
                }
                state.held.push(record);
            }
            2 => {
                source = serde_json::from_str::<Source>(json).ok();
                if let Some(source) = &source {
                    state.subject = Some(subject(source, context, &mut header));
                }
            }
            3 => distribution = serde_json::from_str(json).unwrap_or_default(),
            4 => state.seen = true,
            5 => header.tool_version = serde_json::from_str(json).ok(),
            6 => {
                header.scanned_at =
                    serde_json::from_str::<String>(json).ok().and_then(|text| crate::time::parse(&text));
            }
            _ => is_filtered = leaves_out(&serde_json::from_str(json).unwrap_or_default()),
        }
        Ok(())
    })?;
    if !state.seen {
        let message = "there are neither matches nor a descriptor in it".to_owned();
        return Err(Error::Incomplete { format: "grype", message });
    }
    let subject = match state.subject {
        Some(subject) => subject,
        None => crate::target::named(context, &mut header, AssetKind::Artifact),
    };
    sink.remark(Observation::Asset(AssetObservation {
        subject: Arc::clone(&subject),
        name: source.as_ref().and_then(name),
        attributes: attributes(source.as_ref(), &distribution),
    }))?;
    for mut record in state.held {
        if let Outcome::Observed(observations) = &mut record.outcome {
            for observation in observations {
                if let Observation::Finding(finding) = observation {
                    finding.subject = Arc::clone(&subject);
                }
            }
        }
        sink.record(record)?;
    }
    if is_filtered || state.hidden > 0 {
        let message = "the scan left findings out by its configuration or by ignore rules, so what is absent from it closes nothing";
        header.problem("the document", message);
    } else {
        sink.remark(Observation::Coverage(Coverage {
            subject,
            checks: Checks::Family(WeaknessKey::VULNERABILITY.to_owned()),
            places: Places::All,
        }))?;
    }
    Ok(header)
}

/// `--only-fixed` and its like.
fn leaves_out(configuration: &Value) -> bool {
    ["only-fixed", "only-notfixed", "onlyFixed", "onlyNotFixed"]
        .iter()
        .any(|key| configuration.get(key).and_then(Value::as_bool) == Some(true))
        || configuration
            .get("ignore-wontfix")
            .and_then(Value::as_str)
            .is_some_and(|states| !states.is_empty())
}

fn subject(source: &Source, context: &Context, header: &mut Header) -> Arc<Subject> {
    if source.kind == "image" {
        let target: ImageTarget = serde_json::from_value(source.target.clone()).unwrap_or_default();
        let mut tags = target.tags.unwrap_or_default();
        let input = target.user_input.unwrap_or_default();
        if tags.is_empty() && image::is_reference(&input) && !image::is_digest(&input) {
            tags.push(input);
        }
        let ids = [target.manifest_digest.as_deref(), target.image_id.as_deref()];
        let id = ids.into_iter().flatten().find(|id| image::is_digest(id)).unwrap_or_default();
        let digests = target.repo_digests.unwrap_or_default();
        let image = Image { repository_digests: &digests, tags: &tags, id };
        if let Some(subject) = image::subject(&image) {
            return Arc::new(subject);
        }
    }
    let kind = if source.kind == "directory" { AssetKind::Repository } else { AssetKind::Artifact };
    let path = source.target.as_str().map(|path| path.trim_matches('"')).unwrap_or_default();
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if context.asset.is_none() && name.contains(char::is_alphanumeric) {
        return Arc::new(Subject::new(kind, [Identifier::new(Scheme::Target, path)]));
    }
    crate::target::named(context, header, kind)
}

fn name(source: &Source) -> Option<String> {
    let text = match &source.target {
        Value::String(path) => Some(path.trim_matches('"')),
        target => target.get("userInput").and_then(Value::as_str),
    };
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn attributes(source: Option<&Source>, distribution: &Distribution) -> Attributes {
    let mut attributes = Attributes::new();
    let target: ImageTarget = source
        .filter(|source| source.kind == "image")
        .and_then(|source| serde_json::from_value(source.target.clone()).ok())
        .unwrap_or_default();
    let tag = target.tags.iter().flatten().next().or(target.user_input.as_ref());
    let texts = [
        ("lineage", tag.and_then(|tag| image::lineage(tag)).filter(|name| image::is_reference(name))),
        ("image_id", target.image_id.as_deref()),
        ("manifest_digest", target.manifest_digest.as_deref()),
        ("architecture", target.architecture.as_deref()),
        ("platform", target.os.as_deref()),
        ("os", distribution.name.as_deref()),
        ("os_version", distribution.version.as_deref()),
        ("grype.type", source.map(|source| source.kind.as_str())),
    ];
    for (key, value) in texts {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.insert(key.to_owned(), value.into());
        }
    }
    attributes
}

fn read_match(at: String, json: &str, is_ignored: bool, state: &mut State) -> Record {
    let entry = match serde_json::from_str::<Match<'_>>(json) {
        Ok(entry) => entry,
        Err(error) => return Record::rejected(at, error.to_string()),
    };
    let mut status = Status::Affected;
    if is_ignored {
        let vex = entry.applied_ignore_rules.iter().find_map(|rule| {
            let justification = rule.vex_justification.as_deref().filter(|text| !text.is_empty());
            match rule.vex_status.as_deref()? {
                "not_affected" => Some(Status::NotAffected {
                    justification: justification.unwrap_or("stated by a VEX document").to_owned(),
                }),
                "fixed" => Some(Status::Fixed),
                _ => None,
            }
        });
        let Some(stated) = vex else {
            if entry.applied_ignore_rules.iter().any(Rule::is_of_the_user) {
                state.hidden += 1;
                return Record::ignored(at, "ignored by a rule of the user's");
            }
            return Record::ignored(at, "ignored by a rule of Grype's own");
        };
        status = stated;
    }
    let subject = Arc::clone(state.subject.as_ref().unwrap_or(&state.placeholder));
    match finding(&entry, subject, status) {
        Ok(finding) => Record::observed(at, vec![Observation::Finding(Box::new(finding))]),
        Err(message) => Record::rejected(at, message),
    }
}

fn finding(entry: &Match<'_>, subject: Arc<Subject>, status: Status) -> Result<Finding, &'static str> {
    let vulnerability = &entry.vulnerability;
    let id = filled(&vulnerability.id).ok_or("the field vulnerability.id is missing")?;
    let artifact = &entry.artifact;
    let name = filled(&artifact.name).unwrap_or_default();
    let related = entry.related_vulnerabilities.as_deref().unwrap_or_default();
    let ids: Vec<&str> =
        std::iter::once(id).chain(related.iter().filter_map(|related| filled(&related.id))).collect();
    let mut weaknesses = advisory::weaknesses(&ids, "");
    for weakness in &mut weaknesses {
        weakness.title = format!("{} in {name}", weakness.key.id());
        describe(weakness, vulnerability, related);
    }
    let severity = filled(&vulnerability.severity).map_or(Severity::Unknown, Severity::from_word);
    let first = weaknesses.pop().ok_or("the field vulnerability.id is empty")?;
    let mut finding = Finding::new(subject, first, Place::Whole, severity);
    finding.weaknesses.extend(weaknesses);
    finding.weaknesses.sort_by(|left, right| left.key.cmp(&right.key));
    finding.status = status;
    let component = component(artifact, name);
    finding.part = Some(Part {
        component: component.clone(),
        path: path(artifact, &component),
        version: filled(&artifact.version).map(str::to_owned),
    });
    let fixed =
        vulnerability.fix.iter().filter_map(|fix| fix.versions.as_deref()).flatten().map(String::as_str);
    let fixed = fixed.chain(filled(&vulnerability.fixed_in_version)).filter(|version| !version.is_empty());
    let fixed_versions: Vec<String> = fixed.map(str::to_owned).collect();
    if !fixed_versions.is_empty() {
        finding.fix = Some(FixHint {
            kind: FixKind::Upgrade,
            text: format!("Upgrade {name} to {}.", fixed_versions.join(" or ")),
            component: Some(component),
            fixed_versions,
        });
    }
    details(entry, &ids, &mut finding);
    Ok(finding)
}

fn describe(weakness: &mut Weakness, vulnerability: &Vulnerability<'_>, related: &[Vulnerability<'_>]) {
    // Distributions' entries are short; the entry of the NVD that comes with them says what it is.
    // Of an advisory for several CVEs, each has its own.
    let own = related.iter().find(|related| filled(&related.id) == Some(weakness.key.id()));
    let sources: Vec<&Vulnerability<'_>> = std::iter::once(vulnerability).chain(own).collect();
    weakness.description = sources
        .iter()
        .find_map(|source| filled(&source.description))
        .or_else(|| related.iter().find_map(|related| filled(&related.description)))
        .map(|text| excerpt(text, 4_000));
    for source in &sources {
        let new = source.cvss.iter().flatten();
        let new =
            new.map(|cvss| (&cvss.vector, cvss.metrics.as_ref().and_then(|metrics| metrics.base_score)));
        let old = [&source.cvss_v3, &source.cvss_v2].into_iter().flatten();
        for (vector, score) in new.chain(old.map(|cvss| (&cvss.vector, cvss.base_score))) {
            if let Some(vector) = filled(vector)
                && !weakness.cvss.iter().any(|known| known == vector)
            {
                weakness.cvss.push(vector.to_owned());
            }
            weakness.score = weakness.score.or(score);
        }
    }
    let cwes = sources.iter().filter_map(|source| source.cwes.as_ref()).flatten();
    weakness.cwes = cwes.filter_map(|cwe| crate::cwe::number(cwe.cwe.as_deref()?)).collect();
    weakness.cwes.sort_unstable();
    weakness.cwes.dedup();
    for source in &sources {
        let links =
            filled(&source.data_source).into_iter().chain(source.urls.iter().flatten().map(Cow::as_ref));
        for link in links {
            if weakness.references.len() < 10 && !weakness.references.iter().any(|known| known == link) {
                weakness.references.push(link.to_owned());
            }
        }
    }
}

fn component(artifact: &Artifact<'_>, name: &str) -> String {
    filled(&artifact.purl)
        .and_then(purl::without_version)
        .or_else(|| purl::of(filled(&artifact.kind)?, name))
        .unwrap_or_else(|| name.to_owned())
}

/// The database of the distribution's packages is where all of them lie, so it tells nothing.
fn path(artifact: &Artifact<'_>, component: &str) -> String {
    let of_system =
        ["pkg:deb/", "pkg:rpm/", "pkg:apk/", "pkg:alpm/"].iter().any(|kind| component.starts_with(kind))
            || matches!(artifact.kind.as_deref(), Some("deb" | "rpm" | "apk" | "alpm" | "linux-kernel"));
    let first = artifact.locations.iter().flatten().find_map(|location| filled(&location.path));
    first.filter(|_| !of_system).unwrap_or_default().to_owned()
}

fn details(entry: &Match<'_>, ids: &[&str], finding: &mut Finding) {
    let vulnerability = &entry.vulnerability;
    let artifact = &entry.artifact;
    let detail = entry.match_details.iter().flatten().next();
    let layer = artifact.locations.iter().flatten().find_map(|location| filled(&location.layer));
    let texts = [
        ("namespace", filled(&vulnerability.namespace)),
        ("fix_state", vulnerability.fix.as_ref().and_then(|fix| fix.state.as_deref())),
        ("package_type", filled(&artifact.kind)),
        ("match_type", detail.and_then(|detail| detail.kind.as_deref())),
        ("matcher", detail.and_then(|detail| detail.matcher.as_deref())),
        ("layer", layer),
    ];
    let attributes = &mut finding.attributes;
    for (key, value) in texts {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.insert(key.to_owned(), value.into());
        }
    }
    if let Some(risk) = vulnerability.risk {
        attributes.insert("grype.risk".to_owned(), risk.into());
    }
    let advisories = vulnerability.advisories.iter().flatten();
    let mut advisories: Vec<&str> = advisories
        .filter_map(|advisory| advisory.id.as_deref().or(advisory.link.as_deref()))
        .chain(ids.iter().copied().filter(|id| !advisory::is_single(id)))
        .collect();
    advisories.dedup();
    let locations = artifact.locations.iter().flatten().filter_map(|location| filled(&location.path));
    let locations: Vec<&str> = locations.take(20).collect();
    let upstreams: Vec<&str> =
        artifact.upstreams.iter().flatten().filter_map(|upstream| filled(&upstream.name)).collect();
    let licenses: Vec<&str> = artifact.licenses.iter().map(String::as_str).collect();
    for (key, list) in [
        ("advisories", advisories),
        ("locations", locations),
        ("upstreams", upstreams),
        ("licenses", licenses),
    ] {
        if !list.is_empty() {
            attributes.insert(key.to_owned(), list.into());
        }
    }
}
