//! CycloneDX JSON: the lists of a bill are walked, in whatever order they stand.

use std::io::Read;

use bartizan_intake::json::{Documents, Event, walk};

use super::bill::Bill;
use super::schema::{Component, Metadata, Service, Vulnerability};
use super::{Confidence, Format, Kind};
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(in crate::formats) const FORMAT: Format = Format {
    name: "cyclonedx-json",
    title: "CycloneDX JSON",
    tool: "CycloneDX tools",
    kind: Kind::Components,
    example: "syft registry.example.com/shop:1.2 --output cyclonedx-json=shop.cdx.json",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let names_it = (head.has_key("bomFormat") || head.has_key("$schema"))
        && (head.contains("CycloneDX") || head.contains("cyclonedx.org/schema"));
    // With its keys sorted, a long list of components hides the name of the format.
    let looks_like = head.contains("\"bom-ref\"")
        && ["components", "metadata", "vulnerabilities", "dependencies"].iter().any(|key| head.has_key(key));
    if names_it {
        Confidence::Certain
    } else if looks_like {
        Confidence::Possible
    } else {
        Confidence::No
    }
}

const ROUTES: &[&str] =
    &["bomFormat", "specVersion", "metadata", "components[]", "services[]", "vulnerabilities[]"];

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut bill = Bill::new(context, sink);
    let mut is_bill = false;
    walk::<Error>(reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, json, .. } = event else { return Ok(()) };
        let at = position.to_string();
        is_bill = is_bill || route <= 1;
        match route {
            0 if !json.contains("CycloneDX") => {
                let message = format!("its bomFormat is {json}");
                return Err(Error::Incomplete { format: "cyclonedx-json", message });
            }
            2 => match serde_json::from_str::<Metadata>(json) {
                Ok(metadata) => bill.metadata(metadata)?,
                Err(error) => bill.problem(at, error.to_string()),
            },
            3 => {
                bill.has_components();
                match serde_json::from_str::<Component>(json) {
                    Ok(component) => bill.component(at, component)?,
                    Err(error) => bill.record(Record::rejected(at, error.to_string()))?,
                }
            }
            4 => match serde_json::from_str::<Service>(json) {
                Ok(service) => bill.service(at, service)?,
                Err(error) => bill.record(Record::rejected(at, error.to_string()))?,
            },
            5 => match serde_json::from_str::<Vulnerability>(json) {
                Ok(vulnerability) => bill.vulnerability(at, vulnerability)?,
                Err(error) => bill.record(Record::rejected(at, error.to_string()))?,
            },
            _ => {}
        }
        Ok(())
    })?;
    if !is_bill {
        let message = "it has neither a bomFormat nor a specVersion".to_owned();
        return Err(Error::Incomplete { format: "cyclonedx-json", message });
    }
    bill.finish()
}
