//! Checkov JSON: infrastructure as code, secrets and dependencies of a code base.
//!
//! One object per framework, or an array of them. Failed checks are findings on the resource that
//! the code declares, fixed in the repository; passed checks are coverage of exactly that rule on
//! that resource. Skipped checks are suppressed in the source, with a comment, so they are ignored.
//!
//! Checkov gives a secret as its SHA-1 (`resource`), by which it is the same exposure as in every
//! other secret scanner's report.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{
    AssetKind, Checks, Coverage, Finding, FixHint, FixKind, Identifier, Observation, Part, Place, Places,
    RelationKind, RelationObservation, Scheme, Severity, Subject, Weakness, WeaknessKey, excerpt,
    secret_fingerprint,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Confidence, Format, Kind};
use crate::secret::is_sha1_hex;
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "checkov",
    title: "Checkov JSON",
    tool: "Checkov",
    kind: Kind::Configuration,
    example: "checkov -d . --output json > checkov.json",
    sniff,
    parse,
};

const FAMILY: &str = "checkov";

fn sniff(head: &Head<'_>) -> Confidence {
    let report = head.has_keys(&["check_type", "results"]);
    // What it writes when no framework found anything to look at.
    let summary = head.has_keys(&["checkov_version", "passed", "failed"]);
    if report || summary { Confidence::Certain } else { Confidence::No }
}

/// The routes of one report; the same again below `[]` for several frameworks.
const ROUTES: &[&str] = &[
    "check_type",
    "results.passed_checks[]",
    "results.failed_checks[]",
    "results.skipped_checks[]",
    "results.parsing_errors[]",
    "summary.checkov_version",
    "checkov_version",
    "failed",
    "[].check_type",
    "[].results.passed_checks[]",
    "[].results.failed_checks[]",
    "[].results.skipped_checks[]",
    "[].results.parsing_errors[]",
    "[].summary.checkov_version",
    "[].checkov_version",
    "[].failed",
];

#[derive(Deserialize)]
struct Check {
    check_id: String,
    #[serde(default)]
    check_name: Option<String>,
    #[serde(default)]
    check_result: Outcome,
    #[serde(default)]
    code_block: Option<Vec<(Value, String)>>,
    #[serde(default)]
    file_path: Option<String>,
    #[serde(default)]
    repo_file_path: Option<String>,
    #[serde(default)]
    file_line_range: Option<Vec<u64>>,
    #[serde(default)]
    resource: Option<String>,
    #[serde(default)]
    resource_address: Option<String>,
    #[serde(default)]
    severity: Option<Value>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    short_description: Option<String>,
    #[serde(default)]
    guideline: Option<String>,
    #[serde(default)]
    bc_category: Option<String>,
    #[serde(default)]
    benchmarks: Option<Value>,
    #[serde(default)]
    vulnerability_details: Option<Package>,
    #[serde(default)]
    validation_status: Option<String>,
    #[serde(default)]
    added_commit_hash: Option<String>,
    #[serde(default)]
    removed_commit_hash: Option<String>,
    #[serde(default)]
    added_by: Option<String>,
}

#[derive(Default, Deserialize)]
struct Outcome {
    #[serde(default)]
    evaluated_keys: Option<Vec<Value>>,
}

