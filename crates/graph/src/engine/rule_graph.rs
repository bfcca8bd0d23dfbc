//! Rules that may need several things at once, in arrays; names stay with whoever built the graph.

use std::sync::Arc;

use super::closure::Relevant;
use super::csr::Csr;
use super::ids::{CauseId, FixId, NONE, NodeId, ProductId, RuleId};
use crate::{Error, Result};

/// Where a rule's chance comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Chance {
    /// A coin of its own.
    Own(f64),
    /// A coin that it shares with other rules: in each world all of them work, or none.
    Shared(CauseId),
}

/// A rule to be put into a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What must hold; none means always. Repetitions count once.
    pub premises: Vec<NodeId>,
    /// What then holds.
    pub conclusion: NodeId,
    /// The chance that it works, decided once per world.
    pub chance: Chance,
    /// Fixes any one of which removes the rule.
    pub fixes: Vec<FixId>,
    /// The product whose unknown flaw the rule needs.
    pub product: Option<ProductId>,
}

impl Rule {
    /// A rule with one premise that no fix removes.
    pub fn step(premise: NodeId, conclusion: NodeId, likelihood: f64) -> Self {
        Self {
            premises: vec![premise],
            conclusion,
            chance: Chance::Own(likelihood),
            fixes: Vec::new(),
            product: None,
        }
    }
}

/// Collects nodes, rules and fixes, and checks them once at the end.
#[derive(Debug, Clone, Default)]
pub struct RuleGraphBuilder {
    nodes: u32,
    products: u32,
    entries: Vec<NodeId>,
    targets: Vec<NodeId>,
    premises: Vec<NodeId>,
    premise_ends: Vec<u32>,
    conclusions: Vec<u32>,
    causes: Vec<u32>,
    cause_likelihoods: Vec<f64>,
    rule_products: Vec<u32>,
    rule_fixes: Vec<(u32, u32)>,
    node_fixes: Vec<(u32, u32)>,
    fix_costs: Vec<f64>,
}

impl RuleGraphBuilder {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node.
    pub fn node(&mut self) -> NodeId {
        self.nodes += 1;
        NodeId(self.nodes - 1)
    }

    /// Adds many nodes; returns the first.
    pub fn nodes(&mut self, count: u32) -> NodeId {
        self.nodes += count;
        NodeId(self.nodes - count)
    }

    /// Adds a product.
    pub fn product(&mut self) -> ProductId {
        self.products += 1;
        ProductId(self.products - 1)
    }

    /// Adds a chance that several rules may share.
    pub fn cause(&mut self, likelihood: f64) -> CauseId {
        self.cause_likelihoods.push(likelihood);
        CauseId(self.cause_likelihoods.len() as u32 - 1)
    }

    /// Adds a remediation; the cost is in any unit that adds up.
    pub fn fix(&mut self, cost: f64) -> FixId {
        self.fix_costs.push(cost);
        FixId(self.fix_costs.len() as u32 - 1)
    }

    /// The attacker holds this node from the start.
    pub fn entry(&mut self, node: NodeId) {
        self.entries.push(node);
    }

    /// This node must not fall.
    pub fn target(&mut self, node: NodeId) {
        self.targets.push(node);
    }

    /// The fix makes the node unattainable, even if it is an entry.
    pub fn node_fix(&mut self, fix: FixId, node: NodeId) {
        self.node_fixes.push((node.0, fix.0));
    }

    /// Adds a rule.
    pub fn rule(&mut self, rule: Rule) -> RuleId {
        let id = self.conclusions.len() as u32;
        let start = self.premises.len();
        self.premises.extend(rule.premises);
        self.premises[start..].sort_unstable();
        let mut kept = start;
        for index in start..self.premises.len() {
            if index == start || self.premises[index] != self.premises[kept - 1] {
                self.premises[kept] = self.premises[index];
                kept += 1;
            }
        }
        self.premises.truncate(kept);
        self.premise_ends.push(kept as u32);
        self.conclusions.push(rule.conclusion.0);
        let cause = match rule.chance {
            Chance::Own(likelihood) => self.cause(likelihood),
            Chance::Shared(cause) => cause,
        };
        self.causes.push(cause.0);
        self.rule_products.push(rule.product.map_or(NONE, |product| product.0));
        self.rule_fixes.extend(rule.fixes.into_iter().map(|fix| (id, fix.0)));
        RuleId(id)
    }

