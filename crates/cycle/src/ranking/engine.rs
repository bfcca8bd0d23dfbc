//! The attack graph of the inputs, grounded once, with what every question about it needs.
//!
//! The rooms beside this one each answer one question on it. The world may be changed before they are asked:
//! fixes made, entries added ([`crate::whatif`]).

use std::collections::{BTreeSet, HashMap};

use bartizan_graph::engine::{Closure, FixId, NodeId, Removed, RuleId, Worlds, closure};
use bartizan_graph::rules::{AttackGraph, Entry, Fix as GraphFix, Jewel, Question, ground};
use bartizan_mobilize::{Plan, effort, fix_key, plan};
use bartizan_model::estate::{Estate, ExposureIndex, Remedy};
use bartizan_model::{Digest, EntryKind};

use super::book::Book;
use super::facts::Informed;
use crate::Result;
use crate::inputs::Inputs;

/// How many worlds are simulated, and from which seed: fixed, so that a ranking can be made again.
pub(crate) const WORLDS: Worlds = Worlds { count: 1024, seed: 1 };

/// The attack graph of the inputs with all that questions about it need.
pub(crate) struct Engine<'i> {
    pub(crate) inputs: &'i Inputs,
    /// The estate with what follows from policies and from rights in directories.
    pub(crate) estate: Estate,
    pub(crate) book: Book,
    pub(crate) attack: AttackGraph,
    pub(crate) plan: Plan,
    /// What is taken away from the graph before any question; nothing, unless somebody asks what if.
    pub(crate) removed: Removed,
    /// The fixes that took it away.
    pub(crate) fixed: BTreeSet<FixId>,
    /// What an attacker gains.
    pub(crate) closure: Closure,
    /// Rules that rest on each exposure.
    pub(crate) rules_of: HashMap<ExposureIndex, Vec<RuleId>>,
    /// Fixes of the plan as the graph knows them.
    pub(crate) fix_ids: HashMap<Digest, FixId>,
}

impl<'i> Engine<'i> {
    pub(crate) fn new(inputs: &'i Inputs) -> Result<Self> {
        let book = Book::embedded(inputs.scope.deadline_table.as_deref())?;
        let mut estate = inputs.estate.clone();
        crate::cloud::derive(&mut estate);
        crate::directory::derive(&mut estate);
        let entries: Vec<Entry> = inputs
            .scope
            .entries
            .iter()
            .filter_map(|entry| {
                Some(Entry { kind: EntryKind::parse(&entry.kind)?, assets: entry.assets.clone() })
            })
            .collect();
        let jewels: Vec<Jewel> = inputs
            .scope
            .jewels
            .iter()
            .flat_map(|jewel| jewel.assets.iter().map(|asset| Jewel::new(*asset)))
            .collect();
        let hours = |kind| inputs.scope.fix_hours.get(&kind).copied().unwrap_or(4.0);
        let facts = Informed::new(inputs, &estate, &book);
        let fix_of = |remedy: &Remedy| {
            if is_hypothetical(inputs, &estate, *remedy) {
                return None;
            }
            let (key, kind) = fix_key(&estate, *remedy);
            Some(GraphFix { key: key.to_string(), hours: hours(kind) * effort(&estate, *remedy) })
        };
        let question = Question {
            entries: &entries,
            jewels: &jewels,
            facts: &facts,
            fix_of: &fix_of,
            unknown_flaws: false,
        };
        let attack = ground(&estate, &book.rules, &book.catalogue, &question)?;
        let mut rules_of: HashMap<ExposureIndex, Vec<RuleId>> = HashMap::new();
        let mut others = BTreeSet::new();
        for id in attack.step_ids() {
            for remedy in attack.remedies_of(&estate, &book.rules, id) {
                match remedy {
                    Remedy::Exposure(index) => rules_of.entry(index).or_default().push(id),
                    other => {
                        others.insert(other);
                    }
                }
            }
        }
        let plan = plan(&estate, others, &hours);
        let removed = Removed::none(&attack.graph);
        let closure = closure(&attack.graph, &removed);
        let fix_ids = attack
            .fixes
            .iter()
            .enumerate()
            .filter_map(|(number, key)| Some((key.parse().ok()?, FixId(number as u32))))
            .collect();
        Ok(Self {
            inputs,
            estate,
            book,
            attack,
            plan,
            removed,
            fixed: BTreeSet::new(),
            closure,
            rules_of,
            fix_ids,
        })
    }

    /// Makes these fixes.
    pub(crate) fn remove(&mut self, fixes: &[FixId]) {
        for &fix in fixes {
            self.removed.fix(&self.attack.graph, fix);
            self.fixed.insert(fix);
        }
        self.closure = closure(&self.attack.graph, &self.removed);
    }

    /// Gives the attacker these nodes from the start.
    pub(crate) fn enter(&mut self, nodes: &[NodeId]) {
        let entries = [self.attack.graph.entries(), nodes].concat();
        self.attack.graph = self.attack.graph.with_ends(&entries, self.attack.graph.targets());
        self.closure = closure(&self.attack.graph, &self.removed);
    }

    /// Whether a weakness is only assumed: nobody has published it, so nobody can fix it.
    pub(crate) fn is_hypothetical(&self, remedy: Remedy) -> bool {
        is_hypothetical(self.inputs, &self.estate, remedy)
    }
}

fn is_hypothetical(inputs: &Inputs, estate: &Estate, remedy: Remedy) -> bool {
    match remedy {
        Remedy::Exposure(index) => inputs.hypothetical.contains(&estate.exposure(index).key),
        Remedy::Relation(_) | Remedy::Service(_) => false,
    }
}
