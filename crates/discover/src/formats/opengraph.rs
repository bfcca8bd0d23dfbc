//! OpenGraph JSON, the generic ingest format of BloodHound: directories and any other graph of
//! identities as nodes and edges.
//!
//! Nodes become assets, edges relations. Edge kinds for which our own vocabulary has the exact word
//! take it; the others keep their name, and attack rules know the traversable ones by it.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{
    AssetKind, AssetObservation, Attributes, Identifier, Observation, RelationKind, RelationObservation,
    Scheme, Subject,
};
use serde::Deserialize;
use serde_json::Value;

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
struct Node {
    id: Value,
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    properties: Attributes,
}

#[derive(Deserialize)]
struct Edge {
    kind: String,
    start: End,
    end: End,
    #[serde(default)]
    properties: Option<Attributes>,
}

/// One end of an edge: a node by its id, or by its name.
#[derive(Deserialize)]
#[serde(untagged)]
enum End {
    Object {
        value: Value,
        #[serde(default)]
        match_by: Option<String>,
        #[serde(default)]
        kind: Option<String>,
    },
    Id(Value),
}

/// The nodes that were read, so that edges name them with all their identifiers.
#[derive(Default)]
struct Known {
    by_id: HashMap<String, Arc<Subject>>,
    by_name: HashMap<String, Arc<Subject>>,
}

fn parse(reader: &mut dyn Read, _context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("opengraph");
    let mut known = Known::default();
    let mut graph_seen = false;
    walk::<Error>(reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, json, .. } = event else { return Ok(()) };
        let at = position.to_string();
        match route {
            NODE => {
                graph_seen = true;
                let record = match serde_json::from_str::<Node>(json) {
                    Ok(node) => node_record(at, node, &mut known),
                    Err(error) => Record::rejected(at, error.to_string()),
                };
                sink.record(record)
            }
            EDGE => {
                graph_seen = true;
                let record = match serde_json::from_str::<Edge>(json) {
                    Ok(edge) => edge_record(at, edge, &known),
                    Err(error) => Record::rejected(at, error.to_string()),
                };
                sink.record(record)
            }
            _ => {
                if let Ok(kind) = serde_json::from_str::<String>(json)
                    && !kind.is_empty()
                {
                    header.tool = kind.to_ascii_lowercase();
                }
                Ok(())
            }
        }
    })?;
    if !graph_seen {
        header.problem("graph", "the graph has neither nodes nor edges");
    }
    Ok(header)
}

fn node_record(at: String, node: Node, known: &mut Known) -> Record {
    let Some(id) = text(&node.id) else {
        return Record::rejected(at, "the field id is neither text nor a number");
    };
    let name = node.properties.get("name").and_then(Value::as_str).map(str::to_owned);
    let kind = kind_of(&node.kinds);
    let mut identifiers = vec![identifier(&id)];
    if let Some(object) =
        node.properties.get("objectid").and_then(Value::as_str).filter(|object| is_object_id(object))
    {
        identifiers.push(Identifier::new(Scheme::ObjectId, object));
    }
    if let Some(name) = name.as_deref().filter(|name| kind == AssetKind::Host && name.contains('.')) {
        identifiers.push(Identifier::new(Scheme::Fqdn, name));
    }
    let subject = Arc::new(Subject::new(kind, identifiers));
    if let Some(name) = &name {
        known.by_name.insert(name.to_ascii_uppercase(), Arc::clone(&subject));
    }
    known.by_id.insert(id.to_ascii_uppercase(), Arc::clone(&subject));
    let mut attributes = node.properties;
    attributes.insert("kinds".to_owned(), node.kinds.into());
    Record::observed(at, vec![Observation::Asset(AssetObservation { subject, name, attributes })])
}

fn edge_record(at: String, edge: Edge, known: &Known) -> Record {
    let (from, to) = match (known.end(&edge.start), known.end(&edge.end)) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(message), _) => return Record::rejected(at, format!("start: {message}")),
        (_, Err(message)) => return Record::rejected(at, format!("end: {message}")),
    };
    let mut attributes = edge.properties.unwrap_or_default();
    let kind = relation_of(&edge.kind);
    attributes.insert("edge_kind".to_owned(), edge.kind.into());
    Record::observed(at, vec![Observation::Relation(RelationObservation { kind, from, to, attributes })])
}

impl Known {
    fn end(&self, end: &End) -> Result<Arc<Subject>, String> {
        let (value, by_name, kind) = match end {
            End::Object { value, match_by, kind } => {
                (value, match_by.as_deref() == Some("name"), kind.clone())
            }
            End::Id(value) => (value, false, None),
        };
        let Some(value) = text(value) else { return Err("it is neither text nor a number".to_owned()) };
        let kinds: Vec<String> = kind.into_iter().collect();
        if by_name {
            let found = self.by_name.get(&value.to_ascii_uppercase()).cloned();
            return found.ok_or_else(|| format!("no node before it is named {value:?}"));
        }
        // A node may follow its edges, or lie in another file: its id is enough to know it again.
        Ok(self
            .by_id
            .get(&value.to_ascii_uppercase())
            .cloned()
            .unwrap_or_else(|| Arc::new(Subject::new(kind_of(&kinds), [identifier(&value)]))))
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn identifier(id: &str) -> Identifier {
    if is_object_id(id) {
        Identifier::new(Scheme::ObjectId, id)
    } else {
        Identifier::new(Scheme::GraphId, id.to_ascii_uppercase())
    }
}

/// A SID, also one that is made unique by its domain, or a GUID.
fn is_object_id(text: &str) -> bool {
    let is_sid = text.contains("S-1-") && text.len() > 8;
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_sid || (hexadecimal && parts == [8, 4, 4, 4, 12])
}

/// The kind of asset for BloodHound's kinds; the first that says something decides.
fn kind_of(kinds: &[String]) -> AssetKind {
    kinds
        .iter()
        .find_map(|kind| {
            Some(match kind.as_str() {
                "User" | "AZUser" | "Account" => AssetKind::Account,
                "Computer" | "AZVM" | "AZDevice" | "Host" => AssetKind::Host,
                "Group" | "AZGroup" | "AZGroup365" => AssetKind::Group,
                "AZRole" | "Role" => AssetKind::Role,
                "Domain" | "AZTenant" | "OU" | "GPO" | "Container" => AssetKind::Directory,
                "AZApp" | "AZServicePrincipal" | "Application" => AssetKind::Application,
                "AZSubscription" | "AZResourceGroup" | "AZManagementGroup" => AssetKind::CloudAccount,
                "AZKeyVault" => AssetKind::DataStore,
                "Person" => AssetKind::Person,
                _ => return None,
            })
        })
        .unwrap_or(AssetKind::CloudResource)
}

/// Our word where it means exactly the same; else the kind as it is written.
fn relation_of(kind: &str) -> RelationKind {
    match kind {
        "MemberOf" | "AZMemberOf" => RelationKind::MEMBER_OF,
        "AdminTo" => RelationKind::ADMINISTERS,
        "HasSession" => RelationKind::HAS_SESSION,
        "CanRDP" | "CanPSRemote" | "ExecuteDCOM" => RelationKind::LOGS_ON,
        "Contains" | "AZContains" => RelationKind::CONTAINS,
        other => RelationKind::foreign(other),
    }
}
