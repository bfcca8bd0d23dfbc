//! Which authority counts for which domain, and the ties that say so: `IssuedSignedBy`, `EnterpriseCAFor`,
//! `TrustedForNTAuth`, `ExtendedByPolicy`, `EnrollOnBehalfOf`.
//!
//! Collectors write certificates down as thumbprints; the ties follow from equal ones. Files that were made
//! from BloodHound's database have the ties already; both are used together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::directory::{Directory, Sort, Tie};
use super::super::premise::{Output, Premise};
use super::{Services, properties, template};
use crate::engine::NodeId;

/// Certificate Request Agent: the purpose of those who enrol for others.
const REQUEST_AGENT: &str = "1.3.6.1.4.1.311.20.2.1";
/// Any purpose at all.
const ANY_PURPOSE: &str = "2.5.29.37.0";

/// The ties between authorities that follow from their certificates. Needs nothing that is derived.
pub(in super::super) fn chain(directory: &Directory, output: &mut Output) {
    let mut by_thumbprint: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
    let authorities =
        || [Sort::EnterpriseCa, Sort::RootCa, Sort::AiaCa].into_iter().flat_map(|sort| directory.all(sort));
    for authority in authorities() {
        if let Some(thumbprint) = directory.text(authority, "certthumbprint") {
            by_thumbprint.entry(thumbprint.to_ascii_uppercase()).or_default().push(authority);
        }
    }
    let with =
        |thumbprint: &str| by_thumbprint.get(&thumbprint.to_ascii_uppercase()).into_iter().flatten().copied();
    for authority in authorities() {
        // The chain begins with the authority's own certificate.
        let parent = directory.texts(authority, "certchain").and_then(|chain| chain.get(1).copied());
        for parent in parent.into_iter().flat_map(with).filter(|&parent| parent != authority) {
            let mut because = properties(authority, &["certchain"]);
            because.extend(properties(parent, &["certthumbprint"]));
            output.push(Tie::IssuedSignedBy.text(), authority, parent, because);
        }
    }
    for authority in directory.all(Sort::EnterpriseCa) {
        for same in directory.text(authority, "certthumbprint").into_iter().flat_map(with) {
            if directory.is(same, Sort::RootCa) || directory.is(same, Sort::AiaCa) {
                let mut because = properties(authority, &["certthumbprint"]);
                because.extend(properties(same, &["certthumbprint"]));
                output.push(Tie::EnterpriseCaFor.text(), authority, same, because);
            }
        }
    }
    for store in directory.all(Sort::NtAuthStore) {
        for thumbprint in directory.texts(store, "certthumbprints").unwrap_or_default() {
            for authority in with(thumbprint).filter(|&other| directory.is(other, Sort::EnterpriseCa)) {
                let mut because = properties(authority, &["certthumbprint"]);
                because.extend(properties(store, &["certthumbprints"]));
                output.push(Tie::TrustedForNtAuth.text(), authority, store, because);
            }
        }
    }
}

/// Templates and the issuance policies that they carry, of one domain.
pub(in super::super) fn policies(directory: &Directory, output: &mut Output) {
    let mut by_oid: BTreeMap<&str, Vec<NodeId>> = BTreeMap::new();
    for policy in directory.all(Sort::IssuancePolicy) {
        if let Some(oid) = directory.text(policy, "certtemplateoid") {
            by_oid.entry(oid).or_default().push(policy);
        }
    }
    for template in directory.all(Sort::CertTemplate) {
        for oid in directory.texts(template, "certificatepolicy").unwrap_or_default() {
            for &policy in by_oid.get(oid).into_iter().flatten() {
                if directory.same_domain(template, policy) {
                    let mut because = properties(template, &["certificatepolicy"]);
                    because.extend(properties(policy, &["certtemplateoid"]));
                    output.push(Tie::ExtendedByPolicy.text(), template, policy, because);
                }
            }
        }
    }
}

