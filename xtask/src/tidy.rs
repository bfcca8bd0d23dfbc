//! The rules of this repository that no compiler checks: which crate may know which, who may touch files,
//! sockets, the clock and the environment, and how files look. `ARCHITECTURE.md` says why.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::metadata::Metadata;

/// A crate may depend on crates of lower layers only; so phases do not know each other.
const LAYERS: &[(&str, u8)] = &[
    ("bartizan-model", 0),
    ("bartizan-intake", 1),
    ("bartizan-scope", 2),
    ("bartizan-discover", 2),
    ("bartizan-intel", 2),
    ("bartizan-iam", 2),
    ("bartizan-graph", 2),
    ("bartizan-prioritize", 2),
    ("bartizan-validate", 2),
    ("bartizan-mobilize", 2),
    ("bartizan-measure", 2),
    ("bartizan-store", 2),
    ("bartizan-cycle", 3),
    ("bartizan-server", 4),
    ("bartizan", 5),
];

/// For tests and benchmarks only: never shipped.
const DEVELOPMENT: &[&str] = &["bartizan-testkit", "xtask"];

/// Foreign crates that only the named crates may ship.
const RESERVED: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("axum", &["server"]),
    ("hyper", &["server"]),
    ("tower-http", &["server"]),
    ("utoipa-axum", &["server"]),
    ("rustls", &["validate"]),
    ("flate2", &["intake"]),
    ("zip", &["intake"]),
    ("encoding_rs", &["intake"]),
];

/// Words that only the named crates may write in what they ship, and what they stand for.
const GUARDED: &[(&str, &[&str], &[&str])] = &[
    (
        "files",
        &["std::fs", "File::open", "File::create", "OpenOptions", "tokio::fs"],
        &["intake", "store", "cycle", "server", "cli"],
    ),
    ("outgoing connections", &["TcpStream", "UdpSocket", "ToSocketAddrs", "lookup_host"], &["validate"]),
    ("listening", &["TcpListener", "UnixListener"], &["server"]),
    ("the environment", &["std::env::", "env::var"], &["cli"]),
    ("other programs", &["process::Command"], &[]),
    ("the clock", &["SystemTime::now", "Timestamp::now", "Zoned::now"], &["cli"]),
    ("a stopwatch", &["Instant::now"], &["cli", "server", "validate"]),
];

/// What is not left behind.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "FIXME", "XXX", "dbg!("];

const LONGEST_FILE: usize = 700;

/// Longer files, each with its reason.
const LONG_FILES: &[(&str, &str)] =
    &[("crates/iam/tests/methods.rs", "one test for each method of privilege escalation, read side by side")];

/// Everything that is not as it should be, one line each.
pub fn complaints(root: &Path, metadata: &Metadata) -> Result<Vec<String>> {
    let mut complaints = directions(metadata);
    complaints.extend(reserved(metadata));
    for package in metadata.packages.iter().filter(|package| package.source.is_none()) {
        let manifest = std::fs::read_to_string(&package.manifest_path).context("Cargo.toml")?;
        if !manifest.contains("[lints]\nworkspace = true") {
            complaints.push(format!("{}: does not take the workspace's lints", package.name));
        }
    }
    let mut seen_long = BTreeSet::new();
    for path in sources(root)? {
        let text = std::fs::read_to_string(root.join(&path)).with_context(|| path.display().to_string())?;
        let name = path.to_string_lossy().replace('\\', "/");
        if text.lines().count() > LONGEST_FILE {
            seen_long.insert(name.clone());
        }
        complaints.extend(file_complaints(&name, &text));
    }
    for (name, _) in LONG_FILES {
        if !seen_long.contains(*name) {
            complaints.push(format!("{name}: listed as long, but is not (or is gone)"));
        }
    }
    Ok(complaints)
}

fn directions(metadata: &Metadata) -> Vec<String> {
    let layers: BTreeMap<&str, u8> = LAYERS.iter().copied().collect();
    let mut complaints = Vec::new();
    for package in metadata.packages.iter().filter(|package| package.source.is_none()) {
        if DEVELOPMENT.contains(&package.name.as_str()) {
            continue;
        }
        let Some(layer) = layers.get(package.name.as_str()) else {
            complaints.push(format!("{}: has no layer in xtask/src/tidy.rs", package.name));
            continue;
        };
        for dependency in package.shipped() {
            if DEVELOPMENT.contains(&dependency) {
                complaints.push(format!("{}: ships {dependency}, which is for tests", package.name));
            }
            if layers.get(dependency).is_some_and(|lower| lower >= layer) {
                complaints.push(format!("{}: must not know {dependency}", package.name));
            }
        }
    }
    complaints
}

