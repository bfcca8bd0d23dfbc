//! `inspect`: what reports are and hold, nothing stored.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use bartizan_cycle::inspect::{Inspection, inspect};
use bartizan_cycle::words::{count, minute};

use super::import::options;
use crate::args::{Global, Reading};
use crate::output::{Gate, Output};
use crate::session::load_scope;
use crate::text::{clean, columns, wrap};

pub(crate) fn run(global: &Global, output: &Output, files: &[PathBuf], reading: &Reading) -> Result<Gate> {
    let scope = load_scope(global)?;
    let mut inspections = Vec::new();
    for path in bartizan_cycle::import::files(files)? {
        let options = options(reading, scope.as_ref(), &path)?;
        inspections.push(inspect(&path, options.format.as_deref(), &options.context, options.limits));
    }
    output.list(&inspections, |output| table(output, &inspections))?;
    let refused = inspections.iter().filter(|inspection| inspection.error.is_some()).count();
    match refused {
        0 => Ok(Gate::Passed),
        _ if refused == inspections.len() => {
            let first =
                inspections.iter().find_map(|inspection| inspection.error.as_deref()).unwrap_or_default();
            anyhow::bail!(
                "{} {first}",
                inspections.first().map(|inspection| inspection.file.as_str()).unwrap_or_default()
            )
        }
        _ => Ok(Gate::Failed),
    }
}

fn table(output: &Output, inspections: &[Inspection]) -> String {
    let mut text = String::new();
    for inspection in inspections {
        let _ = writeln!(text, "{}", output.strong(&clean(&inspection.file)));
        if let Some(error) = &inspection.error {
            let _ =
                writeln!(text, "{}\n", wrap(&format!("cannot be read: it {error}"), columns(), "  ", "  "));
            continue;
        }
        let version =
            inspection.tool_version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
        let when = inspection.scanned_at.map_or_else(|| "the report gives no time".to_owned(), minute);
        let _ = writeln!(
            text,
            "  {}, made by {}{} ({when})",
            inspection.title.unwrap_or("unknown"),
            clean(inspection.tool.as_deref().unwrap_or("an unknown tool")),
            clean(&version),
        );
        let _ = writeln!(
            text,
            "  {} · {} · {}",
            count(inspection.records as usize, "record", "records"),
            count(inspection.findings as usize, "finding", "findings"),
            count(inspection.occurrences as usize, "occurrence", "occurrences"),
        );
        let _ = writeln!(
            text,
            "  {} · {} · {} · {}",
            count(inspection.assets as usize, "asset", "assets"),
            count(inspection.services as usize, "service", "services"),
            count(inspection.relations as usize, "relation", "relations"),
            count(inspection.components as usize, "component", "components"),
        );
        for ignored in &inspection.ignored {
            let _ = writeln!(
                text,
                "  {} ignored: {}",
                count(ignored.count as usize, "record", "records"),
                ignored.reason
            );
        }
        for problem in &inspection.problems {
            let line = format!("{}: {}", problem.at, problem.message);
            let _ = writeln!(text, "{}", wrap(&line, columns(), "  ! ", "    "));
        }
        text.push('\n');
    }
    text
}
