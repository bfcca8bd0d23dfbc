//! What must hold for any reports: no order of arrival, no repetition and no trial run changes what is known.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers too")]

mod support;

use std::path::PathBuf;

use serde_json::Value;
use support::{Dice, Place, example, trivy};

const ORDERS: usize = 6;

/// Reports that say when they were made, some of them about the same things.
fn reports() -> Vec<PathBuf> {
    [
        "reports/nmap-edge-from-internet.xml",
        "reports/nmap-headquarters.xml",
        "reports/nmap-headquarters-cache-retest.xml",
        "reports/nmap-depot-north.xml",
        "reports/nmap-laboratory.xml",
        "reports/prowler-aws.ocsf.json",
        "reports/gitleaks-shop-api-history.json",
        "after-fix/nmap-edge-from-internet-retest.xml",
    ]
    .map(example)
    .into()
}

/// Reports whose time is that of their file: equal for all orders, because the files stay.
fn inventories() -> Vec<PathBuf> {
    [
        "aws/ec2-describe-instances.json",
        "aws/iam-get-account-authorization-details.json",
        "aws/iam-get-credential-report.json",
        "aws/iam-list-access-keys-svc-shop.json",
        "aws/iam-list-users.json",
        "aws/rds-describe-db-instances.json",
        "aws/s3api-list-buckets.json",
        "reports/checkov-terraform.json",
        "reports/checkov-kubernetes.json",
        "reports/prowler-aws.ocsf.json",
    ]
    .map(example)
    .into()
}

fn place() -> Place {
    Place::with_scope(&example("bartizan.yaml"))
}

#[track_caller]
fn no_order_matters(mut files: Vec<PathBuf>, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut first: Option<(Vec<String>, String)> = None;
    for _ in 0..ORDERS {
        let place = place();
        for file in &files {
            place.import(std::slice::from_ref(file));
        }
        let names =
            files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
        let content = place.content();
        match &first {
            None => first = Some((names, content)),
            Some((order, expected)) => same(expected, &content, &format!("{order:?}\n{names:?}")),
        }
        dice.shuffle(&mut files);
    }
}

/// Compares texts and shows only where they part.
#[track_caller]
fn same(left: &str, right: &str, what: &str) {
    if left == right {
        return;
    }
    let (left, right): (Vec<&str>, Vec<&str>) = (left.lines().collect(), right.lines().collect());
    let line = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let around = |lines: &[&str]| lines[line.saturating_sub(12)..(line + 6).min(lines.len())].join("\n");
    panic!("{what}\ndiffer at line {line}:\n{}\n--- against ---\n{}", around(&left), around(&right));
}

#[test]
fn the_order_of_scans_does_not_matter() {
    no_order_matters(reports(), 1);
}

#[test]
fn the_order_of_inventories_does_not_matter() {
    no_order_matters(inventories(), 2);
}

#[test]
fn the_same_reports_again_in_another_order_change_nothing() {
    let place = place();
    let mut files = reports();
    place.import(&files);
    let before = place.content();
    Dice::new(3).shuffle(&mut files);
    for result in place.import(&files) {
        for fate in ["new", "updated", "reopened", "closed", "assets_new", "assets_merged"] {
            assert_eq!(result[fate], 0, "{fate} of {result}");
        }
    }
    same(&before, &place.content(), "the second time");
}

/// The same scan written anew, as by a tool that sorts its findings otherwise: not the same bytes.
#[test]
fn the_same_findings_in_other_bytes_change_nothing() {
    let place = place();
    let report = trivy("shop", 40);
    place.import(&[place.write("first.json", &report)]);
    let before = place.content();
    let mut value: Value = serde_json::from_str(&report).unwrap();
    Dice::new(4).shuffle(value["Results"][0]["Vulnerabilities"].as_array_mut().unwrap());
    let again = place.import(&[place.write("second.json", format!("{value:#}"))]);
    assert_eq!(again[0]["known"], false, "{again:?}");
    assert_eq!(
        (&again[0]["unchanged"], &again[0]["records"]),
        (&Value::from(40), &Value::from(40)),
        "{again:?}"
    );
    for fate in ["new", "updated", "reopened", "closed", "assets_new", "assets_merged"] {
        assert_eq!(again[0][fate], 0, "{fate} of {again:?}");
    }
    same(&before, &place.content(), "the same findings in other bytes");
}

#[test]
fn a_dry_run_says_the_same_and_keeps_nothing() {
    let place = place();
    let mut files = reports();
    files.extend(inventories());
    place.import(&files[..3]);
    let before = place.content();
    let events = place.verify()["events"].clone();
    for file in &files[3..] {
        let arguments = [PathBuf::from("import"), file.clone(), "--dry-run".into()];
        let trial = place.run(&arguments).list();
        support::counted(&trial[0]);
        assert_eq!(trial, place.run(&arguments).list(), "a dry run changed what the next one says");
    }
    assert_eq!(events, place.verify()["events"]);
    same(&before, &place.content(), "a dry run");
    let trial = place.run(&[PathBuf::from("import"), files[3].clone(), "--dry-run".into()]).list();
    assert_eq!(trial, place.import(&files[3..4]), "the run differs from its trial");
}

/// A scan that did not reach a port, or ran other checks, says nothing about what it did not look at.
#[test]
fn absence_is_not_a_fix() {
    let place = place();
    place.import(&[example("reports/nmap-headquarters.xml")]);
    let open = |place: &Place| {
        place.run(&["top", "-n", "1000"]).list().iter().any(|entry| entry["weakness"] == "class:open-redis")
    };
    assert!(open(&place));
    let retest = std::fs::read_to_string(example("reports/nmap-headquarters-cache-retest.xml")).unwrap();
    let port = "portid=\"6379\"><state state=\"open\"";
    assert!(retest.contains(port), "the retest does not look as this test assumes");
    let filtered = retest.replace(port, "portid=\"6379\"><state state=\"filtered\"");
    let other_checks = retest.replace("redis-info", "banner");
    for (name, report) in [("filtered", filtered), ("other-checks", other_checks)] {
        // Named like the report it is made from, so that the scope knows its zone.
        let file = place.write(&format!("reports/nmap-headquarters-{name}.xml"), report);
        let result = place.import(&[file]);
        assert_eq!(result[0]["closed"], 0, "{name}: {result:?}");
        assert!(open(&place), "{name} closed what it did not check");
    }
    let result = place.import(&[example("reports/nmap-headquarters-cache-retest.xml")]);
    assert_eq!(result[0]["closed"], 1, "{result:?}");
    assert!(!open(&place));
}

/// Some reports say the same of two things, which only the names of the files tell apart.
#[test]
fn equal_reports_of_two_targets_are_two_reports() {
    let place = Place::new();
    let leak = r#"[{"RuleID": "token", "Description": "a token", "File": "app.py", "Secret": "tok-5f3a9c1e7b2d4680",
        "Match": "tok-5f3a9c1e7b2d4680", "StartLine": 3, "Commit": "", "Date": ""}]"#;
    let files = [place.write("shop.json", leak), place.write("till.json", leak)];
    let first = place.import(&files);
    assert_eq!((&first[0]["new"], &first[1]["new"]), (&1.into(), &1.into()), "{first:?}");
    assert_eq!(place.run(&["top", "-n", "10"]).list().len(), 2);
    let again = place.import(&files);
    assert!(again.iter().all(|result| result["known"] == true && result["new"] == 0), "{again:?}");
}
