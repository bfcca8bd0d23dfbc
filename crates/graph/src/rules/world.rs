//! The facts of an estate as rules join them: every fact with a number, indexes over what rules ask for,
//! and the facts that follow from attributes (gates of security groups, ports that findings name).
//!
//! Everything is visited in the order of keys, never of positions, so that the order in which facts were
//! collected changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bartizan_model::estate::{AssetIndex, Estate, ExposureIndex, Mention};
use bartizan_model::{AssetKind, Attributes, Digest, EntryKind, Place, RelationKind, Scheme};

use super::network;
use super::rule::Rules;

/// Number of an asset, or of something that stands beside the assets.
pub(super) type Entity = u32;

/// Something that rules treat like an asset but no report names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Virtual {
    Internet,
    Entry(EntryKind),
    Gate { group: AssetIndex, protocol: Arc<str>, first: u16, last: u16 },
}

/// Where a derived fact comes from: what witnesses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Asset(AssetIndex),
    /// Position in [`Estate::relations`].
    Relation(u32),
    /// Position in [`Estate::services`].
    Service(u32),
    Exposure(ExposureIndex),
}

/// A relation that no report states but attributes or the question imply.
#[derive(Clone, Debug)]
pub(super) struct DerivedRelation {
    pub(super) kind: &'static str,
    pub(super) from: Entity,
    pub(super) to: Entity,
    pub(super) attributes: Attributes,
    pub(super) origin: Origin,
}

/// A port of a host that some report speaks of.
#[derive(Clone, Debug)]
pub(super) struct ServiceFact {
    pub(super) host: AssetIndex,
    pub(super) protocol: Arc<str>,
    pub(super) port: u16,
    pub(super) origin: Origin,
}

/// What was derived; it outlives grounding, because steps are described from it.
#[derive(Clone, Debug, Default)]
pub(super) struct Derived {
    /// Entities behind the assets.
    pub(super) entities: Vec<Virtual>,
    /// Relations behind the estate's.
    pub(super) relations: Vec<DerivedRelation>,
    pub(super) services: Vec<ServiceFact>,
}

/// Derived relation kinds. Rules use them like any other.
pub(super) const ADMITS: &str = "admits";
pub(super) const GUARDS: &str = "guards";

const fn entry_relation(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Internet => "may_come_from",
        EntryKind::PhishedUser => "may_phish",
        EntryKind::ThirdParty => "may_breach",
        EntryKind::Insider => "may_turn",
    }
}

/// Facts sorted by a key, to be found by it.
#[derive(Default)]
pub(super) struct Index {
    keys: Vec<u32>,
    facts: Vec<u32>,
}

impl Index {
    /// Keeps the order of facts with equal keys.
    fn new(mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_by_key(|&(key, _)| key);
        Self {
            keys: pairs.iter().map(|&(key, _)| key).collect(),
            facts: pairs.iter().map(|&(_, fact)| fact).collect(),
        }
    }

    pub(super) fn of(&self, key: u32) -> &[u32] {
        let start = self.keys.partition_point(|&known| known < key);
        let length = self.keys[start..].partition_point(|&known| known == key);
        &self.facts[start..start + length]
    }
}

/// The relations of a set of kinds.
#[derive(Default)]
pub(super) struct RelationSet {
    pub(super) all: Vec<u32>,
    pub(super) by_from: Index,
    pub(super) by_to: Index,
}

pub(super) struct World<'a> {
    pub(super) estate: &'a Estate,
    pub(super) derived: Derived,
    /// Assets and what stands beside them, in the order of keys.
    pub(super) entities: Vec<Entity>,
    pub(super) entities_by_kind: BTreeMap<AssetKind, Vec<Entity>>,
    /// By the rules' sets of kinds.
    pub(super) relation_sets: Vec<RelationSet>,
    pub(super) services: Vec<u32>,
    pub(super) services_by_host: Index,
    /// Live and closed ones, in order.
    pub(super) exposures: Vec<u32>,
    pub(super) exposures_by_asset: Index,
    exposures_by_secret: HashMap<Digest, Vec<u32>>,
}

