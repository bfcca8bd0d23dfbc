//! Reads OpenGraph documents into a directory.

use std::io::Read;

use super::{Derived, Directory, DirectoryBuilder, Kinds, derive};
use crate::engine::NodeId;
use crate::node_index::NodeIndex;
use crate::opengraph::{self, EdgeRecord, Endpoint, GraphVisitor, MatchBy, NodeRecord};
use crate::{Error, Result};

/// What the files held and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Nodes, those that only edges mention included.
    pub(super) nodes: u64,
    pub(super) edges: u64,
    /// Edges one of whose ends fits no node, or more than one.
    pub(super) unmatched_edges: u64,
    /// Records that were no nodes or edges.
    pub(super) rejected: u64,
}

/// Takes one document after the other; they make one directory.
pub struct DeriveFiles {
    builder: DirectoryBuilder,
    index: NodeIndex,
    pending: Vec<EdgeRecord>,
    counts: Counts,
}

impl Default for DeriveFiles {
    fn default() -> Self {
        Self::new()
    }
}

impl DeriveFiles {
    /// Nothing read yet.
    pub fn new() -> Self {
        let (builder, index) = (DirectoryBuilder::new(), NodeIndex::new());
        Self { builder, index, pending: Vec::new(), counts: Counts::default() }
    }

    /// Reads an OpenGraph document, already unpacked.
    pub fn read(&mut self, reader: impl Read) -> Result<()> {
        let counts = opengraph::read(reader, self)?;
        self.counts.rejected += counts.rejected;
        Ok(())
    }

    /// Derives the edges of these kinds from all that was read.
    pub fn derive(mut self, kinds: &Kinds) -> Result<Derived> {
        if self.index.len() >= u32::MAX as usize {
            return Err(Error::TooLarge { what: "nodes", limit: u64::from(u32::MAX) - 1 });
        }
        self.index.settle();
        for edge in std::mem::take(&mut self.pending) {
            match (self.index.find(&edge.start), self.index.find(&edge.end)) {
                (Some(start), Some(end)) => {
                    self.builder.tie(&edge.kind, NodeId(start), NodeId(end), &edge.properties);
                }
                _ => self.counts.unmatched_edges += 1,
            }
        }
        self.counts.nodes = self.index.len() as u64;
        let directory: Directory = self.builder.build();
        let mut derived = derive(directory, kinds);
        derived.counts = self.counts;
        Ok(derived)
    }

    fn place(&mut self, id: &str) -> NodeId {
        let known = self.index.len();
        let place = self.index.place(id);
        if self.index.len() > known {
            self.builder.object(id);
        }
        NodeId(place)
    }
}

impl GraphVisitor for DeriveFiles {
    fn node(&mut self, node: NodeRecord) {
        let place = self.place(&node.id);
        self.index.declare(&node);
        self.builder.describe(place, &node.kinds, &node.properties);
    }

    fn edge(&mut self, edge: EdgeRecord) {
        self.counts.edges += 1;
        if let (
            Endpoint { match_by: MatchBy::Id(start), kind: None },
            Endpoint { match_by: MatchBy::Id(end), kind: None },
        ) = (&edge.start, &edge.end)
        {
            // Placed also when no rule asks for the tie, so that the count of nodes is the file's.
            let (start, end) = (self.place(start), self.place(end));
            self.builder.tie(&edge.kind, start, end, &edge.properties);
        } else {
            self.pending.push(edge);
        }
    }

    fn problem(&mut self, _: String, _: &str) {}

    fn wants_edge_property(&self, key: &str) -> bool {
        key.eq_ignore_ascii_case("trusttype")
    }
}
