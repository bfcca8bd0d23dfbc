//! OCSF findings (version 1.0 to 1.6), first of all Prowler's `json-ocsf`: an array, one event, or
//! one event per line.
//!
//! A failed check is a finding on the resource that it names; checks of an account as a whole are
//! findings on the account, and their place says what was looked at. A passed check is coverage of
//! that check on that resource. Checks that a person must make by hand, and muted ones, are ignored.
//! The events of other categories (logons, processes…) say nothing about weaknesses.

mod event;
mod vulnerability;

use std::io::Read;
use std::sync::Arc;

use bartizan_model::{
    AssetKind, Checks, Coverage, Finding, FixHint, FixKind, Identifier, Observation, Place, Places, Scheme,
    Severity, Status, Subject, Timestamp, Weakness, WeaknessKey, excerpt,
};
use serde_json::{Map, Value};

use self::event::{Device, Event, Remediation, Resource};
use super::{Confidence, Format, Kind};
use crate::cloud::{self, Target, Told};
use crate::rows::rows;
use crate::{Context, Head, Header, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "ocsf",
    title: "OCSF findings (Prowler json-ocsf)",
    tool: "Prowler and others",
    kind: Kind::Cloud,
    example: "prowler aws --output-formats json-ocsf",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let marks = ["category_uid", "activity_id", "metadata", "type_uid", "finding_info"];
    let is_event = head.has_key("class_uid") && marks.iter().any(|mark| head.has_key(mark));
    // The class may stand behind a long list of requirements.
    let is_finding = head.has_keys(&["metadata", "finding_info"]) && head.contains("\"product\"");
    if is_event || is_finding { Confidence::Certain } else { Confidence::No }
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::default();
    let mut seen = Seen::default();
    rows(reader, &mut |json, at| match serde_json::from_str::<Event>(json) {
        Ok(event) => {
            note(&event, &mut header);
            let record = record(at, &event, context, &mut header, &mut seen, sink)?;
            sink.record(record)
        }
        Err(error) => sink.record(Record::rejected(at, error.to_string())),
    })?;
    if header.tool.is_empty() {
        "ocsf".clone_into(&mut header.tool);
    }
    Ok(header)
}

#[derive(Default)]
struct Seen {
    told: Told,
    /// For events that name nothing.
    fallback: Option<Arc<Subject>>,
}

fn note(event: &Event, header: &mut Header) {
    if header.tool.is_empty() {
        header.tool = tool(event);
        header.tool_version.clone_from(&event.metadata.product.version);
    }
    // The scan ended with its last event.
    header.scanned_at = header.scanned_at.max(time(event));
}

/// `Prowler` → `prowler`: the source, and the family of its rules.
fn tool(event: &Event) -> String {
    let product = &event.metadata.product;
    let name = product.name.as_deref().or(product.vendor_name.as_deref()).unwrap_or("ocsf");
    name.trim().to_lowercase().replace(char::is_whitespace, "-")
}

fn time(event: &Event) -> Option<Timestamp> {
    // Prowler's `time_dt` has no zone; its `time` counts from 1970 and is exact.
    [&event.time, &event.event_time, &event.time_dt].into_iter().flatten().find_map(|value| match value {
        Value::Number(number) => crate::time::from_unix(number.as_f64()?),
        Value::String(text) => crate::time::parse(text),
        _ => None,
    })
}