impl<'a> World<'a> {
    pub(super) fn new(estate: &'a Estate, rules: &Rules, entries: &[(EntryKind, Vec<AssetIndex>)]) -> Self {
        let asset_rank = Ranks::of_assets(estate);
        let relation_order = order_of_relations(estate, &asset_rank);
        let exposure_order = order_of_exposures(estate, &asset_rank);
        let mut derived = Derived::default();
        derive_entities(estate, &asset_rank, &relation_order, entries, &mut derived);
        derived.services = services(estate, &relation_order, &exposure_order);

        let mut entities = asset_rank.order.clone();
        let count = estate.assets.len() as u32;
        entities.extend((0..derived.entities.len() as u32).map(|number| count + number));

        let mut services: Vec<u32> = (0..derived.services.len() as u32).collect();
        services.sort_by_key(|&service| asset_rank.rank[derived.services[service as usize].host.index()]);
        let services_by_host =
            Index::new(services.iter().map(|&s| (derived.services[s as usize].host.0, s)).collect());
        let exposures_by_asset =
            Index::new(exposure_order.iter().map(|&e| (estate.exposures[e as usize].asset.0, e)).collect());
        let mut exposures_by_secret: HashMap<Digest, Vec<u32>> = HashMap::new();
        for &exposure in &exposure_order {
            if let Place::Secret(fingerprint) = estate.exposures[exposure as usize].place {
                exposures_by_secret.entry(fingerprint).or_default().push(exposure);
            }
        }
        let mut world = Self {
            estate,
            derived,
            entities,
            entities_by_kind: BTreeMap::new(),
            relation_sets: Vec::new(),
            services,
            services_by_host,
            exposures: exposure_order,
            exposures_by_asset,
            exposures_by_secret,
        };
        for &entity in &world.entities {
            if let Some(kind) = world.kind(entity) {
                world.entities_by_kind.entry(kind).or_default().push(entity);
            }
        }
        world.relation_sets = world.index_relations(rules, &relation_order);
        world
    }

    fn index_relations(&self, rules: &Rules, order: &[u32]) -> Vec<RelationSet> {
        let mut sets_of_kind: HashMap<&str, Vec<usize>> = HashMap::new();
        for (set, kinds) in rules.kind_sets.iter().enumerate() {
            for kind in kinds {
                sets_of_kind.entry(kind).or_default().push(set);
            }
        }
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); rules.kind_sets.len()];
        let stated = self.estate.relations.len() as u32;
        let all = order.iter().copied().chain((0..self.derived.relations.len() as u32).map(|n| stated + n));
        for relation in all {
            for &set in sets_of_kind.get(self.relation_kind(relation)).into_iter().flatten() {
                members[set].push(relation);
            }
        }
        let set = |all: Vec<u32>| {
            let by = |end: fn(&Self, u32) -> Entity| {
                Index::new(all.iter().map(|&relation| (end(self, relation), relation)).collect())
            };
            RelationSet { by_from: by(Self::relation_from), by_to: by(Self::relation_to), all }
        };
        members.into_iter().map(set).collect()
    }

    pub(super) fn exposures_of_secret(&self, fingerprint: Digest) -> &[u32] {
        self.exposures_by_secret.get(&fingerprint).map_or(&[], Vec::as_slice)
    }

    pub(super) fn relation_kind(&self, relation: u32) -> &str {
        relation_kind(self.estate, &self.derived, relation)
    }

    pub(super) fn relation_from(&self, relation: u32) -> Entity {
        relation_ends(self.estate, &self.derived, relation).0
    }

    pub(super) fn relation_to(&self, relation: u32) -> Entity {
        relation_ends(self.estate, &self.derived, relation).1
    }

    pub(super) fn relation_attributes(&self, relation: u32) -> &Attributes {
        relation_attributes(self.estate, &self.derived, relation)
    }

    /// The kind of an entity; gates and entries have none.
    pub(super) fn kind(&self, entity: Entity) -> Option<AssetKind> {
        match entity_of(self.estate, &self.derived, entity) {
            Ok(asset) => Some(self.estate.asset(asset).kind),
            Err(Virtual::Internet) => Some(AssetKind::Internet),
            Err(_) => None,
        }
    }
}

