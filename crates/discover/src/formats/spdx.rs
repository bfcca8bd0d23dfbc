//! SPDX JSON 2.2 and 2.3: the packages of a bill of materials, what they depend on, and advisories
//! that it links to them.
//!
//! A record is one package, or one advisory linked to a package. The asset is the package that the
//! document describes. Files and snippets are not read. SPDX 3 is another format, and is refused.
//!
//! Relations stand behind the packages, so the packages are held, in a compact form, to the end.
//! A bill lists parts and looks for no weakness, so it covers nothing.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{
    AssetKind, AssetObservation, Attributes, Identifier, Observation, Part, Scheme, Subject,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Confidence, Format, Kind};
use crate::image::{self, Image};
use crate::packages::{Package, Packages, is_of_system};
use crate::{Context, Error, Head, Header, Result, Sink, lenient, purl, target};

pub(super) const FORMAT: Format = Format {
    name: "spdx-json",
    title: "SPDX JSON",
    tool: "SPDX tools",
    kind: Kind::Components,
    example: "syft registry.example.com/shop:1.2 --output spdx-json=shop.spdx.json",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let version_3 = head.has_key("@context") && head.contains("spdx.org/rdf/3");
    let version_2 = head.has_key("spdxVersion") || head.has_keys(&["SPDXID", "creationInfo"]);
    if version_2 || version_3 { Confidence::Certain } else { Confidence::No }
}

const ROUTES: &[&str] = &[
    "spdxVersion",
    "name",
    "creationInfo",
    "documentDescribes",
    "packages[]",
    "relationships[]",
    "@context",
    "documentNamespace",
];

#[derive(Default, Deserialize)]
struct Creation {
    #[serde(default, deserialize_with = "lenient::text")]
    created: Option<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    creators: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "SPDXID", default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "lenient::text")]
    version_info: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    supplier: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    download_location: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    license_concluded: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    license_declared: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    source_info: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    primary_package_purpose: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    checksums: Option<Vec<Checksum>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    external_refs: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    #[serde(default)]
    algorithm: String,
    #[serde(default)]
    checksum_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    #[serde(default)]
    reference_type: String,
    #[serde(default)]
    reference_locator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relation {
    #[serde(default)]
    spdx_element_id: String,
    #[serde(default)]
    relationship_type: String,
    #[serde(default)]
    related_spdx_element: String,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("spdx");
    let mut packages = Packages::default();
    let mut described = BTreeSet::new();
    let mut name = String::new();
    let mut version = None;
    let incomplete = |message: String| Error::Incomplete { format: FORMAT.name, message };
    walk::<Error>(reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, json, .. } = event else { return Ok(()) };
        match route {
            0 => {
                let text: String = serde_json::from_str(json).unwrap_or_default();
                if !text.starts_with("SPDX-2.") {
                    return Err(incomplete(format!("it is {text}; SPDX-2.2 and SPDX-2.3 can be read")));
                }
                version = Some(text);
            }
            1 => name = serde_json::from_str(json).unwrap_or_default(),
            2 => {
                let creation: Creation = serde_json::from_str(json).unwrap_or_default();
                header.scanned_at = creation.created.as_deref().and_then(crate::time::parse);
                if let Some((tool, version)) = creation.creators.iter().find_map(|creator| tool(creator)) {
                    header.tool = tool;
                    header.tool_version = version;
                }
            }
            3 => described.extend(serde_json::from_str::<Vec<String>>(json).unwrap_or_default()),
            4 => match serde_json::from_str::<Entry>(json) {
                Ok(entry) => packages.push(package(position.to_string(), entry)),
                Err(error) => packages.reject(position.to_string(), error.to_string()),
            },
            5 => {
                let Ok(relation) = serde_json::from_str::<Relation>(json) else { return Ok(()) };
                let (from, to) = (relation.spdx_element_id, relation.related_spdx_element);
                match relation.relationship_type.as_str() {
                    "DESCRIBES" if from == "SPDXRef-DOCUMENT" => {
                        described.insert(to);
                    }
                    "DESCRIBED_BY" if to == "SPDXRef-DOCUMENT" => {
                        described.insert(from);
                    }
                    "DEPENDS_ON" => packages.depends(from, to),
                    // DEV_DEPENDENCY_OF, RUNTIME_DEPENDENCY_OF…
                    kind if kind.ends_with("DEPENDENCY_OF") => packages.depends(to, from),
                    _ => {}
                }
            }
            6 if json.contains("spdx.org/rdf/3") => {
                return Err(incomplete("it is SPDX-3; SPDX-2.2 and SPDX-2.3 can be read".to_owned()));
            }
            _ => {}
        }
        Ok(())
    })?;
    if version.is_none() {
        return Err(incomplete("the field spdxVersion is missing".to_owned()));
    }
    // A document that describes several packages describes a set: none of them is the asset.
    let root = match described.len() {
        1 => packages.take(|package| described.contains(&package.id)),
        _ => None,
    };
    let subject = subject(root.as_ref(), &name, context, &mut header);
    let mut attributes = root.map(|root| root.attributes).unwrap_or_default();
    attributes.remove("source");
    sink.remark(Observation::Asset(AssetObservation {
        subject: Arc::clone(&subject),
        name: Some(name).filter(|name| !name.is_empty()),
        attributes,
    }))?;
    packages.tell(&subject, subject.kind(), sink)?;
    Ok(header)
}

