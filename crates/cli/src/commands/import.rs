//! `import`: reports into the store, each one whole or not at all.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bartizan_cycle::import::{Imported, Options, Stated, files, import};
use bartizan_cycle::words::{count, thousands};
use bartizan_scope::Scope;

use crate::args::{Global, Reading};
use crate::output::{Gate, Output};
use crate::session::{Session, limits};
use crate::text::{clean, columns, fit, pad, wrap};
use crate::{clock, progress};

pub(crate) fn run(
    global: &Global,
    output: &Output,
    paths: &[PathBuf],
    reading: &Reading,
    dry_run: bool,
) -> Result<Gate> {
    let mut session = Session::open(global)?;
    let files = files(paths).context("the files cannot be listed")?;
    if files.is_empty() {
        bail!(
            "there is no file to import in {}",
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
        );
    }
    let bar = progress::bar(files.len() as u64, output.is_quiet());
    let mut results = Vec::with_capacity(files.len());
    for path in &files {
        bar.set_message(clean(&path.to_string_lossy()));
        let options = Options { dry_run, ..options(reading, session.scope.as_ref(), path)? };
        results.push(import(&mut session.store, path, &options, clock::now())?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    output.list(&results, |_| table(&results, dry_run))?;
    gate(&results)
}

/// All refused: an error. Some: the gate fails, and what could be imported is.
pub(super) fn gate(results: &[Imported]) -> Result<Gate> {
    let refused: Vec<&Imported> = results.iter().filter(|result| result.is_refused()).collect();
    match (refused.as_slice(), results.len()) {
        ([], _) => Ok(Gate::Passed),
        ([one], 1) => bail!(
            "{} was not imported: it {}; nothing changed",
            one.file,
            one.error.as_deref().unwrap_or_default()
        ),
        (all, total) if all.len() == total => {
            bail!("none of the {total} files could be imported; nothing changed")
        }
        _ => Ok(Gate::Failed),
    }
}

/// What is told from outside about a file: by the command line, else by the scope's sources.
pub(super) fn options(reading: &Reading, scope: Option<&Scope>, path: &Path) -> Result<Options> {
    let read = |file: &PathBuf| {
        std::fs::read_to_string(file)
            .with_context(|| format!("the mapping {} cannot be read", file.display()))
    };
    let stated = Stated {
        format: reading.format.as_deref(),
        asset: reading.asset.as_deref(),
        mapping: reading.mapping.as_ref().map(read).transpose()?,
    };
    Ok(Options::of(&path.to_string_lossy(), stated, scope, limits()?)?)
}

pub(super) fn table(results: &[Imported], dry_run: bool) -> String {
    let mut text = String::new();
    let name_width =
        results.iter().map(|result| short(&result.file).chars().count()).max().unwrap_or(0).clamp(8, 34);
    for result in results {
        let name = pad(short(&result.file), name_width);
        if let Some(error) = &result.error {
            let line = format!("not imported: it {error}; nothing changed");
            let _ = writeln!(
                text,
                "{}",
                wrap(&line, columns(), &format!("  {name}  "), &" ".repeat(name_width + 4))
            );
            continue;
        }
        let title = pad(result.title.unwrap_or_default(), 18);
        let records = count(result.tally.records as usize, "record", "records");
        let mut parts = Vec::new();
        if result.known {
            parts.push("unchanged: imported before".to_owned());
        } else {
            parts.push(format!("{} new", thousands(result.tally.new)));
            for (number, word) in [
                (result.tally.updated, "updated"),
                (result.tally.reopened, "reopened"),
                (result.tally.unchanged, "unchanged"),
                (result.tally.closed, "closed"),
                (result.tally.rejected, "rejected"),
            ] {
                if number > 0 {
                    parts.push(format!("{} {word}", thousands(number)));
                }
            }
            if result.tally.ignored > 0 {
                let first =
                    result.ignored_reasons.first().map(|reason| reason.reason.as_str()).unwrap_or_default();
                parts.push(format!("{} ignored ({first})", thousands(result.tally.ignored)));
            }
        }
        let _ = writeln!(
            text,
            "{}",
            fit(&format!("  {name}  {title} {records:>14}  {}", parts.join("  ")), columns().max(100))
        );
        for problem in result.problems.iter().take(5) {
            let line = format!("{}: {}", problem.at, problem.message);
            let _ = writeln!(text, "{}", wrap(&line, columns(), "    ! ", "      "));
        }
        if result.problems.len() > 5 {
            let _ = writeln!(text, "    ! and {} more; --format json names them", result.problems.len() - 5);
        }
    }
    let refused = results.iter().filter(|result| result.is_refused()).count();
    let sum = |of: fn(&Imported) -> u64| results.iter().map(of).sum::<u64>();
    let mut parts = vec![count(results.len() - refused, "imported", "imported")];
    if refused > 0 {
        parts.push(format!("{refused} refused"));
    }
    parts.push(count(sum(|result| result.tally.exposures_new) as usize, "new exposure", "new exposures"));
    parts.push(format!(
        "{} already known from other tools",
        thousands(sum(|result| result.tally.exposures_shared))
    ));
    if sum(|result| result.tally.closed) > 0 {
        parts.push(format!("{} closed", thousands(sum(|result| result.tally.closed))));
    }
    let _ = writeln!(text, "{}", wrap(&parts.join(" · "), columns(), "  ", "  "));
    if dry_run {
        text.push_str("  dry run: nothing was kept\n");
    } else if refused < results.len() {
        text.push_str("\n  what to fix first: bartizan top\n");
    }
    text
}

fn short(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}
