//! One record of a Trivy result becomes observations.

use std::borrow::Cow;
use std::sync::Arc;

use bartizan_model::{
    Attributes, Checks, ComponentObservation, Coverage, Finding, FixHint, FixKind, Observation, Part, Place,
    Places, Severity, Status, Subject, Weakness, WeaknessKey, excerpt,
};
use serde_json::Value;

use super::schema::{
    Cvss, Layer, License, Misconfiguration, Modified, Package, Secret, Text, Vulnerability, filled,
};
use crate::{Record, advisory, purl};

pub(super) const FAMILY: &str = "trivy";

/// What a result says of all its records.
pub(super) struct Setting<'s> {
    pub(super) subject: &'s Arc<Subject>,
    pub(super) target: &'s str,
    pub(super) class: &'s str,
    pub(super) kind: &'s str,
    /// The subject is a Kubernetes object as it runs, not the file that declares it.
    pub(super) is_object: bool,
}

type Observed = Result<Vec<Observation>, String>;

fn finish(at: String, observed: Observed) -> Record {
    match observed {
        Ok(observations) => Record::observed(at, observations),
        Err(message) => Record::rejected(at, message),
    }
}

pub(super) fn vulnerability(at: String, json: &str, setting: &Setting<'_>) -> Record {
    let parsed = serde_json::from_str::<Vulnerability<'_>>(json).map_err(|error| error.to_string());
    finish(
        at,
        parsed
            .and_then(|entry| vulnerability_finding(entry, setting))
            .map(|finding| vec![observation(finding)]),
    )
}

fn observation(finding: Finding) -> Observation {
    Observation::Finding(Box::new(finding))
}

/// Ten links at most, each once, the primary one first.
fn references(primary: &Text<'_>, others: Option<&[Cow<'_, str>]>) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for link in filled(primary).into_iter().chain(others.into_iter().flatten().map(Cow::as_ref)) {
        if links.len() == 10 {
            break;
        }
        if !links.iter().any(|known| known == link) {
            links.push(link.to_owned());
        }
    }
    links
}

fn vulnerability_finding(entry: Vulnerability<'_>, setting: &Setting<'_>) -> Result<Finding, String> {
    let id = filled(&entry.id).ok_or("the field VulnerabilityID is missing")?;
    let name = filled(&entry.pkg_name).unwrap_or_default();
    let (aliases, advisories): (Vec<&str>, Vec<&str>) =
        entry.vendor_ids.iter().flatten().map(Cow::as_ref).partition(|id| advisory::is_single(id));
    let ids: Vec<&str> = std::iter::once(id).chain(aliases).collect();
    let title = filled(&entry.title).map_or_else(|| format!("{id} in {name}"), str::to_owned);
    let mut weakness = Weakness::from_ids(ids, title).ok_or("the field VulnerabilityID is empty")?;
    weakness.description = filled(&entry.description).map(|text| excerpt(text, 4_000));
    weakness.cwes = entry.cwe_ids.iter().flatten().filter_map(|id| crate::cwe::number(id)).collect();
    scores(&entry, &mut weakness);
    weakness.references = references(&entry.primary_url, entry.references.as_deref());
    let package_url = entry.pkg_identifier.as_ref().and_then(|identifier| filled(&identifier.purl));
    let component = component(package_url, name, setting);
    let severity = filled(&entry.severity).map_or(Severity::Unknown, Severity::from_word);
    let mut finding = Finding::new(Arc::clone(setting.subject), weakness, Place::Whole, severity);
    finding.part = Some(Part {
        component: component.clone(),
        path: path(&entry.pkg_path, setting),
        version: filled(&entry.installed_version).map(str::to_owned),
    });
    finding.status = match filled(&entry.status) {
        Some("under_investigation") => Status::UnderInvestigation,
        Some("not_affected") => {
            Status::NotAffected { justification: "the distribution says that it is not affected".to_owned() }
        }
        _ => Status::Affected,
    };
    finding.fix = filled(&entry.fixed_version).map(|versions| upgrade(name, component, versions));
    let attributes = &mut finding.attributes;
    note(attributes, "status", filled(&entry.status));
    note(attributes, "severity_source", filled(&entry.severity_source));
    note(attributes, "published", filled(&entry.published_date));
    note(attributes, "target", Some(setting.target));
    layer(attributes, entry.layer.as_ref());
    if !advisories.is_empty() {
        attributes.insert("advisories".to_owned(), advisories.into());
    }
    Ok(finding)
}

