//! What if: the world changed in memory, and what that opens and closes.
//!
//! [`ask`] changes what is known (fixes made, an asset in the attacker's hands, a weakness that nobody knows
//! yet, a Terraform plan applied), asks the same attack graph and the same ranking again, and sets both
//! worlds side by side. Nothing is stored, and no algorithm is written here: graph and ranking have them.

mod answer;
mod change;
mod compare;
mod component;
mod plan;
mod search;
mod words;
mod zero_day;

use std::collections::BTreeSet;

use bartizan_graph::engine::{FixId, Removed, closure, simulate};

pub use answer::{Affected, Answer, Compromised, Containment, Gained, JewelChange, Named, ZeroDay};
pub use plan::{Exposed, Plan, PlanAnswer, PlanChange, Unjudged};

use crate::inputs::Inputs;
use crate::ranking::engine::{Engine, WORLDS};
use crate::ranking::{Certificate, FixEntry, Path, Ranking, Way};
use crate::words::list;
use crate::{Error, Result};

/// What is changed; everything that is named is changed at once.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Fixes that are made: rank of an exposure, `f1` for the first of the fewest fixes, or the beginning of
    /// an id.
    pub fixes: Vec<String>,
    /// An asset that an attacker holds altogether: name, identifier or id.
    pub compromise: Option<String>,
    /// A component that has a weakness which nobody knows: purl, CPE or name.
    pub zero_day: Option<String>,
    /// A Terraform plan that is applied.
    pub plan: Option<Plan>,
}

impl Question {
    fn is_empty(&self) -> bool {
        self.fixes.is_empty() && self.compromise.is_none() && self.zero_day.is_none() && self.plan.is_none()
    }
}

/// The attack graph of a world with its likeliest paths and its ranking.
struct World<'i> {
    engine: Engine<'i>,
    ways: Vec<Way>,
    ranking: Ranking,
}

impl<'i> World<'i> {
    fn new(engine: Engine<'i>) -> Result<Self> {
        let ways = engine.ways()?;
        let ranking = engine.rank(ways.iter().map(|way| way.path.clone()).collect())?;
        Ok(Self { engine, ways, ranking })
    }

    /// The likeliest paths that the other world does not have.
    fn only_here(&self, other: &Self) -> Vec<&Way> {
        let missing = compare::missing(&self.ways, &self.engine, &other.engine);
        missing.into_iter().map(|position| &self.ways[position]).collect()
    }
}

/// Answers the question.
///
/// # Errors
/// Something that the question names is not known, or is several things; a plan that is none.
pub fn ask(inputs: &Inputs, question: &Question) -> Result<Answer> {
    if question.is_empty() {
        return Err(Error::NothingAsked);
    }
    let today = World::new(Engine::new(inputs)?)?;
    let fixed = change::fixes(&today.ranking, &question.fixes)?;

    let mut changed = inputs.clone();
    let plan = question.plan.as_ref().map(|plan| plan::apply(&mut changed, plan)).transpose()?;
    let zero_day = question.zero_day.as_ref().map(|text| zero_day::assume(&mut changed, text)).transpose()?;
    let mut engine = Engine::new(&changed)?;
    // Without a plan the changed graph holds all of today's, so today can be simulated on it, and both
    // figures come from the same simulated attackers.
    let before =
        if plan.is_none() { probabilities_without_hypotheses(&engine) } else { probabilities(&today.engine) };
    let ids: Vec<FixId> = fixed.iter().filter_map(|fix| engine.fix_ids.get(&fix.id).copied()).collect();
    engine.remove(&ids);
    let mut assumed = Vec::new();
    let compromised = match &question.compromise {
        None => None,
        Some(text) => {
            let asset = change::asset(&engine, text)?;
            let nodes = change::holdings(&engine, asset);
            let compromised = change::compromised(&engine, asset, &nodes);
            engine.enter(&nodes);
            assumed.push(words::of_compromise(&compromised, nodes.is_empty()));
            Some(compromised)
        }
    };
    let after = World::new(engine)?;

    let opened = opened(&today, &after);
    let closed: Vec<Path> = today.only_here(&after).into_iter().map(|way| way.path.clone()).collect();
    let zero_day = zero_day.map(|assumption| assumption.answer(&after.engine));
    if let Some(zero_day) = &zero_day {
        assumed.extend(words::of_zero_day(zero_day));
    }
    if plan.is_some() {
        assumed.push(words::of_plan());
    }
    let jewels = jewels(&today, &after, &before);
    let sum = |loss: fn(&JewelChange) -> f64| jewels.iter().map(loss).fold(0.0, |sum, loss| sum + loss);
    let mut answer = Answer {
        as_of: inputs.as_of,
        currency: inputs.scope.currency.clone(),
        headline: String::new(),
        expected_loss_before: sum(|jewel| jewel.expected_loss_before),
        expected_loss: sum(|jewel| jewel.expected_loss),
        unchanged: today.ways.len() - closed.len(),
        opened,
        closed,
        certificate: (!fixed.is_empty()).then(|| certificate(&after.engine)),
        fixed: in_the_order_of_paths(fixed),
        compromised,
        zero_day,
        plan,
        containment: containment(&today, &after)?,
        assumed,
        jewels,
    };
    answer.headline = words::headline(&answer);
    Ok(answer)
}

