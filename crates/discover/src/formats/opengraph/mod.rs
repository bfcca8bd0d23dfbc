//! OpenGraph JSON, the generic ingest format of BloodHound: directories and any other graph of
//! identities as nodes and edges.
//!
//! Nodes become assets, edges relations. Edge kinds for which our own vocabulary has the exact word
//! take it; the others keep their name, and attack rules know the traversable ones by it. What the
//! file said is kept in the attribute `edge_kind`.
//!
//! An edge names its ends by id, name or properties, and may stand before its nodes. Edges whose ends
//! are known are handed on at once; the others wait for the end of the file. Memory grows with the
//! nodes, whose kinds edges need, and with the edges that wait, not with the others.

mod known;
pub(super) mod words;

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{AssetObservation, Attributes, Observation, RelationObservation, Subject};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use self::known::{Known, Node};
use super::{Confidence, Format, Kind};
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "opengraph",
    title: "OpenGraph JSON",
    tool: "BloodHound and its collectors",
    kind: Kind::Identities,
    example: "your collector's OpenGraph export: {\"graph\": {\"nodes\": […], \"edges\": […]}}",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let parts = head.contains("\"nodes\"") || head.contains("\"edges\"");
    if head.has_key("graph") && parts { Confidence::Certain } else { Confidence::No }
}

const ROUTES: &[&str] = &["graph.nodes[]", "graph.edges[]", "metadata.source_kind"];
const NODE: usize = 0;
const EDGE: usize = 1;

#[derive(Deserialize)]
struct NodeRecord<'a> {
    id: Value,
    kinds: Option<Vec<String>>,
    #[serde(borrow)]
    properties: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct EdgeRecord {
    kind: String,
    #[serde(deserialize_with = "end_record")]
    start: EndRecord,
    #[serde(deserialize_with = "end_record")]
    end: EndRecord,
    properties: Option<Attributes>,
}

/// One end of an edge: a node by its id, its name or its properties.
#[derive(Deserialize)]
struct EndRecord {
    value: Option<Value>,
    match_by: Option<String>,
    kind: Option<String>,
    property_matchers: Option<Vec<Matcher>>,
}

/// An end as an object or, not by the schema, as the id alone. Written by hand because there are two to
/// each edge, and an untagged enum reads everything twice.
fn end_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EndRecord, D::Error> {
    struct Ends;

    impl<'de> Visitor<'de> for Ends {
        type Value = EndRecord;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a node by id, name or properties")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<EndRecord, A::Error> {
            EndRecord::deserialize(MapAccessDeserializer::new(map))
        }

        fn visit_str<E>(self, id: &str) -> Result<EndRecord, E> {
            let value = Some(Value::from(id));
            Ok(EndRecord { value, match_by: None, kind: None, property_matchers: None })
        }
    }
    deserializer.deserialize_any(Ends)
}

#[derive(Deserialize)]
struct Matcher {
    key: String,
    operator: Option<String>,
    value: Value,
}

/// How an edge names one of its ends.
enum MatchBy {
    Id(String),
    Name(String),
    /// By the values of all these properties.
    Properties(Vec<(String, Value)>),
}

struct End {
    by: MatchBy,
    /// If given, the node has this kind.
    kind: Option<String>,
}

struct Edge {
    at: String,
    kind: String,
    start: End,
    end: End,
    properties: Attributes,
}

fn parse(reader: &mut dyn Read, _context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("opengraph");
    let mut known = Known::default();
    let mut waiting = Vec::new();
    let mut has_graph = false;
    walk::<Error>(reader, ROUTES, Documents::One, &mut |event, position| {
        let (route, json) = match event {
            Event::Value { route, json, .. } => (route, json),
            Event::Begin { .. } => {
                has_graph |= position.to_string() == "graph";
                return Ok(());
            }
            Event::End { .. } => return Ok(()),
        };
        match route {
            NODE => sink.record(node(position.to_string(), json, &mut known)),
            EDGE => match edge(position.to_string(), json) {
                Err(record) => sink.record(record),
                Ok(edge) => {
                    if let (Some(from), Some(to)) = (known.at_once(&edge.start), known.at_once(&edge.end)) {
                        return sink.record(relation(edge, from, to));
                    }
                    waiting.push(edge);
                    Ok(())
                }
            },
            _ => {
                if let Ok(kind) = serde_json::from_str::<String>(json)
                    && !kind.is_empty()
                {
                    header.tool = collector(&kind);
                }
                Ok(())
            }
        }
    })?;
    if !has_graph {
        let message = "it has no object \"graph\" with nodes and edges".to_owned();
        return Err(Error::Incomplete { format: FORMAT.name, message });
    }
    let index = known.index(waiting.iter().flat_map(|edge| [&edge.start, &edge.end]));
    for edge in waiting {
        let (start, end) = words::kinds_of_ends(&edge.kind);
        let from = index.find(&edge.start, start).map_err(|message| format!("start: {message}"));
        let to = index.find(&edge.end, end).map_err(|message| format!("end: {message}"));
        sink.record(match (from, to) {
            (Ok(from), Ok(to)) => relation(edge, from, to),
            (Err(message), _) | (_, Err(message)) => Record::rejected(edge.at, message),
        })?;
    }
    Ok(header)
}

