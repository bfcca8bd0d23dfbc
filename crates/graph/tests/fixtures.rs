//! Our own rule graphs and one small directory, with answers worked out by hand (see `why` in each).

#![expect(clippy::unwrap_used, reason = "a test may stop at a broken fixture")]

use std::path::PathBuf;

use bartizan_graph::answer::{GraphFiles, GraphQuestion};
use bartizan_graph::engine::{Effort, Worlds};
use bartizan_graph::{rulegraph_answer, rulegraph_json};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/rulegraphs")
}

fn sorted(names: &[String]) -> Value {
    let mut names = names.to_vec();
    names.sort();
    json!(names)
}

fn near(found: f64, expected: &Value) -> bool {
    (found - expected.as_f64().unwrap()).abs() < 1e-12
}

fn check_fixes(found: &rulegraph_answer::MinFixAnswer, expected: &Value, at: &str) {
    match found.cost {
        None => assert!(expected["cost"].is_null(), "{at}"),
        Some(cost) => {
            assert!(near(cost, &expected["cost"]) && found.optimal && found.certificate, "{at}");
            assert_eq!(sorted(&found.fixes), expected["fixes"], "{at}");
        }
    }
}

#[test]
fn rule_graphs_have_the_answers_worked_out_by_hand() {
    for name in ["stolen-badge", "one-patch-many-hosts", "free-and-hopeless"] {
        let named = rulegraph_json::read(std::fs::File::open(folder().join(format!("{name}.json"))).unwrap())
            .unwrap();
        let expected = std::fs::read(folder().join(format!("{name}.expected.json"))).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let answer = rulegraph_answer::answer(&named, Worlds::default(), Effort::default()).unwrap();
        let targets = expected["targets"].as_object().unwrap();
        assert_eq!(answer.targets.len(), targets.len());
        for (target, expected) in targets {
            let at = format!("{name}/{target}");
            let found = &answer.targets[target];
            assert_eq!(json!(found.reachable), expected["reachable"], "{at}");
            assert!(
                near(found.best_proof.likelihood, &expected["likelihood"]) && found.best_proof.exact,
                "{at}"
            );
            if !expected["rules"].is_null() {
                assert_eq!(sorted(&found.best_proof.rules), expected["rules"], "{at}");
            }
            assert!(near(found.probability.value, &expected["probability"]), "{at}");
            assert_eq!(json!(found.k_zero_day.as_ref().map(|found| found.k)), expected["k"], "{at}");
            if let Some(zero_day) = &found.k_zero_day {
                assert_eq!(sorted(&zero_day.products), expected["products"], "{at}");
            }
            check_fixes(&found.min_fix, expected, &at);
        }
        assert!(near(answer.all_targets.probability.value, &expected["all"]["probability"]), "{name}");
        check_fixes(&answer.all_targets.min_fix, &expected["all"], name);
        // The same input gives the same bytes.
        let again = rulegraph_answer::answer(&named, Worlds::default(), Effort::default()).unwrap();
        assert_eq!(serde_json::to_string(&answer).unwrap(), serde_json::to_string(&again).unwrap());
    }
}

fn ask(documents: &[Value], from: &str, to: &str) -> Value {
    let question = GraphQuestion {
        from: from.to_owned(),
        to: to.to_owned(),
        ignore: vec!["TrustedBy".to_owned()],
        worlds: Worlds { count: 64_000, seed: 2 },
    };
    let mut ticks = 0.0;
    let mut files = GraphFiles::new(&question, || {
        ticks += 1.0;
        ticks
    })
    .unwrap();
    for document in documents {
        files.read(document.to_string().as_bytes()).unwrap();
    }
    serde_json::to_value(files.answer().unwrap()).unwrap()
}

#[test]
fn graph_files_are_joined_and_ends_are_found_however_they_are_named() {
    let edge = |kind: &str, start: Value, end: Value| json!({"kind": kind, "start": start, "end": end});
    let id = |value: &str| json!({"value": value});
    // The edges come first, in a file of their own.
    let edges = json!({"graph": {"edges": [
        edge("MemberOf", id("u1"), json!({"match_by": "name", "value": "helpdesk@corp", "kind": "Group"})),
        edge("AdminTo", json!({"match_by": "name", "value": "HELPDESK@CORP"}), id("c1")),
        {"kind": "HasSession", "start": {"value": "c1"}, "end": {"value": "u2"}, "properties": {"likelihood": 0.5}},
        {"kind": "HasSession", "start": {"value": "c1"}, "end": {"value": "u2"}, "properties": {"p": 0.25}},
        edge("MemberOf", id("u2"), json!({"match_by": "property", "property_matchers": [
            {"key": "tier", "operator": "equals", "value": 0}, {"key": "city", "operator": "equals", "value": "Bern"}]})),
        edge("TrustedBy", id("u3"), id("g2")),
        edge("MemberOf", id("u3"), json!({"match_by": "name", "value": "nobody"})),
        edge("MemberOf", id("u3"), json!({"match_by": "name", "value": "twin"})),
        edge("MemberOf", id("u3"), json!({"match_by": "id", "value": "c1", "kind": "Group"})),
        edge("Knows", id("u3"), id("ghost")),
        edge("Knows", id("u1"), id("u1")),
        5
    ]}});
    let nodes = json!({"graph": {"nodes": [
        {"id": "u1", "kinds": ["User"], "properties": {"name": "A"}},
        {"id": "u2", "kinds": ["User"], "properties": {"name": "B", "tier": 0}},
        {"id": "u3", "kinds": ["User"], "properties": {"name": "TWIN"}},
        {"id": "u4", "kinds": ["User"], "properties": {"name": "twin"}},
        {"id": "g1", "kinds": ["Group"], "properties": {"name": "HELPDESK@CORP"}},
        {"id": "g2", "kinds": ["Group", "Base"], "properties": {"name": "DOMAIN ADMINS@CORP", "tier": 0, "city": "Bern"}},
        {"id": "c1", "kinds": ["Computer"]}
    ]}});
    let answer = ask(&[edges.clone(), nodes], r#"kind == "User""#, r#"name.startsWith("DOMAIN ADMINS@")"#);
    for (key, expected) in [
        ("nodes", 8),
        ("edges", 11),
        ("ignored_edges", 1),
        ("unmatched_edges", 3),
        ("mentioned_nodes", 1),
        ("rejected", 1),
        // u1→g1→c1→u2→g2, and u3→ghost; one of two sessions, and not the loop.
        ("distinct_edges", 5),
        ("entries", 4),
        ("exposed_entries", 2),
        ("targets", 1),
        ("min_edge_cut", 1),
        ("min_node_cut", 1),
    ] {
        assert_eq!(answer[key], expected, "{key}: {answer}");
    }
    assert_eq!(answer["blast"], json!({"max": 4, "mean": 11.0 / 8.0}));
    // u2 always, u1 half the time, the other two never.
    let mean = answer["simulated"]["mean_probability"].as_f64().unwrap();
    assert!((mean - 0.375).abs() < 0.003, "{mean}");
    assert_eq!(answer["seconds"]["min_node_cut"], 1.0);
    assert_eq!(answer["seconds"]["read"], 2.0);

    let jewel_is_entry = ask(&[edges], r#"id == "u1""#, r#"id == "u1""#);
    assert!(jewel_is_entry["min_edge_cut"].is_null() && jewel_is_entry["min_node_cut"].is_null());
    assert_eq!(jewel_is_entry["exposed_entries"], 1);
}