/// The details of a vulnerable or wrongly licensed package.
#[derive(Deserialize)]
struct Package {
    id: Option<String>,
    package_name: Option<String>,
    package_version: Option<String>,
    package_type: Option<String>,
    severity: Option<String>,
    cvss: Option<f64>,
    vector: Option<String>,
    link: Option<String>,
    lowest_fixed_version: Option<String>,
    fix_version: Option<String>,
    fixed_versions: Option<Value>,
    license: Option<String>,
    licenses: Option<Value>,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("checkov");
    let repository = crate::target::repository(context, &mut header);
    let mut framework = String::new();
    let mut passed =
        Passed { repository: Arc::clone(&repository), resource: String::new(), rules: Vec::new() };
    let mut claimed = 0_u64;
    let mut reports = 0_usize;
    walk::<Error>(reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, json, .. } = event else { return Ok(()) };
        let at = || position.to_string();
        match route % 8 {
            0 => {
                framework = serde_json::from_str(json).unwrap_or_default();
                reports += 1;
                return Ok(());
            }
            4 => {
                // Versions write the path alone, or a path with the fault.
                let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
                header.problem(at(), format!("Checkov could not parse {text}, so nothing is known of it"));
                return Ok(());
            }
            5 | 6 => {
                header.tool_version = serde_json::from_str(json).ok();
                return Ok(());
            }
            7 => {
                claimed = serde_json::from_str(json).unwrap_or_default();
                return Ok(());
            }
            _ => {}
        }
        let check = match serde_json::from_str::<Check>(json) {
            Ok(check) => check,
            Err(error) => return sink.record(Record::rejected(at(), error.to_string())),
        };
        match route % 8 {
            1 => {
                passed.add(&check, sink)?;
                sink.record(Record::ignored(at(), "check passed"))
            }
            2 => sink.record(record(at(), check, &framework, &repository)),
            _ => sink.record(Record::ignored(at(), "suppressed in source")),
        }
    })?;
    passed.flush(sink)?;
    if reports == 0 && claimed > 0 {
        let message = format!("it counts {claimed} failed checks but holds none of them");
        return Err(Error::Incomplete { format: "checkov", message });
    }
    Ok(header)
}

/// Rules that a resource passed, gathered while they follow one another.
struct Passed {
    repository: Arc<Subject>,
    resource: String,
    rules: Vec<String>,
}

impl Passed {
    fn add(&mut self, check: &Check, sink: &mut dyn Sink) -> Result<()> {
        let Some(resource) = check.resource.as_deref().filter(|resource| !resource.is_empty()) else {
            return Ok(());
        };
        // A package that passed was not checked for one CVE but for all: that is not coverage of a rule.
        if check.vulnerability_details.is_some() {
            return Ok(());
        }
        if self.resource != resource {
            self.flush(sink)?;
            resource.clone_into(&mut self.resource);
        }
        self.rules.push(check.check_id.clone());
        Ok(())
    }

    fn flush(&mut self, sink: &mut dyn Sink) -> Result<()> {
        let mut ids = std::mem::take(&mut self.rules);
        if ids.is_empty() {
            return Ok(());
        }
        ids.sort_unstable();
        ids.dedup();
        let place = Place::Setting(std::mem::take(&mut self.resource));
        sink.remark(Observation::Coverage(Coverage {
            subject: Arc::clone(&self.repository),
            checks: Checks::Rules { family: FAMILY.to_owned(), ids },
            places: Places::Exact(vec![place.to_string()]),
        }))
    }
}

fn record(at: String, check: Check, framework: &str, repository: &Arc<Subject>) -> Record {
    if check.check_id.is_empty() {
        return Record::rejected(at, "the field check_id is empty");
    }
    let is_vulnerability = check
        .vulnerability_details
        .as_ref()
        .and_then(|details| details.id.as_deref())
        .is_some_and(|id| !id.is_empty());
    let observations = if is_vulnerability {
        vulnerability(&check, repository)
    } else if framework == "secrets" || check.check_id.starts_with("CKV_SECRET_") {
        Some(secret(&check, repository))
    } else {
        setting(&check, framework, repository)
    };
    match observations {
        Some(observations) => Record::observed(at, observations),
        None => Record::rejected(at, "the field resource is missing"),
    }
}

fn path(check: &Check) -> &str {
    check.file_path.as_deref().or(check.repo_file_path.as_deref()).unwrap_or_default().trim_start_matches('/')
}