/// The tool behind a kind of source: BloodHound calls what comes from a directory `Base`.
fn collector(source_kind: &str) -> String {
    match source_kind {
        "Base" => "bloodhound".to_owned(),
        "AZBase" => "azurehound".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}

fn node(at: String, json: &str, known: &mut Known) -> Record {
    let record = match serde_json::from_str::<NodeRecord<'_>>(json) {
        Ok(record) => record,
        Err(error) => return Record::rejected(at, error.to_string()),
    };
    let Some(id) = text(&record.id) else {
        return Record::rejected(at, "the field id is neither text nor a number");
    };
    let properties = record.properties.map_or("null", RawValue::get);
    let attributes = match serde_json::from_str::<Option<Attributes>>(properties) {
        Ok(attributes) => attributes.unwrap_or_default(),
        Err(error) => return Record::rejected(at, format!("properties: {error}")),
    };
    let kinds = record.kinds.unwrap_or_default();
    let subject = Arc::new(words::subject(&id, &kinds, &attributes));
    let name = attributes.get("name").and_then(Value::as_str).map(str::to_owned);
    known.add(&id, &kinds, Node { subject: Arc::clone(&subject), name: name.clone(), properties });
    Record::observed(at, vec![Observation::Asset(asset(subject, name, kinds, attributes))])
}

/// An asset as a node states it. Passwords that a directory holds as properties do not leave the reader.
pub(super) fn asset(
    subject: Arc<Subject>,
    name: Option<String>,
    kinds: Vec<String>,
    mut attributes: Attributes,
) -> AssetObservation {
    words::mask(&mut attributes);
    attributes.insert("kinds".to_owned(), kinds.into());
    AssetObservation { subject, name: name.filter(|name| !name.is_empty()), attributes }
}

fn edge(at: String, json: &str) -> Result<Edge, Record> {
    let record = match serde_json::from_str::<EdgeRecord>(json) {
        Ok(record) => record,
        Err(error) => return Err(Record::rejected(at, error.to_string())),
    };
    if record.kind.is_empty() {
        return Err(Record::rejected(at, "the field kind is empty"));
    }
    match (end(record.start), end(record.end)) {
        (Ok(start), Ok(end)) => {
            Ok(Edge { at, kind: record.kind, start, end, properties: record.properties.unwrap_or_default() })
        }
        (Err(message), _) => Err(Record::rejected(at, format!("start: {message}"))),
        (_, Err(message)) => Err(Record::rejected(at, format!("end: {message}"))),
    }
}

fn end(record: EndRecord) -> Result<End, String> {
    let EndRecord { value, match_by, kind, property_matchers } = record;
    let value =
        || value.as_ref().and_then(text).ok_or_else(|| "value is neither text nor a number".to_owned());
    let by = match match_by.as_deref() {
        None | Some("id") => MatchBy::Id(value()?),
        Some("name") => MatchBy::Name(value()?),
        Some("property") => {
            let matchers =
                property_matchers.filter(|list| !list.is_empty()).ok_or("property_matchers is missing")?;
            if matchers.iter().any(|each| each.operator.as_deref().is_some_and(|word| word != "equals")) {
                return Err("the only operator of property_matchers is \"equals\"".to_owned());
            }
            MatchBy::Properties(matchers.into_iter().map(|each| (each.key, each.value)).collect())
        }
        Some(other) => return Err(format!("there is no way to match by {other:?}")),
    };
    Ok(End { by, kind })
}

fn relation(edge: Edge, from: Arc<Subject>, to: Arc<Subject>) -> Record {
    let observation = observe_relation(edge.kind, from, to, edge.properties);
    Record::observed(edge.at, vec![Observation::Relation(observation)])
}

pub(super) fn observe_relation(
    kind: String,
    from: Arc<Subject>,
    to: Arc<Subject>,
    mut attributes: Attributes,
) -> RelationObservation {
    let relation = words::relation_of(&kind);
    attributes.insert("edge_kind".to_owned(), kind.into());
    RelationObservation { kind: relation, from, to, attributes }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
