//! The best that a limited budget can buy: the fixes that cut most targets, or lower the risk most.

use fixedbitset::FixedBitSet;

use super::closure::{Relevant, closure};
use super::hitting_set::TOLERANCE;
use super::ids::{FixId, NodeId};
use super::min_fix::minimum_fixes;
use super::proof::Effort;
use super::removed::Removed;
use super::rule_graph::RuleGraph;
use super::simulate::{Worlds, simulate};
use crate::Result;

/// What is to be gained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gain {
    /// The number of targets that can no longer be attained.
    TargetsCut,
    /// The sum, over the targets, of how much their probability falls, over the same simulated worlds.
    Probability(Worlds),
}

/// What may be spent, and on what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetPlan {
    /// The most that the fixes may cost together.
    pub budget: f64,
    /// What is to be gained.
    pub gain: Gain,
    /// Limits the search; every trial counts the size of the graph (times the words of worlds).
    pub effort: Effort,
}

/// The best fixes found within a budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Purchase {
    /// Ascending.
    pub fixes: Vec<FixId>,
    /// The sum of their costs.
    pub cost: f64,
    /// What they gain, in the unit of the [`Gain`].
    pub gain: f64,
    /// No fixes within the budget gain more than this.
    pub upper_bound: f64,
    /// Whether `gain` has been shown to be the most.
    pub optimal: bool,
}

/// Looks for the fixes within the budget that gain most for the graph's targets.
///
/// Branch and bound over "buy it or not": as fixes only ever remove, no choice gains more than buying all
/// that is still affordable. Starts from what greedy buying and the fewest fixes per target give.
pub fn best_within_budget(graph: &RuleGraph, removed: &Removed, plan: BudgetPlan) -> Result<Purchase> {
    let targets = graph.targets().to_vec();
    let relevant = Relevant::new(graph, removed, &targets);
    let shop = Shop::new(graph, removed, &targets, plan, &relevant);
    let mut best = shop.greedy();
    for fixes in shop.by_target(&targets)? {
        best = shop.better(best, fixes);
    }
    let (fixes, upper_bound) = shop.search(best);
    let fixes = shop.without_waste(fixes);
    let gain = shop.gain(&fixes);
    let mut fixes: Vec<FixId> = fixes;
    fixes.sort_unstable();
    let upper_bound = upper_bound.max(gain);
    let cost = graph.cost_of(&fixes);
    Ok(Purchase { fixes, cost, gain, upper_bound, optimal: gain >= upper_bound - TOLERANCE })
}

struct Shop<'graph> {
    graph: &'graph RuleGraph,
    removed: &'graph Removed,
    targets: &'graph [NodeId],
    plan: BudgetPlan,
    /// Fixes that touch something relevant and fit the budget, the most useful on their own first.
    offers: Vec<FixId>,
    /// The loss before anything is bought.
    before: f64,
}

/// A partly made decision: the first offers have been decided, those bought are listed.
struct Decision {
    decided: usize,
    bought: Vec<FixId>,
    bound: f64,
}

impl<'graph> Shop<'graph> {
    fn new(
        graph: &'graph RuleGraph,
        removed: &'graph Removed,
        targets: &'graph [NodeId],
        plan: BudgetPlan,
        relevant: &Relevant,
    ) -> Self {
        let mut useful = FixedBitSet::with_capacity(graph.fix_count());
        for &rule in &relevant.rules {
            graph.rule_fixes.row(rule as usize).iter().for_each(|&fix| useful.insert(fix as usize));
        }
        for &node in &relevant.nodes {
            graph.node_fixes.row(node as usize).iter().for_each(|&fix| useful.insert(fix as usize));
        }
        let offers = useful
            .ones()
            .map(|fix| FixId(fix as u32))
            .filter(|&fix| graph.cost(fix) <= plan.budget + TOLERANCE)
            .collect();
        let mut shop = Self { graph, removed, targets, plan, offers, before: 0.0 };
        shop.before = shop.loss(&[]);
        let mut ranked: Vec<(f64, FixId)> = shop
            .offers
            .iter()
            .map(|&fix| (shop.gain(&[fix]) / shop.graph.cost(fix).max(1e-9), fix))
            .collect();
        ranked.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        shop.offers = ranked.into_iter().map(|(_, fix)| fix).collect();
        shop
    }

    /// What the attacker still gains when these are bought.
    fn loss(&self, bought: &[FixId]) -> f64 {
        let mut removed = self.removed.clone();
        for &fix in bought {
            removed.fix(self.graph, fix);
        }
        match self.plan.gain {
            Gain::TargetsCut => {
                let held = closure(self.graph, &removed);
                self.targets.iter().filter(|&&target| held.holds(target)).count() as f64
            }
            Gain::Probability(worlds) => {
                simulate(self.graph, &removed, worlds).targets.iter().map(|estimate| estimate.value()).sum()
            }
        }
    }

    fn gain(&self, bought: &[FixId]) -> f64 {
        self.before - self.loss(bought)
    }

