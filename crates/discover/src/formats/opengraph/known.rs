//! The nodes of a file, and how edges find them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bartizan_model::{AssetKind, Attributes, Identifier, Scheme, Subject};
use serde_json::Value;

use super::words::{identifier, kind_of};
use super::{End, MatchBy};

/// How much text of properties is kept for edges that match by them. A larger file still reads; its
/// edges by property then find only the nodes before this much, and say so.
const PROPERTY_BYTES: usize = 64 << 20;

pub(super) struct Node<'a> {
    pub subject: Arc<Subject>,
    pub name: Option<String>,
    /// As JSON text.
    pub properties: &'a str,
}

struct Entry {
    subject: Arc<Subject>,
    name: Option<Box<str>>,
    kinds: Arc<[String]>,
    properties: Option<Box<str>>,
}

/// Nodes in the order of the file. The map is asked, never listed, so its order does not matter.
#[derive(Default)]
pub(super) struct Known {
    by_id: HashMap<Box<str>, u32>,
    entries: Vec<Entry>,
    kinds: BTreeSet<Arc<[String]>>,
    property_bytes: usize,
}

/// BloodHound compares ids and names without case.
fn folded(text: &str) -> Box<str> {
    text.to_uppercase().into_boxed_str()
}

impl Known {
    pub(super) fn add(&mut self, id: &str, kinds: &[String], node: Node<'_>) {
        let kinds = self.shared(kinds);
        self.property_bytes = self.property_bytes.saturating_add(node.properties.len());
        let properties = (self.property_bytes <= PROPERTY_BYTES).then(|| node.properties.into());
        let name = node.name.map(String::into_boxed_str);
        self.by_id.insert(folded(id), self.entries.len() as u32);
        self.entries.push(Entry { subject: node.subject, name, kinds, properties });
    }

    /// Files have few sets of kinds and many nodes.
    fn shared(&mut self, kinds: &[String]) -> Arc<[String]> {
        if let Some(kinds) = self.kinds.get(kinds) {
            return Arc::clone(kinds);
        }
        let kinds: Arc<[String]> = kinds.into();
        self.kinds.insert(Arc::clone(&kinds));
        kinds
    }

    fn by_id(&self, id: &str) -> Option<&Entry> {
        self.entries.get(*self.by_id.get(&folded(id))? as usize)
    }

    /// The node of an end that can be told before the file ends: one named by an id that has passed.
    pub(super) fn at_once(&self, end: &End) -> Option<Arc<Subject>> {
        match &end.by {
            MatchBy::Id(id) => self.by_id(id).map(|entry| Arc::clone(&entry.subject)),
            MatchBy::Name(_) | MatchBy::Properties(_) => None,
        }
    }

    /// Prepares for the ends that were not found at once.
    pub(super) fn index<'e>(&self, ends: impl Iterator<Item = &'e End>) -> Index<'_> {
        let mut index = Index { known: self, by_name: None, by_property: BTreeMap::new() };
        for end in ends {
            match &end.by {
                MatchBy::Id(_) => {}
                MatchBy::Name(_) => {
                    index.by_name.get_or_insert_default();
                }
                MatchBy::Properties(matchers) => {
                    for (key, _) in matchers {
                        index.by_property.entry(key.clone()).or_default();
                    }
                }
            }
        }
        index.fill();
        index
    }
}

/// Nodes by name and by the properties that edges ask for.
pub(super) struct Index<'k> {
    known: &'k Known,
    by_name: Option<HashMap<Box<str>, Vec<u32>>>,
    by_property: BTreeMap<String, HashMap<String, Vec<u32>>>,
}