/// All vectors; the score of the source whose severity Trivy took, else of the NVD, else of any.
fn scores(entry: &Vulnerability<'_>, weakness: &mut Weakness) {
    let Some(sources) = &entry.cvss else { return };
    let chosen = filled(&entry.severity_source);
    let best = chosen.and_then(|source| sources.get(source)).or_else(|| sources.get("nvd"));
    let score = |cvss: &Cvss<'_>| cvss.v3_score.or(cvss.v40_score).or(cvss.v2_score);
    weakness.score = best.and_then(score).or_else(|| sources.values().find_map(score));
    for cvss in best.into_iter().chain(sources.values()) {
        for vector in [&cvss.v40_vector, &cvss.v3_vector, &cvss.v2_vector] {
            if let Some(vector) = filled(vector)
                && !weakness.cvss.iter().any(|known| known == vector)
            {
                weakness.cvss.push(vector.to_owned());
            }
        }
    }
}

/// The purl without version; older versions give only a name, whose type the result tells.
fn component(package_url: Option<&str>, name: &str, setting: &Setting<'_>) -> String {
    package_url
        .and_then(purl::without_version)
        .or_else(|| purl::of(setting.kind, name))
        .or_else(|| (!name.is_empty()).then(|| purl::of_distribution(setting.kind, name)).flatten())
        .unwrap_or_else(|| name.to_owned())
}

/// Where a package lies: its own path, or the lock file that lists it.
fn path(own: &Text<'_>, setting: &Setting<'_>) -> String {
    // For packages that lie about an image each by itself, Trivy puts a language here.
    const NOT_A_FILE: [&str; 8] = ["Java", "Node.js", "Python", "Ruby", "Conda", "PHP", "C", "Bitnami"];
    match filled(own) {
        Some(path) => path.to_owned(),
        None if setting.class == "lang-pkgs" && !NOT_A_FILE.contains(&setting.target) => {
            setting.target.to_owned()
        }
        None => String::new(),
    }
}

fn upgrade(name: &str, component: String, versions: &str) -> FixHint {
    let fixed_versions: Vec<String> =
        versions.split(',').map(str::trim).filter(|version| !version.is_empty()).map(str::to_owned).collect();
    FixHint {
        kind: FixKind::Upgrade,
        text: format!("Upgrade {name} to {}.", fixed_versions.join(" or ")),
        component: Some(component),
        fixed_versions,
    }
}

fn note(attributes: &mut Attributes, key: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        attributes.insert(key.to_owned(), value.into());
    }
}

fn layer(attributes: &mut Attributes, layer: Option<&Layer<'_>>) {
    if let Some(layer) = layer {
        note(attributes, "layer", filled(&layer.digest).or_else(|| filled(&layer.diff_id)));
    }
}

pub(super) fn misconfiguration(at: String, json: &str, setting: &Setting<'_>) -> Record {
    let entry = match serde_json::from_str::<Misconfiguration<'_>>(json) {
        Ok(entry) => entry,
        Err(error) => return Record::rejected(at, error.to_string()),
    };
    let Some(id) = filled(&entry.avd_id).or_else(|| filled(&entry.id)) else {
        return Record::rejected(at, "the fields ID and AVDID are missing");
    };
    let rule = rule(id);
    match filled(&entry.status) {
        Some("PASS") => {
            let checks = Checks::Rules { family: FAMILY.to_owned(), ids: vec![rule] };
            let coverage = Coverage { subject: Arc::clone(setting.subject), checks, places: places(setting) };
            Record::ignored_with(at, "check passed", vec![Observation::Coverage(coverage)])
        }
        Some("EXCEPTION") => Record::ignored(at, "excepted by a policy"),
        _ => Record::observed(at, vec![observation(misconfiguration_finding(&entry, rule, setting))]),
    }
}

/// `AVD-KSV-0001`, `KSV-0001` and `KSV001` are one check: versions spell it in three ways.
fn rule(id: &str) -> String {
    let id = id.strip_prefix("AVD-").unwrap_or(id);
    let digits = id.find(|character: char| character.is_ascii_digit()).unwrap_or(id.len());
    let (word, number) = id.split_at(digits);
    let is_short = !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_uppercase())
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_short { format!("{word}-{number:0>4}") } else { id.to_owned() }
}

/// Where the checks of a result ran: on the object that runs, or on the file that declares things.
pub(super) fn places(setting: &Setting<'_>) -> Places {
    if setting.is_object { Places::All } else { Places::Paths(vec![setting.target.to_owned()]) }
}