/// The asset, or what stands beside the assets.
pub(super) fn entity_of<'d>(
    estate: &Estate,
    derived: &'d Derived,
    entity: Entity,
) -> Result<AssetIndex, &'d Virtual> {
    let index = entity as usize;
    if index < estate.assets.len() {
        Ok(AssetIndex(entity))
    } else {
        Err(&derived.entities[index - estate.assets.len()])
    }
}

pub(super) fn relation_kind<'e>(estate: &'e Estate, derived: &Derived, relation: u32) -> &'e str {
    match estate.relations.get(relation as usize) {
        Some(relation) => relation.kind.as_str(),
        None => derived.relations[relation as usize - estate.relations.len()].kind,
    }
}

pub(super) fn relation_ends(estate: &Estate, derived: &Derived, relation: u32) -> (Entity, Entity) {
    if let Some(relation) = estate.relations.get(relation as usize) {
        return (relation.from.0, relation.to.0);
    }
    let relation = &derived.relations[relation as usize - estate.relations.len()];
    (relation.from, relation.to)
}

pub(super) fn relation_attributes<'e>(
    estate: &'e Estate,
    derived: &'e Derived,
    relation: u32,
) -> &'e Attributes {
    match estate.relations.get(relation as usize) {
        Some(relation) => &relation.attributes,
        None => &derived.relations[relation as usize - estate.relations.len()].attributes,
    }
}

/// What witnesses a relation.
pub(super) fn relation_origin(estate: &Estate, derived: &Derived, relation: u32) -> Origin {
    if (relation as usize) < estate.relations.len() {
        Origin::Relation(relation)
    } else {
        derived.relations[relation as usize - estate.relations.len()].origin
    }
}

/// The places in reports behind a fact.
pub(super) fn mentions(estate: &Estate, origin: Origin) -> Vec<Mention> {
    match origin {
        Origin::Asset(asset) => estate.asset(asset).witnesses.clone(),
        Origin::Relation(relation) => estate.relations[relation as usize].witnesses.clone(),
        Origin::Service(service) => estate.services[service as usize].witnesses.clone(),
        Origin::Exposure(exposure) => {
            let witnesses = estate.exposure(exposure).witnesses.iter();
            witnesses.filter(|witness| witness.live).map(|witness| witness.mention.clone()).collect()
        }
    }
}

/// Whether any report stands behind a fact.
pub(super) fn is_witnessed(estate: &Estate, origin: Origin) -> bool {
    match origin {
        Origin::Asset(asset) => !estate.asset(asset).witnesses.is_empty(),
        Origin::Relation(relation) => !estate.relations[relation as usize].witnesses.is_empty(),
        Origin::Service(service) => !estate.services[service as usize].witnesses.is_empty(),
        Origin::Exposure(exposure) => estate.exposure(exposure).witnesses.iter().any(|witness| witness.live),
    }
}

/// Assets in the order of their keys, and each asset's place in it.
struct Ranks {
    order: Vec<u32>,
    rank: Vec<u32>,
}

impl Ranks {
    fn of_assets(estate: &Estate) -> Self {
        let mut order: Vec<u32> = (0..estate.assets.len() as u32).collect();
        order.sort_by_key(|&asset| estate.assets[asset as usize].key);
        let mut rank = vec![0; order.len()];
        for (place, &asset) in order.iter().enumerate() {
            rank[asset as usize] = place as u32;
        }
        Self { order, rank }
    }

    fn of(&self, asset: AssetIndex) -> u32 {
        self.rank[asset.index()]
    }
}

fn order_of_relations(estate: &Estate, rank: &Ranks) -> Vec<u32> {
    let mut order: Vec<u32> = (0..estate.relations.len() as u32).collect();
    order.sort_by(|&left, &right| {
        let (left, right) = (&estate.relations[left as usize], &estate.relations[right as usize]);
        let ends =
            |relation: &bartizan_model::estate::Relation| (rank.of(relation.from), rank.of(relation.to));
        ends(left).cmp(&ends(right)).then_with(|| left.kind.cmp(&right.kind)).then_with(|| {
            // Attributes have no order of their own; their text is only needed for twins.
            if left.attributes == right.attributes {
                return std::cmp::Ordering::Equal;
            }
            format!("{:?}", left.attributes).cmp(&format!("{:?}", right.attributes))
        })
    });
    order
}

