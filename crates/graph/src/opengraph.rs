//! A streaming reader of OpenGraph JSON, the generic graph format that BloodHound ingests.
//!
//! Nodes and edges are handed over one by one, so that memory does not grow with the file. Records that are
//! not what they should be are reported and skipped; only a document that is not OpenGraph at all fails.
//! The reader resolves nothing: an edge names its ends by id, name or properties, and whoever collects the
//! nodes must find them. Depends on serde and serde_json alone.

use std::fmt;
use std::io::{BufReader, Read};

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

/// A node as the file has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeRecord {
    /// Unique among nodes.
    pub id: String,
    /// The first is the primary kind.
    pub kinds: Vec<String>,
    /// Only those that the visitor wants.
    pub properties: Map<String, Value>,
}

/// How an edge names one of its ends.
#[derive(Debug, Clone, PartialEq)]
pub enum MatchBy {
    /// By the node's id.
    Id(String),
    /// By the node's property `name` (deprecated by the format).
    Name(String),
    /// By the values of all these properties.
    Properties(Vec<(String, Value)>),
}

/// One end of an edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// What the node is known by.
    pub match_by: MatchBy,
    /// If given, the node must have this kind.
    pub kind: Option<String>,
}

/// An edge as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeRecord {
    /// The relationship.
    pub kind: String,
    /// Where it starts.
    pub start: Endpoint,
    /// Where it leads.
    pub end: Endpoint,
    /// Only those that the visitor wants.
    pub properties: Map<String, Value>,
}

/// Takes what the reader finds, in the order of the file; edges may come before nodes.
pub trait GraphVisitor {
    /// A node.
    fn node(&mut self, node: NodeRecord);
    /// An edge.
    fn edge(&mut self, edge: EdgeRecord);
    /// A record that was skipped: where (such as `nodes[3]`) and why.
    fn problem(&mut self, at: String, message: &str);
    /// The document's metadata.
    fn metadata(&mut self, _metadata: Map<String, Value>) {}
    /// Whether a node's property is to be kept.
    fn wants_node_property(&self, _key: &str) -> bool {
        true
    }
    /// Whether an edge's property is to be kept.
    fn wants_edge_property(&self, _key: &str) -> bool {
        true
    }
}

/// What a document held, skipped records not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Node records.
    pub nodes: u64,
    /// Edge records.
    pub edges: u64,
    /// Records that were skipped.
    pub rejected: u64,
}

/// Reads one document. Fails when it is not JSON, breaks off, or has no object `graph`.
pub fn read<V: GraphVisitor>(reader: impl Read, visitor: &mut V) -> Result<Counts, serde_json::Error> {
    let mut state = State { visitor, counts: Counts::default(), found: false };
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 17, reader));
    deserializer.deserialize_map(Document(&mut state))?;
    deserializer.end()?;
    if !state.found {
        return Err(serde_json::Error::custom("no object `graph` with `nodes` and `edges`"));
    }
    Ok(state.counts)
}

struct State<'visitor, V> {
    visitor: &'visitor mut V,
    counts: Counts,
    found: bool,
}

struct Document<'state, 'visitor, V>(&'state mut State<'visitor, V>);

