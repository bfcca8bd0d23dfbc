//! BloodHound JSON, versions 3 to 6: what SharpHound and its relatives collect from Active Directory,
//! one file for each type of object (`users`, `computers`, `groups`, `domains`…).
//!
//! An object carries its relations: members, sessions, local groups, access control entries. They are
//! said with the edge kinds that BloodHound gives them on ingest, by the same rules: an entry leads
//! from who has the right to the object. What BloodHound derives from several objects together
//! (`DCSync`, `ADCSESC1`, trust in a CA by thumbprints) is not derived here.
//!
//! The collector writes what the objects are behind them (`meta.type`), so their shape tells it.
//! Rights to log on are taken from local groups alone: a policy that denies the logon is not looked at.

use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{Attributes, Observation, Subject};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::opengraph::words::{identifier, kind_of, subject};
use super::opengraph::{asset, observe_relation};
use super::{Confidence, Format, Kind};
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "bloodhound",
    title: "BloodHound JSON (SharpHound)",
    tool: "SharpHound and other collectors for BloodHound",
    kind: Kind::Identities,
    example: "SharpHound.exe -c All, then the JSON files of its ZIP archive one by one",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let objects = head.contains("\"ObjectIdentifier\"") && head.contains("\"Properties\"");
    let empty = head.has_key("meta") && head.contains("\"methods\"") && head.contains("\"version\"");
    let azure = head.has_key("meta") && head.contains("\"azure\"");
    if head.has_key("data") && !head.is_json_array() && (objects || empty || azure) {
        Confidence::Certain
    } else {
        Confidence::No
    }
}

const ROUTES: &[&str] = &["data[]", "meta"];
const OBJECT: usize = 0;

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "type")]
    sort: Option<String>,
    count: Option<u64>,
    #[serde(alias = "collectorversion")]
    collector_version: Option<String>,
}

fn parse(reader: &mut dyn Read, _context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("bloodhound");
    let (mut meta, mut count) = (None, 0);
    walk::<Error>(reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, json, .. } = event else { return Ok(()) };
        if route != OBJECT {
            meta = serde_json::from_str::<Meta>(json).ok();
            return Ok(());
        }
        count += 1;
        let at = position.to_string();
        sink.record(match serde_json::from_str::<Object>(json) {
            Ok(object) => record(at, object),
            Err(error) => Record::rejected(at, error.to_string()),
        })
    })?;
    let Some(meta) = meta else {
        let message = "it has no \"meta\", which tells what was collected".to_owned();
        return Err(Error::Incomplete { format: FORMAT.name, message });
    };
    header.tool_version = meta.collector_version;
    if let Some(stated) = meta.count.filter(|stated| *stated > count) {
        let sort = meta.sort.unwrap_or_else(|| "objects".to_owned());
        header.problem("meta.count", format!("it says {stated} {sort}, but there are {count}"));
    }
    Ok(header)
}

/// An object of any type: only some types have some of the fields.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Object {
    /// Only in what AzureHound collects.
    #[serde(rename = "kind")]
    azure_kind: Option<String>,
    object_identifier: Option<String>,
    is_deleted: Option<bool>,
    properties: Option<Attributes>,
    aces: Many<Ace>,
    contained_by: Option<Principal>,
    child_objects: Option<Many<Principal>>,
    #[serde(rename = "PrimaryGroupSID")]
    primary_group: Option<String>,
    allowed_to_delegate: Option<Many<Principal>>,
    allowed_to_act: Many<Principal>,
    #[serde(rename = "HasSIDHistory")]
    sid_history: Many<Principal>,
    #[serde(rename = "SPNTargets")]
    spn_targets: Option<Many<SpnTarget>>,
    #[serde(rename = "DumpSMSAPassword")]
    service_accounts: Many<Principal>,
    members: Option<Many<Principal>>,
    sessions: Option<Collected<Session>>,
    privileged_sessions: Option<Collected<Session>>,
    registry_sessions: Option<Collected<Session>>,
    local_groups: Option<Many<LocalGroup>>,
    // Versions 3 and 4 have four fixed local groups.
    local_admins: Option<Collected<Principal>>,
    remote_desktop_users: Option<Collected<Principal>>,
    dcom_users: Option<Collected<Principal>>,
    #[serde(rename = "PSRemoteUsers")]
    remote_shell_users: Option<Collected<Principal>>,
    #[serde(rename = "GPOChanges")]
    policy_changes: Option<PolicyChanges>,
    links: Option<Many<Link>>,
    trusts: Option<Many<Trust>>,
    hosting_computer: Option<String>,
    enabled_cert_templates: Option<Many<Principal>>,
    #[serde(rename = "CARegistryData")]
    authority: Option<AuthorityData>,
    #[serde(rename = "DomainSID")]
    domain: Option<String>,
}

