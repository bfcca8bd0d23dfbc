//! `formats`: every format that can be read.

use std::fmt::Write as _;

use anyhow::Result;
use bartizan_cycle::formats::formats;

use crate::output::{Gate, Output};
use crate::text::{columns, fit, pad};

pub(crate) fn run(output: &Output) -> Result<Gate> {
    let rows = formats();
    output.list(&rows, |_| {
        let width = rows.iter().map(|row| row.format.len()).max().unwrap_or_default();
        let mut text = String::new();
        for row in &rows {
            let line = format!("  {}  {}  {}", pad(row.format, width), pad(row.kind, 15), row.title);
            text.push_str(&fit(&line, columns()));
            text.push('\n');
            let indent = width + 21;
            let example = fit(row.example, columns().saturating_sub(indent));
            let _ = writeln!(text, "{}{example}", " ".repeat(indent));
        }
        text.push_str(
            "\nA file's format is recognised from its content; where it is not, --as FORMAT\nnames it.\n",
        );
        text
    })?;
    Ok(Gate::Passed)
}