impl<'de, V: GraphVisitor> Visitor<'de> for Document<'_, '_, V> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an OpenGraph document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "graph" => {
                    self.0.found = true;
                    map.next_value_seed(Graph(self.0))?;
                }
                "metadata" => {
                    if let Value::Object(metadata) = map.next_value()? {
                        self.0.visitor.metadata(metadata);
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Graph<'state, 'visitor, V>(&'state mut State<'visitor, V>);

impl<'de, V: GraphVisitor> DeserializeSeed<'de> for Graph<'_, '_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, V: GraphVisitor> Visitor<'de> for Graph<'_, '_, V> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with `nodes` and `edges`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "nodes" => map.next_value_seed(Nodes(self.0))?,
                "edges" => map.next_value_seed(Edges(self.0))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Writes the two list readers, which differ in their records alone. An absent list may be null.
macro_rules! list_of {
    ($list:ident, $record:ident, $name:literal) => {
        struct $list<'state, 'visitor, V>(&'state mut State<'visitor, V>);

        impl<'de, V: GraphVisitor> DeserializeSeed<'de> for $list<'_, '_, V> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_any(self)
            }
        }

        impl<'de, V: GraphVisitor> Visitor<'de> for $list<'_, '_, V> {
            type Value = ();

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(concat!("a list of ", $name))
            }

            fn visit_unit<E>(self) -> Result<(), E> {
                Ok(())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
                let mut index = 0_u64;
                while let Some(result) = list.next_element_seed($record(&*self.0.visitor))? {
                    self.0.take(result, $name, index);
                    index += 1;
                }
                Ok(())
            }
        }
    };
}

list_of!(Nodes, NodeSeed, "nodes");
list_of!(Edges, EdgeSeed, "edges");

enum Record {
    Node(NodeRecord),
    Edge(EdgeRecord),
}

/// A record, or why it is none.
type Outcome = Result<Record, &'static str>;

impl<V: GraphVisitor> State<'_, V> {
    fn take(&mut self, outcome: Outcome, list: &str, index: u64) {
        match outcome {
            Ok(Record::Node(node)) => {
                self.counts.nodes += 1;
                self.visitor.node(node);
            }
            Ok(Record::Edge(edge)) => {
                self.counts.edges += 1;
                self.visitor.edge(edge);
            }
            Err(message) => {
                self.counts.rejected += 1;
                self.visitor.problem(format!("{list}[{index}]"), message);
            }
        }
    }
}

/// The methods of a visitor of objects that takes anything else for a record in error, not for an error of
/// the whole document.
macro_rules! otherwise {
    ($outcome:expr) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok($outcome)
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($outcome)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($outcome)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($outcome)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($outcome)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($outcome)
        }
    };
}

/// A seed that is its own visitor.
macro_rules! seed {
    ($name:ident $(<$life:lifetime, $generic:ident>)?, $value:ty) => {
        impl<'de $(, $generic: GraphVisitor)?> DeserializeSeed<'de> for $name $(<'_, $generic>)? {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<$value, D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    };
}

struct NodeSeed<'visitor, V>(&'visitor V);
seed!(NodeSeed<'visitor, V>, Outcome);

impl<'de, V: GraphVisitor> Visitor<'de> for NodeSeed<'_, V> {
    type Value = Outcome;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a node")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outcome, A::Error> {
        let mut node = NodeRecord::default();
        let mut has_id = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "id" => {
                    if let Some(id) = map.next_value_seed(Text)? {
                        node.id = id;
                        has_id = true;
                    }
                }
                "kinds" => node.kinds = map.next_value_seed(Texts)?,
                "properties" => {
                    node.properties =
                        map.next_value_seed(Properties(&|key| self.0.wants_node_property(key)))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(if has_id { Ok(Record::Node(node)) } else { Err("a node without a text `id`") })
    }

    fn visit_str<E>(self, _: &str) -> Result<Outcome, E> {
        Ok(Err("a node that is no object"))
    }

    otherwise!(Err("a node that is no object"));
}

struct EdgeSeed<'visitor, V>(&'visitor V);
seed!(EdgeSeed<'visitor, V>, Outcome);

impl<'de, V: GraphVisitor> Visitor<'de> for EdgeSeed<'_, V> {
    type Value = Outcome;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an edge")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outcome, A::Error> {
        let (mut kind, mut start, mut end, mut properties) = (None, None, None, Map::new());
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "kind" => kind = map.next_value_seed(Text)?,
                "start" => start = map.next_value_seed(EndpointSeed)?,
                "end" => end = map.next_value_seed(EndpointSeed)?,
                "properties" => {
                    properties = map.next_value_seed(Properties(&|key| self.0.wants_edge_property(key)))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(match (kind, start, end) {
            (Some(kind), Some(start), Some(end)) => {
                Ok(Record::Edge(EdgeRecord { kind, start, end, properties }))
            }
            (None, ..) => Err("an edge without a text `kind`"),
            (_, None, _) => Err("an edge whose `start` names no node"),
            (.., None) => Err("an edge whose `end` names no node"),
        })
    }

    fn visit_str<E>(self, _: &str) -> Result<Outcome, E> {
        Ok(Err("an edge that is no object"))
    }

    otherwise!(Err("an edge that is no object"));
}

