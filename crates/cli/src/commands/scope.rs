//! `scope`: the scope file checked, and what it says.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use bartizan_cycle::coverage::scope_coverage;
use bartizan_cycle::inputs::Inputs;
use bartizan_cycle::words::{count, money};

use crate::args::{Global, ScopeAction};
use crate::output::{Gate, Output};
use crate::session::{Session, read_scope, scope_path};
use crate::text::{columns, wrap};

pub(crate) fn run(global: &Global, output: &Output, action: &ScopeAction) -> Result<Gate> {
    match action {
        ScopeAction::Check => check(global, output),
        ScopeAction::Show => show(global, output),
    }
}

fn check(global: &Global, output: &Output) -> Result<Gate> {
    let Some(path) = scope_path(global) else {
        bail!("there is no bartizan.yaml here, and --scope names none");
    };
    let mistakes = read_scope(&path).err().unwrap_or_default();
    output.list(&mistakes, |_| {
        if mistakes.is_empty() {
            return format!("{} has no mistakes.\n", path.display());
        }
        let mut text = String::new();
        for mistake in &mistakes {
            let _ = writeln!(text, "{}", wrap(&mistake.to_string(), columns(), "", "  "));
        }
        let _ = writeln!(text, "{} to mend", count(mistakes.len(), "mistake", "mistakes"));
        text
    })?;
    Ok(if mistakes.is_empty() { Gate::Passed } else { Gate::Failed })
}

fn show(global: &Global, output: &Output) -> Result<Gate> {
    let session = Session::open(global)?;
    let inputs = Inputs::gather(&session.store, session.scope.as_ref(), session.now)?;
    let facts = &inputs.scope;
    let answer = scope_coverage(&inputs, session.scope.as_ref());
    output.object(&answer, |output| {
        let mut text = String::new();
        let heading = match (&facts.organisation, facts.stated) {
            (Some(organisation), _) => format!("The scope of {organisation}"),
            (None, true) => "The scope".to_owned(),
            (None, false) => {
                "No scope file: everything is in scope, attackers come from the internet".to_owned()
            }
        };
        let _ = writeln!(text, "{}\n", output.strong(&wrap(&heading, columns(), "", "")));
        let _ = writeln!(
            text,
            "{} of {} in scope, {} of them without an owner\n",
            answer.in_scope,
            count(answer.assets, "asset", "assets"),
            answer.without_owner
        );
        for jewel in &answer.crown_jewels {
            let where_ = if jewel.assets.is_empty() {
                "no asset is known that matches".to_owned()
            } else {
                jewel.assets.join(", ")
            };
            let line = format!(
                "crown jewel {}: {}, {where_}",
                jewel.name,
                money(jewel.worth, facts.currency.as_deref())
            );
            let _ = writeln!(text, "{}", wrap(&line, columns(), "  ", "    "));
        }
        for entry in &answer.entries {
            let assets = if entry.kind == "internet" {
                "anyone".to_owned()
            } else {
                count(entry.assets.len(), "asset", "assets")
            };
            let _ = writeln!(text, "  entry {} ({}): {assets}", entry.name, entry.kind);
        }
        text
    })?;
    Ok(Gate::Passed)
}
