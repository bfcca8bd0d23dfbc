//! The estate as the search sees it: principals with the changes that an attacker has made to them
//! ([`Overlay`]), and requests made by them. It must not know any method.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::ask::{Answer, Target};
use super::coverage::covers;
use crate::account::{ADMINISTRATOR, ADMINISTRATOR_ACCESS, Index, Principal};
use crate::caller::Caller;
use crate::context::{Context, Key};
use crate::evaluate::{CallerSide, Layer, Policies, Request, ResourceSide, decide_prepared};
use crate::policy::Document;

/// What was changed about a principal. Every change but `flipped` only ever adds rights.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Overlay {
    /// `*` on `*` was added.
    pub(super) administrator: bool,
    /// Managed policies that were attached.
    pub(super) policies: BTreeSet<usize>,
    /// Groups that were joined.
    pub(super) groups: BTreeSet<usize>,
    /// Holdings that are gone, by their place.
    pub(super) dropped: BTreeSet<usize>,
    /// The boundary is gone or lets everything pass.
    pub(super) unbound: bool,
    /// A managed policy that was set to another version (its place among the versions).
    pub(super) flipped: Option<(usize, usize)>,
}

/// A principal with changes; `u32` because an estate has far fewer.
pub(super) type ActorId = u32;

struct Actor<'a> {
    principal: usize,
    overlay: Overlay,
    sides: HashMap<&'static str, Rc<CallerSide<'a>>>,
    administrator: Option<Rc<Answer>>,
}

pub(super) struct World<'a> {
    pub(super) index: &'a Index<'a>,
    actors: Vec<Actor<'a>>,
    ids: HashMap<(usize, Overlay), ActorId>,
    trusting: HashMap<&'static str, Rc<Vec<(usize, Answer)>>>,
    /// Roles as targets of `sts:AssumeRole`, with their trust policies.
    trusts: HashMap<usize, (Target, ResourceSide<'a>)>,
    fresh: HashMap<usize, Answer>,
}

/// Actions that an administrator must be left with by the organisation's policies.
const CORE: &[(&str, &str)] = &[
    ("iam:CreateUser", "user/administrator"),
    ("iam:AttachUserPolicy", "user/administrator"),
    ("iam:PutRolePolicy", "role/administrator"),
    ("iam:UpdateAssumeRolePolicy", "role/administrator"),
    ("iam:PassRole", "role/administrator"),
    ("iam:CreatePolicyVersion", "policy/administrator"),
];

impl<'a> World<'a> {
    pub(super) fn new(index: &'a Index<'a>) -> Self {
        Self {
            index,
            actors: Vec::new(),
            ids: HashMap::new(),
            trusting: HashMap::new(),
            trusts: HashMap::new(),
            fresh: HashMap::new(),
        }
    }

    pub(super) fn actor(&mut self, principal: usize, overlay: Overlay) -> ActorId {
        if let Some(id) = self.ids.get(&(principal, overlay.clone())) {
            return *id;
        }
        let id = self.actors.len() as ActorId;
        self.ids.insert((principal, overlay.clone()), id);
        self.actors.push(Actor { principal, overlay, sides: HashMap::new(), administrator: None });
        id
    }

    pub(super) fn principal_of(&self, actor: ActorId) -> usize {
        self.actors[actor as usize].principal
    }

    pub(super) fn overlay(&self, actor: ActorId) -> &Overlay {
        &self.actors[actor as usize].overlay
    }

    pub(super) fn principal(&self, actor: ActorId) -> &'a Principal<'a> {
        let index: &'a Index<'a> = self.index;
        &index.principals[self.principal_of(actor)]
    }

    /// Groups that the actor is in, those joined on the way included.
    pub(super) fn groups(&self, actor: ActorId) -> Vec<usize> {
        let mut groups = self.principal(actor).groups.clone();
        groups.extend(&self.overlay(actor).groups);
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Managed policies that count for the actor, as indices.
    pub(super) fn managed(&self, actor: ActorId) -> BTreeSet<usize> {
        let mut managed: BTreeSet<usize> = self
            .principal(actor)
            .holdings
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.overlay(actor).dropped.contains(at))
            .filter_map(|(_, holding)| holding.source.policy())
            .collect();
        managed.extend(&self.overlay(actor).policies);
        for group in &self.overlay(actor).groups {
            for arn in &self.index.groups[*group].attached {
                managed.extend(self.policy(arn));
            }
        }
        managed
    }

    /// The principals to look at: all, or one.
    pub(super) fn those(&self, only: Option<usize>) -> std::ops::Range<usize> {
        only.map_or(0..self.index.principals.len(), |at| at..at + 1)
    }

