//! A directory as the derivations see it: objects with the properties and ties that some rule looks at.
//!
//! Everything else a file may hold is left out while it is read, so that a directory of a million objects
//! fits in memory. Ties are kept as sorted pairs, in both directions; a lookup is a binary search. Property
//! names are compared without regard to case. Nothing is derived here.

use std::collections::HashMap;

use serde_json::Value;

use crate::engine::NodeId;

/// Writes an enumeration of words with the text that BloodHound uses for each.
macro_rules! words {
    ($(#[$doc:meta])* $visibility:vis enum $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name { $($variant),* }

        impl $name {
            const TEXTS: &'static [(&'static str, Self)] = &[$(($text, Self::$variant)),*];

            /// What BloodHound's word means; `None` for words that no rule asks for.
            pub(super) fn parse(text: &str) -> Option<Self> {
                Self::TEXTS.iter().find(|(known, _)| *known == text).map(|&(_, word)| word)
            }
        }
    };
}

words! {
    /// What an object is, as far as a rule asks.
    pub(super) enum Sort {
        User = "User", Computer = "Computer", Group = "Group", LocalGroup = "ADLocalGroup",
        Domain = "Domain", EnterpriseCa = "EnterpriseCA", RootCa = "RootCA", AiaCa = "AIACA",
        NtAuthStore = "NTAuthStore", CertTemplate = "CertTemplate", IssuancePolicy = "IssuancePolicy",
    }
}

words! {
    /// A tie between two objects that some rule asks for.
    pub(super) enum Tie {
        MemberOf = "MemberOf", MemberOfLocalGroup = "MemberOfLocalGroup", Contains = "Contains",
        GetChanges = "GetChanges", GetChangesAll = "GetChangesAll",
        GetChangesInFilteredSet = "GetChangesInFilteredSet",
        Enroll = "Enroll", AllExtendedRights = "AllExtendedRights", GenericAll = "GenericAll",
        GenericWrite = "GenericWrite", Owns = "Owns", OwnsRaw = "OwnsRaw", WriteOwner = "WriteOwner",
        WriteOwnerRaw = "WriteOwnerRaw", WriteDacl = "WriteDacl", WritePkiNameFlag = "WritePKINameFlag",
        WritePkiEnrollmentFlag = "WritePKIEnrollmentFlag", AdminTo = "AdminTo",
        PublishedTo = "PublishedTo", IssuedSignedBy = "IssuedSignedBy", EnterpriseCaFor = "EnterpriseCAFor",
        RootCaFor = "RootCAFor", TrustedForNtAuth = "TrustedForNTAuth", NtAuthStoreFor = "NTAuthStoreFor",
        HostsCaService = "HostsCAService", EnrollOnBehalfOf = "EnrollOnBehalfOf",
        DelegatedEnrollmentAgent = "DelegatedEnrollmentAgent", ExtendedByPolicy = "ExtendedByPolicy",
        OidGroupLink = "OIDGroupLink", DcFor = "DCFor", SameForestTrust = "SameForestTrust",
        CrossForestTrust = "CrossForestTrust", TrustedBy = "TrustedBy",
        // Older files: trusts were one kind with a type, and what a domain controller accepts was said per CA.
        TrustedByParentChild = "TrustedByParentChild",
        CanAbuseUpnCertMapping = "CanAbuseUPNCertMapping",
        CanAbuseWeakCertBinding = "CanAbuseWeakCertBinding",
    }
}

impl Tie {
    /// The word as BloodHound writes it.
    pub(super) const fn text(self) -> &'static str {
        Self::TEXTS[self as usize].0
    }
}

