//! Drives the real binary in a folder of its own. Tests see what a user sees: files, exit codes,
//! standard output and standard error; never the library underneath.
#![allow(dead_code, reason = "each file of tests uses its part of this module")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a store of its own; both go away with it.
pub(crate) struct Place {
    folder: TempDir,
    scope: Option<PathBuf>,
}

/// What one run of the binary said.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    asked: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), scope: None }
    }

    /// A place whose commands all use this scope file.
    pub(crate) fn with_scope(scope: &Path) -> Self {
        Self { scope: Some(scope.to_owned()), ..Self::new() }
    }

    /// The same with a scope file of its own, which may be written anew.
    pub(crate) fn with_own_scope(text: &str) -> Self {
        let mut place = Self::new();
        place.scope = Some(place.write("bartizan.yaml", text));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn command<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bartizan"));
        command
            .current_dir(self.folder.path())
            .env_remove("BARTIZAN_MAX_REPORT_BYTES")
            .env("BARTIZAN_DB", self.path("store.db"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(scope) = &self.scope {
            command.arg("--scope").arg(scope);
        }
        command.args(arguments);
        command
    }

    pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Answer {
        Answer::of(arguments, self.command(arguments).output().unwrap())
    }

    /// Runs with something on standard input.
    pub(crate) fn feed<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A], input: &[u8]) -> Answer {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // The binary may refuse before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        Answer::of(arguments, child.wait_with_output().unwrap())
    }

    /// Imports files and gives back what became of each.
    pub(crate) fn import(&self, files: &[PathBuf]) -> Vec<Value> {
        // Without a terminal, answers are JSON.
        let mut arguments = vec![PathBuf::from("import")];
        arguments.extend_from_slice(files);
        let results = self.run(&arguments).list();
        for result in &results {
            counted(result);
        }
        results
    }

    /// All that a reader can learn of the store, with what may differ between equal stores left out.
    pub(crate) fn content(&self) -> String {
        let mut text = String::new();
        for command in [&["top", "-n", "100000"][..], &["tiers"], &["paths", "-k", "50"]] {
            let mut answer = self.run(command).json();
            without_times(&mut answer);
            writeln!(text, "{command:?} {answer:#}").unwrap();
        }
        text
    }

    pub(crate) fn verify(&self) -> Value {
        let verdict = self.run(&["admin", "verify", "--format", "json"]).json();
        assert_eq!(verdict["sound"], true, "{verdict}");
        verdict
    }
}

impl Answer {
    pub(crate) fn of<A: AsRef<std::ffi::OsStr>>(arguments: &[A], output: Output) -> Self {
        let asked: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
            asked: asked.join(" "),
        }
    }

    /// Fails the test unless the exit code is this one.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}\n{}", self.asked, self.text(), self.stderr);
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// The one JSON document of a run that went well.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}\n{}", self.asked, self.stderr);
        self.document()
    }

    /// The one JSON document, whatever the exit code.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}\n{}", self.asked, self.text(), self.stderr))
    }

    pub(crate) fn list(&self) -> Vec<Value> {
        match self.json() {
            Value::Array(items) => items,
            other => panic!("{} is no list: {other}", self.asked),
        }
    }
}

/// Every record has one fate.
pub(crate) fn counted(result: &Value) {
    let number = |name: &str| result[name].as_u64().unwrap_or_else(|| panic!("{name} of {result}"));
    let fates: u64 =
        ["new", "unchanged", "updated", "reopened", "ignored", "rejected"].into_iter().map(number).sum();
    assert_eq!(number("records"), fates, "{result}");
}

/// Takes out what depends on when a run was made, and on which report spoke first where several say the same.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["as_of", "imported_at"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

/// A file of the example company.
pub(crate) fn example(name: &str) -> PathBuf {
    root().join("examples/brambleford").join(name)
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A Trivy report of one image with so many findings, each with its own package.
pub(crate) fn trivy(image: &str, findings: usize) -> String {
    trivy_titled(image, findings, "A flaw")
}

pub(crate) fn trivy_titled(image: &str, findings: usize, title: &str) -> String {
    let entries: Vec<Value> = (0..findings)
        .map(|number| {
            serde_json::json!({
                "VulnerabilityID": format!("CVE-2024-{}", 10_000 + number),
                "PkgName": format!("package-{number}"),
                "InstalledVersion": "1.0.0",
                "FixedVersion": "1.0.1",
                "Severity": "HIGH",
                "Title": title,
            })
        })
        .collect();
    serde_json::json!({
        "SchemaVersion": 2,
        "CreatedAt": "2026-11-20T08:00:00Z",
        "ArtifactName": format!("registry.example.com/{image}:1.0"),
        "ArtifactType": "container_image",
        "Results": [{"Target": "alpine 3.20", "Class": "os-pkgs", "Type": "alpine", "Vulnerabilities": entries}],
    })
    .to_string()
}

/// Numbers that look random and are the same at every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `limit`, by splitmix64.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for position in (1..items.len()).rev() {
            items.swap(position, self.below(position as u64 + 1) as usize);
        }
    }
}
