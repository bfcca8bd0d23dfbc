//! Small random rule graphs and answers to the engine's questions by trying everything.

#![allow(clippy::unwrap_used, reason = "a test may stop at a broken graph")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeSet;

use bartizan_graph::engine::{Chance, FixId, NodeId, Rule, RuleGraph, RuleGraphBuilder, RuleId};
use bartizan_testkit::random::Random;

/// What a random graph may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) nodes: u32,
    pub(crate) rules: u32,
    pub(crate) fixes: u32,
    pub(crate) products: u32,
    pub(crate) most_premises: u32,
    pub(crate) shared_causes: bool,
    pub(crate) node_fixes: bool,
    /// Some likelihoods are 0 or 1.
    pub(crate) extremes: bool,
    /// Each fix removes at most one rule or node.
    pub(crate) separate_fixes: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            nodes: 7,
            rules: 9,
            fixes: 5,
            products: 4,
            most_premises: 3,
            shared_causes: true,
            node_fixes: true,
            extremes: true,
            separate_fixes: false,
        }
    }
}

/// A graph and the same in words that need no engine.
#[derive(Debug, Clone)]
pub(crate) struct Small {
    pub(crate) graph: RuleGraph,
    pub(crate) rules: Vec<Rule>,
    /// Rule to cause.
    pub(crate) causes: Vec<u32>,
    pub(crate) chances: Vec<f64>,
    pub(crate) costs: Vec<f64>,
    pub(crate) node_fixes: Vec<(FixId, NodeId)>,
    pub(crate) entries: Vec<NodeId>,
    pub(crate) targets: Vec<NodeId>,
    pub(crate) nodes: u32,
}

pub(crate) fn small(seed: u64, shape: Shape) -> Small {
    let mut random = Random::new(seed);
    let mut builder = RuleGraphBuilder::new();
    let nodes = 2 + random.below(shape.nodes - 1);
    builder.nodes(nodes);
    let fixes = random.below(shape.fixes + 1);
    let costs: Vec<f64> =
        (0..fixes).map(|_| f64::from(random.below(6)) + f64::from(random.below(2)) / 2.0).collect();
    let fix_ids: Vec<FixId> = costs.iter().map(|&cost| builder.fix(cost)).collect();
    let products: Vec<_> = (0..random.below(shape.products + 1)).map(|_| builder.product()).collect();
    let chance = |random: &mut Random| {
        if shape.extremes && random.chance(0.2) {
            f64::from(random.below(2))
        } else {
            0.05 + 0.9 * random.fraction()
        }
    };
    let mut chances = Vec::new();
    let mut shared = Vec::new();
    if shape.shared_causes {
        for _ in 0..random.below(3) {
            let likelihood = chance(&mut random);
            shared.push(builder.cause(likelihood));
            chances.push(likelihood);
        }
    }
    let mut unused_fixes = fix_ids.clone();
    let mut rules = Vec::new();
    let mut causes = Vec::new();
    for _ in 0..=random.below(shape.rules) {
        let premises: Vec<NodeId> =
            (0..random.below(shape.most_premises + 1)).map(|_| NodeId(random.below(nodes))).collect();
        let mut rule_fixes = Vec::new();
        if shape.separate_fixes {
            if random.chance(0.6) {
                rule_fixes.extend(unused_fixes.pop());
            }
        } else if !fix_ids.is_empty() && random.chance(0.7) {
            for _ in 0..=random.below(2) {
                rule_fixes.push(fix_ids[random.below(fixes) as usize]);
            }
        }
        let product = (!products.is_empty() && random.chance(0.7))
            .then(|| products[random.below(products.len() as u32) as usize]);
        let chance = if !shared.is_empty() && random.chance(0.4) {
            let cause = shared[random.below(shared.len() as u32) as usize];
            causes.push(cause.0);
            Chance::Shared(cause)
        } else {
            let likelihood = chance(&mut random);
            causes.push(chances.len() as u32);
            chances.push(likelihood);
            Chance::Own(likelihood)
        };
        // Rules without premises are kept rare: with many of them everything holds.
        let premises = if premises.is_empty() && random.chance(0.8) {
            vec![NodeId(random.below(nodes))]
        } else {
            premises
        };
        let conclusion = NodeId(random.below(nodes));
        let rule = Rule { premises, conclusion, chance, fixes: rule_fixes, product };
        builder.rule(rule.clone());
        rules.push(rule);
    }
    let mut node_fixes = Vec::new();
    if shape.node_fixes && !fix_ids.is_empty() {
        for _ in 0..random.below(3) {
            let fix = if shape.separate_fixes {
                unused_fixes.pop()
            } else {
                Some(fix_ids[random.below(fixes) as usize])
            };
            if let Some(fix) = fix {
                let node = NodeId(random.below(nodes));
                builder.node_fix(fix, node);
                node_fixes.push((fix, node));
            }
        }
    }
    // Now and then nobody starts or nothing is wanted.
    let mut pick = || -> Vec<NodeId> {
        let count = if random.chance(0.05) { 0 } else { 1 + random.below(2) };
        (0..count).map(|_| NodeId(random.below(nodes))).collect()
    };
    let (entries, targets) = (pick(), pick());
    for &entry in &entries {
        builder.entry(entry);
    }
    for &target in &targets {
        builder.target(target);
    }
    let graph = builder.build().unwrap();
    Small {
        targets: graph.targets().to_vec(),
        graph,
        rules,
        causes,
        chances,
        costs,
        node_fixes,
        entries,
        nodes,
    }
}

