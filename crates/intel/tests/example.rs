//! The intelligence of the example company is read whole, and answers what its story asks.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use bartizan_intake::{Document, Limits};
use bartizan_intel::{
    Basis, Catalogue, DeadlineTable, Origin, Situation, Within, likelihood, read, recognise,
};
use bartizan_model::WeaknessKey;

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

#[test]
fn the_example_company_knows_its_vulnerabilities() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/brambleford/intel");
    let mut catalogue = Catalogue::default();
    let mut read_files = 0;
    for path in [files(&folder), files(&folder.join("cve"))].concat() {
        let mut document = Document::open(&path, Limits::default()).unwrap();
        let feed = recognise(document.head()).unwrap();
        let origin = Origin::of_file(&path.to_string_lossy());
        let summary = read(feed, document.reader(), &origin, &mut |facts| {
            catalogue.add(facts);
            Ok(())
        })
        .unwrap();
        assert_eq!((summary.rejected, summary.lost_parts.len()), (0, 0), "{}: {summary:?}", path.display());
        read_files += 1;
    }
    assert!(read_files > 10);
    let key = WeaknessKey::vulnerability("CVE-2025-55182");
    let facts = catalogue.get(key.id()).unwrap();
    let estimate = likelihood(Some(facts), &key, &[], &[]);
    assert_eq!(estimate.basis, Basis::Observed);
    assert!(estimate.probability >= 0.6, "{:?}", estimate.why);
    // The same vulnerability on the portal and in the laboratory: the place makes the difference.
    let table = DeadlineTable::bod_26_04().unwrap();
    let within = |exposed| {
        let situation = Situation { automatable: Some(false), ..Situation::of(facts, Some(exposed), true) };
        table.decide(situation).unwrap().within
    };
    assert_eq!((within(true), within(false)), (Within::Days(3), Within::Days(14)));
    let quiet = WeaknessKey::vulnerability("CVE-2018-7750");
    let estimate = likelihood(catalogue.get(quiet.id()), &quiet, &[], &[]);
    assert!(estimate.probability > 0.0 && !estimate.why.is_empty());
}
