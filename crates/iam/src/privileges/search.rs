//! The search: from each principal, whom it can act as and what it can change about those, until one of
//! them is administrator or nothing new comes. It must not know what a method needs.
//!
//! Changes that only add rights are taken as they come, which makes the search a least fixpoint. The few
//! that may also take rights away (an older policy version, leaving a group) are tried one at a time when
//! the rest led nowhere.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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

/// A gain as the search keeps it: an estate can have millions, so the reasons are asked for again when a
/// chain is told.
#[derive(Debug, Clone, Copy)]
struct Gain {
    method: &'static Method,
    principal: u32,
    truth: Truth,
    only_administrators: bool,
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
    actor: ActorId,
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
    Gain(Gain),
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
    gains: HashMap<ActorId, Rc<Vec<Gain>>>,
    fresh: HashMap<ActorId, Labelled<Answer>>,
    /// Actors that may make a change to somebody.
    changers: HashMap<ActorId, bool>,
    /// Steps of all chains, which share them.
    traces: Vec<Trace>,
    /// What is known of a principal, by how sure it has to be: a chain, or that there is none.
    known: HashMap<(usize, Truth), Option<Found>>,
}

/// A change that could also take rights away: whom (place among the held), into what, by which steps.
type Branch = (usize, ActorId, Vec<usize>);

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
    let all = 0..index.principals.len();
    // Certain chains first: the uncertain ones may build on them.
    search.spread(Truth::Yes);
    for principal in all.clone() {
        search.find(principal, Truth::Yes);
    }
    search.spread(Truth::Unknown);
    all.map(|principal| search.privilege(principal)).collect()
}

