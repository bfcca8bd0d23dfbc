//! What can go wrong with the store, in words that say what to do.

use std::path::PathBuf;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} is not a Bartizan store; choose another file with --db")]
    Foreign(PathBuf),
    #[error(
        "the store was written by a newer Bartizan (schema {found}, this one knows {known}); use that version"
    )]
    Newer { found: i64, known: i64 },
    #[error("the store {0} cannot be opened: {1}")]
    Open(PathBuf, String),
    #[error("the store is locked by another process; nothing was changed; try again when it has finished")]
    Locked,
    #[error("the disk is full; nothing was changed; free space where the store lies and try again")]
    Full,
    #[error("the store is damaged: {0}; restore a backup")]
    Damaged(String),
    #[error("a stored {what} cannot be read: {message}")]
    Content { what: &'static str, message: String },
    #[error(
        "no report gave the name {0}, or it is one that never identifies alone (an address, a bare host name)"
    )]
    NoName(String),
    #[error("both are the name {0}; give two names")]
    OneName(String),
    #[error("the store refused: {0}")]
    Database(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            _ => Self::Database(error),
        }
    }
}

impl Error {
    pub(crate) fn content(what: &'static str) -> impl Fn(serde_json::Error) -> Self {
        move |error| Self::Content { what, message: error.to_string() }
    }
}
