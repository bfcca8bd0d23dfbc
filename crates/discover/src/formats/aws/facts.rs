//! Collecting what one object says: assets with attributes, and relations.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartizan_model::{AssetObservation, Attributes, Observation, RelationKind, RelationObservation, Subject};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Observations in the making.
#[derive(Default)]
pub(super) struct Facts(Vec<Observation>);

impl Facts {
    /// Begins with an asset.
    pub(super) fn of(subject: &Arc<Subject>, name: impl Into<String>, notes: Notes) -> Self {
        let mut facts = Self::default();
        facts.asset(subject, Some(name.into()), notes);
        facts
    }

    pub(super) fn asset(&mut self, subject: &Arc<Subject>, name: Option<String>, notes: Notes) {
        self.0.push(Observation::Asset(AssetObservation {
            subject: Arc::clone(subject),
            name: name.filter(|name| !name.is_empty()),
            attributes: notes.0,
        }));
    }

    pub(super) fn relation(&mut self, kind: RelationKind, from: &Arc<Subject>, to: &Arc<Subject>) {
        self.relation_with(kind, from, to, Notes::default());
    }

    pub(super) fn relation_with(
        &mut self,
        kind: RelationKind,
        from: &Arc<Subject>,
        to: &Arc<Subject>,
        notes: Notes,
    ) {
        let (from, to) = (Arc::clone(from), Arc::clone(to));
        self.0.push(Observation::Relation(RelationObservation { kind, from, to, attributes: notes.0 }));
    }

    /// The cloud account contains it, where the account is known.
    pub(super) fn in_account(&mut self, account: Option<&str>, subject: &Arc<Subject>) {
        if let Some(account) = account {
            self.relation(RelationKind::CONTAINS, &super::cloud_account(account), subject);
        }
    }

    pub(super) fn into_observations(self) -> Vec<Observation> {
        self.0
    }
}

/// Attributes in the making. What AWS did not print is not set.
#[derive(Default)]
pub(super) struct Notes(Attributes);

impl Notes {
    pub(super) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    pub(super) fn maybe<V: Into<Value>>(self, key: &str, value: Option<V>) -> Self {
        match value.map(Into::into) {
            None | Some(Value::Null) => self,
            Some(Value::String(text)) if text.is_empty() => self,
            Some(value) => self.set(key, value),
        }
    }

    /// A list, left out when it is empty.
    pub(super) fn list<V: Into<Value>>(self, key: &str, values: impl IntoIterator<Item = V>) -> Self {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        if values.is_empty() { self } else { self.set(key, values) }
    }

    /// A time in any of the shapes in which it is printed, as RFC 3339; unreadable ones as they are.
    pub(super) fn time(self, key: &str, value: Option<&Value>) -> Self {
        let text = match value {
            Some(Value::String(text)) => {
                crate::time::parse(text).map_or_else(|| text.clone(), |time| time.to_string())
            }
            Some(Value::Number(number)) => match number.as_f64().and_then(crate::time::from_unix) {
                Some(time) => time.to_string(),
                None => return self,
            },
            _ => return self,
        };
        self.maybe(key, Some(text))
    }

    /// `tag.NAME` for every tag.
    pub(super) fn tags(mut self, tags: &[Tag]) -> Self {
        for tag in tags {
            self = self.set(&format!("tag.{}", tag.key), tag.value.as_str());
        }
        self
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Tag {
    #[serde(rename = "Key", alias = "TagKey")]
    pub key: String,
    #[serde(rename = "Value", alias = "TagValue", default, deserialize_with = "or_default")]
    pub value: String,
}

/// The value of the first tag with one of the names, whatever their case.
pub(super) fn tag<'t>(tags: &'t [Tag], names: &[&str]) -> Option<&'t str> {
    names.iter().find_map(|name| {
        tags.iter()
            .find(|tag| tag.key.eq_ignore_ascii_case(name))
            .map(|tag| tag.value.as_str())
            .filter(|value| !value.is_empty())
    })
}

/// Programs that dump what an SDK returned print `null` where the AWS CLI prints nothing.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A list that may be missing or null.
pub(super) struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Vec<T>>::deserialize(deserializer).map(|list| Self(list.unwrap_or_default()))
    }
}

impl<T> std::ops::Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

/// An attribute value made of members, without those that are null.
pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members: BTreeMap<String, Value> = members
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    Value::Object(members.into_iter().collect())
}