impl Search<'_> {
    /// Finds the chains in which each principal does no more than gain the next one: from the
    /// administrators backwards, shortest first. The rest is for [`Search::find`].
    fn spread(&mut self, sure: Truth) {
        let count = self.world.index.principals.len();
        // By length of the chain; principals in order.
        let mut reached: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let mut towards: Vec<Vec<(u32, u32)>> = vec![Vec::new(); count];
        for principal in 0..count {
            let actor = self.world.actor(principal, Overlay::default());
            let is = self.world.administrator(actor);
            let found = if is.truth.certain() {
                Some(Found { steps: Vec::new(), open: BTreeSet::new() })
            } else if let Some(Some(found)) = self.known.get(&(principal, Truth::Yes)) {
                Some(found.clone())
            } else {
                let before = self.traces.len();
                let mut held = vec![Held { actor, steps: Vec::new() }];
                let found = self.saturate(&mut held, 0, sure, None);
                self.keep(found, before)
            };
            let length = found.as_ref().map(|found| found.steps.len());
            if let Some(length) = length {
                reached.entry(length).or_default().insert(principal);
            }
            if let Some(found) = found {
                self.known.insert((principal, sure), Some(found));
            }
            if length.is_none_or(|length| length > 1) {
                for (place, gain) in self.gains(actor).iter().enumerate() {
                    if gain.truth >= sure {
                        towards[gain.principal as usize].push((principal as u32, place as u32));
                    }
                }
            }
        }
        let mut done = vec![false; count];
        while let Some((length, principals)) = reached.pop_first() {
            // The first method in the table wins among those that lead here.
            let mut next: BTreeMap<usize, (u32, usize)> = BTreeMap::new();
            for target in principals {
                if std::mem::replace(&mut done[target], true) {
                    continue;
                }
                for (from, place) in &towards[target] {
                    let from = *from as usize;
                    let better = next.get(&from).is_none_or(|(known, _)| place < known);
                    if !done[from] && better {
                        let actor = self.world.actor(from, Overlay::default());
                        let gain = self.gains(actor)[*place as usize];
                        if length == 0 || !gain.only_administrators {
                            next.insert(from, (*place, target));
                        }
                    }
                }
            }
            for (from, (place, target)) in next {
                let shorter = match self.known.get(&(from, sure)) {
                    Some(Some(found)) => found.steps.len() > length + 1,
                    _ => true,
                };
                if !shorter {
                    continue;
                }
                let Some(Some(rest)) = self.known.get(&(target, sure)).cloned() else { continue };
                let actor = self.world.actor(from, Overlay::default());
                let gain = self.gains(actor)[place as usize];
                let mut steps = vec![self.take(actor, Taken::Gain(gain))];
                steps.extend(rest.steps);
                self.known.insert((from, sure), Some(Found { steps, open: rest.open }));
                reached.entry(length + 1).or_default().insert(from);
            }
        }
    }

    fn privilege(&mut self, principal: usize) -> Privilege {
        let arn = self.world.index.principals[principal].arn.to_owned();
        let actor = self.world.actor(principal, Overlay::default());
        let is = self.world.administrator(actor);
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
        let (admin, found) = match self.find(principal, Truth::Yes) {
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
        let actor = self.world.actor(principal, Overlay::default());
        let mut branches = Vec::new();
        let mut held = vec![Held { actor, steps: Vec::new() }];
        let mut found = self.explore(&mut held, sure, Some(&mut branches));
        for (at, actor, steps) in branches {
            if found.is_some() {
                break;
            }
            let mut held = held.clone();
            held[at] = Held { actor, steps };
            found = self.explore(&mut held, sure, None);
        }
        let found = self.keep(found, before);
        if found.is_none() {
            // Whoever is held can do no more than the one who holds it.
            for held in &held {
                self.known.insert((self.world.principal_of(held.actor), sure), None);
            }
        }
        self.known.insert((principal, sure), found.clone());
        found
    }

    /// Forgets the steps that were taken since, but for those of the chain.
    fn keep(&mut self, mut found: Option<Found>, before: usize) -> Option<Found> {
        let used: Vec<usize> = found.iter().flat_map(|found| found.steps.iter().copied()).collect();
        let kept: Vec<Trace> =
            used.iter().filter(|step| **step >= before).map(|step| self.traces[*step].clone()).collect();
        self.traces.truncate(before);
        self.traces.extend(kept);
        let steps = found.iter_mut().flat_map(|found| found.steps.iter_mut());
        for (next, step) in (before..).zip(steps.filter(|step| **step >= before)) {
            *step = next;
        }
        found
    }

    /// Grows what is held until an administrator is among it. `branches` takes the changes that could
    /// also take rights away.
    fn explore(
        &mut self,
        held: &mut Vec<Held>,
        sure: Truth,
        mut branches: Option<&mut Vec<Branch>>,
    ) -> Option<Found> {
        let mut expanded: HashSet<ActorId> = HashSet::new();
        let mut have: HashSet<usize> = held.iter().map(|held| self.world.principal_of(held.actor)).collect();
        let mut new = 0;
        loop {
            if let Some(found) = self.saturate(held, new, sure, branches.as_deref_mut()) {
                return Some(found);
            }
            new = held.len();
            let mut added = Vec::new();
            let mut known: Option<Found> = None;
            for holder in held.iter() {
                if !expanded.insert(holder.actor) {
                    continue;
                }
                for gain in self.gains(holder.actor).iter() {
                    let principal = gain.principal as usize;
                    if gain.truth < sure || have.contains(&principal) {
                        continue;
                    }
                    let target = self.world.actor(principal, Overlay::default());
                    let end = self.world.administrator(target);
                    if end.truth < sure && gain.only_administrators {
                        continue;
                    }
                    let mut steps = holder.steps.clone();
                    steps.push(self.take(holder.actor, Taken::Gain(*gain)));
                    if end.truth >= sure {
                        return Some(Found { steps, open: end.open.clone() });
                    }
                    if known.is_none()
                        && let Some(Some(rest)) = self.known.get(&(principal, sure)).cloned()
                    {
                        let mut steps = steps.clone();
                        steps.extend(rest.steps.iter().filter(|step| !holder.steps.contains(step)));
                        known = Some(Found { steps, open: rest.open });
                    }
                    have.insert(principal);
                    added.push(Held { actor: target, steps });
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

    /// Takes all changes that held principals can make to each other; those before `new` have been looked
    /// at among themselves.
    fn saturate(
        &mut self,
        held: &mut [Held],
        mut new: usize,
        sure: Truth,
        mut branches: Option<&mut Vec<Branch>>,
    ) -> Option<Found> {
        loop {
            for held in &held[new..] {
                let end = self.world.administrator(held.actor);
                if end.truth >= sure {
                    return Some(Found { steps: held.steps.clone(), open: end.open.clone() });
                }
            }
            let mut next: Vec<Branch> = Vec::new();
            for by in 0..held.len() {
                let actor = held[by].actor;
                if !self.is_changer(actor) {
                    continue;
                }
                let from = if by < new { new } else { 0 };
                for at in from..held.len() {
                    let edges = self.changes(actor, held[at].actor);
                    for (place, (_, edge)) in edges.iter().enumerate() {
                        if edge.answer.truth < sure {
                            continue;
                        }
                        let before = self.world.overlay(held[at].actor);
                        let overlay = apply(before, &edge.change);
                        if overlay == *before {
                            continue;
                        }
                        let principal = self.world.principal_of(held[at].actor);
                        let only_adds = self.only_adds(principal, before, &edge.change);
                        let mut steps = held[by].steps.clone();
                        steps.extend(held[at].steps.iter().filter(|step| !held[by].steps.contains(step)));
                        steps.push(self.take(actor, Taken::Change(Rc::clone(&edges), place)));
                        let id = self.world.actor(principal, overlay);
                        let end = self.world.administrator(id);
                        if end.truth >= sure {
                            return Some(Found { steps, open: end.open.clone() });
                        }
                        if only_adds {
                            next.push((at, id, steps));
                        } else if let Some(branches) = branches.as_deref_mut()
                            && !branches.iter().any(|(place, known, _)| *place == at && *known == id)
                        {
                            branches.push((at, id, steps));
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
            for (at, actor, steps) in next {
                if seen.insert(at) {
                    held[at] = Held { actor, steps };
                }
            }
            new = 0;
        }
        for held in &held[new..] {
            let edges = self.fresh(held.actor);
            if let Some(place) = edges.iter().position(|(_, answer)| answer.truth >= sure) {
                let mut steps = held.steps.clone();
                steps.push(self.take(held.actor, Taken::Fresh(edges, place)));
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
    fn step(&mut self, step: usize) -> Step {
        let Trace { actor, edge } = &self.traces[step].clone();
        let principal = self.world.principal(*actor);
        let (method, target, answer) = match edge {
            Taken::Change(edges, at) => {
                (edges[*at].0, edges[*at].1.target.clone(), edges[*at].1.answer.clone())
            }
            Taken::Gain(gain) => {
                let at = gain.principal as usize;
                let again = gain_edges(&mut self.world, gain.method, *actor, Some(at));
                let answer = again.into_iter().next().map_or_else(Answer::no, |edge| edge.answer);
                (gain.method, self.world.index.principals[at].arn.to_owned(), answer)
            }
            Taken::Fresh(edges, at) => {
                let account = format!("arn:{}:iam::{}:root", principal.partition, principal.account);
                (edges[*at].0, account, edges[*at].1.clone())
            }
        };
        Step {
            method: method.name.to_owned(),
            actor: principal.arn.to_owned(),
            text: format!("{} {}: {target}", principal.name, method.summary),
            target,
            because: answer.because.iter().map(ToString::to_string).collect(),
            open: answer.open,
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

    fn gains(&mut self, actor: ActorId) -> Rc<Vec<Gain>> {
        if let Some(gains) = self.gains.get(&actor) {
            return Rc::clone(gains);
        }
        let mut gains = Vec::new();
        for method in METHODS {
            let edges = gain_edges(&mut self.world, method, actor, None);
            gains.extend(edges.into_iter().map(|edge| Gain {
                method,
                principal: edge.principal as u32,
                truth: edge.answer.truth,
                only_administrators: edge.only_administrators,
            }));
        }
        let gains = Rc::new(gains);
        self.gains.insert(actor, Rc::clone(&gains));
        gains
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

/// Whom the actor gains by the method; with `only`, whether it is this principal.
fn gain_edges(
    world: &mut World<'_>,
    method: &'static Method,
    actor: ActorId,
    only: Option<usize>,
) -> Vec<GainEdge> {
    match &method.apply {
        Apply::Gain(apply) => apply(world, actor, only),
        Apply::Pass(pass) => pass::gains(world, actor, pass, only),
        Apply::Existing(existing) => compute::gains(world, actor, existing, only),
        Apply::Change(_) | Apply::Fresh(_) => Vec::new(),
    }
}