/// What opens: among the likeliest paths, and behind them.
fn opened(today: &World<'_>, after: &World<'_>) -> Vec<Path> {
    let listed = after.only_here(today);
    let further = search::over_new(&after.engine, &today.engine, &today.ways, &listed);
    let mut paths: Vec<Path> = listed.into_iter().map(|way| way.path.clone()).collect();
    for (position, way) in further.into_iter().enumerate() {
        paths.push(Path { number: after.ways.len() + position + 1, ..way.path });
    }
    paths
}

fn in_the_order_of_paths(mut fixes: Vec<FixEntry>) -> Vec<FixEntry> {
    fixes.sort_by_key(|fix| fix.tier.unwrap_or(9));
    fixes
}

fn probabilities(engine: &Engine<'_>) -> Vec<(f64, f64)> {
    engine.jewel_probabilities(&simulate(&engine.attack.graph, &engine.removed, WORLDS))
}

/// The same without the exposures that are only assumed.
fn probabilities_without_hypotheses(engine: &Engine<'_>) -> Vec<(f64, f64)> {
    let mut removed: Removed = engine.removed.clone();
    for (exposure, rules) in &engine.rules_of {
        if engine.inputs.hypothetical.contains(&engine.estate.exposure(*exposure).key) {
            for rule in rules {
                removed.rule(*rule);
            }
        }
    }
    engine.jewel_probabilities(&simulate(&engine.attack.graph, &removed, WORLDS))
}

fn jewels(today: &World<'_>, after: &World<'_>, before: &[(f64, f64)]) -> Vec<JewelChange> {
    let both = today.ranking.jewels.iter().zip(&after.ranking.jewels);
    both.zip(before)
        .map(|((today, after), (probability, standard_error))| JewelChange {
            name: today.name.clone(),
            worth: today.worth,
            owner: today.owner.clone(),
            reachable_before: today.reachable,
            reachable: after.reachable,
            probability_before: *probability,
            probability: after.probability,
            standard_error_before: *standard_error,
            standard_error: after.standard_error,
            expected_loss_before: probability * today.worth,
            expected_loss: after.expected_loss,
            paths_before: today.paths,
            paths: after.paths,
        })
        .collect()
}

/// Whether anything is still reached, shown by walking the rules again.
fn certificate(engine: &Engine<'_>) -> Certificate {
    let graph = &engine.attack.graph;
    let after = closure(graph, &engine.removed);
    let names = |held: bool| -> Vec<&str> {
        let jewels = engine.inputs.scope.jewels.iter().enumerate();
        jewels
            .filter(|(number, _)| after.holds_any(&engine.targets(*number)) == held)
            .map(|(_, jewel)| jewel.name.as_str())
            .collect()
    };
    let (reached, safe) = (names(true), names(false));
    let gained = format!(
        "in the changed world the attack rules, walked again from every entry over all {} steps, gain {} of {} nodes",
        graph.rule_count(),
        after.nodes().count(),
        graph.node_count()
    );
    let statement = if reached.is_empty() {
        format!("{gained} and none of {}", list(safe))
    } else {
        format!("{gained}, {} among them", list(reached.iter().copied()))
    };
    Certificate { holds: reached.is_empty(), statement }
}

/// The fewest fixes of the changed world, for those crown jewels that fixes can protect.
fn containment(today: &World<'_>, after: &World<'_>) -> Result<Containment> {
    let engine = &after.engine;
    let mut everything = engine.removed.clone();
    for fix in 0..engine.attack.graph.fix_count() {
        everything.fix(&engine.attack.graph, FixId(fix as u32));
    }
    let left = closure(&engine.attack.graph, &everything);
    let (uncontained, contained): (Vec<usize>, Vec<usize>) =
        (0..engine.inputs.scope.jewels.len()).partition(|jewel| left.holds_any(&engine.targets(*jewel)));
    let answer = if uncontained.is_empty() {
        after.ranking.fixes.clone()
    } else {
        engine.fewest_for(&after.ranking.all_fixes, &contained)?
    };
    let known: BTreeSet<_> = today.ranking.fixes.fixes.iter().map(|fix| fix.id).collect();
    let beyond = answer.fixes.iter().map(|fix| fix.id).filter(|id| !known.contains(id));
    let name = |jewel: usize| engine.inputs.scope.jewels[jewel].name.clone();
    Ok(Containment {
        beyond_today: beyond.collect(),
        uncontained: uncontained.into_iter().map(name).collect(),
        answer,
    })
}
