//! Cases with exact answers that lie beside the repository when it is developed; skipped when they are
//! not there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;

use bartizan_iam::{Admin, Estate, privileges};
use serde_json::Value;

#[test]
fn known_answers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/iam");
    let Ok(text) = std::fs::read_to_string(folder.join("expected.json")) else {
        println!("skipped: {} is not there", folder.display());
        return;
    };
    let expected: Value = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for (name, case) in expected["cases"].as_object().unwrap() {
        let text = std::fs::read_to_string(folder.join(case["file"].as_str().unwrap())).unwrap();
        let (estate, problems) = Estate::parse_authorization_details(&text).unwrap();
        assert_eq!(problems, [], "{name}");
        let answers: BTreeMap<String, _> =
            privileges(&estate).into_iter().map(|answer| (answer.principal.clone(), answer)).collect();
        for (principal, expect) in case["principals"].as_object().unwrap() {
            let expect = match expect.as_str().unwrap() {
                "admin" => Admin::Is,
                "yes" => Admin::Can,
                "no" => Admin::No,
                other => panic!("unknown answer {other}"),
            };
            let answer = &answers[principal];
            if answer.admin != expect {
                wrong.push(format!("{name} {principal}: {answer:?}, expected {expect:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
