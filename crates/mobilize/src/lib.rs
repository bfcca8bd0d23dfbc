//! Phase five, mobilize: what to do, by whom, until it is done.
//!
//! [`plan`] groups the live exposures of an estate, and the relations that an attacker uses, into
//! fixes: one action each, with its cost. [`tasks`] writes them as tasks for people and for machines.

mod plan;
pub mod tasks;
mod version;

pub use plan::{Fix, Plan, effort, fix_key, plan};
