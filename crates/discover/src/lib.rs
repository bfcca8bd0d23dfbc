//! Phase two, discover: what reports say, and whether it is about things that we know.
//!
//! [`formats`] holds one reader for each report format: bytes in, [records](Record) out, each with
//! the observations that it makes or the reason why it makes none. Readers are pure: they know no
//! store, no clock and no network.

mod advisory;
mod cloud;
mod cwe;
mod endpoint;
mod error;
pub mod formats;
mod head;
mod image;
pub mod inventory;
mod lenient;
mod network;
mod packages;
mod peek;
mod purl;
mod record;
mod redact;
mod rows;
mod secret;
mod table;
mod target;
mod time;
mod tls;

pub use error::{Error, Result};
pub use head::Head;
pub use record::{Context, Header, Outcome, Problem, Record, Sink};
