//! Files that are cut, foreign or hostile: an error that says where and why, and nothing changes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers too")]

mod support;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Answer, Place, example, trivy};

/// A store with something in it.
fn filled() -> Place {
    let place = Place::new();
    place.import(&[example("reports/checkov-dockerfile.json"), example("reports/nmap-laboratory.xml")]);
    place
}

/// The file is refused: exit 2, one line with its name and the reason, and the store is as it was.
#[track_caller]
fn refused(place: &Place, file: &Path, reasons: &[&str]) {
    let (before, events) = (place.content(), place.verify());
    let answer = place.run(&[Path::new("import"), file]);
    one_line(&answer, file, reasons);
    let results = answer.document();
    assert_eq!(results[0]["records"], 0, "{results}");
    assert!(results[0]["error"].is_string(), "{results}");
    assert_eq!(before, place.content(), "{} changed the store", file.display());
    assert_eq!(before_imports(&events), before_imports(&place.verify()));
}

/// Looking makes rankings, which are events; an import makes at least one more.
fn before_imports(verdict: &serde_json::Value) -> (serde_json::Value, serde_json::Value) {
    (verdict["damage"].clone(), verdict["events"].clone())
}

#[track_caller]
fn one_line(answer: &Answer, file: &Path, reasons: &[&str]) {
    assert_eq!(answer.code, 2, "{}\n{}", file.display(), answer.stderr);
    assert_eq!(answer.stderr.trim_end().lines().count(), 1, "{}", answer.stderr);
    assert!(answer.stderr.starts_with("error: "), "{}", answer.stderr);
    assert!(answer.stderr.contains(&*file.to_string_lossy()), "{}", answer.stderr);
    for reason in reasons {
        assert!(answer.stderr.contains(reason), "no {reason:?} in {}", answer.stderr);
    }
}

fn nmap() -> String {
    std::fs::read_to_string(example("reports/nmap-depot-north.xml")).unwrap()
}

fn utf_16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}

#[test]
fn truncated_reports_are_refused_with_the_place() {
    let place = filled();
    let xml = nmap();
    let json = std::fs::read_to_string(example("reports/checkov-terraform.json")).unwrap();
    refused(&place, &place.write("cut.xml", &xml[..6000]), &["truncated at byte 6000", "inside nmaprun"]);
    refused(&place, &place.write("cut.json", &json[..30_000]), &["truncated at byte 30000", "failed_checks"]);
    // Cut so late that all findings are there.
    let end = xml.rfind("</nmaprun>").unwrap();
    refused(&place, &place.write("late.xml", &xml[..end]), &["truncated at byte"]);
    let end = json.trim_end().len() - 1;
    refused(&place, &place.write("late.json", &json[..end]), &["truncated at byte"]);
}

#[test]
fn every_cut_of_a_report_is_refused() {
    let place = filled();
    let report = trivy("shop", 20);
    for step in 1..40 {
        let end = report.len() * step / 40;
        let file = place.write("cut.json", &report[..end]);
        one_line(&place.run(&[Path::new("import"), &file]), &file, &["cut.json"]);
    }
    assert_eq!(place.import(&[place.write("whole.json", &report)])[0]["new"], 20);
}

#[test]
fn empty_foreign_and_missing_files_are_refused() {
    let place = filled();
    refused(&place, &place.write("empty.json", ""), &["is empty"]);
    refused(&place, &place.write("blank.json", "  \n\n"), &["is empty"]);
    refused(&place, &place.write("foreign.json", "{\"hello\": 1}"), &["keys hello", "bartizan formats"]);
    refused(&place, &place.write("notes.txt", "Buy milk, and bread."), &["not in any format"]);
    refused(&place, &place.write("page.xml", "<html><body/></html>"), &["root element <html>"]);
    refused(&place, &place.path("nowhere.json"), &["cannot be opened"]);
    refused(&place, &place.write("bytes.bin", [0xff, 0x00, 0x13, 0x80, 0x81, 0x82]), &["bytes.bin"]);
}

