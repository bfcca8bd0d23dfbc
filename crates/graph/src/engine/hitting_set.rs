//! The lightest set of elements that meets every one of a family of sets: exact branch and bound.

use fixedbitset::FixedBitSet;

use super::proof::Effort;

/// Sums of costs differ in their last digits with the order of addition.
pub(crate) const TOLERANCE: f64 = 1e-9;

/// A set that meets all the others.
#[derive(Debug, Clone)]
pub(crate) struct HittingSet {
    /// Ascending.
    pub(crate) elements: Vec<u32>,
    /// No set that meets all weighs less than this.
    pub(crate) lower_bound: f64,
    /// Whether `elements` is the lightest.
    pub(crate) optimal: bool,
    /// What of the effort was spent.
    pub(crate) steps: u64,
}

/// Finds the lightest set of elements (with weights ≥ 0) that meets every set of `family`; no set of the
/// family may be empty. Ends with the best found so far when `effort` is spent, and says so.
pub(crate) fn lightest_hitting_set(weights: &[f64], family: &[Vec<u32>], effort: Effort) -> HittingSet {
    let family = without_supersets(family);
    let weigh = |elements: &[u32]| elements.iter().fold(0.0, |sum, &element| sum + weights[element as usize]);
    let mut best = greedy(weights, &family);
    let mut best_weight = weigh(&best);
    let size = family.iter().map(Vec::len).sum::<usize>() as u64 * 4 + 1;
    let mut steps = 0_u64;
    let mut stack = vec![State {
        chosen: Vec::new(),
        excluded: FixedBitSet::with_capacity(weights.len()),
        bound: packing(weights, &family),
    }];
    let mut open_bound = f64::INFINITY;
    while let Some(mut state) = stack.pop() {
        if state.bound >= best_weight - TOLERANCE {
            continue;
        }
        steps += size;
        if steps > effort.steps {
            open_bound = stack.iter().fold(state.bound, |least, other| least.min(other.bound));
            break;
        }
        let Some(open) = settle(&family, &mut state) else { continue };
        let weight = weigh(&state.chosen);
        if open.is_empty() {
            if weight < best_weight - TOLERANCE {
                best_weight = weight;
                best.clone_from(&state.chosen);
            }
            continue;
        }
        let bound = weight + packing(weights, &open);
        if bound >= best_weight - TOLERANCE {
            continue;
        }
        let Some(smallest) = open.iter().min_by_key(|set| set.len()) else { continue };
        let mut order = smallest.clone();
        let met = |element: u32| open.iter().filter(|set| set.contains(&element)).count() as f64;
        order.sort_by(|&left, &right| {
            let (left_worth, right_worth) =
                (weights[left as usize] / met(left), weights[right as usize] / met(right));
            left_worth.total_cmp(&right_worth).then(left.cmp(&right))
        });
        // Each branch takes one element and forgoes those that the branches before it took.
        let mut excluded = state.excluded;
        let mut branches = Vec::with_capacity(order.len());
        for element in order {
            let mut chosen = state.chosen.clone();
            chosen.push(element);
            branches.push(State { chosen, excluded: excluded.clone(), bound });
            excluded.insert(element as usize);
        }
        stack.extend(branches.into_iter().rev());
    }
    best.sort_unstable();
    let lower_bound = open_bound.min(best_weight);
    HittingSet { elements: best, lower_bound, optimal: open_bound >= best_weight - TOLERANCE, steps }
}

struct State {
    chosen: Vec<u32>,
    excluded: FixedBitSet,
    bound: f64,
}

/// Takes elements that have no alternative. Returns what is still to be met, without excluded elements, or
/// `None` when some set can no longer be met.
fn settle(family: &[Vec<u32>], state: &mut State) -> Option<Vec<Vec<u32>>> {
    let mut chosen = FixedBitSet::with_capacity(state.excluded.len());
    state.chosen.iter().for_each(|&element| chosen.insert(element as usize));
    let mut open: Vec<Vec<u32>> = family
        .iter()
        .filter(|set| !set.iter().any(|&element| chosen.contains(element as usize)))
        .map(|set| {
            set.iter().copied().filter(|&element| !state.excluded.contains(element as usize)).collect()
        })
        .collect();
    loop {
        if open.iter().any(Vec::is_empty) {
            return None;
        }
        let Some(forced) = open.iter().find(|set| set.len() == 1).map(|set| set[0]) else {
            return Some(open);
        };
        state.chosen.push(forced);
        open.retain(|set| !set.contains(&forced));
    }
}

