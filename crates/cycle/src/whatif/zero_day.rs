//! A weakness that nobody knows yet, in one component: who holds it, and what it would open.
//!
//! Every asset that is known to hold the component gets an assumed exposure: at the ports where it is known
//! to listen, else on the asset as a whole. From there the attack rules decide, as for any other weakness.
//! What is not known to hold the component is not said to be free of it.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_model::estate::{AssetIndex, Estate, Exposure, ExposureIndex, Mention, WeaknessIndex, Witness};
use bartizan_model::{
    AssetKind, Attributes, Digest, Digester, Place, RelationKind, Severity, State, Status, Weakness,
    WeaknessKey,
};
use serde_json::Value;

use super::answer::{Affected, Named, ZeroDay};
use super::component::Component;
use crate::inputs::Inputs;
use crate::ranking::EvidenceItem;
use crate::ranking::engine::Engine;
use crate::ranking::facts::ZERO_DAY;
use crate::words::list;
use crate::{Error, Result};

/// Kinds of assets that hold or run software, so that an inventory of components can be had of them.
const HOLDERS: [AssetKind; 6] = [
    AssetKind::Host,
    AssetKind::Endpoint,
    AssetKind::Workload,
    AssetKind::Repository,
    AssetKind::Artifact,
    AssetKind::Application,
];

/// What was assumed, before the attack rules have said what follows.
pub(super) struct Assumption {
    component: String,
    holders: BTreeMap<AssetIndex, Holder>,
    /// Keys of the assumed exposures, by asset.
    exposures: BTreeMap<AssetIndex, Vec<Digest>>,
}

/// What was said, of which port, and where.
type Saying = (String, Option<(String, u16)>, Mention);

/// What reports say of the component on one asset.
#[derive(Default)]
struct Holder {
    components: BTreeSet<String>,
    versions: BTreeSet<String>,
    ports: BTreeSet<(String, u16)>,
    said: BTreeSet<Saying>,
}

/// Puts the weakness into the inputs.
pub(super) fn assume(inputs: &mut Inputs, text: &str) -> Result<Assumption> {
    let component = Component::parse(text).ok_or_else(|| Error::NoComponent(text.to_owned()))?;
    let holders = holders(&inputs.estate, &component);
    let name = text.trim().to_owned();
    let weakness = WeaknessIndex(inputs.estate.weaknesses.len() as u32);
    let key = WeaknessKey::rule("what-if", &name);
    inputs.estate.weaknesses.push(Weakness::new(key, format!("A zero-day in {name}")));
    let mut exposures: BTreeMap<AssetIndex, Vec<Digest>> = BTreeMap::new();
    for (asset, holder) in &holders {
        let at_ports = holder.ports.iter().map(|(protocol, port)| Place::port(protocol, *port));
        let mut places: Vec<Place> = at_ports.collect();
        if places.is_empty() {
            places.push(Place::Whole);
        }
        for place in places {
            let exposure = exposure(inputs, *asset, weakness, place, holder);
            inputs.hypothetical.insert(exposure.key);
            exposures.entry(*asset).or_default().push(exposure.key);
            inputs.estate.exposures.push(exposure);
        }
    }
    Ok(Assumption { component: name, holders, exposures })
}

