//! Grounding: every way in which the facts of an estate satisfy an attack rule becomes one rule of the
//! engine's graph.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bartizan_model::estate::{AssetIndex, Estate, ExposureIndex, Remedy};
use bartizan_model::{AssetKind, EntryKind};

use super::assess::{Assessment, Facts};
use super::catalogue::Catalogue;
use super::join::{ABSENT, Fault, Join, product_of};
use super::node::{AttackNode, Level};
use super::rule::{Likelihood, NodeTerm, Rule, Rules, Sort};
use super::world::{self, Derived, Entity, Origin, Virtual, World};
use crate::engine::{CauseId, Chance, FixId, NodeId, ProductId, RuleGraph, RuleGraphBuilder, RuleId};
use crate::{Error, Result};

/// Where an attack is assumed to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    /// The accounts that may be phished or turn, the vendors that may be breached. The internet has none.
    pub assets: Vec<AssetIndex>,
}

impl Entry {
    pub fn internet() -> Self {
        Self { kind: EntryKind::Internet, assets: Vec::new() }
    }
}

/// What must not fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jewel {
    pub asset: AssetIndex,
    /// What counts as its fall. `None`: the least that does harm (see [`Jewel::level_of`]).
    pub level: Option<Level>,
}

impl Jewel {
    pub fn new(asset: AssetIndex) -> Self {
        Self { asset, level: None }
    }

    /// The least that does harm: content read for stores, resources and repositories, code run for hosts
    /// and workloads, full control for all else.
    pub fn level_of(self, estate: &Estate) -> Level {
        self.level.unwrap_or(match estate.asset(self.asset).kind {
            AssetKind::DataStore | AssetKind::CloudResource | AssetKind::Repository => Level::Content,
            AssetKind::Host | AssetKind::Endpoint | AssetKind::Workload => Level::User,
            _ => Level::Held,
        })
    }
}

/// A fix as the caller knows it: all remedies with one key go at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    pub key: String,
    /// Hours of work.
    pub hours: f64,
}

/// What is asked about an estate.
pub struct Question<'a> {
    pub entries: &'a [Entry],
    pub jewels: &'a [Jewel],
    pub facts: &'a dyn Facts,
    /// The fix that takes a fact away; `None` when nothing does.
    pub fix_of: &'a dyn Fn(&Remedy) -> Option<Fix>,
    /// Whether rules that need a flaw nobody knows yet take part: for the distance in unknown flaws, not
    /// for paths.
    pub unknown_flaws: bool,
}

/// The attack graph of an estate: the engine's graph, and what its numbers mean.
pub struct AttackGraph {
    pub graph: RuleGraph,
    /// By [`NodeId`].
    pub nodes: Vec<AttackNode>,
    /// Keys of fixes, by [`FixId`].
    pub fixes: Vec<String>,
    /// Products whose unknown flaws are assumed, by [`ProductId`].
    pub products: Vec<String>,
    /// Bindings of rules that were left out because no report stands behind any of their facts.
    pub without_evidence: u64,
    pub(super) instances: Instances,
    pub(super) derived: Derived,
    pub(super) assessments: Vec<Option<Box<Assessment>>>,
    by_node: HashMap<AttackNode, NodeId>,
}

impl AttackGraph {
    /// The number of a node; `None` when no step and no question names it.
    pub fn node(&self, node: &AttackNode) -> Option<NodeId> {
        self.by_node.get(node).copied()
    }

    /// Number of steps: one for each rule of [`AttackGraph::graph`], with the same ids.
    pub fn step_count(&self) -> usize {
        self.instances.rules.len()
    }

    /// What a fix can take away to stop a step, without describing the step.
    pub fn remedies_of(&self, estate: &Estate, rules: &Rules, id: RuleId) -> Vec<Remedy> {
        let instance = id.index();
        let Some(rule) =
            self.instances.rules.get(instance).and_then(|number| rules.rules.get(*number as usize))
        else {
            return Vec::new();
        };
        remedies(estate, &self.derived, rule, self.instances.bindings(instance))
    }

    pub fn step_ids(&self) -> impl Iterator<Item = RuleId> + use<> {
        (0..self.instances.rules.len() as u32).map(RuleId)
    }
}

/// Bindings of rules, in arrays: a step is described from them when somebody asks.
#[derive(Default)]
pub(super) struct Instances {
    pub(super) rules: Vec<u32>,
    starts: Vec<usize>,
    bindings: Vec<u32>,
}

impl Instances {
    pub(super) fn bindings(&self, instance: usize) -> &[u32] {
        let end = self.starts.get(instance + 1).copied().unwrap_or(self.bindings.len());
        &self.bindings[self.starts[instance]..end]
    }

