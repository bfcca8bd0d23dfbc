//! `demo`: the example company in a fresh store, the cycle run, the answer printed and served.

use anyhow::Result;

use crate::args::Global;
use crate::output::{Gate, Output};
use crate::session::{Session, open_store};
use crate::{clock, example};

pub(crate) fn run(global: &Global, output: &Output, port: u16, no_serve: bool) -> Result<Gate> {
    let mut store = open_store(&global.db)?;
    let (feeds, reports) = example::load(&mut store, clock::now())?;
    for (file, error) in feeds
        .iter()
        .map(|feed| (&feed.file, &feed.error))
        .chain(reports.iter().map(|report| (&report.file, &report.error)))
    {
        if let Some(error) = error {
            output.say(&format!("{file} was not imported: it {error}"));
        }
    }
    let imported = reports.iter().filter(|report| !report.is_refused()).count();
    output.say(&format!(
        "Brambleford Freight, a made-up company: {imported} reports of real scanners in {}\n",
        global.db
    ));
    let scope = example::scope_of(&store)?;
    let mut session = Session { store, scope, now: clock::now() };
    let (_, ranking) = session.rank()?;
    super::top::show(output, &ranking, 10, None, None)?;
    drop(session);
    if no_serve {
        return Ok(Gate::Passed);
    }
    super::serve::run(global, output, &format!("127.0.0.1:{port}"))
}
