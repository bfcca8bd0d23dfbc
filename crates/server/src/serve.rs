//! The server's life: it starts, says that it is ready, and ends when it is told to.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal;

use crate::app::{App, Config};
use crate::{Error, Result, api};

/// How long work that is under way may go on after a second signal.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves until the process gets Ctrl-C or a request to end, then finishes what is under way; a
/// second signal ends it at once. `on_ready` is told the address, with the port that was chosen.
///
/// # Errors
/// When the address is not a loopback address or is taken, and when the store cannot be opened.
pub fn serve(config: Config, on_ready: impl FnOnce(SocketAddr)) -> Result<()> {
    let address = config.listen;
    if !address.ip().to_canonical().is_loopback() {
        return Err(Error::NotLoopback(address));
    }
    // A store that cannot be used is said now, not at the first request.
    drop(bartizan_store::Store::open(&config.store)?);
    let listener = TcpListener::bind(address).map_err(|source| Error::Listen { address, source })?;
    listener.set_nonblocking(true).map_err(Error::Start)?;
    let bound = listener.local_addr().map_err(Error::Start)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::Start)?;
    let result = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::Start)?;
        let mut signals = Signals::new().map_err(Error::Start)?;
        let (end, mut ended) = tokio::sync::watch::channel(false);
        let router = api::router(Arc::new(App::new(config)));
        let server = axum::serve(listener, router).with_graceful_shutdown(async move {
            // An error means that the sender is gone: an end as well.
            let _ = ended.wait_for(|ended| *ended).await;
        });
        let mut server = tokio::spawn(server.into_future());
        on_ready(bound);
        let outcome = tokio::select! {
            outcome = &mut server => outcome,
            () = signals.next() => {
                end.send_replace(true);
                tokio::select! {
                    outcome = &mut server => outcome,
                    () = signals.next() => return Ok(()),
                }
            }
        };
        match outcome {
            Ok(outcome) => outcome.map_err(Error::Stopped),
            Err(error) => Err(Error::Stopped(std::io::Error::other(error))),
        }
    });
    // An import that is cut off here leaves the store as it was.
    runtime.shutdown_timeout(PATIENCE);
    result
}

/// What tells the process to end.
struct Signals {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: signal::unix::signal(signal::unix::SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = signal::ctrl_c().await;
    }
}
