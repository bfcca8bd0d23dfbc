//! The JSON Schema, for editors, says what the readers take: the same fields, required alike.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;

use bartizan_scope::Scope;
use serde_json::Value;

/// A mapping in the schema, and a scope file with an unknown field in such a mapping. The word is
/// near to no field, so the mistake lists the fields that are known.
const MAPPINGS: [(&str, &str); 14] = [
    ("", "zzzzzzzz: 1"),
    ("/properties/services/items", "services: [{zzzzzzzz: 1}]"),
    ("/properties/crown_jewels/items", "crown_jewels: [{zzzzzzzz: 1}]"),
    ("/properties/entries/items", "entries: [{zzzzzzzz: 1}]"),
    ("/properties/in/items", "in: [{zzzzzzzz: 1}]"),
    ("/properties/out/items", "out: [{zzzzzzzz: 1}]"),
    ("/properties/owners/items", "owners: [{zzzzzzzz: 1}]"),
    ("/properties/zones/items", "zones: [{zzzzzzzz: 1}]"),
    ("/properties/sources/items", "sources: [{zzzzzzzz: 1}]"),
    ("/properties/validation/items", "validation: [{zzzzzzzz: 1}]"),
    ("/properties/validation/items/properties/weekly", "validation: [{weekly: {zzzzzzzz: 1}}]"),
    ("/properties/freshness/properties/selectors/items", "freshness: {selectors: [{zzzzzzzz: 1}]}"),
    ("/properties/deadlines", "deadlines: {zzzzzzzz: 1}"),
    ("/properties/deadlines/properties/rules/items", "deadlines: {rules: [{zzzzzzzz: 1}]}"),
];

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/bartizan.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_schema_has_the_fields_of_the_readers() {
    let schema = schema();
    for (pointer, text) in MAPPINGS {
        let mapping = schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"));
        let mistakes = Scope::load("s.yaml", &|_| Ok(text.to_owned())).unwrap_err();
        let unknown = mistakes.iter().find(|mistake| mistake.field.ends_with("zzzzzzzz")).unwrap();
        let known: BTreeSet<&str> = unknown.message.split_once("known are ").unwrap().1.split(", ").collect();
        let stated: BTreeSet<&str> =
            mapping["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(stated, known, "{pointer}");
        let missing: BTreeSet<&str> = mistakes
            .iter()
            .filter(|mistake| mistake.message.starts_with("is missing"))
            .map(|mistake| mistake.field.rsplit('.').next().unwrap())
            .collect();
        let empty = Vec::new();
        let required: BTreeSet<&str> = mapping["required"]
            .as_array()
            .unwrap_or(&empty)
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        // A window needs an end, but may have it in two fields, which the schema leaves open; and
        // the outer window of `weekly` misses its own.
        let open: BTreeSet<&str> = BTreeSet::from(["to"]);
        if pointer.ends_with("weekly") {
            assert!(required.is_subset(&missing), "{pointer}");
        } else {
            assert_eq!(required, missing.difference(&open).copied().collect(), "{pointer}");
        }
    }
}

/// Kinds of assets and of fixes are listed in the schema; each is one that the readers take.
#[test]
fn the_schema_has_the_words_of_the_model() {
    let schema = schema();
    let properties = |pointer: &str| schema.pointer(pointer).unwrap().as_object().unwrap().clone();
    for (section, value) in [("freshness", "1d"), ("fix_costs", "1")] {
        for name in properties(&format!("/properties/{section}/properties")).keys() {
            if name == "selectors" {
                continue;
            }
            let text = format!("{section}: {{{name}: {value}}}");
            assert!(Scope::load("s.yaml", &|_| Ok(text.clone())).is_ok(), "{text}");
        }
    }
    let freshness = properties("/properties/freshness/properties");
    for kind in bartizan_model::AssetKind::ALL {
        assert!(freshness.contains_key(kind.as_str()), "{kind}");
    }
}
