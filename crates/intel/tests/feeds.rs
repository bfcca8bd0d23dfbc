//! Every feed: recognised by its content, read without loss, and the facts that the snapshot shows.
//! The fixtures are small files of our own in each publisher's layout.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::io::Cursor;

use bartizan_intake::{Document, Limits};
use bartizan_intel::{CveFacts, Error, Feed, Origin, Summary, read, recognise};
use proptest::prelude::*;

const FIXTURES: [(&str, Feed); 12] = [
    ("kev.json", Feed::Kev),
    ("epss.csv", Feed::Epss),
    ("epss-old.csv", Feed::Epss),
    ("cve.jsonl", Feed::Cve),
    ("cve.json", Feed::Cve),
    ("nvd.json", Feed::Nvd),
    ("nvd-lines.jsonl", Feed::Nvd),
    ("osv.jsonl", Feed::Osv),
    ("metasploit.json", Feed::Metasploit),
    ("metasploit-lists.jsonl", Feed::Metasploit),
    ("nuclei.jsonl", Feed::Nuclei),
    ("list.txt", Feed::CveList),
];

fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn facts_of(feed: Feed, bytes: &[u8]) -> Result<(Summary, Vec<CveFacts>), Error> {
    let mut all = Vec::new();
    let summary = read(feed, Cursor::new(bytes), &Origin::of_file("2025-06-29"), &mut |facts| {
        all.push(facts);
        Ok(())
    })?;
    Ok((summary, all))
}

#[test]
fn every_feed_gives_its_facts() {
    for (name, feed) in FIXTURES {
        let path = std::path::PathBuf::from(format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR")));
        let mut document = Document::open(&path, Limits::default()).unwrap();
        assert_eq!(recognise(document.head()), Some(feed), "{name}");
        let mut all = Vec::new();
        let summary = read(feed, document.reader(), &Origin::of_file("x-2025-06-29.y"), &mut |facts| {
            all.push(facts);
            Ok(())
        })
        .unwrap();
        let told = summary.taken + summary.rejected + summary.ignored.values().sum::<u64>();
        assert_eq!(summary.records, told, "{name}");
        insta::assert_json_snapshot!(name, (summary, all));
    }
}

#[test]
fn every_kind_of_feed_has_a_fixture() {
    for feed in Feed::ALL {
        assert!(FIXTURES.iter().any(|(_, of)| *of == feed), "{feed:?}");
    }
}

#[test]
fn scores_without_any_header_are_read() {
    let (summary, facts) = facts_of(Feed::Epss, fixture("epss-bare.csv").as_bytes()).unwrap();
    assert_eq!((summary.records, summary.taken), (1, 1));
    assert_eq!(facts[0].epss.as_ref().unwrap().date.unwrap().to_string(), "2025-06-29");
}

#[test]
fn one_record_an_array_and_lines_are_the_same() {
    for (name, feed) in [("cve.jsonl", Feed::Cve), ("osv.jsonl", Feed::Osv), ("nuclei.jsonl", Feed::Nuclei)] {
        let lines = fixture(name);
        let array = format!(" [{}]", lines.trim().replace('\n', ","));
        let (from_lines, from_array) =
            (facts_of(feed, lines.as_bytes()).unwrap(), facts_of(feed, array.as_bytes()).unwrap());
        assert_eq!(from_lines.1, from_array.1, "{name}");
        assert_eq!(from_lines.0.records, from_array.0.records, "{name}");
    }
}

#[test]
fn bad_lines_of_a_list_are_told() {
    let (summary, facts) =
        facts_of(Feed::CveList, b"CVE-2024-0001\n\nsomething else\nCVE-2024-0002\n").unwrap();
    assert_eq!((summary.records, summary.taken, facts.len()), (3, 2, 2));
    assert_eq!(summary.rejections[0].at, "line 3");
}

/// A feed that was cut off is an error: what came before must not pass for the whole.
#[test]
fn a_cut_feed_is_an_error() {
    for (name, feed) in FIXTURES {
        let text = fixture(name);
        if !text.starts_with(['{', '[']) {
            continue;
        }
        let cut = text.trim_end().len() - 3;
        assert!(matches!(facts_of(feed, &text.as_bytes()[..cut]), Err(Error::Document(_))), "{name}");
    }
}

/// A feed that is taken for another one is refused and gives nothing.
#[test]
fn a_foreign_feed_is_refused() {
    for (name, own) in FIXTURES {
        for feed in Feed::ALL {
            if feed == own {
                continue;
            }
            let found = facts_of(feed, fixture(name).as_bytes());
            assert!(found.is_err() || found.is_ok_and(|(_, facts)| facts.is_empty()), "{name} as {feed:?}");
        }
    }
}

/// The words of feeds, put together at random, so that readers behind the parsers are reached.
fn feed_like() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("\"CVE-2024-0001\"".to_owned()),
        Just("\"2024-01-01\"".to_owned()),
        Just("\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\"".to_owned()),
        Just("\"CWE-79\"".to_owned()),
        Just("\"ssvc\"".to_owned()),
        Just("-1e99".to_owned()),
        "\"[a-zé]{0,6}\"",
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let key = prop::sample::select(vec![
            "cveMetadata",
            "cveId",
            "containers",
            "cna",
            "adp",
            "metrics",
            "other",
            "type",
            "content",
            "options",
            "vectorString",
            "cvssV3_1",
            "vulnerabilities",
            "cve",
            "id",
            "cveID",
            "dateAdded",
            "cvssData",
            "aliases",
            "severity",
            "score",
            "Exploitation",
            "ID",
            "CveIDs",
            "references",
            "_annotation",
            "cve_id",
            "modified",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key, inner), 0..5).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn never_panics(text in prop_oneof!["\\PC{0,60}", "(CVE-2024-000[0-9]|[0-9.,#\n\"a-z:]){0,30}", feed_like()]) {
        let _ = recognise(&text);
        for feed in Feed::ALL {
            if let Ok((summary, _)) = facts_of(feed, text.as_bytes()) {
                let told = summary.taken + summary.rejected + summary.ignored.values().sum::<u64>();
                prop_assert_eq!(summary.records, told);
            }
        }
    }
}
