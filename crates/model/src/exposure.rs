//! The life of an exposure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! words {
    ($(#[$enum_doc:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:tt,)* }) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// The state of an exposure. Only evidence moves it; absence from a report alone never does.
    State {
        Open = "open",
        /// Somebody works on it.
        Fixing = "fixing",
        /// Claimed to be fixed, not verified.
        Fixed = "fixed",
        /// Verified: the same check reached the same target and did not fire.
        Closed = "closed",
        /// Accepted by a person until a date.
        Accepted = "accepted",
        /// Stated not to apply, with a justification (VEX).
        NotApplicable = "not-applicable",
    }
}

impl State {
    /// True while the weakness must be taken to be there.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Fixing | Self::Fixed | Self::Accepted)
    }
}

words! {
    /// What the event log records.
    EventKind {
        ReportImported = "report-imported",
        AssetSeen = "asset-seen",
        AssetsMerged = "assets-merged",
        AssetsSplit = "assets-split",
        /// A person decided that two names are of one asset, or are not.
        AssetsPinned = "assets-pinned",
        ExposureOpened = "exposure-opened",
        ExposureChanged = "exposure-changed",
        ExposureReopened = "exposure-reopened",
        ExposureClosed = "exposure-closed",
        ExposureNotApplicable = "exposure-not-applicable",
        IntelImported = "intel-imported",
        RankingMade = "ranking-made",
        ExposureValidated = "exposure-validated",
        TicketsExported = "tickets-exported",
    }
}
