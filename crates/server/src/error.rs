//! Why the server cannot start or go on.

use std::net::SocketAddr;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{0} is not a loopback address: until sign-in exists, Bartizan listens on 127.0.0.1 or [::1] only; reach it from elsewhere through an SSH tunnel"
    )]
    NotLoopback(SocketAddr),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the server cannot be started: {0}")]
    Start(#[source] std::io::Error),
    #[error("the server stopped: {0}")]
    Stopped(#[source] std::io::Error),
    #[error(transparent)]
    Store(#[from] bartizan_store::Error),
}
