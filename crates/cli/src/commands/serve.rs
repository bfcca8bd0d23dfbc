//! `serve`: the HTTP API, on the loopback interface.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use bartizan_server::{Config, Limits, serve};

use crate::args::Global;
use crate::output::{Gate, Output};
use crate::session::Session;
use crate::{clock, example};

pub(crate) fn run(global: &Global, output: &Output, listen: &str) -> Result<Gate> {
    let listen: SocketAddr = listen.parse().with_context(|| {
        format!("--listen takes an address and a port such as 127.0.0.1:7575, not {listen:?}")
    })?;
    let session = Session::open(global)?;
    let note = example::is_example(&session.store)?.then(|| {
        "This is the example company, Brambleford Freight: made up, read from reports of real scanners."
            .to_owned()
    });
    let config = Config {
        store: PathBuf::from(&global.db),
        scope: session.scope,
        listen,
        note,
        clock: clock::now,
        limits: Limits::default(),
    };
    serve(config, |address| {
        output.say(&format!("serving on http://{address} (this machine only); end with Ctrl-C"));
    })?;
    Ok(Gate::Passed)
}