#[test]
fn a_damaged_middle_is_refused_with_the_place() {
    let place = filled();
    let report = trivy("shop", 50).replacen("\"PkgName\":\"package-30\"", "\"PkgName\" \"package-30\"", 1);
    refused(&place, &place.write("damaged.json", report), &["line 1", "Results[0]"]);
    let xml = nmap().replacen("</ports>", "</port>", 1);
    refused(&place, &place.write("damaged.xml", xml), &["not valid XML at byte"]);
}

#[test]
fn encodings_that_are_declared_are_read() {
    let place = filled();
    let json = trivy("shop", 3).replace("A flaw", "Ein Fehler in Überläufen");
    let read = |name: &str, bytes: Vec<u8>| {
        let result = place.import(&[place.write(name, bytes)]);
        assert!(result[0]["records"].as_u64() > Some(0), "{result:?}");
    };
    read("bom.json", [b"\xef\xbb\xbf".as_slice(), json.as_bytes()].concat());
    read("utf-16.json", utf_16(&json));
    read("utf-16.xml", utf_16(&nmap().replace("UTF-8", "UTF-16")));
    read("latin.xml", latin_1(&nmap().replace("Debian", "D\u{e9}bian").replace("UTF-8", "ISO-8859-1")));
    let top = place.run(&["top", "-n", "100", "--format", "json"]).exits(0).text();
    assert!(top.contains("Überläufen"), "{top}");
}

#[test]
fn bytes_in_no_declared_encoding_are_refused_with_their_place() {
    let place = filled();
    let xml = latin_1(&nmap().replace("Debian", "D\u{e9}bian"));
    let at = xml.iter().position(|byte| *byte == 0xe9).unwrap();
    refused(&place, &place.write("latin.xml", xml), &[&format!("byte {at} is not valid UTF-8")]);
    let json = latin_1(&trivy("shop", 3).replacen("A flaw", "\u{e9}", 1));
    let at = json.iter().position(|byte| *byte == 0xe9).unwrap();
    refused(&place, &place.write("latin.json", json), &[&format!("byte {at} is not valid UTF-8")]);
}

#[test]
fn oversized_reports_are_refused() {
    let place = filled();
    let file = place.write("large.json", trivy("shop", 500));
    let before = place.content();
    let limited = |bytes: &str| {
        let mut command = place.command(&[Path::new("import"), &file]);
        Answer::of(&[&file], command.env("BARTIZAN_MAX_REPORT_BYTES", bytes).output().unwrap())
    };
    one_line(&limited("10000"), &file, &["limit of 10000 bytes", "BARTIZAN_MAX_REPORT_BYTES"]);
    let wrong = limited("plenty");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("not a number of bytes"), "{}", wrong.stderr);
    assert_eq!(before, place.content());
    limited("10000000").exits(0);
}

#[test]
fn deep_nesting_is_refused_and_takes_no_stack() {
    let place = filled();
    let depth = 200_000;
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let within = |value: &str| {
        format!("{{\"SchemaVersion\":2,\"ArtifactName\":\"a\",\"ArtifactType\":\"x\",\"Results\":[{value}]}}")
    };
    let vulnerability = format!("{{\"Vulnerabilities\":[{{\"VulnerabilityID\":{}}}]}}", nested("[", "]"));
    let field = ["nested deeper than 128 levels", "line 1", "Results[0].Vulnerabilities[0]"];
    refused(&place, &place.write("value.json", within(&vulnerability)), &field);
    // Where no reader looks it counts, too.
    refused(&place, &place.write("list.json", within(&nested("[", "]"))), &["nested deeper than"]);
    let unread = format!("{},\"x\":{}}}", within("{}").trim_end_matches('}'), nested("[", "]"));
    refused(&place, &place.write("unread.json", unread), &["nested deeper than"]);
    refused(&place, &place.write("bare.json", nested("[", "]")), &["bare.json"]);
    let xml = nmap().replacen("<ports>", &format!("<ports>{}", nested("<a>", "</a>")), 1);
    refused(&place, &place.write("deep.xml", xml), &["nested deeper than"]);
}

