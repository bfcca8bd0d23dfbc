//! `explain`: why an exposure has its rank.

use anyhow::Result;
use bartizan_cycle::explain::{explain, find};

use crate::args::Global;
use crate::output::{Gate, Output};
use crate::ranking_view;
use crate::session::Session;

pub(crate) fn run(global: &Global, output: &Output, id: &str, counterfactual: bool) -> Result<Gate> {
    let mut session = Session::open(global)?;
    let (_, ranking) = session.rank()?;
    let ranked = find(&session.store, &ranking, id)?;
    let answer = explain(&session.store, &ranking, ranked)?;
    output.object(&answer, |output| ranking_view::explain(output, &ranking, ranked, counterfactual))?;
    Ok(Gate::Passed)
}
