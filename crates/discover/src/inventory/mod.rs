//! The inventory's decisions: which names are of one asset.
//!
//! Pure functions of what was seen, never of the order in which it arrived; the store keeps what
//! they decide.

mod identity;

pub use identity::{Link, Pin, partition};
