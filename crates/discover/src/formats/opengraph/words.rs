//! The words of BloodHound and of OpenGraph in ours: kinds of nodes and edges, ids, names.

use bartizan_model::{AssetKind, Attributes, Identifier, RelationKind, Scheme, Subject, mask_secret};
use serde_json::Value;

/// A node as an asset: known by its id, and by the properties that other tools know it by.
pub(in super::super) fn subject(id: &str, kinds: &[String], properties: &Attributes) -> Subject {
    let text = |key: &str| properties.get(key).and_then(Value::as_str).filter(|text| is_said(text));
    let kind = kind_of(kinds);
    let mut identifiers = vec![identifier(id)];
    identifiers.extend(text("objectid").filter(|object| is_object_id(object)).map(identifier));
    match kind {
        AssetKind::Host => {
            let names = [text("name"), text("dnshostname")];
            let names = names.into_iter().flatten().filter(|name| name.contains('.') && !name.contains('@'));
            identifiers.extend(names.map(|name| Identifier::new(Scheme::Fqdn, name)));
        }
        // The names of accounts are unique in their domain.
        AssetKind::Account => {
            let name = text("name").filter(|name| name.contains('@'));
            identifiers.extend(name.map(|name| Identifier::new(Scheme::DomainName, name)));
        }
        _ => {}
    }
    Subject::new(kind, identifiers)
}

/// Some collectors write `null` as a text.
fn is_said(text: &str) -> bool {
    !text.trim().is_empty() && !text.eq_ignore_ascii_case("null")
}

/// An id as an identifier of the scheme that other tools use for it. BloodHound compares ids without case.
pub(in super::super) fn identifier(id: &str) -> Identifier {
    let id = id.trim();
    if is_object_id(id) {
        Identifier::new(Scheme::ObjectId, id)
    } else if id.starts_with("arn:") && id.split(':').count() >= 6 {
        Identifier::new(Scheme::AwsArn, id)
    } else if id.to_ascii_lowercase().starts_with("/subscriptions/") {
        Identifier::new(Scheme::CloudId, id.to_ascii_lowercase())
    } else {
        Identifier::new(Scheme::GraphId, id.to_uppercase())
    }
}

/// A SID, also one that is made unique by its domain (`CORP.EXAMPLE-S-1-5-32-544`), or a GUID.
pub(in super::super) fn is_object_id(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let is_sid = upper.starts_with("S-1-") || upper.contains("-S-1-");
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_sid || (hexadecimal && parts == [8, 4, 4, 4, 12])
}

/// The kind of asset for BloodHound's kinds; the first that says something decides.
pub(in super::super) fn kind_of(kinds: &[String]) -> AssetKind {
    kinds
        .iter()
        .find_map(|kind| {
            Some(match kind.as_str() {
                "User" | "AZUser" | "Account" => AssetKind::Account,
                "Computer" | "AZVM" | "AZDevice" | "AZVMScaleSet" | "Host" => AssetKind::Host,
                "Group" | "ADLocalGroup" | "AZGroup" | "AZGroup365" => AssetKind::Group,
                "AZRole" | "Role" => AssetKind::Role,
                "Domain" | "AZTenant" | "OU" | "GPO" | "Container" => AssetKind::Directory,
                "AZApp" | "AZServicePrincipal" | "Application" => AssetKind::Application,
                "AZSubscription" | "AZResourceGroup" | "AZManagementGroup" => AssetKind::CloudAccount,
                "AZKeyVault" => AssetKind::DataStore,
                "AZFunctionApp" | "AZWebApp" | "AZLogicApp" => AssetKind::Workload,
                "AZManagedCluster" => AssetKind::Cluster,
                "Person" => AssetKind::Person,
                "Repository" | "GHRepository" => AssetKind::Repository,
                _ => return None,
            })
        })
        .unwrap_or(AssetKind::CloudResource)
}

/// What the ends of an edge are, as far as its kind tells, for nodes that no file describes.
pub(in super::super) fn kinds_of_ends(edge: &str) -> (Option<AssetKind>, Option<AssetKind>) {
    match edge {
        "MemberOf" | "AZMemberOf" => (None, Some(AssetKind::Group)),
        "HasSession" => (Some(AssetKind::Host), Some(AssetKind::Account)),
        "AdminTo" | "CanRDP" | "CanPSRemote" | "ExecuteDCOM" | "SQLAdmin" | "AllowedToAct"
        | "ReadLAPSPassword" => (None, Some(AssetKind::Host)),
        "GetChanges" | "GetChangesAll" | "GetChangesInFilteredSet" | "DCSync" => {
            (None, Some(AssetKind::Directory))
        }
        _ => (None, None),
    }
}

/// Our word where it means exactly the same; else the kind as it is written.
pub(in super::super) fn relation_of(kind: &str) -> RelationKind {
    match kind {
        "MemberOf" | "AZMemberOf" => RelationKind::MEMBER_OF,
        "AdminTo" => RelationKind::ADMINISTERS,
        "HasSession" => RelationKind::HAS_SESSION,
        "CanRDP" | "CanPSRemote" | "ExecuteDCOM" => RelationKind::LOGS_ON,
        "Contains" | "AZContains" => RelationKind::CONTAINS,
        other => RelationKind::foreign(other),
    }
}

/// Properties in which directories hold passwords, in clear or nearly.
const PASSWORDS: [&str; 4] = ["userpassword", "unixpassword", "unicodepassword", "sfupassword"];

/// Masks passwords. That there is one stays to be seen.
pub(in super::super) fn mask(properties: &mut Attributes) {
    for (key, value) in properties.iter_mut() {
        if PASSWORDS.iter().any(|name| key.eq_ignore_ascii_case(name))
            && let Value::String(text) = value
            && is_said(text)
        {
            *value = mask_secret(text).into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_by_their_shape() {
        for (id, expected) in [
            ("S-1-5-21-1-2-3-1104", "objectid:S-1-5-21-1-2-3-1104"),
            ("corp.example-S-1-5-32-544", "objectid:CORP.EXAMPLE-S-1-5-32-544"),
            ("b1ebdb49-9494-46aa-9b2e-fc5788e9575f", "objectid:B1EBDB49-9494-46AA-9B2E-FC5788E9575F"),
            ("arn:aws:iam::123456789012:user/Ann", "aws-arn:arn:aws:iam::123456789012:user/Ann"),
            ("/Subscriptions/A/resourceGroups/B", "cloud-id:/subscriptions/a/resourcegroups/b"),
            ("user-1", "graph-id:USER-1"),
            ("CLASS-1-2", "graph-id:CLASS-1-2"),
        ] {
            assert_eq!(identifier(id).to_string(), expected);
        }
    }

    #[test]
    fn passwords_are_masked() {
        let mut properties: Attributes =
            [("userpassword".to_owned(), "Winter2026!".into()), ("unixpassword".to_owned(), Value::Null)]
                .into();
        mask(&mut properties);
        assert_eq!(properties["userpassword"], "…");
        assert_eq!(properties["unixpassword"], Value::Null);
    }
}
