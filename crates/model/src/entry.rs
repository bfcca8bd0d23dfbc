//! From where attacks may start.

use std::fmt;

use serde::{Deserialize, Serialize};

/// From where an attack may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// Anyone on the internet.
    Internet,
    /// Somebody falls for a message: the accounts are named.
    PhishedUser,
    /// A vendor or connected application is taken over: they are named.
    ThirdParty,
    /// Somebody within turns: the accounts are named.
    Insider,
}

impl EntryKind {
    pub const ALL: [Self; 4] = [Self::Internet, Self::PhishedUser, Self::ThirdParty, Self::Insider];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internet => "internet",
            Self::PhishedUser => "phished-user",
            Self::ThirdParty => "third-party",
            Self::Insider => "insider",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
