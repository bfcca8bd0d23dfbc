//! `fixes`: the fewest fixes that cut all paths, or the best within a budget.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use bartizan_cycle::ranking::{FixAnswer, fixes_for};
use bartizan_cycle::words::count;

use crate::args::Global;
use crate::output::{Gate, Output};
use crate::ranking_view;
use crate::session::Session;
use crate::text::{columns, wrap};

pub(crate) fn run(global: &Global, output: &Output, budget: Option<f64>, to: Option<&str>) -> Result<Gate> {
    if budget.is_some_and(|hours| !hours.is_finite() || hours < 0.0) {
        bail!("--budget is a number of hours, 0 or more");
    }
    let mut session = Session::open(global)?;
    let (inputs, ranking) = session.rank()?;
    let answer = fixes_for(&inputs, &ranking, to, budget)?;
    output.object(&answer, |output| {
        let mut text = String::new();
        let _ = writeln!(text, "{}\n", output.strong(&wrap(&headline(&answer, budget), columns(), "", "")));
        for (number, entry) in answer.fixes.iter().enumerate() {
            text.push_str(&ranking_view::fix(number + 1, entry, ranking.currency.as_deref()));
        }
        let _ = writeln!(text);
        let bound = if answer.optimal {
            format!(
                "Cost {} h; no cheaper set of fixes does it (proven, lower bound {} h).",
                answer.cost, answer.lower_bound
            )
        } else {
            format!(
                "Cost {} h; a cheaper set is not ruled out (lower bound {} h).",
                answer.cost, answer.lower_bound
            )
        };
        let _ = writeln!(text, "{}", wrap(&bound, columns(), "", ""));
        let _ = writeln!(
            text,
            "{}",
            wrap(&format!("Certificate: {}.", answer.certificate.statement), columns(), "", "  ")
        );
        text.push_str("as tasks: bartizan tickets export\n");
        text
    })?;
    Ok(Gate::Passed)
}

fn headline(answer: &FixAnswer, budget: Option<f64>) -> String {
    let things = count(answer.fixes.len(), "fix", "fixes");
    let jewels = answer.crown_jewels.join(", ");
    match budget {
        Some(hours) => format!(
            "With {hours} hours: {things}, protecting {}.",
            if jewels.is_empty() { "no crown jewel completely" } else { &jewels }
        ),
        None if answer.crown_jewels.is_empty() => {
            "No known path reaches a crown jewel; nothing has to be fixed for that.".to_owned()
        }
        None if !answer.certificate.holds => format!("No set of known fixes stops every path to {jewels}."),
        None => format!("{things} and no known path reaches {jewels}."),
    }
}
