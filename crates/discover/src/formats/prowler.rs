//! Prowler's own formats: JSON of versions 2 and 3, CSV of versions 2 to 5. (`json-ocsf` is OCSF.)
//!
//! All are rows with the same facts under names that differ in spelling, so one reader takes them:
//! a name is compared by its letters and digits alone, and nested names are joined
//! (`Remediation.Recommendation.Text` is `REMEDIATION_RECOMMENDATION_TEXT`).
//!
//! What a row says becomes the same as in the OCSF reader: failed checks are findings of
//! `prowler:<check>` on the resource, passed ones coverage of that check there.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bartizan_model::{
    AssetKind, Checks, Coverage, Finding, FixHint, FixKind, Observation, Place, Places, Severity, Status,
    Subject, Timestamp, Weakness, WeaknessKey, excerpt,
};
use serde_json::{Map, Value};

use super::{Confidence, Format, Kind};
use crate::cloud::{Resource, Target, Told};
use crate::{Context, Head, Header, Record, Result, Sink, rows, table};

pub(super) const JSON: Format = Format {
    name: "prowler-json",
    title: "Prowler JSON (versions 2 and 3)",
    tool: "Prowler",
    kind: Kind::Cloud,
    example: "prowler aws -M json",
    sniff: sniff_json,
    parse: parse_json,
};

pub(super) const CSV: Format = Format {
    name: "prowler-csv",
    title: "Prowler CSV",
    tool: "Prowler",
    kind: Kind::Cloud,
    example: "prowler aws --output-formats csv",
    sniff: sniff_csv,
    parse: parse_csv,
};

const FAMILY: &str = "prowler";

fn sniff_json(head: &Head<'_>) -> Confidence {
    let version_3 = head.has_keys(&["FindingUniqueId", "CheckID"]);
    let version_2 = head.has_keys(&["Control", "Control ID", "Account Number", "Status"]);
    if version_2 || version_3 { Confidence::Certain } else { Confidence::No }
}

fn sniff_csv(head: &Head<'_>) -> Confidence {
    let line = head.text().lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let has = |names: &[&str]| names.iter().all(|name| line.contains(name));
    let is_known = has(&["CHECK_ID", "FINDING_UID", "STATUS_EXTENDED"])
        || has(&["CHECK_ID", "FINDING_UNIQUE_ID", "STATUS_EXTENDED"])
        || has(&["TITLE_ID", "TITLE_TEXT", "CHECK_RESULT"]);
    if is_known { Confidence::Certain } else { Confidence::No }
}

fn parse_json(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut report = Report::new(context);
    rows::rows(reader, &mut |json, at| match serde_json::from_str::<Map<String, Value>>(json) {
        Ok(object) => report.row(at, &Row::of_object(object), sink),
        Err(error) => sink.record(Record::rejected(at, error.to_string())),
    })?;
    Ok(report.header)
}

fn parse_csv(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut report = Report::new(context);
    let mut reader = table::reader(reader)?;
    let names: Vec<String> = reader.headers().map_err(table::error)?.iter().map(letters).collect();
    let mut record = csv::StringRecord::new();
    let mut number = 1;
    while reader.read_record(&mut record).map_err(table::error)? {
        number += 1;
        let fields = names.iter().zip(&record).filter(|(_, value)| !value.trim().is_empty());
        let fields = fields.map(|(name, value)| (name.clone(), Value::from(value.trim())));
        report.row(format!("row {number}"), &Row(fields.collect()), sink)?;
    }
    Ok(report.header)
}

/// `Account Number` → `accountnumber`.
fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The facts of one check on one resource by the letters of their names.
struct Row(BTreeMap<String, Value>);

impl Row {
    fn of_object(object: Map<String, Value>) -> Self {
        let mut fields = BTreeMap::new();
        let mut stack = vec![(String::new(), object)];
        while let Some((prefix, object)) = stack.pop() {
            for (key, value) in object {
                let name = format!("{prefix}{}", letters(&key));
                match value {
                    // The requirements by standard are a value, not further facts.
                    Value::Object(object) if name != "compliance" && name != "resourcetags" => {
                        stack.push((name, object));
                    }
                    Value::Null => {}
                    value => {
                        fields.insert(name, value);
                    }
                }
            }
        }
        Self(fields)
    }

