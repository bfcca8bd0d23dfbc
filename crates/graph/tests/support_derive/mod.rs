//! Small directories as text: `Kind id {properties}` for a node, `a -Kind-> b {properties}` for an edge.

use bartizan_graph::derive::{DeriveFiles, Kinds};
use serde_json::{Map, Value, json};

/// A domain with one authority that counts for it and publishes the template `t` with these settings.
pub(crate) fn corp(template: &str) -> String {
    let template: Value = serde_json::from_str(template).unwrap();
    format!(
        "Domain corp\nRootCA root\nNTAuthStore store\nEnterpriseCA ca\nCertTemplate t {template}\n\
         root -RootCAFor-> corp\nca -IssuedSignedBy-> root\nca -TrustedForNTAuth-> store\n\
         store -NTAuthStoreFor-> corp\nt -PublishedTo-> ca\n"
    )
}

/// Settings with some of them changed.
pub(crate) fn with(settings: &str, changed: &str) -> String {
    let mut settings: Map<String, Value> = serde_json::from_str(settings).unwrap();
    settings.extend(serde_json::from_str::<Map<String, Value>>(changed).unwrap());
    Value::Object(settings).to_string()
}

/// The edges of these kinds, of all kinds when none is named.
pub(crate) fn derived(graph: &str, kinds: &[&str]) -> Vec<Value> {
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    for line in graph.lines() {
        let (line, properties) = match line.split_once(" {") {
            Some((line, rest)) => (line, serde_json::from_str(&format!("{{{rest}")).unwrap()),
            None => (line, json!({})),
        };
        match line.split(' ').collect::<Vec<_>>()[..] {
            [start, tie, end] => {
                let kind = tie.strip_prefix('-').and_then(|tie| tie.strip_suffix("->")).unwrap();
                edges.push(json!({"kind": kind, "start": {"value": start}, "end": {"value": end},
                    "properties": properties}));
            }
            [kind, id] => nodes.push(json!({"id": id, "kinds": [kind, "Base"], "properties": properties})),
            _ => panic!("neither node nor edge: {line}"),
        }
    }
    let document = json!({"graph": {"nodes": nodes, "edges": edges}}).to_string();
    let kinds: Vec<String> = kinds.iter().map(|&kind| kind.to_owned()).collect();
    let kinds = if kinds.is_empty() { Kinds::all() } else { Kinds::named(&kinds).unwrap() };
    let mut files = DeriveFiles::new();
    files.read(document.as_bytes()).unwrap();
    let answer = serde_json::to_value(files.derive(&kinds).unwrap()).unwrap();
    answer["derived"].as_array().unwrap().clone()
}

/// Derives one kind and compares start and end of all its edges.
#[track_caller]
pub(crate) fn check(graph: &str, kind: &str, expected: &[(&str, &str)]) {
    let edges = derived(graph, &[kind]);
    let found: Vec<(&str, &str)> =
        edges.iter().map(|edge| (edge["start"].as_str().unwrap(), edge["end"].as_str().unwrap())).collect();
    assert_eq!(found, expected, "{kind} of\n{}", graph.get(..2_000).unwrap_or(graph));
}
