//! Who holds a right together with whom: groups opened up, and rights that must meet in one principal.
//!
//! The rule of [`Membership::common`] is BloodHound's cross product of node sets: report the first
//! principals at which all rights meet, not everyone below them, and count a right that
//! *Authenticated Users* or *Everyone* holds as held by all. Source: SpecterOps' description of it
//! (`CalculateCrossProductNodeSetsDoc.md`, Apache-2.0), written anew.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use fixedbitset::FixedBitSet;

use super::directory::{Directory, Tie};
use super::premise::Premise;
use crate::engine::NodeId;

/// Ties that make one a member.
const MEMBER: [Tie; 2] = [Tie::MemberOf, Tie::MemberOfLocalGroup];

/// One of several ties to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Right {
    pub(super) target: NodeId,
    pub(super) ties: &'static [Tie],
}

/// The holders of a right.
pub(super) struct Holders {
    /// Those who are named, in order.
    pub(super) named: Vec<NodeId>,
    /// Those who are named and all their members.
    pub(super) all: FixedBitSet,
    /// A group of all accounts is among them.
    pub(super) everyone: Option<NodeId>,
}

/// Opens groups up, each list of them once.
pub(super) struct Membership<'d> {
    directory: &'d Directory,
    groups: Vec<NodeId>,
    everyone: Vec<NodeId>,
    /// Many rights have the same holders: one set for all of them.
    opened: RefCell<BTreeMap<Vec<NodeId>, Rc<Holders>>>,
    by_right: RefCell<BTreeMap<Right, Rc<Holders>>>,
}

impl<'d> Membership<'d> {
    pub(super) fn new(directory: &'d Directory) -> Self {
        let objects = (0..directory.len() as u32).map(NodeId);
        let groups: Vec<NodeId> = objects.filter(|&object| directory.is_group(object)).collect();
        let everyone = groups.iter().copied().filter(|&group| is_everyone(directory, group)).collect();
        Self { directory, groups, everyone, opened: RefCell::default(), by_right: RefCell::default() }
    }

    /// All groups.
    pub(super) fn groups(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.groups.iter().copied()
    }

    /// Those with the right, named in the directory.
    pub(super) fn named(&self, right: Right) -> Vec<NodeId> {
        let named: BTreeSet<NodeId> =
            right.ties.iter().flat_map(|&tie| self.directory.starts(tie, right.target)).collect();
        named.into_iter().collect()
    }

    /// The holders of a right on an authority, a template or a domain: they are kept, a set of all objects each.
    pub(super) fn holders(&self, right: Right) -> Rc<Holders> {
        if let Some(holders) = self.by_right.borrow().get(&right) {
            return Rc::clone(holders);
        }
        let holders = self.open(self.named(right));
        self.by_right.borrow_mut().insert(right, Rc::clone(&holders));
        holders
    }

    fn open(&self, named: Vec<NodeId>) -> Rc<Holders> {
        if let Some(holders) = self.opened.borrow().get(&named) {
            return Rc::clone(holders);
        }
        let all = self.with_members(&named);
        let everyone = self.everyone.iter().copied().find(|group| all.contains(group.index()));
        let holders = Rc::new(Holders { named: named.clone(), all, everyone });
        self.opened.borrow_mut().insert(named, Rc::clone(&holders));
        holders
    }

    /// These and all who are members of them, directly or through other groups.
    pub(super) fn with_members(&self, groups: &[NodeId]) -> FixedBitSet {
        let mut all = FixedBitSet::with_capacity(self.directory.len());
        let mut open: Vec<NodeId> = groups.to_vec();
        while let Some(next) = open.pop() {
            if !all.put(next.index()) {
                open.extend(self.members(next));
            }
        }
        all
    }

    /// Up to `most` that fit among a principal and its members, the nearest first.
    pub(super) fn nearest(&self, from: NodeId, most: usize, fits: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
        let mut seen = BTreeSet::from([from]);
        let mut open = VecDeque::from([from]);
        let mut found = Vec::new();
        while let Some(next) = open.pop_front() {
            if fits(next) {
                found.push(next);
                if found.len() == most {
                    break;
                }
            }
            open.extend(self.members(next).filter(|&member| seen.insert(member)));
        }
        found
    }