fn misconfiguration_finding(entry: &Misconfiguration<'_>, rule: String, setting: &Setting<'_>) -> Finding {
    let title = filled(&entry.title).unwrap_or(&rule).to_owned();
    let cause = entry.cause_metadata.as_ref();
    let resource = cause.and_then(|cause| filled(&cause.resource)).unwrap_or_default();
    let place = if setting.is_object {
        Place::Whole
    } else {
        // The resource that the file declares is what stays when lines move.
        Place::code(setting.target, None, resource)
    };
    let mut weakness = Weakness::new(WeaknessKey::rule(FAMILY, &rule), title);
    weakness.description = filled(&entry.description).map(|text| excerpt(text, 4_000));
    weakness.references = references(&entry.primary_url, entry.references.as_deref());
    let severity = filled(&entry.severity).map_or(Severity::Unknown, Severity::from_word);
    let mut finding = Finding::new(Arc::clone(setting.subject), weakness, place, severity);
    let lines = cause.and_then(|cause| cause.code.as_ref()).and_then(|code| code.lines.as_deref());
    let texts = lines.unwrap_or_default().iter().map(|line| line.content.as_deref().unwrap_or_default());
    let code = crate::redact::code(texts.flat_map(|line| [line, "\n"]));
    let parts = [filled(&entry.message).map(str::to_owned), code];
    let evidence: Vec<String> = parts.into_iter().flatten().collect();
    finding.evidence = (!evidence.is_empty()).then(|| excerpt(&evidence.join("\n"), 2_000));
    finding.fix = filled(&entry.resolution).map(|text| FixHint {
        kind: FixKind::Configure,
        text: excerpt(text, 1_000),
        component: None,
        fixed_versions: Vec::new(),
    });
    let attributes = &mut finding.attributes;
    note(attributes, "path", (!setting.is_object).then_some(setting.target));
    note(attributes, "rule", filled(&entry.id));
    note(attributes, "check_type", filled(&entry.kind));
    note(attributes, "resource", Some(resource));
    if let Some(cause) = cause {
        note(attributes, "provider", filled(&cause.provider));
        note(attributes, "service", filled(&cause.service));
        lines_of(attributes, cause.start_line, cause.end_line);
    }
    finding
}

fn lines_of(attributes: &mut Attributes, first: Option<u64>, last: Option<u64>) {
    for (key, line) in [("line", first), ("end_line", last)] {
        if let Some(line) = line.filter(|line| *line > 0) {
            attributes.insert(key.to_owned(), line.into());
        }
    }
}

/// Trivy masks the secret itself, so it cannot be known by its fingerprint; the line with the mask,
/// the rule and the file tell it from others.
pub(super) fn secret(at: String, json: &str, setting: &Setting<'_>) -> Record {
    let entry = match serde_json::from_str::<Secret<'_>>(json) {
        Ok(entry) => entry,
        Err(error) => return Record::rejected(at, error.to_string()),
    };
    let Some(rule) = filled(&entry.rule_id) else {
        return Record::rejected(at, "the field RuleID is missing");
    };
    let title = filled(&entry.title).unwrap_or(rule);
    let matched = filled(&entry.matched).unwrap_or_default();
    let place = Place::code(setting.target, None, &format!("{rule} {matched}"));
    let severity = filled(&entry.severity).map_or(Severity::High, Severity::from_word);
    let subject = Arc::clone(setting.subject);
    let mut finding = Finding::new(subject, crate::secret::exposed(), place, severity);
    finding.evidence = crate::redact::code([matched]);
    finding.fix = Some(FixHint {
        kind: FixKind::RotateSecret,
        text: format!(
            "Revoke and replace the secret in {} ({title}); removing it is not enough.",
            setting.target
        ),
        component: None,
        fixed_versions: Vec::new(),
    });
    let attributes = &mut finding.attributes;
    note(attributes, "path", Some(setting.target));
    note(attributes, crate::secret::SORT, Some(title));
    note(attributes, "rule", Some(rule));
    note(attributes, "category", filled(&entry.category));
    lines_of(attributes, entry.start_line, entry.end_line);
    layer(attributes, entry.layer.as_ref());
    Record::observed(at, vec![observation(finding)])
}

