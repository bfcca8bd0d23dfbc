//! What can be wrong with foreign bytes, and where.

/// The result of reading foreign bytes.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file as a whole cannot be read. Every message says where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot be opened: {0}")]
    Open(#[source] std::io::Error),
    #[error("cannot be read at byte {at}: {source}")]
    Read { at: u64, source: std::io::Error },
    #[error("is empty (0 bytes)")]
    Empty,
    #[error(
        "is larger than the limit of {limit} bytes once unpacked; raise it with BARTIZAN_MAX_REPORT_BYTES if this is meant"
    )]
    TooLarge { limit: u64 },
    #[error("is a {kind}; unpack it first and import the files in it")]
    Archive { kind: &'static str },
    #[error("is not text: byte {at} is not valid {encoding}")]
    Encoding { at: u64, encoding: &'static str },
    #[error("is truncated at byte {at} (inside {inside})")]
    Truncated { at: u64, inside: String },
    #[error("is nested deeper than {limit} levels at line {line}, column {column} (inside {inside})")]
    TooDeep { limit: usize, line: usize, column: usize, inside: String },
    #[error("is not valid {language} at line {line}, column {column} (inside {inside}): {message}")]
    Syntax { language: &'static str, line: usize, column: usize, inside: String, message: String },
    #[error("is not valid XML at byte {at} (inside {inside}): {message}")]
    Markup { at: u64, inside: String, message: String },
}