    pub(super) fn policy(&self, arn: &str) -> Option<usize> {
        self.index.policies.binary_search_by(|policy| policy.arn.as_str().cmp(arn)).ok()
    }

    fn document(&self, policy: usize, overlay: &Overlay) -> Option<&'a Document> {
        let index: &'a Index<'a> = self.index;
        match overlay.flipped {
            Some((flipped, version)) if flipped == policy => {
                index.policies[policy].versions.get(version).map(|version| &version.document)
            }
            _ => index.policies[policy].document(),
        }
    }

    fn policies(&self, actor: ActorId) -> Policies<'a> {
        let index: &'a Index<'a> = self.index;
        let overlay = self.overlay(actor);
        let principal = self.principal(actor);
        let mut identity: Vec<&'a Document> = Vec::new();
        for (at, holding) in principal.holdings.iter().enumerate() {
            if overlay.dropped.contains(&at) {
                continue;
            }
            let flipped = holding.source.policy().and_then(|policy| self.document(policy, overlay));
            identity.push(flipped.unwrap_or(holding.document));
        }
        if overlay.administrator {
            identity.push(&ADMINISTRATOR);
        }
        identity.extend(overlay.policies.iter().filter_map(|policy| self.document(*policy, overlay)));
        for group in &overlay.groups {
            let group = index.groups[*group];
            identity.extend(&group.inline);
            for arn in &group.attached {
                identity.extend(self.policy(arn).and_then(|policy| self.document(policy, overlay)));
            }
        }
        let boundary = principal.boundary.filter(|_| !overlay.unbound).map(|(arn, document)| {
            self.policy(arn).and_then(|policy| self.document(policy, overlay)).unwrap_or(document)
        });
        Policies { identity, boundary, service_control: principal.service_control(), ..Policies::default() }
    }

    pub(super) fn side(&mut self, actor: ActorId, action: &'static str) -> Rc<CallerSide<'a>> {
        if let Some(side) = self.actors[actor as usize].sides.get(action) {
            return Rc::clone(side);
        }
        let side = Rc::new(CallerSide::new(&self.policies(actor), &action.to_ascii_lowercase()));
        self.actors[actor as usize].sides.insert(action, Rc::clone(&side));
        side
    }

    /// Whether a statement of the actor may allow the action on anything; cheap.
    pub(super) fn may(&mut self, actor: ActorId, action: &'static str) -> bool {
        self.side(actor, action).identity.may_allow()
    }

    /// Whether the actor's request goes through.
    pub(super) fn ask(&mut self, actor: ActorId, action: &'static str, target: &Target) -> Answer {
        let side = self.side(actor, action);
        if !side.identity.may_allow() {
            return Answer::no();
        }
        self.request(actor, action, target, &side, &ResourceSide::default())
    }

    /// Whether the actor can assume the role, which is the principal at this place. Within one account a
    /// trust policy that names the actor suffices.
    pub(super) fn ask_to_assume_role(&mut self, actor: ActorId, role: usize) -> Answer {
        let side = self.side(actor, ASSUME);
        let Some((target, trust)) = self.trusts.get(&role) else {
            let index: &'a Index<'a> = self.index;
            let principal = &index.principals[role];
            let Some(role_of) = principal.role() else { return Answer::no() };
            let target = assuming(Target::principal(principal));
            let trust = self.trust_side(principal.account, &role_of.trust);
            self.trusts.insert(role, (target, trust));
            return self.ask_to_assume_role(actor, role);
        };
        self.request(actor, ASSUME, target, &side, trust)
    }

    /// As [`World::ask_to_assume_role`], for a role that has this trust policy.
    pub(super) fn ask_to_assume(&mut self, actor: ActorId, target: &Target, trust: &Document) -> Answer {
        let side = self.side(actor, ASSUME);
        let account = crate::arn::Arn::parse(&target.resource).map_or("", |arn| arn.account);
        let resource = self.trust_side(account, trust);
        self.request(actor, ASSUME, &assuming(target.clone()), &side, &resource)
    }

    fn trust_side<'b>(&self, account: &str, trust: &'b Document) -> ResourceSide<'b>
    where
        'a: 'b,
    {
        let index: &'a Index<'a> = self.index;
        let controls = index.estate.organization.get(account);
        let policies = Policies {
            resource: Some(trust),
            resource_must_allow: true,
            resource_control: controls.map_or_else(Vec::new, |controls| {
                controls.resource_control.iter().map(|level| level.iter().collect()).collect()
            }),
            ..Policies::default()
        };
        ResourceSide::new(&policies, "sts:assumerole")
    }

    fn request(
        &self,
        actor: ActorId,
        action: &str,
        target: &Target,
        side: &CallerSide<'_>,
        resource: &ResourceSide<'_>,
    ) -> Answer {
        let principal = self.principal(actor);
        let context = Context::both(&target.context, &principal.context);
        let request = Request::new(&principal.caller, action, &target.resource, &context);
        decide_prepared(&request, side, resource).into()
    }

    /// Whether the actor may do everything.
    pub(super) fn administrator(&mut self, actor: ActorId) -> Rc<Answer> {
        if let Some(answer) = &self.actors[actor as usize].administrator {
            return Rc::clone(answer);
        }
        let principal = self.principal(actor);
        let policies = self.policies(actor);
        let mut answer = covers(&policies.identity, Layer::Identity, &principal.context);
        if let Some(boundary) = policies.boundary.filter(|_| answer.truth.possible()) {
            answer = answer.and(covers(&[boundary], Layer::Boundary, &principal.context));
        }
        if answer.truth.possible() && !policies.service_control.is_empty() {
            for (action, resource) in CORE {
                let arn = format!("arn:{}:iam::{}:{resource}", principal.partition, principal.account);
                answer = answer.and(self.ask(actor, action, &Target::iam(&arn)));
            }
        }
        let answer = Rc::new(answer);
        self.actors[actor as usize].administrator = Some(Rc::clone(&answer));
        answer
    }

    /// Whether a new principal with `*` on `*` in the actor's account is administrator: all but the
    /// organisation's policies is in its own hands.
    pub(super) fn new_administrator(&mut self, actor: ActorId) -> Answer {
        let principal = self.principal_of(actor);
        if let Some(answer) = self.fresh.get(&principal) {
            return answer.clone();
        }
        let index: &'a Index<'a> = self.index;
        let holder = &index.principals[principal];
        let policies = Policies {
            identity: vec![&*ADMINISTRATOR],
            service_control: holder.service_control(),
            ..Policies::default()
        };
        let mut answer = Answer::yes();
        if !policies.service_control.is_empty() {
            let arn = format!("arn:{}:iam::{}:user/administrator", holder.partition, holder.account);
            let Some(caller) = Caller::from_arn(&arn) else { return Answer::no() };
            for (action, resource) in CORE {
                let target =
                    Target::iam(&format!("arn:{}:iam::{}:{resource}", holder.partition, holder.account));
                let mut context = target.context.clone();
                context.value("aws:PrincipalArn", arn.as_str()).value("aws:PrincipalType", "User");
                let request = Request::new(&caller, action, &target.resource, &context);
                let side = CallerSide::new(&policies, &action.to_ascii_lowercase());
                let mut more: Answer = decide_prepared(&request, &side, &ResourceSide::default()).into();
                // The made-up policy of the new principal is no reason to show.
                more.because.retain(|citation| citation.layer != Layer::Identity);
                answer = answer.and(more);
            }
        }
        self.fresh.insert(principal, answer.clone());
        answer
    }

    /// Roles that trust the service, with the answer that says how surely.
    pub(super) fn trusting(&mut self, service: &'static str) -> Rc<Vec<(usize, Answer)>> {
        if let Some(roles) = self.trusting.get(service) {
            return Rc::clone(roles);
        }
        let caller = Caller::service(service);
        let mut roles = Vec::new();
        for (at, principal) in self.index.principals.iter().enumerate() {
            let Some(role) = principal.role().filter(|_| !principal.service_linked) else { continue };
            let policies =
                Policies { resource: Some(&role.trust), resource_must_allow: true, ..Policies::default() };
            let mut context = Context::new();
            context.value("aws:SourceAccount", principal.account);
            let request = Request::new(&caller, "sts:AssumeRole", principal.arn, &context);
            let answer: Answer = crate::evaluate::decide(&request, &policies).into();
            if !answer.is_no() {
                roles.push((at, answer));
            }
        }
        let roles = Rc::new(roles);
        self.trusting.insert(service, Rc::clone(&roles));
        roles
    }

    /// `AdministratorAccess` in the actor's partition.
    pub(super) fn administrator_policy(&self, actor: ActorId) -> String {
        format!("arn:{}:iam::aws:policy/{ADMINISTRATOR_ACCESS}", self.principal(actor).partition)
    }
}

pub(super) const ASSUME: &str = "sts:AssumeRole";

/// The session's name and the region are the caller's choice.
fn assuming(target: Target) -> Target {
    target
        .set("sts:RoleSessionName", Key::Free)
        .set("aws:RequestedRegion", Key::Free)
        .set("sts:SourceIdentity", Key::Absent)
}
