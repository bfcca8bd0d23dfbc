//! Assets: things in the estate, each of one kind, known by a set of identifiers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Identifier, Strength};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What an asset is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum AssetKind {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl AssetKind {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    Internet = "internet",
    NetworkZone = "network-zone",
    Endpoint = "endpoint",
    /// A port on which a host answers. Known by its host and port, so it has no identifiers of its own.
    Service = "service",
    Host = "host",
    /// Container, pod or function.
    Workload = "workload",
    Cluster = "cluster",
    Namespace = "namespace",
    Person = "person",
    Account = "account",
    Group = "group",
    Role = "role",
    Directory = "directory",
    Credential = "credential",
    Certificate = "certificate",
    CloudAccount = "cloud-account",
    CloudResource = "cloud-resource",
    DataStore = "data-store",
    Repository = "repository",
    Pipeline = "pipeline",
    /// Container image or package.
    Artifact = "artifact",
    /// SaaS or OAuth application.
    Application = "application",
    /// AI model or agent.
    Model = "model",
    Vendor = "vendor",
}

impl fmt::Display for AssetKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl AssetKind {
    /// Whether a report that says this kind only says that it knows no better one. A bucket is a
    /// cloud resource to one tool and a data store to another; the narrower word wins.
    pub const fn is_generic(self) -> bool {
        matches!(self, Self::CloudResource | Self::Endpoint | Self::Artifact)
    }
}

/// How one report names one asset: its kind and every identifier that it gives for it.
///
/// Identifiers are sorted and distinct, so that two reports that say the same name the same subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    kind: AssetKind,
    identifiers: Vec<Identifier>,
}

impl Subject {
    pub fn new(kind: AssetKind, identifiers: impl IntoIterator<Item = Identifier>) -> Self {
        let mut identifiers: Vec<Identifier> =
            identifiers.into_iter().filter(|identifier| !identifier.value().is_empty()).collect();
        identifiers.sort_unstable();
        identifiers.dedup();
        Self { kind, identifiers }
    }

    pub const fn kind(&self) -> AssetKind {
        self.kind
    }

    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// The same subject, with a name made of all its weak ones where it has several and no better:
    /// a hostname, a MAC and an address that one report gave together identify only together.
    #[must_use]
    pub fn anchored(&self) -> Self {
        if self.identifiers.len() < 2 || !self.is_weak() {
            return self.clone();
        }
        let names: Vec<String> = self.identifiers.iter().map(ToString::to_string).collect();
        let together = Identifier::new(crate::Scheme::SeenTogether, names.join(" "));
        Self::new(self.kind, self.identifiers.iter().cloned().chain([together]))
    }

    /// What the subject is known by in a store.
    pub fn digest(&self) -> crate::Digest {
        let mut digester = crate::Digester::new("subject").field(self.kind.as_str());
        for identifier in &self.identifiers {
            digester.push(identifier.scheme().as_str().as_bytes());
            digester.push(identifier.value().as_bytes());
        }
        digester.finish()
    }

    /// The identifier that says most: the first in the order of [`crate::Scheme`].
    pub fn best(&self) -> Option<&Identifier> {
        self.identifiers.first()
    }

    /// True when no identifier of it may merge assets by itself.
    pub fn is_weak(&self) -> bool {
        self.identifiers.iter().all(|identifier| identifier.strength() == Strength::Weak)
    }
}