    /// Checks every reference and number, and builds the rows.
    pub fn build(mut self) -> Result<RuleGraph> {
        self.check()?;
        let nodes = self.nodes as usize;
        let rules = self.conclusions.len();
        let fixes = self.fix_costs.len();
        self.rule_fixes.sort_unstable();
        self.rule_fixes.dedup();
        self.node_fixes.sort_unstable();
        self.node_fixes.dedup();
        self.entries.sort_unstable();
        self.entries.dedup();
        self.targets.sort_unstable();
        self.targets.dedup();
        let mut premise_offsets = Vec::with_capacity(rules + 1);
        premise_offsets.push(0);
        premise_offsets.append(&mut self.premise_ends);
        let premises = Csr::from_parts(premise_offsets, self.premises.iter().map(|node| node.0).collect());
        let uses =
            (0..rules).flat_map(|rule| premises.row(rule).iter().map(move |&node| (node, rule as u32)));
        let uses = Csr::from_pairs(nodes, uses);
        let into = self.conclusions.iter().enumerate().map(|(rule, &node)| (node, rule as u32));
        let swapped = |&(left, right): &(u32, u32)| (right, left);
        let mut sharers = vec![0_u32; self.cause_likelihoods.len()];
        for &cause in &self.causes {
            sharers[cause as usize] += 1;
        }
        Ok(RuleGraph {
            into: Arc::new(Csr::from_pairs(nodes, into)),
            uses: Arc::new(uses),
            free_rules: (0..rules as u32).filter(|&rule| premises.len_of(rule as usize) == 0).collect(),
            premises: Arc::new(premises),
            conclusions: self.conclusions.into(),
            causes: self.causes.into(),
            shared_cause: sharers.into_iter().map(|count| count > 1).collect(),
            cause_likelihoods: self.cause_likelihoods.into(),
            rule_products: self.rule_products.into(),
            products: self.products,
            rule_fixes: Arc::new(Csr::from_pairs(rules, self.rule_fixes.iter().copied())),
            fix_rules: Arc::new(Csr::from_pairs(fixes, self.rule_fixes.iter().map(swapped))),
            node_fixes: Arc::new(Csr::from_pairs(nodes, self.node_fixes.iter().copied())),
            fix_nodes: Arc::new(Csr::from_pairs(fixes, self.node_fixes.iter().map(swapped))),
            fix_costs: self.fix_costs.into(),
            entries: self.entries,
            targets: self.targets,
        })
    }

    fn check(&self) -> Result<()> {
        let fail = |at: String, message: String| Err(Error::RuleGraph { at, message });
        if self.conclusions.len() >= NONE as usize || self.premises.len() >= NONE as usize {
            return Err(Error::TooLarge { what: "rules or premises", limit: u64::from(NONE) - 1 });
        }
        let nodes = self.nodes;
        let all_nodes = self.entries.iter().chain(&self.targets).chain(&self.premises).map(|node| node.0);
        let concluded = self.conclusions.iter().copied().chain(self.node_fixes.iter().map(|fix| fix.0));
        if let Some(node) = all_nodes.chain(concluded).find(|&node| node >= nodes) {
            return fail(format!("node {node}"), format!("is not there; there are {nodes}"));
        }
        let fixes = self.fix_costs.len() as u32;
        let mut used_fixes = self.rule_fixes.iter().chain(&self.node_fixes).map(|&(_, fix)| fix);
        if let Some(fix) = used_fixes.find(|&fix| fix >= fixes) {
            return fail(format!("fix {fix}"), format!("is not there; there are {fixes}"));
        }
        if let Some(fix) = self.fix_costs.iter().position(|cost| !cost.is_finite() || *cost < 0.0) {
            return fail(
                format!("fix {fix}"),
                format!("costs {}, which is not a number ≥ 0", self.fix_costs[fix]),
            );
        }
        let causes = self.cause_likelihoods.len() as u32;
        if let Some(cause) = self.causes.iter().find(|&&cause| cause >= causes) {
            return fail(format!("cause {cause}"), format!("is not there; there are {causes}"));
        }
        if let Some(cause) = self.cause_likelihoods.iter().position(|chance| !(0.0..=1.0).contains(chance)) {
            let chance = self.cause_likelihoods[cause];
            return fail(format!("cause {cause}"), format!("has the likelihood {chance}, outside 0 to 1"));
        }
        let products = self.products;
        if let Some(product) = self.rule_products.iter().find(|&&id| id != NONE && id >= products) {
            return fail(format!("product {product}"), format!("is not there; there are {products}"));
        }
        Ok(())
    }
}

