//! `admin`: care of the store.

use std::fmt::Write as _;

use anyhow::Result;
use bartizan_cycle::words::thousands;
use serde_json::json;

use crate::args::{AdminAction, Global};
use crate::output::{Gate, Output};
use crate::session::open_store;

pub(crate) fn run(global: &Global, output: &Output, action: &AdminAction) -> Result<Gate> {
    let AdminAction::Verify = action;
    let store = open_store(&global.db)?;
    let damage = store.check()?;
    let chain = bartizan_store::verify_chain(&store)?;
    let sound = damage.is_empty() && chain.is_ok();
    let answer = json!({
        "store": global.db, "sound": sound, "damage": damage,
        "events": chain.ok(), "first_broken_event": chain.err(),
    });
    output.object(&answer, |_| {
        let mut text = match (&damage[..], chain) {
            ([], Ok(events)) => {
                format!("The store is sound: {} events, each in its place in the chain.\n", thousands(events))
            }
            (_, Err(event)) => {
                format!("The event log was changed after it was written, from event {event} on.\n")
            }
            (_, Ok(_)) => String::new(),
        };
        for line in &damage {
            let _ = writeln!(text, "damage: {line}");
        }
        text
    })?;
    Ok(if sound { Gate::Passed } else { Gate::Failed })
}
