//! The best-known policies of AWS itself, for exports that name them without their document.
//!
//! `managed.json` holds them by name (with the path below `policy/`), as the AWS managed policy
//! reference describes them. `partial` marks those of which it holds only the essence: what it allows
//! is allowed, but the real policy allows more. A policy that is not in it stays unknown.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::arn::Arn;

#[derive(Deserialize)]
struct Known {
    document: Value,
    #[serde(default)]
    partial: bool,
}

// A unit test reads the same text, so an empty table cannot go unnoticed.
static KNOWN: LazyLock<BTreeMap<String, Known>> =
    LazyLock::new(|| serde_json::from_str(include_str!("managed.json")).unwrap_or_default());

/// The document of a policy that AWS owns, and whether it is only the essence of it.
pub(super) fn essence(arn: &str) -> Option<(Value, bool)> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == "iam" && arn.account == "aws")?;
    let known = KNOWN.get(arn.resource.strip_prefix("policy/")?)?;
    Some((known.document.clone(), known.partial))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_unknown_policies_stay_unknown() {
        let (document, partial) = essence("arn:aws-cn:iam::aws:policy/AdministratorAccess").unwrap();
        assert_eq!(document["Statement"][0]["Action"], "*");
        assert!(!partial);
        assert!(essence("arn:aws:iam::aws:policy/ReadOnlyAccess").unwrap().1);
        assert!(essence("arn:aws:iam::aws:policy/Other").is_none());
        assert!(essence("arn:aws:iam::123456789012:policy/AdministratorAccess").is_none());
    }
}
