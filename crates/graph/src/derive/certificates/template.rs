//! What a template's settings allow. What is not stated is not set; see the family's own words on that.

use super::super::directory::Directory;
use super::super::directory::Sort;
use crate::engine::NodeId;

/// Client Authentication, and any purpose: what Schannel takes for a sign-in.
const CLIENT: [&str; 2] = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

/// How many signatures of agents a request needs.
pub(super) fn signatures(directory: &Directory, template: NodeId) -> f64 {
    directory.number(template, "authorizedsignatures").unwrap_or(0.0)
}

/// Whether a request is granted without anybody else: no manager approves it and nobody must sign it.
/// Templates of the first version know no signatures.
pub(in super::super) fn is_free(directory: &Directory, template: NodeId) -> bool {
    !needs_approval(directory, template) && is_unsigned(directory, template)
}

pub(super) fn needs_approval(directory: &Directory, template: NodeId) -> bool {
    directory.is_true(template, "requiresmanagerapproval")
}

pub(super) fn is_unsigned(directory: &Directory, template: NodeId) -> bool {
    let first = directory.number(template, "schemaversion").is_some_and(|version| version <= 1.0);
    first || signatures(directory, template) <= 0.0
}

/// Whether the certificate signs one in with Kerberos.
pub(in super::super) fn authenticates(directory: &Directory, template: NodeId) -> bool {
    directory.is_true(template, "authenticationenabled")
}

/// Whether the certificate signs one in over TLS (Schannel). Older collectors tell the purposes alone; none
/// at all means every purpose.
pub(super) fn authenticates_over_tls(directory: &Directory, template: NodeId) -> bool {
    directory.flag(template, "schannelauthenticationenabled").unwrap_or_else(|| {
        directory
            .texts(template, "effectiveekus")
            .is_some_and(|purposes| purposes.is_empty() || purposes.iter().any(|each| CLIENT.contains(each)))
    })
}

/// Whether the template puts a DNS name into the certificate, which users have none of.
pub(super) fn needs_dns_name(directory: &Directory, template: NodeId) -> bool {
    directory.is_true(template, "subjectaltrequiredns")
        || directory.is_true(template, "subjectaltrequiredomaindns")
}

/// Whether the principal can get a certificate of the template, as far as its name goes. Managed service
/// accounts are listed as users and have DNS names like computers.
pub(super) fn can_name(directory: &Directory, template: NodeId, principal: NodeId) -> bool {
    !needs_dns_name(directory, template)
        || !directory.is(principal, Sort::User)
        || directory.is_true(principal, "gmsa")
        || directory.is_true(principal, "msa")
}