    fn members(&self, group: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        MEMBER.into_iter().flat_map(move |tie| self.directory.starts(tie, group))
    }

    /// The first principals at which all rights meet.
    pub(super) fn common(&self, rights: &[Right]) -> Vec<NodeId> {
        let holders: Vec<Rc<Holders>> = rights.iter().map(|&right| self.holders(right)).collect();
        // What everyone holds asks nothing of anybody.
        let mut scarce = holders.iter().filter(|holders| holders.everyone.is_none());
        let Some(first) = scarce.next() else {
            let all: BTreeSet<NodeId> = holders.iter().flat_map(|holders| holders.named.clone()).collect();
            return all.into_iter().collect();
        };
        let others: Vec<&Rc<Holders>> = scarce.collect();
        if others.is_empty() {
            return first.named.clone();
        }
        let mut meeting = first.all.clone();
        for holders in others {
            meeting.intersect_with(&holders.all);
        }
        // Who is below one at whom the rights meet is such a one too. So the first ones are those who are named
        // themselves, or are members of a group that has the first right and not the others.
        let is_first = |object: NodeId| {
            first.named.binary_search(&object).is_ok()
                || MEMBER
                    .into_iter()
                    .flat_map(|tie| self.directory.ends(tie, object))
                    .any(|group| first.all.contains(group.index()) && !meeting.contains(group.index()))
        };
        meeting.ones().map(|index| NodeId(index as u32)).filter(|&object| is_first(object)).collect()
    }

    /// Why a principal holds a right: its memberships up to one who is named, and the tie of that one.
    pub(super) fn grounds(&self, principal: NodeId, right: Right) -> Vec<Premise> {
        let holders = self.holders(right);
        self.grounds_among(principal, right, &holders.named)
    }

    /// The same, where it is known who is named.
    pub(super) fn grounds_among(&self, principal: NodeId, right: Right, named: &[NodeId]) -> Vec<Premise> {
        let tie_of = |holder: NodeId| {
            let tie = right.ties.iter().copied().find(|&tie| self.directory.has(holder, tie, right.target));
            tie.map(|tie| Premise::Tie { start: holder, tie, end: right.target })
        };
        if let Some((path, holder)) = self.climb(principal, named) {
            return path.into_iter().chain(tie_of(holder)).collect();
        }
        for &group in &self.everyone {
            if let Some((path, holder)) = self.climb(group, named) {
                let everyone = Premise::Everyone { group };
                return std::iter::once(everyone).chain(path).chain(tie_of(holder)).collect();
            }
        }
        Vec::new()
    }

    /// The shortest way up from an object to one of these, and which one.
    fn climb(&self, from: NodeId, to: &[NodeId]) -> Option<(Vec<Premise>, NodeId)> {
        let mut came: BTreeMap<NodeId, Option<(NodeId, Tie)>> = BTreeMap::from([(from, None)]);
        let mut open = VecDeque::from([from]);
        while let Some(next) = open.pop_front() {
            if to.binary_search(&next).is_ok() {
                let mut path = Vec::new();
                let mut at = next;
                while let Some(&Some((below, tie))) = came.get(&at) {
                    path.push(Premise::Tie { start: below, tie, end: at });
                    at = below;
                }
                path.reverse();
                return Some((path, next));
            }
            for tie in MEMBER {
                for group in self.directory.ends(tie, next) {
                    came.entry(group).or_insert_with(|| {
                        open.push_back(group);
                        Some((next, tie))
                    });
                }
            }
        }
        None
    }
}

/// *Authenticated Users* (S-1-5-11) and *Everyone* (S-1-1-0), whose members directories do not list. Known by
/// SID; by name only where the object has no SID at all.
fn is_everyone(directory: &Directory, object: NodeId) -> bool {
    let sid = directory.object_id(object).to_ascii_uppercase();
    if sid.starts_with("S-1-") || sid.contains("-S-1-") {
        return ["S-1-5-11", "S-1-1-0"]
            .iter()
            .any(|known| sid.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('-')));
    }
    let name = directory.name(object).split('@').next().unwrap_or_default();
    let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    ["AUTHENTICATEDUSERS", "AUTHUSERS", "EVERYONE"].iter().any(|known| letters.eq_ignore_ascii_case(known))
}