/// Who holds the component: by bills of materials, by what weaknesses were found in, by what answers at ports.
fn holders(estate: &Estate, component: &Component) -> BTreeMap<AssetIndex, Holder> {
    let mut holders: BTreeMap<AssetIndex, Holder> = BTreeMap::new();
    let mut add =
        |asset, name: &str, version: Option<&str>, port: Option<(&str, u16)>, mentions: &[Mention]| {
            let holder = holders.entry(asset).or_default();
            holder.components.insert(name.to_owned());
            let version = version.filter(|version| !version.is_empty());
            holder.versions.extend(version.map(str::to_owned));
            let port = port.map(|(protocol, port)| (protocol.to_lowercase(), port));
            holder.ports.extend(port.clone());
            let version = version.map(|version| format!(" {version}")).unwrap_or_default();
            let place =
                port.as_ref().map(|(protocol, port)| format!(" at {protocol}/{port}")).unwrap_or_default();
            let said = format!("{name}{version}{place}");
            holder.said.extend(mentions.iter().map(|mention| (said.clone(), port.clone(), mention.clone())));
        };
    for found in &estate.components {
        let (part, version) = (&found.part, found.part.version.as_deref());
        let named = |name| found.attributes.get(name).and_then(Value::as_str);
        let is_it = component.is_part(&part.component)
            || [named("purl"), named("cpe")].into_iter().flatten().any(|name| component.is_part(name));
        if is_it && component.is_version(version) {
            add(found.asset, &part.component, version, port(&found.attributes), &found.witnesses);
        }
    }
    for exposure in estate.exposures.iter().filter(|exposure| exposure.state.is_live()) {
        for witness in exposure.witnesses.iter().filter(|witness| witness.live) {
            let Some(part) = &witness.part else { continue };
            let version = part.version.as_deref();
            if component.is_part(&part.component) && component.is_version(version) {
                let port = port(&witness.attributes);
                let mention = std::slice::from_ref(&witness.mention);
                add(exposure.asset, &part.component, version, port, mention);
            }
        }
    }
    for service in &estate.services {
        let said = |name| service.attributes.get(name).and_then(Value::as_str);
        let (product, cpe) = (said("product"), said("cpe"));
        if component.is_service(product, cpe) && component.is_version(said("version")) {
            let name = product.or(cpe).unwrap_or_default().trim();
            let port = Some((service.protocol.as_str(), service.port));
            add(service.host, name, said("version"), port, &service.witnesses);
        }
    }
    holders
}

/// The port that a report names beside what it found; TCP where it names no protocol.
fn port(attributes: &Attributes) -> Option<(&str, u16)> {
    let port = attributes.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let protocol = attributes.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
    port.filter(|port| *port != 0).map(|port| (protocol, port))
}

fn exposure(
    inputs: &Inputs,
    asset: AssetIndex,
    weakness: WeaknessIndex,
    place: Place,
    holder: &Holder,
) -> Exposure {
    let key = Digester::new("what-if-exposure")
        .field(inputs.estate.asset(asset).key.as_bytes())
        .field(inputs.estate.weakness(weakness).key.to_string())
        .field(place.to_string())
        .finish();
    let witnesses = holder
        .said
        .iter()
        .filter(|(_, port, _)| {
            port.as_ref().is_none_or(|(protocol, port)| Place::port(protocol, *port) == place)
        })
        .map(|(said, _, mention)| Witness {
            tool: inputs.estate.report(mention.report).tool.clone(),
            mention: mention.clone(),
            // Without a part: an upgrade that is known for the component is none for this.
            part: None,
            status: Status::Affected,
            severity: Severity::Critical,
            evidence: Some(format!("{said} is there; that it has a zero-day is assumed")),
            fix: None,
            attributes: Attributes::new(),
            last_seen: inputs.as_of,
            live: true,
        })
        .collect();
    Exposure {
        key,
        asset,
        weakness,
        place,
        state: State::Open,
        severity: Severity::Critical,
        first_seen: inputs.as_of,
        last_seen: inputs.as_of,
        witnesses,
    }
}

impl Assumption {
    /// What follows in the changed world.
    pub(super) fn answer(&self, engine: &Engine<'_>) -> ZeroDay {
        let assumed: BTreeMap<Digest, ExposureIndex> = engine
            .estate
            .exposure_indices()
            .map(|index| (engine.estate.exposure(index).key, index))
            .filter(|(key, _)| engine.inputs.hypothetical.contains(key))
            .collect();
        let mut affected: Vec<Affected> = self
            .holders
            .iter()
            .map(|(asset, holder)| self.affected(engine, &assumed, *asset, holder))
            .collect();
        affected.sort_by(|left, right| {
            let key =
                |affected: &Affected| (!affected.reached, !affected.in_scope, affected.ports.is_empty());
            key(left).cmp(&key(right)).then_with(|| (&left.asset, left.id).cmp(&(&right.asset, right.id)))
        });
        let (with_inventory, without_inventory) = inventories(engine.inputs);
        ZeroDay {
            component: self.component.clone(),
            likelihood: ZERO_DAY,
            likelihood_because: "assumed: an attacker has a working exploit that nobody else knows"
                .to_owned(),
            affected,
            with_inventory,
            without_inventory,
        }
    }