/// Rules in arrays, with rows from nodes to rules in both directions. Built by [`RuleGraphBuilder`].
///
/// Clones share the arrays: asking the same rules about other ends costs nothing.
#[derive(Debug, Clone)]
pub struct RuleGraph {
    /// Rule to premises, each once.
    pub(crate) premises: Arc<Csr>,
    /// Rule to node.
    pub(crate) conclusions: Arc<[u32]>,
    /// Rule to cause.
    pub(crate) causes: Arc<[u32]>,
    pub(crate) cause_likelihoods: Arc<[f64]>,
    /// Cause to whether several rules have it.
    pub(crate) shared_cause: Arc<[bool]>,
    /// Rule to product, or NONE.
    pub(crate) rule_products: Arc<[u32]>,
    pub(crate) products: u32,
    pub(crate) rule_fixes: Arc<Csr>,
    pub(crate) fix_rules: Arc<Csr>,
    pub(crate) node_fixes: Arc<Csr>,
    pub(crate) fix_nodes: Arc<Csr>,
    pub(crate) fix_costs: Arc<[f64]>,
    /// Node to the rules that need it.
    pub(crate) uses: Arc<Csr>,
    /// Node to the rules that conclude it.
    pub(crate) into: Arc<Csr>,
    /// Rules without premises.
    pub(crate) free_rules: Arc<[u32]>,
    pub(crate) entries: Vec<NodeId>,
    pub(crate) targets: Vec<NodeId>,
}

