//! What tests and benchmarks share: seeded generators and, later, fixtures and loopback targets.
//!
//! A development dependency only. Everything here is a function of its seed, so that a failing test or a
//! benchmark can be repeated on another machine; nothing reads files, the clock or the environment.

pub mod graphs;
pub mod random;
