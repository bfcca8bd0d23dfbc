//! The search: from each principal, whom it can act as and what it can change about those, until one of
//! them is administrator or nothing new comes. It must not know what a method needs.
//!
//! Changes that only add rights are taken as they come, which makes the search a least fixpoint. The few
//! that may also take rights away (an older policy version, leaving a group) are tried one at a time when
//! the rest led nowhere.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::ask::Answer;
use super::methods::{Apply, METHODS, Method};
use super::world::{ActorId, Overlay, World};
use super::{Admin, Privilege, Step, compute, pass};
use crate::account::Index;
use crate::truth::Truth;

/// What a method changes about a held principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// `*` on `*` is added.
    Administrator,
    /// Documents are overwritten with `*` on `*`: those at these places are gone.
    Rewrite(BTreeSet<usize>),
    /// A managed policy without denies is attached.
    Policy(usize),
    /// A group is joined.
    Join(usize),
    /// Documents at these places are gone.
    Drop(BTreeSet<usize>),
    /// The boundary bounds nothing any more.
    Unbind,
    /// A policy is set to another version.
    Flip(usize, usize),
}

#[derive(Debug, Clone)]
pub(super) struct ChangeEdge {
    pub(super) answer: Answer,
    /// ARN of what the call names.
    pub(super) target: String,
    pub(super) change: Change,
}

impl ChangeEdge {
    pub(super) fn new(answer: Answer, target: &str, change: Change) -> Self {
        Self { answer, target: target.to_owned(), change }
    }
}

#[derive(Debug, Clone)]
pub(super) struct GainEdge {
    /// Index of the principal.
    pub(super) principal: usize,
    pub(super) answer: Answer,
    /// Worth something only if that principal is administrator.
    pub(super) only_administrators: bool,
}

impl GainEdge {
    pub(super) fn new(principal: usize, answer: Answer) -> Self {
        Self { principal, answer, only_administrators: false }
    }
}

/// A principal that the attacker acts as or has prepared, and the steps that led there.
#[derive(Debug, Clone)]
struct Held {
    principal: usize,
    overlay: Overlay,
    steps: Vec<usize>,
}

/// A chain that ends in an administrator.
#[derive(Debug, Clone)]
struct Found {
    steps: Vec<usize>,
    open: BTreeSet<String>,
}

type Labelled<T> = Rc<Vec<(&'static Method, T)>>;

struct Search<'a> {
    world: World<'a>,
    changes: HashMap<(ActorId, ActorId), Labelled<ChangeEdge>>,
    gains: HashMap<ActorId, Labelled<GainEdge>>,
    fresh: HashMap<ActorId, Labelled<Answer>>,
    /// Steps of all chains, which share them.
    steps: Vec<Step>,
    /// Principals for which a chain was found, by how sure it had to be.
    can: HashMap<(usize, Truth), Found>,
}

pub(super) fn run(index: &Index<'_>) -> Vec<Privilege> {
    let mut search = Search {
        world: World::new(index),
        changes: HashMap::new(),
        gains: HashMap::new(),
        fresh: HashMap::new(),
        steps: Vec::new(),
        can: HashMap::new(),
    };
    // Certain chains first: the uncertain ones may build on them.
    let certain: Vec<(Answer, Option<Found>)> = (0..index.principals.len())
        .map(|principal| {
            let id = search.world.actor(principal, Overlay::default());
            let is = search.world.administrator(id);
            let found = if is.truth.certain() { None } else { search.find(principal, Truth::Yes) };
            (is, found)
        })
        .collect();
    certain
        .into_iter()
        .enumerate()
        .map(|(principal, (is, found))| search.privilege(principal, is, found))
        .collect()
}

