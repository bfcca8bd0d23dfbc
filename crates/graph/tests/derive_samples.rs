//! The certificate cases with known answers that lie beside the repository, where they are there.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bartizan_graph::derive::{DeriveFiles, Kinds};
use serde_json::Value;

#[test]
fn sampled_directories_have_the_known_composite_edges() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/adcs");
    if !folder.is_dir() {
        println!("skipped: no samples at {}", folder.display());
        return;
    }
    let expected: Value =
        serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    for (name, case) in expected["cases"].as_object().unwrap() {
        let kinds: Vec<String> = serde_json::from_value(case["kinds_scored"].clone()).unwrap();
        let mut files = DeriveFiles::new();
        files.read(std::fs::File::open(folder.join(case["file"].as_str().unwrap())).unwrap()).unwrap();
        let derived = files.derive(&Kinds::named(&kinds).unwrap()).unwrap();
        let ours: BTreeSet<(String, String, String)> = derived
            .edges()
            .map(|edge| (edge.start.to_owned(), edge.kind.to_owned(), edge.end.to_owned()))
            .collect();
        let theirs = |list: &str| -> BTreeSet<(String, String, String)> {
            let text = |edge: &Value, key: &str| edge[key].as_str().unwrap().to_owned();
            let edges = case[list].as_array().unwrap().iter();
            edges.map(|edge| (text(edge, "source"), text(edge, "kind"), text(edge, "target"))).collect()
        };
        let missed: Vec<_> = theirs("derived").difference(&ours).cloned().collect();
        let wrong: Vec<_> = theirs("must_not").intersection(&ours).cloned().collect();
        assert!(missed.is_empty() && wrong.is_empty(), "{name}: missed {missed:?}, wrong {wrong:?}");
        println!("{name}: {} derived", ours.len());
    }
}
