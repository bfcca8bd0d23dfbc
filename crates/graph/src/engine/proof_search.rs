//! The cheapest set of rules that derives a target when a colour shared by several rules is paid once.
//!
//! Branch and bound over "which rule gives this node", on the part of the graph that matters only. A state
//! is bounded from below by what its open nodes must still pay: a tree weight in which what is paid already
//! is free, premises that share no colour add up, and of those that may share only the dearest counts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fixedbitset::FixedBitSet;

use super::closure::Relevant;
use super::cones::{ColouredRules, Cones};
use super::ids::{NONE, NodeId, RuleId};
use super::proof::Effort;
use super::rule_graph::RuleGraph;
use crate::Result;

/// The part that is searched may not have more rules than this: its bounds take quadratic memory.
const MOST_RULES: usize = 4_096;
/// A look at a rule for a bound costs so many times what it costs in a fixpoint.
const COST_OF_BOUND: u64 = 8;
/// Sums of logarithms differ in their last digits with the order of addition.
const TOLERANCE: f64 = 1e-11;

/// What is searched for.
pub(crate) struct Search<'graph> {
    pub(crate) graph: &'graph RuleGraph,
    pub(crate) relevant: &'graph Relevant,
    pub(crate) target: NodeId,
    /// Rule to colour.
    pub(crate) colour_of: &'graph [u32],
    /// Colour to weight, ≥ 0.
    pub(crate) weights: &'graph [f64],
}

/// What a search came to.
pub(crate) struct Outcome {
    /// Rules cheaper than those known, premises first, if there are any.
    pub(crate) rules: Option<Vec<RuleId>>,
    /// Whether the cheaper of the two is the cheapest of all.
    pub(crate) finished: bool,
    /// What of the effort was spent.
    pub(crate) steps: u64,
}

/// Looks for rules cheaper than `known`.
pub(crate) fn cheapest_rules(search: &Search<'_>, known: &[RuleId], effort: Effort) -> Outcome {
    let relevant = &search.relevant.rules;
    // Every rule may merge a set of as many colours as there are rules.
    let preparation = relevant.len() as u64 * (relevant.len() as u64 / 64 + 16);
    if relevant.len() > MOST_RULES || preparation > effort.steps {
        return Outcome { rules: None, finished: false, steps: 0 };
    }
    let effort = Effort { steps: effort.steps - preparation };
    let Ok(part) = Part::new(search) else {
        return Outcome { rules: None, finished: false, steps: preparation };
    };
    let mut colours: Vec<u32> = known.iter().map(|rule| search.colour_of[rule.index()]).collect();
    colours.sort_unstable();
    colours.dedup();
    let known_cost = colours.iter().map(|&colour| search.weights[colour as usize]).sum();
    let outcome = part.search(known_cost, effort);
    let original = |rule: u32| RuleId(relevant[rule as usize]);
    Outcome {
        rules: outcome.rules.map(|rules| rules.into_iter().map(|rule| original(rule.0)).collect()),
        steps: outcome.steps + preparation,
        ..outcome
    }
}

/// The relevant part with dense numbers of its own.
struct Part {
    target: usize,
    /// Node to rules; empty for what is held from the start.
    into: Vec<Vec<u32>>,
    /// Node to rules that need it.
    uses: Vec<Vec<u32>>,
    premises: Vec<Vec<u32>>,
    conclusion: Vec<u32>,
    colour: Vec<u32>,
    weight: Vec<f64>,
    /// Node to all colours that any derivation of it may use.
    cones: Cones,
    /// Rule to premises whose cones have nothing in common.
    apart: Vec<Vec<u32>>,
    /// Rules whose colour may also be paid below them.
    may_repeat: Vec<bool>,
    free_rules: Vec<u32>,
    steps_per_state: u64,
}

/// Which rule gives each node, NONE where it is not decided.
type Choice = Vec<u32>;

struct Bounds {
    weight: Vec<f64>,
    given_by: Vec<u32>,
}

/// Where a choice leads: what is paid, and which nodes still need a rule.
struct Extent {
    cost: f64,
    paid: FixedBitSet,
    open: Vec<u32>,
}

