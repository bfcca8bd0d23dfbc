//! Simulated attacks on plain steps: how often each node reaches a target when steps fail by chance.
//!
//! Walks backwards from the targets, many worlds at a time, one bit per world, one coin per edge and world.

use std::collections::VecDeque;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::ids::NodeId;
use super::plain::PlainGraph;
use super::random::{Coin, Seed};
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
    let reached = (0..words.div_ceil(LANES))
        .into_par_iter()
        .map(|block| {
            let mut alive = [0_u64; LANES];
            for (lane, mask) in alive.iter_mut().enumerate() {
                *mask = worlds.mask((block * LANES + lane) as u32);
            }
            let mut walk = Walk::new(graph, Seed::new(worlds.seed), (block * LANES) as u32, alive);
            walk.run(targets);
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

/// A node that gains at least one world in four at once goes on the urgent queue. The others wait and gather
/// more, so that their edges are walked less often. Two words are looked at to estimate the share.
const URGENT: u32 = 2 * 64 / 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    No,
    Patiently,
    Urgently,
}

struct Walk<'graph> {
    graph: &'graph PlainGraph,
    seed: Seed,
    first_word: u32,
    /// The worlds that are played.
    alive: Lanes,
    reach: Vec<Lanes>,
    /// What has been handed on to the predecessors already.
    handed: Vec<Lanes>,
    /// Nodes that reach a target in every world. Small enough to stay in the nearest cache, so that most
    /// edges are passed without a look at the worlds of their tails.
    full: FixedBitSet,
    waiting: Vec<Waiting>,
    urgent: VecDeque<u32>,
    patient: VecDeque<u32>,
}

impl<'graph> Walk<'graph> {
    fn new(graph: &'graph PlainGraph, seed: Seed, first_word: u32, alive: Lanes) -> Self {
        let nodes = graph.node_count();
        Self {
            graph,
            seed,
            first_word,
            alive,
            reach: vec![[0; LANES]; nodes],
            handed: vec![[0; LANES]; nodes],
            full: FixedBitSet::with_capacity(nodes),
            waiting: vec![Waiting::No; nodes],
            urgent: VecDeque::new(),
            patient: VecDeque::new(),
        }
    }

    fn run(&mut self, targets: &[NodeId]) {
        for target in targets {
            let node = target.index();
            self.reach[node] = self.alive;
            self.full.insert(node);
            self.enqueue(node, &[u64::MAX; LANES]);
        }
        let reverse = self.graph.reverse();
        while let Some(head) = self.next() {
            let fresh: Lanes = std::array::from_fn(|lane| self.reach[head][lane] & !self.handed[head][lane]);
            self.handed[head] = self.reach[head];
            for (slot, &tail) in reverse.range(head).zip(reverse.row(head)) {
                let tail = tail as usize;
                if !self.full.contains(tail) {
                    self.hand_on(slot, tail, &fresh);
                }
            }
        }
    }

    /// Tosses the coins of a step where they matter, and gives its tail the worlds in which they show.
    fn hand_on(&mut self, slot: usize, tail: usize, fresh: &Lanes) {
        let known = self.reach[tail];
        let wanted: Lanes = std::array::from_fn(|lane| fresh[lane] & !known[lane]);
        if wanted.iter().fold(0, |any, word| any | word) == 0 {
            return;
        }
        let edge = self.graph.reverse_edges()[slot];
        let coin = Coin::new(self.seed, edge, self.graph.likelihood(edge));
        let gained = coin.words(self.first_word, &wanted);
        if gained.iter().fold(0, |any, word| any | word) == 0 {
            return;
        }
        self.reach[tail] = std::array::from_fn(|lane| known[lane] | gained[lane]);
        self.full.set(tail, self.reach[tail].iter().zip(&self.alive).all(|(reach, alive)| reach == alive));
        self.enqueue(tail, &gained);
    }

    fn enqueue(&mut self, node: usize, gained: &Lanes) {
        if self.waiting[node] == Waiting::Urgently {
            return;
        }
        if gained[0].count_ones() + gained[LANES / 2].count_ones() >= URGENT {
            self.waiting[node] = Waiting::Urgently;
            self.urgent.push_back(node as u32);
        } else if self.waiting[node] == Waiting::No {
            self.waiting[node] = Waiting::Patiently;
            self.patient.push_back(node as u32);
        }
    }

    /// The next node that has something to hand on; a node that became urgent is still in the other queue.
    fn next(&mut self) -> Option<usize> {
        loop {
            let node = self.urgent.pop_front().or_else(|| self.patient.pop_front())? as usize;
            if self.waiting[node] != Waiting::No {
                self.waiting[node] = Waiting::No;
                return Some(node);
            }
        }
    }
}
