//! One file for each command, or for each family of commands.

mod admin;
mod assets;
mod demo;
mod explain;
mod fixes;
mod formats;
mod graph;
mod import;
mod inspect;
mod intel;
mod paths;
mod privileges;
mod replay;
mod scope;
mod serve;
mod tickets;
mod tiers;
mod top;
mod validate;

use anyhow::Result;

use crate::args::{Arguments, Command};
use crate::output::{Gate, Output};

pub(crate) fn run(arguments: &Arguments) -> Result<Gate> {
    let global = &arguments.global;
    let output = Output::new(global);
    match &arguments.command {
        Command::Demo { port, no_serve } => demo::run(global, &output, *port, *no_serve),
        Command::Inspect { files, reading } => inspect::run(global, &output, files, reading),
        Command::Import { files, reading, dry_run } => import::run(global, &output, files, reading, *dry_run),
        Command::Top { n, tier, owner } => top::run(global, &output, *n, *tier, owner.as_deref()),
        Command::Tiers => tiers::run(global, &output),
        Command::Explain { id, counterfactual } => explain::run(global, &output, id, *counterfactual),
        Command::Replay { run } => replay::run(global, &output, *run),
        Command::Paths { from, to, k } => paths::run(global, &output, from.as_deref(), to.as_deref(), *k),
        Command::Fixes { budget, to } => fixes::run(global, &output, *budget, to.as_deref()),
        Command::Graph(graph) => graph::run(&output, graph),
        Command::Privileges { files } => privileges::run(global, &output, files),
        Command::Scope { action } => scope::run(global, &output, action),
        Command::Intel { action } => intel::run(global, &output, action),
        Command::Validate { ids, dry_run } => {
            validate::run(global, &output, ids, *dry_run, validate::Why::Validate)
        }
        Command::Retest { ids, dry_run } => {
            validate::run(global, &output, ids, *dry_run, validate::Why::Retest)
        }
        Command::Tickets { action } => tickets::run(global, &output, action),
        Command::Serve { listen } => serve::run(global, &output, listen),
        Command::Formats => formats::run(&output),
        Command::Assets { action } => assets::run(global, &output, action),
        Command::Admin { action } => admin::run(global, &output, action),
    }
}
