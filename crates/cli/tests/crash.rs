//! An import is all or nothing, whenever its process is killed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers too")]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use support::{Dice, Place, trivy};

const KILLS: usize = 50;
/// Fewer where the binary is not optimised: what is interrupted is the same, and takes as long.
const FINDINGS: usize = if cfg!(debug_assertions) { 4_000 } else { 20_000 };

fn events(place: &Place) -> u64 {
    place.verify()["events"].as_u64().unwrap()
}

#[test]
fn killed_imports_leave_all_or_nothing() {
    let place = Place::new();
    let kept = place.write("kept.json", trivy("kept", 10));
    place.import(std::slice::from_ref(&kept));
    let large = place.write("large.json", trivy("large", FINDINGS));
    let arguments = [Path::new("import"), large.as_path()];

    // How long an undisturbed import takes here, in a store of its own.
    let elsewhere = Place::new();
    let started = Instant::now();
    assert_eq!(elsewhere.import(std::slice::from_ref(&large))[0]["new"], FINDINGS);
    let whole = started.elapsed();

    let mut dice = Dice::new(20_261_123);
    let (mut killed, mut finished, mut committed) = (0, 0, 0);
    let base = events(&place);
    for round in 0..KILLS {
        let mut child = place.command(&arguments).spawn().unwrap();
        let delay = whole.as_micros() as u64 * dice.below(1_050) / 1_000;
        std::thread::sleep(Duration::from_micros(delay));
        // On Unix this is SIGKILL: nothing of the process runs afterwards.
        child.kill().unwrap();
        let done = child.wait_with_output().unwrap().status.success();
        if done {
            finished += 1;
        } else {
            killed += 1;
        }

        // The event chain counts what was committed: each exposure that opened, and the report itself.
        let found = events(&place);
        let known = found == base + FINDINGS as u64 + 1;
        assert!(
            known || found == base,
            "round {round}: {found} events, before {base}: a part of it is there"
        );
        assert!(
            known || !done,
            "round {round}: the import said that it was done, and its report is not there"
        );
        if known {
            committed += 1;
            assert_eq!(place.import(std::slice::from_ref(&large))[0]["unchanged"], FINDINGS, "round {round}");
            // Begin again with a store without it, so that the next round has something to interrupt.
            for name in ["store.db", "store.db-wal", "store.db-shm"] {
                let _ = std::fs::remove_file(place.path(name));
            }
            place.import(std::slice::from_ref(&kept));
        }
        let state = place.import(std::slice::from_ref(&kept));
        assert_eq!(state[0]["known"], true, "round {round}: a committed report was lost: {state:?}");
    }
    eprintln!(
        "{killed} imports killed, {finished} finished first, {committed} committed, {whole:?} undisturbed"
    );
    assert!(killed >= KILLS / 2, "only {killed} were killed");

    let last = place.import(&[large]);
    assert!(last[0]["new"] == FINDINGS || last[0]["known"] == true, "{last:?}");
    place.verify();
    assert_eq!(place.run(&["top", "-n", "1000000"]).list().len(), FINDINGS + 10);
}