/// Which template makes an agent that may enrol for others in which template. The agent's template must be
/// published by an authority that counts for the domain, the other by one whose chain leads there.
pub(in super::super) fn on_behalf(services: &Services<'_>, output: &mut Output) {
    let directory = services.directory;
    let mut led: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for &domain in services.authorities.iter().flat_map(|authority| authority.domains.keys()) {
        led.entry(domain).or_insert_with(|| led_to(directory, domain));
    }
    for (authority, agent) in services.published() {
        let Some(purposes) = directory.texts(agent, "effectiveekus") else { continue };
        let any = purposes.contains(&ANY_PURPOSE);
        let requests = purposes.contains(&REQUEST_AGENT);
        for other in directory.all(Sort::CertTemplate) {
            // Templates of the first version ask for no policy of the agent's certificate; later ones name it.
            let (fits, names): (bool, &[&'static str]) = match directory.number(other, "schemaversion") {
                Some(version) if version < 2.0 => {
                    (any || requests || purposes.is_empty(), &["schemaversion"])
                }
                Some(_) => (
                    !any && requests
                        && agent != other
                        && template::signatures(directory, other) >= 1.0
                        && directory
                            .texts(other, "applicationpolicies")
                            .is_some_and(|policies| policies.contains(&REQUEST_AGENT)),
                    &["schemaversion", "authorizedsignatures", "applicationpolicies"],
                ),
                None => (false, &[]),
            };
            let leads = |domain| led.get(domain).is_some_and(|templates| templates.contains(&other));
            if fits && authority.domains.keys().any(leads) {
                let mut because = properties(agent, &["effectiveekus"]);
                because.extend(properties(other, names));
                output.push(Tie::EnrollOnBehalfOf.text(), agent, other, because);
            }
        }
    }
}

/// The templates that are published by an authority whose chain ends in the domain.
fn led_to(directory: &Directory, domain: NodeId) -> BTreeSet<NodeId> {
    let chained = chained(directory, domain);
    chained.keys().flat_map(|&authority| directory.starts(Tie::PublishedTo, authority)).collect()
}

/// The enterprise CAs that count for a domain, with the ties of the chain and of the NTAuth store.
pub(super) fn authorities_of(directory: &Directory, domain: NodeId) -> Vec<(NodeId, Vec<Premise>)> {
    let chained = chained(directory, domain);
    let mut found = Vec::new();
    for &authority in chained.keys() {
        if !directory.is(authority, Sort::EnterpriseCa) {
            continue;
        }
        let store = directory
            .ends(Tie::TrustedForNtAuth, authority)
            .find(|&store| directory.has(store, Tie::NtAuthStoreFor, domain));
        let Some(store) = store else { continue };
        let mut reasons = Vec::new();
        let mut at = authority;
        while let Some(&(tie, above)) = chained.get(&at) {
            reasons.push(Premise::Tie { start: at, tie, end: above });
            at = above;
        }
        reasons.push(Premise::Tie { start: authority, tie: Tie::TrustedForNtAuth, end: store });
        reasons.push(Premise::Tie { start: store, tie: Tie::NtAuthStoreFor, end: domain });
        found.push((authority, reasons));
    }
    found
}

/// All whose chain ends in a root CA of the domain, with the tie that leads one step closer.
fn chained(directory: &Directory, domain: NodeId) -> BTreeMap<NodeId, (Tie, NodeId)> {
    let mut chained = BTreeMap::new();
    let mut open = VecDeque::new();
    for root in directory.starts(Tie::RootCaFor, domain) {
        chained.insert(root, (Tie::RootCaFor, domain));
        open.push_back(root);
    }
    while let Some(above) = open.pop_front() {
        for tie in [Tie::IssuedSignedBy, Tie::EnterpriseCaFor] {
            for below in directory.starts(tie, above) {
                if below != domain && !chained.contains_key(&below) {
                    chained.insert(below, (tie, above));
                    open.push_back(below);
                }
            }
        }
    }
    chained
}
