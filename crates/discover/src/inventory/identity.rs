//! Identity: names that reports gave together belong to one asset, unless that would give one asset
//! two values of a scheme of which an asset has only one.

use std::collections::BTreeSet;

use bartizan_model::{Identifier, Strength};

/// Two names (positions in the list of identifiers) that reports gave together, and when they last
/// did (any unit, greater is later).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub low: usize,
    pub high: usize,
    pub last_at: i64,
}

/// What a person decided of two names: that they are of one asset, or that they are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    pub low: usize,
    pub high: usize,
    pub same: bool,
}

/// Numbers the cluster of each identifier; equal numbers are one asset.
///
/// What a person decided goes before everything that reports say, also where it puts two values of an
/// exclusive scheme into one cluster.
///
/// Links are taken strongest first, then latest first, then by name, and a link that would put two
/// values of an exclusive scheme into one cluster is refused: strong identifiers that conflict split.
/// So an FQDN that moved from one machine to another goes with the machine that has it now. Names
/// that never merge alone (weak ones) stay by themselves.
pub fn partition(identifiers: &[Identifier], links: &[Link], pins: &[Pin]) -> Vec<usize> {
    let mut order: Vec<&Link> = links.iter().collect();
    order.sort_by(|left, right| {
        let rank = |link: &Link| {
            let (low, high) = (&identifiers[link.low], &identifiers[link.high]);
            let (first, second) = if low <= high { (low, high) } else { (high, low) };
            let weaker = low.strength().min(high.strength());
            (std::cmp::Reverse(weaker), std::cmp::Reverse(link.last_at), first, second)
        };
        rank(left).cmp(&rank(right))
    });
    let mut clusters = Clusters::new(identifiers, pins);
    for pin in pins.iter().filter(|pin| pin.same) {
        clusters.join_pinned(pin.low, pin.high);
    }
    for link in order {
        let weakest = identifiers[link.low].strength().min(identifiers[link.high].strength());
        if weakest > Strength::Weak {
            clusters.join(link.low, link.high);
        }
    }
    clusters.numbers()
}

/// Disjoint sets that know the values of exclusive schemes in them, and what must stay apart.
struct Clusters<'i> {
    parent: Vec<usize>,
    members: Vec<Vec<usize>>,
    identifiers: &'i [Identifier],
    apart: BTreeSet<(usize, usize)>,
}

impl<'i> Clusters<'i> {
    fn new(identifiers: &'i [Identifier], pins: &[Pin]) -> Self {
        let parent = (0..identifiers.len()).collect();
        let members = (0..identifiers.len()).map(|member| vec![member]).collect();
        let apart = pins.iter().filter(|pin| !pin.same);
        let apart = apart.map(|pin| (pin.low.min(pin.high), pin.low.max(pin.high))).collect();
        Self { parent, members, identifiers, apart }
    }

    fn root(&self, mut of: usize) -> usize {
        while self.parent[of] != of {
            of = self.parent[of];
        }
        of
    }

    fn join(&mut self, left: usize, right: usize) {
        let (left, right) = (self.root(left), self.root(right));
        if left != right && !self.conflict(left, right) && !self.are_apart(left, right) {
            self.unite(left, right);
        }
    }

    /// A person knows better than the rule that an asset has one value of a scheme.
    fn join_pinned(&mut self, left: usize, right: usize) {
        let (left, right) = (self.root(left), self.root(right));
        if left != right && !self.are_apart(left, right) {
            self.unite(left, right);
        }
    }

    fn are_apart(&self, left: usize, right: usize) -> bool {
        !self.apart.is_empty()
            && self.members[left]
                .iter()
                .any(|a| self.members[right].iter().any(|b| self.apart.contains(&(*a.min(b), *a.max(b)))))
    }

    fn unite(&mut self, left: usize, right: usize) {
        let (into, from) =
            if self.members[left].len() >= self.members[right].len() { (left, right) } else { (right, left) };
        let moving = std::mem::take(&mut self.members[from]);
        self.parent[from] = into;
        self.members[into].extend(moving);
    }