    fn push(&mut self, rule: usize, bound: &[u32]) {
        self.rules.push(rule as u32);
        self.starts.push(self.bindings.len());
        self.bindings.extend_from_slice(bound);
    }
}

/// Grounds all rules on the estate. Deterministic: equal facts in any order give the same graph, up to
/// the positions of assets. Linear in the matches of the rules.
///
/// # Errors
/// A rule whose condition cannot be evaluated ([`Error::RuleFile`]), or a graph beyond the engine's limits.
pub fn ground(
    estate: &Estate,
    rules: &Rules,
    catalogue: &Catalogue,
    question: &Question<'_>,
) -> Result<AttackGraph> {
    let entries = merged_entries(question.entries);
    let world = World::new(estate, rules, &entries);
    let mut join = Join::new(&world, catalogue, question.facts);
    let mut grounding = Grounding::new(&world, question);
    for (number, rule) in rules.rules.iter().enumerate() {
        if rule.unknown_flaw_of.is_some() && !question.unknown_flaws {
            continue;
        }
        join.each(rule, |join, bound| grounding.add(number, rule, bound, join)).map_err(
            |(field, message)| {
                let file = rules.files[rule.file].clone();
                Error::RuleFile { file, field: format!("rule \"{}\": {field}", rule.id()), message }
            },
        )?;
    }
    for (kind, _) in &entries {
        let node = match kind {
            EntryKind::Internet => AttackNode::Internet,
            other => AttackNode::Entry(*other),
        };
        let node = grounding.named(node);
        grounding.builder.entry(node);
    }
    for jewel in question.jewels {
        let node = match estate.asset(jewel.asset).kind {
            AssetKind::Internet => AttackNode::Internet,
            _ => AttackNode::Asset(jewel.asset, jewel.level_of(estate)),
        };
        let node = grounding.named(node);
        grounding.builder.target(node);
    }
    let assessments = join.assessments;
    let Grounding { builder, nodes, fixes, products, instances, without_evidence, .. } = grounding;
    let mut fix_keys = vec![String::new(); fixes.len()];
    for (key, fix) in fixes {
        fix_keys[fix.index()] = key;
    }
    let mut product_names = vec![String::new(); products.len()];
    for (name, product) in products {
        product_names[product.index()] = name;
    }
    let by_node =
        nodes.iter().enumerate().map(|(number, node)| (node.clone(), NodeId(number as u32))).collect();
    Ok(AttackGraph {
        graph: builder.build()?,
        nodes,
        fixes: fix_keys,
        products: product_names,
        without_evidence,
        instances,
        derived: world.derived,
        assessments,
        by_node,
    })
}

/// One entry for each kind, in the order of kinds.
fn merged_entries(entries: &[Entry]) -> Vec<(EntryKind, Vec<AssetIndex>)> {
    let mut merged: BTreeMap<EntryKind, Vec<AssetIndex>> = BTreeMap::new();
    for entry in entries {
        merged.entry(entry.kind).or_default().extend(&entry.assets);
    }
    merged.into_iter().collect()
}

const NO_NODE: u32 = u32::MAX;

struct Grounding<'w, 'q> {
    world: &'w World<'w>,
    question: &'q Question<'q>,
    builder: RuleGraphBuilder,
    nodes: Vec<AttackNode>,
    /// By entity and level.
    node_of_entity: Vec<u32>,
    node_of_service: Vec<u32>,
    internet: Option<NodeId>,
    fixes: HashMap<String, FixId>,
    fix_of_remedy: HashMap<Remedy, Option<FixId>>,
    /// By exposure and likelihood: steps that rest on one exposure work together or not at all.
    causes: HashMap<(u32, u64), CauseId>,
    products: BTreeMap<String, ProductId>,
    instances: Instances,
    without_evidence: u64,
}

impl<'w, 'q> Grounding<'w, 'q> {
    fn new(world: &'w World<'w>, question: &'q Question<'q>) -> Self {
        Self {
            world,
            question,
            builder: RuleGraphBuilder::new(),
            nodes: Vec::new(),
            node_of_entity: vec![NO_NODE; world.entities.len() * Level::COUNT],
            node_of_service: vec![NO_NODE; world.derived.services.len()],
            internet: None,
            fixes: HashMap::new(),
            fix_of_remedy: HashMap::new(),
            causes: HashMap::new(),
            products: BTreeMap::new(),
            instances: Instances::default(),
            without_evidence: 0,
        }
    }

