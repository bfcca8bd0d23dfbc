//! CycloneDX XML: elements into the structs that JSON has, with the extension "vulnerability 1.0".

use std::io::Read;

use bartizan_intake::xml::{Element, Node, Reader};

use super::bill::Bill;
use super::schema::{
    Advisory, Affected, AffectedVersion, Analysis, Component, Evidence, ExternalReference, Hash, License,
    LicenseChoice, Metadata, Named, Occurrence, Property, Rating, Reference, Service, Source, Tool, Tools,
    Vulnerability,
};
use super::{Confidence, Format, Kind};
use crate::{Context, Error, Head, Header, Result, Sink};

pub(in crate::formats) const FORMAT: Format = Format {
    name: "cyclonedx-xml",
    title: "CycloneDX XML",
    tool: "CycloneDX tools",
    kind: Kind::Components,
    example: "syft registry.example.com/shop:1.2 --output cyclonedx-xml=shop.cdx.xml",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    match head.xml_root() {
        Some("bom") if head.contains("cyclonedx.org/schema/bom") => Confidence::Certain,
        _ => Confidence::No,
    }
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut bill = Bill::new(context, sink);
    let mut reader = Reader::new(reader);
    let mut lists: Vec<String> = Vec::new();
    let mut counts = [0_usize; 3];
    loop {
        let element = match reader.next()? {
            Node::Start(element) => element,
            Node::End(_) => {
                lists.pop();
                continue;
            }
            Node::Text(_) => continue,
            Node::Eof => break,
        };
        match (lists.last().map(String::as_str), element.name.as_str()) {
            (None, "bom") => lists.push(element.name),
            (None, other) => {
                let message = format!("its root element is <{other}>, not <bom>");
                return Err(Error::Incomplete { format: "cyclonedx-xml", message });
            }
            (Some("bom"), "metadata") => bill.metadata(metadata(&reader.subtree(element)?))?,
            (Some("bom"), "components" | "services" | "vulnerabilities") => {
                if element.name == "components" {
                    bill.has_components();
                }
                // The schema fixes the order: metadata would have come before.
                bill.settle();
                lists.push(element.name);
            }
            (Some("components"), "component") => {
                let at = format!("component {}", next(&mut counts[0]));
                bill.component(at, component(&reader.subtree(element)?))?;
            }
            (Some("services"), "service") => {
                let at = format!("service {}", next(&mut counts[1]));
                bill.service(at, service(&reader.subtree(element)?))?;
            }
            (Some("vulnerabilities"), "vulnerability") => {
                let at = format!("vulnerability {}", next(&mut counts[2]));
                bill.vulnerability(at, vulnerability(&reader.subtree(element)?))?;
            }
            _ => reader.skip()?,
        }
    }
    bill.finish()
}

fn next(count: &mut usize) -> usize {
    *count += 1;
    *count
}

fn text(element: &Element, name: &str) -> Option<String> {
    element.text_of(name).map(str::to_owned)
}

