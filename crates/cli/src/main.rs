//! The one binary, `bartizan`: arguments in, answers on standard output, messages on standard error.
//!
//! Exit codes: 0 done, 1 a gate failed (some files refused, a check not passed), 2 error; a broken
//! pipe ends quietly.

mod args;
mod clock;
mod commands;
mod example;
mod output;
mod progress;
mod ranking_view;
mod session;
mod text;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;
use crate::output::Gate;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match commands::run(&arguments) {
        Ok(Gate::Passed) => ExitCode::SUCCESS,
        Ok(Gate::Failed) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::from(2)
        }
    }
}

/// The reader of our output went away, as `head` does: nothing is wrong.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        let csv = cause.downcast_ref::<csv::Error>().and_then(|error| match error.kind() {
            csv::ErrorKind::Io(io) => Some(io.kind()),
            _ => None,
        });
        io.or(json).or(csv) == Some(std::io::ErrorKind::BrokenPipe)
    })
}
