//! What can go wrong with a feed as a whole.

use crate::Feed;

/// The result of reading a feed.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a feed cannot be read. A single record that cannot be read is no error, but a rejection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Document(#[from] bartizan_intake::Error),
    #[error("is not {feed}: {reason}")]
    NotThis { feed: Feed, reason: String },
    #[error("cannot be read as CSV at line {line}: {message}")]
    Csv { line: u64, message: String },
    #[error("is not a decision table: line {line}: {message}")]
    Table { line: usize, message: String },
    /// Whoever takes the facts could not.
    #[error("facts could not be taken: {0}")]
    Sink(Box<dyn std::error::Error + Send + Sync>),
}