fn order_of_exposures(estate: &Estate, rank: &Ranks) -> Vec<u32> {
    let mut order: Vec<u32> = (0..estate.exposures.len() as u32).collect();
    order.sort_by(|&left, &right| {
        let (left, right) = (&estate.exposures[left as usize], &estate.exposures[right as usize]);
        rank.of(left.asset).cmp(&rank.of(right.asset)).then_with(|| {
            let weakness = |index| &estate.weakness(index).key;
            weakness(left.weakness).cmp(weakness(right.weakness)).then_with(|| left.place.cmp(&right.place))
        })
    });
    order
}

/// The internet where no report names it, the entries, and the gates of security groups.
fn derive_entities(
    estate: &Estate,
    rank: &Ranks,
    relations: &[u32],
    entries: &[(EntryKind, Vec<AssetIndex>)],
    derived: &mut Derived,
) {
    let internet =
        match rank.order.iter().find(|&&asset| estate.assets[asset as usize].kind == AssetKind::Internet) {
            Some(&asset) => asset,
            None => add(estate, derived, Virtual::Internet),
        };
    for (kind, assets) in entries.iter().filter(|(kind, _)| *kind != EntryKind::Internet) {
        let from = add(estate, derived, Virtual::Entry(*kind));
        let mut assets = assets.clone();
        assets.sort_by_key(|&asset| rank.of(asset));
        assets.dedup();
        for asset in assets {
            derived.relations.push(DerivedRelation {
                kind: entry_relation(*kind),
                from,
                to: asset.0,
                attributes: Attributes::new(),
                origin: Origin::Asset(asset),
            });
        }
    }
    derive_gates(estate, rank, relations, internet, derived);
}

fn derive_gates(estate: &Estate, rank: &Ranks, relations: &[u32], internet: Entity, derived: &mut Derived) {
    let of_kind = |kind| {
        rank.order
            .iter()
            .map(|&asset| AssetIndex(asset))
            .filter(move |&asset| estate.asset(asset).kind == kind)
    };
    let groups: Vec<AssetIndex> = rank
        .order
        .iter()
        .map(|&asset| AssetIndex(asset))
        .filter(|&asset| estate.asset(asset).attribute("aws.ingress").is_some())
        .collect();
    if groups.is_empty() {
        return;
    }
    let mut group_by_id: BTreeMap<&str, AssetIndex> = BTreeMap::new();
    for &group in &groups {
        for identifier in &estate.asset(group).identifiers {
            let value = identifier.value();
            group_by_id.entry(value).or_insert(group);
            // An ARN ends in the id by which other groups name this one.
            if let Some((_, id)) = value.rsplit_once('/').filter(|_| identifier.scheme() == Scheme::AwsArn) {
                group_by_id.entry(id).or_insert(group);
            }
        }
    }
    let zones: Vec<(AssetIndex, &str)> = of_kind(AssetKind::NetworkZone)
        .filter_map(|zone| {
            let asset = estate.asset(zone);
            let network = asset.attribute("cidr").or_else(|| asset.attribute("aws.cidr"))?;
            Some((zone, network.as_str()?))
        })
        .collect();
    let mut protected: BTreeMap<AssetIndex, Vec<u32>> = BTreeMap::new();
    for &relation in relations {
        if estate.relations[relation as usize].kind == RelationKind::PROTECTS {
            protected.entry(estate.relations[relation as usize].from).or_default().push(relation);
        }
    }
    for group in groups {
        let Some(ingress) = estate.asset(group).attribute("aws.ingress") else { continue };
        let mut sources_of: BTreeMap<(String, u16, u16), BTreeSet<Entity>> = BTreeMap::new();
        for permission in network::permissions(ingress) {
            let mut sources = BTreeSet::new();
            for range in &permission.networks {
                if network::is_everywhere(range) {
                    sources.insert(internet);
                }
                sources.extend(
                    zones.iter().filter(|(_, zone)| network::holds(range, zone)).map(|(zone, _)| zone.0),
                );
            }
            sources.extend(
                permission.groups.iter().filter_map(|id| group_by_id.get(id.as_str())).map(|id| id.0),
            );
            let gate = (permission.protocol, permission.first, permission.last);
            sources_of.entry(gate).or_default().extend(sources);
        }
        for ((protocol, first, last), sources) in sources_of {
            let attributes = Attributes::from([
                ("protocol".to_owned(), protocol.as_str().into()),
                ("first_port".to_owned(), first.into()),
                ("last_port".to_owned(), last.into()),
            ]);
            let gate = Virtual::Gate { group, protocol: protocol.into(), first, last };
            let gate = add(estate, derived, gate);
            let mut sources: Vec<Entity> = sources.into_iter().collect();
            sources.sort_by_key(|&source| rank.rank.get(source as usize).copied().unwrap_or(u32::MAX));
            for from in sources {
                derived.relations.push(DerivedRelation {
                    kind: ADMITS,
                    from,
                    to: gate,
                    attributes: attributes.clone(),
                    origin: Origin::Asset(group),
                });
            }
            for &relation in protected.get(&group).into_iter().flatten() {
                derived.relations.push(DerivedRelation {
                    kind: GUARDS,
                    from: gate,
                    to: estate.relations[relation as usize].to.0,
                    attributes: attributes.clone(),
                    origin: Origin::Relation(relation),
                });
            }
        }
    }
}