impl Index<'_> {
    fn fill(&mut self) {
        for (number, entry) in (0..).zip(&self.known.entries) {
            if let (Some(by_name), Some(name)) = (&mut self.by_name, &entry.name) {
                by_name.entry(folded(name)).or_default().push(number);
            }
            if self.by_property.is_empty() {
                continue;
            }
            let properties = entry.properties.as_deref().unwrap_or("null");
            let Ok(Some(properties)) = serde_json::from_str::<Option<Attributes>>(properties) else {
                continue;
            };
            for (key, values) in &mut self.by_property {
                if let Some(value) = properties.get(key) {
                    values.entry(comparable(key, value)).or_default().push(number);
                }
            }
        }
    }

    /// The node that an end means, or by what it is known outside of the file. `fallback` is the kind
    /// that the edge's kind tells.
    pub(super) fn find(&self, end: &End, fallback: Option<AssetKind>) -> Result<Arc<Subject>, String> {
        let kind = end.kind.as_ref().map(|kind| kind_of(std::slice::from_ref(kind))).or(fallback);
        let kind = kind.unwrap_or(AssetKind::CloudResource);
        match &end.by {
            MatchBy::Id(id) => Ok(match self.known.by_id(id) {
                Some(entry) => Arc::clone(&entry.subject),
                // A node may lie in another file: its id is enough to know it again.
                None => Arc::new(Subject::new(kind, [identifier(id)])),
            }),
            MatchBy::Name(name) => {
                let named = self.by_name.as_ref().and_then(|names| names.get(&folded(name)));
                let found = self.of_kind(named.map(Vec::as_slice).unwrap_or_default(), end);
                self.single(&found, || Some(Subject::new(kind, [by_name(kind, name)])))
            }
            MatchBy::Properties(matchers) => {
                let mut common: Option<BTreeSet<u32>> = None;
                for (key, value) in matchers {
                    let having =
                        self.by_property.get(key).and_then(|values| values.get(&comparable(key, value)));
                    let having: BTreeSet<u32> = having.into_iter().flatten().copied().collect();
                    common = Some(match common {
                        Some(common) => common.intersection(&having).copied().collect(),
                        None => having,
                    });
                }
                let common: Vec<u32> = common.into_iter().flatten().collect();
                self.single(&self.of_kind(&common, end), || elsewhere(kind, matchers))
            }
        }
    }

    fn of_kind(&self, numbers: &[u32], end: &End) -> Vec<&Arc<Subject>> {
        numbers
            .iter()
            .filter_map(|number| self.known.entries.get(*number as usize))
            .filter(|entry| end.kind.as_ref().is_none_or(|kind| entry.kinds.contains(kind)))
            .map(|entry| &entry.subject)
            .collect()
    }

    fn single(
        &self,
        found: &[&Arc<Subject>],
        elsewhere: impl FnOnce() -> Option<Subject>,
    ) -> Result<Arc<Subject>, String> {
        match found {
            [subject] => Ok(Arc::clone(subject)),
            [] => elsewhere().map(Arc::new).ok_or_else(|| {
                if self.known.property_bytes > PROPERTY_BYTES {
                    "no node among those whose properties were kept matches".to_owned()
                } else {
                    "no node matches".to_owned()
                }
            }),
            several => Err(format!("{} nodes match", several.len())),
        }
    }
}

/// By the properties that name a node in other files, too.
fn elsewhere(kind: AssetKind, matchers: &[(String, Value)]) -> Option<Subject> {
    let value =
        |name: &str| matchers.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.as_str());
    let identifier = match (value("objectid"), value("name")) {
        (Some(id), _) => identifier(id),
        (None, Some(name)) => by_name(kind, name),
        (None, None) => return None,
    };
    Some(Subject::new(kind, [identifier]))
}

/// Names as [`super::words::subject`] gives them, so that the node is found when it comes in another file.
fn by_name(kind: AssetKind, name: &str) -> Identifier {
    let scheme = if kind == AssetKind::Host && name.contains('.') && !name.contains('@') {
        Scheme::Fqdn
    } else if name.contains('@') {
        Scheme::DomainName
    } else {
        Scheme::Name
    };
    Identifier::new(scheme, name)
}

/// A value as it is compared: ids and names without case, the rest exactly.
fn comparable(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if matches!(key, "name" | "objectid") => folded(text).into_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
