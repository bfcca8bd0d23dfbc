//! The blast radius of every node at once: how many other nodes each one reaches.
//!
//! Loops are folded into components, components with the same predecessors share one column of the reach
//! matrix and components with the same successors one row; the matrix is then swept in blocks of columns,
//! 64 to a word. Exact. The folding matters in estates, where thousands of accounts look alike.

use rayon::prelude::*;

use super::components::{Components, components};
use super::csr::Csr;
use super::ids::NONE;
use super::plain::PlainGraph;

/// Words of a row that are swept together: a block is 64 times as many columns.
const BLOCK: usize = 8;

/// For each node the number of other nodes that it reaches.
pub fn blast_radius(graph: &PlainGraph) -> Vec<u32> {
    let Components { of_node, sizes } = components(graph);
    let successors = condense(graph, &of_node, sizes.len());
    let predecessors = transpose(&successors);
    let columns = Columns::new(&predecessors, &sizes);
    let rows = Classes::of_rows(&successors);

    // What each row class needs: its own columns, and the row classes to add.
    let row_count = rows.representatives.len();
    let direct = Csr::from_pairs(
        row_count,
        rows.representatives.iter().enumerate().flat_map(|(row, &component)| {
            successors.row(component as usize).iter().map(move |&next| (row as u32, next))
        }),
    );
    let bits = distinct_rows(&direct, |next| columns.of_component[next as usize]);
    let rows_below = distinct_rows(&direct, |next| rows.of_item[next as usize]);

    let blocks = columns.words().div_ceil(BLOCK);
    let reached =
        (0..blocks).into_par_iter().map(|block| sweep(block * BLOCK, &bits, &rows_below, &columns)).reduce(
            || vec![0_u32; row_count],
            |mut left, right| {
                for (sum, part) in left.iter_mut().zip(right) {
                    *sum += part;
                }
                left
            },
        );
    of_node
        .iter()
        .map(|&component| {
            let row = rows.of_item[component as usize];
            sizes[component as usize] - 1 + if row == NONE { 0 } else { reached[row as usize] }
        })
        .collect()
}

/// Fills one block of columns, rows in the order of their numbers (successors come first), and counts.
fn sweep(first_word: usize, bits: &Csr, rows_below: &Csr, columns: &Columns) -> Vec<u32> {
    let rows = bits.rows();
    let mut matrix = vec![[0_u64; BLOCK]; rows];
    let mut counts = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut reach = [0_u64; BLOCK];
        for &column in bits.row(row) {
            let word = (column as usize / 64).wrapping_sub(first_word);
            if word < BLOCK {
                reach[word] |= 1 << (column % 64);
            }
        }
        for &below in rows_below.row(row) {
            for (word, other) in reach.iter_mut().zip(&matrix[below as usize]) {
                *word |= other;
            }
        }
        matrix[row] = reach;
        counts.push(reach.iter().enumerate().map(|(word, &set)| columns.weigh(first_word + word, set)).sum());
    }
    counts
}

/// Component to the components after it, each once.
fn condense(graph: &PlainGraph, of_node: &[u32], count: usize) -> Csr {
    let members = Csr::from_pairs(count, of_node.iter().enumerate().map(|(node, &own)| (own, node as u32)));
    let mut offsets = Vec::with_capacity(count + 1);
    let mut values = Vec::new();
    let mut marked = vec![NONE; count];
    offsets.push(0);
    for component in 0..count {
        let start = values.len();
        for &node in members.row(component) {
            for &head in graph.forward().row(node as usize) {
                let next = of_node[head as usize];
                if next as usize != component && marked[next as usize] != component as u32 {
                    marked[next as usize] = component as u32;
                    values.push(next);
                }
            }
        }
        values[start..].sort_unstable();
        offsets.push(values.len() as u32);
    }
    Csr::from_parts(offsets, values)
}

fn transpose(rows: &Csr) -> Csr {
    let pairs = (0..rows.rows()).flat_map(|row| rows.row(row).iter().map(move |&value| (value, row as u32)));
    Csr::from_pairs(rows.rows(), pairs)
}