/// A lower bound: every set is charged what its cheapest element has left, and uses it up in all its
/// elements (a feasible solution of the dual linear programme).
fn packing(weights: &[f64], open: &[Vec<u32>]) -> f64 {
    let mut left = weights.to_vec();
    let mut order: Vec<&Vec<u32>> = open.iter().collect();
    order.sort_by_key(|set| set.len());
    let mut bound = 0.0;
    for set in order {
        let charge = set.iter().map(|&element| left[element as usize]).fold(f64::INFINITY, f64::min);
        bound += charge;
        for &element in set {
            left[element as usize] -= charge;
        }
    }
    bound
}

/// Takes the element that meets most per weight until all are met, then drops what is not needed.
fn greedy(weights: &[f64], family: &[Vec<u32>]) -> Vec<u32> {
    let mut open: Vec<&Vec<u32>> = family.iter().collect();
    let mut chosen = Vec::new();
    while !open.is_empty() {
        let mut met = vec![0_u32; weights.len()];
        for &element in open.iter().copied().flatten() {
            met[element as usize] += 1;
        }
        let best =
            (0..weights.len() as u32).filter(|&element| met[element as usize] > 0).min_by(|&left, &right| {
                let worth = |element: u32| weights[element as usize] / f64::from(met[element as usize]);
                worth(left).total_cmp(&worth(right)).then(left.cmp(&right))
            });
        let Some(best) = best else { break };
        chosen.push(best);
        open.retain(|set| !set.contains(&best));
    }
    let mut by_weight = chosen.clone();
    by_weight.sort_by(|&left, &right| weights[right as usize].total_cmp(&weights[left as usize]));
    for element in by_weight {
        let needed = family.iter().any(|set| {
            set.contains(&element) && !set.iter().any(|other| *other != element && chosen.contains(other))
        });
        if !needed {
            chosen.retain(|&other| other != element);
        }
    }
    chosen
}

/// Leaves out sets that contain another one: whatever meets the smaller meets the larger.
fn without_supersets(family: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut sorted: Vec<Vec<u32>> = family.to_vec();
    for set in &mut sorted {
        set.sort_unstable();
        set.dedup();
    }
    sorted.sort_by(|left, right| left.len().cmp(&right.len()).then_with(|| left.cmp(right)));
    sorted.dedup();
    let mut kept: Vec<Vec<u32>> = Vec::with_capacity(sorted.len());
    for set in sorted {
        if !kept.iter().any(|smaller| smaller.iter().all(|element| set.binary_search(element).is_ok())) {
            kept.push(set);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn it_is_as_light_as_the_best_of_all_subsets(
            weights in prop::collection::vec(0_u32..8, 1..9),
            family in prop::collection::vec(prop::collection::vec(0_u32..9, 1..5), 0..12),
        ) {
            let count = weights.len() as u32;
            let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
            let family: Vec<Vec<u32>> =
                family.into_iter().map(|set| set.into_iter().map(|element| element % count).collect()).collect();
            let lightest = (0_u32..1 << count)
                .filter(|subset| family.iter().all(|set| set.iter().any(|element| subset >> element & 1 == 1)))
                .map(|subset| (0..count).filter(|e| subset >> e & 1 == 1).map(|e| weights[e as usize]).sum::<f64>())
                .fold(f64::INFINITY, f64::min);
            let found = lightest_hitting_set(&weights, &family, Effort::default());
            prop_assert!(found.optimal);
            prop_assert!(family.iter().all(|set| set.iter().any(|element| found.elements.contains(element))));
            let weight: f64 = found.elements.iter().map(|&element| weights[element as usize]).sum();
            prop_assert!((weight - lightest).abs() < 1e-9);
            prop_assert!((found.lower_bound - lightest).abs() < 1e-9);

            let hasty = lightest_hitting_set(&weights, &family, Effort { steps: 20 });
            prop_assert!(hasty.lower_bound <= lightest + 1e-9);
            prop_assert!(family.iter().all(|set| set.iter().any(|element| hasty.elements.contains(element))));
        }
    }
}
