//! `paths`: attack paths, each hop with its evidence.

use anyhow::{Result, bail};
use bartizan_cycle::ranking::paths_between;

use crate::args::Global;
use crate::output::{Gate, Output};
use crate::ranking_view;
use crate::session::Session;

pub(crate) fn run(
    global: &Global,
    output: &Output,
    from: Option<&str>,
    to: Option<&str>,
    k: usize,
) -> Result<Gate> {
    if k == 0 {
        bail!("-k 0 asks for no path; give 1 or more");
    }
    let mut session = Session::open(global)?;
    let (inputs, ranking) = session.rank()?;
    let paths = paths_between(&inputs, &ranking, from, to, k)?;
    output.list(&paths, |output| ranking_view::paths(output, &ranking, &paths))?;
    Ok(Gate::Passed)
}
