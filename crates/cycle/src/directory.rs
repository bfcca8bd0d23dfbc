//! What rights in a directory come to, as relations: who gets a certificate in another's name, whose sign-in
//! can be relayed. Collectors state single rights; the rules of attack want what follows from them.
//!
//! `DCSync` is left to the rule that joins the two rights itself, with a premise for each; what a report
//! states already is not added again.

use std::collections::BTreeSet;

use bartizan_graph::derive::{DirectoryBuilder, Kinds, known_kinds};
use bartizan_graph::engine::NodeId;
use bartizan_model::estate::{AssetIndex, Estate, Relation};
use bartizan_model::{Attributes, RelationKind, Scheme};
use serde_json::Value;

use crate::cloud::witnesses;

/// The kinds that attack rules know as a relation and derive from nothing else.
fn kinds() -> Option<Kinds> {
    let is_wanted = |kind: &&str| {
        let kind = *kind;
        kind.starts_with("ADCSESC")
            || kind.starts_with("CoerceAndRelayNTLM")
            || ["GoldenCert", "SyncLAPSPassword"].contains(&kind)
    };
    Kinds::named(&known_kinds().filter(is_wanted).map(str::to_owned).collect::<Vec<_>>()).ok()
}

/// Adds to the estate the relations that its directories come to.
pub(crate) fn derive(estate: &mut Estate) {
    // Most estates have no directory; looking at one relation after the other is cheap.
    let is_of_directory = |relation: &Relation| DirectoryBuilder::wants(word(relation));
    if !estate.relations.iter().any(|relation| is_of_directory(relation) && !is_common(relation)) {
        return;
    }
    let Some(kinds) = kinds() else { return };
    let mut builder = DirectoryBuilder::new();
    for index in estate.asset_indices() {
        let asset = estate.asset(index);
        let object_id = asset.identifiers_of(Scheme::ObjectId).next();
        let object = builder.object(object_id.unwrap_or(&asset.name));
        let kinds: Vec<String> = asset
            .attribute("kinds")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|kind| kind.as_str().map(str::to_owned))
            .collect();
        builder.describe(object, &kinds, &asset.attributes);
    }
    for relation in estate.relations.iter().filter(|relation| is_of_directory(relation)) {
        let (from, to) = (NodeId(relation.from.0), NodeId(relation.to.0));
        builder.tie(word(relation), from, to, &relation.attributes);
    }
    let derived = bartizan_graph::derive::derive(builder.build(), &kinds);
    let stated: BTreeSet<(&str, AssetIndex, AssetIndex)> = estate
        .relations
        .iter()
        .map(|relation| (relation.kind.as_str(), relation.from, relation.to))
        .collect();
    let mut added = Vec::new();
    for (edge, (kind, from, to)) in derived.edges().zip(derived.places()) {
        let (from, to) = (AssetIndex(from.0), AssetIndex(to.0));
        if from == to || stated.contains(&(kind, from, to)) {
            continue;
        }
        let attributes = Attributes::from([
            ("edge_kind".to_owned(), kind.into()),
            ("because".to_owned(), edge.because.join("; ").into()),
        ]);
        let witnesses = witnesses(estate, from, to);
        added.push(Relation { kind: RelationKind::foreign(kind), from, to, attributes, witnesses });
    }
    estate.relations.extend(added);
}

/// BloodHound's word for the relation: our own vocabulary has taken some of them over.
fn word(relation: &Relation) -> &str {
    if relation.kind == RelationKind::MEMBER_OF {
        return "MemberOf";
    }
    if relation.kind == RelationKind::CONTAINS {
        return "Contains";
    }
    if relation.kind == RelationKind::ADMINISTERS {
        return "AdminTo";
    }
    relation.kind.as_str()
}

/// Relations that sources other than directories state too.
fn is_common(relation: &Relation) -> bool {
    [RelationKind::MEMBER_OF, RelationKind::CONTAINS, RelationKind::ADMINISTERS].contains(&relation.kind)
}

