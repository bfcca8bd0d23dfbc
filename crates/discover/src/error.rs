//! Why a report as a whole cannot be taken.

/// The result of reading a report.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Intake(#[from] bartizan_intake::Error),
    #[error(
        "is not in any format that Bartizan reads ({hint}); see `bartizan formats`, or name it with --as"
    )]
    Unrecognised { hint: String },
    #[error("there is no format called {name:?}; see `bartizan formats`")]
    UnknownFormat { name: String },
    /// The document is well-formed but lacks what makes it this format.
    #[error("is not a complete {format} report: {message}")]
    Incomplete { format: &'static str, message: String },
    /// The tool itself says in its report that the scan failed.
    #[error("{tool} reports that its scan failed: {message}")]
    ScanFailed { tool: &'static str, message: String },
    /// The mapping that was given for a `generic` report cannot be used.
    #[error("cannot be read with this mapping: {0}")]
    Mapping(String),
    /// Whoever takes the records cannot take more (disk full, store locked…).
    #[error("{0}")]
    Sink(Box<dyn std::error::Error + Send + Sync>),
}
