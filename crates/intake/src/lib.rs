//! The only door for foreign bytes.
//!
//! [`Document::open`] reads a file or standard input: it undoes gzip and zstd, turns UTF-16 and
//! declared legacy encodings into UTF-8, counts and digests what passes, and stops at a size cap,
//! whatever the file claims. Nothing here knows a report format; [`json`] streams JSON by routes
//! and [`xml`] streams XML by elements, so that readers of formats need not hold a document in memory.

mod decode;
mod document;
mod error;
pub mod json;
mod watched;
pub mod xml;

pub use document::{Document, Limits};
pub use error::{Error, Result};
