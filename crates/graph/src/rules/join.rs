//! Joins a rule's needs with the facts: one binding of all its variables after the other, in the order of
//! the facts. A loop with a stack as deep as the rule has needs; nothing recurses.

use std::sync::Arc;

use bartizan_model::estate::{Estate, ExposureIndex};
use bartizan_model::{Place, Scheme};
use cel::Env;

use super::assess::{Assessment, Facts};
use super::catalogue::Catalogue;
use super::condition::{self, Fields};
use super::network;
use super::node::name_of;
use super::rule::{Atom, AtomKind, Rule, Sort, Term};
use super::world::{self, Virtual, World};

/// A variable without a value: an optional exposure that never was.
pub(super) const ABSENT: u32 = u32::MAX;

/// Field of a rule, and what is wrong there.
pub(super) type Fault = (String, String);

/// What may be bound next.
enum Candidates<'w> {
    Slice(&'w [u32]),
    Owned(Vec<u32>),
    One(u32),
    None,
}

impl Candidates<'_> {
    fn get(&self, position: usize) -> Option<u32> {
        match self {
            Self::Slice(facts) => facts.get(position).copied(),
            Self::Owned(facts) => facts.get(position).copied(),
            Self::One(fact) => (position == 0).then_some(*fact),
            Self::None => None,
        }
    }
}

/// Joins rules with one world.
pub(super) struct Join<'w> {
    world: &'w World<'w>,
    catalogue: &'w Catalogue,
    facts: &'w dyn Facts,
    environment: Arc<Env>,
    /// By exposure, filled as rules ask.
    pub(super) assessments: Vec<Option<Box<Assessment>>>,
}

impl<'w> Join<'w> {
    pub(super) fn new(world: &'w World<'w>, catalogue: &'w Catalogue, facts: &'w dyn Facts) -> Self {
        let assessments = vec![None; world.estate.exposures.len()];
        Self { world, catalogue, facts, environment: Arc::new(Env::stdlib()), assessments }
    }

