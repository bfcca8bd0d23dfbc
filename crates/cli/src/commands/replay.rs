//! `replay`: a kept ranking made again from its inputs, byte for byte.

use std::fmt::Write as _;

use anyhow::Result;
use bartizan_cycle::words::minute;

use crate::args::Global;
use crate::output::{Gate, Output};
use crate::session::open_store;

pub(crate) fn run(global: &Global, output: &Output, run: Option<i64>) -> Result<Gate> {
    let store = open_store(&global.db)?;
    let Some(run) = run else {
        let runs = store.runs(50)?;
        output.list(&runs, |_| {
            let mut text = String::new();
            for run in &runs {
                let _ = writeln!(text, "{:>4}  {}  {}", run.id, minute(run.at), run.output_digest);
            }
            if runs.is_empty() {
                text.push_str("No ranking is kept yet; bartizan top makes one.\n");
            }
            text
        })?;
        return Ok(Gate::Passed);
    };
    let replayed = bartizan_cycle::replay::replay(&store, run)?;
    output.object(&replayed, |_| {
        if replayed.identical {
            format!(
                "Ranking {} of {} was made again from its inputs: the same bytes ({}).\n",
                replayed.run,
                minute(replayed.at),
                replayed.made
            )
        } else {
            format!(
                "Ranking {} of {} could not be made again: kept {}, made {}; {}.\n",
                replayed.run,
                minute(replayed.at),
                replayed.kept,
                replayed.made,
                replayed.because.as_deref().unwrap_or_default()
            )
        }
    })?;
    Ok(if replayed.identical { Gate::Passed } else { Gate::Failed })
}
