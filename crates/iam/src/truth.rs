//! Three-valued logic (Kleene's strong logic), in which everything here is decided. It must not know
//! what it is a truth of.

use serde::Serialize;

/// How sure it is that something holds. Ordered `No < Unknown < Yes`, so that *and* is the minimum and
/// *or* is the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    No,
    Unknown,
    Yes,
}

impl Truth {
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    pub fn negate(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }

    /// Not known to be false.
    pub fn possible(self) -> bool {
        self != Self::No
    }

    pub fn certain(self) -> bool {
        self == Self::Yes
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}