/// What every kind of finding of Checkov has.
fn details(check: &Check, finding: &mut Finding) {
    let attributes = &mut finding.attributes;
    let texts = [
        ("path", Some(path(check))),
        ("rule", Some(check.check_id.as_str())),
        ("category", check.bc_category.as_deref()),
        ("resource_address", check.resource_address.as_deref()),
        ("validation", check.validation_status.as_deref()),
        ("commit", check.added_commit_hash.as_deref()),
        ("removed_commit", check.removed_commit_hash.as_deref()),
        ("author", check.added_by.as_deref()),
    ];
    for (key, value) in texts {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.insert(key.to_owned(), value.into());
        }
    }
    if let Some([first, last]) = check.file_line_range.as_deref()
        && *first > 0
    {
        attributes.insert("line".to_owned(), (*first).into());
        attributes.insert("end_line".to_owned(), (*last).into());
    }
    if let Some(Value::Object(benchmarks)) = &check.benchmarks
        && !benchmarks.is_empty()
    {
        let names: Vec<&str> = benchmarks.keys().map(String::as_str).collect();
        attributes.insert("benchmarks".to_owned(), names.into());
    }
}

fn severity(check: &Check) -> Severity {
    let word = match &check.severity {
        Some(Value::String(word)) => Some(word.as_str()),
        // Some versions write the object {"level": 3, "name": "MEDIUM"}.
        Some(Value::Object(object)) => object.get("name").and_then(Value::as_str),
        _ => check.vulnerability_details.as_ref().and_then(|details| details.severity.as_deref()),
    };
    word.map_or(Severity::Unknown, Severity::from_word)
}

fn setting(check: &Check, framework: &str, repository: &Arc<Subject>) -> Option<Vec<Observation>> {
    let file = path(check);
    let resource = check.resource.as_deref().filter(|resource| !resource.is_empty()).unwrap_or(file);
    if resource.is_empty() {
        return None;
    }
    let name = check.check_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&check.check_id);
    let mut weakness = Weakness::new(WeaknessKey::rule(FAMILY, &check.check_id), name);
    weakness.description =
        check.description.as_deref().or(check.short_description.as_deref()).map(|text| excerpt(text, 4_000));
    weakness.references = check.guideline.iter().filter(|link| !link.is_empty()).cloned().collect();
    let place = Place::Setting(resource.to_owned());
    let mut finding = Finding::new(Arc::clone(repository), weakness, place, severity(check));
    let lines = check.code_block.as_deref().unwrap_or_default();
    finding.evidence = crate::redact::code(lines.iter().map(|(_, line)| line.as_str()));
    let keys: Vec<&str> =
        check.check_result.evaluated_keys.iter().flatten().filter_map(Value::as_str).collect();
    finding.fix = Some(FixHint {
        kind: FixKind::Configure,
        text: advice(name, &keys, resource, file),
        component: None,
        fixed_versions: Vec::new(),
    });
    details(check, &mut finding);
    if !framework.is_empty() {
        finding.attributes.insert("framework".to_owned(), framework.into());
    }
    if !keys.is_empty() {
        finding.attributes.insert("settings".to_owned(), keys.into());
    }
    Some(vec![Observation::Finding(Box::new(finding))])
}

fn advice(name: &str, keys: &[&str], resource: &str, file: &str) -> String {
    let place = if file.is_empty() || file == resource {
        format!("of {resource}")
    } else {
        format!("of {resource} in {file}")
    };
    let name = name.trim_end_matches('.');
    if keys.is_empty() {
        format!("Change the definition {place}: {name}.")
    } else {
        format!("Set {} {place}: {name}.", keys.join(", "))
    }
}

fn secret(check: &Check, repository: &Arc<Subject>) -> Vec<Observation> {
    let name = check.check_name.as_deref().unwrap_or(&check.check_id);
    let file = path(check);
    let fingerprint =
        check.resource.as_deref().filter(|resource| is_sha1_hex(resource)).map(secret_fingerprint);
    let place = match fingerprint {
        Some(fingerprint) => Place::Secret(fingerprint),
        None => Place::code(file, None, &format!("{} {:?}", check.check_id, check.resource)),
    };
    let mut weakness = crate::secret::exposed();
    weakness.references = check.guideline.iter().filter(|link| !link.is_empty()).cloned().collect();
    let severity = match severity(check) {
        Severity::Unknown => Severity::High,
        stated => stated,
    };
    let mut finding = Finding::new(Arc::clone(repository), weakness, place, severity);
    // Checkov masks the code that it quotes, but leaves the first characters: too much for short secrets.
    finding.evidence = Some(format!("{name} in {file}"));
    finding.fix = Some(FixHint {
        kind: FixKind::RotateSecret,
        text: format!(
            "Revoke and replace the secret in {file} ({name}); removing it from the file is not enough."
        ),
        component: None,
        fixed_versions: Vec::new(),
    });
    details(check, &mut finding);
    finding.attributes.insert(crate::secret::SORT.to_owned(), name.into());
    let mut observations = vec![Observation::Finding(Box::new(finding))];
    if let Some(fingerprint) = fingerprint {
        observations.push(Observation::Relation(RelationObservation {
            kind: RelationKind::HOLDS_SECRET,
            from: Arc::clone(repository),
            to: crate::secret::credential(fingerprint, None),
            attributes: BTreeMap::new(),
        }));
    }
    observations
}