impl Part {
    fn new(search: &Search<'_>) -> Result<Self> {
        let graph = search.graph;
        let rules = &search.relevant.rules;
        let nodes = &search.relevant.nodes;
        let place = |node: u32| nodes.binary_search(&node).unwrap_or(0) as u32;
        let mut colours: Vec<u32> = rules.iter().map(|&rule| search.colour_of[rule as usize]).collect();
        colours.sort_unstable();
        colours.dedup();
        let colour: Vec<u32> = rules
            .iter()
            .map(|&rule| colours.binary_search(&search.colour_of[rule as usize]).unwrap_or(0) as u32)
            .collect();
        let premises: Vec<Vec<u32>> = rules
            .iter()
            .map(|&rule| graph.premises.row(rule as usize).iter().map(|&node| place(node)).collect())
            .collect();
        let conclusion: Vec<u32> =
            rules.iter().map(|&rule| place(graph.conclusions[rule as usize])).collect();
        let mut into = vec![Vec::new(); nodes.len()];
        let mut uses = vec![Vec::new(); nodes.len()];
        let mut colour_uses = vec![0_u32; colours.len()];
        for rule in 0..rules.len() {
            into[conclusion[rule] as usize].push(rule as u32);
            premises[rule].iter().for_each(|&node| uses[node as usize].push(rule as u32));
            colour_uses[colour[rule] as usize] += 1;
        }
        let cones = Cones::new(&ColouredRules {
            nodes: nodes.len(),
            premises: &premises,
            conclusions: &conclusion,
            colours: &colour,
            colour_count: colours.len(),
        })?;
        let mut part = Self {
            target: place(search.target.0) as usize,
            weight: colours.iter().map(|&colour| search.weights[colour as usize]).collect(),
            cones,
            apart: Vec::new(),
            may_repeat: Vec::new(),
            free_rules: (0..rules.len() as u32).filter(|&rule| premises[rule as usize].is_empty()).collect(),
            steps_per_state: (rules.len() + premises.iter().map(Vec::len).sum::<usize>()) as u64
                * COST_OF_BOUND
                + 1,
            into,
            uses,
            premises,
            conclusion,
            colour,
        };
        for rule in 0..rules.len() {
            let premises = &part.premises[rule];
            let own = part.colour[rule] as usize;
            let repeats =
                colour_uses[own] > 1 && premises.iter().any(|&node| part.cones.of(node).contains(own));
            part.may_repeat.push(repeats);
            let mut order = premises.clone();
            if order.len() > 1 {
                order.sort_by_key(|&node| part.cones.size(node));
                let mut taken = FixedBitSet::with_capacity(colours.len());
                order.retain(|&node| {
                    let apart = taken.is_disjoint(part.cones.of(node));
                    if apart {
                        taken.union_with(part.cones.of(node));
                    }
                    apart
                });
            }
            part.apart.push(order);
        }
        Ok(part)
    }

    fn search(&self, known_cost: f64, effort: Effort) -> Outcome {
        let mut best_cost = known_cost;
        let mut best = None;
        let mut steps = 0_u64;
        let mut stack: Vec<Choice> = vec![vec![NONE; self.into.len()]];
        while let Some(mut choice) = stack.pop() {
            steps += self.steps_per_state;
            if steps > effort.steps {
                return Outcome { rules: best, finished: false, steps };
            }
            let extent = self.extend(&mut choice);
            steps += (extent.open.len() * self.cones.words()) as u64;
            let bounds = self.bounds(&choice, &extent.paid);
            let bound = extent.cost + self.still_to_pay(&extent, &bounds);
            if bound >= best_cost - TOLERANCE {
                continue;
            }
            let rules = self.unfold(&bounds.given_by);
            let cost = self.cost(&rules);
            if cost < best_cost - TOLERANCE {
                best_cost = cost;
                best = Some(rules.into_iter().map(RuleId).collect());
            }
            if cost <= bound + TOLERANCE {
                continue;
            }
            let dearest = extent.open.iter().copied().max_by(|&left, &right| {
                bounds.weight[left as usize].total_cmp(&bounds.weight[right as usize]).then(right.cmp(&left))
            });
            let Some(goal) = dearest else { continue };
            let mut alternatives: Vec<(f64, u32)> = self.into[goal as usize]
                .iter()
                .map(|&rule| (self.rule_bound(rule as usize, &bounds.weight, &extent.paid), rule))
                .filter(|(weight, _)| weight.is_finite())
                .collect();
            // The most promising is put on the stack last and so taken first.
            alternatives.sort_by(|left, right| right.0.total_cmp(&left.0).then(right.1.cmp(&left.1)));
            for (_, rule) in alternatives {
                let mut next = choice.clone();
                next[goal as usize] = rule;
                stack.push(next);
            }
        }
        Outcome { rules: best, finished: true, steps }
    }

    /// Follows the choice from the target, takes rules that have no alternative, and finds what is open.
    fn extend(&self, choice: &mut Choice) -> Extent {
        let mut extent =
            Extent { cost: 0.0, paid: FixedBitSet::with_capacity(self.weight.len()), open: Vec::new() };
        let mut seen = FixedBitSet::with_capacity(self.into.len());
        let mut stack = vec![self.target as u32];
        seen.insert(self.target);
        while let Some(node) = stack.pop() {
            let rules = &self.into[node as usize];
            if rules.is_empty() {
                continue;
            }
            if choice[node as usize] == NONE && rules.len() == 1 {
                choice[node as usize] = rules[0];
            }
            let rule = choice[node as usize];
            if rule == NONE {
                extent.open.push(node);
                continue;
            }
            let colour = self.colour[rule as usize] as usize;
            if !extent.paid.put(colour) {
                extent.cost += self.weight[colour];
            }
            for &premise in &self.premises[rule as usize] {
                if !seen.put(premise as usize) {
                    stack.push(premise);
                }
            }
        }
        extent
    }