/// `Tool: syft-1.50.0` → `syft`, `1.50.0`.
fn tool(creator: &str) -> Option<(String, Option<String>)> {
    let tool = creator.trim().strip_prefix("Tool:")?.trim();
    let at = tool.rfind('-').filter(|at| {
        let version = tool[at + 1..].trim_start_matches('v');
        version.starts_with(|c: char| c.is_ascii_digit() || c == '[')
    });
    let (name, version) = at.map_or((tool, ""), |at| (&tool[..at], &tool[at + 1..]));
    let version = Some(version).filter(|version| version.starts_with(|c: char| c.is_ascii_alphanumeric()));
    (!name.is_empty()).then(|| (name.to_lowercase().replace(' ', "-"), version.map(str::to_owned)))
}

fn stated(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty() && *text != "NOASSERTION" && *text != "NONE")
}

fn package(at: String, entry: Entry) -> Package {
    let references = entry.external_refs.as_deref().unwrap_or_default();
    let of_type = |kind: &str| {
        references
            .iter()
            .find(|reference| reference.reference_type.rsplit('/').next() == Some(kind))
            .map(|reference| reference.reference_locator.as_str())
    };
    let url = of_type("purl");
    let component = url.and_then(purl::without_version).unwrap_or_else(|| entry.name.trim().to_owned());
    let path = if is_of_system(&component) { None } else { stated(entry.source_info.as_ref()) };
    // Syft: `acquired package info from installed node module manifest file: /package-lock.json`.
    let path =
        path.and_then(|text| text.rsplit_once(": ")).map(|(_, path)| path.split(", ").next().unwrap_or(path));
    let part = Part {
        component,
        path: path.filter(|path| path.starts_with('/')).unwrap_or_default().to_owned(),
        version: stated(entry.version_info.as_ref()).map(str::to_owned),
    };
    let mut attributes = Attributes::new();
    let supplier =
        stated(entry.supplier.as_ref()).map(|text| text.split_once(": ").map_or(text, |(_, name)| name));
    for (key, value) in [
        ("name", Some(entry.name.as_str())),
        ("purl", url),
        ("cpe", of_type("cpe23Type")),
        ("type", stated(entry.primary_package_purpose.as_ref())),
        ("supplier", supplier),
        ("source", stated(entry.download_location.as_ref())),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let value = if key == "type" { value.to_ascii_lowercase() } else { value.to_owned() };
            attributes.insert(key.to_owned(), value.into());
        }
    }
    let license =
        stated(entry.license_declared.as_ref()).or_else(|| stated(entry.license_concluded.as_ref()));
    if let Some(license) = license {
        attributes.insert("licenses".to_owned(), vec![license].into());
    }
    let hashes: serde_json::Map<String, Value> = entry
        .checksums
        .iter()
        .flatten()
        .map(|sum| (sum.algorithm.clone(), sum.checksum_value.to_ascii_lowercase().into()))
        .collect();
    if !hashes.is_empty() {
        attributes.insert("hashes".to_owned(), Value::Object(hashes));
    }
    let advisories = references
        .iter()
        .enumerate()
        .filter(|(_, reference)| reference.reference_type == "advisory")
        .map(|(index, reference)| {
            (format!("{at}.externalRefs[{index}]"), reference.reference_locator.clone())
        })
        .collect();
    Package { at, id: entry.id, name: entry.name, part, attributes, advisories }
}

