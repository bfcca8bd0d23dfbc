//! The graph files with known answers that lie beside the repository, where they are there.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]
#![expect(clippy::unwrap_used, reason = "a test may stop at a broken sample")]

use std::io::Read;
use std::path::PathBuf;

use bartizan_graph::answer::{GraphFiles, GraphQuestion};
use bartizan_graph::engine::{Effort, Worlds};
use bartizan_graph::{rulegraph_answer, rulegraph_json};
use serde_json::Value;

/// The folder of samples, or `None` with a message.
fn samples(folder: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let path = root.join("shared/samples").join(folder);
    if !path.is_dir() {
        println!("skipped: no samples at {}", path.display());
        return None;
    }
    Some(path)
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn sampled_directories_have_the_known_exposure_and_cuts() {
    let Some(folder) = samples("graphs") else { return };
    let expected = json(folder.join("expected.json"));
    let ignore = expected["ignore"].as_str().unwrap().split(',').map(str::to_owned).collect();
    let question = GraphQuestion {
        from: expected["from"].as_str().unwrap().to_owned(),
        to: expected["to"].as_str().unwrap().to_owned(),
        ignore,
        worlds: Worlds { count: 1_000, seed: 3 },
    };
    for (name, expected) in expected["graphs"].as_object().unwrap() {
        let packed = std::fs::File::open(folder.join(format!("{name}.opengraph.json.gz"))).unwrap();
        let mut bytes = Vec::new();
        #[expect(clippy::disallowed_types, reason = "a test reads its own sample")]
        flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
        let mut files = GraphFiles::new(&question, || 0.0).unwrap();
        files.read(&bytes[..]).unwrap();
        let answer = serde_json::to_value(files.answer().unwrap()).unwrap();
        for (ours, theirs) in [
            ("nodes", "nodes"),
            ("edges", "edges"),
            ("distinct_edges", "distinct_edges_kept"),
            ("entries", "entries"),
            ("exposed_entries", "exposed_entries"),
            ("targets", "targets"),
            ("min_edge_cut", "min_edge_cut"),
            ("min_node_cut", "min_node_cut"),
        ] {
            assert_eq!(answer[ours], expected[theirs], "{name}: {ours}");
        }
        // Every step of these files is certain, so that chance cannot change who is exposed.
        let share = answer["exposed_entries"].as_f64().unwrap() / answer["entries"].as_f64().unwrap();
        assert!((answer["simulated"]["mean_probability"].as_f64().unwrap() - share).abs() < 1e-12);
        println!("{name}: {answer}");
    }
}

#[test]
fn sampled_rule_graphs_have_the_known_answers() {
    let Some(folder) = samples("rulegraphs") else { return };
    let expected = json(folder.join("expected.json"));
    for (name, expected) in expected["graphs"].as_object().unwrap() {
        let file = std::fs::File::open(folder.join(format!("{name}.json"))).unwrap();
        let named = rulegraph_json::read(file).unwrap();
        let worlds = Worlds { count: 20_000, seed: 5 };
        let answer = rulegraph_answer::answer(&named, worlds, Effort::default()).unwrap();
        let near = |left: f64, right: f64| (left - right).abs() < 1e-9;
        let rules = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        for (target, expected) in expected["targets"].as_object().unwrap() {
            let found = &answer.targets[target];
            let at = format!("{name}/{target}");
            assert_eq!(found.reachable, expected["reachable"].as_bool().unwrap(), "{at}");
            let proof = &expected["best_proof"];
            assert!(found.best_proof.exact, "{at}");
            assert!(
                near(found.best_proof.likelihood, proof["likelihood"]["value"].as_f64().unwrap()),
                "{at}"
            );
            if found.reachable {
                let ours = serde_json::to_value(rules(&found.best_proof.rules)).unwrap();
                assert!(proof["rules"].as_array().unwrap().contains(&ours), "{at}");
            }
            let probability = expected["success_probability"]["value"].as_f64().unwrap();
            assert!(found.probability.exact && near(found.probability.value, probability), "{at}");
            let error = (probability * (1.0 - probability) / 20_000.0).sqrt();
            assert!((found.probability.simulated - probability).abs() <= 4.5 * error, "{at}");
            match &found.k_zero_day {
                None => assert!(expected["k_zero_day"]["k"].is_null(), "{at}"),
                Some(zero_day) => {
                    assert_eq!(Some(u64::from(zero_day.k)), expected["k_zero_day"]["k"].as_u64(), "{at}");
                    assert!(zero_day.exact && zero_day.lower_bound == zero_day.k, "{at}");
                    let ours = serde_json::to_value(rules(&zero_day.products)).unwrap();
                    assert!(
                        expected["k_zero_day"]["product_sets"].as_array().unwrap().contains(&ours),
                        "{at}"
                    );
                }
            }
            check_fixes(&found.min_fix, &expected["min_fix"], &at);
        }
        let all = &expected["all_targets"];
        check_fixes(&answer.all_targets.min_fix, &all["min_fix"], name);
        assert!(
            near(answer.all_targets.probability.value, all["p_any_target"]["value"].as_f64().unwrap()),
            "{name}"
        );
    }
}

fn check_fixes(found: &rulegraph_answer::MinFixAnswer, expected: &Value, at: &str) {
    assert!(found.optimal, "{at}");
    let cost = &expected["cost"];
    if cost.is_null() {
        assert!(found.cost.is_none() && !found.certificate, "{at}");
        return;
    }
    assert!((found.cost.unwrap() - cost["value"].as_f64().unwrap()).abs() < 1e-9, "{at}");
    assert!(found.certificate, "{at}");
    let mut fixes = found.fixes.clone();
    fixes.sort();
    let sets = expected["sets"].as_array().unwrap();
    assert!(sets.contains(&serde_json::to_value(fixes).unwrap()), "{at}");
}