/// A list that may be null.
struct Many<T>(Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Vec<T>>::deserialize(deserializer).map(|list| Self(list.unwrap_or_default()))
    }
}

/// Something with its SID or GUID. Some lists of version 3 hold the id alone.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Principal {
    Typed {
        #[serde(rename = "ObjectIdentifier")]
        id: Option<String>,
        #[serde(rename = "ObjectType")]
        sort: Option<String>,
    },
    Id(String),
}

impl Principal {
    fn subject(&self) -> Option<Arc<Subject>> {
        match self {
            Self::Typed { id, sort } => other(id.as_deref()?, sort.as_deref()),
            Self::Id(id) => other(id, None),
        }
    }
}

/// Another object, by its id and what is said of its type.
fn other(id: &str, sort: Option<&str>) -> Option<Arc<Subject>> {
    let kinds: Vec<String> = sort.into_iter().map(str::to_owned).collect();
    (!id.trim().is_empty()).then(|| Arc::new(Subject::new(kind_of(&kinds), [identifier(id)])))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Ace {
    #[serde(rename = "PrincipalSID")]
    principal: Option<String>,
    #[serde(rename = "PrincipalType")]
    sort: Option<String>,
    #[serde(rename = "RightName")]
    right: Option<String>,
    #[serde(rename = "IsInherited")]
    inherited: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpnTarget {
    #[serde(rename = "ComputerSID")]
    computer: Option<String>,
    #[serde(rename = "Port")]
    port: Option<Value>,
    #[serde(rename = "Service")]
    service: Option<String>,
}

/// A list of version 5 and 6 with a note on how its collection went, or the bare list of version 3.
#[derive(Deserialize)]
#[serde(untagged)]
enum Collected<T> {
    Noted {
        #[serde(rename = "Results", default = "none")]
        results: Option<Vec<T>>,
    },
    Bare(Vec<T>),
}

const fn none<T>() -> Option<T> {
    None
}

impl<T> Collected<T> {
    fn list(&self) -> &[T] {
        match self {
            Self::Noted { results } => results.as_deref().unwrap_or_default(),
            Self::Bare(list) => list,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Session {
    #[serde(rename = "UserSID", alias = "UserId")]
    user: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct LocalGroup {
    object_identifier: Option<String>,
    results: Many<Principal>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct PolicyChanges {
    local_admins: Many<Principal>,
    remote_desktop_users: Many<Principal>,
    dcom_users: Many<Principal>,
    #[serde(rename = "PSRemoteUsers")]
    remote_shell_users: Many<Principal>,
    affected_computers: Many<Principal>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Link {
    #[serde(rename = "GUID", alias = "Guid")]
    policy: Option<String>,
    #[serde(rename = "IsEnforced")]
    enforced: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Trust {
    target_domain_sid: Option<String>,
    is_transitive: Option<bool>,
    sid_filtering_enabled: Option<bool>,
    /// A word, in older versions a number.
    trust_direction: Option<Value>,
    trust_type: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AuthorityData {
    #[serde(rename = "CASecurity")]
    security: Option<Entries>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Entries {
    data: Many<Ace>,
}

impl Object {
    /// What it is, by the fields that only one type has.
    fn sort(&self) -> &'static str {
        let has =
            |name: &str| self.properties.as_ref().is_some_and(|properties| properties.contains_key(name));
        if self.sessions.is_some() || self.local_groups.is_some() || self.local_admins.is_some() {
            "Computer"
        } else if self.members.is_some() {
            "Group"
        } else if self.trusts.is_some() {
            "Domain"
        } else if self.enabled_cert_templates.is_some() {
            "EnterpriseCA"
        } else if self.links.is_some() {
            "OU"
        } else if self.spn_targets.is_some()
            || self.primary_group.is_some()
            || self.allowed_to_delegate.is_some()
        {
            "User"
        } else if has("gpcpath") {
            "GPO"
        } else if has("certthumbprints") {
            "NTAuthStore"
        } else if has("crosscertificatepair") {
            "AIACA"
        } else if has("certthumbprint") {
            "RootCA"
        } else if has("enrollmentflag") || has("schemaversion") {
            "CertTemplate"
        } else if has("certtemplateoid") {
            "IssuancePolicy"
        } else if self.child_objects.is_some() {
            "Container"
        } else {
            "Base"
        }
    }
}

/// Relations of one object in the making.
struct Edges {
    own: Arc<Subject>,
    observations: Vec<Observation>,
}

impl Edges {
    fn add(&mut self, kind: &str, from: Arc<Subject>, to: Arc<Subject>, attributes: Attributes) {
        self.observations.push(Observation::Relation(observe_relation(
            kind.to_owned(),
            from,
            to,
            attributes,
        )));
    }

    /// From another object to this one.
    fn inward<'p>(&mut self, kind: &str, others: impl IntoIterator<Item = &'p Principal>) {
        for from in others.into_iter().filter_map(Principal::subject) {
            self.add(kind, from, Arc::clone(&self.own), Attributes::new());
        }
    }

    fn outward<'p>(&mut self, kind: &str, others: impl IntoIterator<Item = &'p Principal>) {
        for to in others.into_iter().filter_map(Principal::subject) {
            self.add(kind, Arc::clone(&self.own), to, Attributes::new());
        }
    }

    fn entries(&mut self, entries: &Many<Ace>) {
        for entry in &entries.0 {
            let (Some(principal), Some(right)) = (&entry.principal, &entry.right) else { continue };
            let Some(from) = other(principal, entry.sort.as_deref()) else { continue };
            // Older versions write the owner's right in another way.
            let right = if right == "Owner" { "Owns" } else { right };
            let mut attributes = Attributes::from([("isacl".to_owned(), true.into())]);
            if let Some(inherited) = entry.inherited {
                attributes.insert("isinherited".to_owned(), inherited.into());
            }
            self.add(right, from, Arc::clone(&self.own), attributes);
        }
    }
}

/// Local groups by the last part of their SID (Windows, "Well-known SIDs") and what membership gives.
const LOCAL_GROUPS: [(&str, &str); 4] =
    [("544", "AdminTo"), ("555", "CanRDP"), ("562", "ExecuteDCOM"), ("580", "CanPSRemote")];

fn record(at: String, object: Object) -> Record {
    if object.azure_kind.is_some() {
        return Record::ignored(at, "object of Azure, which this reader does not know");
    }
    let Some(id) = object.object_identifier.as_deref().filter(|id| !id.trim().is_empty()) else {
        return Record::rejected(at, "the field ObjectIdentifier is missing");
    };
    if object.is_deleted == Some(true) {
        return Record::ignored(at, "deleted object");
    }
    let sort = object.sort();
    let kinds = vec![sort.to_owned(), "Base".to_owned()];
    let empty = Attributes::new();
    let properties = object.properties.as_ref().unwrap_or(&empty);
    let own = Arc::new(subject(id, &kinds, properties));
    let mut edges = Edges { own: Arc::clone(&own), observations: Vec::new() };
    directory(&mut edges, &object);
    match sort {
        "Computer" => computer(&mut edges, &object),
        "Domain" => domain(&mut edges, &object),
        "EnterpriseCA" | "NTAuthStore" | "RootCA" => authority(&mut edges, sort, &object),
        _ => {}
    }

    let name = properties.get("name").and_then(Value::as_str).map(str::to_owned);
    let attributes = object.properties.unwrap_or_default();
    let mut observations = vec![Observation::Asset(asset(own, name, kinds, attributes))];
    observations.append(&mut edges.observations);
    Record::observed(at, observations)
}

/// What objects of several types have.
fn directory(edges: &mut Edges, object: &Object) {
    let list = |many: &Option<Many<Principal>>| many.as_ref().map_or(Vec::new(), |many| many.0.clone());
    edges.inward("Contains", &object.contained_by);
    edges.outward("Contains", &list(&object.child_objects));
    edges.inward("MemberOf", &list(&object.members));
    let group = object.primary_group.clone().filter(|group| !group.is_empty());
    let group = group.map(|id| Principal::Typed { id: Some(id), sort: Some("Group".to_owned()) });
    edges.outward("MemberOf", &group);
    edges.outward("AllowedToDelegate", &list(&object.allowed_to_delegate));
    edges.outward("HasSIDHistory", &object.sid_history.0);
    for target in object.spn_targets.iter().flat_map(|targets| &targets.0) {
        let (Some(computer), Some(service)) = (&target.computer, &target.service) else { continue };
        let Some(computer) = other(computer, Some("Computer")) else { continue };
        let port = target.port.clone().map(|port| ("port".to_owned(), port));
        edges.add(service, Arc::clone(&edges.own), computer, port.into_iter().collect());
    }
    for link in object.links.iter().flat_map(|links| &links.0) {
        let Some(policy) = link.policy.as_deref().and_then(|id| other(id, Some("GPO"))) else { continue };
        let enforced = link.enforced.map(|enforced| ("enforced".to_owned(), enforced.into()));
        edges.add("GPLink", policy, Arc::clone(&edges.own), enforced.into_iter().collect());
    }
    if let Some(changes) = &object.policy_changes {
        for (kind, members) in [
            ("AdminTo", &changes.local_admins),
            ("CanRDP", &changes.remote_desktop_users),
            ("ExecuteDCOM", &changes.dcom_users),
            ("CanPSRemote", &changes.remote_shell_users),
        ] {
            for member in members.0.iter().filter_map(Principal::subject) {
                for computer in changes.affected_computers.0.iter().filter_map(Principal::subject) {
                    let attributes = Attributes::from([("fromgpo".to_owned(), true.into())]);
                    edges.add(kind, Arc::clone(&member), computer, attributes);
                }
            }
        }
    }
    edges.entries(&object.aces);
}

fn computer(edges: &mut Edges, object: &Object) {
    edges.inward("AllowedToAct", &object.allowed_to_act.0);
    edges.outward("DumpSMSAPassword", &object.service_accounts.0);
    let sessions = [&object.sessions, &object.privileged_sessions, &object.registry_sessions];
    let sessions = sessions.into_iter().flatten().flat_map(Collected::list);
    // The three ways to see sessions see the same ones.
    let users: std::collections::BTreeSet<&str> =
        sessions.filter_map(|session| session.user.as_deref()).collect();
    for user in users.into_iter().filter_map(|user| other(user, Some("User"))) {
        edges.add("HasSession", Arc::clone(&edges.own), user, Attributes::new());
    }
    for group in object.local_groups.iter().flat_map(|groups| &groups.0) {
        let number = group.object_identifier.as_deref().and_then(|id| id.rsplit('-').next());
        let Some((_, kind)) = LOCAL_GROUPS.iter().find(|(known, _)| Some(*known) == number) else { continue };
        edges.inward(kind, &group.results.0);
    }
    for (kind, members) in [
        ("AdminTo", &object.local_admins),
        ("CanRDP", &object.remote_desktop_users),
        ("ExecuteDCOM", &object.dcom_users),
        ("CanPSRemote", &object.remote_shell_users),
    ] {
        edges.inward(kind, members.iter().flat_map(Collected::list));
    }
}

/// `TrustedBy` follows the direction of access: from the domain that is trusted to the one that trusts.
fn domain(edges: &mut Edges, object: &Object) {
    for trust in object.trusts.iter().flat_map(|trusts| &trusts.0) {
        let Some(other) = trust.target_domain_sid.as_deref().and_then(|id| other(id, Some("Domain"))) else {
            continue;
        };
        let (inbound, outbound) = match &trust.trust_direction {
            Some(Value::String(word)) => (word != "Outbound", word != "Inbound"),
            Some(Value::Number(number)) => {
                let bits = number.as_u64().unwrap_or_default();
                (bits & 1 == 1, bits & 2 == 2)
            }
            _ => continue,
        };
        if trust.trust_direction.as_ref().and_then(Value::as_str) == Some("Disabled") {
            continue;
        }
        let attributes: Attributes = [
            ("transitive", trust.is_transitive.map(Value::from)),
            ("sidfiltering", trust.sid_filtering_enabled.map(Value::from)),
            ("trusttype", trust.trust_type.clone()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect();
        if inbound {
            edges.add("TrustedBy", Arc::clone(&edges.own), Arc::clone(&other), attributes.clone());
        }
        if outbound {
            edges.add("TrustedBy", other, Arc::clone(&edges.own), attributes);
        }
    }
}

fn authority(edges: &mut Edges, sort: &str, object: &Object) {
    let templates = object.enabled_cert_templates.as_ref().map_or(Vec::new(), |many| many.0.clone());
    edges.inward("PublishedTo", &templates);
    if let Some(computer) = object.hosting_computer.as_deref().and_then(|id| other(id, Some("Computer"))) {
        edges.add("HostsCAService", computer, Arc::clone(&edges.own), Attributes::new());
    }
    if let Some(entries) = object.authority.as_ref().and_then(|authority| authority.security.as_ref()) {
        edges.entries(&entries.data);
    }
    let kind = match sort {
        "NTAuthStore" => "NTAuthStoreFor",
        "RootCA" => "RootCAFor",
        _ => return,
    };
    if let Some(domain) = object.domain.as_deref().and_then(|id| other(id, Some("Domain"))) {
        edges.add(kind, Arc::clone(&edges.own), domain, Attributes::new());
    }
}