fn subject(root: Option<&Package>, name: &str, context: &Context, header: &mut Header) -> Arc<Subject> {
    let text = |key: &str| root.and_then(|root| root.attributes.get(key)?.as_str()).unwrap_or_default();
    let url = text("purl");
    let id = root.map(|root| root.id.as_str()).unwrap_or_default();
    let is_image = text("type") == "container"
        || id.contains("DocumentRoot-Image")
        || url.starts_with("pkg:oci/")
        || url.starts_with("pkg:docker/");
    if let Some(root) = root.filter(|_| is_image)
        && let Some(subject) = image_of(root, url)
    {
        return Arc::new(subject);
    }
    if let Some(asset) = &context.asset {
        return Arc::clone(asset);
    }
    let kind =
        if id.contains("DocumentRoot-Directory") { AssetKind::Repository } else { AssetKind::Artifact };
    let identifier = if let Some(url) = purl::without_version(url) {
        Some(Identifier::new(Scheme::Purl, url))
    } else {
        let name = root.map_or(name, |root| root.name.as_str());
        let is_telling = name.contains(char::is_alphanumeric);
        is_telling.then(|| Identifier::new(Scheme::Target, name))
    };
    match identifier {
        Some(identifier) => Arc::new(Subject::new(kind, [identifier])),
        None => target::named(context, header, kind),
    }
}

fn image_of(root: &Package, url: &str) -> Option<Subject> {
    let decoded = url.replace("%3A", ":").replace("%3a", ":");
    let of_url = decoded
        .split(['?', '#'])
        .next()
        .and_then(|text| text.rfind("sha256:").map(|at| text[at..].to_owned()));
    let version = root.part.version.as_deref().unwrap_or_default();
    let digests: Vec<String> = of_url.into_iter().collect();
    let mut tags = Vec::new();
    if image::is_reference(&root.name) && !image::is_digest(&root.name) {
        let has_tag = root.name.rsplit('/').next().is_some_and(|last| last.contains(':'));
        let is_tag = !version.is_empty() && !version.contains(':');
        tags.push(if is_tag && !has_tag { format!("{}:{version}", root.name) } else { root.name.clone() });
    }
    let id = if image::is_digest(version) { version } else { "" };
    image::subject(&Image { repository_digests: &digests, tags: &tags, id })
}

#[cfg(test)]
mod tests {
    use super::tool;

    #[test]
    fn creators_name_the_tool() {
        assert_eq!(tool("Tool: syft-1.50.0"), Some(("syft".to_owned(), Some("1.50.0".to_owned()))));
        assert_eq!(tool("Tool: syft-[not provided]"), Some(("syft".to_owned(), None)));
        assert_eq!(
            tool("Tool: Microsoft.SBOMTool-1.2"),
            Some(("microsoft.sbomtool".to_owned(), Some("1.2".to_owned())))
        );
        assert_eq!(tool("Organization: Example"), None);
    }
}