#[cfg(test)]
mod tests {
    use bartizan_model::estate::Asset;
    use bartizan_model::{AssetKind, Digest, Identifier, Timestamp};
    use serde_json::json;

    use super::*;

    /// A template whose subject anybody may name, open to a group, and the authority that publishes it.
    fn estate() -> Estate {
        let mut estate = Estate::default();
        let template = json!({"kinds": ["CertTemplate"], "enrolleesuppliessubject": true,
            "authenticationenabled": true, "schemaversion": 1});
        for (name, kind, attributes) in [
            ("corp", AssetKind::Directory, json!({"kinds": ["Domain", "Base"]})),
            ("root", AssetKind::CloudResource, json!({"kinds": ["RootCA"]})),
            ("store", AssetKind::CloudResource, json!({"kinds": ["NTAuthStore"]})),
            ("ca", AssetKind::CloudResource, json!({"kinds": ["EnterpriseCA"]})),
            ("web", AssetKind::CloudResource, template),
            ("desk", AssetKind::Group, json!({"kinds": ["Group"]})),
            ("ann", AssetKind::Account, json!({"kinds": ["User"]})),
        ] {
            estate.assets.push(Asset {
                key: Digest::of(name.as_bytes()),
                kind,
                name: name.to_owned(),
                identifiers: vec![Identifier::new(Scheme::GraphId, name)],
                attributes: serde_json::from_value(attributes).unwrap(),
                first_seen: Timestamp::UNIX_EPOCH,
                last_seen: Timestamp::UNIX_EPOCH,
                assessed_at: None,
                witnesses: Vec::new(),
            });
        }
        let at = |estate: &Estate, name: &str| {
            AssetIndex(estate.assets.iter().position(|asset| asset.name == name).unwrap() as u32)
        };
        for (from, kind, to) in [
            ("ann", RelationKind::MEMBER_OF, "desk"),
            ("desk", RelationKind::foreign("Enroll"), "web"),
            ("ann", RelationKind::foreign("Enroll"), "ca"),
            ("web", RelationKind::foreign("PublishedTo"), "ca"),
            ("ca", RelationKind::foreign("IssuedSignedBy"), "root"),
            ("root", RelationKind::foreign("RootCAFor"), "corp"),
            ("ca", RelationKind::foreign("TrustedForNTAuth"), "store"),
            ("store", RelationKind::foreign("NTAuthStoreFor"), "corp"),
            ("ann", RelationKind::foreign("GetChanges"), "corp"),
            ("ann", RelationKind::foreign("GetChangesAll"), "corp"),
        ] {
            let (from, to) = (at(&estate, from), at(&estate, to));
            let (attributes, witnesses) = (Attributes::new(), Vec::new());
            estate.relations.push(Relation { kind, from, to, attributes, witnesses });
        }
        estate
    }

    #[test]
    fn rights_that_meet_become_a_relation_once() {
        let mut estate = estate();
        let before = estate.relations.len();
        derive(&mut estate);
        let added = &estate.relations[before..];
        assert_eq!(added.len(), 1, "replication is joined by its own rule: {added:?}");
        assert_eq!(added[0].kind.as_str(), "ADCSESC1");
        assert_eq!(estate.asset(added[0].from).name, "ann");
        assert_eq!(estate.asset(added[0].to).name, "corp");
        let because = added[0].attributes["because"].as_str().unwrap();
        assert!(because.contains("MemberOf") && because.contains("enrolleesuppliessubject"), "{because}");
        // What is there already, stated by a report or derived before, is not added again.
        let once = estate.clone();
        derive(&mut estate);
        assert_eq!(estate, once);
    }

    #[test]
    fn estates_without_a_directory_stay_as_they_are() {
        let mut estate = estate();
        estate.relations.retain(is_common);
        let before = estate.clone();
        derive(&mut estate);
        assert_eq!(estate, before);
    }
}
