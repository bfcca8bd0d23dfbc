//! Wires the five phases into one cycle: the only crate that knows them all.
//!
//! It holds no rules of its own: it takes bytes through the door, hands what readers find to the
//! store, builds the picture that graph and ranking work on, and keeps what they answer.

pub mod cloud;
pub mod coverage;
mod directory;
mod error;
pub mod explain;
pub mod formats;
pub mod identity;
pub mod import;
pub mod inputs;
pub mod inspect;
pub mod intelligence;
pub mod ranking;
pub mod replay;
mod tallying;
pub mod tasks;
pub mod whatif;
pub mod words;
mod zones;

pub use error::{Error, Result};
