//! `top`: what to fix first.

use anyhow::Result;
use bartizan_cycle::ranking::{Ranked, Ranking};

use crate::args::Global;
use crate::output::{Gate, Output};
use crate::ranking_view;
use crate::session::Session;

pub(crate) fn run(
    global: &Global,
    output: &Output,
    n: usize,
    tier: Option<u8>,
    owner: Option<&str>,
) -> Result<Gate> {
    let mut session = Session::open(global)?;
    let (_, ranking) = session.rank()?;
    show(output, &ranking, n, tier, owner)?;
    Ok(Gate::Passed)
}

pub(super) fn show(
    output: &Output,
    ranking: &Ranking,
    n: usize,
    tier: Option<u8>,
    owner: Option<&str>,
) -> Result<()> {
    let shown: Vec<&Ranked> = ranking.select(tier, owner).take(n).collect();
    output.list(&shown, |output| ranking_view::top(output, ranking, &shown))
}