    fn add(&mut self, number: usize, rule: &Rule, bound: &[u32], join: &mut Join<'_>) -> Result<(), Fault> {
        if is_circular(self.world, rule, bound) {
            return Ok(());
        }
        if !self.has_evidence(rule, bound) {
            self.without_evidence += 1;
            return Ok(());
        }
        let Some((likelihood, exposure)) = likelihood(self.world, rule, bound, join)? else { return Ok(()) };
        let premises = rule.holds.iter().map(|&term| self.node(rule, term, bound)).collect();
        let conclusion = self.node(rule, rule.gains, bound);
        let fixes = self.fixes(rule, bound);
        let chance = match exposure {
            None => Chance::Own(likelihood),
            Some(exposure) => {
                let builder = &mut self.builder;
                let key = (exposure, likelihood.to_bits());
                Chance::Shared(*self.causes.entry(key).or_insert_with(|| builder.cause(likelihood)))
            }
        };
        let product = match rule.unknown_flaw_of {
            None => None,
            Some(slot) => {
                let service = &self.world.derived.services[bound[slot] as usize];
                let name = product_of(self.world.estate, service.origin).unwrap_or_else(|| {
                    format!("whatever answers on port {}/{}", service.port, service.protocol)
                });
                let builder = &mut self.builder;
                Some(*self.products.entry(name).or_insert_with(|| builder.product()))
            }
        };
        self.builder.rule(crate::engine::Rule { premises, conclusion, chance, fixes, product });
        self.instances.push(number, bound);
        Ok(())
    }

    fn has_evidence(&self, rule: &Rule, bound: &[u32]) -> bool {
        let estate = self.world.estate;
        origins(estate, &self.world.derived, rule, bound)
            .any(|(_, origin)| world::is_witnessed(estate, origin))
    }

    /// The distinct fixes of the rule's remedies, each asked of the caller once.
    fn fixes(&mut self, rule: &Rule, bound: &[u32]) -> Vec<FixId> {
        let mut fixes = Vec::with_capacity(rule.removed_by.len());
        for remedy in remedies(self.world.estate, &self.world.derived, rule, bound) {
            let known = self.fix_of_remedy.get(&remedy).copied();
            let fix = known.unwrap_or_else(|| {
                let fix = (self.question.fix_of)(&remedy).map(|fix| {
                    let builder = &mut self.builder;
                    *self.fixes.entry(fix.key).or_insert_with(|| builder.fix(fix.hours))
                });
                self.fix_of_remedy.insert(remedy, fix);
                fix
            });
            fixes.extend(fix);
        }
        fixes.sort_unstable();
        fixes.dedup();
        fixes
    }

    /// The number of a node that a rule names.
    fn node(&mut self, rule: &Rule, term: NodeTerm, bound: &[u32]) -> NodeId {
        let fact = bound[term.slot];
        if rule.slots[term.slot].sort == Sort::Service {
            if self.node_of_service[fact as usize] == NO_NODE {
                let service = &self.world.derived.services[fact as usize];
                let protocol = Arc::clone(&service.protocol);
                let node = AttackNode::Service { host: service.host, protocol, port: service.port };
                self.node_of_service[fact as usize] = self.push(node).0;
            }
            return NodeId(self.node_of_service[fact as usize]);
        }
        self.node_of(fact, term.level)
    }

    fn node_of(&mut self, entity: Entity, level: Level) -> NodeId {
        let place = entity as usize * Level::COUNT + level as usize;
        if self.node_of_entity[place] == NO_NODE {
            let node = attack_node(self.world, entity, level);
            let number = if node == AttackNode::Internet { self.internet() } else { self.push(node) };
            self.node_of_entity[place] = number.0;
        }
        NodeId(self.node_of_entity[place])
    }

    /// The number of a node that the question names.
    fn named(&mut self, node: AttackNode) -> NodeId {
        match &node {
            AttackNode::Internet => self.internet(),
            AttackNode::Asset(asset, level) => self.node_of(asset.0, *level),
            other => match self.nodes.iter().position(|known| known == other) {
                Some(known) => NodeId(known as u32),
                None => self.push(node),
            },
        }
    }

    /// One node, however many assets of the estate stand for the internet.
    fn internet(&mut self) -> NodeId {
        if let Some(known) = self.internet {
            return known;
        }
        let node = self.push(AttackNode::Internet);
        self.internet = Some(node);
        node
    }

    fn push(&mut self, node: AttackNode) -> NodeId {
        self.nodes.push(node);
        self.builder.node()
    }
}

fn attack_node(world: &World<'_>, entity: Entity, level: Level) -> AttackNode {
    match world::entity_of(world.estate, &world.derived, entity) {
        Ok(asset) if world.estate.asset(asset).kind == AssetKind::Internet => AttackNode::Internet,
        Ok(asset) => AttackNode::Asset(asset, level),
        Err(Virtual::Internet) => AttackNode::Internet,
        Err(Virtual::Entry(kind)) => AttackNode::Entry(*kind),
        Err(Virtual::Gate { group, protocol, first, last }) => {
            AttackNode::Gate { group: *group, protocol: Arc::clone(protocol), first: *first, last: *last }
        }
    }
}

