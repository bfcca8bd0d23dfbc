//! Real feeds as their publishers give them, where somebody has put copies beside the repository
//! (`../shared/intel`); without them these tests say so and pass.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use bartizan_intake::{Document, Limits};
use bartizan_intel::{Catalogue, DeadlineTable, DecisionTable, Feed, Origin, Summary, read, recognise};

fn published() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/intel");
    let there = folder.is_dir();
    if !there {
        println!("skipped: {} is not there", folder.display());
    }
    there.then_some(folder)
}

fn load(path: &Path, expected: Feed, catalogue: &mut Catalogue) -> Summary {
    let start = Instant::now();
    let mut document = Document::open(path, Limits::default()).unwrap();
    assert_eq!(recognise(document.head()), Some(expected), "{}", path.display());
    let summary =
        read(expected, document.reader(), &Origin::of_file(&path.to_string_lossy()), &mut |facts| {
            catalogue.add(facts);
            Ok(())
        })
        .unwrap();
    println!(
        "{}: {} records, {} taken, {} rejected, ignored {:?}, lost {:?}, {:?}",
        path.file_name().unwrap().to_string_lossy(),
        summary.records,
        summary.taken,
        summary.rejected,
        summary.ignored,
        summary.lost_parts,
        start.elapsed()
    );
    assert_eq!(summary.records, summary.taken + summary.rejected + summary.ignored.values().sum::<u64>());
    summary
}

#[test]
fn feeds_are_read_whole() {
    let Some(folder) = published() else { return };
    let mut catalogue = Catalogue::default();
    for (name, feed, records) in [
        ("kev/known_exploited_vulnerabilities.json", Feed::Kev, 1484),
        ("epss/epss_scores-2023-10-27.csv.gz", Feed::Epss, 216_206),
        ("epss/epss_scores-2025-06-29.csv.gz", Feed::Epss, 284_155),
        ("cve/vulnrichment-2025-01-24.jsonl.zst", Feed::Cve, 62_862),
        ("cve/anchore-nvd-overrides-2026-08-21.jsonl.zst", Feed::Nvd, 32_184),
        ("osv/go-vulndb-osv-2026-08-21.jsonl.zst", Feed::Osv, 4_291),
        ("exploits/metasploit-cve-modules-2026-08-07.jsonl.zst", Feed::Metasploit, 0),
        ("exploits/nuclei-cves-2025-06-13.json.gz", Feed::Nuclei, 3_105),
        ("exploit-lists/msf-2025-06-29.txt", Feed::CveList, 0),
        ("exploit-lists/trickest-2025-06-29.txt.gz", Feed::CveList, 0),
    ] {
        let path = folder.join(name);
        if !path.is_file() {
            println!("skipped: {name} is not there");
            continue;
        }
        let summary = load(&path, feed, &mut catalogue);
        assert_eq!(summary.rejected, 0, "{name}: {:?}", summary.rejections);
        if records > 0 {
            assert_eq!(summary.records, records, "{name}");
        }
    }
    println!("{} vulnerabilities", catalogue.len());
    let log4shell = catalogue.get("CVE-2021-44228").unwrap();
    assert!(log4shell.kev.as_ref().unwrap().ransomware);
    // The later of two dates of scores stays.
    assert_eq!(log4shell.epss.as_ref().unwrap().date.unwrap().to_string(), "2025-06-29");
}

/// Our own deadline tables decide every case as the published tables do.
#[test]
fn our_tables_decide_as_the_published_ones() {
    let Some(folder) = published() else { return };
    let sorted = |table: &DecisionTable| {
        let mut rows: Vec<_> =
            table.rows.iter().map(|row| (row.values.clone(), row.outcome.clone())).collect();
        rows.sort();
        rows
    };
    let their = |name: &str| std::fs::read_to_string(folder.join("ssvc").join(name)).ok();
    if let Some(text) = their("cisa_bod_26_04_1_0_0.csv") {
        let (theirs, ours) = (DeadlineTable::parse(&text).unwrap(), DeadlineTable::bod_26_04().unwrap());
        let mut cases = 0;
        for case in 0..16u32 {
            let bit = |at: u32| Some(case >> at & 1 == 1);
            let situation = bartizan_intel::Situation {
                in_kev: bit(0),
                exposed: bit(1),
                automatable: bit(2),
                technical_impact: Some(if bit(3) == Some(true) {
                    bartizan_intel::TechnicalImpact::Total
                } else {
                    bartizan_intel::TechnicalImpact::Partial
                }),
            };
            let (one, two) = (theirs.decide(situation).unwrap(), ours.decide(situation).unwrap());
            assert_eq!((one.within, one.forensics), (two.within, two.forensics), "{situation:?}");
            cases += 1;
        }
        assert_eq!((cases, theirs.table().rows.len()), (16, 16));
    }
    if let Some(text) = their("cisa_coordinator_2_0_3.csv") {
        let theirs = DecisionTable::parse(&text.replace("public poc", "poc")).unwrap();
        assert_eq!(sorted(&theirs), sorted(&DecisionTable::cisa_coordinator().unwrap()));
    }
}
