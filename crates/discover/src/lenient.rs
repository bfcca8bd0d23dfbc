//! Fields that help but that no record should be lost for: a value of another shape than expected
//! reads as absent.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// For `#[serde(default, deserialize_with = "…")]`: `None` when the value is not a `T`.
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Value::deserialize(deserializer).map(|value| serde_json::from_value(value).ok())
}

/// Texts, given as a list or as one; what is not text is left out.
pub(crate) fn strings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => vec![text],
        Value::Array(values) => values
            .into_iter()
            .filter_map(|value| match value {
                Value::String(text) => Some(text),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    })
}

/// A text, or a number written as one.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Fields {
        #[serde(default, deserialize_with = "optional")]
        number: Option<u32>,
        #[serde(default, deserialize_with = "strings")]
        list: Vec<String>,
        #[serde(default, deserialize_with = "text")]
        name: Option<String>,
    }

    #[test]
    fn other_shapes_are_absent() {
        let read = |json| serde_json::from_str::<Fields>(json).unwrap();
        let fields = read(r#"{"number": "x", "list": "one", "name": 7}"#);
        assert_eq!(
            (fields.number, fields.list, fields.name),
            (None, vec!["one".to_owned()], Some("7".to_owned()))
        );
        let fields = read(r#"{"number": 4, "list": ["a", 1, null], "name": null}"#);
        assert_eq!((fields.number, fields.list, fields.name), (Some(4), vec!["a".to_owned()], None));
        let fields = read("{}");
        assert!(fields.number.is_none() && fields.list.is_empty());
    }
}