/// Whether the step needs what it gains.
fn is_circular(world: &World<'_>, rule: &Rule, bound: &[u32]) -> bool {
    let is_entity = |term: NodeTerm| rule.slots[term.slot].sort == Sort::Entity;
    rule.holds.iter().any(|&premise| {
        is_entity(premise) == is_entity(rule.gains)
            && bound[premise.slot] == bound[rule.gains.slot]
            && (premise.level == rule.gains.level
                || is_entity(premise) && world.kind(bound[premise.slot]) == Some(AssetKind::Internet))
    })
}

/// The likelihood of a step, and the exposure on which it rests. `None`: it never works.
fn likelihood(
    world: &World<'_>,
    rule: &Rule,
    bound: &[u32],
    join: &mut Join<'_>,
) -> Result<Option<(f64, Option<u32>)>, Fault> {
    let (value, exposure) = match &rule.likelihood {
        Likelihood::Number(number) => (*number, None),
        Likelihood::Exposure { slot, times, otherwise } => match (bound[*slot], otherwise) {
            (ABSENT, None) => {
                let message = "the exposure is absent, and no `otherwise` says what holds then";
                return Err(("likelihood".to_owned(), message.to_owned()));
            }
            (ABSENT, Some(otherwise)) => (*otherwise, None),
            (exposure, _) => (join.assessment(exposure).likelihood * times, Some(exposure)),
        },
        Likelihood::Relation { slot, attribute, times, otherwise } => {
            let stated = world.relation_attributes(bound[*slot]).get(attribute);
            match (stated.and_then(serde_json::Value::as_f64), otherwise) {
                (Some(stated), _) => (stated * times, None),
                (None, Some(otherwise)) => (*otherwise, None),
                (None, None) => return Ok(None),
            }
        }
    };
    // A caller's figure may be off by rounding; not a number is no chance at all.
    let value = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
    Ok((value > 0.0).then_some((value, exposure)))
}

/// The facts behind a step: the slots' relations, exposures and services first, then its assets.
pub(super) fn origins<'r>(
    estate: &'r Estate,
    derived: &'r Derived,
    rule: &'r Rule,
    bound: &'r [u32],
) -> impl Iterator<Item = (usize, Origin)> + 'r {
    let bound_slots = move |sorts: &'static [Sort]| {
        let slots = rule.slots.iter().zip(bound).enumerate();
        slots.filter(move |(_, (slot, fact))| sorts.contains(&slot.sort) && **fact != ABSENT)
    };
    let facts = bound_slots(&[Sort::Relation, Sort::Exposure, Sort::Service]);
    let facts = facts.map(|(number, (slot, &fact))| {
        let origin = match slot.sort {
            Sort::Relation => world::relation_origin(estate, derived, fact),
            Sort::Service => derived.services[fact as usize].origin,
            Sort::Exposure | Sort::Entity => Origin::Exposure(ExposureIndex(fact)),
        };
        (number, origin)
    });
    let assets = bound_slots(&[Sort::Entity]).filter_map(|(number, (_, &fact))| {
        let asset = match world::entity_of(estate, derived, fact) {
            Ok(asset) => asset,
            Err(Virtual::Gate { group, .. }) => *group,
            Err(_) => return None,
        };
        Some((number, Origin::Asset(asset)))
    });
    facts.chain(assets)
}

/// The facts of a step that a fix may take away, distinct, in the order of the rule.
pub(super) fn remedies(estate: &Estate, derived: &Derived, rule: &Rule, bound: &[u32]) -> Vec<Remedy> {
    let mut remedies = Vec::with_capacity(rule.removed_by.len());
    for &slot in &rule.removed_by {
        let fact = bound[slot];
        if fact == ABSENT {
            continue;
        }
        let remedy = match rule.slots[slot].sort {
            Sort::Exposure => Some(Remedy::Exposure(ExposureIndex(fact))),
            Sort::Relation => remedy_of(world::relation_origin(estate, derived, fact)),
            Sort::Service => remedy_of(derived.services[fact as usize].origin),
            Sort::Entity => None,
        };
        if let Some(remedy) = remedy.filter(|remedy| !remedies.contains(remedy)) {
            remedies.push(remedy);
        }
    }
    remedies
}

fn remedy_of(origin: Origin) -> Option<Remedy> {
    match origin {
        Origin::Relation(relation) => Some(Remedy::Relation(relation)),
        Origin::Service(service) => Some(Remedy::Service(service)),
        Origin::Exposure(exposure) => Some(Remedy::Exposure(exposure)),
        Origin::Asset(_) => None,
    }
}
