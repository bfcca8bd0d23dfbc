//! Who asks, and how resource policies name who asks. It must not look at actions or conditions.
//!
//! Source: IAM user guide, "AWS JSON policy elements: Principal" and "NotPrincipal", "Permissions
//! boundaries" (what limits whom).

use crate::arn::Arn;
use crate::policy::{PrincipalName, Principals};
use crate::truth::Truth;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// ARN of the user or the role (not of the session), or the name of the service.
    pub arn: String,
    /// Account number; empty for a service.
    pub account: String,
    pub kind: CallerKind,
    /// `AIDA…`, `AROA…`.
    pub unique_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind {
    Root,
    User,
    /// A session of the role, under a session name that is not known.
    Role,
    /// An AWS service, `lambda.amazonaws.com`.
    Service,
    /// An identity provider.
    Federated,
}

impl Caller {
    /// The root, user or role with this ARN; `None` when the ARN is of none of these.
    pub fn from_arn(arn: &str) -> Option<Self> {
        let parts = Arn::parse(arn)?;
        let kind = match parts.resource.split('/').next()? {
            "root" => CallerKind::Root,
            "user" => CallerKind::User,
            "role" => CallerKind::Role,
            _ => return None,
        };
        let account = parts.account.to_owned();
        (parts.service == "iam").then(|| Self { arn: arn.to_owned(), account, kind, unique_id: None })
    }

    pub fn service(name: &str) -> Self {
        Self { arn: name.to_owned(), account: String::new(), kind: CallerKind::Service, unique_id: None }
    }

    pub fn federated(provider: &str) -> Self {
        Self {
            arn: provider.to_owned(),
            account: String::new(),
            kind: CallerKind::Federated,
            unique_id: None,
        }
    }
}

/// How a resource policy names a caller; each way has other limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The whole account: within it, identity policies decide.
    pub(crate) account: Truth,
    /// The role: boundary and session policy still limit.
    pub(crate) role: Truth,
    /// The user, the session or everyone: nothing but a deny limits.
    pub(crate) direct: Truth,
}

impl Reach {
    pub(crate) const NOBODY: Self = Self { account: Truth::No, role: Truth::No, direct: Truth::No };

    pub(crate) fn any(self) -> Truth {
        self.account.or(self.role).or(self.direct)
    }
}

pub(crate) fn reach(principals: &Principals, caller: &Caller) -> Reach {
    match principals {
        Principals::Nobody => Reach::NOBODY,
        Principals::Unreadable => {
            Reach { account: Truth::Unknown, role: Truth::Unknown, direct: Truth::Unknown }
        }
        Principals::Only(names) => {
            let mut reach = Reach::NOBODY;
            for name in names {
                let more = reach_of(name, caller);
                reach.account = reach.account.or(more.account);
                reach.role = reach.role.or(more.role);
                reach.direct = reach.direct.or(more.direct);
            }
            reach
        }
        Principals::Except(names) => Reach { direct: excepted(names, caller).negate(), ..Reach::NOBODY },
    }
}

fn reach_of(name: &PrincipalName, caller: &Caller) -> Reach {
    let mut reach = Reach::NOBODY;
    let aws = matches!(caller.kind, CallerKind::Root | CallerKind::User | CallerKind::Role);
    match name {
        PrincipalName::Everyone => reach.direct = aws.into(),
        PrincipalName::Account(account) if aws && *account == caller.account => {
            if caller.kind == CallerKind::Root {
                reach.direct = Truth::Yes;
            } else {
                reach.account = Truth::Yes;
            }
        }
        PrincipalName::Aws(arn) if aws => {
            let same = *arn == caller.arn || caller.unique_id.as_ref() == Some(arn);
            match caller.kind {
                CallerKind::Role => {
                    reach.role = same.into();
                    if is_session_of(arn, caller) {
                        // Which name the session has is up to whoever assumes the role.
                        reach.direct = Truth::Unknown;
                    }
                }
                _ => reach.direct = same.into(),
            }
        }
        PrincipalName::Service(service) => {
            reach.direct = (caller.kind == CallerKind::Service && *service == caller.arn).into();
        }
        PrincipalName::Federated(provider) => {
            reach.direct = (caller.kind == CallerKind::Federated && *provider == caller.arn).into();
        }
        // The canonical id of an account is in no document that is read here.
        PrincipalName::Canonical(_) if aws => reach.account = Truth::Unknown,
        PrincipalName::Account(_) | PrincipalName::Aws(_) | PrincipalName::Canonical(_) => {}
    }
    reach
}

/// Whether `NotPrincipal` spares the caller. The guide asks to name the account too (and for a role the
/// session), else the caller *might* be hit: not known then.
fn excepted(names: &[PrincipalName], caller: &Caller) -> Truth {
    if names.contains(&PrincipalName::Everyone) {
        return Truth::Yes;
    }
    let account = names.iter().any(|name| *name == PrincipalName::Account(caller.account.clone()));
    let own = names.iter().any(|name| match name {
        PrincipalName::Aws(arn) => *arn == caller.arn || caller.unique_id.as_ref() == Some(arn),
        PrincipalName::Service(service) => caller.kind == CallerKind::Service && *service == caller.arn,
        PrincipalName::Federated(provider) => caller.kind == CallerKind::Federated && *provider == caller.arn,
        _ => false,
    });
    match caller.kind {
        CallerKind::Root => account.into(),
        CallerKind::User if own && account => Truth::Yes,
        CallerKind::Service | CallerKind::Federated => own.into(),
        CallerKind::Role => {
            let session = names.iter().any(|name| match name {
                PrincipalName::Aws(arn) => is_session_of(arn, caller),
                _ => false,
            });
            if own || session { Truth::Unknown } else { Truth::No }
        }
        CallerKind::User => {
            if own {
                Truth::Unknown
            } else {
                Truth::No
            }
        }
    }
}

/// Whether the ARN is `arn:…:sts::account:assumed-role/NAME/session` of the caller's role.
fn is_session_of(arn: &str, caller: &Caller) -> bool {
    let (Some(session), Some(role)) = (Arn::parse(arn), Arn::parse(&caller.arn)) else { return false };
    let mut parts = session.resource.split('/');
    session.service == "sts"
        && session.account == caller.account
        && parts.next() == Some("assumed-role")
        && parts.next() == Some(role.name())
}
