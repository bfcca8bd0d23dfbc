//! Answers held against the schemas of the description, closed: what a schema does not name may not be
//! served. It knows the keywords that the description uses and stops at any other, so that none is
//! passed over in silence.

use std::collections::BTreeSet;

use bartizan_model::{Digest, Timestamp};
use serde_json::{Map, Value};

use crate::support::Server;

const NOTES: [&str; 2] = ["description", "default"];

pub(crate) struct Description {
    paths: Value,
    components: Value,
}

impl Description {
    pub(crate) fn of(server: &Server) -> Self {
        let description = server.answer("/api/openapi.json");
        Self { paths: description["paths"].clone(), components: description["components"].clone() }
    }

    /// The schema of an operation's answer: a named one, or a list of a named one.
    pub(crate) fn answer(&self, method: &str, route: &str) -> &Value {
        let schema = &self.paths[route][method]["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(
            schema["$ref"].is_string() || schema["items"]["$ref"].is_string(),
            "{method} {route}: {schema}"
        );
        schema
    }

    pub(crate) fn problem(&self) -> &Value {
        &self.components["responses"]["Problem"]["content"]["application/problem+json"]["schema"]
    }

    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Map<String, Value> {
        let Some(name) = schema["$ref"].as_str() else { return schema.as_object().unwrap() };
        let name = name.strip_prefix("#/components/schemas/").unwrap();
        self.components["schemas"][name].as_object().unwrap_or_else(|| panic!("{name} is not described"))
    }

    /// What is wrong with a value, one line each.
    pub(crate) fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.check(schema, value, "", &mut faults);
        let named = self.named(schema);
        close(&named, value, "", &mut faults);
        faults
    }

    /// The properties that a schema names, also through the schemas that it is made of.
    fn named(&self, schema: &Value) -> BTreeSet<String> {
        let schema = self.resolve(schema);
        let own =
            schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned();
        let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        own.chain(parts.flat_map(|part| self.named(part))).collect()
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        for (keyword, said) in self.resolve(schema) {
            let holds = match keyword.as_str() {
                "type" => match said {
                    Value::Array(kinds) => kinds.iter().any(|kind| is_a(kind, value)),
                    kind => is_a(kind, value),
                },
                "format" => match said.as_str().unwrap() {
                    "date-time" => value.as_str().is_none_or(|text| text.parse::<Timestamp>().is_ok()),
                    "int32" => value.as_i64().is_none_or(|number| i32::try_from(number).is_ok()),
                    "int64" | "double" => true,
                    other => panic!("{at}: what is the format {other}?"),
                },
                "pattern" => {
                    assert_eq!(said, "^[0-9a-f]{32}$", "{at}: another pattern than a digest's");
                    let text = value.as_str().unwrap_or_default();
                    text.parse::<Digest>().is_ok_and(|digest| digest.to_string() == text)
                }
                "minimum" => value.as_f64().is_none_or(|number| number >= said.as_f64().unwrap()),
                "enum" => said.as_array().unwrap().contains(value),
                "required" => value.as_object().is_none_or(|fields| {
                    said.as_array().unwrap().iter().all(|name| fields.contains_key(name.as_str().unwrap()))
                }),
                "properties" => {
                    for (name, schema) in said.as_object().unwrap() {
                        if let Some(value) = value.get(name) {
                            let at = format!("{at}/{name}");
                            self.check(schema, value, &at, faults);
                            close(&self.named(schema), value, &at, faults);
                        }
                    }
                    true
                }
                "items" => {
                    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                        let at = format!("{at}/{number}");
                        self.check(said, item, &at, faults);
                        close(&self.named(said), item, &at, faults);
                    }
                    true
                }
                "allOf" => {
                    for part in said.as_array().unwrap() {
                        self.check(part, value, at, faults);
                    }
                    true
                }
                "oneOf" => {
                    let choices = said.as_array().unwrap().iter();
                    choices.filter(|choice| self.faults(choice, value).is_empty()).count() == 1
                }
                note if NOTES.contains(&note) => true,
                other => panic!("{at}: the keyword {other} is not known here"),
            };
            if !holds {
                faults.push(format!("{at}: {value} is not as {keyword} {said} says"));
            }
        }
    }
}

fn close(named: &BTreeSet<String>, value: &Value, at: &str, faults: &mut Vec<String>) {
    let fields = value.as_object().into_iter().flat_map(Map::keys);
    if !named.is_empty() {
        faults.extend(
            fields.filter(|name| !named.contains(*name)).map(|name| format!("{at}/{name}: not described")),
        );
    }
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("what is the type {other}?"),
    }
}