fn vulnerability(check: &Check, repository: &Arc<Subject>) -> Option<Vec<Observation>> {
    let details_of_package = check.vulnerability_details.as_ref()?;
    let id = details_of_package.id.as_deref()?;
    let file = path(check);
    let name = details_of_package.package_name.as_deref().unwrap_or_default();
    let component = details_of_package
        .package_type
        .as_deref()
        .and_then(|ecosystem| crate::purl::of(ecosystem, name))
        .unwrap_or_else(|| name.to_owned());
    let title = check.short_description.clone().unwrap_or_else(|| format!("{id} in {name}"));
    let mut weakness = Weakness::from_ids([id], title)?;
    weakness.description = check.description.as_deref().map(|text| excerpt(text, 4_000));
    weakness.score = details_of_package.cvss;
    weakness.cvss = details_of_package.vector.iter().filter(|vector| !vector.is_empty()).cloned().collect();
    weakness.references = details_of_package.link.iter().filter(|link| !link.is_empty()).cloned().collect();
    let mut finding =
        Finding::new(subject_of_package(check, repository), weakness, Place::Whole, severity(check));
    finding.part = Some(Part {
        component: component.clone(),
        path: file.to_owned(),
        version: details_of_package.package_version.clone(),
    });
    finding.fix = fix(details_of_package, name, component);
    details(check, &mut finding);
    let license = details_of_package.license.as_ref().map(|license| Value::from(license.as_str()));
    if let Some(license) =
        license.or_else(|| details_of_package.licenses.clone()).filter(|value| !value.is_null())
    {
        finding.attributes.insert("license".to_owned(), license);
    }
    Some(vec![Observation::Finding(Box::new(finding))])
}

/// An image scan names the image in the path: `/Dockerfile (shop:1.2 lines:1-9 (sha256:…))`.
fn subject_of_package(check: &Check, repository: &Arc<Subject>) -> Arc<Subject> {
    let digest = check.file_path.as_deref().and_then(|path| {
        let start = path.find("sha256:")?;
        let digest = &path[start..];
        let digest = digest[..digest.find(')').unwrap_or(digest.len())].trim();
        // Older versions cut it to twelve digits, which name no image for certain.
        (digest.len() == "sha256:".len() + 64).then_some(digest)
    });
    match digest {
        Some(digest) => {
            Arc::new(Subject::new(AssetKind::Artifact, [Identifier::new(Scheme::ImageDigest, digest)]))
        }
        None => Arc::clone(repository),
    }
}

fn fix(package: &Package, name: &str, component: String) -> Option<FixHint> {
    let lowest = package.lowest_fixed_version.as_deref().or(package.fix_version.as_deref());
    let lowest = lowest
        .filter(|version| version.starts_with(|c: char| c.is_ascii_alphanumeric()) && *version != "N/A")?;
    let mut fixed_versions: Vec<String> = match &package.fixed_versions {
        Some(Value::Array(versions)) => {
            versions.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    if fixed_versions.is_empty() {
        fixed_versions.push(lowest.to_owned());
    }
    Some(FixHint {
        kind: FixKind::Upgrade,
        text: format!("Upgrade {name} to {lowest}."),
        component: Some(component),
        fixed_versions,
    })
}
