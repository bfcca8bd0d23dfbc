//! The HTTP API over the cycle, on the loopback interface: the only crate that knows HTTP.
//!
//! It decides nothing about exposures: it asks the cycle what the command line asks and gives the same
//! JSON. There is no sign-in yet, so it listens on the loopback interface only, answers only requests
//! that name this computer, and takes no writes from other web pages.

mod api;
mod app;
mod codes;
mod error;
mod guard;
mod page;
mod problem;
mod serve;
mod spool;
mod turn;

pub use app::Config;
pub use error::{Error, Result};
pub use serve::serve;
pub use turn::Limits;
