//! Builds of one image repository replace each other: an exposure stays the same from build to build,
//! and closes when no build that may still run has it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers too")]

mod support;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::Place;

/// What Trivy says of a build of `registry.example.com/shop` on a day of November 2026.
fn scan(place: &Place, build: u32, day: u32, tags: &[&str], cves: &[&str]) -> PathBuf {
    let found: Vec<Value> = cves
        .iter()
        .map(|cve| {
            json!({"VulnerabilityID": cve, "PkgName": "libshop", "InstalledVersion": format!("1.0.{build}"),
                "Severity": "HIGH", "Title": "a flaw"})
        })
        .collect();
    let tags: Vec<String> = tags.iter().map(|tag| format!("registry.example.com/shop:{tag}")).collect();
    let report = json!({
        "SchemaVersion": 2, "CreatedAt": format!("2026-11-{day:02}T03:00:00Z"), "ArtifactName": tags[0],
        "ArtifactType": "container_image",
        "Metadata": {"RepoTags": tags, "RepoDigests": [format!("registry.example.com/shop@sha256:{build:064x}")]},
        "Results": [{"Target": "alpine", "Class": "os-pkgs", "Type": "alpine", "Vulnerabilities": found}],
    });
    place.write(&format!("build-{build}-day-{day}.json"), report.to_string())
}

/// The open exposures: id and weakness.
fn open(place: &Place) -> Vec<(String, String)> {
    let top = place.run(&["top", "-n", "100"]).list();
    let text = |entry: &Value, name: &str| support::text(entry, name).to_owned();
    let mut open: Vec<(String, String)> =
        top.iter().map(|entry| (text(entry, "weakness"), text(entry, "id"))).collect();
    open.sort();
    open
}

#[test]
fn a_nightly_build_with_the_same_weakness_is_the_same_exposure() {
    let place = Place::new();
    let first = scan(&place, 1, 1, &["nightly"], &["CVE-2026-1001", "CVE-2026-1002"]);
    let second = scan(&place, 2, 2, &["nightly"], &["CVE-2026-1001"]);
    place.import(std::slice::from_ref(&first));
    let before = open(&place);
    assert_eq!(before.len(), 2);
    let result = place.import(std::slice::from_ref(&second));
    assert_eq!(result[0]["exposures_new"], 0, "{result:?}");
    assert_eq!(result[0]["assets_new"], 0, "{result:?}");
    assert_eq!(result[0]["closed"], 1, "{result:?}");
    assert_eq!(open(&place), before[..1], "the exposure is not the one that it was");
    // The order of imports does not matter, and the older build again opens nothing.
    let late = Place::new();
    late.import(&[second]);
    late.import(std::slice::from_ref(&first));
    assert_eq!(open(&late), before[..1]);
    place.import(&[first]);
    assert_eq!(open(&place), before[..1]);
}

#[test]
fn a_release_that_may_still_run_keeps_its_exposures() {
    let place = Place::new();
    place.import(&[scan(&place, 1, 1, &["1.4", "latest"], &["CVE-2026-1001", "CVE-2026-1002"])]);
    // `latest` moved on, `1.4` did not: whoever runs 1.4 still has both.
    let result = place.import(&[scan(&place, 2, 2, &["1.5", "latest"], &["CVE-2026-1001"])]);
    assert_eq!((&result[0]["closed"], &result[0]["exposures_new"]), (&0.into(), &0.into()), "{result:?}");
    assert_eq!(open(&place).len(), 2);
    // 1.4 is built anew without the flaw: now no tag leads to a build that has it.
    let result = place.import(&[scan(&place, 3, 3, &["1.4"], &["CVE-2026-1001"])]);
    assert_eq!(result[0]["closed"], 1, "{result:?}");
    assert_eq!(open(&place).len(), 1);
}

#[test]
fn images_of_two_repositories_stay_two() {
    let place = Place::new();
    let shop = scan(&place, 1, 1, &["1.0"], &["CVE-2026-1001"]);
    let text = std::fs::read_to_string(&shop).unwrap();
    // The same build, pushed to another registry, and another image beside it.
    let mirror = text.replace("registry.example.com/shop", "mirror.example.org/shop");
    let other =
        text.replace("registry.example.com/shop", "registry.example.com/till").replace("000001", "00000f");
    place.import(&[shop, place.write("other.json", other)]);
    assert_eq!(open(&place).len(), 2);
    place.import(&[place.write("mirror.json", mirror)]);
    assert_eq!(open(&place).len(), 3, "a mirror is fixed where it is built, but it is not known to be one");
    place.verify();
}

#[test]
fn what_a_person_decides_about_identity_stays() {
    let place = Place::new();
    let shop = scan(&place, 1, 1, &["1.0"], &["CVE-2026-1001"]);
    let mirrored = std::fs::read_to_string(&shop)
        .unwrap()
        .replace("registry.example.com/shop", "mirror.example.org/shop");
    let mirror = place.write("mirror.json", mirrored);
    place.import(&[shop.clone(), mirror.clone()]);
    let before = open(&place);
    assert_eq!(before.len(), 2);
    let doubts = place.run(&["assets", "review"]).list();
    assert_eq!(doubts.len(), 1, "{doubts:?}");

    let (own, other) =
        ("image-repository:registry.example.com/shop", "image-repository:mirror.example.org/shop");
    let decide = |word: &str| {
        place.run(&[
            "assets",
            word,
            own,
            other,
            "--because",
            "the mirror is filled every hour",
            "--by",
            "ada",
        ])
    };
    let merged = decide("same").exits(0).json();
    assert_eq!(merged["merged"].as_array().unwrap().len(), 1, "{merged}");
    assert_eq!(open(&place).len(), 1);
    assert!(place.run(&["assets", "review"]).list().is_empty());
    // Reports that come later change nothing about it, nor do those that are known already.
    let text = std::fs::read_to_string(&mirror).unwrap().replace("2026-11-01", "2026-11-05");
    place.import(&[place.write("mirror-later.json", text), shop]);
    assert_eq!(open(&place).len(), 1);
    let pins = place.run(&["assets", "pins"]).list();
    assert_eq!((pins.len(), &pins[0]["same"], &pins[0]["by"]), (1, &true.into(), &"ada".into()), "{pins:?}");

    let split = decide("different").exits(0).json();
    assert_eq!(split["split"].as_array().unwrap().len(), 1, "{split}");
    assert_eq!(open(&place), before, "the exposures are not those that they were");
    place.verify();
    let refused = place.run(&["assets", "same", own, "fqdn:nowhere.example", "--because", "x"]).exits(2);
    assert!(refused.stderr.contains("no report gave the name fqdn:nowhere.example"), "{}", refused.stderr);
}
