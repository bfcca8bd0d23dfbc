//! The attack rules that come with the product, and how they ground.

use bartizan_graph::rules::{Catalogue, Rules};

#[test]
fn every_rule_passes_its_own_tests() {
    let (rules, catalogue) = (Rules::embedded().unwrap(), Catalogue::embedded().unwrap());
    let failures = rules.run_tests(&catalogue);
    let report: Vec<String> = failures
        .iter()
        .map(|failure| format!("{} / {}: {}", failure.rule, failure.test, failure.message))
        .collect();
    assert!(failures.is_empty(), "{}", report.join("\n"));
    let tests: usize = rules.iter().map(bartizan_graph::rules::Rule::test_count).sum();
    println!("{} rules, {tests} tests", rules.len());
    assert!(rules.len() >= 50 && tests >= 2 * rules.len());
}