    /// Calls `found` with each binding of the rule's slots.
    pub(super) fn each(
        &mut self,
        rule: &Rule,
        mut found: impl FnMut(&mut Self, &[u32]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut bound = vec![ABSENT; rule.slots.len()];
        let mut stack: Vec<(Candidates<'w>, usize)> = Vec::with_capacity(rule.atoms.len());
        loop {
            if stack.len() == rule.atoms.len() {
                found(self, &bound)?;
            } else {
                let candidates = self.candidates(rule, &rule.atoms[stack.len()], &mut bound)?;
                stack.push((candidates, 0));
            }
            // Advance the deepest need that has another candidate.
            loop {
                let depth = stack.len();
                let Some((candidates, position)) = stack.last_mut() else { return Ok(()) };
                let candidate = candidates.get(*position);
                *position += 1;
                match candidate {
                    Some(candidate) if self.bind(rule, &rule.atoms[depth - 1], candidate, &mut bound)? => {
                        break;
                    }
                    Some(_) => {}
                    None => {
                        stack.pop();
                    }
                }
            }
        }
    }

    /// What the exposure gives and how likely: asked of the caller once.
    pub(super) fn assessment(&mut self, exposure: u32) -> &Assessment {
        let facts = self.facts;
        self.assessments[exposure as usize]
            .get_or_insert_with(|| Box::new(facts.assess(ExposureIndex(exposure))))
    }

    fn candidates(&mut self, rule: &Rule, atom: &Atom, bound: &mut [u32]) -> Result<Candidates<'w>, Fault> {
        let world = self.world;
        Ok(match &atom.kind {
            AtomKind::Relation { kinds, from, to, from_bound, to_bound, .. } => {
                let set = &world.relation_sets[*kinds];
                Candidates::Slice(match (from_bound, to_bound) {
                    (false, false) => &set.all,
                    (true, false) => set.by_from.of(bound[*from]),
                    (false, true) => set.by_to.of(bound[*to]),
                    (true, true) => {
                        let (forward, backward) = (set.by_from.of(bound[*from]), set.by_to.of(bound[*to]));
                        if forward.len() <= backward.len() { forward } else { backward }
                    }
                })
            }
            AtomKind::Service { host, host_bound, .. } => Candidates::Slice(if *host_bound {
                world.services_by_host.of(bound[*host])
            } else {
                &world.services
            }),
            AtomKind::Exposure { optional: true, .. } => return self.optional(rule, atom, bound),
            AtomKind::Exposure { on, on_bound, secret, .. } => match secret {
                Some(secret) => Candidates::Owned(self.exposures_of_secret(bound[*secret])),
                None if *on_bound => Candidates::Slice(world.exposures_by_asset.of(bound[*on])),
                None => Candidates::Slice(&world.exposures),
            },
            AtomKind::Asset { entity, bound: true, .. } => Candidates::One(bound[*entity]),
            AtomKind::Asset { kinds, .. } => {
                let of_kind = |kind| world.entities_by_kind.get(kind).map_or(&[] as &[u32], Vec::as_slice);
                match kinds.as_slice() {
                    [kind] => Candidates::Slice(of_kind(kind)),
                    kinds => Candidates::Owned(kinds.iter().flat_map(of_kind).copied().collect()),
                }
            }
            AtomKind::Without { kinds, from, to } => {
                let set = &world.relation_sets[*kinds];
                let exists = match (from, to) {
                    (Some(from), Some(to)) => {
                        let forward = set.by_from.of(bound[*from]);
                        forward.iter().any(|&relation| world.relation_to(relation) == bound[*to])
                    }
                    (Some(from), None) => !set.by_from.of(bound[*from]).is_empty(),
                    (None, Some(to)) => !set.by_to.of(bound[*to]).is_empty(),
                    (None, None) => false,
                };
                if exists { Candidates::None } else { Candidates::One(ABSENT) }
            }
            AtomKind::Condition => Candidates::One(ABSENT),
        })
    }

    /// Live exposures that match; absent when none was ever known; nothing when all that match are closed.
    fn optional(&mut self, rule: &Rule, atom: &Atom, bound: &mut [u32]) -> Result<Candidates<'w>, Fault> {
        let AtomKind::Exposure { on, exposure, secret, .. } = &atom.kind else { return Ok(Candidates::None) };
        let known = match secret {
            Some(secret) => self.exposures_of_secret(bound[*secret]),
            None => self.world.exposures_by_asset.of(bound[*on]).to_vec(),
        };
        let mut live = Vec::new();
        let mut is_known = false;
        for candidate in known {
            if self.fits(atom, candidate, bound) {
                bound[*exposure] = candidate;
                if self.condition_holds(rule, atom, bound)? {
                    is_known = true;
                    if self.world.estate.exposures[candidate as usize].state.is_live() {
                        live.push(candidate);
                    }
                }
            }
        }
        bound[*exposure] = ABSENT;
        Ok(match (live.is_empty(), is_known) {
            (false, _) => Candidates::Owned(live),
            (true, true) => Candidates::None,
            (true, false) => Candidates::One(ABSENT),
        })
    }

    fn exposures_of_secret(&self, credential: u32) -> Vec<u32> {
        let Ok(asset) = world::entity_of(self.world.estate, &self.world.derived, credential) else {
            return Vec::new();
        };
        let fingerprints = self.world.estate.asset(asset).identifiers_of(Scheme::SecretFingerprint);
        let digests = fingerprints.filter_map(|text| text.parse().ok());
        digests.flat_map(|digest| self.world.exposures_of_secret(digest).iter().copied()).collect()
    }

    /// Whether an exposure sits on the asset and at the service that are bound; not its condition.
    fn fits(&self, atom: &Atom, candidate: u32, bound: &[u32]) -> bool {
        let AtomKind::Exposure { on, at, on_bound, .. } = &atom.kind else { return false };
        let estate = self.world.estate;
        if *on_bound && estate.exposures[candidate as usize].asset.0 != bound[*on] {
            return false;
        }
        at.is_none_or(|at| {
            let service = &self.world.derived.services[bound[at] as usize];
            let ports = world::ports_of(estate, ExposureIndex(candidate));
            service.host == estate.exposures[candidate as usize].asset
                && ports
                    .iter()
                    .any(|&(protocol, port)| protocol == &*service.protocol && port == service.port)
        })
    }