    fn affected(
        &self,
        engine: &Engine<'_>,
        assumed: &BTreeMap<Digest, ExposureIndex>,
        index: AssetIndex,
        holder: &Holder,
    ) -> Affected {
        let asset = engine.estate.asset(index);
        let place = &engine.inputs.scope.places[index.index()];
        let own = self.exposures.get(&index).into_iter().flatten();
        let mut rules = own.filter_map(|key| engine.rules_of.get(assumed.get(key)?)).flatten();
        let graph = &engine.attack.graph;
        let reached = rules.any(|rule| graph.premises(*rule).all(|premise| engine.closure.holds(premise)));
        let ports: Vec<String> =
            holder.ports.iter().map(|(protocol, port)| format!("{protocol}/{port}")).collect();
        let mut evidence: Vec<EvidenceItem> =
            holder.said.iter().map(|(said, _, mention)| engine.cite(said, mention)).collect();
        evidence.sort();
        evidence.dedup();
        Affected {
            asset: asset.name.clone(),
            id: asset.key,
            kind: asset.kind.to_string(),
            owner: place.owner.clone(),
            contact: place.contact.clone(),
            in_scope: place.in_scope,
            components: holder.components.iter().cloned().collect(),
            versions: holder.versions.iter().cloned().collect(),
            assumed: taken_for_granted(&engine.estate, index, &ports),
            ports,
            reached,
            evidence,
        }
    }
}

/// How an attacker is taken to get at the component on an asset.
fn taken_for_granted(estate: &Estate, index: AssetIndex, ports: &[String]) -> String {
    if !ports.is_empty() {
        return format!("who can talk to {} runs code on it", list(ports.iter().map(String::as_str)));
    }
    match estate.asset(index).kind {
        AssetKind::Host | AssetKind::Endpoint | AssetKind::Workload => {
            "no report says at which port it listens, if at any: any port that can be reached is taken to lead to it, half as likely".to_owned()
        }
        AssetKind::Repository | AssetKind::Artifact => {
            let runs_on: BTreeSet<&str> = places_of(estate, index);
            if runs_on.is_empty() {
                "no report says where it runs, so no step follows; that it runs nowhere is not known".to_owned()
            } else {
                format!(
                    "who can talk to {} is taken to reach it, 0.3 times as likely: whether the vulnerable part is used is not known",
                    list(runs_on)
                )
            }
        }
        kind => format!("no attack rule says what code on a {kind} without a port gives"),
    }
}

/// Where a repository or artifact runs, directly or as what is built from it.
fn places_of(estate: &Estate, index: AssetIndex) -> BTreeSet<&str> {
    let ends = |from: AssetIndex, kind: &RelationKind| -> Vec<AssetIndex> {
        let own = estate.relations.iter().filter(|relation| relation.from == from && relation.kind == *kind);
        own.map(|relation| relation.to).collect()
    };
    let mut sources = ends(index, &RelationKind::BUILDS);
    sources.push(index);
    let hosts = sources.iter().flat_map(|source| ends(*source, &RelationKind::DEPLOYED_TO));
    hosts.map(|host| estate.asset(host).name.as_str()).collect()
}

/// How many assets in scope that hold software have a component inventory, and those that have none. Names
/// of components that a look from outside guesses are no inventory; packages with a purl are.
fn inventories(inputs: &Inputs) -> (usize, Vec<Named>) {
    let listed: BTreeSet<AssetIndex> = inputs
        .estate
        .components
        .iter()
        .filter(|found| found.part.component.starts_with("pkg:"))
        .map(|found| found.asset)
        .collect();
    let (mut with, mut without) = (0, Vec::new());
    for index in inputs.estate.asset_indices() {
        let (asset, place) = (inputs.estate.asset(index), &inputs.scope.places[index.index()]);
        if !place.in_scope || !HOLDERS.contains(&asset.kind) {
            continue;
        }
        if listed.contains(&index) {
            with += 1;
        } else {
            without.push(Named {
                kind: asset.kind.to_string(),
                asset: asset.name.clone(),
                id: asset.key,
                owner: place.owner.clone(),
            });
        }
    }
    without.sort();
    (with, without)
}
