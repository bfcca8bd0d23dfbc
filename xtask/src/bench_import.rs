//! The import rows of the benchmark: processor time and memory of the release binary on generated reports.
//!
//! The report is a function of a seed. A row whose counts are not as they must be has no time: a fast wrong
//! answer is not an answer. Processor time and memory are read from `/proc`, so this runs on Linux only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

const FINDINGS: u64 = 10_000;
/// How many findings of the last report are not in the first ones.
const EXCHANGED: u64 = 1_000;
const SEED: u64 = 1;

/// What an import took.
struct Cost {
    cpu_seconds: f64,
    /// The highest that was seen; a short peak at the very end may be missed.
    peak_mebibytes: f64,
}

pub fn run(root: &Path, binary: &Path) -> Result<String> {
    let folder = root.join("target/bench");
    fs::create_dir_all(&folder)?;
    let store = folder.join("import.db");
    for ending in ["", "-wal", "-shm"] {
        let path = PathBuf::from(format!("{}{ending}", store.display()));
        if path.exists() {
            fs::remove_file(&path)?;
        }
    }
    let write = |name: &str, first: u64, hour: u8| -> Result<PathBuf> {
        let path = folder.join(name);
        fs::write(&path, serde_json::to_vec(&report(first, hour))?)?;
        Ok(path)
    };
    let first = write("trivy-first.json", 0, 1)?;
    let later = write("trivy-later.json", 0, 2)?;
    let exchanged = write("trivy-exchanged.json", EXCHANGED, 3)?;

    let rows = [
        row(
            "import Trivy JSON, 10,000 findings",
            binary,
            &store,
            &first,
            FINDINGS,
            &json!({ "peer": "DefectDojo 3.2.0: 107.6 CPU-s, 310 MB", "to_reach": "20,000 findings per CPU-second, 150 MB" }),
        )?,
        row(
            "the same file again",
            binary,
            &store,
            &first,
            0,
            &json!({ "peer": "DefectDojo 3.2.0: 17.4 CPU-s", "to_reach": "nothing new; no slower than the first" }),
        )?,
        row(
            "the same findings, scanned an hour later",
            binary,
            &store,
            &later,
            0,
            &json!({ "peer": "DefectDojo 3.2.0: 17.4 CPU-s", "to_reach": "nothing new; no slower than the first" }),
        )?,
        row(
            "1,000 gone and 1,000 new of 10,000",
            binary,
            &store,
            &exchanged,
            EXCHANGED,
            &json!({ "peer": "DefectDojo 3.2.0: 52.9 CPU-s", "to_reach": "1 CPU-s" }),
        )?,
    ];
    Ok(serde_json::to_string_pretty(&json!({ "rows": rows }))?)
}

