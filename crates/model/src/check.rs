//! Checks of exposures: by which method a target may be touched, and what a check showed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a check touches its target; the words in which a scope gives permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Opens a connection, and sends nothing or a protocol's greeting.
    Tcp,
    /// A TLS greeting or handshake.
    Tls,
    /// HTTP requests, plain or inside TLS.
    Http,
}

impl Method {
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Tls, Self::Http];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Http => "http",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a check showed of a weakness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The weakness was seen to be there.
    Confirmed,
    /// Every target of the check was reached, the same check ran on it, and it did not fire.
    Refuted,
    /// Neither; never lowers risk.
    Inconclusive,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::Inconclusive => "inconclusive",
        }
    }
}
