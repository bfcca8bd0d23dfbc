//! `cargo xtask CHORE`: see [`USAGE`].

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore tells how it went")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use xtask::{bench_import, formats, licences, metadata, root, tidy};

const USAGE: &str = "\
cargo xtask tidy                          the rules of this repository that no compiler checks
cargo xtask licences                      licences, bans and sources of all dependencies, by deny.toml
cargo xtask formats [--check] BARTIZAN    write docs/formats.md from that binary, or see whether it is fresh
cargo xtask bench-import BARTIZAN         time imports with that (release) binary; prints JSON";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match chore(&words) {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            eprintln!("{}", complaints.join("\n"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// Does one chore and returns what it has to complain about.
fn chore(words: &[&str]) -> Result<Vec<String>> {
    match words {
        ["tidy"] => tidy::complaints(&root(), &metadata::read(&root())?),
        ["licences"] => {
            let complaints = licences::complaints(&root(), &metadata::read(&root())?)?;
            if complaints.is_empty() {
                println!("licences, bans and sources: all as deny.toml says");
            }
            Ok(complaints)
        }
        ["formats", binary] => formats::write(&root(), &PathBuf::from(binary)),
        ["formats", "--check", binary] => formats::check(&root(), &PathBuf::from(binary)),
        ["bench-import", binary] => {
            println!("{}", bench_import::run(&root(), &PathBuf::from(binary))?);
            Ok(Vec::new())
        }
        _ => bail!("{USAGE}"),
    }
}