/// Imports one report and says what it took, if exactly so many exposures were new.
fn row(work: &str, binary: &Path, store: &Path, report: &Path, new: u64, reference: &Value) -> Result<Value> {
    let (results, cost) = import(binary, store, report)?;
    let counts = &results[0];
    if counts["exposures_new"].as_u64() != Some(new) || !counts["error"].is_null() {
        return Ok(
            json!({ "work": work, "differs": format!("{new} new were to be expected"), "counts": counts }),
        );
    }
    Ok(json!({
        "work": work,
        "cpu_seconds": round(cost.cpu_seconds),
        "findings_per_cpu_second": (FINDINGS as f64 / cost.cpu_seconds.max(0.01)).round(),
        "peak_mebibytes": round(cost.peak_mebibytes),
        "reference": reference,
    }))
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn import(binary: &Path, store: &Path, report: &Path) -> Result<(Value, Cost)> {
    let before = children_seconds()?;
    let mut child = Command::new(binary)
        .args(["--quiet", "--offline", "--db"])
        .arg(store)
        .arg("import")
        .arg(report)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be run; build it first", binary.display()))?;
    let mut peak: u64 = 0;
    while child.try_wait()?.is_none() {
        peak = peak.max(high_water_kibibytes(child.id()).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the import of {} failed", report.display());
    let cost = Cost { cpu_seconds: children_seconds()? - before, peak_mebibytes: peak as f64 / 1024.0 };
    let results = serde_json::from_slice(&output.stdout).context("bartizan import printed no JSON")?;
    Ok((results, cost))
}

/// User and system time of all processes that were waited for, from ticks of 10 ms.
fn children_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("processor time is read from /proc")?;
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect::<Vec<_>>());
    let ticks = |index: usize| fields.as_ref()?.get(index)?.parse::<f64>().ok();
    Ok(ticks(13).zip(ticks(14)).map(|(user, system)| user + system).context("/proc/self/stat")? / 100.0)
}

fn high_water_kibibytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A report in the shape that Trivy writes for a container image, with findings `first..first + FINDINGS`.
fn report(first: u64, hour: u8) -> Value {
    let vulnerabilities: Vec<Value> = (first..first + FINDINGS).map(vulnerability).collect();
    json!({
        "SchemaVersion": 2,
        "CreatedAt": format!("2026-03-01T{hour:02}:00:00Z"),
        "ArtifactName": "registry.example.com/shop/api:1.4.2",
        "ArtifactType": "container_image",
        "Metadata": {
            "OS": { "Family": "debian", "Name": "12.5" },
            "ImageID": format!("sha256:{:064x}", 0xb4_u8),
            "RepoTags": ["registry.example.com/shop/api:1.4.2"],
            "RepoDigests": [format!("registry.example.com/shop/api@sha256:{:064x}", 0xd1_u8)],
        },
        "Results": [{
            "Target": "registry.example.com/shop/api:1.4.2 (debian 12.5)",
            "Class": "os-pkgs",
            "Type": "debian",
            "Vulnerabilities": vulnerabilities,
        }],
    })
}

/// One finding, a function of its number: two in a row are in the same package.
fn vulnerability(number: u64) -> Value {
    let random = scramble(number ^ SEED.rotate_left(32));
    let package = format!("libsample{}", number / 2);
    let version = format!("1.{}.{}-{}", number / 2 % 40, number / 2 % 7, number / 2 % 5 + 1);
    let severity = ["LOW", "MEDIUM", "HIGH", "CRITICAL"][(random % 4) as usize];
    let id = format!("CVE-{}-{}", 2015 + number % 10, 10_000 + number);
    json!({
        "VulnerabilityID": id,
        "PkgID": format!("{package}@{version}"),
        "PkgName": package,
        "PkgIdentifier": { "PURL": format!("pkg:deb/debian/{package}@{version}?arch=amd64&distro=debian-12.5") },
        "InstalledVersion": version,
        "FixedVersion": if random.is_multiple_of(3) { String::new() } else { format!("2.0.{}", random % 9) },
        "Status": if random.is_multiple_of(3) { "affected" } else { "fixed" },
        "Layer": { "DiffID": format!("sha256:{:064x}", random % 12) },
        "SeveritySource": "debian",
        "PrimaryURL": format!("https://vulnerabilities.example/{id}"),
        "Title": format!("{package}: sample weakness number {number}"),
        "Description": format!("A sample of what a report says about {package}. ").repeat((random % 8 + 2) as usize),
        "Severity": severity,
        "CweIDs": [format!("CWE-{}", [20, 79, 89, 119, 125, 190, 416, 787][(random % 8) as usize])],
        "CVSS": { "nvd": { "V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "V3Score": 7.5 } },
        "References": [format!("https://vulnerabilities.example/{id}"), format!("https://changes.example/{package}")],
        "PublishedDate": format!("{}-0{}-1{}T00:00:00Z", 2015 + number % 10, random % 9 + 1, random % 10),
    })
}

/// SplitMix64 (Steele, Lea and Flood, 2014): one well-mixed number for each.
fn scramble(number: u64) -> u64 {
    let mut value = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
