//! An estate made ready for questions: principals in order, their documents gathered, what is known of
//! them as condition keys. It must not decide.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use super::managed::{ADMINISTRATOR_ACCESS, aws_policy, fallback, known_documents};
use super::{AccountControls, Estate, Group, ManagedPolicy, Resource, Role, User};
use crate::arn::Arn;
use crate::caller::{Caller, CallerKind};
use crate::context::{Context, Key};
use crate::evaluate::Policies;
use crate::policy::{Document, Kind};

/// `*` on `*`, without conditions.
pub(crate) static ADMINISTRATOR: LazyLock<Document> =
    LazyLock::new(|| Document::allow(ADMINISTRATOR_ACCESS, &["*"], &["*"]));
/// AWS managed policies whose text is known, by name.
static KNOWN: LazyLock<BTreeMap<&'static str, Document>> = LazyLock::new(known_documents);
static MISSING: LazyLock<Document> =
    LazyLock::new(|| Document::unreadable("a policy whose document is not in the data", Kind::Identity));

impl Estate {
    /// Adds the managed policies that are named but not there: with their text when AWS publishes it and
    /// it is short, else as unknown. For an estate that is complete in all its parts, after merging.
    pub fn complete(&mut self) {
        let missing: BTreeSet<String> = self.missing_policies().into_iter().map(str::to_owned).collect();
        for arn in missing {
            let name = arn.rsplit('/').next().unwrap_or(&arn).to_owned();
            let version =
                super::PolicyVersion { id: "v1".to_owned(), default: true, document: fallback(&arn) };
            self.policies.push(ManagedPolicy { arn, name, versions: vec![version], tags: None });
        }
    }
}

impl Estate {
    /// ARNs of the managed policies that are named, but not there.
    pub(crate) fn missing_policies(&self) -> BTreeSet<&str> {
        let named = self
            .users
            .iter()
            .flat_map(|user| user.attached.iter().chain(&user.boundary))
            .chain(self.groups.iter().flat_map(|group| &group.attached))
            .chain(self.roles.iter().flat_map(|role| role.attached.iter().chain(&role.boundary)));
        let mut missing: BTreeSet<&str> = named.map(String::as_str).collect();
        for policy in &self.policies {
            missing.remove(policy.arn.as_str());
        }
        missing
    }
}

impl ManagedPolicy {
    /// The document that is in force.
    pub(crate) fn document(&self) -> Option<&Document> {
        self.versions.iter().find(|version| version.default).map(|version| &version.document)
    }
}

/// Where a document of a principal comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Inline,
    /// Index into [`Index::policies`].
    Attached(usize),
    /// Index into [`Index::groups`].
    GroupInline(usize),
    GroupAttached(usize, usize),
    /// A document or group that the data names and does not hold.
    Missing,
}

impl Source {
    pub(crate) fn policy(self) -> Option<usize> {
        match self {
            Self::Attached(policy) | Self::GroupAttached(_, policy) => Some(policy),
            _ => None,
        }
    }

    pub(crate) fn group(self) -> Option<usize> {
        match self {
            Self::GroupInline(group) | Self::GroupAttached(group, _) => Some(group),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Holding<'a> {
    pub(crate) document: &'a Document,
    pub(crate) source: Source,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum PrincipalKind<'a> {
    User(&'a User),
    Role(&'a Role),
}

#[derive(Debug)]
pub(crate) struct Principal<'a> {
    pub(crate) arn: &'a str,
    pub(crate) name: &'a str,
    pub(crate) account: &'a str,
    pub(crate) partition: &'a str,
    pub(crate) kind: PrincipalKind<'a>,
    pub(crate) caller: Caller,
    /// Condition keys of its requests.
    pub(crate) context: Context<'static>,
    pub(crate) holdings: Vec<Holding<'a>>,
    /// ARN and document.
    pub(crate) boundary: Option<(&'a str, &'a Document)>,
    /// Groups it is in, as indices into [`Index::groups`].
    pub(crate) groups: Vec<usize>,
    pub(crate) tags: Option<&'a BTreeMap<String, String>>,
    /// AWS keeps the role for itself: nobody assumes, passes or changes it.
    pub(crate) service_linked: bool,
    /// Only Identity Center changes it.
    pub(crate) protected: bool,
    pub(crate) controls: Option<&'a AccountControls>,
}

impl<'a> Principal<'a> {
    pub(crate) fn role(&self) -> Option<&'a Role> {
        match self.kind {
            PrincipalKind::Role(role) => Some(role),
            PrincipalKind::User(_) => None,
        }
    }

    pub(crate) fn is_user(&self) -> bool {
        matches!(self.kind, PrincipalKind::User(_))
    }

    /// Its policies as they stand.
    pub(crate) fn policies(&self) -> Policies<'a> {
        Policies {
            identity: self.holdings.iter().map(|holding| holding.document).collect(),
            boundary: self.boundary.map(|(_, document)| document),
            session: None,
            service_control: self.service_control(),
            ..Policies::default()
        }
    }

    pub(crate) fn service_control(&self) -> Vec<Vec<&'a Document>> {
        match self.controls {
            // Service-linked roles are not bound by SCPs.
            Some(controls) if !self.service_linked => {
                controls.service_control.iter().map(|level| level.iter().collect()).collect()
            }
            _ => Vec::new(),
        }
    }
}

