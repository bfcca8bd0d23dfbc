//! Relations: typed, directed ties between assets. They are facts, not attack steps.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a relation: one of the constants below, or the kind that an OpenGraph file uses
/// (`GenericAll`, `MemberOf`, …), kept as it is written there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RelationKind(Cow<'static, str>);

macro_rules! relations {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        impl RelationKind {
            $($(#[$doc])* pub const $constant: Self = Self(Cow::Borrowed($name));)*

            /// Every kind that Bartizan's own readers and rules use.
            pub const KNOWN: &'static [Self] = &[$(Self::$constant,)*];
        }
    };
}

relations! {
    /// Parent → child: cloud account → resource, cluster → namespace, image → package.
    CONTAINS = "contains";
    /// Account or group → group.
    MEMBER_OF = "member_of";
    /// Account or group → host, cluster or account that it administers.
    ADMINISTERS = "administers";
    /// Account or group → host on which it may log on.
    LOGS_ON = "logs_on";
    /// Host → account with a session or cached credentials there.
    HAS_SESSION = "has_session";
    /// Host, repository, pipeline or store → credential that lies in it.
    HOLDS_SECRET = "holds_secret";
    /// Credential → account that it opens.
    AUTHENTICATES = "authenticates";
    /// Host or workload → account or role whose rights its code has.
    RUNS_AS = "runs_as";
    /// Account or role → role. Derived by evaluating policies.
    ASSUMES = "assumes";
    /// Account or role → data store or resource. Derived by evaluating policies.
    GRANTS_ACCESS = "grants_access";
    /// Account or role → principal whose rights it can take by a privilege-escalation method.
    ESCALATES_TO = "escalates_to";
    /// Host → network zone, subnet or segment in which it stands.
    IN_ZONE = "in_zone";
    /// Zone (or internet) → zone to which it has a route.
    ROUTES_TO = "routes_to";
    /// Zone (or internet) → host on which a port answered from there; the port is an attribute.
    REACHES = "reaches";
    /// Host → repository whose content it serves.
    SERVES_SOURCE = "serves_source";
    /// Repository or artifact → host or workload that runs it.
    DEPLOYED_TO = "deployed_to";
    /// Repository → artifact built from it.
    BUILDS = "builds";
    /// Artifact → artifact, host → artifact: depends on.
    DEPENDS_ON = "depends_on";
    /// Member → lineage (image build → image repository, pod → workload).
    MEMBER_OF_LINEAGE = "member_of_lineage";
    /// Security group, firewall or policy → what it protects.
    PROTECTS = "protects";
    /// Person → account.
    USES = "uses";
}

impl RelationKind {
    /// A kind as an OpenGraph file writes it.
    pub fn foreign(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelationKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
