//! Syft JSON (schema 1 to 16): the packages of an image or a folder, and what they depend on.
//!
//! A record is one package. The source that they are of stands behind them, so the packages are
//! held, in a compact form, to the end. A catalogue looks for no weakness, so it covers nothing.

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
    name: "syft",
    title: "Syft JSON",
    tool: "Syft",
    kind: Kind::Components,
    example: "syft registry.example.com/shop:1.2 --output syft-json=syft.json",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let has_packages = head.has_key("artifacts") && head.contains("\"foundBy\"");
    let is_named = head.has_key("artifacts")
        && ["\"name\":\"syft\"", "\"name\": \"syft\""].iter().any(|mark| head.contains(mark));
    let has_parts = head.has_keys(&["artifacts", "artifactRelationships", "source"]);
    if has_packages || is_named || has_parts { Confidence::Certain } else { Confidence::No }
}

const ROUTES: &[&str] = &[
    "artifacts[]",
    "artifactRelationships[]",
    "source",
    "distro",
    "descriptor.name",
    "descriptor.version",
    "descriptor.timestamp",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "lenient::text")]
    version: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    found_by: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    language: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    purl: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    locations: Option<Vec<Location>>,
    /// Texts, or objects since schema 7.
    #[serde(default)]
    licenses: Value,
    /// Texts, or objects since schema 13.
    #[serde(default)]
    cpes: Value,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    path: String,
    #[serde(rename = "layerID", default)]
    layer: String,
}

#[derive(Deserialize)]
struct Relation {
    #[serde(default)]
    parent: String,
    #[serde(default)]
    child: String,
    #[serde(rename = "type", default)]
    kind: String,
}

#[derive(Default, Deserialize)]
struct Source {
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    version: Option<String>,
    #[serde(rename = "type", default)]
    kind: String,
    /// What was scanned; called `target` before schema 6, where it is a text for a folder.
    #[serde(alias = "target", default)]
    metadata: Value,
}

#[derive(Default, Deserialize)]
struct Distribution {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(rename = "versionID", default, deserialize_with = "lenient::text")]
    version_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    version: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ImageSource {
    user_input: Option<String>,
    #[serde(rename = "imageID")]
    image_id: Option<String>,
    manifest_digest: Option<String>,
    tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    architecture: Option<String>,
    os: Option<String>,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("syft");
    let (is_own, mut reader) = crate::peek::has_any_key(reader, &["artifacts"])?;
    if !is_own {
        let message = "there are no artifacts in it".to_owned();
        return Err(Error::Incomplete { format: FORMAT.name, message });
    }
    let mut packages = Packages::default();
    let mut source = Source::default();
    let mut distribution = None;
    walk::<Error>(&mut reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, json, .. } = event else { return Ok(()) };
        let text = || serde_json::from_str::<String>(json).ok();
        match route {
            0 => match serde_json::from_str::<Entry>(json) {
                Ok(entry) => packages.push(package(position.to_string(), entry)),
                Err(error) => packages.reject(position.to_string(), error.to_string()),
            },
            1 => {
                if let Ok(relation) = serde_json::from_str::<Relation>(json)
                    && relation.kind == "dependency-of"
                {
                    packages.depends(relation.child, relation.parent);
                }
            }
            2 => source = serde_json::from_str(json).unwrap_or_default(),
            3 => distribution = serde_json::from_str::<Distribution>(json).ok(),
            5 => {
                header.tool_version = text().filter(|version| version.contains(|c: char| c.is_ascii_digit()));
            }
            6 => header.scanned_at = text().as_deref().and_then(crate::time::parse),
            _ => {}
        }
        Ok(())
    })?;
    let subject = subject(&source, context, &mut header);
    sink.remark(Observation::Asset(AssetObservation {
        subject: Arc::clone(&subject),
        name: source.name.clone().filter(|name| !name.is_empty()),
        attributes: attributes(&source, distribution.unwrap_or_default()),
    }))?;
    packages.tell(&subject, subject.kind(), sink)?;
    Ok(header)
}

/// Texts, or one field of objects.
fn texts(value: &Value, field: &str) -> Vec<Value> {
    let list = value.as_array().into_iter().flatten();
    let texts = list.filter_map(|entry| entry.as_str().or_else(|| entry.get(field)?.as_str()));
    texts.filter(|text| !text.is_empty()).map(Value::from).collect()
}