    /// The first of these facts that is there.
    fn text(&self, names: &[&str]) -> &str {
        let values = names.iter().filter_map(|name| self.0.get(*name)?.as_str());
        values.map(str::trim).find(|text| !text.is_empty()).unwrap_or_default()
    }
}

struct Report<'r> {
    context: &'r Context,
    header: Header,
    told: Told,
    fallback: Option<Arc<Subject>>,
}

impl<'r> Report<'r> {
    fn new(context: &'r Context) -> Self {
        Self { context, header: Header::new(FAMILY), told: Told::default(), fallback: None }
    }

    fn row(&mut self, at: String, row: &Row, sink: &mut dyn Sink) -> Result<()> {
        let time = time(row);
        self.header.scanned_at = self.header.scanned_at.max(time);
        if self.header.tool_version.is_none() {
            let version = row.text(&["prowlerversion"]);
            self.header.tool_version = (!version.is_empty()).then(|| version.to_owned());
        }
        let record = self.record(at, row, sink)?;
        sink.record(record)
    }

    fn record(&mut self, at: String, row: &Row, sink: &mut dyn Sink) -> Result<Record> {
        let (check, title) = check(row);
        if check.is_empty() {
            return Ok(Record::rejected(at, "no check is named"));
        }
        if row.text(&["muted"]).eq_ignore_ascii_case("true") {
            return Ok(Record::ignored(at, "muted"));
        }
        let status = row.text(&["status", "checkresult"]).to_ascii_uppercase();
        let verdict = match status.as_str() {
            "FAIL" | "FAILED" => Some(Status::Affected),
            "PASS" | "PASSED" => None,
            // Nobody has looked yet: that is not a pass.
            "MANUAL" => Some(Status::UnderInvestigation),
            "INFO" => return Ok(Record::ignored(at, "a remark, not a result")),
            // Version 2 and 3: failed, but on the allow list.
            "WARNING" | "MUTED" => return Ok(Record::ignored(at, "muted")),
            "" => return Ok(Record::rejected(at, "the status is missing")),
            other => return Ok(Record::rejected(at, format!("the status {other:?} is not known"))),
        };
        let target = self.target(row, sink)?;
        let place = target.setting.map_or(Place::Whole, Place::Setting);
        let Some(status) = verdict else {
            let places = match &place {
                Place::Whole => Places::All,
                place => Places::Exact(vec![place.to_string()]),
            };
            let checks = Checks::Rules { family: FAMILY.to_owned(), ids: vec![check.to_owned()] };
            let coverage = Coverage { subject: target.subject, checks, places };
            return Ok(Record::ignored_with(at, "check passed", vec![Observation::Coverage(coverage)]));
        };
        let mut finding = finding(row, check, title, target.subject, place);
        finding.status = status;
        Ok(Record::observed(at, vec![Observation::Finding(Box::new(finding))]))
    }

    fn target(&mut self, row: &Row, sink: &mut dyn Sink) -> Result<Target> {
        let provider = row.text(&["provider"]);
        // Of a Kubernetes object this column has `namespace: shop`.
        let region = row.text(&["region", "location"]);
        let namespace = region.strip_prefix("namespace:").map(str::trim);
        let region = if namespace.is_some() { "" } else { region };
        let resource = Resource {
            // Version 2 knew AWS only.
            provider: if provider.is_empty() { "aws" } else { provider },
            account: row.text(&[
                "accountuid",
                "accountid",
                "accountnumber",
                "accountnum",
                "subscriptionid",
                "subscription",
                "projectid",
            ]),
            region,
            namespace: namespace.unwrap_or(row.text(&["namespace"])),
            kind: row.text(&["resourcetype", "checkasffresourcetype"]),
            id: row.text(&["resourceuid", "resourcearn", "resourceid", "checkresourceid"]),
            name: row.text(&["resourcename", "resourceid"]),
        };
        let service = row.text(&["servicename", "service", "checkservicename"]);
        if let Some(target) = self.told.target(&resource, service, tags(row), sink)? {
            return Ok(target);
        }
        let (context, header) = (self.context, &mut self.header);
        let subject = self
            .fallback
            .get_or_insert_with(|| crate::target::named(context, header, AssetKind::CloudAccount));
        Ok(Target { subject: Arc::clone(subject), setting: Some(region.to_owned()) })
    }
}