/// A text; anything else counts as absent.
struct Text;
seed!(Text, Option<String>);

impl<'de> Visitor<'de> for Text {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<String>, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Option<String>, E> {
        Ok(Some(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    otherwise!(None);
}

/// A list of texts; what is no text is left out.
struct Texts;

impl<'de> DeserializeSeed<'de> for Texts {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Array(items) => items
                .into_iter()
                .filter_map(|item| if let Value::String(text) = item { Some(text) } else { None })
                .collect(),
            _ => Vec::new(),
        })
    }
}

/// The properties that are wanted; the values of the others are never built.
struct Properties<'wanted>(&'wanted dyn Fn(&str) -> bool);

impl<'de> DeserializeSeed<'de> for Properties<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Map<String, Value>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Properties<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("properties")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map<String, Value>, A::Error> {
        let mut properties = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if (self.0)(&key) {
                properties.insert(key, map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(properties)
    }

    fn visit_str<E>(self, _: &str) -> Result<Map<String, Value>, E> {
        Ok(Map::new())
    }

    otherwise!(Map::new());
}

struct EndpointSeed;
seed!(EndpointSeed, Option<Endpoint>);

impl<'de> Visitor<'de> for EndpointSeed {
    type Value = Option<Endpoint>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the end of an edge")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Endpoint>, A::Error> {
        let (mut value, mut match_by, mut kind, mut matchers) = (None, None, None, Value::Null);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "value" => value = map.next_value_seed(Text)?,
                "match_by" => match_by = map.next_value_seed(Text)?,
                "kind" => kind = map.next_value_seed(Text)?,
                "property_matchers" => matchers = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let match_by = match match_by.as_deref() {
            None | Some("id") => value.map(MatchBy::Id),
            Some("name") => value.map(MatchBy::Name),
            Some("property") => property_matchers(matchers).map(MatchBy::Properties),
            Some(_) => None,
        };
        Ok(match_by.map(|match_by| Endpoint { match_by, kind }))
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<Endpoint>, E> {
        Ok(None)
    }

