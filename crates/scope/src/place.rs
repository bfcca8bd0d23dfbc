//! Where an asset stands: in or out of scope, what it serves, what it is worth, whose it is, how
//! fresh its evidence must be, and whether validation may touch it.

use std::collections::BTreeSet;

use bartizan_model::Timestamp;
use bartizan_model::check::Method;
use jiff::SignedDuration;
use serde::Serialize;

use crate::scope::{Aspect, DeadlineRule, Scope};
use crate::selector::Selector;
use crate::target::Target;
use crate::view::{AssetView, Variables};
use crate::window::{Refusal, Window};

/// How sure an owner is who owns the service that the asset serves, where no owner claims the
/// asset itself.
const BY_SERVICE: f64 = 0.7;
/// How sure an owner is whom the asset itself names (tag, CODEOWNERS) and the scope knows.
const BY_ASSET: f64 = 0.9;

/// Where an asset stands. Names are those that the scope gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Placement<'s> {
    pub in_scope: bool,
    pub reason: &'s str,
    /// Empty when out of scope.
    pub managed: BTreeSet<Aspect>,
    pub services: Vec<&'s str>,
    pub crown_jewels: Vec<&'s str>,
    pub entries: Vec<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Ownership<'s>>,
    /// How old evidence about it may be.
    pub freshness: SignedDuration,
    /// The deadline rule that holds for the asset before the deadlines of tiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<&'s DeadlineRule>,
    /// Selectors that have no answer for this asset; each counted as not matching.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem<'s>>,
}

/// Whose an asset is, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ownership<'s> {
    pub name: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<&'s str>,
    /// Above 0 and at most 1.
    pub confidence: f64,
    pub because: String,
}

/// A selector that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem<'s> {
    pub selector: &'s str,
    pub message: String,
}

/// One asset against the selectors of one scope.
struct Asking<'s, 'a> {
    variables: Variables<'a>,
    problems: Vec<Problem<'s>>,
}

impl<'s> Asking<'s, '_> {
    fn holds(&mut self, selector: &'s Selector) -> bool {
        match selector.evaluate(&self.variables) {
            Ok(answer) => answer,
            Err(message) => {
                self.problems.push(Problem { selector: selector.text(), message });
                false
            }
        }
    }
}

impl Scope {
    /// Says where an asset stands.
    pub fn classify<'s>(&'s self, view: &AssetView<'_>) -> Placement<'s> {
        let mut asking = Asking { variables: Variables::new(*view, &self.zones), problems: Vec::new() };
        let inside = self.inside.iter().find(|boundary| asking.holds(&boundary.selector));
        let outside = self.outside.iter().find(|boundary| asking.holds(&boundary.selector));
        let (in_scope, reason, managed) = match (inside, outside) {
            (_, Some(outside)) => (false, outside.reason.as_str(), BTreeSet::new()),
            (Some(inside), None) => (true, inside.reason.as_str(), inside.managed.clone()),
            (None, None) if self.inside.is_empty() => (true, "nothing limits the scope", Aspect::all()),
            (None, None) => (false, "nothing in the scope names it", BTreeSet::new()),
        };
        let services: Vec<&str> = self
            .services
            .iter()
            .filter(|service| asking.holds(&service.selector))
            .map(|service| service.name.as_str())
            .collect();
        let crown_jewels: Vec<&str> = self
            .crown_jewels
            .iter()
            .filter(|jewel| asking.holds(&jewel.selector))
            .map(|jewel| jewel.name.as_str())
            .collect();
        let entries = self
            .entries
            .iter()
            .filter(|entry| entry.selector.as_ref().is_some_and(|selector| asking.holds(selector)))
            .map(|entry| entry.name.as_str())
            .collect();
        let owner = self.ownership(&mut asking, &services, &crown_jewels);
        let freshness = self.freshness_of(&mut asking, view);
        let deadline = self.deadlines.rules.iter().find(|rule| asking.holds(&rule.selector));
        let problems = asking.problems;
        Placement {
            in_scope,
            reason,
            managed,
            services,
            crown_jewels,
            entries,
            owner,
            freshness,
            deadline,
            problems,
        }
    }