pub(crate) struct Index<'a> {
    pub(crate) estate: &'a Estate,
    /// In order of their ARNs.
    pub(crate) principals: Vec<Principal<'a>>,
    pub(crate) policies: Vec<&'a ManagedPolicy>,
    pub(crate) groups: Vec<&'a Group>,
    by_arn: HashMap<&'a str, usize>,
    resources: HashMap<&'a str, &'a Resource>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(estate: &'a Estate) -> Self {
        let mut policies: Vec<&ManagedPolicy> = estate.policies.iter().collect();
        policies.sort_by(|a, b| a.arn.cmp(&b.arn));
        policies.dedup_by(|a, b| a.arn == b.arn);
        let mut groups: Vec<&Group> = estate.groups.iter().collect();
        groups.sort_by(|a, b| a.arn.cmp(&b.arn));
        groups.dedup_by(|a, b| a.arn == b.arn);
        let policy_at: HashMap<&str, usize> =
            policies.iter().enumerate().map(|(at, policy)| (policy.arn.as_str(), at)).collect();
        let group_at: HashMap<(&str, &str), usize> = groups
            .iter()
            .enumerate()
            .map(|(at, group)| ((account_of(&group.arn), group.name.as_str()), at))
            .collect();
        let builder = Builder { estate, policies: &policies, groups: &groups, policy_at, group_at };
        let mut principals: Vec<Principal<'a>> = estate
            .users
            .iter()
            .map(|user| builder.user(user))
            .chain(estate.roles.iter().map(|role| builder.role(role)))
            .collect();
        principals.sort_by(|a, b| a.arn.cmp(b.arn));
        principals.dedup_by(|a, b| a.arn == b.arn);
        let by_arn = principals.iter().enumerate().map(|(at, principal)| (principal.arn, at)).collect();
        let resources = estate.resources.iter().map(|resource| (resource.arn.as_str(), resource)).collect();
        Self { estate, principals, policies, groups, by_arn, resources }
    }

    pub(crate) fn principal(&self, arn: &str) -> Option<usize> {
        self.by_arn.get(arn).copied()
    }

    pub(crate) fn resource(&self, arn: &str) -> Option<&'a Resource> {
        self.resources.get(arn).copied()
    }
}

fn account_of(arn: &str) -> &str {
    Arn::parse(arn).map_or("", |arn| arn.account)
}

