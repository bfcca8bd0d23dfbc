//! What Bartizan remembers: the embedded SQLite store.
//!
//! Current state in tables, history in an append-only, hash-chained event log. This is the only crate
//! that knows SQL, and it decides nothing: identity, keys and states are worked out by the caller
//! from what it reads here. An import is one [`Import`] transaction: all of it is kept, or nothing.
//!
//! ```no_run
//! let store = bartizan_store::Store::open("bartizan.db".as_ref())?;
//! let estate = store.estate()?;
//! # Ok::<(), bartizan_store::Error>(())
//! ```

mod coverage;
mod error;
mod estate;
mod events;
mod identity;
mod import;
mod intel;
mod pins;
mod rows;
mod runs;
mod settle;
mod staging;
mod store;
mod verdicts;

pub use error::{Error, Result};
pub use events::{Event, verify_chain};
pub use identity::{Component, IdentifierRow, LinkRow, Partition, PinRow};
pub use import::{Agreement, Import, ReportRow, Tally};
pub use intel::FeedRow;
pub use pins::{Decision, Doubt, Pin, Pinned};
pub use runs::{Run, RunSummary};
pub use settle::{Change, Settled};
pub use store::Store;
pub use verdicts::Verdict;