/// Maps every value of every row, leaving out repetitions and NONE.
fn distinct_rows(rows: &Csr, map: impl Fn(u32) -> u32) -> Csr {
    let mut offsets = vec![0];
    let mut values = Vec::with_capacity(rows.values().len());
    for row in 0..rows.rows() {
        let start = values.len();
        values.extend(rows.row(row).iter().map(|&value| map(value)).filter(|&mapped| mapped != NONE));
        values[start..].sort_unstable();
        let mut kept = start;
        for index in start..values.len() {
            if index == start || values[index] != values[kept - 1] {
                values[kept] = values[index];
                kept += 1;
            }
        }
        values.truncate(kept);
        offsets.push(values.len() as u32);
    }
    Csr::from_parts(offsets, values)
}

/// Items (components) grouped by equality of their rows.
struct Classes {
    /// NONE where the row is empty.
    of_item: Vec<u32>,
    /// The smallest item of each class; ascending.
    representatives: Vec<u32>,
}

impl Classes {
    fn of_rows(rows: &Csr) -> Self {
        let mut order: Vec<(u64, u32)> = (0..rows.rows() as u32)
            .filter(|&item| rows.len_of(item as usize) > 0)
            .map(|item| (digest(rows.row(item as usize)), item))
            .collect();
        order.sort_unstable();
        // Equal rows have equal digests; unequal rows with equal digests are told apart by comparison.
        let mut first_of = vec![NONE; rows.rows()];
        let mut start = 0;
        while start < order.len() {
            let mut end = start;
            let mut heads: Vec<u32> = Vec::new();
            while end < order.len() && order[end].0 == order[start].0 {
                let item = order[end].1;
                let row = rows.row(item as usize);
                let found = heads.iter().copied().find(|&head| rows.row(head as usize) == row);
                first_of[item as usize] = found.unwrap_or(item);
                if found.is_none() {
                    heads.push(item);
                }
                end += 1;
            }
            start = end;
        }
        let mut of_item = vec![NONE; rows.rows()];
        let mut representatives = Vec::new();
        for item in 0..rows.rows() {
            let first = first_of[item];
            if first as usize == item {
                of_item[item] = representatives.len() as u32;
                representatives.push(item as u32);
            } else if first != NONE {
                of_item[item] = of_item[first as usize];
            }
        }
        Self { of_item, representatives }
    }
}

fn digest(row: &[u32]) -> u64 {
    row.iter().fold(row.len() as u64, |sum, &value| {
        (sum ^ u64::from(value)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    })
}

/// Columns of the reach matrix: classes of components with the same predecessors. Whoever reaches one of
/// a class from outside reaches all of it, so that a column counts for the sum of their sizes.
struct Columns {
    /// NONE for components that nothing precedes: nobody else reaches them.
    of_component: Vec<u32>,
    weights: Vec<u32>,
    /// Per word: the weight that all its columns share, or 0 when they differ.
    uniform: Vec<u32>,
}

impl Columns {
    fn new(predecessors: &Csr, sizes: &[u32]) -> Self {
        let classes = Classes::of_rows(predecessors);
        let mut class_weights = vec![0_u32; classes.representatives.len()];
        for (component, &class) in classes.of_item.iter().enumerate() {
            if class != NONE {
                class_weights[class as usize] += sizes[component];
            }
        }
        // Equal weights stand together, so that most words can be counted by their number of bits.
        let mut order: Vec<u32> = (0..class_weights.len() as u32).collect();
        order.sort_by_key(|&class| class_weights[class as usize]);
        let mut column_of_class = vec![0_u32; order.len()];
        for (column, &class) in order.iter().enumerate() {
            column_of_class[class as usize] = column as u32;
        }
        let weights: Vec<u32> = order.iter().map(|&class| class_weights[class as usize]).collect();
        let uniform = weights
            .chunks(64)
            .map(|word| if word.iter().all(|&weight| weight == word[0]) { word[0] } else { 0 })
            .collect();
        let of_component = classes
            .of_item
            .iter()
            .map(|&class| if class == NONE { NONE } else { column_of_class[class as usize] })
            .collect();
        Self { of_component, weights, uniform }
    }

    fn words(&self) -> usize {
        self.uniform.len()
    }

    fn weigh(&self, word: usize, mut set: u64) -> u32 {
        if set == 0 {
            return 0;
        }
        let uniform = self.uniform[word];
        if uniform > 0 {
            return uniform * set.count_ones();
        }
        let mut sum = 0;
        while set != 0 {
            sum += self.weights[word * 64 + set.trailing_zeros() as usize];
            set &= set - 1;
        }
        sum
    }
}