struct Builder<'a, 'b> {
    estate: &'a Estate,
    policies: &'b [&'a ManagedPolicy],
    groups: &'b [&'a Group],
    policy_at: HashMap<&'a str, usize>,
    group_at: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Builder<'a, '_> {
    fn document(&self, arn: &str) -> (&'a Document, Option<usize>) {
        let at = self.policy_at.get(arn).copied();
        let document = at
            .and_then(|at| self.policies[at].document())
            .unwrap_or_else(|| aws_policy(arn).and_then(|name| KNOWN.get(name)).unwrap_or(&MISSING));
        (document, at)
    }

    fn own(&self, inline: &'a [Document], attached: &'a [String]) -> Vec<Holding<'a>> {
        let mut holdings: Vec<Holding<'a>> =
            inline.iter().map(|document| Holding { document, source: Source::Inline }).collect();
        for arn in attached {
            let (document, at) = self.document(arn);
            holdings.push(Holding { document, source: at.map_or(Source::Missing, Source::Attached) });
        }
        holdings
    }

    fn user(&self, user: &'a User) -> Principal<'a> {
        let mut principal = self.principal(&user.arn, &user.name, PrincipalKind::User(user));
        principal.holdings = self.own(&user.inline, &user.attached);
        for name in &user.groups {
            let Some(at) = self.group_at.get(&(principal.account, name.as_str())).copied() else {
                principal.holdings.push(Holding { document: &MISSING, source: Source::Missing });
                continue;
            };
            principal.groups.push(at);
            let group = self.groups[at];
            for holding in self.own(&group.inline, &group.attached) {
                let source = match holding.source {
                    Source::Attached(policy) => Source::GroupAttached(at, policy),
                    _ => Source::GroupInline(at),
                };
                principal.holdings.push(Holding { source, ..holding });
            }
        }
        principal.groups.sort_unstable();
        principal.groups.dedup();
        principal.boundary = self.boundary(user.boundary.as_deref());
        principal.caller.unique_id.clone_from(&user.id);
        principal.tags = user.tags.as_ref();
        let context = &mut principal.context;
        context.value("aws:username", user.name.clone()).value("aws:PrincipalType", "User");
        context.absent("aws:FederatedProvider");
        if let Some(id) = &user.id {
            context.value("aws:userid", id.clone());
        }
        tag_keys(context, "aws:PrincipalTag/", user.tags.as_ref());
        principal
    }

    fn role(&self, role: &'a Role) -> Principal<'a> {
        let mut principal = self.principal(&role.arn, &role.name, PrincipalKind::Role(role));
        principal.holdings = self.own(&role.inline, &role.attached);
        principal.boundary = self.boundary(role.boundary.as_deref());
        principal.caller.unique_id.clone_from(&role.id);
        principal.tags = role.tags.as_ref();
        let resource = Arn::parse(&role.arn).map_or("", |arn| arn.resource);
        principal.service_linked = resource.starts_with("role/aws-service-role/");
        principal.protected =
            principal.service_linked || resource.starts_with("role/aws-reserved/sso.amazonaws.com/");
        let context = &mut principal.context;
        context.absent("aws:username").value("aws:PrincipalType", "AssumedRole");
        tag_keys(context, "aws:PrincipalTag/", role.tags.as_ref());
        principal
    }

    fn boundary(&self, arn: Option<&'a str>) -> Option<(&'a str, &'a Document)> {
        arn.map(|arn| (arn, self.document(arn).0))
    }

    fn principal(&self, arn: &'a str, name: &'a str, kind: PrincipalKind<'a>) -> Principal<'a> {
        let parts = Arn::parse(arn);
        let account = parts.map_or("", |parts| parts.account);
        let controls = self.estate.organization.get(account);
        let mut context = Context::new();
        context
            .value("aws:PrincipalArn", arn)
            .value("aws:PrincipalAccount", account)
            .value("aws:PrincipalIsAWSService", "false")
            .absent("aws:PrincipalServiceName")
            .absent("aws:SourceArn")
            .absent("aws:SourceAccount")
            .value("aws:ViaAWSService", "false")
            .absent("aws:CalledVia")
            .absent("aws:CalledViaFirst")
            .absent("aws:CalledViaLast")
            // The APIs speak TLS only, or the caller can.
            .value("aws:SecureTransport", "true");
        if let Some(organization) = controls.and_then(|controls| controls.organization_id.as_ref()) {
            context.value("aws:PrincipalOrgID", organization.clone());
        }
        Principal {
            arn,
            name,
            account,
            partition: parts.map_or("aws", |parts| parts.partition),
            kind,
            caller: Caller {
                arn: arn.to_owned(),
                account: account.to_owned(),
                kind: match kind {
                    PrincipalKind::User(_) => CallerKind::User,
                    PrincipalKind::Role(_) => CallerKind::Role,
                },
                unique_id: None,
            },
            context,
            holdings: Vec::new(),
            boundary: None,
            groups: Vec::new(),
            tags: None,
            service_linked: false,
            protected: false,
            controls,
        }
    }
}

/// Sets one key per tag under the prefix; all others are absent when the tags are known.
pub(crate) fn tag_keys(context: &mut Context<'_>, prefix: &str, tags: Option<&BTreeMap<String, String>>) {
    if let Some(tags) = tags {
        for (key, value) in tags {
            context.set(&format!("{prefix}{key}"), Key::Values(vec![value.clone()]));
        }
        context.close(prefix);
    }
}