    fn conflict(&self, left: usize, right: usize) -> bool {
        self.members[left].iter().any(|a| {
            let a = &self.identifiers[*a];
            a.scheme().is_exclusive()
                && self.members[right].iter().any(|b| {
                    let b = &self.identifiers[*b];
                    a.scheme() == b.scheme() && a.value() != b.value()
                })
        })
    }

    /// Clusters are numbered by their smallest member, so equal partitions have equal numbers.
    fn numbers(&self) -> Vec<usize> {
        let smallest: Vec<usize> =
            self.members.iter().map(|members| members.iter().copied().min().unwrap_or_default()).collect();
        (0..self.identifiers.len()).map(|position| smallest[self.root(position)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use bartizan_model::Scheme;
    use proptest::prelude::*;

    use super::*;

    fn id(scheme: Scheme, value: &str) -> Identifier {
        Identifier::new(scheme, value)
    }

    fn link(low: usize, high: usize, last_at: i64) -> Link {
        Link { low, high, last_at }
    }

    #[test]
    fn names_seen_together_are_one_asset() {
        let names =
            [id(Scheme::CloudId, "i-1"), id(Scheme::Fqdn, "a.example"), id(Scheme::Fqdn, "b.example")];
        assert_eq!(partition(&names, &[link(0, 1, 1), link(1, 2, 1)], &[]), [0, 0, 0]);
    }

    #[test]
    fn a_name_that_moved_goes_with_the_later_machine() {
        let names = [id(Scheme::CloudId, "i-1"), id(Scheme::CloudId, "i-2"), id(Scheme::Fqdn, "web.example")];
        assert_eq!(partition(&names, &[link(0, 2, 1), link(1, 2, 2)], &[]), [0, 1, 1]);
        assert_eq!(partition(&names, &[link(0, 2, 3), link(1, 2, 2)], &[]), [0, 1, 0]);
    }

    #[test]
    fn weak_names_never_merge() {
        let names =
            [id(Scheme::Fqdn, "a.example"), id(Scheme::Ip, "10.0.0.1"), id(Scheme::Fqdn, "b.example")];
        assert_eq!(partition(&names, &[link(0, 1, 1), link(1, 2, 1)], &[]), [0, 1, 2]);
    }

    #[test]
    fn what_a_person_decided_goes_first() {
        let names = [id(Scheme::CloudId, "i-1"), id(Scheme::CloudId, "i-2"), id(Scheme::Fqdn, "web.example")];
        let links = [link(0, 2, 2), link(1, 2, 1)];
        let pin = |low, high, same| Pin { low, high, same };
        assert_eq!(partition(&names, &links, &[pin(0, 1, true)]), [0, 0, 0]);
        assert_eq!(partition(&names, &links, &[pin(2, 0, false)]), [0, 1, 1]);
        // What must stay apart stays apart, also through what others have in common.
        assert_eq!(partition(&names, &links, &[pin(0, 1, false), pin(1, 2, true)]), [0, 1, 1]);
    }

    proptest! {
        #[test]
        fn order_of_links_does_not_matter_and_no_cluster_holds_a_conflict(
            links in prop::collection::vec((0usize..9, 0usize..9, 0i64..4), 0..24),
            seed in any::<u64>(),
        ) {
            let names: Vec<Identifier> = (0..3).map(|n| id(Scheme::CloudId, &format!("i-{n}")))
                .chain((0..2).map(|n| id(Scheme::AgentId, &format!("agent-{n}"))))
                .chain((0..3).map(|n| id(Scheme::Fqdn, &format!("{n}.example"))))
                .chain([id(Scheme::Ip, "10.0.0.1")])
                .collect();
            let links: Vec<Link> = links.into_iter().map(|(low, high, at)| link(low, high, at)).collect();
            let mut shuffled = links.clone();
            let mut state = seed | 1;
            for position in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                shuffled.swap(position, (state >> 33) as usize % (position + 1));
            }
            let numbers = partition(&names, &links, &[]);
            prop_assert_eq!(&numbers, &partition(&names, &shuffled, &[]));
            for (left, a) in names.iter().enumerate() {
                for (right, b) in names.iter().enumerate() {
                    if numbers[left] == numbers[right] && a.scheme() == b.scheme() && a.scheme().is_exclusive() {
                        prop_assert_eq!(a.value(), b.value());
                    }
                }
            }
        }
    }
}