enum Verdict {
    Fails(Status),
    Passes,
    /// Says nothing about a weakness, for this reason.
    Nothing(&'static str),
}

fn verdict(event: &Event) -> Verdict {
    let is_old_class = event.class_uid == Some(2001);
    let life = if is_old_class { event.state.as_deref() } else { event.status.as_deref() };
    let life = life.unwrap_or_default().to_ascii_lowercase();
    // Prowler before 4.3 says `New` with the number of Suppressed: the word wins.
    let life_id = if is_old_class || !life.is_empty() { None } else { event.status_id };
    match (life.as_str(), life_id) {
        ("suppressed" | "muted", _) | (_, Some(3)) => return Verdict::Nothing("muted"),
        ("archived", _) => return Verdict::Nothing("archived"),
        ("deleted", _) => return Verdict::Nothing("deleted"),
        _ => {}
    }
    let compliance = event.compliance.as_ref();
    let word = event
        .status_code
        .as_deref()
        .or_else(|| compliance?.status_code.as_deref())
        .or_else(|| compliance?.status.as_deref())
        .or_else(|| event.status.as_deref().filter(|_| is_old_class))
        .unwrap_or_default()
        .to_ascii_uppercase();
    match word.as_str() {
        "PASS" | "PASSED" | "SUCCESS" | "COMPLIANT" => return Verdict::Passes,
        // Nobody has looked yet: that is not a pass.
        "MANUAL" => return Verdict::Fails(Status::UnderInvestigation),
        "INFO" => return Verdict::Nothing("a remark, not a result"),
        "NOT_AVAILABLE" | "NOT_APPLICABLE" | "N/A" => return Verdict::Nothing("not applicable"),
        _ => {}
    }
    if word.is_empty() && compliance.is_some_and(|compliance| compliance.status_id == Some(1)) {
        return Verdict::Passes;
    }
    // Activity 3 is Close.
    if life == "resolved" || life_id == Some(4) || event.activity_id == Some(3) {
        return Verdict::Fails(Status::Fixed);
    }
    Verdict::Fails(Status::Affected)
}

fn record(
    at: String,
    event: &Event,
    context: &Context,
    header: &mut Header,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<Record> {
    match event.class_uid {
        Some(2001..=2004 | 2006 | 2007) => {}
        Some(2005) => return Ok(Record::ignored(at, "an incident, not a weakness")),
        Some(_) => return Ok(Record::ignored(at, "an event of a class without weaknesses")),
        None if event.finding_info.uid.is_some() || event.class_name.is_some() => {}
        None => return Ok(Record::rejected(at, "the field class_uid is missing")),
    }
    let status = match verdict(event) {
        Verdict::Nothing(reason) => return Ok(Record::ignored(at, reason)),
        Verdict::Passes => None,
        Verdict::Fails(status) => Some(status),
    };
    let targets = targets(event, context, header, seen, sink)?;
    let vulnerabilities = event.vulnerabilities.as_deref().unwrap_or_default();
    if let (Some(status), false) = (&status, vulnerabilities.is_empty()) {
        let observations = vulnerability::observations(event, vulnerabilities, &targets, status);
        return Ok(if observations.is_empty() {
            Record::rejected(at, "no entry of vulnerabilities has an id")
        } else {
            Record::observed(at, observations)
        });
    }
    let Some(rule) = rule(event) else {
        return Ok(Record::rejected(at, "neither an event code nor an analytic nor a title names the check"));
    };
    let family = tool(event);
    let Some(status) = status else {
        let coverage = targets.into_iter().map(|target| {
            let places = match target.setting {
                Some(setting) => Places::Exact(vec![Place::Setting(setting).to_string()]),
                None => Places::All,
            };
            let checks = Checks::Rules { family: family.clone(), ids: vec![rule.to_owned()] };
            Observation::Coverage(Coverage { subject: target.subject, checks, places })
        });
        return Ok(Record::ignored_with(at, "check passed", coverage.collect()));
    };
    let findings = targets.into_iter().map(|target| {
        let weakness = weakness(event, WeaknessKey::rule(&family, rule), rule);
        let place = target.setting.map_or(Place::Whole, Place::Setting);
        let mut finding = Finding::new(target.subject, weakness, place, severity(event));
        finding.status = status.clone();
        finding.fix = event
            .remediation
            .as_ref()
            .or(event.finding_info.remediation.as_ref())
            .and_then(|remediation| fix(remediation, FixKind::Configure));
        describe(event, &mut finding);
        Observation::Finding(Box::new(finding))
    });
    Ok(Record::observed(at, findings.collect()))
}

fn filled(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// The id of the check. Prowler's is the event code; of other products that is the kind of event.
fn rule(event: &Event) -> Option<&str> {
    let info = &event.finding_info;
    let code = filled(event.metadata.event_code.as_ref());
    let analytic = info.analytic.as_ref().and_then(|analytic| filled(analytic.uid.as_ref()));
    let first = if tool(event) == "prowler" { code.or(analytic) } else { analytic };
    first
        .or_else(|| filled(event.metadata.product.feature.as_ref()?.uid.as_ref()))
        .or_else(|| filled(event.compliance.as_ref()?.control.as_ref()))
        .or(code)
        .or_else(|| filled(info.title.as_ref()))
}

fn weakness(event: &Event, key: WeaknessKey, rule: &str) -> Weakness {
    let info = &event.finding_info;
    let mut weakness = Weakness::new(key, filled(info.title.as_ref()).unwrap_or(rule));
    let texts = [filled(info.desc.as_ref()), filled(event.risk_details.as_ref())];
    let description: Vec<&str> = texts.into_iter().flatten().collect();
    weakness.description = (!description.is_empty()).then(|| excerpt(&description.join("\n\n"), 4_000));
    weakness.references = references(event);
    weakness
}

fn references(event: &Event) -> Vec<String> {
    let remediation = event.remediation.as_ref().or(event.finding_info.remediation.as_ref());
    let links = remediation.into_iter().flat_map(|remediation| {
        let articles = remediation.kb_articles.iter().flatten().filter_map(Value::as_str);
        remediation.references.iter().map(String::as_str).chain(articles)
    });
    let related = event.unmapped.as_ref().and_then(|unmapped| filled(unmapped.related_url.as_ref()));
    let mut found: Vec<String> = Vec::new();
    for link in links.chain(related).chain(filled(event.finding_info.src_url.as_ref())) {
        if link.starts_with("http") && found.len() < 10 && !found.iter().any(|known| known == link) {
            found.push(link.to_owned());
        }
    }
    found
}

fn severity(event: &Event) -> Severity {
    match event.severity.as_deref().map(Severity::from_word) {
        Some(severity) if severity != Severity::Unknown => severity,
        // The enumeration of OCSF; 6 is Fatal.
        _ => match event.severity_id {
            Some(1) => Severity::Info,
            Some(2) => Severity::Low,
            Some(3) => Severity::Medium,
            Some(4) => Severity::High,
            Some(5 | 6) => Severity::Critical,
            _ => Severity::Unknown,
        },
    }
}

/// What is advised, with the command where one is given: Prowler lists it among the references.
fn fix(remediation: &Remediation, kind: FixKind) -> Option<FixHint> {
    let text = filled(remediation.desc.as_ref())?;
    let command = remediation.references.iter().find(|reference| {
        !reference.starts_with("http") && !reference.trim().is_empty() && !reference.starts_with("No command")
    });
    let mut text = excerpt(text, 1_000);
    if let Some(command) = command {
        text.push_str(" Command: ");
        text.push_str(&excerpt(command, 500));
    }
    Some(FixHint { kind, text, component: None, fixed_versions: Vec::new() })
}

/// What every finding of an event has.
fn describe(event: &Event, finding: &mut Finding) {
    let compliance = event.compliance.as_ref();
    let detail = filled(event.status_detail.as_ref())
        .or_else(|| filled(compliance?.status_detail.as_ref()))
        .or_else(|| filled(event.message.as_ref()));
    finding.evidence = detail.map(|text| excerpt(text, 2_000));
    let cloud = event.cloud.as_ref();
    let attributes = &mut finding.attributes;
    if let Some(region) = cloud.and_then(|cloud| filled(cloud.region.as_ref())) {
        attributes.insert("region".to_owned(), region.into());
    }
    if let Some(uid) = filled(event.finding_info.uid.as_ref()) {
        attributes.insert("finding_uid".to_owned(), uid.into());
    }
    let categories = event.unmapped.as_ref().map(|unmapped| &unmapped.categories);
    let compliance_lists = compliance.map(|compliance| (&compliance.standards, &compliance.requirements));
    for (key, list) in [
        ("types", Some(&event.finding_info.types)),
        ("categories", categories),
        ("standards", compliance_lists.map(|lists| lists.0)),
        ("requirements", compliance_lists.map(|lists| lists.1)),
    ] {
        if let Some(list) = list.filter(|list| !list.is_empty()) {
            attributes.insert(key.to_owned(), list.as_slice().into());
        }
    }
    let techniques: Vec<&str> = event
        .finding_info
        .attacks
        .iter()
        .flatten()
        .filter_map(|attack| filled(attack.technique.as_ref()?.uid.as_ref()))
        .collect();
    if !techniques.is_empty() {
        attributes.insert("techniques".to_owned(), techniques.into());
    }
    let map = event.unmapped.as_ref().and_then(|unmapped| unmapped.compliance.as_ref());
    if let Some(map) = map.filter(|map| !map.is_empty()) {
        let map = map.iter().map(|(standard, ids)| (standard.clone(), ids.clone()));
        attributes.insert("compliance".to_owned(), Value::Object(map.collect()));
    }
}

/// The assets that the event is about; each is told as an asset the first time that it is met.
fn targets(
    event: &Event,
    context: &Context,
    header: &mut Header,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for resource in event.resources.iter().flatten().chain(&event.resource) {
        let place = place(event, resource);
        let service = resource.group.as_ref().and_then(|group| filled(group.name.as_ref()));
        targets.extend(seen.told.target(&place, service.unwrap_or_default(), tags(resource), sink)?);
    }
    if targets.is_empty()
        && let Some(device) = &event.device
        && let Some(subject) = host(device, context)
    {
        targets.push(Target { subject: Arc::new(subject), setting: None });
    }
    if targets.is_empty() {
        let place = place(event, &NOWHERE);
        targets.extend(seen.told.target(&place, "", Map::new(), sink)?);
    }
    if targets.is_empty() {
        let subject = seen
            .fallback
            .get_or_insert_with(|| crate::target::named(context, header, AssetKind::CloudAccount));
        targets.push(Target { subject: Arc::clone(subject), setting: None });
    }
    Ok(targets)
}

const NOWHERE: Resource = Resource {
    uid: None,
    name: None,
    kind: None,
    region: None,
    namespace: None,
    group: None,
    labels: None,
    tags: None,
};

fn place<'e>(event: &'e Event, resource: &'e Resource) -> cloud::Resource<'e> {
    let text = |text: &'e Option<String>| filled(text.as_ref());
    let cloud = event.cloud.as_ref();
    let unmapped = event.unmapped.as_ref();
    let account = cloud
        .and_then(|cloud| {
            let account = cloud.account.as_ref().and_then(|account| text(&account.uid));
            account.or_else(|| text(&cloud.account_uid)).or_else(|| text(&cloud.project_uid))
        })
        .or_else(|| text(&unmapped?.provider_uid));
    let provider = cloud
        .and_then(|cloud| text(&cloud.provider))
        .or_else(|| text(&unmapped?.provider))
        .or_else(|| resource.namespace.as_ref().map(|_| "kubernetes"));
    // AWS Security Hub writes `AWS`, Prowler `aws`.
    let provider = match provider.unwrap_or_default() {
        "AWS" => "aws",
        "Azure" => "azure",
        "GCP" => "gcp",
        other => other,
    };
    let region = text(&resource.region).or_else(|| text(&cloud?.region));
    cloud::Resource {
        provider,
        account: account.unwrap_or_default(),
        region: region.unwrap_or_default(),
        namespace: text(&resource.namespace).unwrap_or_default(),
        kind: text(&resource.kind).unwrap_or_default(),
        id: text(&resource.uid).unwrap_or_default(),
        name: text(&resource.name).unwrap_or_default(),
    }
}

fn tags(resource: &Resource) -> Map<String, Value> {
    let labels = resource.labels.iter().flatten().filter_map(Value::as_str);
    let labels = labels.filter_map(|label| label.split_once([':', '=']));
    let labels = labels.map(|(key, value)| (key.to_owned(), Value::from(value)));
    let tags = resource.tags.iter().flatten();
    let tags = tags.filter_map(|tag| Some((tag.name.clone()?, tag.value.clone().unwrap_or_default())));
    labels.chain(tags).collect()
}

fn host(device: &Device, context: &Context) -> Option<Subject> {
    let mut identifiers = Vec::new();
    let name = filled(device.hostname.as_ref()).or_else(|| filled(device.name.as_ref()));
    if let Some(name) = name {
        let scheme = if name.contains('.') { Scheme::Fqdn } else { Scheme::Hostname };
        identifiers.push(Identifier::new(scheme, name));
    }
    if let Some(ip) = filled(device.ip.as_ref()) {
        let ip = context.zone.as_ref().map_or_else(|| ip.to_owned(), |zone| format!("{zone}/{ip}"));
        identifiers.push(Identifier::new(Scheme::Ip, ip));
    }
    identifiers.extend(filled(device.mac.as_ref()).map(|mac| Identifier::new(Scheme::Mac, mac)));
    identifiers.extend(filled(device.instance_uid.as_ref()).map(|id| Identifier::new(Scheme::CloudId, id)));
    if let Some(uid) = filled(device.uid.as_ref()) {
        let scheme = if uid.starts_with("arn:") { Scheme::AwsArn } else { Scheme::AgentId };
        identifiers.push(Identifier::new(scheme, uid));
    }
    (!identifiers.is_empty()).then(|| Subject::new(AssetKind::Host, identifiers))
}