    /// Binds a candidate; false when it does not match.
    fn bind(&mut self, rule: &Rule, atom: &Atom, candidate: u32, bound: &mut [u32]) -> Result<bool, Fault> {
        let world = self.world;
        let matches = match &atom.kind {
            AtomKind::Relation { from, to, relation, from_bound, to_bound, .. } => {
                let (start, end) = (world.relation_from(candidate), world.relation_to(candidate));
                let matches = (!from_bound || bound[*from] == start) && (!to_bound || bound[*to] == end);
                if matches {
                    bound[*from] = start;
                    bound[*to] = end;
                    bound[*relation] = candidate;
                }
                matches
            }
            AtomKind::Service { host, service, host_bound, protocol, port } => {
                let fact = &world.derived.services[candidate as usize];
                let attribute =
                    |slot: &usize, name: &String| world.relation_attributes(bound[*slot]).get(name);
                let port_fits = match port {
                    None => true,
                    Some(Term::Given(port)) => *port == fact.port,
                    Some(Term::Attribute(slot, name)) => {
                        attribute(slot, name).and_then(serde_json::Value::as_u64)
                            == Some(u64::from(fact.port))
                    }
                };
                let protocol_fits = match protocol {
                    None => true,
                    Some(Term::Given(protocol)) => **protocol == *fact.protocol,
                    Some(Term::Attribute(slot, name)) => attribute(slot, name)
                        .and_then(serde_json::Value::as_str)
                        .is_none_or(|text| text.eq_ignore_ascii_case(&fact.protocol)),
                };
                let matches = port_fits && protocol_fits && (!host_bound || bound[*host] == fact.host.0);
                if matches {
                    bound[*host] = fact.host.0;
                    bound[*service] = candidate;
                }
                matches
            }
            // What is optional was matched when its candidates were collected.
            AtomKind::Exposure { exposure, optional: true, .. } => {
                bound[*exposure] = candidate;
                return Ok(true);
            }
            AtomKind::Exposure { on, exposure, .. } => {
                let is_live = world.estate.exposures[candidate as usize].state.is_live();
                let matches = is_live && self.fits(atom, candidate, bound);
                if matches {
                    bound[*on] = world.estate.exposures[candidate as usize].asset.0;
                    bound[*exposure] = candidate;
                }
                matches
            }
            AtomKind::Asset { entity, kinds, .. } => {
                bound[*entity] = candidate;
                world.kind(candidate).is_some_and(|kind| kinds.contains(&kind))
            }
            AtomKind::Without { .. } | AtomKind::Condition => true,
        };
        Ok(matches && self.condition_holds(rule, atom, bound)?)
    }

    fn condition_holds(&mut self, rule: &Rule, atom: &Atom, bound: &[u32]) -> Result<bool, Fault> {
        let Some(condition) = &atom.condition else { return Ok(true) };
        let environment = Arc::clone(&self.environment);
        condition
            .holds(&environment, |slot, fields| self.value(rule.slots[slot].sort, bound[slot], fields))
            .map_err(|message| (format!("{}.when", atom.field), message))
    }

