//! Replication rights that only together give passwords: `DCSync` and `SyncLAPSPassword`.
//!
//! Preconditions: `GetChanges` and `GetChangesAll` on a domain (DCSync: every password of it), or
//! `GetChanges` and `GetChangesInFilteredSet` (the local administrators' passwords of its computers with
//! LAPS). The two rights may come over different groups. Source: MS-ADTS 5.1.3.2.1 (control access rights);
//! the edges as BloodHound CE defines them. A domain of which the file says that it was not collected is
//! left out.

use super::directory::{Directory, Sort, Tie};
use super::membership::{Membership, Right};
use super::premise::{Output, Premise};
use crate::engine::NodeId;

const CHANGES: &[Tie] = &[Tie::GetChanges];
const ALL: &[Tie] = &[Tie::GetChangesAll];
const FILTERED: &[Tie] = &[Tie::GetChangesInFilteredSet];

pub(super) fn dcsync(directory: &Directory, members: &Membership<'_>, output: &mut Output) {
    for domain in domains(directory) {
        for (principal, because) in both(members, domain, ALL) {
            output.push("DCSync", principal, domain, because);
        }
    }
}

pub(super) fn laps(directory: &Directory, members: &Membership<'_>, output: &mut Output) {
    for domain in domains(directory) {
        let principals = both(members, domain, FILTERED);
        if principals.is_empty() {
            continue;
        }
        let computers = directory.all(Sort::Computer);
        let managed = computers
            .filter(|&computer| directory.is_true(computer, "haslaps") && directory.is_in(computer, domain));
        for computer in managed {
            for (principal, because) in &principals {
                let mut because = because.clone();
                because.push(Premise::Property { object: computer, name: "haslaps" });
                output.push("SyncLAPSPassword", *principal, computer, because);
            }
        }
    }
}

fn domains(directory: &Directory) -> impl Iterator<Item = NodeId> + '_ {
    directory.all(Sort::Domain).filter(|&domain| directory.flag(domain, "collected") != Some(false))
}

fn both(members: &Membership<'_>, domain: NodeId, other: &'static [Tie]) -> Vec<(NodeId, Vec<Premise>)> {
    let rights = [Right { target: domain, ties: CHANGES }, Right { target: domain, ties: other }];
    if rights.iter().any(|&right| members.named(right).is_empty()) {
        return Vec::new();
    }
    let because = |principal| rights.iter().flat_map(|&right| members.grounds(principal, right)).collect();
    members.common(&rights).into_iter().map(|principal| (principal, because(principal))).collect()
}
