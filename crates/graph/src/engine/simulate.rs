//! Simulated attacks on rules: many seeded worlds, in each of which every cause either works or does not.
//!
//! Sixty-four worlds are played at once, one to a bit. A coin depends only on (seed, cause, world), so that
//! the same worlds can be played again with something removed: the difference is then due to the removal.

use rayon::prelude::*;

use super::ids::{CauseId, FixId, NodeId};
use super::random::{Coin, Seed};
use super::removed::Removed;
use super::rule_graph::RuleGraph;
use super::sweep::{Sweep, SweepOrder};

/// Which worlds are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worlds {
    /// How many.
    pub count: u32,
    /// Other seeds make other worlds.
    pub seed: u64,
}

impl Default for Worlds {
    fn default() -> Self {
        Self { count: 1_024, seed: 1 }
    }
}

impl Worlds {
    fn words(self) -> u32 {
        self.count.div_ceil(64)
    }

    /// The bits of a word that stand for worlds.
    pub(crate) fn mask(self, word: u32) -> u64 {
        match self.count.saturating_sub(word.saturating_mul(64)) {
            0 => 0,
            left @ 1..64 => (1 << left) - 1,
            _ => u64::MAX,
        }
    }
}

/// How often something happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Worlds in which it did.
    pub successes: u32,
    /// Worlds played.
    pub worlds: u32,
}

impl Estimate {
    /// The share of worlds; 0 without worlds.
    pub fn value(self) -> f64 {
        if self.worlds == 0 { 0.0 } else { f64::from(self.successes) / f64::from(self.worlds) }
    }

    /// The standard error of the share, from (successes + 1) / (worlds + 2) (Laplace), so that it does not
    /// claim certainty because all worlds happened to agree; 1 without worlds.
    pub fn standard_error(self) -> f64 {
        if self.worlds == 0 {
            return 1.0;
        }
        let share = (f64::from(self.successes) + 1.0) / (f64::from(self.worlds) + 2.0);
        (share * (1.0 - share) / f64::from(self.worlds)).sqrt()
    }
}

/// In how many worlds the targets fall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// One per target of the graph, in its order.
    pub targets: Vec<Estimate>,
    /// At least one target falls.
    pub any: Estimate,
}

/// Plays the worlds without what is removed.
pub fn simulate(graph: &RuleGraph, removed: &Removed, worlds: Worlds) -> Simulation {
    let targets = graph.targets();
    let order = SweepOrder::new(graph);
    let counts = (0..worlds.words())
        .into_par_iter()
        .map_init(
            || Player::new(graph, removed, &order, false),
            |player, word| {
                player.play(word, worlds.mask(word), &Seeded { graph, seed: Seed::new(worlds.seed) });
                let mut counts: Vec<u32> =
                    targets.iter().map(|&target| player.state(target).count_ones()).collect();
                counts.push(player.any(targets).count_ones());
                counts
            },
        )
        .reduce(|| vec![0; targets.len() + 1], add);
    let estimate = |&successes: &u32| Estimate { successes, worlds: worlds.count };
    Simulation {
        targets: counts[..targets.len()].iter().map(estimate).collect(),
        any: estimate(&counts[targets.len()]),
    }
}

fn add(mut left: Vec<u32>, right: Vec<u32>) -> Vec<u32> {
    left.iter_mut().zip(right).for_each(|(sum, part)| *sum += part);
    left
}

/// What the attacks that succeeded made use of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Worlds in which one of the targets asked for fell.
    pub successes: u32,
    /// Per cause: successful worlds whose attack used it.
    pub causes: Vec<u32>,
    /// Per fix: successful worlds whose attack used a rule or node that it removes.
    pub fixes: Vec<u32>,
}

impl Usage {
    /// The share of successful worlds whose attack used the cause; 0 when none succeeded.
    pub fn share_of_cause(&self, cause: CauseId) -> f64 {
        f64::from(self.causes[cause.index()]) / f64::from(self.successes.max(1))
    }

    /// The share of successful worlds whose attack used something that the fix removes.
    pub fn share_of_fix(&self, fix: FixId) -> f64 {
        f64::from(self.fixes[fix.index()]) / f64::from(self.successes.max(1))
    }
}

/// Plays the worlds and traces, in each that succeeds, one attack on each of `targets`: the one in which
/// every node comes from the rule that gave it first.
pub fn simulate_usage(graph: &RuleGraph, removed: &Removed, targets: &[NodeId], worlds: Worlds) -> Usage {
    let (causes, fixes) = (graph.cause_count(), graph.fix_count());
    let order = SweepOrder::new(graph);
    let counts = (0..worlds.words())
        .into_par_iter()
        .map_init(
            || Player::new(graph, removed, &order, true),
            |player, word| {
                player.play(word, worlds.mask(word), &Seeded { graph, seed: Seed::new(worlds.seed) });
                let mut used_causes = vec![0_u64; causes];
                let mut used_fixes = vec![0_u64; fixes];
                player.trace(targets, &mut used_causes, &mut used_fixes);
                let mut counts = vec![player.any(targets).count_ones()];
                counts.extend(used_causes.iter().chain(&used_fixes).map(|used| used.count_ones()));
                counts
            },
        )
        .reduce(|| vec![0; 1 + causes + fixes], add);
    Usage { successes: counts[0], causes: counts[1..=causes].to_vec(), fixes: counts[causes + 1..].to_vec() }
}

