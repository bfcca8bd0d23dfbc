//! The example company: what the first ten minutes promise.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers too")]

mod support;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;
use support::{Place, example, files_in, root, text};

/// One store with the example loaded, for the tests that only read.
static DEMO: LazyLock<(Place, Value)> = LazyLock::new(|| {
    let place = Place::new();
    let top = place.run(&["demo", "--no-serve", "--format", "json"]).json();
    (place, top)
});

fn demo() -> &'static Place {
    &DEMO.0
}

/// The ends of a path's hops, from the entry on.
fn stations(path: &Value) -> Vec<String> {
    let hops = path["hops"].as_array().unwrap();
    let first = hops.first().map(|hop| text(hop, "from").to_owned());
    first.into_iter().chain(hops.iter().map(|hop| text(hop, "to").to_owned())).collect()
}

/// Whether the words stand in these stations, in this order.
fn passes(stations: &[String], words: &[&str]) -> bool {
    let mut left = stations.iter();
    words.iter().all(|word| left.any(|station| station.contains(word)))
}

fn all_paths(place: &Place) -> Vec<Value> {
    place.run(&["paths", "-k", "100", "--format", "json"]).list()
}

#[test]
fn the_answer_is_ranked_and_the_first_is_on_a_path() {
    let top = DEMO.1.as_array().unwrap();
    assert!(top.len() >= 5, "{}", top.len());
    for (position, entry) in top.iter().enumerate() {
        assert_eq!(entry["rank"], position + 1);
        for name in ["id", "title", "weakness", "asset", "tier", "risk_removed", "likelihood", "on_path"] {
            assert!(!entry[name].is_null(), "{name} of {entry}");
        }
        for name in ["crown_jewels", "sources"] {
            assert!(entry[name].is_array(), "{name} of {entry}");
        }
        for name in ["deadline", "owner", "fix"] {
            assert!(entry.get(name).is_some(), "{name} of {entry}");
        }
    }
    assert_eq!(top[0]["on_path"], true);
    assert_ne!(top[0]["crown_jewels"], serde_json::json!([]));
    let tiers: Vec<u64> = top.iter().map(|entry| entry["tier"].as_u64().unwrap()).collect();
    assert!(tiers.is_sorted(), "{tiers:?}");
}

#[test]
fn the_likeliest_path_leads_over_the_repository_and_its_key_to_the_customers() {
    let paths = all_paths(demo());
    let likelihood: Vec<f64> = paths.iter().map(|path| path["likelihood"].as_f64().unwrap()).collect();
    assert!(likelihood.is_sorted_by(|left, right| left >= right), "{likelihood:?}");
    let stations = stations(&paths[0]);
    assert!(
        passes(
            &stations,
            &["internet", "shop-web", "shop-api", "AKIARZPUZDIKLP6FUO3A", "svc-shop", "customer-exports"]
        ),
        "{stations:?}"
    );
    let hops = paths[0]["hops"].as_array().unwrap();
    let over_git = hops.iter().any(|hop| hop["evidence"].to_string().contains("/.git/"));
    assert!(over_git, "no hop rests on the served folder: {hops:#?}");
}

/// svc-shop may read nothing by itself: `shop-deployer` is the choke point.
#[test]
fn every_path_of_svc_shop_to_the_customers_assumes_the_role() {
    let mut seen = 0;
    for path in all_paths(demo()) {
        let stations = stations(&path);
        if passes(&stations, &["svc-shop", "customer-exports"]) {
            seen += 1;
            assert!(passes(&stations, &["svc-shop", "shop-deployer", "customer-exports"]), "{stations:?}");
        }
    }
    assert!(seen > 0);
}

