//! What a derived edge rests on, and how it is said to people.
//!
//! Premises are kept as numbers and turned into text when the answer is written: many edges share the same
//! ones, and the texts would be far larger than the graph.

use std::collections::HashSet;

use super::directory::{Directory, Tie};
use crate::engine::NodeId;

/// One thing that an edge rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Premise {
    /// An edge of the file, or one derived before.
    Tie { start: NodeId, tie: Tie, end: NodeId },
    /// A property as the file has it; absent ones are named as such.
    Property { object: NodeId, name: &'static str },
    /// A group that holds every account without saying so.
    Everyone { group: NodeId },
}

impl Premise {
    pub(super) fn text(&self, directory: &Directory) -> String {
        match *self {
            Self::Tie { start, tie, end } => {
                // Two spellings of one older kind.
                let kind = if tie == Tie::TrustedByParentChild { Tie::TrustedBy } else { tie };
                format!("{} -{}-> {}", directory.name(start), kind.text(), directory.name(end))
            }
            Self::Property { object, name } => match directory.property(object, name) {
                Some(value) => format!("{}: {name} = {value}", directory.name(object)),
                None => format!("{}: {name} not stated", directory.name(object)),
            },
            Self::Everyone { group } => format!("every account is in {}", directory.name(group)),
        }
    }
}

/// A derived edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) kind: &'static str,
    pub(super) start: NodeId,
    pub(super) end: NodeId,
    pub(super) because: Vec<Premise>,
}

/// Takes what rules derive, each edge once with the first reasons.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) edges: Vec<Edge>,
    known: HashSet<(&'static str, NodeId, NodeId)>,
}

impl Output {
    /// Whether nobody derived this edge yet. Asked first, because reasons are dear and many templates give the
    /// same edge.
    pub(super) fn is_new(&self, kind: &'static str, start: NodeId, end: NodeId) -> bool {
        !self.known.contains(&(kind, start, end))
    }

    pub(super) fn push(&mut self, kind: &'static str, start: NodeId, end: NodeId, because: Vec<Premise>) {
        if self.known.insert((kind, start, end)) {
            self.edges.push(Edge { kind, start, end, because });
        }
    }
}