/// What a removal changes, over the same worlds.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Per target of the graph: how much its probability falls.
    pub targets: Vec<f64>,
    /// How much the probability that any target falls does.
    pub any: f64,
}

/// Plays the worlds `before` and `after` a removal and compares them.
pub fn effect_of(graph: &RuleGraph, before: &Simulation, after: &Removed, worlds: Worlds) -> Effect {
    let after = simulate(graph, after, worlds);
    let drop = |(before, after): (&Estimate, &Estimate)| before.value() - after.value();
    Effect {
        targets: before.targets.iter().zip(&after.targets).map(drop).collect(),
        any: before.any.value() - after.any.value(),
    }
}

/// Decides which causes work in the 64 worlds of a word.
pub(crate) trait Coins {
    fn toss(&self, cause: u32, word: u32) -> u64;
}

struct Seeded<'graph> {
    graph: &'graph RuleGraph,
    seed: Seed,
}

impl Coins for Seeded<'_> {
    fn toss(&self, cause: u32, word: u32) -> u64 {
        Coin::new(self.seed, cause, self.graph.cause_likelihoods[cause as usize]).word(word, u64::MAX)
    }
}

/// Plays 64 worlds at a time; keeps its arrays from one word to the next.
pub(crate) struct Player<'graph> {
    graph: &'graph RuleGraph,
    removed: &'graph Removed,
    /// Per node: the worlds in which it holds.
    holds: Vec<u64>,
    /// Per cause: its coins, once tossed.
    coins: Vec<u64>,
    tossed: Vec<bool>,
    /// Per rule: the worlds in which it gave its conclusion first; empty when nobody asks.
    gave: Vec<u64>,
    waiting: Sweep<'graph>,
}

impl<'graph> Player<'graph> {
    pub(crate) fn new(
        graph: &'graph RuleGraph,
        removed: &'graph Removed,
        order: &'graph SweepOrder,
        trace: bool,
    ) -> Self {
        Self {
            graph,
            removed,
            holds: vec![0; graph.node_count()],
            coins: vec![0; graph.cause_count()],
            tossed: vec![false; graph.cause_count()],
            gave: if trace { vec![0; graph.rule_count()] } else { Vec::new() },
            waiting: Sweep::new(order),
        }
    }

    /// The worlds of the last word played in which the node holds.
    pub(crate) fn state(&self, node: NodeId) -> u64 {
        self.holds[node.index()]
    }

    pub(crate) fn any(&self, nodes: &[NodeId]) -> u64 {
        nodes.iter().fold(0, |worlds, &node| worlds | self.state(node))
    }

    /// Plays the worlds of `alive` to their fixpoint.
    pub(crate) fn play(&mut self, word: u32, alive: u64, coins: &impl Coins) {
        self.holds.fill(0);
        self.tossed.fill(false);
        self.gave.fill(0);
        let graph = self.graph;
        for entry in graph.entries() {
            if !self.removed.nodes.contains(entry.index()) {
                self.holds[entry.index()] = alive;
                self.waiting.push(entry.0);
            }
        }
        for &rule in graph.free_rules.iter() {
            self.apply(rule, alive, word, coins);
        }
        while let Some(node) = self.waiting.pop() {
            for &rule in graph.uses.row(node as usize) {
                self.apply(rule, alive, word, coins);
            }
        }
    }

    fn apply(&mut self, rule: u32, alive: u64, word: u32, coins: &impl Coins) {
        let index = rule as usize;
        let node = self.graph.conclusions[index] as usize;
        let mut worlds = alive & !self.holds[node];
        for &premise in self.graph.premises.row(index) {
            worlds &= self.holds[premise as usize];
        }
        if worlds == 0 || self.removed.rules.contains(index) || self.removed.nodes.contains(node) {
            return;
        }
        let cause = self.graph.causes[index] as usize;
        if !self.tossed[cause] {
            self.tossed[cause] = true;
            self.coins[cause] = coins.toss(cause as u32, word);
        }
        worlds &= self.coins[cause];
        if worlds != 0 {
            self.holds[node] |= worlds;
            if let Some(gave) = self.gave.get_mut(index) {
                *gave |= worlds;
            }
            self.waiting.push(node as u32);
        }
    }

    /// Marks, per cause and per fix, the worlds whose attack on one of `targets` used it.
    fn trace(&mut self, targets: &[NodeId], causes: &mut [u64], fixes: &mut [u64]) {
        let graph = self.graph;
        let mut needed = vec![0_u64; graph.node_count()];
        for target in targets {
            needed[target.index()] |= self.holds[target.index()];
            self.waiting.push(target.0);
        }
        while let Some(node) = self.waiting.pop() {
            let node = node as usize;
            for &rule in graph.into.row(node) {
                let worlds = self.gave[rule as usize] & needed[node];
                if worlds == 0 {
                    continue;
                }
                for &premise in graph.premises.row(rule as usize) {
                    if worlds & !needed[premise as usize] != 0 {
                        needed[premise as usize] |= worlds;
                        self.waiting.push(premise);
                    }
                }
                causes[graph.causes[rule as usize] as usize] |= worlds;
                for &fix in graph.rule_fixes.row(rule as usize) {
                    fixes[fix as usize] |= worlds;
                }
            }
        }
        for (node, &worlds) in needed.iter().enumerate() {
            if worlds != 0 {
                for &fix in graph.node_fixes.row(node) {
                    fixes[fix as usize] |= worlds;
                }
            }
        }
    }
}
