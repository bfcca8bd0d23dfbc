//! The resource changes of a plan, as Terraform writes them.

use serde_json::Value;

/// A planned change of one resource.
#[derive(Debug)]
pub(super) struct Change<'p> {
    pub(super) address: &'p str,
    pub(super) kind: &'p str,
    pub(super) actions: Vec<&'p str>,
    pub(super) before: &'p Value,
    pub(super) after: &'p Value,
    unknown: &'p Value,
}

const NULL: &Value = &Value::Null;

/// Reads the changes of a plan; the error says what is wrong with the document.
pub(super) fn read(document: &Value) -> Result<Vec<Change<'_>>, String> {
    if document.get("format_version").and_then(Value::as_str).is_none() {
        return Err("it has no format_version".to_owned());
    }
    let list = match document.get("resource_changes") {
        Some(Value::Array(list)) => list,
        // A plan without changes leaves the list out; a state has none, either.
        None if document.get("planned_values").is_some() => return Ok(Vec::new()),
        _ => return Err("it has no list resource_changes".to_owned()),
    };
    list.iter().enumerate().map(|(number, item)| one(number, item)).collect()
}

/// Changes that Terraform puts off to a later plan, with its reason.
pub(super) fn deferred(document: &Value) -> Vec<(String, String)> {
    let list = document.get("deferred_changes").and_then(Value::as_array);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("unknown").to_owned();
    let one = |item: &Value| (text(item.pointer("/resource_change/address")), text(item.get("reason")));
    list.into_iter().flatten().map(one).collect()
}

fn one(number: usize, item: &Value) -> Result<Change<'_>, String> {
    let text = |name: &str| {
        let value = item.get(name).and_then(Value::as_str);
        value.ok_or_else(|| format!("resource_changes[{number}] has no {name}"))
    };
    let (address, kind) = (text("address")?, text("type")?);
    let change = item.get("change").ok_or_else(|| format!("resource_changes[{number}] has no change"))?;
    let actions = change.get("actions").and_then(Value::as_array);
    let actions: Vec<&str> = actions
        .ok_or_else(|| format!("resource_changes[{number}].change has no actions"))?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let field = |name: &str| change.get(name).unwrap_or(NULL);
    Ok(Change {
        address,
        kind,
        actions,
        before: field("before"),
        after: field("after"),
        unknown: field("after_unknown"),
    })
}

impl<'p> Change<'p> {
    /// Nothing changes.
    pub(super) fn is_idle(&self) -> bool {
        self.actions.iter().all(|action| ["no-op", "read", "forget"].contains(action))
    }

    /// Nothing is left of it.
    pub(super) fn is_removed(&self) -> bool {
        self.after.is_null() && self.actions.contains(&"delete")
    }

    /// A field of the state after, where Terraform knows it.
    pub(super) fn after(&self, name: &str) -> &'p Value {
        self.after.get(name).unwrap_or(NULL)
    }

    pub(super) fn before(&self, name: &str) -> &'p Value {
        self.before.get(name).unwrap_or(NULL)
    }

    /// A text of the state after, or of the one before where nothing is left or it is not known yet.
    pub(super) fn text(&self, name: &str) -> Option<&'p str> {
        let known = |value: &'p Value| value.as_str().filter(|text| !text.is_empty());
        known(self.after(name)).or_else(|| known(self.before(name)))
    }

    /// Whether Terraform knows a field, or a part of it, only after it has run.
    pub(super) fn is_unknown(&self, name: &str) -> bool {
        let mut stack: Vec<&Value> = self.unknown.get(name).into_iter().collect();
        while let Some(value) = stack.pop() {
            match value {
                Value::Bool(true) => return true,
                Value::Array(items) => stack.extend(items),
                Value::Object(fields) => stack.extend(fields.values()),
                _ => {}
            }
        }
        false
    }

    pub(super) fn differs(&self, name: &str) -> bool {
        self.before(name) != self.after(name)
    }
}

/// The texts of a list.
pub(super) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A policy document: JSON in a text, or as it is.
pub(super) fn document(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Object(_) => Some(value.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn states_and_what_is_unknown_are_told_apart() {
        let plan = json!({"format_version": "1.2", "resource_changes": [
            {"address": "a.b[0]", "type": "a", "change": {"actions": ["delete", "create"],
                "before": {"id": "i-1", "same": 1}, "after": {"same": 1, "name": ""},
                "after_unknown": {"id": true, "tags": {}, "list": [{"x": false}, {"x": true}]}}},
            {"address": "c.d", "type": "c", "change": {"actions": ["delete"], "before": {}, "after": null}},
            {"address": "e.f", "type": "e", "change": {"actions": ["no-op"]}},
        ]});
        let changes = read(&plan).unwrap();
        let [replaced, removed, idle] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!((replaced.text("id"), replaced.text("name")), (Some("i-1"), None));
        assert!(replaced.is_unknown("id") && replaced.is_unknown("list") && !replaced.is_unknown("tags"));
        assert!(replaced.differs("id") && !replaced.differs("same") && !replaced.is_removed());
        assert!(removed.is_removed() && !removed.is_idle() && idle.is_idle());
    }

    #[test]
    fn what_is_put_off_is_told() {
        let later = json!([{"reason": "provider_config_unknown", "resource_change": {"address": "a.b"}}, 3]);
        let plan = json!({"format_version": "1.2", "deferred_changes": later});
        let unknown = || "unknown".to_owned();
        let first = ("a.b".to_owned(), "provider_config_unknown".to_owned());
        assert_eq!(deferred(&plan), [first, (unknown(), unknown())]);
        assert!(read(&json!({"format_version": "1.2", "values": {}})).is_err());
        assert!(read(&json!({"format_version": "1.2", "planned_values": {}})).unwrap().is_empty());
    }
}