#[test]
fn a_cut_gzip_file_is_refused() {
    let place = filled();
    let report = trivy("shop", 100).into_bytes();
    // One stored block, as gzip writes what it cannot pack; cut inside it.
    let length = u16::try_from(report.len()).unwrap();
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1];
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(&report[..report.len() - 100]);
    refused(&place, &place.write("report.json.gz", packed.clone()), &["truncated", "compressed"]);
    // Whole content, but the checksum behind it is missing.
    packed.extend(&report[report.len() - 100..]);
    refused(&place, &place.write("report.json.gz", packed), &["truncated", "compressed"]);
}

#[test]
fn one_bad_file_of_a_hundred_leaves_ninety_nine() {
    let place = Place::new();
    for number in 0..99 {
        place.write(
            &format!("all/part-{}/report-{number:02}.json", number % 3),
            trivy(&format!("image-{number}"), 2),
        );
    }
    let whole = trivy("image-99", 2);
    place.write("all/part-1/report-99.json", &whole[..whole.len() / 2]);
    let answer = place.run(&["import", "all"]).exits(1);
    let results = answer.document();
    let results = results.as_array().unwrap();
    assert_eq!(results.len(), 100);
    let (bad, good): (Vec<_>, Vec<_>) = results.iter().partition(|result| result["error"].is_string());
    assert_eq!(bad.len(), 1);
    assert!(bad[0]["file"].as_str().unwrap().ends_with("report-99.json"), "{}", bad[0]);
    assert!(bad[0]["error"].as_str().unwrap().contains("truncated at byte"), "{}", bad[0]);
    for result in good {
        support::counted(result);
        assert_eq!(result["new"], 2, "{result}");
    }
    assert_eq!(place.run(&["top", "-n", "1000"]).list().len(), 198);
    // All of them bad: an error.
    place.write("none/a.json", "{");
    place.write("none/b.json", "[");
    assert!(place.run(&["import", "none"]).exits(2).stderr.contains("none of the 2 files"));
}

#[test]
fn a_folder_without_files_is_an_error() {
    let place = Place::new();
    std::fs::create_dir(place.path("nothing")).unwrap();
    let answer = place.run(&["import", "nothing"]).exits(2);
    assert!(answer.stderr.contains("no file to import in nothing"), "{}", answer.stderr);
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let place = Place::new();
    let text = place.write("store.db", "these are notes, longer than the header of a database file, which is 100 bytes; not one of those at all");
    let answer = place.run(&["import".into(), example("reports/checkov-dockerfile.json")]).exits(2);
    assert!(answer.stderr.contains("is not a Bartizan store"), "{}", answer.stderr);
    assert!(std::fs::read_to_string(text).unwrap().starts_with("these are notes"));
    let nowhere = place.run(&["--db", "no/such/folder/store.db", "top"]).exits(2);
    assert!(nowhere.stderr.contains("no/such/folder/store.db"), "{}", nowhere.stderr);
    assert!(!place.path("no").exists());
}

/// On a file system of its own that is too small, mounted where only the test sees it.
#[test]
fn a_full_disk_is_a_clear_error_and_changes_nothing() {
    let place = Place::new();
    std::fs::create_dir(place.path("disk")).unwrap();
    place.write("small.json", trivy("small", 2));
    place.write("large.json", trivy("large", 20_000));
    let script = r#"mount -t tmpfs -o size=2m none disk || exit 77
        "$0" import --db disk/store.db small.json || exit 1
        "$0" import --db disk/store.db large.json 2> error; echo $? > code
        "$0" admin verify --db disk/store.db > verdict && "$0" top -n 100 --db disk/store.db > top"#;
    let mut command = std::process::Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_bartizan")]);
    let output = command.current_dir(place.path(".")).env("SQLITE_TMPDIR", place.path(".")).output();
    let Ok(output) = output else { return eprintln!("skipped: there is no unshare") };
    if output.status.code() == Some(77) || String::from_utf8_lossy(&output.stderr).contains("unshare failed")
    {
        return eprintln!("skipped: nothing may be mounted here");
    }
    assert!(output.status.success(), "{output:?}");
    let said = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    assert_eq!(said("code").trim(), "2");
    assert!(said("error").contains("the disk is full; nothing was changed"), "{}", said("error"));
    let verdict: serde_json::Value = serde_json::from_str(&said("verdict")).unwrap();
    assert_eq!(verdict["sound"], true);
    let top: serde_json::Value = serde_json::from_str(&said("top")).unwrap();
    assert_eq!(top.as_array().unwrap().len(), 2);
}

