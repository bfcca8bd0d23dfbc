//! The exact probability that a target falls, by playing every world there is. For small graphs.

use super::closure::{Relevant, closure};
use super::ids::NodeId;
use super::proof::Effort;
use super::removed::Removed;
use super::rule_graph::RuleGraph;
use super::simulate::{Coins, Player};
use super::sweep::SweepOrder;
use crate::Result;

/// Six causes vary within a word of 64 worlds, the others from word to word.
const WITHIN_WORD: usize = 6;

/// The probability that at least one of `targets` falls, exactly but for rounding; `None` when there are
/// too many worlds for the effort. Only causes that matter to the targets and are not certain are varied.
pub fn enumerate_worlds(
    graph: &RuleGraph,
    removed: &Removed,
    targets: &[NodeId],
    effort: Effort,
) -> Result<Option<f64>> {
    let relevant = Relevant::new(graph, removed, targets);
    if relevant.nodes.is_empty() {
        return Ok(Some(0.0));
    }
    let part = graph.restrict(&relevant, targets)?;
    let certain = Removed {
        rules: (0..part.rule_count())
            .filter(|&rule| part.cause_likelihoods[part.causes[rule] as usize] < 1.0)
            .collect(),
        ..Removed::none(&part)
    };
    if closure(&part, &certain).holds_any(part.targets()) {
        return Ok(Some(1.0));
    }
    let varied: Vec<u32> = (0..part.cause_count() as u32)
        .filter(|&cause| (f64::MIN_POSITIVE..1.0).contains(&part.cause_likelihoods[cause as usize]))
        .collect();
    let beyond = varied.len().saturating_sub(WITHIN_WORD) as u32;
    let words = 1_u64.checked_shl(beyond).unwrap_or(u64::MAX);
    if words.saturating_mul(part.size()) > effort.steps {
        return Ok(None);
    }
    let coins = AllWorlds::new(&part, &varied);
    let nothing = Removed::none(&part);
    let order = SweepOrder::new(&part);
    let mut player = Player::new(&part, &nothing, &order, false);
    let mut probability = 0.0;
    for word in 0..words as u32 {
        player.play(word, coins.alive(), &coins);
        let fallen = player.any(part.targets());
        if fallen != 0 {
            probability += coins.weight(word, fallen);
        }
    }
    Ok(Some(probability.clamp(0.0, 1.0)))
}

/// World `64 · word + bit` has a cause working where its binary number has a one.
struct AllWorlds<'graph> {
    part: &'graph RuleGraph,
    varied: &'graph [u32],
    /// Cause to its place in `varied`.
    places: Vec<Option<u32>>,
    /// The weight of each world of a word, from the causes that vary within it.
    within: Vec<f64>,
}

impl<'graph> AllWorlds<'graph> {
    fn new(part: &'graph RuleGraph, varied: &'graph [u32]) -> Self {
        let mut places = vec![None; part.cause_count()];
        for (place, &cause) in varied.iter().enumerate() {
            places[cause as usize] = Some(place as u32);
        }
        let inner = varied.len().min(WITHIN_WORD);
        let weight = |world: u32| -> f64 {
            (0..inner).map(|place| Self::chance(part, varied[place], world >> place & 1 == 1)).product()
        };
        Self { part, varied, places, within: (0..1_u32 << inner).map(weight).collect() }
    }

    fn chance(part: &RuleGraph, cause: u32, works: bool) -> f64 {
        let likelihood = part.cause_likelihoods[cause as usize];
        if works { likelihood } else { 1.0 - likelihood }
    }

    /// The worlds of a word that exist: all 64, or fewer when fewer than six causes vary.
    fn alive(&self) -> u64 {
        if self.within.len() == 64 { u64::MAX } else { (1 << self.within.len()) - 1 }
    }

    fn weight(&self, word: u32, mut worlds: u64) -> f64 {
        let beyond: f64 = self
            .varied
            .iter()
            .skip(WITHIN_WORD)
            .enumerate()
            .map(|(place, &cause)| Self::chance(self.part, cause, word >> place & 1 == 1))
            .product();
        let mut sum = 0.0;
        while worlds != 0 {
            sum += self.within[worlds.trailing_zeros() as usize];
            worlds &= worlds - 1;
        }
        sum * beyond
    }
}

impl Coins for AllWorlds<'_> {
    fn toss(&self, cause: u32, word: u32) -> u64 {
        /// Bit `i` of pattern `k` is bit `k` of the number `i`.
        const PATTERNS: [u64; WITHIN_WORD] = [
            0xaaaa_aaaa_aaaa_aaaa,
            0xcccc_cccc_cccc_cccc,
            0xf0f0_f0f0_f0f0_f0f0,
            0xff00_ff00_ff00_ff00,
            0xffff_0000_ffff_0000,
            0xffff_ffff_0000_0000,
        ];
        match self.places[cause as usize] {
            Some(place) if (place as usize) < WITHIN_WORD => PATTERNS[place as usize],
            Some(place) => 0_u64.wrapping_sub(u64::from(word >> (place - WITHIN_WORD as u32) & 1)),
            None if self.part.cause_likelihoods[cause as usize] >= 1.0 => u64::MAX,
            None => 0,
        }
    }
}
