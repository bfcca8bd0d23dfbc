//! `tiers`: every element in scope with its tier.

use std::fmt::Write as _;

use anyhow::Result;
use bartizan_cycle::words::count;

use crate::args::Global;
use crate::output::{Gate, Output};
use crate::session::Session;
use crate::text::{columns, fit, pad, wrap};

pub(crate) fn run(global: &Global, output: &Output) -> Result<Gate> {
    let mut session = Session::open(global)?;
    let (_, ranking) = session.rank()?;
    output.list(&ranking.elements, |output| {
        let mut text = String::new();
        let not_assessed = ranking.counts.not_assessed;
        let line = format!(
            "{} in scope; {} not assessed: nothing can be said of them",
            count(ranking.elements.len(), "element", "elements"),
            not_assessed
        );
        let _ = writeln!(text, "{}\n", output.strong(&wrap(&line, columns(), "", "")));
        let width = columns();
        for element in &ranking.elements {
            let tier = if element.tier == "not assessed" { "-".to_owned() } else { element.tier.clone() };
            let line = format!("{tier}  {}  {}", pad(&element.kind, 14), element.element);
            let _ = writeln!(text, "{}", fit(&line, width));
            let _ = writeln!(text, "{}", fit(&format!("   {}  {}", pad("", 14), element.why), width));
        }
        text
    })?;
    Ok(Gate::Passed)
}
