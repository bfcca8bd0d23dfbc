//! The estate as the search sees it: principals with the changes that an attacker has made to them
//! ([`Overlay`]), and requests made by them. It must not know any method.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::ask::{Answer, Target};
use crate::account::{ADMINISTRATOR, ADMINISTRATOR_ACCESS, Index, Principal};
use crate::condition::Condition;
use crate::context::{Context, Key};
use crate::evaluate::{
    Caller, CallerSide, Citation, Layer, Policies, Request, ResourceSide, decide_prepared,
};
use crate::policy::{Document, Effect, Element, Statement};
use crate::truth::Truth;

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

/// A need of a method: one of these actions, each on the resource of this shape.
pub(super) type Need = &'static [(&'static str, &'static str)];

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

    fn side(&mut self, actor: ActorId, action: &'static str) -> Rc<CallerSide<'a>> {
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

    /// Whether the actor can do all that is needed, on resources that it makes or picks itself: names and
    /// regions are those that its own policies allow. All needs with the shape of the first one are about
    /// the same resource. `extra` holds the keys that come with every request; `trust` is the trust
    /// policy of a role among these resources.
    pub(super) fn needs(
        &mut self,
        actor: ActorId,
        needs: &[Need],
        extra: &Context<'static>,
        trust: Option<&Document>,
    ) -> Answer {
        for need in needs {
            let mut any = false;
            for (action, _) in *need {
                any |= (*action == "sts:AssumeRole" && trust.is_some()) || self.may(actor, action);
            }
            if !any {
                return Answer::no();
            }
        }
        let Some((_, primary)) = needs.first().and_then(|need| need.first()) else { return Answer::no() };
        let mut best = Answer::no();
        for region in self.regions(actor, needs) {
            let mut candidates = Vec::new();
            for need in needs {
                for (action, shape) in need.iter().filter(|(_, shape)| shape == primary) {
                    let probe = self.probe(actor, action, shape, &region);
                    self.candidates(actor, action, &probe, &mut candidates);
                }
            }
            for candidate in candidates {
                let mut answer = Answer::yes();
                for need in needs {
                    let mut one = Answer::no();
                    for (action, shape) in *need {
                        if one.truth.certain() {
                            break;
                        }
                        let resources = if shape == primary {
                            vec![candidate.clone()]
                        } else {
                            let probe = self.probe(actor, action, shape, &region);
                            let mut list = Vec::new();
                            self.candidates(actor, action, &probe, &mut list);
                            list
                        };
                        for resource in resources {
                            let mut target = Target { resource, context: extra.clone() };
                            target.context.value("aws:RequestedRegion", region.as_str());
                            one = one.or(match trust {
                                Some(trust) if *action == "sts:AssumeRole" => {
                                    self.ask_to_assume(actor, &target, trust)
                                }
                                _ => self.ask(actor, action, &target),
                            });
                            if one.truth.certain() {
                                break;
                            }
                        }
                    }
                    answer = answer.and(one);
                    if answer.is_no() {
                        break;
                    }
                }
                best = best.or(answer);
                if best.truth.certain() {
                    return best;
                }
            }
        }
        best
    }

    /// An example ARN: `shape` is the part behind the account, an ARN of its own, or `*`.
    fn probe(&self, actor: ActorId, action: &str, shape: &str, region: &str) -> String {
        let principal = self.principal(actor);
        let service = action.split(':').next().unwrap_or_default();
        if shape == "*" {
            return shape.to_owned();
        }
        if let Some(rest) = shape.strip_prefix("global:") {
            return format!("arn:{}:iam::{}:{rest}", principal.partition, principal.account);
        }
        if let Some(rest) = shape.strip_prefix("aws:") {
            return format!("arn:{}:{service}:{region}::{rest}", principal.partition);
        }
        format!("arn:{}:{service}:{region}:{}:{shape}", principal.partition, principal.account)
    }

    /// Regions worth a try: one that is open everywhere, and those that conditions name.
    fn regions(&mut self, actor: ActorId, needs: &[Need]) -> Vec<String> {
        let mut regions = vec!["us-east-1".to_owned()];
        for (action, _) in needs.iter().flat_map(|need| need.iter()) {
            // IAM answers from one region.
            if action.starts_with("iam:") {
                return regions;
            }
            for statement in self.side(actor, action).identity.statements() {
                let named = statement.conditions.iter().filter(|one| one.key() == "aws:requestedregion");
                for value in named.flat_map(Condition::values) {
                    let plain = value.replace('*', "1");
                    if !regions.contains(&plain) {
                        regions.push(plain);
                    }
                }
                if let Element::Only(patterns) = &statement.resources {
                    let named = patterns.iter().filter_map(|pattern| pattern.text().split(':').nth(3));
                    for region in named.filter(|region| !region.is_empty() && !region.contains('*')) {
                        if !regions.iter().any(|known| known == region) {
                            regions.push(region.to_owned());
                        }
                    }
                }
            }
        }
        regions
    }

    /// The probe, and the probe bent to the resource patterns of the statements that may allow.
    fn candidates(&mut self, actor: ActorId, action: &'static str, probe: &str, into: &mut Vec<String>) {
        let mut add = |candidate: String| {
            if !into.contains(&candidate) {
                into.push(candidate);
            }
        };
        add(probe.to_owned());
        let side = self.side(actor, action);
        let principal = self.principal(actor);
        for statement in side.identity.statements() {
            let Element::Only(patterns) = &statement.resources else { continue };
            for pattern in patterns.iter().filter(|pattern| !pattern.is_any()) {
                let example = pattern.example(&principal.context, WILD);
                if let Some(candidate) = example.and_then(|example| bend(probe, &example)) {
                    add(candidate);
                }
            }
        }
    }
}

const ASSUME: &str = "sts:AssumeRole";

/// The session's name and the region are the caller's choice.
fn assuming(target: Target) -> Target {
    target
        .set("sts:RoleSessionName", Key::Free)
        .set("aws:RequestedRegion", Key::Free)
        .set("sts:SourceIdentity", Key::Absent)
}

/// Stands for a wildcard in an example.
const WILD: &str = "\u{1}";

/// The probe with its parts replaced where the example (an ARN with [`WILD`] for wildcards) asks for
/// something else; `None` when the example is about another type of resource.
fn bend(probe: &str, example: &str) -> Option<String> {
    let probe: Vec<&str> = probe.splitn(6, ':').collect();
    let wanted: Vec<&str> = example.splitn(6, ':').collect();
    if probe.len() < 6 || wanted.len() < 6 {
        return None;
    }
    let mut parts = Vec::with_capacity(6);
    for (at, (have, want)) in probe.iter().zip(&wanted).enumerate() {
        if want == have || *want == WILD {
            parts.push((*have).to_owned());
        } else if at == 5 {
            let kind = |text: &str| text.split(['/', ':']).next().map(str::to_owned);
            // `*` in place of the type leaves the type open.
            if kind(want) != kind(have) {
                return None;
            }
            // The part that the example leaves open keeps the probe's name when all of it is open.
            let separator = have.find(['/', ':']).map_or("", |at| &have[at..=at]);
            let tail = have.split_once(['/', ':']).map_or(*have, |(_, tail)| tail);
            let open = format!("{}{separator}{WILD}", kind(have).unwrap_or_default());
            parts.push(if *want == open { (*have).to_owned() } else { want.replace(WILD, tail) });
        } else if want.contains(WILD) {
            // A part of a region or account is open: only the probe's own can fit.
            parts.push((*have).to_owned());
        } else if at == 3 {
            // Another region: the caller tries that one separately.
            return None;
        } else {
            return None;
        }
    }
    Some(parts.join(":"))
}

/// Whether the documents together allow everything: `*` on `*`, or all but some actions plus these.
/// A deny of anything, as far as it may apply, spoils it.
fn covers(documents: &[&Document], layer: Layer, context: &Context<'_>) -> Answer {
    let selection: Vec<(&Document, &Statement)> = documents
        .iter()
        .flat_map(|document| document.statements.iter().map(move |statement| (*document, statement)))
        .collect();
    let cite = |document: &Document, statement: &Statement| Citation {
        layer,
        policy: document.name.clone(),
        sid: statement.sid.clone(),
        index: statement.index,
        effect: statement.effect,
    };
    let truth_of = |statement: &Statement| {
        let held = statement.conditions_hold(context);
        let free = if held.free.is_empty() { Truth::Yes } else { Truth::Unknown };
        let effect = if statement.effect == Effect::Unreadable { Truth::Unknown } else { Truth::Yes };
        let resources = match &statement.resources {
            Element::Only(patterns) => patterns.iter().any(crate::pattern::Pattern::is_any).into(),
            Element::Except(patterns) => patterns.is_empty().into(),
            Element::Everything => Truth::Yes,
            Element::Unreadable => Truth::Unknown,
        };
        let open: BTreeSet<String> = held.open.iter().map(|name| (*name).to_owned()).collect();
        (held.truth.and(free).and(effect), resources, open)
    };
    let mut answer = Answer::no();
    for (document, statement) in selection.iter().filter(|(_, one)| one.effect != Effect::Deny) {
        let (truth, resources, open) = truth_of(statement);
        let truth = truth.and(resources);
        if truth == Truth::No {
            continue;
        }
        let (actions, mut helpers) = match &statement.actions {
            Element::Only(patterns) => {
                (patterns.iter().any(crate::pattern::Pattern::is_any).into(), Vec::new())
            }
            Element::Everything => (Truth::Yes, Vec::new()),
            Element::Unreadable => (Truth::Unknown, Vec::new()),
            Element::Except(holes) => {
                let mut all = Truth::Yes;
                let mut helpers = Vec::new();
                for hole in holes {
                    let mut filled = Truth::No;
                    for (document, other) in selection.iter().filter(|(_, one)| one.effect == Effect::Allow) {
                        let Element::Only(patterns) = &other.actions else { continue };
                        if patterns.iter().any(|pattern| pattern.covers(hole)) {
                            let (truth, resources, _) = truth_of(other);
                            if truth.and(resources) > filled {
                                filled = truth.and(resources);
                                helpers.push(cite(document, other));
                            }
                        }
                    }
                    all = all.and(filled);
                }
                (all, helpers)
            }
        };
        let truth = truth.and(actions);
        if truth > answer.truth {
            helpers.insert(0, cite(document, statement));
            answer = Answer { truth, because: helpers, open };
        }
    }
    for (document, statement) in selection.iter().filter(|(_, one)| one.effect != Effect::Allow) {
        if answer.is_no() {
            break;
        }
        let (truth, _, open) = truth_of(statement);
        match truth {
            Truth::No => {}
            Truth::Yes => answer = Answer::no(),
            Truth::Unknown => {
                answer.truth = answer.truth.and(Truth::Unknown);
                answer.because.push(cite(document, statement));
                answer.open.extend(open);
            }
        }
    }
    answer
}

/// Whether one document, alone, allows everything.
pub(super) fn is_administrator_document(document: &Document, context: &Context<'_>) -> bool {
    covers(&[document], Layer::Identity, context).truth.certain()
}
