//! An asset as selectors see it: the variables of an expression, borrowed from the asset and
//! resolved only when an expression asks for them.
//!
//! What is missing is empty rather than an error: a scheme of which the asset has no identifier is
//! the empty list, a tag that it has not is the empty text, an attribute that it has not is `null`.

use std::fmt;
use std::sync::OnceLock;

use bartizan_model::estate::Asset;
use bartizan_model::{AssetKind, Attributes, Identifier, Scheme};
use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator as Lending, Sizer};
use cel::common::types::{self, CelBool, CelDouble, CelInt, CelList, CelNull, CelString, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use serde_json::Value;

use crate::zone::{self, Zone};

/// What a selector may know of an asset.
#[derive(Clone, Copy, Debug)]
pub struct AssetView<'a> {
    pub kind: AssetKind,
    /// The name that people see; may be empty.
    pub name: &'a str,
    pub identifiers: &'a [Identifier],
    /// Properties; tags and labels stand under `tags`, as an object, as a list of `{key, value}`
    /// or as a list of `key=value`.
    pub attributes: &'a Attributes,
    /// The owner that the asset itself names (tag, CODEOWNERS), if any.
    pub owner: Option<&'a str>,
}

impl<'a> From<&'a Asset> for AssetView<'a> {
    /// The asset as it stands in the estate. Its own word for its owner is the property `owner`, else
    /// the tag of that name.
    fn from(asset: &'a Asset) -> Self {
        let tags = asset.attributes.get("tags").and_then(Value::as_object);
        let tag = || tags?.iter().find(|(key, _)| key.eq_ignore_ascii_case("owner")).map(|(_, value)| value);
        let owner = asset.attributes.get("owner").or_else(tag).and_then(Value::as_str);
        Self {
            kind: asset.kind,
            name: &asset.name,
            identifiers: &asset.identifiers,
            attributes: &asset.attributes,
            owner: owner.map(str::trim).filter(|owner| !owner.is_empty()),
        }
    }
}

/// The variables of an expression.
pub(crate) const VARIABLES: [&str; 8] =
    ["kind", "name", "identifiers", "ids", "attributes", "tags", "owner", "zones"];

/// An asset made ready for any number of selectors.
pub(crate) struct Variables<'a> {
    view: AssetView<'a>,
    zones: &'a [Zone],
    kind: CelString<'a>,
    name: CelString<'a>,
    owner: CelString<'a>,
    identifiers: IdentifierMap<'a>,
    attributes: AttributeMap<'a>,
    tags: TagMap<'a>,
    ids: OnceLock<Names<'a>>,
    zone_names: OnceLock<Names<'a>>,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(view: AssetView<'a>, zones: &'a [Zone]) -> Self {
        Self {
            view,
            zones,
            kind: CelString::from(view.kind.as_str()),
            name: CelString::from(view.name),
            owner: CelString::from(view.owner.unwrap_or_default()),
            identifiers: IdentifierMap(view.identifiers),
            attributes: AttributeMap::Top(view.attributes),
            tags: TagMap(view.attributes.get("tags")),
            ids: OnceLock::new(),
            zone_names: OnceLock::new(),
        }
    }
}

impl Variables<'_> {
    /// The owner that the asset itself names; may be empty.
    pub(crate) fn owner(&self) -> &str {
        self.owner.inner()
    }
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value: &(dyn Val + 'b) = match variable {
            "kind" => &self.kind,
            "name" => &self.name,
            "owner" => &self.owner,
            "identifiers" => &self.identifiers,
            "attributes" => &self.attributes,
            "tags" => &self.tags,
            "ids" => self.ids.get_or_init(|| {
                Names(self.view.identifiers.iter().map(|id| CelString::from(id.to_string())).collect())
            }),
            "zones" => self.zone_names.get_or_init(|| {
                let addresses = self.view.identifiers.iter().filter(|id| id.scheme() == Scheme::Ip);
                let mut names: Vec<CelString> = addresses
                    .filter_map(|id| zone::of_identifier(self.zones, id.value()))
                    .map(|zone| CelString::from(zone.name.as_str()))
                    .collect();
                names.sort_unstable();
                names.dedup();
                Names(names)
            }),
            _ => return None,
        };
        Some(CowVal::Borrowed(value))
    }
}

/// A list of texts, of type `list`.
#[derive(Clone)]
pub(crate) struct Names<'a>(Vec<CelString<'a>>);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(CelString::inner)).finish()
    }
}

impl Val for Names<'_> {
    fn get_type(&self) -> &Type {
        &types::LIST_TYPE
    }
    fn cel_type() -> &'static Type {
        &types::LIST_TYPE
    }
    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }
    fn equals(&self, other: &dyn Val) -> bool {
        let Some(other) = other.as_iterable() else { return false };
        let mut others = other.iter();
        let mut own = self.0.iter();
        loop {
            match (own.next(), others.next()) {
                (None, None) => return true,
                (Some(left), Some(right)) if left.equals(right) => {}
                _ => return false,
            }
        }
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Container for Names<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.iter().any(|name| name.equals(value)))
    }
}