fn package(at: String, entry: Entry) -> Package {
    let url = entry.purl.as_deref().filter(|url| !url.is_empty());
    let component = url
        .and_then(purl::without_version)
        .or_else(|| purl::of(entry.kind.as_deref()?, &entry.name))
        .unwrap_or_else(|| entry.name.trim().to_owned());
    let locations = entry.locations.unwrap_or_default();
    let first = locations.iter().find(|location| !location.path.is_empty());
    let path = first.filter(|_| !is_of_system(&component)).map(|location| location.path.clone());
    let mut attributes = Attributes::new();
    for (key, value) in [
        ("name", Some(entry.name.as_str())),
        ("purl", url),
        ("type", entry.kind.as_deref()),
        ("language", entry.language.as_deref()),
        ("found_by", entry.found_by.as_deref()),
        ("layer", first.map(|location| location.layer.as_str())),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.insert(key.to_owned(), value.into());
        }
    }
    let licenses = texts(&entry.licenses, "value");
    if !licenses.is_empty() {
        attributes.insert("licenses".to_owned(), licenses.into());
    }
    if let Some(cpe) = texts(&entry.cpes, "cpe").into_iter().next() {
        attributes.insert("cpe".to_owned(), cpe);
    }
    let version = entry.version.filter(|version| !version.is_empty());
    let part = Part { component, path: path.unwrap_or_default(), version };
    Package { at, id: entry.id, name: entry.name, part, attributes, advisories: Vec::new() }
}

fn image_source(source: &Source) -> ImageSource {
    serde_json::from_value(source.metadata.clone()).unwrap_or_default()
}

/// As the reader of Grype names what was scanned: both tools share their sources.
fn subject(source: &Source, context: &Context, header: &mut Header) -> Arc<Subject> {
    if source.kind == "image" {
        let target = image_source(source);
        let mut tags = target.tags.unwrap_or_default();
        let input = target.user_input.unwrap_or_default();
        if tags.is_empty() && image::is_reference(&input) && !image::is_digest(&input) {
            tags.push(input);
        }
        let ids = [target.manifest_digest.as_deref(), target.image_id.as_deref()];
        let id = ids.into_iter().flatten().find(|id| image::is_digest(id)).unwrap_or_default();
        let digests = target.repo_digests.unwrap_or_default();
        if let Some(subject) = image::subject(&Image { repository_digests: &digests, tags: &tags, id }) {
            return Arc::new(subject);
        }
    }
    let kind = if source.kind == "directory" { AssetKind::Repository } else { AssetKind::Artifact };
    let path = source.metadata.as_str().or_else(|| source.metadata.get("path")?.as_str()).unwrap_or_default();
    let is_telling = |text: &str| {
        text.trim_end_matches('/').rsplit('/').next().is_some_and(|name| name.contains(char::is_alphanumeric))
    };
    // A person's own name for the source (`--source-name`) goes before the folder.
    let name = source.name.as_deref().filter(|name| is_telling(name)).unwrap_or(path);
    if context.asset.is_none() && is_telling(name) {
        return Arc::new(Subject::new(kind, [Identifier::new(Scheme::Target, name)]));
    }
    target::named(context, header, kind)
}

fn attributes(source: &Source, distribution: Distribution) -> Attributes {
    let image = if source.kind == "image" { image_source(source) } else { ImageSource::default() };
    let tag = image.tags.iter().flatten().next().or(image.user_input.as_ref());
    let lineage = tag.and_then(|tag| image::lineage(tag)).filter(|name| image::is_reference(name));
    let mut attributes = Attributes::new();
    for (key, value) in [
        ("lineage", lineage),
        ("image_id", image.image_id.as_deref()),
        ("manifest_digest", image.manifest_digest.as_deref()),
        ("architecture", image.architecture.as_deref()),
        ("platform", image.os.as_deref()),
        ("os", distribution.id.as_deref().or(distribution.name.as_deref())),
        ("os_version", distribution.version_id.as_deref().or(distribution.version.as_deref())),
        ("version", source.version.as_deref()),
        ("syft.type", Some(source.kind.as_str())),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.insert(key.to_owned(), value.into());
        }
    }
    attributes
}
