//! Which node a record means: by id at once, by name or properties when all nodes are known.
//!
//! Numbers nodes in the order in which the files first speak of them, whether a record declares them or an
//! edge only mentions them. Knows nothing of what a node is used for.

use std::collections::hash_map::{DefaultHasher, HashMap};
use std::hash::{Hash, Hasher};

use serde_json::Value;

use crate::opengraph::{Endpoint, MatchBy, NodeRecord};

/// The nodes of one or several files.
pub(crate) struct NodeIndex {
    ids: HashMap<Box<str>, u32>,
    declared: Vec<bool>,
    /// Which set of kinds each node has; 0 is none.
    kinds: Vec<u32>,
    kind_sets: HashMap<Vec<String>, u32>,
    /// The sets in the order of their numbers; filled by [`NodeIndex::settle`].
    sets: Vec<Vec<String>>,
    /// Digest of (key, value) of every plain property, for edges that match by them.
    properties: Vec<(u64, u32)>,
}

impl NodeIndex {
    pub(crate) fn new() -> Self {
        Self {
            ids: HashMap::new(),
            declared: Vec::new(),
            kinds: Vec::new(),
            kind_sets: HashMap::from([(Vec::new(), 0)]),
            sets: Vec::new(),
            properties: Vec::new(),
        }
    }

    /// How many nodes are known.
    pub(crate) fn len(&self) -> usize {
        self.declared.len()
    }

    /// The node of this id, new if nobody spoke of it before.
    pub(crate) fn place(&mut self, id: &str) -> u32 {
        if let Some(&place) = self.ids.get(id) {
            return place;
        }
        let place = self.declared.len() as u32;
        self.declared.push(false);
        self.kinds.push(0);
        self.ids.insert(id.into(), place);
        place
    }

    /// Takes note of a node's record.
    pub(crate) fn declare(&mut self, node: &NodeRecord) -> u32 {
        let place = self.place(&node.id);
        for (key, value) in &node.properties {
            if matches!(value, Value::String(_) | Value::Bool(_) | Value::Number(_)) {
                self.properties.push((digest(key, value), place));
            }
        }
        let set = self.kind_sets.get(&node.kinds).copied().unwrap_or_else(|| {
            let next = self.kind_sets.len() as u32;
            self.kind_sets.insert(node.kinds.clone(), next);
            next
        });
        self.declared[place as usize] = true;
        let kinds = &mut self.kinds[place as usize];
        *kinds = (*kinds).max(set);
        place
    }

    /// The nodes that no record declares, in order.
    pub(crate) fn undeclared(&self) -> Vec<(u32, Box<str>)> {
        let mut undeclared: Vec<(u32, Box<str>)> = self
            .ids
            .iter()
            .filter(|&(_, &place)| !self.declared[place as usize])
            .map(|(id, &place)| (place, id.clone()))
            .collect();
        undeclared.sort_unstable();
        undeclared
    }

    /// Makes ready for [`NodeIndex::find`]; to be called when all nodes are declared.
    pub(crate) fn settle(&mut self) {
        self.properties.sort_unstable();
        self.properties.dedup();
        self.sets = vec![Vec::new(); self.kind_sets.len()];
        for (kinds, &set) in &self.kind_sets {
            self.sets[set as usize].clone_from(kinds);
        }
    }

    /// The one node that fits; `None` when there is none or more than one.
    pub(crate) fn find(&self, end: &Endpoint) -> Option<u32> {
        let has_kind = |place: u32| {
            end.kind.as_ref().is_none_or(|kind| self.sets[self.kinds[place as usize] as usize].contains(kind))
        };
        let matchers: Vec<u64> = match &end.match_by {
            MatchBy::Id(id) => return self.ids.get(id.as_str()).copied().filter(|&place| has_kind(place)),
            MatchBy::Name(name) => vec![digest("name", &Value::String(name.clone()))],
            MatchBy::Properties(matchers) => matchers.iter().map(|(key, value)| digest(key, value)).collect(),
        };
        let with = |wanted: u64| {
            let start = self.properties.partition_point(|&(digest, _)| digest < wanted);
            self.properties[start..]
                .iter()
                .take_while(move |&&(digest, _)| digest == wanted)
                .map(|&(_, place)| place)
        };
        let (first, others) = matchers.split_first()?;
        let mut fitting = with(*first).filter(|&place| {
            has_kind(place)
                && others.iter().all(|&digest| self.properties.binary_search(&(digest, place)).is_ok())
        });
        let found = fitting.next()?;
        fitting.next().is_none().then_some(found)
    }
}

/// A stable digest of a property. Names are compared without regard to case, as BloodHound stores them in
/// capitals.
fn digest(key: &str, value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    match value {
        Value::String(text) if key == "name" => text.to_uppercase().hash(&mut hasher),
        Value::String(text) => text.hash(&mut hasher),
        Value::Bool(value) => (1_u8, value).hash(&mut hasher),
        Value::Number(number) => (2_u8, number.as_f64().unwrap_or(0.0).to_bits()).hash(&mut hasher),
        _ => 3_u8.hash(&mut hasher),
    }
    hasher.finish()
}