    fn affordable(&self, bought: &[FixId], fix: FixId) -> bool {
        self.graph.cost_of(bought) + self.graph.cost(fix) <= self.plan.budget + TOLERANCE
    }

    /// The one with more gain; among equals the cheaper.
    fn better(&self, left: Vec<FixId>, right: Vec<FixId>) -> Vec<FixId> {
        let (left_gain, right_gain) = (self.gain(&left), self.gain(&right));
        let cheaper = self.graph.cost_of(&right) < self.graph.cost_of(&left);
        let more = right_gain > left_gain + TOLERANCE || (right_gain > left_gain - TOLERANCE && cheaper);
        if more { right } else { left }
    }

    /// Buys what gains most per cost until nothing that is affordable gains.
    fn greedy(&self) -> Vec<FixId> {
        let mut bought: Vec<FixId> = Vec::new();
        let mut gained = 0.0;
        loop {
            let mut best: Option<(f64, f64, FixId)> = None;
            for &fix in self.offers.iter().filter(|fix| !bought.contains(fix)) {
                if !self.affordable(&bought, fix) {
                    continue;
                }
                let mut trial = bought.clone();
                trial.push(fix);
                let gain = self.gain(&trial);
                let worth = (gain - gained) / self.graph.cost(fix).max(1e-9);
                if gain > gained + TOLERANCE && best.is_none_or(|(most, _, _)| worth > most) {
                    best = Some((worth, gain, fix));
                }
            }
            let Some((_, gain, fix)) = best else { return bought };
            gained = gain;
            bought.push(fix);
        }
    }

    /// Target after target, the cheapest first, as far as the budget goes.
    fn by_target(&self, targets: &[NodeId]) -> Result<Vec<Vec<FixId>>> {
        let share = Effort { steps: self.plan.effort.steps / (targets.len() as u64 * 2).max(1) };
        let mut sets = Vec::new();
        for &target in targets {
            if let Some(set) = minimum_fixes(self.graph, self.removed, &[target], share)? {
                sets.push(set);
            }
        }
        sets.sort_by(|left, right| {
            left.cost.total_cmp(&right.cost).then_with(|| left.fixes.cmp(&right.fixes))
        });
        let mut together: Vec<FixId> = Vec::new();
        let mut found = Vec::new();
        for set in sets {
            let mut trial = together.clone();
            trial.extend(set.fixes.iter().filter(|fix| !together.contains(fix)));
            if self.graph.cost_of(&trial) <= self.plan.budget + TOLERANCE {
                together = trial;
            }
            if set.cost <= self.plan.budget + TOLERANCE {
                found.push(set.fixes);
            }
        }
        found.push(together);
        Ok(found)
    }

    /// Improves on `best` and returns it with a bound on what any purchase gains.
    fn search(&self, mut best: Vec<FixId>) -> (Vec<FixId>, f64) {
        let mut most = self.gain(&best);
        let words = match self.plan.gain {
            Gain::TargetsCut => 1,
            Gain::Probability(worlds) => u64::from(worlds.count.div_ceil(64)),
        };
        let trial_steps = self.graph.size() * words;
        let mut steps = 0;
        let mut stack = vec![Decision { decided: 0, bought: Vec::new(), bound: f64::INFINITY }];
        while let Some(decision) = stack.pop() {
            if decision.bound <= most + TOLERANCE {
                continue;
            }
            let mut all = decision.bought.clone();
            all.extend(
                self.offers[decision.decided..].iter().filter(|&&fix| self.affordable(&decision.bought, fix)),
            );
            let bound = self.gain(&all).min(decision.bound);
            steps += trial_steps;
            if steps > self.plan.effort.steps {
                let open = stack.iter().map(|open| open.bound.min(self.gain(&self.offers)));
                return (best, open.fold(bound, f64::max).max(most));
            }
            if bound <= most + TOLERANCE {
                continue;
            }
            if self.graph.cost_of(&all) <= self.plan.budget + TOLERANCE {
                most = self.gain(&all);
                best = all;
                continue;
            }
            let next = (decision.decided..self.offers.len())
                .find(|&offer| self.affordable(&decision.bought, self.offers[offer]));
            let Some(next) = next else { continue };
            let mut bought = decision.bought.clone();
            bought.push(self.offers[next]);
            stack.push(Decision { decided: next + 1, bought: decision.bought, bound });
            stack.push(Decision { decided: next + 1, bought, bound });
        }
        (best, most)
    }

    /// Drops, dearest first, what can be dropped without loss of gain.
    fn without_waste(&self, mut fixes: Vec<FixId>) -> Vec<FixId> {
        let gain = self.gain(&fixes);
        let mut order = fixes.clone();
        order.sort_by(|&left, &right| {
            self.graph.cost(right).total_cmp(&self.graph.cost(left)).then(right.cmp(&left))
        });
        for fix in order {
            let without: Vec<FixId> = fixes.iter().copied().filter(|&other| other != fix).collect();
            if self.gain(&without) >= gain - TOLERANCE {
                fixes = without;
            }
        }
        fixes
    }
}
