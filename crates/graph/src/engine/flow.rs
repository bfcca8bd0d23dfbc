//! Maximum flow by Dinic's method (1970), iterative, over whole or fractional capacities.

/// What an arc can carry. `UNBOUNDED` is never used up.
pub(crate) trait Capacity: Copy + PartialOrd {
    const ZERO: Self;
    const UNBOUNDED: Self;
    fn is_unbounded(self) -> bool;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
}

impl Capacity for u32 {
    const ZERO: Self = 0;
    const UNBOUNDED: Self = u32::MAX;
    fn is_unbounded(self) -> bool {
        self == Self::UNBOUNDED
    }
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }
    fn minus(self, other: Self) -> Self {
        if self.is_unbounded() { self } else { self - other }
    }
}

impl Capacity for f64 {
    const ZERO: Self = 0.0;
    const UNBOUNDED: Self = f64::INFINITY;
    fn is_unbounded(self) -> bool {
        self.is_infinite()
    }
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn minus(self, other: Self) -> Self {
        if self.is_unbounded() { self } else { self - other }
    }
}

/// An arc to be put into a network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arc<C> {
    pub(crate) tail: u32,
    pub(crate) head: u32,
    pub(crate) capacity: C,
}

/// A flow network; arcs keep the numbers in which they were given.
pub(crate) struct Network<C> {
    offsets: Vec<u32>,
    heads: Vec<u32>,
    /// What is left of each slot.
    left: Vec<C>,
    /// The slot that runs the other way.
    mates: Vec<u32>,
    /// The slots of the arcs as given.
    slots: Vec<u32>,
    source: u32,
    sink: u32,
}

/// The largest flow, and which nodes the source still reaches when it flows: the source's side of a
/// smallest cut. `None` when the flow is unbounded.
pub(crate) struct Cut {
    pub(crate) source_side: Vec<bool>,
}

impl<C: Capacity> Network<C> {
    pub(crate) fn new(nodes: usize, arcs: &[Arc<C>], source: u32, sink: u32) -> Self {
        let mut offsets = vec![0_u32; nodes + 1];
        for arc in arcs {
            offsets[arc.tail as usize + 1] += 1;
            offsets[arc.head as usize + 1] += 1;
        }
        for node in 0..nodes {
            offsets[node + 1] += offsets[node];
        }
        let mut next = offsets.clone();
        let slots_count = arcs.len() * 2;
        let mut network = Self {
            offsets,
            heads: vec![0; slots_count],
            left: vec![C::ZERO; slots_count],
            mates: vec![0; slots_count],
            slots: Vec::with_capacity(arcs.len()),
            source,
            sink,
        };
        for arc in arcs {
            let slot = next[arc.tail as usize];
            next[arc.tail as usize] += 1;
            let mate = next[arc.head as usize];
            next[arc.head as usize] += 1;
            network.heads[slot as usize] = arc.head;
            network.heads[mate as usize] = arc.tail;
            network.left[slot as usize] = arc.capacity;
            network.mates[slot as usize] = mate;
            network.mates[mate as usize] = slot;
            network.slots.push(slot);
        }
        network
    }

    /// Pushes as much flow as fits. O(nodes² · arcs) at worst, O(arcs · √arcs) for unit capacities.
    pub(crate) fn smallest_cut(mut self) -> Option<Cut> {
        let nodes = self.offsets.len() - 1;
        let mut levels = vec![u32::MAX; nodes];
        let mut cursors = vec![0_u32; nodes];
        let mut queue: Vec<u32> = Vec::with_capacity(nodes);
        let mut path: Vec<u32> = Vec::new();
        while self.level(&mut levels, &mut queue) {
            cursors.copy_from_slice(&self.offsets[..nodes]);
            if !self.blocking_flow(&levels, &mut cursors, &mut path) {
                return None;
            }
        }
        let mut source_side = vec![false; nodes];
        source_side[self.source as usize] = true;
        queue.clear();
        queue.push(self.source);
        while let Some(node) = queue.pop() {
            for slot in self.range(node) {
                let head = self.heads[slot];
                if self.left[slot] > C::ZERO && !source_side[head as usize] {
                    source_side[head as usize] = true;
                    queue.push(head);
                }
            }
        }
        Some(Cut { source_side })
    }

    fn range(&self, node: u32) -> std::ops::Range<usize> {
        self.offsets[node as usize] as usize..self.offsets[node as usize + 1] as usize
    }

    /// Distances to the sink, walked backwards from it until the source is met; whether it was met.
    fn level(&self, levels: &mut [u32], queue: &mut Vec<u32>) -> bool {
        levels.fill(u32::MAX);
        queue.clear();
        queue.push(self.sink);
        levels[self.sink as usize] = 0;
        let mut next = 0;
        while next < queue.len() {
            let node = queue[next];
            next += 1;
            let level = levels[node as usize] + 1;
            // Nodes at the source's distance or further cannot lie on a shortest way.
            if level > levels[self.source as usize] {
                break;
            }
            for slot in self.range(node) {
                let tail = self.heads[slot];
                if levels[tail as usize] == u32::MAX && self.left[self.mates[slot] as usize] > C::ZERO {
                    levels[tail as usize] = level;
                    queue.push(tail);
                }
            }
        }
        levels[self.source as usize] != u32::MAX
    }

    /// Saturates every shortest way; false when one of them is unbounded.
    fn blocking_flow(&mut self, levels: &[u32], cursors: &mut [u32], path: &mut Vec<u32>) -> bool {
        path.clear();
        let mut node = self.source;
        loop {
            if node == self.sink {
                let mut amount = C::UNBOUNDED;
                for &slot in path.iter() {
                    if self.left[slot as usize] < amount {
                        amount = self.left[slot as usize];
                    }
                }
                if amount.is_unbounded() {
                    return false;
                }
                let mut first_full = path.len();
                for (depth, &slot) in path.iter().enumerate().rev() {
                    let left = self.left[slot as usize].minus(amount);
                    self.left[slot as usize] = left;
                    let mate = self.mates[slot as usize] as usize;
                    self.left[mate] = self.left[mate].plus(amount);
                    if left <= C::ZERO {
                        first_full = depth;
                    }
                }
                // Continue from the tail of the first arc that is full.
                node = self.heads[self.mates[path[first_full] as usize] as usize];
                path.truncate(first_full);
                continue;
            }
            let end = self.offsets[node as usize + 1];
            let level = levels[node as usize];
            let mut advanced = false;
            while cursors[node as usize] < end {
                let slot = cursors[node as usize] as usize;
                let head = self.heads[slot];
                if self.left[slot] > C::ZERO
                    && levels[head as usize] != u32::MAX
                    && levels[head as usize] + 1 == level
                {
                    path.push(slot as u32);
                    node = head;
                    advanced = true;
                    break;
                }
                cursors[node as usize] += 1;
            }
            if advanced {
                continue;
            }
            let Some(slot) = path.pop() else { return true };
            node = self.heads[self.mates[slot as usize] as usize];
            cursors[node as usize] += 1;
        }
    }
}