fn time(row: &Row) -> Option<Timestamp> {
    crate::time::parse(row.text(&["timestamp", "assessmentstarttime"]))
}

/// The id and the title. Version 2 puts the id in brackets before the title: `[check11] Avoid…`.
fn check(row: &Row) -> (&str, &str) {
    let id = row.text(&["checkid"]);
    if !id.is_empty() {
        return (id, row.text(&["checktitle", "checkid"]));
    }
    let text = row.text(&["titletext", "control"]);
    match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((id, title)) => (id.trim(), title.trim()),
        None => (row.text(&["titleid", "controlid"]), text),
    }
}

/// `key=value | key=value` in CSV, an object or a list of objects in JSON.
fn tags(row: &Row) -> Map<String, Value> {
    match row.0.get("resourcetags") {
        Some(Value::Object(tags)) => tags.clone(),
        Some(Value::String(text)) => text
            .split('|')
            .filter_map(|tag| tag.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), Value::from(value.trim())))
            .collect(),
        _ => Map::new(),
    }
}

fn finding(row: &Row, check: &str, title: &str, subject: Arc<Subject>, place: Place) -> Finding {
    let mut weakness =
        Weakness::new(WeaknessKey::rule(FAMILY, check), if title.is_empty() { check } else { title });
    let texts = [row.text(&["description"]), row.text(&["risk", "checkrisk"])];
    let texts: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty() && *text != title).collect();
    weakness.description = (!texts.is_empty()).then(|| excerpt(&texts.join("\n\n"), 4_000));
    for link in
        [row.text(&["remediationrecommendationurl", "doclink", "checkdoc"]), row.text(&["relatedurl"])]
    {
        if link.starts_with("http") && !weakness.references.iter().any(|known| known == link) {
            weakness.references.push(link.to_owned());
        }
    }
    let severity = Severity::from_word(row.text(&["severity", "checkseverity"]));
    let mut finding = Finding::new(subject, weakness, place, severity);
    let detail = row.text(&["statusextended", "checkresultextended", "message"]);
    finding.evidence = (!detail.is_empty()).then(|| excerpt(detail, 2_000));
    let advice = row.text(&["remediationrecommendationtext", "remediation", "checkremediation"]);
    let command = row.text(&["remediationcodecli"]);
    if !advice.is_empty() {
        let mut text = excerpt(advice, 1_000);
        if !command.is_empty() && !command.starts_with("http") {
            text.push_str(" Command: ");
            text.push_str(&excerpt(command, 500));
        }
        finding.fix =
            Some(FixHint { kind: FixKind::Configure, text, component: None, fixed_versions: Vec::new() });
    }
    for (key, value) in [
        ("region", row.text(&["region", "location"])),
        ("finding_uid", row.text(&["findinguid", "findinguniqueid"])),
        ("service", row.text(&["servicename", "service", "checkservicename"])),
    ] {
        if !value.is_empty() {
            finding.attributes.insert(key.to_owned(), value.into());
        }
    }
    let compliance = compliance(row);
    if !compliance.is_empty() {
        finding.attributes.insert("compliance".to_owned(), Value::Object(compliance));
    }
    finding
}

/// `CIS-3.0: 2.1.1, 2.1.2 | MITRE-ATTACK: T1530` in CSV, an object in JSON.
fn compliance(row: &Row) -> Map<String, Value> {
    match row.0.get("compliance") {
        Some(Value::Object(map)) => map.clone(),
        Some(Value::String(text)) => text
            .split('|')
            .filter_map(|part| part.split_once(':'))
            .map(|(standard, ids)| {
                let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
                (standard.trim().to_owned(), Value::from(ids))
            })
            .collect(),
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_names_are_joined() {
        let json =
            r#"{"Remediation": {"Code": {"CLI": "x"}}, "Compliance": {"CIS": ["1"]}, "Account Number": "1"}"#;
        let row = Row::of_object(serde_json::from_str(json).unwrap());
        assert_eq!((row.text(&["remediationcodecli"]), row.text(&["accountnumber"])), ("x", "1"));
        assert_eq!(compliance(&row)["CIS"], Value::from(vec!["1"]));
    }
}