/// The properties that rules read, sorted.
const PROPERTIES: [&str; 44] = [
    "applicationpolicies",
    "authenticationenabled",
    "authorizedsignatures",
    "certchain",
    "certificatemappingmethodsraw",
    "certificatepolicy",
    "certtemplateoid",
    "certthumbprint",
    "certthumbprints",
    "collected",
    "disabledextensions",
    "disabledextensionscollected",
    "domainsid",
    "dsheuristics",
    "effectiveekus",
    "enabled",
    "enrolleesuppliessubject",
    "enrollmentagentrestrictionscollected",
    "functionallevel",
    "gmsa",
    "hasenrollmentagentrestrictions",
    "haslaps",
    "hasvulnerableendpoint",
    "isdc",
    "isuserspecifiessanenabled",
    "isuserspecifiessanenabledcollected",
    "ldapavailable",
    "ldapsavailable",
    "ldapsepa",
    "ldapsigning",
    "msa",
    "nosecurityextension",
    "objectid",
    "requiresmanagerapproval",
    "restrictoutboundntlm",
    "schannelauthenticationenabled",
    "schemaversion",
    "smbsigning",
    "strongcertificatebindingenforcementraw",
    "subjectaltrequiredns",
    "subjectaltrequiredomaindns",
    "subjectaltrequirespn",
    "subjectaltrequireupn",
    "webclientrunning",
];

#[derive(Debug, Clone, Default)]
struct Object {
    id: Box<str>,
    name: Option<Box<str>>,
    /// One bit for each [`Sort`].
    sorts: u16,
    /// Indices into [`PROPERTIES`] with their values, sorted.
    properties: Vec<(u8, Value)>,
}

/// The pairs of one tie.
#[derive(Debug, Clone, Default)]
struct Pairs {
    /// (start, end), sorted, each once.
    forward: Vec<(NodeId, NodeId)>,
    /// (end, start), sorted, each once.
    backward: Vec<(NodeId, NodeId)>,
}

/// Takes objects and ties one by one, in any order.
#[derive(Debug, Clone, Default)]
pub struct DirectoryBuilder {
    objects: Vec<Object>,
    ties: HashMap<Tie, Vec<(NodeId, NodeId)>>,
}

impl DirectoryBuilder {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new object. Its id is what the answer calls it by.
    pub fn object(&mut self, id: &str) -> NodeId {
        self.objects.push(Object { id: id.into(), ..Object::default() });
        NodeId(self.objects.len() as u32 - 1)
    }

    /// Says what an object is. What is said later goes before what was said earlier.
    pub fn describe<'v>(
        &mut self,
        object: NodeId,
        kinds: &[String],
        properties: impl IntoIterator<Item = (&'v String, &'v Value)>,
    ) {
        let properties: Vec<(&String, &Value)> = properties.into_iter().collect();
        let described = properties.iter().filter_map(|&(key, value)| {
            let key = key.to_ascii_lowercase();
            Some((PROPERTIES.binary_search(&key.as_str()).ok()? as u8, value.clone()))
        });
        let described: Vec<(u8, Value)> = described.filter(|(_, value)| !value.is_null()).collect();
        let name = properties.iter().find(|(key, _)| key.eq_ignore_ascii_case("name"));
        let Some(object) = self.objects.get_mut(object.index()) else { return };
        if let Some(name) = name.and_then(|(_, value)| value.as_str()).filter(|name| !name.is_empty()) {
            object.name = Some(name.into());
        }
        for sort in kinds.iter().filter_map(|kind| Sort::parse(kind)) {
            object.sorts |= 1 << sort as u16;
        }
        object.properties.retain(|(key, _)| described.iter().all(|(other, _)| other != key));
        object.properties.extend(described);
        object.properties.sort_by_key(|&(key, _)| key);
        object.properties.dedup_by_key(|&mut (key, _)| key);
    }

    /// Whether ties of this kind are kept.
    pub fn wants(kind: &str) -> bool {
        Tie::parse(kind).is_some()
    }

    /// A tie of BloodHound's kind; one that no rule asks for is left out. Older files tell the sort of a
    /// trust by a property `trusttype`.
    pub fn tie<'v>(
        &mut self,
        kind: &str,
        start: NodeId,
        end: NodeId,
        properties: impl IntoIterator<Item = (&'v String, &'v Value)>,
    ) {
        let Some(mut tie) = Tie::parse(kind) else { return };
        let in_forest = |value: &Value| {
            value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("ParentChild"))
                || value.as_i64() == Some(0)
        };
        let is_type = |key: &String| key.eq_ignore_ascii_case("trusttype");
        if tie == Tie::TrustedBy
            && properties.into_iter().any(|(key, value)| is_type(key) && in_forest(value))
        {
            tie = Tie::TrustedByParentChild;
        }
        self.ties.entry(tie).or_default().push((start, end));
    }

    /// The directory.
    pub fn build(self) -> Directory {
        let mut by_sort = vec![Vec::new(); Sort::TEXTS.len()];
        for (object, number) in self.objects.iter().zip(0..) {
            for &(_, sort) in Sort::TEXTS {
                if object.sorts & (1 << sort as u16) != 0 {
                    by_sort[sort as usize].push(NodeId(number));
                }
            }
        }
        let mut directory = Directory { objects: self.objects, by_sort, ties: Vec::new() };
        directory.ties.resize_with(Tie::TEXTS.len(), Pairs::default);
        for (tie, pairs) in self.ties {
            directory.add(tie, pairs);
        }
        directory
    }
}