#[test]
fn every_hop_rests_on_a_report_of_the_example() {
    let paths = all_paths(demo());
    assert!(!paths.is_empty());
    for hop in paths.iter().flat_map(|path| path["hops"].as_array().unwrap()) {
        let evidence = hop["evidence"].as_array().unwrap();
        assert!(!evidence.is_empty(), "{hop}");
        let mut reports = 0;
        for piece in evidence {
            assert!(!text(piece, "text").is_empty(), "{hop}");
            if let Some(report) = piece["report"].as_str() {
                reports += 1;
                assert!(report.starts_with("examples/brambleford/"), "{report}");
                assert!(root().join(report).is_file(), "{report} is not there");
                assert!(!text(piece, "at").is_empty(), "{piece}");
            }
        }
        assert!(reports > 0, "no report stands behind {hop}");
    }
}

#[test]
fn hops_follow_each_other() {
    for path in all_paths(demo()) {
        let hops = path["hops"].as_array().unwrap();
        for pair in hops.windows(2) {
            assert_eq!(pair[0]["to"], pair[1]["from"], "{:?}", stations(&path));
        }
    }
}

#[test]
fn the_decoy_is_on_no_path_and_ranks_below_the_same_flaw_on_the_portal() {
    for path in all_paths(demo()) {
        assert!(!path["hops"].to_string().contains("lab-archive"), "{:?}", stations(&path));
    }
    let top = demo().run(&["top", "-n", "100000", "--format", "json"]).list();
    let of = |asset: &str| {
        top.iter()
            .find(|entry| entry["weakness"] == "CVE-2025-55182" && text(entry, "asset").starts_with(asset))
            .unwrap_or_else(|| panic!("no CVE-2025-55182 on {asset}"))
    };
    let (portal, decoy) = (of("portal"), of("lab-archive"));
    assert_eq!((&portal["on_path"], &decoy["on_path"]), (&Value::Bool(true), &Value::Bool(false)));
    assert!(portal["rank"].as_u64() < decoy["rank"].as_u64());
    assert!(portal["tier"].as_u64() < decoy["tier"].as_u64());
}

#[test]
fn one_address_in_two_networks_is_two_assets() {
    let tiers = demo().run(&["tiers", "--format", "json"]).list();
    let of = |name: &str| -> BTreeSet<&str> {
        tiers
            .iter()
            .filter(|tier| text(tier, "element").to_lowercase().starts_with(name))
            .map(|tier| text(tier, "id"))
            .collect()
    };
    let (cache, labels) = (of("cache.internal"), of("labels.depot"));
    assert_eq!((cache.len(), labels.len()), (1, 1), "{cache:?} {labels:?}");
    assert_ne!(cache, labels);
}

#[test]
fn the_cache_that_was_fixed_is_closed() {
    let top = demo().run(&["top", "-n", "100000", "--format", "json"]).list();
    let redis: Vec<_> = top.iter().filter(|entry| entry["weakness"] == "class:open-redis").collect();
    assert!(redis.is_empty(), "{redis:?}");
    // It was there: the first scan alone leaves it open.
    let before = Place::with_scope(&example("bartizan.yaml"));
    before.import(&[example("reports/nmap-headquarters.xml")]);
    let open = before.run(&["top", "-n", "100"]).list();
    assert!(open.iter().any(|entry| entry["weakness"] == "class:open-redis"), "{open:#?}");
    let retest = before.import(&[example("reports/nmap-headquarters-cache-retest.xml")]);
    assert_eq!(retest[0]["closed"], 1, "{retest:?}");
}

#[test]
fn every_element_in_scope_has_a_tier() {
    let tiers = demo().run(&["tiers", "--format", "json"]).list();
    let scope = demo().run(&["scope", "show", "--format", "json"]).json();
    assert_eq!(scope["in_scope"].as_u64(), Some(tiers.len() as u64));
    let ids: BTreeSet<&str> = tiers.iter().map(|tier| text(tier, "id")).collect();
    assert_eq!(ids.len(), tiers.len(), "an element is listed twice");
    for tier in &tiers {
        assert!(["1", "2", "3", "4", "5", "not assessed"].contains(&text(tier, "tier")), "{tier}");
        assert!(!text(tier, "why").is_empty(), "{tier}");
        assert!(tier["freshness"].is_object(), "{tier}");
    }
}

