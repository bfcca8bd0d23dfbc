//! A real server on a port of the loopback interface, asked by a client that does only what it is told.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stand outside of test functions"
)]

mod api;
mod guard;
mod limits;
mod openapi;
mod schemas;
mod support;