/// A directory to derive from.
#[derive(Debug, Clone)]
pub struct Directory {
    objects: Vec<Object>,
    /// By [`Sort`], in order.
    by_sort: Vec<Vec<NodeId>>,
    /// By [`Tie`].
    ties: Vec<Pairs>,
}

impl Directory {
    /// How many objects there are.
    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// The id as the file gives it.
    pub fn id(&self, object: NodeId) -> &str {
        &self.objects[object.index()].id
    }

    /// For people: the name, else the id.
    pub(super) fn name(&self, object: NodeId) -> &str {
        let object = &self.objects[object.index()];
        object.name.as_deref().unwrap_or(&object.id)
    }

    /// The SID or GUID: a property of its own, else the id.
    pub(super) fn object_id(&self, object: NodeId) -> &str {
        self.text(object, "objectid").unwrap_or_else(|| self.id(object))
    }

    pub(super) fn is(&self, object: NodeId, sort: Sort) -> bool {
        self.objects[object.index()].sorts & (1 << sort as u16) != 0
    }

    /// All objects of a sort, in order.
    pub(super) fn all(&self, sort: Sort) -> impl Iterator<Item = NodeId> + '_ {
        self.by_sort[sort as usize].iter().copied()
    }

    /// A group of any sort, also one that nothing but its members tell.
    pub(super) fn is_group(&self, object: NodeId) -> bool {
        self.is(object, Sort::Group)
            || self.is(object, Sort::LocalGroup)
            || self.starts(Tie::MemberOf, object).next().is_some()
            || self.starts(Tie::MemberOfLocalGroup, object).next().is_some()
    }

    /// Who has this tie to the object, in order.
    pub(super) fn starts(&self, tie: Tie, end: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        others(&self.ties[tie as usize].backward, end)
    }

    /// To whom the object has this tie, in order.
    pub(super) fn ends(&self, tie: Tie, start: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        others(&self.ties[tie as usize].forward, start)
    }

    pub(super) fn has(&self, start: NodeId, tie: Tie, end: NodeId) -> bool {
        self.ties[tie as usize].forward.binary_search(&(start, end)).is_ok()
    }

    /// Whether there is any such tie.
    pub(super) fn knows(&self, tie: Tie) -> bool {
        !self.ties[tie as usize].forward.is_empty()
    }

    /// All pairs of a tie, in order.
    pub(super) fn pairs(&self, tie: Tie) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        self.ties[tie as usize].forward.iter().copied()
    }

    /// Adds derived ties, so that later rules build on them.
    pub(super) fn add(&mut self, tie: Tie, pairs: impl IntoIterator<Item = (NodeId, NodeId)>) {
        let known = &mut self.ties[tie as usize];
        known.forward.extend(pairs);
        known.forward.sort_unstable();
        known.forward.dedup();
        known.backward = known.forward.iter().map(|&(start, end)| (end, start)).collect();
        known.backward.sort_unstable();
    }

    pub(super) fn property(&self, object: NodeId, name: &str) -> Option<&Value> {
        let key = PROPERTIES.binary_search(&name).ok()? as u8;
        let properties = &self.objects[object.index()].properties;
        let at = properties.binary_search_by_key(&key, |&(key, _)| key).ok()?;
        properties.get(at).map(|(_, value)| value)
    }

    /// A property that is true or false; some collectors write it as text.
    pub(super) fn flag(&self, object: NodeId, name: &str) -> Option<bool> {
        match self.property(object, name)? {
            Value::Bool(value) => Some(*value),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    pub(super) fn is_true(&self, object: NodeId, name: &str) -> bool {
        self.flag(object, name) == Some(true)
    }

    pub(super) fn number(&self, object: NodeId, name: &str) -> Option<f64> {
        match self.property(object, name)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn text(&self, object: NodeId, name: &str) -> Option<&str> {
        self.property(object, name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A list of texts; `None` when the property is absent, which is not the same as empty.
    pub(super) fn texts(&self, object: NodeId, name: &str) -> Option<Vec<&str>> {
        match self.property(object, name)? {
            Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect()),
            Value::String(text) => Some(vec![text.as_str()]),
            _ => None,
        }
    }

    /// Whether two objects are said to be of the same domain.
    pub(super) fn same_domain(&self, one: NodeId, other: NodeId) -> bool {
        let domain = |object| self.text(object, "domainsid");
        matches!((domain(one), domain(other)), (Some(one), Some(other)) if one.eq_ignore_ascii_case(other))
    }

    /// The SID of a domain.
    pub(super) fn domain_sid(&self, domain: NodeId) -> &str {
        self.text(domain, "domainsid").unwrap_or_else(|| self.object_id(domain))
    }

    /// Whether the object is said to be in the domain.
    pub(super) fn is_in(&self, object: NodeId, domain: NodeId) -> bool {
        self.text(object, "domainsid").is_some_and(|sid| sid.eq_ignore_ascii_case(self.domain_sid(domain)))
    }
}

fn others(pairs: &[(NodeId, NodeId)], first: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    let start = pairs.partition_point(|&(one, _)| one < first);
    pairs[start..].iter().take_while(move |&&(one, _)| one == first).map(|&(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_properties_are_sorted_so_that_they_are_found() {
        assert!(PROPERTIES.is_sorted());
        assert!(PROPERTIES.len() < usize::from(u8::MAX) && Sort::TEXTS.len() <= 16);
    }

    #[test]
    fn names_of_properties_are_found_in_any_case_and_the_last_word_counts() {
        let mut builder = DirectoryBuilder::new();
        let template = builder.object("T");
        let map = |value: Value| value.as_object().cloned().unwrap();
        let kinds = ["Base".to_owned(), "CertTemplate".to_owned()];
        builder.describe(template, &kinds, &map(serde_json::json!({"SchemaVersion": "1", "other": 3})));
        builder.describe(
            template,
            &[],
            &map(serde_json::json!({"schemaversion": 2, "AuthenticationEnabled": true})),
        );
        let directory = builder.build();
        assert!(directory.is(template, Sort::CertTemplate) && !directory.is(template, Sort::Group));
        assert_eq!(directory.number(template, "schemaversion"), Some(2.0));
        assert_eq!(directory.flag(template, "authenticationenabled"), Some(true));
        assert_eq!(directory.flag(template, "enrolleesuppliessubject"), None);
    }
}