    otherwise!(None);
}

/// The format knows one operator, `equals`, and plain values; `None` for anything else.
fn property_matchers(matchers: Value) -> Option<Vec<(String, Value)>> {
    let Value::Array(matchers) = matchers else { return None };
    let matchers: Option<Vec<(String, Value)>> = matchers
        .into_iter()
        .map(|mut matcher| {
            let key = matcher.get("key")?.as_str()?.to_owned();
            if matcher.get("operator").is_some_and(|operator| operator.as_str() != Some("equals")) {
                return None;
            }
            let value = matcher.get_mut("value")?.take();
            let plain = matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
            plain.then_some((key, value))
        })
        .collect();
    matchers.filter(|matchers| !matchers.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Collect {
        nodes: Vec<NodeRecord>,
        edges: Vec<EdgeRecord>,
        problems: Vec<String>,
        metadata: Map<String, Value>,
    }

    impl GraphVisitor for Collect {
        fn node(&mut self, node: NodeRecord) {
            self.nodes.push(node);
        }
        fn edge(&mut self, edge: EdgeRecord) {
            self.edges.push(edge);
        }
        fn problem(&mut self, at: String, message: &str) {
            self.problems.push(format!("{at}: {message}"));
        }
        fn metadata(&mut self, metadata: Map<String, Value>) {
            self.metadata = metadata;
        }
        fn wants_edge_property(&self, key: &str) -> bool {
            key == "likelihood"
        }
    }

    fn collect(text: &str) -> Result<(Counts, Collect), serde_json::Error> {
        let mut found = Collect::default();
        read(text.as_bytes(), &mut found).map(|counts| (counts, found))
    }

    #[test]
    fn every_way_to_name_an_end_is_read() {
        let (counts, found) = collect(
            r#"{"metadata": {"source_kind": "Test"}, "$schema": ["any"], "graph": {
                "edges": [
                    {"kind": "A", "start": {"value": "1"}, "end": {"value": "bob", "match_by": "name", "kind": "User"},
                     "properties": {"likelihood": 0.5, "noise": {"deep": [1, {"x": 2}]}}},
                    {"kind": "B", "start": {"match_by": "id", "value": "1"}, "properties": null, "end": {"match_by": "property",
                     "property_matchers": [{"key": "tier", "operator": "equals", "value": 0}]}}],
                "nodes": [{"id": "1", "kinds": ["User", "Base"], "properties": {"name": "ALICE"}}, {"id": "2"}]
            }}"#,
        )
        .unwrap();
        assert_eq!(counts, Counts { nodes: 2, edges: 2, rejected: 0 });
        assert_eq!(found.metadata["source_kind"], "Test");
        assert_eq!(found.nodes[0].kinds, ["User", "Base"]);
        assert_eq!(found.nodes[0].properties["name"], "ALICE");
        assert_eq!(found.edges[0].start, Endpoint { match_by: MatchBy::Id("1".into()), kind: None });
        let by_name = Endpoint { match_by: MatchBy::Name("bob".into()), kind: Some("User".into()) };
        assert_eq!(found.edges[0].end, by_name);
        assert_eq!(found.edges[0].properties.len(), 1);
        assert_eq!(found.edges[1].end.match_by, MatchBy::Properties(vec![("tier".into(), 0.into())]));
    }

    #[test]
    fn a_bad_record_is_reported_and_the_rest_is_read() {
        let (counts, found) = collect(
            r#"{"graph": {"nodes": [{"id": 7}, 3, null, "x", [1, [2]], {"id": "ok", "kinds": "no", "properties": [1]}],
                "edges": [{"kind": "K", "start": {"value": "ok"}, "end": {}},
                          {"kind": {}, "start": {"value": "ok"}, "end": {"value": "ok"}},
                          {"kind": "K", "start": {"value": "ok", "match_by": "sound"}, "end": {"value": "ok"}},
                          {"kind": "K", "start": 5, "end": {"value": "ok"}},
                          {"kind": "K", "start": {"value": "ok"}, "end": {"value": "ok"}}]}}"#,
        )
        .unwrap();
        assert_eq!(counts, Counts { nodes: 1, edges: 1, rejected: 9 });
        assert_eq!(found.problems[0], "nodes[0]: a node without a text `id`");
        assert_eq!(found.problems[5], "edges[0]: an edge whose `end` names no node");
    }

    #[test]
    fn lists_may_be_null_or_absent_but_the_graph_may_not() {
        assert_eq!(collect(r#"{"graph": {"nodes": null}}"#).unwrap().0, Counts::default());
        for text in
            ["", "[]", "{}", r#"{"graph": 1}"#, r#"{"graph": {}} x"#, r#"{"graph": {"nodes": [{"id": "1"}"#]
        {
            assert!(collect(text).is_err(), "{text}");
        }
        // Depth is no danger: what is not kept is skipped without recursion, what is kept is limited.
        let nested = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let skipped = format!(r#"{{"graph": {{"nodes": [{{"id": "1", "x": {nested}}}]}}}}"#);
        assert_eq!(collect(&skipped).unwrap().0.nodes, 1);
        let kept = format!(r#"{{"graph": {{"nodes": [{{"id": "1", "properties": {{"x": {nested}}}}}]}}}}"#);
        assert!(collect(&kept).is_err());
    }
}