pub(super) fn license(at: String, json: &str, setting: &Setting<'_>) -> Record {
    let entry = match serde_json::from_str::<License<'_>>(json) {
        Ok(entry) => entry,
        Err(error) => return Record::rejected(at, error.to_string()),
    };
    let text = filled(&entry.text).map(|text| excerpt(text, 80));
    let Some(name) = filled(&entry.name).map(str::to_owned).or(text) else {
        return Record::rejected(at, "the field Name is missing");
    };
    let package = filled(&entry.pkg_name).unwrap_or_default();
    let file = filled(&entry.file_path).unwrap_or_default();
    let bearer = if package.is_empty() { file } else { package };
    let category = filled(&entry.category).unwrap_or("unknown");
    let title = format!("License {name} ({category})");
    let weakness = Weakness::new(WeaknessKey::rule(FAMILY, format!("license:{name}")), title);
    let severity = filled(&entry.severity).map_or(Severity::Unknown, Severity::from_word);
    let place = Place::Setting(if bearer.is_empty() { setting.target } else { bearer }.to_owned());
    let mut finding = Finding::new(Arc::clone(setting.subject), weakness, place, severity);
    let attributes = &mut finding.attributes;
    note(attributes, "license", Some(&name));
    note(attributes, "category", Some(category));
    note(attributes, "package", Some(package));
    note(attributes, "path", Some(file));
    note(attributes, "link", filled(&entry.link));
    note(attributes, "target", Some(setting.target));
    Record::observed(at, vec![observation(finding)])
}

/// A package of `--list-all-pkgs`.
pub(super) fn package(at: String, json: &str, setting: &Setting<'_>) -> Record {
    let entry = match serde_json::from_str::<Package<'_>>(json) {
        Ok(entry) => entry,
        Err(error) => return Record::rejected(at, error.to_string()),
    };
    let Some(name) = filled(&entry.name) else {
        return Record::rejected(at, "the field Name is missing");
    };
    let package_url = entry.identifier.as_ref().and_then(|identifier| filled(&identifier.purl));
    let version = filled(&entry.version).map(|version| {
        let release = filled(&entry.release).map_or(String::new(), |release| format!("-{release}"));
        let epoch = entry.epoch.filter(|epoch| *epoch > 0).map_or(String::new(), |epoch| format!("{epoch}:"));
        format!("{epoch}{version}{release}")
    });
    let part = Part {
        component: component(package_url, name, setting),
        path: path(&entry.file_path, setting),
        version,
    };
    let mut attributes = Attributes::new();
    note(&mut attributes, "purl", package_url);
    note(&mut attributes, "name", Some(name));
    note(&mut attributes, "type", Some(setting.kind));
    note(&mut attributes, "architecture", filled(&entry.arch));
    note(&mut attributes, "relationship", filled(&entry.relationship));
    if entry.dev {
        attributes.insert("scope".to_owned(), "development".into());
    }
    match entry.licenses {
        Some(Value::String(license)) if !license.is_empty() => {
            attributes.insert("licenses".to_owned(), vec![license].into());
        }
        Some(Value::Array(licenses)) if !licenses.is_empty() => {
            attributes.insert("licenses".to_owned(), licenses.into());
        }
        _ => {}
    }
    let subject = Arc::clone(setting.subject);
    Record::observed(at, vec![Observation::Component(ComponentObservation { subject, part, attributes })])
}

/// What an ignore file or a VEX statement took out. A statement that it does not apply is kept as
/// such; what somebody just did not want to see is ignored.
pub(super) fn modified(at: String, json: &str, setting: &Setting<'_>) -> Record {
    let entry = match serde_json::from_str::<Modified<'_>>(json) {
        Ok(entry) => entry,
        Err(error) => return Record::rejected(at, error.to_string()),
    };
    let status = match filled(&entry.status) {
        Some("not_affected") => Status::NotAffected {
            justification: filled(&entry.statement).unwrap_or("stated by a VEX document").to_owned(),
        },
        Some("fixed") => Status::Fixed,
        Some("under_investigation") => Status::UnderInvestigation,
        _ => return Record::ignored(at, "suppressed by an ignore file or policy"),
    };
    match (filled(&entry.kind), entry.finding) {
        (Some("vulnerability"), Some(raw)) => {
            let parsed =
                serde_json::from_str::<Vulnerability<'_>>(raw.get()).map_err(|error| error.to_string());
            let finding = parsed.and_then(|entry| vulnerability_finding(entry, setting));
            finish(
                at,
                finding.map(|mut finding| {
                    finding.status = status;
                    vec![observation(finding)]
                }),
            )
        }
        _ => Record::ignored(at, "suppressed by an ignore file or policy"),
    }
}

#[cfg(test)]
mod tests {
    use super::rule;

    #[test]
    fn one_check_has_one_id() {
        for id in ["AVD-KSV-0001", "KSV-0001", "KSV001"] {
            assert_eq!(rule(id), "KSV-0001");
        }
        assert_eq!(rule("DS002"), "DS-0002");
        assert_eq!(rule("AVD-AWS-0086"), "AWS-0086");
        assert_eq!(rule("N/A"), "N/A");
        assert_eq!(rule("ID001-x"), "ID001-x");
    }
}
