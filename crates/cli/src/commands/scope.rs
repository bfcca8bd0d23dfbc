//! `scope`: the scope file checked, and what it says.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use bartizan_cycle::inputs::Inputs;
use serde_json::json;

use crate::args::{Global, ScopeAction};
use crate::output::{Gate, Output};
use crate::session::{Session, read_scope, scope_path};
use crate::text::{columns, count, money, wrap};

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
    let in_scope = facts.places.iter().filter(|place| place.in_scope).count();
    let unowned = facts.places.iter().filter(|place| place.in_scope && place.owner.is_none()).count();
    let name = |index: &bartizan_model::estate::AssetIndex| inputs.estate.asset(*index).name.clone();
    let answer = json!({
        "stated": facts.stated,
        "scope": session.scope,
        "assets": inputs.estate.assets.len(), "in_scope": in_scope, "without_owner": unowned,
        "crown_jewels": facts.jewels.iter().map(|jewel| json!({
            "name": jewel.name, "worth": jewel.worth, "owner": jewel.owner,
            "assets": jewel.assets.iter().map(name).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "entries": facts.entries.iter().map(|entry| json!({
            "name": entry.name, "kind": entry.kind, "assets": entry.assets.iter().map(name).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    });
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
            "{} of {} in scope, {unowned} of them without an owner\n",
            in_scope,
            count(inputs.estate.assets.len(), "asset", "assets")
        );
        for jewel in &facts.jewels {
            let assets: Vec<String> = jewel.assets.iter().map(name).collect();
            let where_ = if assets.is_empty() {
                "no asset is known that matches".to_owned()
            } else {
                assets.join(", ")
            };
            let line = format!(
                "crown jewel {}: {}, {where_}",
                jewel.name,
                money(jewel.worth, facts.currency.as_deref())
            );
            let _ = writeln!(text, "{}", wrap(&line, columns(), "  ", "    "));
        }
        for entry in &facts.entries {
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