impl RuleGraph {
    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.uses.rows()
    }

    /// Number of rules.
    pub fn rule_count(&self) -> usize {
        self.conclusions.len()
    }

    /// Number of fixes.
    pub fn fix_count(&self) -> usize {
        self.fix_costs.len()
    }

    /// Number of causes.
    pub fn cause_count(&self) -> usize {
        self.cause_likelihoods.len()
    }

    /// Where the attacker starts; ascending.
    pub fn entries(&self) -> &[NodeId] {
        &self.entries
    }

    /// What must not fall; ascending.
    pub fn targets(&self) -> &[NodeId] {
        &self.targets
    }

    /// The nodes that a rule needs.
    pub fn premises(&self, rule: RuleId) -> impl Iterator<Item = NodeId> + '_ {
        self.premises.row(rule.index()).iter().map(|&node| NodeId(node))
    }

    /// The node that a rule gives.
    pub fn conclusion(&self, rule: RuleId) -> NodeId {
        NodeId(self.conclusions[rule.index()])
    }

    /// The chance that a rule works.
    pub fn likelihood(&self, rule: RuleId) -> f64 {
        self.cause_likelihoods[self.causes[rule.index()] as usize]
    }

    /// The coin that decides a rule.
    pub fn cause(&self, rule: RuleId) -> CauseId {
        CauseId(self.causes[rule.index()])
    }

    /// The fixes any one of which removes the rule.
    pub fn fixes_of(&self, rule: RuleId) -> impl Iterator<Item = FixId> + '_ {
        self.rule_fixes.row(rule.index()).iter().map(|&fix| FixId(fix))
    }

    /// What a fix costs.
    pub fn cost(&self, fix: FixId) -> f64 {
        self.fix_costs[fix.index()]
    }

    /// The sum of several fixes' costs.
    pub fn cost_of(&self, fixes: &[FixId]) -> f64 {
        // Not `sum`, whose empty value is −0.
        fixes.iter().fold(0.0, |sum, &fix| sum + self.cost(fix))
    }

    /// The chance that every one of these rules works: each distinct cause counts once.
    pub fn joint_likelihood(&self, rules: &[RuleId]) -> f64 {
        let mut causes: Vec<u32> = rules.iter().map(|rule| self.causes[rule.index()]).collect();
        causes.sort_unstable();
        causes.dedup();
        causes.iter().map(|&cause| self.cause_likelihoods[cause as usize]).product()
    }

    /// The same rules with other entries and targets; nodes that are not there are ignored.
    pub fn with_ends(&self, entries: &[NodeId], targets: &[NodeId]) -> Self {
        let tidy = |nodes: &[NodeId]| {
            let mut nodes: Vec<NodeId> =
                nodes.iter().copied().filter(|node| node.index() < self.node_count()).collect();
            nodes.sort_unstable();
            nodes.dedup();
            nodes
        };
        Self { entries: tidy(entries), targets: tidy(targets), ..self.clone() }
    }

    /// The rule's and its conclusion's fixes.
    pub(crate) fn fixes_at(&self, rule: u32) -> impl Iterator<Item = u32> + '_ {
        let node = self.conclusions[rule as usize] as usize;
        self.rule_fixes.row(rule as usize).iter().chain(self.node_fixes.row(node)).copied()
    }

    /// All fixes that cut this proof of `target`: of its rules, and of the nodes that it passes; ascending.
    pub(crate) fn fixes_of_proof(&self, rules: &[RuleId], target: NodeId) -> Vec<u32> {
        let mut fixes: Vec<u32> = self.node_fixes.row(target.index()).to_vec();
        for &rule in rules {
            fixes.extend(self.fixes_at(rule.0));
            for &premise in self.premises.row(rule.index()) {
                fixes.extend(self.node_fixes.row(premise as usize));
            }
        }
        fixes.sort_unstable();
        fixes.dedup();
        fixes
    }

    /// The relevant part as a graph of its own, with new numbers for nodes, rules and causes and the old
    /// ones for fixes and products. `targets` become its targets.
    pub(crate) fn restrict(&self, relevant: &Relevant, targets: &[NodeId]) -> Result<Self> {
        let place = |node: u32| relevant.nodes.binary_search(&node).ok().map(|place| NodeId(place as u32));
        let mut builder = RuleGraphBuilder::new();
        builder.nodes(relevant.nodes.len() as u32);
        builder.products = self.products;
        builder.fix_costs = self.fix_costs.to_vec();
        self.entries.iter().filter_map(|entry| place(entry.0)).for_each(|entry| builder.entry(entry));
        targets.iter().filter_map(|target| place(target.0)).for_each(|target| builder.target(target));
        let mut causes: Vec<u32> = relevant.rules.iter().map(|&rule| self.causes[rule as usize]).collect();
        causes.sort_unstable();
        causes.dedup();
        for &cause in &causes {
            builder.cause(self.cause_likelihoods[cause as usize]);
        }
        for &rule in &relevant.rules {
            let index = rule as usize;
            let Some(conclusion) = place(self.conclusions[index]) else { continue };
            let cause = causes.binary_search(&self.causes[index]).unwrap_or(0) as u32;
            builder.rule(Rule {
                premises: self.premises.row(index).iter().filter_map(|&node| place(node)).collect(),
                conclusion,
                chance: Chance::Shared(CauseId(cause)),
                fixes: self.fixes_of(RuleId(rule)).collect(),
                product: Some(self.rule_products[index]).filter(|&id| id != NONE).map(ProductId),
            });
        }
        for (local, &node) in relevant.nodes.iter().enumerate() {
            for &fix in self.node_fixes.row(node as usize) {
                builder.node_fix(FixId(fix), NodeId(local as u32));
            }
        }
        builder.build()
    }

    /// Rules and premises: what one fixpoint looks at.
    pub(crate) fn size(&self) -> u64 {
        (self.node_count() + self.rule_count() + self.premises.values().len()) as u64
    }
}
