//! `tickets`: fixes as tasks for their owners.

use anyhow::Result;
use bartizan_cycle::tasks::tasks_for;
use bartizan_mobilize::tasks::{csv, markdown};
use bartizan_model::EventKind;
use serde_json::json;

use crate::args::{Global, TicketAction, TicketFormat};
use crate::output::{Gate, Output, print};
use crate::session::Session;

pub(crate) fn run(global: &Global, output: &Output, action: &TicketAction) -> Result<Gate> {
    let TicketAction::Export { kind, owner, tier } = action;
    let mut session = Session::open(global)?;
    let (_, ranking) = session.rank()?;
    let tasks = tasks_for(&ranking, owner.as_deref(), *tier);
    match kind {
        TicketFormat::Markdown if tasks.is_empty() => print("No task: no fix is in this selection.\n")?,
        TicketFormat::Markdown => print(&markdown(&tasks))?,
        TicketFormat::Csv => print(&csv(&tasks)?)?,
        TicketFormat::Json => print(&serde_json::to_string_pretty(&tasks)?)?,
    }
    let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
    session.store.log(
        session.now,
        EventKind::TicketsExported,
        &json!({"tasks": ids, "to": format!("{kind:?}").to_lowercase()}),
    )?;
    output.say(&format!("{} exported", bartizan_cycle::words::count(tasks.len(), "task", "tasks")));
    Ok(Gate::Passed)
}
