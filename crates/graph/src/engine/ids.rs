//! Dense ids, so that a node cannot be taken for a rule.

macro_rules! dense_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in an array of these.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

dense_id! {
    /// A fact that an attacker may or may not hold.
    NodeId,
    /// A way to gain one fact from others.
    RuleId,
    /// A remediation that removes rules or nodes.
    FixId,
    /// An independent chance that rules may share.
    CauseId,
    /// A software product whose unknown flaw a rule needs.
    ProductId,
}

/// Marks the absence of an id in the arrays.
pub(crate) const NONE: u32 = u32::MAX;
