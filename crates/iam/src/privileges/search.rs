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
    /// What the last principal's being administrator hangs on.
    open: BTreeSet<String>,
}

/// A step as the search keeps it: who acts, and which edge it takes.
#[derive(Clone)]
struct Trace {
    actor: ActorId,
    edge: Taken,
}

#[derive(Clone)]
enum Taken {
    Change(Labelled<ChangeEdge>, usize),
    Gain(Labelled<GainEdge>, usize),
    Fresh(Labelled<Answer>, usize),
}

/// The calls that the methods with [`Apply::Change`] make; who has none of them is not asked for more.
const CHANGES: &[&str] = &[
    "iam:AttachUserPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachGroupPolicy",
    "iam:PutUserPolicy",
    "iam:PutRolePolicy",
    "iam:PutGroupPolicy",
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:AddUserToGroup",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutUserPermissionsBoundary",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "iam:DetachUserPolicy",
    "iam:DetachRolePolicy",
    "iam:DetachGroupPolicy",
    "iam:DeleteUserPolicy",
    "iam:DeleteRolePolicy",
    "iam:DeleteGroupPolicy",
    "iam:RemoveUserFromGroup",
];

type Labelled<T> = Rc<Vec<(&'static Method, T)>>;

struct Search<'a> {
    world: World<'a>,
    changes: HashMap<(ActorId, ActorId), Labelled<ChangeEdge>>,
    gains: HashMap<ActorId, Labelled<GainEdge>>,
    fresh: HashMap<ActorId, Labelled<Answer>>,
    /// Actors that may make a change to somebody.
    changers: HashMap<ActorId, bool>,
    /// Steps of all chains, which share them.
    traces: Vec<Trace>,
    /// What is known of a principal, by how sure it has to be: a chain, or that there is none.
    known: HashMap<(usize, Truth), Option<Found>>,
}

pub(super) fn run(index: &Index<'_>) -> Vec<Privilege> {
    let mut search = Search {
        world: World::new(index),
        changes: HashMap::new(),
        gains: HashMap::new(),
        fresh: HashMap::new(),
        changers: HashMap::new(),
        traces: Vec::new(),
        known: HashMap::new(),
    };
    // Certain chains first: the uncertain ones may build on them.
    let certain: Vec<(Rc<Answer>, Option<Found>)> = (0..index.principals.len())
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
    fn privilege(&mut self, principal: usize, is: Rc<Answer>, found: Option<Found>) -> Privilege {
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
        let steps: Vec<Step> = found.steps.iter().map(|step| self.step(*step)).collect();
        let mut because: Vec<String> = Vec::new();
        let reasons = steps.iter().flat_map(|step| step.because.iter().cloned());
        let own = steps.is_empty().then(|| is.because.iter().map(ToString::to_string));
        for reason in reasons.chain(own.into_iter().flatten()) {
            if !because.contains(&reason) {
                because.push(reason);
            }
        }
        let method = steps.first().map(|step| step.method.clone());
        let mut open = found.open;
        open.extend(steps.iter().flat_map(|step| step.open.iter().cloned()));
        Privilege { principal: arn, admin, method, steps, because, open }
    }

    fn find(&mut self, principal: usize, sure: Truth) -> Option<Found> {
        if let Some(known) = self.known.get(&(principal, sure)) {
            return known.clone();
        }
        let before = self.traces.len();
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
        // Only the steps of the chain are kept.
        let used: Vec<usize> = found.iter().flat_map(|found| found.steps.iter().copied()).collect();
        let kept: Vec<Trace> =
            used.iter().filter(|step| **step >= before).map(|step| self.traces[*step].clone()).collect();
        self.traces.truncate(before);
        self.traces.extend(kept);
        if let Some(found) = &mut found {
            let mut next = before;
            for step in found.steps.iter_mut().filter(|step| **step >= before) {
                *step = next;
                next += 1;
            }
        } else {
            // Whoever is held can do no more than the one who holds it.
            for held in &held {
                self.known.insert((held.principal, sure), None);
            }
        }
        self.known.insert((principal, sure), found.clone());
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
                let edges = self.gains(actor);
                for (place, (_, edge)) in edges.iter().enumerate() {
                    if edge.answer.truth < sure || have.contains(&edge.principal) {
                        continue;
                    }
                    let target = self.world.actor(edge.principal, Overlay::default());
                    let end = self.world.administrator(target);
                    if end.truth < sure && edge.only_administrators {
                        continue;
                    }
                    let mut steps = holder.steps.clone();
                    steps.push(self.take(actor, Taken::Gain(Rc::clone(&edges), place)));
                    if end.truth >= sure {
                        return Some(Found { steps, open: end.open.clone() });
                    }
                    if known.is_none()
                        && let Some(Some(rest)) = self.known.get(&(edge.principal, sure)).cloned()
                    {
                        let mut steps = steps.clone();
                        steps.extend(rest.steps.iter().filter(|step| !holder.steps.contains(step)));
                        known = Some(Found { steps, open: rest.open });
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
                    return Some(Found { steps: held.steps.clone(), open: end.open.clone() });
                }
            }
            let mut next: Vec<(usize, Overlay, Vec<usize>)> = Vec::new();
            for (by, actor) in actors.iter().enumerate() {
                if !self.is_changer(*actor) {
                    continue;
                }
                for (at, changed) in actors.iter().enumerate() {
                    let edges = self.changes(*actor, *changed);
                    for (place, (_, edge)) in edges.iter().enumerate() {
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
                        steps.push(self.take(*actor, Taken::Change(Rc::clone(&edges), place)));
                        let id = self.world.actor(held[at].principal, overlay.clone());
                        let end = self.world.administrator(id);
                        if end.truth >= sure {
                            return Some(Found { steps, open: end.open.clone() });
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
            let edges = self.fresh(actor);
            if let Some(place) = edges.iter().position(|(_, answer)| answer.truth >= sure) {
                let mut steps = held.steps.clone();
                steps.push(self.take(actor, Taken::Fresh(edges, place)));
                return Some(Found { steps, open: BTreeSet::new() });
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

    fn take(&mut self, actor: ActorId, edge: Taken) -> usize {
        self.traces.push(Trace { actor, edge });
        self.traces.len() - 1
    }

    /// The step for people.
    fn step(&self, step: usize) -> Step {
        let Trace { actor, edge } = &self.traces[step];
        let principal = self.world.principal(*actor);
        let (method, target, answer) = match edge {
            Taken::Change(edges, at) => (edges[*at].0, edges[*at].1.target.clone(), &edges[*at].1.answer),
            Taken::Gain(edges, at) => {
                let (method, edge) = &edges[*at];
                (*method, self.world.index.principals[edge.principal].arn.to_owned(), &edge.answer)
            }
            Taken::Fresh(edges, at) => {
                let account = format!("arn:{}:iam::{}:root", principal.partition, principal.account);
                (edges[*at].0, account, &edges[*at].1)
            }
        };
        Step {
            method: method.name.to_owned(),
            actor: principal.arn.to_owned(),
            text: format!("{} {}: {target}", principal.name, method.summary),
            target,
            because: answer.because.iter().map(ToString::to_string).collect(),
            open: answer.open.clone(),
        }
    }

    fn is_changer(&mut self, actor: ActorId) -> bool {
        if let Some(changer) = self.changers.get(&actor) {
            return *changer;
        }
        let changer = CHANGES.iter().any(|action| self.world.may(actor, action));
        self.changers.insert(actor, changer);
        changer
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
