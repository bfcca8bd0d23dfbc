//! Rule graphs: every answer of the engine against trying everything, on thousands of small graphs.

mod common;

use std::collections::BTreeSet;

use bartizan_graph::engine::{
    BudgetPlan, Effort, Gain, NodeId, Removed, RuleId, Worlds, best_proof, best_proofs, best_within_budget,
    closure, effect_of, enumerate_worlds, exposed_entries, mandatory, minimum_fixes, simulate,
    simulate_usage, zero_day_distance,
};
use common::{Shape, Small, bits, small};
use proptest::prelude::*;

const NEAR: f64 = 1e-9;

/// The rules can fire in the order given, each is needed, and together they derive the target.
fn assert_is_proof(small: &Small, rules: &[RuleId], target: NodeId) {
    let mut held: BTreeSet<NodeId> = small.entries.iter().copied().collect();
    for rule in rules {
        let rule = &small.rules[rule.index()];
        assert!(
            rule.premises.iter().all(|premise| held.contains(premise)),
            "a rule fires before its premises hold"
        );
        held.insert(rule.conclusion);
    }
    assert!(held.contains(&target));
    assert_eq!(bits(rules).count_ones() as usize, rules.len(), "rules are distinct");
    for left_out in rules {
        let set = bits(rules) & !(1 << left_out.0);
        let without = small.closure(|rule| set >> rule & 1 == 1, |_| true);
        assert!(!without.contains(&target), "a rule is not needed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn the_closure_is_the_least_fixpoint(seed: u64, fix_bits: u32) {
        let small = small(seed, Shape { rules: 14, ..Shape::default() });
        let fixes: Vec<_> = small.fix_sets().nth(fix_bits as usize % (1 << small.costs.len())).unwrap();
        let removed = Removed::by_fixes(&small.graph, &fixes);
        let found = closure(&small.graph, &removed);
        let expected = small.after_fixes(&fixes);
        prop_assert_eq!(found.nodes().collect::<BTreeSet<_>>(), expected.clone());
        // The firing order gives every derived node once, premises first.
        let mut held: BTreeSet<NodeId> =
            small.entries.iter().copied().filter(|&entry| found.holds(entry)).collect();
        for rule in found.firing_order() {
            prop_assert!(small.graph.premises(rule).all(|premise| held.contains(&premise)));
            prop_assert!(held.insert(small.graph.conclusion(rule)));
        }
        prop_assert_eq!(held, expected);
    }

    #[test]
    fn an_entry_is_exposed_when_a_target_can_use_it(seed: u64) {
        let shape = Shape { most_premises: 1, ..Shape::default() };
        let small = small(seed, shape);
        let found = exposed_entries(&small.graph, &Removed::none(&small.graph), &small.targets);
        let alone = |entry: NodeId| Small { entries: vec![entry], ..small.clone() };
        for &entry in small.graph.entries() {
            // With one premise each, an entry is useful when it reaches a target over rules that have one.
            let reached = alone(entry).closure(|rule| !small.rules[rule].premises.is_empty(), |_| true);
            let reaches = small.targets.iter().any(|target| reached.contains(target));
            prop_assert_eq!(found.contains(&entry), reaches);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn the_best_proof_is_the_likeliest_of_all_sets_of_rules(seed: u64) {
        let small = small(seed, Shape::default());
        let nothing = Removed::none(&small.graph);
        for &target in &small.targets {
            let best = small.deriving(target).into_iter().map(|set| small.likelihood(set)).fold(-1.0, f64::max);
            match best_proof(&small.graph, &nothing, target, Effort::default()) {
                None => prop_assert!(best < 0.0),
                Some(proof) => {
                    assert_is_proof(&small, &proof.rules, target);
                    prop_assert!(proof.exact);
                    prop_assert!((proof.likelihood - best).abs() < NEAR, "{} not {best}", proof.likelihood);
                    prop_assert!((small.likelihood(bits(&proof.rules)) - best).abs() < NEAR);
                }
            }
            // Without effort the answer is a proof all the same, and does not claim too much.
            if let Some(proof) = best_proof(&small.graph, &nothing, target, Effort { steps: 0 }) {
                assert_is_proof(&small, &proof.rules, target);
                prop_assert!(proof.likelihood <= best + NEAR);
                prop_assert!(!proof.exact || proof.likelihood >= best - NEAR);
            }
        }
    }

    #[test]
    fn the_best_proofs_are_those_that_no_better_one_contains(seed: u64, node_fixes: bool) {
        let shape = Shape { shared_causes: false, extremes: false, node_fixes, ..Shape::default() };
        let small = small(seed, shape);
        for &target in &small.targets {
            let parts = |set: u32| -> BTreeSet<(u8, u32)> {
                let mut parts = BTreeSet::new();
                let mut nodes = BTreeSet::from([target]);
                for (index, rule) in small.rules.iter().enumerate().filter(|(index, _)| set >> index & 1 == 1) {
                    parts.extend(rule.fixes.iter().map(|fix| (0, fix.0)));
                    if rule.fixes.is_empty() {
                        parts.insert((1, index as u32));
                    }
                    nodes.extend(&rule.premises);
                    nodes.insert(rule.conclusion);
                }
                parts.extend(small.node_fixes.iter().filter(|(_, node)| nodes.contains(node)).map(|(fix, _)| (0, fix.0)));
                parts
            };
            let mut proofs = small.minimal_proofs(target);
            proofs.sort_by(|&left, &right| small.likelihood(right).total_cmp(&small.likelihood(left)));
            let mut expected: Vec<u32> = Vec::new();
            for proof in proofs {
                if !expected.iter().any(|&better| parts(better).is_subset(&parts(proof))) {
                    expected.push(proof);
                }
            }
            for count in [0, 1, 2, 50] {
                let found =
                    best_proofs(&small.graph, &Removed::none(&small.graph), target, count, Effort::default()).unwrap();
                let found: Vec<u32> = found.iter().map(|proof| bits(&proof.rules)).collect();
                prop_assert_eq!(&found[..], &expected[..count.min(expected.len())]);
            }
        }
    }

    #[test]
    fn the_cheapest_fixes_are_the_cheapest_of_all_sets(seed: u64, separate_fixes: bool, plain: bool) {
        let most_premises = if plain { 1 } else { 3 };
        let small = small(seed, Shape { separate_fixes, most_premises, rules: 12, fixes: 7, ..Shape::default() });
        let nothing = Removed::none(&small.graph);
        let mut questions: Vec<Vec<NodeId>> = small.targets.iter().map(|&target| vec![target]).collect();
        questions.push(small.targets.clone());
        for targets in questions {
            let stands = |fixes: &[_]| targets.iter().all(|target| !small.after_fixes(fixes).contains(target));
            let cheapest = small.fix_sets().filter(|fixes| stands(fixes)).map(|fixes| small.cost(&fixes)).reduce(f64::min);
            let found = minimum_fixes(&small.graph, &nothing, &targets, Effort::default()).unwrap();
            prop_assert_eq!(found.is_some(), cheapest.is_some());
            let (Some(found), Some(cheapest)) = (found, cheapest) else { continue };
            prop_assert!(found.certificate && stands(&found.fixes));
            prop_assert!((found.cost - cheapest).abs() < NEAR, "{} not {cheapest}", found.cost);
            prop_assert!((found.cost - small.cost(&found.fixes)).abs() < NEAR);
            prop_assert!(found.optimal && (found.lower_bound - cheapest).abs() < NEAR);
            let hasty = minimum_fixes(&small.graph, &nothing, &targets, Effort { steps: 1 }).unwrap().unwrap();
            prop_assert!(hasty.certificate && hasty.lower_bound <= cheapest + NEAR);
            prop_assert!(!hasty.optimal || (hasty.cost - cheapest).abs() < NEAR);
        }
    }

    #[test]
    fn zero_day_distance_is_the_fewest_products_of_any_proof(seed: u64) {
        let small = small(seed, Shape { products: 5, ..Shape::default() });
        for &target in &small.targets {
            let products = |set: u32| -> BTreeSet<_> {
                (0..small.rules.len()).filter(|rule| set >> rule & 1 == 1).filter_map(|rule| small.rules[rule].product).collect()
            };
            let fewest = small.deriving(target).into_iter().map(|set| products(set).len() as u32).min();
            let nothing = Removed::none(&small.graph);
            let found = zero_day_distance(&small.graph, &nothing, target, Effort::default()).unwrap();
            prop_assert_eq!(found.as_ref().map(|found| found.k), fewest);
            let hasty = zero_day_distance(&small.graph, &nothing, target, Effort { steps: 1 }).unwrap();
            prop_assert_eq!(hasty.is_some(), fewest.is_some());
            let (Some(found), Some(hasty), Some(fewest)) = (found, hasty, fewest) else { continue };
            prop_assert!(found.exact && found.lower_bound == found.k);
            let allowed: BTreeSet<_> = found.products.iter().copied().collect();
            prop_assert_eq!(allowed.len() as u32, found.k);
            let held = small.closure(|rule| small.rules[rule].product.is_none_or(|id| allowed.contains(&id)), |_| true);
            prop_assert!(held.contains(&target));
            prop_assert!(hasty.lower_bound <= fewest && fewest <= hasty.k);
            prop_assert!(!hasty.exact || hasty.k == fewest);
        }
    }

    #[test]
    fn what_is_mandatory_is_in_every_proof(seed: u64) {
        let small = small(seed, Shape::default());
        for &target in &small.targets {
            let found = mandatory(&small.graph, &Removed::none(&small.graph), target).unwrap();
            if !small.closure(|_| true, |_| true).contains(&target) {
                prop_assert!(found.nodes.is_empty() && found.rules.is_empty());
                continue;
            }
            let nodes: Vec<NodeId> = (0..small.nodes)
                .map(NodeId)
                .filter(|&left_out| left_out != target)
                .filter(|&left_out| !small.closure(|_| true, |node| node != left_out).contains(&target))
                .collect();
            let rules: Vec<RuleId> = (0..small.rules.len())
                .filter(|&left_out| !small.closure(|rule| rule != left_out, |_| true).contains(&target))
                .map(|rule| RuleId(rule as u32))
                .collect();
            prop_assert_eq!(found.nodes, nodes);
            prop_assert_eq!(found.rules, rules);
        }
    }

    #[test]
    fn a_budget_buys_as_much_as_the_best_of_all_sets(seed: u64, budget in 0_u32..12) {
        let small = small(seed, Shape { fixes: 6, ..Shape::default() });
        let budget = f64::from(budget);
        let nothing = Removed::none(&small.graph);
        let held = |fixes: &[_]| {
            let held = small.after_fixes(fixes);
            small.targets.iter().filter(|target| held.contains(target)).count() as f64
        };
        let affordable = || small.fix_sets().filter(|fixes| small.cost(fixes) <= budget + NEAR);
        let most = affordable().map(|fixes| held(&[]) - held(&fixes)).fold(0.0, f64::max);
        let plan = BudgetPlan { budget, gain: Gain::TargetsCut, effort: Effort::default() };
        let found = best_within_budget(&small.graph, &nothing, plan).unwrap();
        prop_assert!(small.cost(&found.fixes) <= budget + NEAR && found.optimal);
        prop_assert!((found.gain - most).abs() < NEAR && (found.upper_bound - most).abs() < NEAR);
        prop_assert!((held(&[]) - held(&found.fixes) - most).abs() < NEAR);

        // With chances: the same worlds on both sides, so that the best is exact for these worlds.
        let worlds = Worlds { count: 128, seed };
        let loss = |fixes: &[_]| -> f64 {
            let after = Removed::by_fixes(&small.graph, fixes);
            simulate(&small.graph, &after, worlds).targets.iter().map(|estimate| estimate.value()).sum()
        };
        let most = affordable().map(|fixes| loss(&[]) - loss(&fixes)).fold(0.0, f64::max);
        let plan = BudgetPlan { budget, gain: Gain::Probability(worlds), effort: Effort::default() };
        let found = best_within_budget(&small.graph, &nothing, plan).unwrap();
        prop_assert!(small.cost(&found.fixes) <= budget + NEAR && found.optimal);
        prop_assert!((found.gain - most).abs() < NEAR, "{} not {most}", found.gain);
        let hasty = best_within_budget(&small.graph, &nothing, BudgetPlan { effort: Effort { steps: 1 }, ..plan }).unwrap();
        prop_assert!(hasty.upper_bound >= most - NEAR && hasty.gain <= most + NEAR);
    }

    #[test]
    fn enumeration_adds_up_all_worlds(seed: u64) {
        let small = small(seed, Shape { rules: 10, ..Shape::default() });
        let nothing = Removed::none(&small.graph);
        let found = enumerate_worlds(&small.graph, &nothing, &small.targets, Effort::default()).unwrap().unwrap();
        let expected = small.probability(&small.targets, &[]);
        prop_assert!((found - expected).abs() < NEAR, "{found} not {expected}");
    }
}

/// Chance decides here, so that the seeds are fixed and the tolerance is wide.
#[test]
fn simulation_agrees_with_enumeration() {
    let worlds = Worlds { count: 8_192, seed: 42 };
    let mut uncertain = 0;
    for seed in 0..1_500 {
        let small = small(seed, Shape { rules: 8, ..Shape::default() });
        let nothing = Removed::none(&small.graph);
        let simulation = simulate(&small.graph, &nothing, worlds);
        let near = |found: f64, expected: f64| {
            let error = (expected * (1.0 - expected).max(0.0) / f64::from(worlds.count)).sqrt();
            assert!(
                (found - expected).abs() <= 5.5 * error + 1e-12,
                "seed {seed}: {found} not {expected} ± {error}"
            );
        };
        for (target, estimate) in small.targets.iter().zip(&simulation.targets) {
            let expected = small.probability(&[*target], &[]);
            uncertain += u32::from(expected > 0.0 && expected < 1.0);
            near(estimate.value(), expected);
        }
        near(simulation.any.value(), small.probability(&small.targets, &[]));
        for fix in 0..small.costs.len() as u32 {
            let fixes = [bartizan_graph::engine::FixId(fix)];
            let after = Removed::by_fixes(&small.graph, &fixes);
            let effect = effect_of(&small.graph, &simulation, &after, worlds);
            near(simulation.any.value() - effect.any, small.probability(&small.targets, &fixes));
            assert!(effect.any >= 0.0 && effect.targets.iter().all(|&drop| drop >= 0.0));
        }
    }
    assert!(uncertain > 300, "only {uncertain} of the graphs leave room for chance");
}

#[test]
fn usage_lies_between_what_is_mandatory_and_what_is_possible() {
    let worlds = Worlds { count: 200, seed: 9 };
    for seed in 0..1_500 {
        let small = small(seed, Shape::default());
        let nothing = Removed::none(&small.graph);
        for (&target, estimate) in small.targets.iter().zip(&simulate(&small.graph, &nothing, worlds).targets)
        {
            let usage = simulate_usage(&small.graph, &nothing, &[target], worlds);
            assert_eq!(usage.successes, estimate.successes);
            let proofs = small.minimal_proofs(target);
            for (cause, &used) in usage.causes.iter().enumerate() {
                let has = |set: u32| {
                    (0..small.rules.len())
                        .any(|rule| set >> rule & 1 == 1 && small.causes[rule] == cause as u32)
                };
                let all = proofs.iter().all(|&set| has(set));
                let any = proofs.iter().any(|&set| has(set));
                assert!(
                    used <= usage.successes && (!all || used == usage.successes) && (any || used == 0),
                    "seed {seed}"
                );
            }
            for (fix, &used) in usage.fixes.iter().enumerate() {
                // Where the fix stops every attack, every attack used it.
                let after = small.after_fixes(&[bartizan_graph::engine::FixId(fix as u32)]);
                assert!(
                    used <= usage.successes && (after.contains(&target) || used == usage.successes),
                    "seed {seed}"
                );
            }
        }
    }
}

#[test]
fn worlds_do_not_depend_on_how_they_are_played() {
    for seed in 0..200 {
        let small = small(seed, Shape::default());
        let nothing = Removed::none(&small.graph);
        let few = simulate(&small.graph, &nothing, Worlds { count: 70, seed });
        let one = simulate(&small.graph, &nothing, Worlds { count: 70, seed });
        assert_eq!(few, one);
        let more = simulate(&small.graph, &nothing, Worlds { count: 71, seed });
        for (few, more) in few.targets.iter().zip(&more.targets) {
            assert!(more.successes - few.successes <= 1, "the first worlds stay the same");
        }
        assert_eq!(simulate(&small.graph, &nothing, Worlds { count: 0, seed }).any.successes, 0);
    }
}
