//! Strongly connected components, without recursion: a million nodes in a row must not overflow a stack.

use super::ids::NONE;
use super::plain::PlainGraph;

/// Which component each node is in. Components are numbered against the edges: an edge between two
/// components leads from the larger number to the smaller.
#[derive(Debug, Clone)]
pub struct Components {
    /// Node to component.
    pub of_node: Vec<u32>,
    /// Component to number of nodes.
    pub sizes: Vec<u32>,
}

/// Tarjan's method (1972) with an explicit stack of (node, next edge). Linear.
pub fn components(graph: &PlainGraph) -> Components {
    let nodes = graph.node_count();
    let forward = graph.forward();
    let heads = forward.values();
    let mut of_node = vec![NONE; nodes];
    let mut sizes = Vec::new();
    // The smallest visiting number known to be reachable within the open part; NONE until visited.
    let mut low = vec![NONE; nodes];
    let mut open: Vec<u32> = Vec::new();
    // (node, next edge, end of edges, own visiting number)
    let mut calls: Vec<(u32, u32, u32, u32)> = Vec::new();
    let mut visited = 0_u32;
    for root in 0..nodes as u32 {
        if low[root as usize] != NONE {
            continue;
        }
        let range = forward.range(root as usize);
        calls.push((root, range.start as u32, range.end as u32, visited));
        low[root as usize] = visited;
        visited += 1;
        open.push(root);
        while let Some(call) = calls.last_mut() {
            let node = call.0 as usize;
            if call.1 < call.2 {
                let head = heads[call.1 as usize] as usize;
                call.1 += 1;
                if low[head] == NONE {
                    let range = forward.range(head);
                    calls.push((head as u32, range.start as u32, range.end as u32, visited));
                    low[head] = visited;
                    visited += 1;
                    open.push(head as u32);
                } else if of_node[head] == NONE {
                    low[node] = low[node].min(low[head]);
                }
                continue;
            }
            let own = call.3;
            calls.pop();
            if low[node] == own {
                let component = sizes.len() as u32;
                let mut size = 0;
                while let Some(member) = open.pop() {
                    of_node[member as usize] = component;
                    size += 1;
                    if member as usize == node {
                        break;
                    }
                }
                sizes.push(size);
            }
            if let Some(parent) = calls.last() {
                let parent = parent.0 as usize;
                if of_node[node] == NONE {
                    low[parent] = low[parent].min(low[node]);
                }
            }
        }
    }
    Components { of_node, sizes }
}
