//! How the domain controllers of a forest map a certificate to an account.
//!
//! Newer files state the registry values of each domain controller; older ones say of each authority which
//! controllers it can abuse (`CanAbuseUPNCertMapping`, `CanAbuseWeakCertBinding`). Where a file has both,
//! both must agree; where it has neither, nothing is known and nothing is derived.

use super::super::directory::{Directory, Sort, Tie};
use super::super::premise::Premise;
use crate::engine::NodeId;

/// Bit of `CertificateMappingMethods`: by user principal name.
const BY_NAME: i64 = 0x4;

/// Whether certificates are mapped by user principal name over TLS, with the reasons.
pub(super) fn by_name(directory: &Directory, authority: NodeId, domain: NodeId) -> Option<Vec<Premise>> {
    let abused = Tie::CanAbuseUpnCertMapping;
    decide(directory, authority, domain, abused, "certificatemappingmethodsraw", |value| {
        // -1 stands for a value that is not in the registry.
        value >= 0 && value & BY_NAME == BY_NAME
    })
}

/// Whether Kerberos takes certificates without a strong mapping, with the reasons.
pub(super) fn weak_binding(directory: &Directory, authority: NodeId, domain: NodeId) -> Option<Vec<Premise>> {
    let abused = Tie::CanAbuseWeakCertBinding;
    decide(directory, authority, domain, abused, "strongcertificatebindingenforcementraw", |value| {
        // 0 off, 1 compatible; absent from the registry (-1) was compatible too.
        (-1..=1).contains(&value)
    })
}

/// Older files say which authorities profit from weak binding; then the others do not. Registry values do
/// not decide here: a name in the request may hold the account's SID, which is a strong mapping.
pub(super) fn weak_binding_is_not_denied(directory: &Directory, authority: NodeId) -> bool {
    !directory.knows(Tie::CanAbuseWeakCertBinding)
        || directory.ends(Tie::CanAbuseWeakCertBinding, authority).next().is_some()
}

fn decide(
    directory: &Directory,
    authority: NodeId,
    domain: NodeId,
    abused: Tie,
    value: &'static str,
    is_weak: impl Fn(i64) -> bool,
) -> Option<Vec<Premise>> {
    let mut because = Vec::new();
    if directory.knows(abused) {
        let controller = directory.ends(abused, authority).next()?;
        because.push(Premise::Tie { start: authority, tie: abused, end: controller });
    }
    let mut is_stated = false;
    for member in forest(directory, domain) {
        let controllers = directory.starts(Tie::DcFor, member);
        for controller in controllers.filter(|&each| directory.is(each, Sort::Computer)) {
            let Some(number) = directory.number(controller, value) else { continue };
            is_stated = true;
            if is_weak(number as i64) {
                because.push(Premise::Property { object: controller, name: value });
                because.push(Premise::Tie { start: controller, tie: Tie::DcFor, end: member });
                return Some(because);
            }
        }
    }
    (!is_stated && !because.is_empty()).then_some(because)
}

/// The domain and those of its forest that trust it, directly or over others. The newer tie leads from the
/// domain that trusts to the one that is trusted, the older the other way.
fn forest(directory: &Directory, domain: NodeId) -> Vec<NodeId> {
    let mut found = vec![domain];
    let mut at = 0;
    while let Some(&next) = found.get(at) {
        at += 1;
        let trusting = directory
            .starts(Tie::SameForestTrust, next)
            .chain(directory.ends(Tie::TrustedByParentChild, next))
            .filter(|&other| directory.is(other, Sort::Domain));
        for other in trusting.collect::<Vec<_>>() {
            if !found.contains(&other) {
                found.push(other);
            }
        }
    }
    found
}