    fn ownership<'s>(
        &'s self,
        asking: &mut Asking<'s, '_>,
        services: &[&str],
        jewels: &[&str],
    ) -> Option<Ownership<'s>> {
        let claims = |selector: &'s Option<Selector>, asking: &mut Asking<'s, '_>| {
            selector.as_ref().is_some_and(|selector| asking.holds(selector))
        };
        if let Some(owner) = self.owners.iter().find(|owner| claims(&owner.selector, asking)) {
            return Some(Ownership {
                name: &owner.name,
                contact: owner.contact.as_deref(),
                confidence: owner.confidence,
                because: "the scope's selector for this owner matches".to_owned(),
            });
        }
        let named = asking.variables.owner();
        if let Some(owner) = self.owners.iter().find(|owner| owner.name.eq_ignore_ascii_case(named)) {
            return Some(Ownership {
                name: &owner.name,
                contact: owner.contact.as_deref(),
                confidence: BY_ASSET,
                because: "the asset itself names this owner".to_owned(),
            });
        }
        let jewel = jewels.iter().find_map(|name| {
            let owner = self.crown_jewel(name)?.owner.as_deref()?;
            Some((owner, format!("it belongs to the crown jewel {name:?}")))
        });
        let by_what = jewel.or_else(|| {
            services.iter().find_map(|name| {
                let owner = self.service(name)?.owner.as_deref()?;
                Some((owner, format!("it belongs to the service {name:?}")))
            })
        });
        by_what.map(|(name, because)| Ownership {
            name,
            contact: self.owner(name).and_then(|owner| owner.contact.as_deref()),
            confidence: BY_SERVICE,
            because,
        })
    }

    fn freshness_of<'s>(&'s self, asking: &mut Asking<'s, '_>, view: &AssetView<'_>) -> SignedDuration {
        let by_selector = self.freshness.selectors.iter().find(|rule| asking.holds(&rule.selector));
        by_selector
            .map(|rule| rule.window)
            .or_else(|| self.freshness.kinds.get(view.kind.as_str()).copied())
            .unwrap_or(self.freshness.default)
    }

    /// Whether validation may send anything to a target of an asset by a method at a moment: the
    /// window that allows it, or why not.
    ///
    /// The target is a host name, an address, `host:port` or a URL. A name says nothing about the
    /// address behind it: whoever resolves it asks again for the address that it gives. Where a
    /// selector has no answer, the answer here is no.
    pub fn validation_allows<'s>(
        &'s self,
        view: &AssetView<'_>,
        target: &str,
        method: Method,
        at: Timestamp,
    ) -> Result<&'s Window, Refusal> {
        let Some(host) = Target::parse(target) else {
            return Err(Refusal::UnclearTarget { target: target.to_owned() });
        };
        // Ports are left out of the question: a host that must never be touched has no harmless port.
        if let Some(pattern) =
            self.never.iter().find(|pattern| pattern.covers_host(&host) || pattern.names(view.identifiers))
        {
            return Err(Refusal::Never { target: target.to_owned(), pattern: pattern.to_string() });
        }
        let variables = Variables::new(*view, &self.zones);
        self.certainly_in_scope(&variables)?;
        let mut nearest = Refusal::NotAuthorised { target: target.to_owned() };
        for window in &self.validation {
            let asset_fits =
                window.selector.as_ref().is_none_or(|selector| selector.evaluate(&variables) == Ok(true));
            let target_fits = if window.targets.is_empty() {
                window.selector.is_some() && host.is_of(view.identifiers)
            } else {
                window.targets.iter().any(|pattern| pattern.covers(&host))
            };
            if !asset_fits || !target_fits {
                continue;
            }
            if !window.methods.contains(&method) {
                if matches!(nearest, Refusal::NotAuthorised { .. }) {
                    let allowed = window.methods.iter().copied().collect();
                    nearest = Refusal::Method { window: window.name.clone(), method, allowed };
                }
            } else if window.is_open(at) {
                return Ok(window);
            } else if !matches!(nearest, Refusal::Closed { .. }) {
                nearest = Refusal::Closed { window: window.name.clone(), times: window.times() };
            }
        }
        Err(nearest)
    }

    fn certainly_in_scope(&self, variables: &Variables<'_>) -> Result<(), Refusal> {
        for boundary in &self.outside {
            match boundary.selector.evaluate(variables) {
                Ok(false) => {}
                Ok(true) => return Err(Refusal::OutOfScope { reason: boundary.reason.clone() }),
                Err(problem) => {
                    return Err(Refusal::Undecided {
                        selector: boundary.selector.text().to_owned(),
                        problem,
                    });
                }
            }
        }
        let inside = self.inside.is_empty()
            || self.inside.iter().any(|boundary| boundary.selector.evaluate(variables) == Ok(true));
        if inside {
            Ok(())
        } else {
            Err(Refusal::OutOfScope { reason: "nothing in the scope names it".to_owned() })
        }
    }
}
