//! Composite edges: what several edges and properties of a directory together let somebody do.
//!
//! Collectors list single rights; `DCSync` or `ADCSESC1` follow only when the right ones meet in one
//! principal, over groups and their members. The rules of attack in `rules/` join facts one by one and leave
//! memberships to the engine; here sets of members must be intersected first, so that each rule is a small
//! function over a [`Directory`] (see `docs/adr/0008-composite-edges-are-code.md`). The names are
//! BloodHound's, because reports, queries and people know the edges by them.
//!
//! | family | where |
//! |---|---|
//! | replication rights | [`replication`] |
//! | certificate services | [`certificates`], one file for each rule |
//! | relayed sign-ins | [`relay`] |
//! | ownership | [`ownership`] |
//! | what they share: members, rights that meet | [`membership`] |
//!
//! Pure, deterministic, without recursion. Work grows with the edges and with what is derived, not with the
//! pairs of nodes.
//!
//! ```
//! use bartizan_graph::derive::{DeriveFiles, Kinds};
//!
//! let file = r#"{"graph": {
//!     "nodes": [{"id": "ann", "kinds": ["User"]}, {"id": "corp", "kinds": ["Domain"]}],
//!     "edges": [{"kind": "GetChanges", "start": {"value": "ann"}, "end": {"value": "corp"}},
//!               {"kind": "GetChangesAll", "start": {"value": "ann"}, "end": {"value": "corp"}}]}}"#;
//! let mut files = DeriveFiles::new();
//! files.read(file.as_bytes()).unwrap();
//! let derived = files.derive(&Kinds::all()).unwrap();
//! let edge = derived.edges().next().unwrap();
//! assert_eq!((edge.kind, edge.start, edge.end), ("DCSync", "ann", "corp"));
//! assert_eq!(edge.because, ["ann -GetChanges-> corp", "ann -GetChangesAll-> corp"]);
//! ```

mod certificates;
mod directory;
mod files;
mod membership;
mod ownership;
mod premise;
mod relay;
mod replication;

use std::collections::{BTreeMap, BTreeSet};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use self::certificates::{Services, esc1, esc3, esc4, esc6, esc13, esc16, golden_cert, trust, victims};
use self::directory::Tie;
pub use self::directory::{Directory, DirectoryBuilder};
pub use self::files::DeriveFiles;
use self::membership::Membership;
use self::premise::{Edge, Output};
use self::relay::Coercion;
use crate::engine::NodeId;
use crate::{Error, Result};

/// What a rule of the last stage looks at.
struct Stage<'d> {
    directory: &'d Directory,
    members: &'d Membership<'d>,
    services: &'d Services<'d>,
    coercion: &'d Coercion,
}

type Rule = fn(&Stage<'_>, &mut Output);

/// Kinds that other rules build on; they are derived before those, in this order.
const GROUND: [&str; 7] = [
    "Owns",
    "WriteOwner",
    "IssuedSignedBy",
    "EnterpriseCAFor",
    "TrustedForNTAuth",
    "ExtendedByPolicy",
    "EnrollOnBehalfOf",
];

/// All other kinds with their rules, in the order of the answer.
const RULES: [(&str, Rule); 18] = [
    ("DCSync", |stage, output| replication::dcsync(stage.directory, stage.members, output)),
    ("SyncLAPSPassword", |stage, output| replication::laps(stage.directory, stage.members, output)),
    ("GoldenCert", |stage, output| golden_cert::derive(stage.services, output)),
    ("ADCSESC1", |stage, output| esc1::derive(stage.services, output)),
    ("ADCSESC3", |stage, output| esc3::derive(stage.services, output)),
    ("ADCSESC4", |stage, output| esc4::derive(stage.services, output)),
    ("ADCSESC6a", |stage, output| esc6::by_kerberos(stage.services, output)),
    ("ADCSESC6b", |stage, output| esc6::over_tls(stage.services, output)),
    ("ADCSESC9a", |stage, output| victims::esc9a(stage.services, output)),
    ("ADCSESC9b", |stage, output| victims::esc9b(stage.services, output)),
    ("ADCSESC10a", |stage, output| victims::esc10a(stage.services, output)),
    ("ADCSESC10b", |stage, output| victims::esc10b(stage.services, output)),
    ("ADCSESC13", |stage, output| esc13::derive(stage.services, output)),
    ("ADCSESC16", |stage, output| esc16::derive(stage.services, output)),
    ("CoerceAndRelayNTLMToSMB", |stage, output| {
        relay::to_smb(stage.directory, stage.members, stage.coercion, output);
    }),
    ("CoerceAndRelayNTLMToLDAP", |stage, output| relay::to_ldap(stage.directory, stage.coercion, output)),
    ("CoerceAndRelayNTLMToLDAPS", |stage, output| relay::to_ldaps(stage.directory, stage.coercion, output)),
    ("CoerceAndRelayNTLMToADCS", |stage, output| relay::to_authority(stage.services, stage.coercion, output)),
];

/// Every kind that can be derived, in the order of the answer.
pub fn known_kinds() -> impl Iterator<Item = &'static str> {
    GROUND.into_iter().chain(RULES.iter().map(|&(kind, _)| kind))
}

/// Which kinds are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(BTreeSet<&'static str>);