fn add(estate: &Estate, derived: &mut Derived, entity: Virtual) -> Entity {
    derived.entities.push(entity);
    (estate.assets.len() + derived.entities.len() - 1) as u32
}

/// Ports of hosts: those that reports list, and those that only a relation or a live exposure names.
fn services(estate: &Estate, relations: &[u32], exposures: &[u32]) -> Vec<ServiceFact> {
    let mut protocols: BTreeMap<String, Arc<str>> = BTreeMap::new();
    let mut facts: Vec<ServiceFact> = Vec::with_capacity(estate.services.len());
    let mut add = |host, protocol: &str, port, origin| {
        let known = protocols.get(protocol).cloned();
        let protocol = known.unwrap_or_else(|| {
            let new: Arc<str> = protocol.to_ascii_lowercase().into();
            protocols.insert(protocol.to_owned(), Arc::clone(&new));
            new
        });
        facts.push(ServiceFact { host, protocol, port, origin });
    };
    for (number, service) in estate.services.iter().enumerate() {
        add(service.host, &service.protocol, service.port, Origin::Service(number as u32));
    }
    for &number in relations {
        let relation = &estate.relations[number as usize];
        if relation.kind == RelationKind::REACHES
            && let Some((protocol, port)) = port_of(&relation.attributes)
        {
            add(relation.to, protocol, port, Origin::Relation(number));
        }
    }
    for &number in exposures {
        let exposure = &estate.exposures[number as usize];
        if !exposure.state.is_live() {
            continue;
        }
        for (protocol, port) in ports_of(estate, ExposureIndex(number)) {
            add(exposure.asset, protocol, port, Origin::Exposure(ExposureIndex(number)));
        }
    }
    // Stable: of several facts on one port the first stays, and the estate's own come first.
    facts.sort_by(|left, right| {
        (left.host, &left.protocol, left.port).cmp(&(right.host, &right.protocol, right.port))
    });
    facts.dedup_by(|later, first| {
        (later.host, &later.protocol, later.port) == (first.host, &first.protocol, first.port)
    });
    facts
}

/// The port that attributes name; TCP where they name no protocol.
pub(super) fn port_of(attributes: &Attributes) -> Option<(&str, u16)> {
    let port = attributes.get("port").and_then(serde_json::Value::as_u64);
    let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0)?;
    Some((attributes.get("protocol").and_then(serde_json::Value::as_str).unwrap_or("tcp"), port))
}

/// The ports at which an exposure is met: its place's, else those that its live witnesses name.
pub(super) fn ports_of(estate: &Estate, exposure: ExposureIndex) -> Vec<(&str, u16)> {
    let exposure = estate.exposure(exposure);
    match &exposure.place {
        Place::Port { protocol, port } => vec![(protocol, *port)],
        Place::Web { port, .. } => vec![("tcp", *port)],
        Place::Whole => {
            let live = exposure.witnesses.iter().filter(|witness| witness.live);
            let mut ports: Vec<(&str, u16)> =
                live.filter_map(|witness| port_of(&witness.attributes)).collect();
            ports.sort_unstable();
            ports.dedup();
            ports
        }
        _ => Vec::new(),
    }
}
