//! Simulated attacks on plain steps: how often each node reaches a target when steps fail by chance.
//!
//! Walks backwards from the targets, many worlds at a time, one bit per world, one coin per edge and world.

use rayon::prelude::*;

use super::ids::NodeId;
use super::plain::PlainGraph;
use super::random::Coin;
use super::reach::{Direction, reachable};
use super::simulate::Worlds;

/// Words of worlds that a walk carries: 64 worlds each.
const LANES: usize = 8;
type Lanes = [u64; LANES];

/// In how many of the worlds each node reaches a target.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// How many worlds there were.
    pub worlds: u32,
    /// Per node; a target always reaches itself.
    pub reached: Vec<u32>,
}

impl Exposure {
    /// The mean probability, over `entries`, of reaching a target; 0 without entries.
    pub fn mean_probability(&self, entries: &[NodeId]) -> f64 {
        if entries.is_empty() || self.worlds == 0 {
            return 0.0;
        }
        let sum: u64 = entries.iter().map(|entry| u64::from(self.reached[entry.index()])).sum();
        sum as f64 / (entries.len() as f64 * f64::from(self.worlds))
    }
}

/// Plays every world for every node at once.
pub fn simulate_exposure(graph: &PlainGraph, targets: &[NodeId], worlds: Worlds) -> Exposure {
    let words = worlds.count.div_ceil(64) as usize;
    let relevant = reachable(graph, Direction::Reverse, targets, None);
    let reached = (0..words.div_ceil(LANES))
        .into_par_iter()
        .map(|block| {
            let mut alive = [0_u64; LANES];
            for (lane, mask) in alive.iter_mut().enumerate() {
                *mask = worlds.mask((block * LANES + lane) as u32);
            }
            let mut walk = Walk::new(graph, worlds.seed, (block * LANES) as u32, relevant.count_ones(..));
            walk.run(targets, &alive);
            walk.reach
                .iter()
                .map(|lanes| lanes.iter().map(|word| word.count_ones()).sum())
                .collect::<Vec<u32>>()
        })
        .reduce(
            || vec![0_u32; graph.node_count()],
            |mut left, right| {
                left.iter_mut().zip(right).for_each(|(sum, part)| *sum += part);
                left
            },
        );
    Exposure { worlds: worlds.count, reached }
}

struct Walk<'graph> {
    graph: &'graph PlainGraph,
    seed: u64,
    first_word: u32,
    reach: Vec<Lanes>,
    /// What has been handed on to the predecessors already.
    handed: Vec<Lanes>,
    queued: Vec<bool>,
    queue: std::collections::VecDeque<u32>,
}

impl<'graph> Walk<'graph> {
    fn new(graph: &'graph PlainGraph, seed: u64, first_word: u32, relevant: usize) -> Self {
        let nodes = graph.node_count();
        Self {
            graph,
            seed,
            first_word,
            reach: vec![[0; LANES]; nodes],
            handed: vec![[0; LANES]; nodes],
            queued: vec![false; nodes],
            queue: std::collections::VecDeque::with_capacity(relevant),
        }
    }

    fn run(&mut self, targets: &[NodeId], alive: &Lanes) {
        for target in targets {
            self.reach[target.index()] = *alive;
            self.enqueue(target.0);
        }
        let reverse = self.graph.reverse();
        while let Some(head) = self.queue.pop_front() {
            let head = head as usize;
            self.queued[head] = false;
            let fresh: Lanes = std::array::from_fn(|lane| self.reach[head][lane] & !self.handed[head][lane]);
            self.handed[head] = self.reach[head];
            for (slot, &tail) in reverse.range(head).zip(reverse.row(head)) {
                let missing = &self.reach[tail as usize];
                let wanted: Lanes = std::array::from_fn(|lane| fresh[lane] & !missing[lane]);
                if wanted != [0; LANES] && self.toss(self.graph.reverse_edges()[slot], tail, &wanted) {
                    self.enqueue(tail);
                }
            }
        }
    }

    /// Tosses the edge's coins where they matter; whether the tail gained a world.
    fn toss(&mut self, edge: u32, tail: u32, wanted: &Lanes) -> bool {
        let coin = Coin::new(self.seed, edge, self.graph.likelihood(edge));
        let mut gained = 0;
        for (lane, &wanted) in wanted.iter().enumerate() {
            if wanted != 0 {
                let new = wanted & coin.word(self.first_word + lane as u32);
                self.reach[tail as usize][lane] |= new;
                gained |= new;
            }
        }
        gained != 0
    }

    fn enqueue(&mut self, node: u32) {
        if !self.queued[node as usize] {
            self.queued[node as usize] = true;
            self.queue.push_back(node);
        }
    }
}
