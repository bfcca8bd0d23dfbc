//! What can go wrong: a file that is not what it says, an expression that does not hold, a graph too large.

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every way in which this library refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The document is not JSON, or breaks off; line and column are in the message.
    #[error("not readable as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The document is JSON but not the format that it should be.
    #[error("not a graph file of this format: {0}")]
    Format(String),
    /// A rule graph contradicts itself, for instance a rule that names a node which is not there.
    #[error("{at}: {message}")]
    RuleGraph {
        /// Which element, such as `rule "r1"`.
        at: String,
        /// What is wrong with it.
        message: String,
    },
    /// An expression does not parse, or cannot be evaluated over a node.
    #[error("expression `{expression}`: {message}")]
    Expression {
        /// The expression as given.
        expression: String,
        /// What is wrong, with line and column where the parser knows them.
        message: String,
    },
    /// A file of attack rules or weakness classes says something that cannot be meant.
    #[error("{file}: {field}: {message}")]
    RuleFile {
        /// The file's name.
        file: String,
        /// Which field, such as `rule "exploits-service": needs[2].when`.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// A kind of composite edge that no rule derives.
    #[error("no rule derives `{kind}`; known are {known}")]
    DerivedKind {
        /// The kind as given.
        kind: String,
        /// All that can be derived.
        known: String,
    },
    /// Ids are 32 bits wide.
    #[error("the graph has more than {limit} {what}")]
    TooLarge {
        /// `nodes`, `edges` or `rules`.
        what: &'static str,
        /// The most that fit.
        limit: u64,
    },
}
