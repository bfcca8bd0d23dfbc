//! How many unknown flaws an attacker needs: the fewest distinct products among the proofs of a target
//! (k-zero-day safety; Wang, Jajodia, Singhal, Cheng, Noel 2014).
//!
//! The smallest set of products must meet every *wall*: a set of products without any of which the target
//! does not fall. Walls are generated as they are missed, as proofs are for the fewest fixes.

use super::closure::{Relevant, closure, unfold};
use super::hitting_set::lightest_hitting_set;
use super::ids::{NONE, NodeId, ProductId, RuleId};
use super::proof::{Effort, Labels};
use super::removed::Removed;
use super::rule_graph::RuleGraph;
use crate::Result;

/// The distance to a target in products with an unknown flaw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZeroDay {
    /// How many products suffice.
    pub k: u32,
    /// Products that suffice, ascending.
    pub products: Vec<ProductId>,
    /// Whether fewer never suffice.
    pub exact: bool,
    /// No proof needs fewer than this.
    pub lower_bound: u32,
}

/// The fewest distinct products in a proof of `target`; `None` when it cannot be attained.
pub fn zero_day_distance(
    graph: &RuleGraph,
    removed: &Removed,
    target: NodeId,
    effort: Effort,
) -> Result<Option<ZeroDay>> {
    let relevant = Relevant::new(graph, removed, &[target]);
    if relevant.nodes.is_empty() {
        return Ok(None);
    }
    let part = graph.restrict(&relevant, &[target])?;
    let Some(&target) = part.targets().first() else { return Ok(None) };
    let mut products: Vec<u32> = part.rule_products.iter().copied().filter(|&id| id != NONE).collect();
    products.sort_unstable();
    products.dedup();

    let known = products_of_light_proof(&part, target);
    let mut steps = 0_u64;
    let mut walls: Vec<Vec<u32>> = Vec::new();
    let weights = vec![1.0; part.products as usize];
    let mut lower_bound = 0;
    while lower_bound < known.len() {
        let left = Effort { steps: effort.steps.saturating_sub(steps) };
        let solved = lightest_hitting_set(&weights, &walls, left);
        lower_bound = lower_bound.max((solved.lower_bound - 1e-6).ceil() as usize);
        steps += solved.steps + part.size();
        let falls = |held: &[u32]| closure(&part, &without_others(&part, held)).holds(target);
        if falls(&solved.elements) {
            if solved.elements.len() <= known.len() {
                let exact = solved.optimal || solved.elements.len() == lower_bound;
                return Ok(Some(answer(solved.elements, exact, lower_bound)));
            }
            break;
        }
        if !solved.optimal || steps > effort.steps {
            break;
        }
        // The wall behind these products, made thin: products are granted as long as the target stands.
        let mut granted = solved.elements;
        for &product in &products {
            steps += part.size();
            granted.push(product);
            if granted[..granted.len() - 1].contains(&product) || falls(&granted) {
                granted.pop();
            }
        }
        walls.push(products.iter().copied().filter(|product| !granted.contains(product)).collect());
    }
    let exact = lower_bound >= known.len();
    Ok(Some(answer(known, exact, lower_bound)))
}

fn answer(products: Vec<u32>, exact: bool, lower_bound: usize) -> ZeroDay {
    let k = products.len() as u32;
    let lower_bound = if exact { k } else { (lower_bound as u32).min(k) };
    ZeroDay { k, products: products.into_iter().map(ProductId).collect(), exact, lower_bound }
}

/// Leaves out the rules that need a product which is not `held`.
fn without_others(part: &RuleGraph, held: &[u32]) -> Removed {
    let mut removed = Removed::none(part);
    for (rule, product) in part.rule_products.iter().enumerate() {
        if *product != NONE && !held.contains(product) {
            removed.rule(RuleId(rule as u32));
        }
    }
    removed
}

/// The products of the derivation tree that uses the fewest, counted with repetitions: an upper bound.
fn products_of_light_proof(part: &RuleGraph, target: NodeId) -> Vec<u32> {
    let weight = |rule: u32| if part.rule_products[rule as usize] == NONE { 1e-6 } else { 1.0 };
    let labels = Labels::new(part, &Removed::none(part), weight);
    let rules = unfold(part, &labels.given_by, target);
    let mut products: Vec<u32> =
        rules.iter().map(|rule| part.rule_products[rule.index()]).filter(|&id| id != NONE).collect();
    products.sort_unstable();
    products.dedup();
    products
}
