//! A real server on a port of the loopback interface, asked by a client that does only what it is told.

mod api;
mod guard;
mod openapi;
mod support;