impl Indexer for Names<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let position = index.downcast_ref::<CelInt>().and_then(|index| usize::try_from(*index.inner()).ok());
        // Past the end is the empty text, as a missing tag is.
        Ok(position
            .and_then(|position| self.0.get(position))
            .map_or_else(|| CowVal::owned(CelString::from("")), |name| CowVal::Borrowed(name)))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Iterable for Names<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Lending<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(NamesIterator(self.0.iter()))
    }
}

struct NamesIterator<'b, 'a>(std::slice::Iter<'b, CelString<'a>>);

impl<'b, 'v, 'a: 'v> Lending<'b, 'v> for NamesIterator<'b, 'a> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|name| name as &(dyn Val + 'v))
    }
}

impl Sizer for Names<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(self.0.len() as i64)
    }
}

/// The text of an index, if it is text.
fn key_text(key: &dyn Val) -> Result<&str, ExecutionError> {
    key.downcast_ref::<CelString>().map(CelString::inner).ok_or_else(|| ExecutionError::UnexpectedType {
        got: key.get_type().name().to_owned(),
        want: "string".to_owned(),
    })
}

/// Writes the parts of `Val` and its friends that the three maps share.
macro_rules! map_value {
    ($name:ident, $has:expr, $get:expr) => {
        impl Val for $name<'_> {
            fn get_type(&self) -> &Type {
                &types::MAP_TYPE
            }
            fn cel_type() -> &'static Type {
                &types::MAP_TYPE
            }
            fn as_container(&self) -> Option<&dyn Container> {
                Some(self)
            }
            fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
            where
                Self: 'v,
            {
                Some(self)
            }
            fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
            where
                Self: 'v,
            {
                Box::new(self.clone())
            }
        }

        impl Container for $name<'_> {
            fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
                let has: fn(&Self, &str) -> bool = $has;
                Ok(has(self, key_text(key)?))
            }
        }

        impl Indexer for $name<'_> {
            fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
            where
                Self: 'v,
            {
                Ok($get(self, key_text(key)?))
            }

            fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
            where
                Self: 'v,
            {
                self.get(key).map(CowVal::into_owned)
            }
        }
    };
}

/// `identifiers`: scheme to values.
#[derive(Clone, Debug)]
struct IdentifierMap<'a>(&'a [Identifier]);

impl<'a> IdentifierMap<'a> {
    fn values<'b, 'v>(&self, scheme: &str) -> CowVal<'b, 'v>
    where
        'a: 'v,
    {
        let of_scheme = self.0.iter().filter(|id| id.scheme().as_str() == scheme);
        CowVal::owned(Names::<'a>(of_scheme.map(|id| CelString::from(id.value())).collect()))
    }
}

map_value!(
    IdentifierMap,
    |map, scheme| map.0.iter().any(|id| id.scheme().as_str() == scheme),
    IdentifierMap::values
);

/// `tags`: key to text.
#[derive(Clone, Debug)]
struct TagMap<'a>(Option<&'a Value>);

impl<'a> TagMap<'a> {
    fn find(&self, key: &str) -> Option<CelString<'a>> {
        match self.0? {
            Value::Object(map) => map.get(key).map(tag_text),
            Value::Array(items) => items.iter().find_map(|item| match item {
                Value::String(text) => match text.split_once(['=', ':']) {
                    Some((name, value)) => (name == key).then(|| CelString::from(value)),
                    None => (text == key).then(|| CelString::from("")),
                },
                Value::Object(pair) => {
                    let name = pair.get("key").or_else(|| pair.get("Key"))?.as_str()?;
                    let value = pair.get("value").or_else(|| pair.get("Value"));
                    (name == key).then(|| value.map_or_else(|| CelString::from(""), tag_text))
                }
                _ => None,
            }),
            _ => None,
        }
    }

    fn value<'b, 'v>(&self, key: &str) -> CowVal<'b, 'v>
    where
        'a: 'v,
    {
        CowVal::owned(self.find(key).unwrap_or_default())
    }
}

map_value!(TagMap, |map, key| map.find(key).is_some(), TagMap::value);

fn tag_text(value: &Value) -> CelString<'_> {
    match value {
        Value::String(text) => CelString::from(text.as_str()),
        Value::Null => CelString::from(""),
        other => CelString::from(other.to_string()),
    }
}

/// `attributes`, and every object inside it.
#[derive(Clone, Debug)]
enum AttributeMap<'a> {
    Top(&'a Attributes),
    Inner(&'a serde_json::Map<String, Value>),
}

impl<'a> AttributeMap<'a> {
    fn find(&self, key: &str) -> Option<&'a Value> {
        match self {
            Self::Top(map) => map.get(key),
            Self::Inner(map) => map.get(key),
        }
    }

    fn value<'b, 'v>(&self, key: &str) -> CowVal<'b, 'v>
    where
        'a: 'v,
    {
        CowVal::Owned(self.find(key).map_or_else(|| Box::new(CelNull) as Box<dyn Val + 'v>, json))
    }
}

map_value!(AttributeMap, |map, key| map.find(key).is_some(), AttributeMap::value);

/// A JSON value as CEL sees it. Objects stay where they are and are looked into on demand;
/// serde_json bounds how deep arrays nest.
fn json<'v>(value: &'v Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Box::new(CelInt::from(number)),
            None => Box::new(CelDouble::from(number.as_f64().unwrap_or_default())),
        },
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(json).collect::<Vec<_>>())),
        Value::Object(map) => Box::new(AttributeMap::Inner(map)),
    }
}