fn reserved(metadata: &Metadata) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in metadata.packages.iter().filter(|package| package.source.is_none()) {
        let short = package.name.strip_prefix("bartizan-").unwrap_or("cli");
        for dependency in package.shipped() {
            let owners = RESERVED.iter().find(|(name, _)| *name == dependency);
            if let Some((_, owners)) = owners.filter(|(_, owners)| !owners.contains(&short)) {
                complaints.push(format!("{}: {dependency} is for {} only", package.name, owners.join(", ")));
            }
        }
    }
    complaints
}

/// Every Rust file of the workspace, relative to the root, in order.
fn sources(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.join("crates"), root.join("xtask")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    Ok(found)
}

/// What one file is complained of; `name` is its path from the root, with `/`.
fn file_complaints(name: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST_FILE && !LONG_FILES.iter().any(|(long, _)| *long == name) {
        complaints.push(format!(
            "{name}: {lines} lines; is it two files? (more than {LONGEST_FILE} need a reason)"
        ));
    }
    if !text.starts_with("//!") {
        complaints.push(format!("{name}: does not begin by saying what it is for (//!)"));
    }
    let Some(owner) =
        name.strip_prefix("crates/").and_then(|rest| rest.split_once("/src/")).map(|(name, _)| name)
    else {
        return complaints;
    };
    for (number, line) in shipped_lines(name, text) {
        for (what, words, owners) in GUARDED {
            if !owners.contains(&owner) && words.iter().any(|word| line.contains(word)) {
                complaints.push(format!("{name}:{number}: {what} must not be touched in {owner}"));
            }
        }
        if let Some(word) = UNFINISHED.iter().find(|word| line.contains(**word)) {
            complaints.push(format!("{name}:{number}: {word} is left"));
        }
    }
    complaints
}

/// The numbered lines that end up in the product: no tests (modules of tests stand last), no comments.
fn shipped_lines<'t>(name: &str, text: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
    let is_test = name.ends_with("/tests.rs") || name.contains("/tests/");
    text.lines()
        .enumerate()
        .take_while(move |(_, line)| !is_test && *line != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Dependency, Package};

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: None,
            source: None,
            manifest_path: String::new(),
            dependencies: dependencies
                .iter()
                .map(|name| Dependency { name: (*name).to_owned(), kind: None })
                .collect(),
        }
    }

    #[test]
    fn phases_must_not_know_each_other_nor_what_is_above() {
        let packages = vec![
            package("bartizan-graph", &["bartizan-model", "bartizan-intel"]),
            package("bartizan-store", &["bartizan-cycle", "rusqlite"]),
            package("bartizan-cycle", &["bartizan-graph", "bartizan-testkit", "rusqlite"]),
        ];
        let metadata = Metadata { packages };
        assert_eq!(
            directions(&metadata),
            [
                "bartizan-graph: must not know bartizan-intel",
                "bartizan-store: must not know bartizan-cycle",
                "bartizan-cycle: ships bartizan-testkit, which is for tests",
            ]
        );
        assert_eq!(reserved(&metadata), ["bartizan-cycle: rusqlite is for store only"]);
    }

    #[test]
    fn words_count_in_what_is_shipped_only() {
        let text = "//! A reader.\n// std::fs is not used\nfn a() { std::fs::read(\"x\"); }\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        assert_eq!(
            file_complaints("crates/graph/src/a.rs", text),
            ["crates/graph/src/a.rs:3: files must not be touched in graph"]
        );
        assert!(file_complaints("crates/store/src/a.rs", text).is_empty());
        assert!(file_complaints("crates/graph/tests/a.rs", text).is_empty());
    }

    #[test]
    fn long_files_and_silent_files_are_named() {
        let text = "fn a() {}\n".repeat(LONGEST_FILE + 1);
        assert_eq!(file_complaints("crates/graph/src/a.rs", &text).len(), 2);
    }
}
