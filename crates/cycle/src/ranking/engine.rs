//! The attack graph of the inputs, grounded once, with what every question about it needs.
//!
//! The rooms beside this one each answer one question on it.

use std::collections::{BTreeSet, HashMap};

use bartizan_graph::engine::{Closure, FixId, Removed, RuleId, Worlds, closure};
use bartizan_graph::rules::{AttackGraph, Entry, Fix as GraphFix, Jewel, Question, ground};
use bartizan_mobilize::{Plan, effort, fix_key, plan};
use bartizan_model::estate::{Estate, ExposureIndex, Remedy};
use bartizan_model::{Digest, EntryKind};

use super::book::Book;
use super::facts::Informed;
use crate::Result;
use crate::inputs::Inputs;

/// How many worlds are simulated, and from which seed: fixed, so that a ranking can be made again.
pub(super) const WORLDS: Worlds = Worlds { count: 1024, seed: 1 };

/// The attack graph of the inputs with all that questions about it need.
pub(super) struct Engine<'i> {
    pub(super) inputs: &'i Inputs,
    /// The estate with what follows from policies and from rights in directories.
    pub(super) estate: Estate,
    pub(super) book: Book,
    pub(super) attack: AttackGraph,
    pub(super) plan: Plan,
    /// What an attacker gains when nothing is fixed.
    pub(super) closure: Closure,
    /// Rules that rest on each exposure.
    pub(super) rules_of: HashMap<ExposureIndex, Vec<RuleId>>,
    /// Fixes of the plan as the graph knows them.
    pub(super) fix_ids: HashMap<Digest, FixId>,
}

impl<'i> Engine<'i> {
    pub(super) fn new(inputs: &'i Inputs) -> Result<Self> {
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
        let closure = closure(&attack.graph, &Removed::none(&attack.graph));
        let fix_ids = attack
            .fixes
            .iter()
            .enumerate()
            .filter_map(|(number, key)| Some((key.parse().ok()?, FixId(number as u32))))
            .collect();
        Ok(Self { inputs, estate, book, attack, plan, closure, rules_of, fix_ids })
    }
}