#[test]
fn the_fewest_fixes_are_certified() {
    let fixes = demo().run(&["fixes", "--format", "json"]).json();
    assert_ne!(fixes["fixes"], serde_json::json!([]));
    assert_eq!(fixes["certificate"]["holds"], true);
    assert_eq!(fixes["optimal"], true);
    assert_eq!(fixes["cost"], fixes["lower_bound"]);
}

#[test]
fn the_first_ranking_is_made_again_byte_for_byte() {
    let replayed = demo().run(&["replay", "1", "--format", "json"]).json();
    assert_eq!(replayed["identical"], true, "{replayed}");
    assert_eq!(replayed["kept"], replayed["made"]);
}

#[test]
fn the_same_reports_again_change_nothing() {
    let place = Place::with_scope(&example("bartizan.yaml"));
    place.run(&["demo", "--no-serve"]).exits(0);
    let before = place.content();
    let answer = place.run(&[std::path::Path::new("import"), &example("reports")]);
    assert!(answer.code == 0 || answer.code == 1, "{}", answer.stderr);
    let results = answer.document();
    let results = results.as_array().unwrap();
    assert_eq!(results.len(), files_in(&example("reports")).len());
    let read: Vec<_> = results.iter().filter(|result| result["error"].is_null()).collect();
    assert!(read.len() >= 15, "only {} reports could be read", read.len());
    for result in read {
        support::counted(result);
        for fate in ["new", "updated", "reopened", "closed", "assets_new", "assets_merged"] {
            assert_eq!(result[fate], 0, "{fate} of {result}");
        }
    }
    assert_eq!(before, place.content());
}

#[test]
fn after_the_fix_the_served_repository_is_closed_and_its_path_is_gone() {
    let place = Place::with_scope(&example("bartizan.yaml"));
    place.run(&["demo", "--no-serve"]).exits(0);
    let leads_over_git = |place: &Place| {
        all_paths(place)
            .iter()
            .any(|path| passes(&stations(path), &["internet", "shop-web", "AKIARZPUZDIKLP6FUO3A"]))
    };
    assert!(leads_over_git(&place));
    let retest = place.import(&[example("after-fix/nmap-edge-from-internet-retest.xml")]);
    assert!(retest[0]["closed"].as_u64() >= Some(1), "{retest:?}");
    let top = place.run(&["top", "-n", "100000"]).list();
    assert!(!top.iter().any(|entry| entry["weakness"] == "class:served-git-folder"
        && entry["sources"] == serde_json::json!(["nmap"])));
    assert!(!leads_over_git(&place), "the retest of nmap closed nothing that the path needs");
    // The portal was not fixed: its path stays.
    let portal = all_paths(&place)
        .iter()
        .any(|path| passes(&stations(path), &["internet", "portal", "customer-exports"]));
    assert!(portal);
}

#[test]
fn the_example_never_goes_into_a_store_with_own_reports() {
    let place = Place::new();
    place.import(&[example("reports/checkov-dockerfile.json")]);
    let before = place.content();
    let refused = place.run(&["demo", "--no-serve"]).exits(2);
    assert!(refused.stderr.contains("reports of your own"), "{}", refused.stderr);
    assert!(refused.stdout.is_empty());
    assert_eq!(before, place.content());
}

#[test]
fn one_file_is_useful_without_a_scope_and_what_is_missing_is_said() {
    let place = Place::new();
    place.import(&[example("reports/nmap-edge-from-internet.xml")]);
    let top = place.run(&["top", "--format", "table"]).exits(0).text();
    assert!(top.contains("CVE-2025-55182"), "{top}");
    assert!(top.contains("what is missing: "), "{top}");
}
