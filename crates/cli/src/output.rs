//! Answers on standard output in the format that was asked for; messages on standard error.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::args::{Format, Global};

/// Whether what was asked holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Passed,
    Failed,
}

/// Where answers and messages go.
pub(crate) struct Output {
    format: Format,
    quiet: bool,
    bold: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = io::stdout().is_terminal();
        let format = global.format.unwrap_or(if terminal { Format::Table } else { Format::Json });
        // A convention of the environment, not a setting of ours.
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { format, quiet: global.quiet, bold: terminal && !plain }
    }

    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Bold on a terminal that wants it, else as it is: never the only sign of something.
    pub(crate) fn strong(&self, text: &str) -> String {
        if self.bold { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints a list: as one JSON array, one object a line, rows, or the table that `table` makes.
    pub(crate) fn list<T: Serialize>(&self, items: &[T], table: impl FnOnce(&Self) -> String) -> Result<()> {
        match self.format {
            Format::Table => print(&table(self)),
            Format::Json => print_json(&items),
            Format::Ndjson => {
                let mut out = io::stdout().lock();
                for item in items {
                    serde_json::to_writer(&mut out, item)?;
                    out.write_all(b"\n")?;
                }
                out.flush()?;
                Ok(())
            }
            Format::Csv => print_csv(items),
        }
    }

    /// Prints one object.
    pub(crate) fn object<T: Serialize>(&self, item: &T, table: impl FnOnce(&Self) -> String) -> Result<()> {
        match self.format {
            Format::Table => print(&table(self)),
            Format::Json => print_json(item),
            Format::Ndjson => {
                let mut out = io::stdout().lock();
                serde_json::to_writer(&mut out, item)?;
                out.write_all(b"\n")?;
                out.flush()?;
                Ok(())
            }
            Format::Csv => print_csv(std::slice::from_ref(item)),
        }
    }

    /// A message for the person at the terminal.
    pub(crate) fn say(&self, message: &str) {
        if !self.quiet {
            // Nobody is left to be told when standard error is closed.
            let _ = writeln!(io::stderr().lock(), "{message}");
        }
    }
}

/// Prints text as it is.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

fn print_json<T: Serialize + ?Sized>(item: &T) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer_pretty(&mut out, item)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// Rows with the fields of the first item as columns; nested values as text.
fn print_csv<T: Serialize>(items: &[T]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(io::stdout().lock());
    let mut columns: Vec<String> = Vec::new();
    for item in items {
        let Value::Object(fields) = serde_json::to_value(item)? else { continue };
        if columns.is_empty() {
            columns = fields.keys().cloned().collect();
            writer.write_record(&columns)?;
        }
        let row: Vec<String> = columns.iter().map(|column| cell(fields.get(column))).collect();
        writer.write_record(&row)?;
    }
    writer.flush()?;
    Ok(())
}

fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.iter().all(|item| !item.is_object()) => {
            items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join("; ")
        }
        Some(other) => other.to_string(),
    };
    // A cell that a spreadsheet would run as a formula is led by an apostrophe.
    if text.starts_with(['=', '@', '\t', '\r'])
        || (text.starts_with(['+', '-']) && text.parse::<f64>().is_err())
    {
        format!("'{text}")
    } else {
        text
    }
}

/// The error that ends the program.
pub(crate) fn complain(error: &anyhow::Error) {
    let mut text = String::from("error: ");
    for (position, cause) in error.chain().enumerate() {
        let cause = crate::text::clean(&cause.to_string());
        // Wrapped errors often repeat the words of what they wrap.
        if position > 0 && text.contains(&cause) {
            continue;
        }
        if position > 0 {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    let _ = writeln!(io::stderr().lock(), "{text}");
}