impl Kinds {
    /// All that are known.
    pub fn all() -> Self {
        Self(known_kinds().collect())
    }

    /// These alone, whatever their case. An unknown one is an error that names those that are known.
    pub fn named(names: &[String]) -> Result<Self> {
        let mut kinds = BTreeSet::new();
        for name in names {
            let found = known_kinds().find(|known| known.eq_ignore_ascii_case(name.trim()));
            kinds.insert(found.ok_or_else(|| Error::DerivedKind {
                kind: name.clone(),
                known: known_kinds().collect::<Vec<_>>().join(", "),
            })?);
        }
        Ok(Self(kinds))
    }
}

/// Derives the edges of these kinds. Each is derived once, with the first reasons found.
pub fn derive(mut directory: Directory, kinds: &Kinds) -> Derived {
    let mut ground = Output::default();
    let mut build_on = |directory: &mut Directory, output: Output| {
        let mut ties: BTreeMap<Tie, Vec<_>> = BTreeMap::new();
        for edge in &output.edges {
            if let Some(tie) = Tie::parse(edge.kind) {
                ties.entry(tie).or_default().push((edge.start, edge.end));
            }
        }
        for (tie, pairs) in ties {
            directory.add(tie, pairs);
        }
        ground.edges.extend(output.edges);
    };
    let mut output = Output::default();
    ownership::derive(&directory, &mut output);
    trust::chain(&directory, &mut output);
    trust::policies(&directory, &mut output);
    build_on(&mut directory, output);
    let mut output = Output::default();
    let members = Membership::new(&directory);
    trust::on_behalf(&Services::new(&directory, &members), &mut output);
    drop(members);
    build_on(&mut directory, output);
    let mut edges = ground.edges;
    edges.retain(|edge| kinds.0.contains(edge.kind));
    {
        let members = Membership::new(&directory);
        let services = Services::new(&directory, &members);
        let coercion = Coercion::new(&directory, &members);
        let stage =
            Stage { directory: &directory, members: &members, services: &services, coercion: &coercion };
        for (kind, rule) in RULES {
            if kinds.0.contains(kind) {
                let mut output = Output::default();
                rule(&stage, &mut output);
                edges.extend(output.edges);
            }
        }
    }
    let order: BTreeMap<&str, usize> = known_kinds().zip(0..).collect();
    edges.sort_by(|left, right| {
        // By ids, so that the order of the file does not matter.
        let place = |edge: &Edge| order.get(edge.kind).copied();
        let ids = |edge: &Edge| (directory.id(edge.start), directory.id(edge.end));
        place(left).cmp(&place(right)).then_with(|| ids(left).cmp(&ids(right)))
    });
    Derived { directory, edges, counts: files::Counts::default() }
}

/// A derived edge in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DerivedEdge<'d> {
    /// BloodHound's name.
    pub kind: &'static str,
    /// Id of the node where it starts.
    pub start: &'d str,
    /// Id of the node to which it leads.
    pub end: &'d str,
    /// The edges and properties that it rests on.
    pub because: Vec<String>,
}

/// What was derived. Serialises as the object that `bartizan graph FILE… --derive --format json` prints.
pub struct Derived {
    directory: Directory,
    edges: Vec<Edge>,
    counts: files::Counts,
}

impl Derived {
    /// The edges by kind, start and end. Their words are made one by one.
    pub fn edges(&self) -> impl ExactSizeIterator<Item = DerivedEdge<'_>> {
        self.edges.iter().map(|edge| DerivedEdge {
            kind: edge.kind,
            start: self.directory.id(edge.start),
            end: self.directory.id(edge.end),
            because: edge.because.iter().map(|premise| premise.text(&self.directory)).collect(),
        })
    }

    /// Kind, start and end of the same edges, as the builder numbered the objects.
    pub fn places(&self) -> impl Iterator<Item = (&'static str, NodeId, NodeId)> {
        self.edges.iter().map(|edge| (edge.kind, edge.start, edge.end))
    }

    /// For people: kind, and the names of start and end.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, &str, &str)> {
        self.edges
            .iter()
            .map(|edge| (edge.kind, self.directory.name(edge.start), self.directory.name(edge.end)))
    }

    /// How many edges of each kind there are, in the order of the edges.
    pub fn totals(&self) -> Vec<(&'static str, usize)> {
        let count = |kind| self.edges.iter().filter(|edge| edge.kind == kind).count();
        known_kinds().map(|kind| (kind, count(kind))).filter(|&(_, count)| count > 0).collect()
    }

    /// Nodes that were read.
    pub fn node_count(&self) -> u64 {
        self.counts.nodes
    }

    /// Edges that were read.
    pub fn edge_count(&self) -> u64 {
        self.counts.edges
    }
}

impl Serialize for Derived {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Rows<'d>(&'d Derived);

        impl Serialize for Rows<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.edges())
            }
        }

        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("derived", &Rows(self))?;
        map.serialize_entry("totals", &self.totals().into_iter().collect::<BTreeMap<_, _>>())?;
        map.serialize_entry("nodes", &self.counts.nodes)?;
        map.serialize_entry("edges", &self.counts.edges)?;
        map.serialize_entry("unmatched_edges", &self.counts.unmatched_edges)?;
        map.serialize_entry("rejected", &self.counts.rejected)?;
        map.end()
    }
}