    /// What every node must still pay at least, by Knuth's method over the bound of its rules.
    fn bounds(&self, choice: &Choice, paid: &FixedBitSet) -> Bounds {
        let nodes = self.into.len();
        let mut bounds = Bounds { weight: vec![f64::INFINITY; nodes], given_by: vec![NONE; nodes] };
        let mut settled = FixedBitSet::with_capacity(nodes);
        let mut missing: Vec<u32> = self.premises.iter().map(|premises| premises.len() as u32).collect();
        let mut queue: BinaryHeap<Reverse<(Weight, u32, u32)>> = BinaryHeap::new();
        for node in 0..nodes {
            if self.into[node].is_empty() {
                queue.push(Reverse((Weight(0.0), node as u32, NONE)));
            }
        }
        let offer = |rule: u32, bounds: &Bounds, queue: &mut BinaryHeap<Reverse<(Weight, u32, u32)>>| {
            let node = self.conclusion[rule as usize];
            let chosen = choice[node as usize];
            if chosen == NONE || chosen == rule {
                let weight = self.rule_bound(rule as usize, &bounds.weight, paid);
                queue.push(Reverse((Weight(weight), node, rule)));
            }
        };
        for &rule in &self.free_rules {
            offer(rule, &bounds, &mut queue);
        }
        while let Some(Reverse((weight, node, rule))) = queue.pop() {
            if settled.put(node as usize) {
                continue;
            }
            bounds.weight[node as usize] = weight.0;
            bounds.given_by[node as usize] = rule;
            for &next in &self.uses[node as usize] {
                missing[next as usize] -= 1;
                if missing[next as usize] == 0 {
                    offer(next, &bounds, &mut queue);
                }
            }
        }
        bounds
    }

    fn rule_bound(&self, rule: usize, weight: &[f64], paid: &FixedBitSet) -> f64 {
        let sum: f64 = self.apart[rule].iter().map(|&node| weight[node as usize]).sum();
        let dearest = self.premises[rule].iter().map(|&node| weight[node as usize]).fold(0.0, f64::max);
        let below = sum.max(dearest);
        let colour = self.colour[rule] as usize;
        let own = if paid.contains(colour) { 0.0 } else { self.weight[colour] };
        if self.may_repeat[rule] { own.max(below) } else { own + below }
    }

    /// The open nodes together: those that share no unpaid colour add up. Infinite when the choice cannot
    /// derive the target.
    fn still_to_pay(&self, extent: &Extent, bounds: &Bounds) -> f64 {
        if bounds.weight[self.target].is_infinite() {
            return f64::INFINITY;
        }
        let mut open: Vec<(f64, u32)> =
            extent.open.iter().map(|&node| (bounds.weight[node as usize], node)).collect();
        open.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        let mut taken = vec![0; self.cones.words()];
        let mut sum = 0.0;
        for (weight, node) in open {
            let cone = self.cones.of(node).as_slice();
            let unpaid = cone.iter().zip(extent.paid.as_slice()).map(|(cone, paid)| cone & !paid);
            if unpaid.clone().zip(&taken).all(|(unpaid, taken)| unpaid & taken == 0) {
                taken.iter_mut().zip(unpaid).for_each(|(taken, unpaid)| *taken |= unpaid);
                sum += weight;
            }
        }
        f64::max(sum, bounds.weight[self.target])
    }

    fn unfold(&self, given_by: &[u32]) -> Vec<u32> {
        let mut done = FixedBitSet::with_capacity(self.into.len());
        let mut rules = Vec::new();
        let mut stack = vec![(self.target as u32, false)];
        while let Some((node, left)) = stack.pop() {
            let rule = given_by[node as usize];
            if left {
                rules.push(rule);
            } else if rule != NONE && !done.put(node as usize) {
                stack.push((node, true));
                stack.extend(self.premises[rule as usize].iter().rev().map(|&premise| (premise, false)));
            }
        }
        rules
    }

    fn cost(&self, rules: &[u32]) -> f64 {
        let mut paid = FixedBitSet::with_capacity(self.weight.len());
        let mut cost = 0.0;
        for &rule in rules {
            let colour = self.colour[rule as usize] as usize;
            if !paid.put(colour) {
                cost += self.weight[colour];
            }
        }
        cost
    }
}

/// A weight that can be ordered.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weight(f64);

impl Eq for Weight {}

impl PartialOrd for Weight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Weight {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
