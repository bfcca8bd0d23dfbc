//! `assets`: which names are of one asset, where reports leave doubt, and what people decide.

use std::fmt::Write as _;

use anyhow::Result;
use bartizan_cycle::identity::{Verdict, pin};
use bartizan_cycle::words::{count, day};
use bartizan_store::{Doubt, Pin, Pinned};

use crate::args::{AssetAction, Global, Pair};
use crate::clock;
use crate::output::{Gate, Output};
use crate::session::open_store;
use crate::text::{columns, wrap};

pub(crate) fn run(global: &Global, output: &Output, action: &AssetAction) -> Result<Gate> {
    let mut store = open_store(&global.db)?;
    match action {
        AssetAction::Review => {
            let doubts = store.doubts()?;
            output.list(&doubts, |_| review(&doubts))?;
        }
        AssetAction::Pins => {
            let pins = store.pins()?;
            output.list(&pins, |_| decided(&pins))?;
        }
        AssetAction::Same(pair) | AssetAction::Different(pair) => {
            let same = matches!(action, AssetAction::Same(_));
            let Pair { left, right, because, by } = pair;
            let verdict = Verdict { left, right, same, by, because };
            let pinned = pin(&mut store, &verdict, clock::now())?;
            output.object(&pinned, |_| changed(&pinned))?;
        }
    }
    Ok(Gate::Passed)
}

fn review(doubts: &[Doubt]) -> String {
    if doubts.is_empty() {
        return "Nothing is doubtful: no report gave one asset names that contradict each other.\n"
            .to_owned();
    }
    let mut text = String::new();
    for doubt in doubts {
        let line = format!(
            "{} and {} were given for one asset on {}, but are held to be two, because each has what only one can have",
            doubt.left,
            doubt.right,
            day(doubt.seen_together)
        );
        let _ = writeln!(text, "{}", wrap(&line, columns(), "", "  "));
    }
    let hint = "decide: bartizan assets same ASSET ASSET --because TEXT, or assets different";
    let _ = writeln!(text, "{}", wrap(hint, columns(), "", "  "));
    text
}

fn decided(pins: &[Pin]) -> String {
    if pins.is_empty() {
        return "Nobody has decided anything about identity.\n".to_owned();
    }
    let mut text = String::new();
    for pin in pins {
        let how = if pin.same { "one asset" } else { "two assets" };
        let line = format!(
            "{} and {} are {how}: {} ({}, {})",
            pin.left,
            pin.right,
            pin.because,
            pin.by,
            day(pin.at)
        );
        let _ = writeln!(text, "{}", wrap(&line, columns(), "", "  "));
    }
    text
}

fn changed(pinned: &Pinned) -> String {
    match (pinned.merged.len(), pinned.split.len()) {
        (0, 0) => "Kept. It was so already; from now on it stays so.\n".to_owned(),
        (merged, 0) => format!("Kept. {} went into another.\n", count(merged, "asset", "assets")),
        (_, split) => format!("Kept. {} was taken out of another.\n", count(split, "asset", "assets")),
    }
}