/// An import that waits for the rest of its report holds the store for writers, not for readers.
#[test]
fn a_second_import_waits_or_says_that_the_store_is_locked() {
    let place = filled();
    let report = trivy("slow", 5_000);
    let (first, rest) = report.as_bytes().split_at(report.len() / 2);
    let mut slow = place.command(&["import", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = slow.stdin.take().unwrap();
    input.write_all(first).unwrap();
    input.flush().unwrap();
    std::thread::sleep(Duration::from_millis(500));

    let small = place.write("small.json", trivy("small", 1));
    let started = Instant::now();
    let locked = place.run(&[Path::new("import"), &small]).exits(2);
    assert!(locked.stderr.contains("locked by another process"), "{}", locked.stderr);
    assert!(locked.stderr.trim_end().lines().count() == 1, "{}", locked.stderr);
    assert!(started.elapsed() > Duration::from_secs(2), "it did not wait at all");
    assert_eq!(place.run(&["admin", "verify"]).exits(0).json()["sound"], true);

    // One that comes shortly before the end waits and gets its turn.
    let waiting = place.command(&[Path::new("import"), &small]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    input.write_all(rest).unwrap();
    drop(input);
    let slow = Answer::of(&["import -"], slow.wait_with_output().unwrap()).exits(0);
    assert_eq!(slow.json()[0]["new"], 5_000);
    let waited = Answer::of(&["import small.json"], waiting.wait_with_output().unwrap()).exits(0);
    assert_eq!(waited.json()[0]["new"], 1);
    place.verify();
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    place.import(&[place.write("many.json", trivy("shop", 2_000))]);
    goes_away(&place, &["json", "table", "ndjson"]);
}

#[test]
fn a_reader_of_csv_that_goes_away_is_no_error() {
    let place = Place::new();
    place.import(&[place.write("many.json", trivy("shop", 2_000))]);
    goes_away(&place, &["csv"]);
}

#[track_caller]
fn goes_away(place: &Place, formats: &[&str]) {
    for format in formats {
        let mut child = place.command(&["top", "-n", "100000", "--format", format]).spawn().unwrap();
        let mut first = [0; 1];
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut first).unwrap();
        drop(out);
        let answer = Answer::of(&["top"], child.wait_with_output().unwrap()).exits(0);
        assert_eq!(answer.stderr, "", "{format}");
    }
}

#[test]
fn wrong_settings_are_refused_before_anything_is_read() {
    let place = filled();
    let file = place.write("report.json", trivy("shop", 1));
    let before = place.content();
    let ask = |arguments: &[&str]| {
        let mut all: Vec<PathBuf> = vec!["import".into(), file.clone()];
        all.extend(arguments.iter().map(PathBuf::from));
        place.run(&all).exits(2).stderr
    };
    assert!(ask(&["--asset", " "]).contains("the asset is empty"));
    assert!(ask(&["--mapping", "nowhere.yaml"]).contains("nowhere.yaml"));
    assert!(ask(&["--scope", "nowhere.yaml"]).contains("nowhere.yaml"));
    assert_eq!(before, place.content());
}

#[test]
fn an_unknown_format_is_refused() {
    let place = filled();
    let file = place.write("report.json", trivy("shop", 1));
    let answer = place.run(&["import".into(), file, "--as".into(), PathBuf::from("no-such-format")]).exits(2);
    assert!(answer.stderr.contains("no format called \"no-such-format\""), "{}", answer.stderr);
}