fn own_text(element: &Element) -> Option<String> {
    let text = element.text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn within<'e>(element: &'e Element, list: &str, item: &'e str) -> impl Iterator<Item = &'e Element> {
    element.child(list).into_iter().flat_map(move |list| list.children(item))
}

fn metadata(element: &Element) -> Metadata {
    let named = |tool: &Element| Tool { name: text(tool, "name"), version: text(tool, "version") };
    let old = within(element, "tools", "tool");
    let tools = element.child("tools").into_iter();
    let new = tools.flat_map(|tools| within(tools, "components", "component"));
    Metadata {
        timestamp: text(element, "timestamp"),
        tools: Some(Tools::List(old.chain(new).map(named).collect())),
        component: element.child("component").map(component),
    }
}

/// The tree is as deep as the reader lets elements nest, so that the recursion is bounded.
fn component(element: &Element) -> Component {
    let licenses = element.child("licenses").into_iter().flat_map(|list| &list.children);
    let licenses = licenses.map(|choice| match choice.name.as_str() {
        "expression" => LicenseChoice { license: None, expression: own_text(choice) },
        _ => LicenseChoice {
            license: Some(License { id: text(choice, "id"), name: text(choice, "name") }),
            expression: None,
        },
    });
    let evidence = element.child("evidence").map(|evidence| Evidence {
        occurrences: within(evidence, "occurrences", "occurrence")
            .map(|occurrence| Occurrence { location: text(occurrence, "location") })
            .collect(),
    });
    let hashes = within(element, "hashes", "hash")
        .filter_map(|hash| Some(Hash { alg: hash.attribute("alg")?.to_owned(), content: own_text(hash)? }));
    let references = within(element, "externalReferences", "reference").filter_map(|reference| {
        Some(ExternalReference {
            kind: reference.attribute("type")?.to_owned(),
            url: text(reference, "url")?,
        })
    });
    let properties = within(element, "properties", "property").filter_map(|property| {
        Some(Property { name: property.attribute("name")?.to_owned(), value: own_text(property) })
    });
    Component {
        bom_ref: element.attribute("bom-ref").map(str::to_owned),
        kind: element.attribute("type").map(str::to_owned),
        group: text(element, "group"),
        name: text(element, "name"),
        version: text(element, "version"),
        purl: text(element, "purl"),
        cpe: text(element, "cpe"),
        scope: text(element, "scope"),
        hashes: Some(hashes.collect()),
        licenses: Some(licenses.collect()),
        supplier: element.child("supplier").map(|supplier| Named { name: text(supplier, "name") }),
        properties: Some(properties.collect()),
        evidence,
        external_references: Some(references.collect()),
        components: Some(within(element, "components", "component").map(component).collect()),
        vulnerabilities: within(element, "vulnerabilities", "vulnerability").map(vulnerability).collect(),
    }
}

fn service(element: &Element) -> Service {
    let flag = |name: &str| element.text_of(name).map(|text| text == "true");
    Service {
        bom_ref: element.attribute("bom-ref").map(str::to_owned),
        group: text(element, "group"),
        name: text(element, "name"),
        version: text(element, "version"),
        endpoints: within(element, "endpoints", "endpoint").filter_map(own_text).collect(),
        authenticated: flag("authenticated"),
        crosses_trust_boundary: flag("x-trust-boundary"),
        provider: element.child("provider").map(|provider| Named { name: text(provider, "name") }),
        services: Some(within(element, "services", "service").map(service).collect()),
    }
}

fn source(element: &Element) -> Source {
    // The extension has the name as an attribute.
    let name = text(element, "name").or_else(|| element.attribute("name").map(str::to_owned));
    Source { name, url: text(element, "url") }
}

fn vulnerability(element: &Element) -> Vulnerability {
    let references = within(element, "references", "reference");
    let advisories = within(element, "advisories", "advisory");
    let recommendations: Vec<String> =
        within(element, "recommendations", "recommendation").filter_map(own_text).collect();
    let recommendation = text(element, "recommendation")
        .or_else(|| (!recommendations.is_empty()).then(|| recommendations.join(" ")));
    Vulnerability {
        bom_ref: element.attribute("bom-ref").map(str::to_owned),
        id: text(element, "id"),
        source: element.child("source").map(source),
        references: Some(references.map(|reference| Reference { id: text(reference, "id") }).collect()),
        ratings: Some(within(element, "ratings", "rating").map(rating).collect()),
        cwes: Some(within(element, "cwes", "cwe").filter_map(own_text).map(Into::into).collect()),
        description: text(element, "description"),
        detail: text(element, "detail"),
        recommendation,
        workaround: text(element, "workaround"),
        advisories: Some(
            advisories
                .map(|advisory| Advisory { url: text(advisory, "url").or_else(|| own_text(advisory)) })
                .collect(),
        ),
        published: text(element, "published"),
        analysis: element.child("analysis").map(analysis),
        affects: Some(within(element, "affects", "target").map(affected).collect()),
    }
}

fn rating(element: &Element) -> Rating {
    let score = element.child("score");
    let number = score.and_then(|score| score.text_of("base").map(str::to_owned).or_else(|| own_text(score)));
    Rating {
        source: element.child("source").map(source),
        score: number.and_then(|text| text.parse().ok()),
        severity: text(element, "severity"),
        method: text(element, "method"),
        vector: text(element, "vector"),
    }
}

fn analysis(element: &Element) -> Analysis {
    Analysis {
        state: text(element, "state"),
        justification: text(element, "justification"),
        detail: text(element, "detail"),
        response: within(element, "responses", "response").filter_map(own_text).collect(),
    }
}

fn affected(element: &Element) -> Affected {
    let versions = within(element, "versions", "version").map(|version| AffectedVersion {
        version: text(version, "version"),
        range: text(version, "range"),
        status: text(version, "status"),
    });
    Affected { reference: text(element, "ref"), versions: Some(versions.collect()) }
}
