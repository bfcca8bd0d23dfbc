//! `docs/formats.md`, written from what `bartizan formats` says, so that the two cannot differ.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

const PAGE: &str = "docs/formats.md";

#[derive(Deserialize)]
struct Format {
    format: String,
    title: String,
    tool: String,
    kind: String,
    example: String,
}

/// Writes the page.
pub fn write(root: &Path, binary: &Path) -> Result<Vec<String>> {
    std::fs::write(root.join(PAGE), page(binary)?).context(PAGE)?;
    Ok(Vec::new())
}

/// Complains if the page is not what would be written.
pub fn check(root: &Path, binary: &Path) -> Result<Vec<String>> {
    let kept = std::fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    let complaint = format!("{PAGE} is stale: cargo xtask formats {}", binary.display());
    Ok(if kept == page(binary)? { Vec::new() } else { vec![complaint] })
}

fn page(binary: &Path) -> Result<String> {
    let output = Command::new(binary)
        .args(["--format", "json", "formats"])
        .output()
        .with_context(|| format!("{} cannot be run; build it first", binary.display()))?;
    ensure!(output.status.success(), "{}: {}", binary.display(), String::from_utf8_lossy(&output.stderr));
    let formats: Vec<Format> = serde_json::from_slice(&output.stdout).context("bartizan formats")?;
    render(&formats)
}

fn render(formats: &[Format]) -> Result<String> {
    let mut page = String::from(
        "<!-- Written by `cargo xtask formats` from `bartizan formats`; do not edit. -->\n\
         # What is read\n\n\
         `bartizan import FILE|DIR …` recognises a format by a file's content, not by its name. `bartizan inspect FILE`\n\
         says what a file is and holds, and stores nothing. `--as FORMAT` names the format where it is not recognised.\n\
         Files may be compressed with gzip or zstd. Each file is read whole or not at all, and every record is counted:\n\
         new, merged, unchanged, ignored (with the reason) or rejected (with its place).\n\n",
    );
    writeln!(page, "| `--as` | report | kind | how to make one |\n|---|---|---|---|")?;
    for Format { format, title, kind, example, .. } in formats {
        writeln!(page, "| `{format}` | {} | {} | {} |", cell(title), cell(kind), how(example))?;
    }
    let mut tools: Vec<&str> = formats.iter().map(|format| format.tool.as_str()).collect();
    tools.sort_unstable_by_key(|tool| tool.to_lowercase());
    tools.dedup();
    writeln!(page, "\n{} formats, of: {}.", formats.len(), tools.join(", "))?;
    page.push_str(
        "\nFeeds of intelligence (CISA KEV, EPSS, CVE records, NVD, OSV and lists of exploits) are read by\n\
         `bartizan intel import`.\n",
    );
    Ok(page)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// A command as code, an instruction as it is.
fn how(example: &str) -> String {
    let is_command = example.contains(" -") || example.contains(" > ");
    if is_command { format!("`{}`", cell(example)) } else { cell(example) }
}
