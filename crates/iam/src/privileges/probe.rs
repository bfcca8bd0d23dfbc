//! Needs on resources that the actor makes or picks itself: is there any name, any region, for which all
//! the calls go through? It must not take a call for granted on another resource than the call before it.

use super::ask::{Answer, Target};
use super::world::{ASSUME, ActorId, World};
use crate::condition::Condition;
use crate::context::Context;
use crate::policy::{Document, Element};

/// A need of a method: one of these actions, each on the resource of this shape.
pub(super) type Need = &'static [(&'static str, &'static str)];

impl World<'_> {
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
                any |= (*action == ASSUME && trust.is_some()) || self.may(actor, action);
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
                                Some(trust) if *action == ASSUME => self.ask_to_assume(actor, &target, trust),
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
                    for region in patterns.iter().filter_map(|pattern| pattern.text().split(':').nth(3)) {
                        let plain = region.replace('*', "1");
                        if !region.is_empty() && region != "*" && !regions.contains(&plain) {
                            regions.push(plain);
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
            // A part of a region or account is open: the probe's own may fit.
            parts.push((*have).to_owned());
        } else {
            // Another service or account, or another region, which is tried on its own.
            return None;
        }
    }
    Some(parts.join(":"))
}