    fn value(&mut self, sort: Sort, fact: u32, fields: &Fields) -> cel::Value {
        if fact == ABSENT {
            return cel::Value::Null;
        }
        let world = self.world;
        let mut entries: Vec<(String, cel::Value)> = Vec::new();
        let mut put = |name: &str, value: &mut dyn FnMut() -> cel::Value| {
            if fields.want(name) {
                entries.push((name.to_owned(), value()));
            }
        };
        match sort {
            Sort::Entity => match world::entity_of(world.estate, &world.derived, fact) {
                Ok(index) => {
                    let asset = world.estate.asset(index);
                    put("kind", &mut || condition::text(asset.kind.as_str()));
                    put("name", &mut || condition::text(&name_of(world.estate, index)));
                    put("attributes", &mut || condition::attributes(&asset.attributes));
                    put("identifiers", &mut || identifiers(asset));
                    put("public", &mut || cel::Value::Bool(network::is_public(asset)));
                }
                Err(other) => {
                    let kind = match other {
                        Virtual::Internet => "internet",
                        Virtual::Entry(_) => "entry",
                        Virtual::Gate { .. } => "gate",
                    };
                    put("kind", &mut || condition::text(kind));
                    put("name", &mut || condition::text(kind));
                    put("attributes", &mut || condition::map([]));
                    put("identifiers", &mut || condition::map([]));
                    put("public", &mut || cel::Value::Bool(false));
                }
            },
            Sort::Relation => {
                put("kind", &mut || condition::text(world.relation_kind(fact)));
                put("attributes", &mut || condition::attributes(world.relation_attributes(fact)));
            }
            Sort::Service => {
                let service = &world.derived.services[fact as usize];
                put("protocol", &mut || condition::text(&service.protocol));
                put("port", &mut || cel::Value::Int(i64::from(service.port)));
                put("attributes", &mut || match service.origin {
                    world::Origin::Service(number) => {
                        condition::attributes(&world.estate.services[number as usize].attributes)
                    }
                    _ => condition::map([]),
                });
            }
            Sort::Exposure => {
                let exposure = &world.estate.exposures[fact as usize];
                let weakness = world.estate.weakness(exposure.weakness);
                put("weakness", &mut || condition::text(&weakness.key.to_string()));
                put("class", &mut || {
                    condition::text(self.catalogue.class(weakness).map_or("", |class| class.id.as_str()))
                });
                put("severity", &mut || condition::text(exposure.severity.as_str()));
                put("score", &mut || weakness.score.map_or(cel::Value::Null, cel::Value::Float));
                put("cwes", &mut || {
                    cel::Value::List(Arc::new(
                        weakness.cwes.iter().map(|&cwe| cel::Value::Int(i64::from(cwe))).collect(),
                    ))
                });
                put("place", &mut || condition::text(place_word(&exposure.place)));
                put("placed", &mut || {
                    cel::Value::Bool(!world::ports_of(world.estate, ExposureIndex(fact)).is_empty())
                });
                put("attributes", &mut || {
                    let live = exposure.witnesses.iter().filter(|witness| witness.live);
                    let all = live.flat_map(|witness| witness.attributes.clone());
                    condition::attributes(&all.collect())
                });
                let assessed = ["gives", "vector", "privileges", "needs_user", "likelihood"];
                if assessed.iter().any(|field| fields.want(field)) {
                    let assessment = self.assessment(fact).clone();
                    let mut put = |name: &str, value: cel::Value| entries.push((name.to_owned(), value));
                    put("gives", condition::text(assessment.gives.as_str()));
                    put("vector", condition::text(assessment.vector.as_str()));
                    put("privileges", condition::text(assessment.privileges.as_str()));
                    put("needs_user", cel::Value::Bool(assessment.needs_user));
                    put("likelihood", cel::Value::Float(assessment.likelihood));
                }
            }
        }
        condition::map(entries)
    }
}

/// The kind of a place, in one word.
fn place_word(place: &Place) -> &'static str {
    match place {
        Place::Whole => "whole",
        Place::Port { .. } => "port",
        Place::Code { .. } => "code",
        Place::Setting(_) => "setting",
        Place::Web { .. } => "web",
        Place::Secret(_) => "secret",
    }
}

/// Scheme to its values.
fn identifiers(asset: &bartizan_model::estate::Asset) -> cel::Value {
    let mut schemes: std::collections::BTreeMap<&str, Vec<cel::Value>> = std::collections::BTreeMap::new();
    for identifier in &asset.identifiers {
        schemes.entry(identifier.scheme().as_str()).or_default().push(condition::text(identifier.value()));
    }
    condition::map(
        schemes.into_iter().map(|(scheme, values)| (scheme.to_owned(), cel::Value::List(Arc::new(values)))),
    )
}

/// The product and version of a service, as its report names them.
pub(super) fn product_of(estate: &Estate, origin: world::Origin) -> Option<String> {
    let world::Origin::Service(number) = origin else { return None };
    let attributes = &estate.services[number as usize].attributes;
    let text = |name| {
        attributes.get(name).and_then(serde_json::Value::as_str).filter(|text: &&str| !text.is_empty())
    };
    text("product").or_else(|| text("service")).map(str::to_owned)
}