impl Small {
    /// The fixpoint by trying every rule until nothing changes.
    pub(crate) fn closure(
        &self,
        works: impl Fn(usize) -> bool,
        stands: impl Fn(NodeId) -> bool,
    ) -> BTreeSet<NodeId> {
        let mut held: BTreeSet<NodeId> = self.entries.iter().copied().filter(|&node| stands(node)).collect();
        loop {
            let before = held.len();
            for (index, rule) in self.rules.iter().enumerate() {
                if works(index)
                    && stands(rule.conclusion)
                    && rule.premises.iter().all(|node| held.contains(node))
                {
                    held.insert(rule.conclusion);
                }
            }
            if held.len() == before {
                return held;
            }
        }
    }

    pub(crate) fn after_fixes(&self, fixes: &[FixId]) -> BTreeSet<NodeId> {
        self.closure(
            |rule| !self.rules[rule].fixes.iter().any(|fix| fixes.contains(fix)),
            |node| !self.node_fixes.iter().any(|&(fix, fixed)| fixed == node && fixes.contains(&fix)),
        )
    }

    /// Every set of rules that derives the target, as bits.
    pub(crate) fn deriving(&self, target: NodeId) -> Vec<u32> {
        (0..1_u32 << self.rules.len())
            .filter(|set| self.closure(|rule| set >> rule & 1 == 1, |_| true).contains(&target))
            .collect()
    }

    /// Those of them that derive it no more when any rule is left out.
    pub(crate) fn minimal_proofs(&self, target: NodeId) -> Vec<u32> {
        let all: BTreeSet<u32> = self.deriving(target).into_iter().collect();
        let minimal = |set: u32| {
            !(0..self.rules.len()).any(|rule| set >> rule & 1 == 1 && all.contains(&(set & !(1 << rule))))
        };
        all.iter().copied().filter(|&set| minimal(set)).collect()
    }

    pub(crate) fn likelihood(&self, set: u32) -> f64 {
        let causes: BTreeSet<u32> =
            (0..self.rules.len()).filter(|rule| set >> rule & 1 == 1).map(|rule| self.causes[rule]).collect();
        causes.into_iter().map(|cause| self.chances[cause as usize]).product()
    }

    /// All sets of fixes.
    pub(crate) fn fix_sets(&self) -> impl Iterator<Item = Vec<FixId>> + '_ {
        let count = self.costs.len() as u32;
        (0..1_u32 << count).map(move |set| (0..count).filter(|fix| set >> fix & 1 == 1).map(FixId).collect())
    }

    pub(crate) fn cost(&self, fixes: &[FixId]) -> f64 {
        fixes.iter().map(|fix| self.costs[fix.index()]).sum()
    }

    /// The probability that one of the targets falls after the fixes, over all outcomes of all causes.
    pub(crate) fn probability(&self, targets: &[NodeId], fixes: &[FixId]) -> f64 {
        let mut sum = 0.0;
        for world in 0..1_u32 << self.chances.len() {
            let weight: f64 = self
                .chances
                .iter()
                .enumerate()
                .map(|(cause, chance)| if world >> cause & 1 == 1 { *chance } else { 1.0 - chance })
                .product();
            if weight > 0.0 {
                let held = self.closure(
                    |rule| {
                        world >> self.causes[rule] & 1 == 1
                            && !self.rules[rule].fixes.iter().any(|fix| fixes.contains(fix))
                    },
                    |node| !self.node_fixes.iter().any(|&(fix, fixed)| fixed == node && fixes.contains(&fix)),
                );
                if targets.iter().any(|target| held.contains(target)) {
                    sum += weight;
                }
            }
        }
        sum
    }
}

pub(crate) fn bits(rules: &[RuleId]) -> u32 {
    rules.iter().fold(0, |set, rule| set | 1 << rule.0)
}
