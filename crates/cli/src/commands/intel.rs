//! `intel`: feeds in, and what is loaded.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Result, bail};
use bartizan_cycle::intelligence::{self, FeedImported, loaded};
use bartizan_cycle::words::{count, day, thousands};

use crate::args::{Global, IntelAction};
use crate::clock;
use crate::output::{Gate, Output};
use crate::session::{limits, open_store};
use crate::text::{columns, fit, pad, wrap};

pub(crate) fn run(global: &Global, output: &Output, action: &IntelAction) -> Result<Gate> {
    match action {
        IntelAction::Import { files } => import(global, output, files),
        IntelAction::Status => status(global, output),
    }
}

fn import(global: &Global, output: &Output, files: &[PathBuf]) -> Result<Gate> {
    let mut store = open_store(&global.db)?;
    let mut results: Vec<FeedImported> = Vec::new();
    for path in bartizan_cycle::import::files(files)? {
        results.push(intelligence::import(&mut store, &path, limits()?, clock::now())?);
    }
    output.list(&results, |_| {
        let mut text = String::new();
        for result in &results {
            if let Some(error) = &result.error {
                let line = format!("{} was not imported: it {error}; nothing changed", result.file);
                let _ = writeln!(text, "{}", wrap(&line, columns(), "  ", "    "));
                continue;
            }
            let line = format!(
                "  {}  {}  {}  {} changed  {} rejected",
                pad(result.file.rsplit('/').next().unwrap_or_default(), 34),
                pad(result.feed.as_deref().unwrap_or_default(), 8),
                count(result.records as usize, "record", "records"),
                thousands(result.changed),
                thousands(result.rejected)
            );
            let _ = writeln!(text, "{}", fit(&line, columns()));
        }
        text
    })?;
    let refused = results.iter().filter(|result| result.error.is_some()).count();
    if refused > 0 && refused == results.len() {
        bail!("no feed could be imported; nothing changed");
    }
    Ok(if refused == 0 { Gate::Passed } else { Gate::Failed })
}

fn status(global: &Global, output: &Output) -> Result<Gate> {
    let loaded = loaded(&open_store(&global.db)?, clock::now())?;
    output.object(&loaded, |_| {
        if loaded.feeds.is_empty() {
            return "No intelligence is loaded: what is exploited in the wild and how likely it is are unknown.\nLoad feeds from files: bartizan intel import known_exploited_vulnerabilities.json epss_scores.csv.gz\n".to_owned();
        }
        let mut text = String::new();
        for feed in &loaded.feeds {
            let old = match (feed.date, feed.age_days) {
                (Some(date), Some(age)) => format!("of {}, {age} days old", day(date)),
                _ => "no date".to_owned(),
            };
            let version = feed.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
            let line = format!("  {}{version}: {} records, {old}", feed.feed, thousands(feed.records));
            let _ = writeln!(text, "{}", fit(&line, columns()));
        }
        let _ = writeln!(text, "  {} vulnerabilities are known to it", thousands(loaded.vulnerabilities));
        text
    })?;
    Ok(Gate::Passed)
}