impl Search<'_> {
    fn privilege(&mut self, principal: usize, is: Answer, found: Option<Found>) -> Privilege {
        let arn = self.world.index.principals[principal].arn.to_owned();
        if is.truth.certain() {
            let because = is.because.iter().map(ToString::to_string).collect();
            return Privilege {
                principal: arn,
                admin: Admin::Is,
                method: None,
                steps: Vec::new(),
                because,
                open: BTreeSet::new(),
            };
        }
        let (admin, found) = match found {
            Some(found) => (Admin::Can, Some(found)),
            None => match self.find(principal, Truth::Unknown) {
                Some(found) => (Admin::Unknown, Some(found)),
                None => (Admin::No, None),
            },
        };
        let Some(found) = found else {
            return Privilege {
                principal: arn,
                admin,
                method: None,
                steps: Vec::new(),
                because: Vec::new(),
                open: BTreeSet::new(),
            };
        };
        let steps: Vec<Step> = found.steps.iter().map(|step| self.steps[*step].clone()).collect();
        let mut because: Vec<String> = Vec::new();
        let reasons = steps.iter().flat_map(|step| step.because.iter().cloned());
        let own = steps.is_empty().then(|| is.because.iter().map(ToString::to_string));
        for reason in reasons.chain(own.into_iter().flatten()) {
            if !because.contains(&reason) {
                because.push(reason);
            }
        }
        let method = steps.first().map(|step| step.method.clone());
        Privilege { principal: arn, admin, method, steps, because, open: found.open }
    }

    fn find(&mut self, principal: usize, sure: Truth) -> Option<Found> {
        let start = Held { principal, overlay: Overlay::default(), steps: Vec::new() };
        let mut branches = Vec::new();
        let mut held = vec![start];
        let mut found = self.explore(&mut held, sure, Some(&mut branches));
        for (at, overlay, steps) in branches {
            if found.is_some() {
                break;
            }
            let mut held = held.clone();
            held[at].overlay = overlay;
            held[at].steps = steps;
            found = self.explore(&mut held, sure, None);
        }
        if let Some(found) = &found {
            self.can.insert((principal, sure), found.clone());
        }
        found
    }

    /// Grows what is held until an administrator is among it. `branches` takes the changes that could
    /// also take rights away: whom, into what, by which steps.
    fn explore(
        &mut self,
        held: &mut Vec<Held>,
        sure: Truth,
        mut branches: Option<&mut Vec<(usize, Overlay, Vec<usize>)>>,
    ) -> Option<Found> {
        let mut expanded: HashSet<ActorId> = HashSet::new();
        loop {
            if let Some(found) = self.saturate(held, sure, branches.as_deref_mut()) {
                return Some(found);
            }
            let mut have: HashSet<usize> = held.iter().map(|held| held.principal).collect();
            let mut added = Vec::new();
            let mut known: Option<Found> = None;
            for holder in held.iter() {
                let actor = self.world.actor(holder.principal, holder.overlay.clone());
                if !expanded.insert(actor) {
                    continue;
                }
                for (method, edge) in self.gains(actor).iter() {
                    if edge.answer.truth < sure || have.contains(&edge.principal) {
                        continue;
                    }
                    let target = self.world.actor(edge.principal, Overlay::default());
                    let end = self.world.administrator(target);
                    if end.truth < sure && edge.only_administrators {
                        continue;
                    }
                    let arn = self.world.index.principals[edge.principal].arn;
                    let mut steps = holder.steps.clone();
                    steps.push(self.step(method, actor, arn, &edge.answer));
                    if end.truth >= sure {
                        return Some(self.found(steps, &end));
                    }
                    if known.is_none()
                        && let Some(rest) = self.can.get(&(edge.principal, sure)).cloned()
                    {
                        let mut steps = steps.clone();
                        steps.extend(rest.steps.iter().filter(|step| !holder.steps.contains(step)));
                        let mut found = self.found(steps, &Answer::yes());
                        found.open.extend(rest.open);
                        known = Some(found);
                    }
                    have.insert(edge.principal);
                    added.push(Held { principal: edge.principal, overlay: Overlay::default(), steps });
                }
            }
            if known.is_some() {
                return known;
            }
            if added.is_empty() {
                return None;
            }
            held.append(&mut added);
        }
    }

    /// Takes all changes that held principals can make to each other.
    fn saturate(
        &mut self,
        held: &mut [Held],
        sure: Truth,
        mut branches: Option<&mut Vec<(usize, Overlay, Vec<usize>)>>,
    ) -> Option<Found> {
        loop {
            let actors: Vec<ActorId> =
                held.iter().map(|held| self.world.actor(held.principal, held.overlay.clone())).collect();
            for (held, actor) in held.iter().zip(&actors) {
                let end = self.world.administrator(*actor);
                if end.truth >= sure {
                    return Some(self.found(held.steps.clone(), &end));
                }
            }
            let mut next: Vec<(usize, Overlay, Vec<usize>)> = Vec::new();
            for (by, actor) in actors.iter().enumerate() {
                for (at, changed) in actors.iter().enumerate() {
                    for (method, edge) in self.changes(*actor, *changed).iter() {
                        if edge.answer.truth < sure {
                            continue;
                        }
                        let before = &held[at].overlay;
                        let overlay = apply(before, &edge.change);
                        if overlay == *before {
                            continue;
                        }
                        let mut steps = held[by].steps.clone();
                        steps.extend(held[at].steps.iter().filter(|step| !held[by].steps.contains(step)));
                        steps.push(self.step(method, *actor, &edge.target, &edge.answer));
                        let id = self.world.actor(held[at].principal, overlay.clone());
                        let end = self.world.administrator(id);
                        if end.truth >= sure {
                            return Some(self.found(steps, &end));
                        }
                        if self.only_adds(held[at].principal, before, &edge.change) {
                            next.push((at, overlay, steps));
                        } else if let Some(branches) = branches.as_deref_mut()
                            && !branches.iter().any(|(place, known, _)| *place == at && *known == overlay)
                        {
                            branches.push((at, overlay, steps));
                        }
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            // One change at a time keeps the chain short: what the first one opens is looked at before
            // the others are made.
            let mut seen = HashSet::new();
            for (at, overlay, steps) in next {
                if seen.insert(at) {
                    held[at].overlay = overlay;
                    held[at].steps = steps;
                }
            }
        }
        for held in held.iter() {
            let actor = self.world.actor(held.principal, held.overlay.clone());
            for (method, answer) in self.fresh(actor).iter() {
                if answer.truth >= sure {
                    let principal = self.world.principal(actor);
                    let what = format!("arn:{}:iam::{}:root", principal.partition, principal.account);
                    let mut steps = held.steps.clone();
                    steps.push(self.step(method, actor, &what, answer));
                    return Some(self.found(steps, &Answer::yes()));
                }
            }
        }
        None
    }

    /// Whether a change cannot take rights away.
    fn only_adds(&self, principal: usize, before: &Overlay, change: &Change) -> bool {
        let index = self.world.index;
        match change {
            Change::Administrator | Change::Rewrite(_) | Change::Policy(_) | Change::Unbind => true,
            Change::Join(group) => {
                let group = index.groups[*group];
                let attached = group.attached.iter().all(|arn| {
                    let policy = self.world.policy(arn).and_then(|at| index.policies[at].document());
                    policy.is_some_and(|document| !document.denies_something())
                });
                attached && group.inline.iter().all(|document| !document.denies_something())
            }
            Change::Drop(places) => {
                before.administrator
                    || places
                        .iter()
                        .all(|at| !index.principals[principal].holdings[*at].document.allows_something())
            }
            Change::Flip(..) => false,
        }
    }

    fn found(&self, steps: Vec<usize>, end: &Answer) -> Found {
        let mut open = end.open.clone();
        for step in &steps {
            open.extend(self.steps[*step].open.iter().cloned());
        }
        Found { steps, open }
    }

    fn step(&mut self, method: &Method, actor: ActorId, target: &str, answer: &Answer) -> usize {
        let principal = self.world.principal(actor);
        let text = format!("{} {}: {target}", principal.name, method.summary);
        self.steps.push(Step {
            method: method.name.to_owned(),
            actor: principal.arn.to_owned(),
            target: target.to_owned(),
            text,
            because: answer.because.iter().map(ToString::to_string).collect(),
            open: answer.open.clone(),
        });
        self.steps.len() - 1
    }

    fn changes(&mut self, actor: ActorId, held: ActorId) -> Labelled<ChangeEdge> {
        if let Some(edges) = self.changes.get(&(actor, held)) {
            return Rc::clone(edges);
        }
        let mut edges = Vec::new();
        for method in METHODS {
            if let Apply::Change(apply) = &method.apply {
                edges.extend(apply(&mut self.world, actor, held).into_iter().map(|edge| (method, edge)));
            }
        }
        let edges = Rc::new(edges);
        self.changes.insert((actor, held), Rc::clone(&edges));
        edges
    }

    fn gains(&mut self, actor: ActorId) -> Labelled<GainEdge> {
        if let Some(edges) = self.gains.get(&actor) {
            return Rc::clone(edges);
        }
        let mut edges = Vec::new();
        for method in METHODS {
            let found = match &method.apply {
                Apply::Gain(apply) => apply(&mut self.world, actor),
                Apply::Pass(pass) => pass::gains(&mut self.world, actor, pass),
                Apply::Existing(existing) => compute::gains(&mut self.world, actor, existing),
                Apply::Change(_) | Apply::Fresh(_) => continue,
            };
            edges.extend(found.into_iter().map(|edge| (method, edge)));
        }
        let edges = Rc::new(edges);
        self.gains.insert(actor, Rc::clone(&edges));
        edges
    }

    fn fresh(&mut self, actor: ActorId) -> Labelled<Answer> {
        if let Some(answers) = self.fresh.get(&actor) {
            return Rc::clone(answers);
        }
        let mut answers = Vec::new();
        for method in METHODS {
            if let Apply::Fresh(apply) = &method.apply {
                answers.push((method, apply(&mut self.world, actor)));
            }
        }
        let answers = Rc::new(answers);
        self.fresh.insert(actor, Rc::clone(&answers));
        answers
    }
}

fn apply(before: &Overlay, change: &Change) -> Overlay {
    let mut overlay = before.clone();
    match change {
        Change::Administrator => overlay.administrator = true,
        Change::Rewrite(places) => {
            overlay.administrator = true;
            overlay.dropped.extend(places);
        }
        Change::Policy(policy) => {
            overlay.policies.insert(*policy);
        }
        Change::Join(group) => {
            overlay.groups.insert(*group);
        }
        Change::Drop(places) => overlay.dropped.extend(places),
        Change::Unbind => overlay.unbound = true,
        Change::Flip(policy, version) => overlay.flipped = Some((*policy, *version)),
    }
    overlay
}
