//! Steps that need one thing only, as compressed rows in both directions.

use super::csr::Csr;
use super::ids::NodeId;
use crate::{Error, Result};

/// A directed graph of single-premise steps.
///
/// Parallel edges count once (with the highest likelihood), loops on one node are dropped: neither changes
/// who reaches whom. An edge's id is its position in the forward rows, which are sorted by head.
#[derive(Debug, Clone)]
pub struct PlainGraph {
    forward: Csr,
    reverse: Csr,
    /// For each slot of the reverse rows, the id of the edge that it mirrors.
    reverse_edges: Vec<u32>,
    /// Empty when every step is certain.
    likelihoods: Vec<f64>,
}

impl PlainGraph {
    /// Builds the rows from (tail, head) pairs, all below `nodes`; `likelihoods` has one chance per pair,
    /// or is empty when every step is certain. Linear but for sorting each row.
    pub fn from_edges(nodes: u32, edges: &[(u32, u32)], likelihoods: &[f64]) -> Result<Self> {
        if edges.len() >= u32::MAX as usize {
            return Err(Error::TooLarge { what: "edges", limit: u64::from(u32::MAX) - 1 });
        }
        if let Some(&(tail, head)) = edges.iter().find(|&&(tail, head)| tail >= nodes || head >= nodes) {
            return Err(Error::RuleGraph {
                at: format!("edge {tail} → {head}"),
                message: format!("names a node that is not there; there are {nodes}"),
            });
        }
        if !likelihoods.is_empty() && likelihoods.len() != edges.len() {
            return Err(Error::RuleGraph {
                at: "edges".to_owned(),
                message: format!("{} edges but {} likelihoods", edges.len(), likelihoods.len()),
            });
        }
        let certain = likelihoods.is_empty();
        let rows = nodes as usize;
        // The values are edge numbers where likelihoods must follow them, heads where they need not.
        let grouped = if certain {
            Csr::from_pairs(rows, edges.iter().copied())
        } else {
            Csr::from_pairs(rows, edges.iter().enumerate().map(|(index, &(tail, _))| (tail, index as u32)))
        };
        let mut offsets = Vec::with_capacity(rows + 1);
        let mut heads: Vec<u32> = Vec::with_capacity(edges.len());
        let mut kept_likelihoods = Vec::new();
        offsets.push(0_u32);
        let mut row_edges: Vec<(u32, f64)> = Vec::new();
        let mut row_heads: Vec<u32> = Vec::new();
        for tail in 0..rows {
            if certain {
                row_heads.clear();
                row_heads.extend(grouped.row(tail).iter().filter(|&&head| head as usize != tail));
                row_heads.sort_unstable();
                row_heads.dedup();
                heads.extend_from_slice(&row_heads);
            } else {
                row_edges.clear();
                row_edges.extend(
                    grouped
                        .row(tail)
                        .iter()
                        .map(|&edge| (edges[edge as usize].1, likelihoods[edge as usize])),
                );
                row_edges.retain(|&(head, _)| head as usize != tail);
                row_edges
                    .sort_unstable_by(|left, right| left.0.cmp(&right.0).then(right.1.total_cmp(&left.1)));
                row_edges.dedup_by_key(|&mut (head, _)| head);
                heads.extend(row_edges.iter().map(|&(head, _)| head));
                kept_likelihoods.extend(row_edges.iter().map(|&(_, likelihood)| likelihood));
            }
            offsets.push(heads.len() as u32);
        }
        let forward = Csr::from_parts(offsets, heads);
        Ok(Self::with_reverse(forward, kept_likelihoods))
    }

    fn with_reverse(forward: Csr, likelihoods: Vec<f64>) -> Self {
        let rows = forward.rows();
        let by_head = (0..rows).flat_map(|tail| {
            let range = forward.range(tail);
            forward.row(tail).iter().zip(range).map(move |(&head, edge)| (head, edge as u32, tail as u32))
        });
        let reverse_edges = Csr::from_pairs(rows, by_head.clone().map(|(head, edge, _)| (head, edge)));
        let reverse = Csr::from_pairs(rows, by_head.map(|(head, _, tail)| (head, tail)));
        let reverse_edges = reverse_edges.values().to_vec();
        Self { forward, reverse, reverse_edges, likelihoods }
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.forward.rows()
    }

    /// Number of distinct edges that are not loops.
    pub fn edge_count(&self) -> usize {
        self.forward.values().len()
    }

    /// Node to its successors.
    pub fn forward(&self) -> &Csr {
        &self.forward
    }

    /// Node to its predecessors.
    pub fn reverse(&self) -> &Csr {
        &self.reverse
    }

    /// The edge ids behind the slots of [`PlainGraph::reverse`].
    pub(crate) fn reverse_edges(&self) -> &[u32] {
        &self.reverse_edges
    }

    /// The chance that a step works; 1 when the graph was built without chances.
    pub fn likelihood(&self, edge: u32) -> f64 {
        self.likelihoods.get(edge as usize).copied().unwrap_or(1.0)
    }

    /// The two ends of an edge; logarithmic.
    pub fn ends(&self, edge: u32) -> (NodeId, NodeId) {
        let head = self.forward.values()[edge as usize];
        let (mut low, mut high) = (0, self.forward.rows());
        while low + 1 < high {
            let middle = usize::midpoint(low, high);
            if self.forward.range(middle).start <= edge as usize { low = middle } else { high = middle }
        }
        (NodeId(low as u32), NodeId(head))
    }
}
