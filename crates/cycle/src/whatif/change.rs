//! What is changed: which fixes are made, and which asset is in the attacker's hands.

use std::collections::BTreeSet;

use bartizan_graph::engine::{NodeId, closure};
use bartizan_graph::rules::{AttackNode, Level};
use bartizan_model::estate::AssetIndex;
use bartizan_model::{AssetKind, Digest};

use super::answer::{Compromised, Gained};
use crate::ranking::engine::Engine;
use crate::ranking::{FixEntry, Ranking};
use crate::{Error, Result};

/// Shorter digits are a rank; these many or more are the beginning of an id.
const SHORTEST_DIGITS_OF_ID: usize = 8;
/// How many assets an error names.
const NAMED: usize = 5;

/// The fixes that are meant: by the rank of an exposure in `top`, by `f1` for the first of `fixes`, by the id
/// of a fix or of an exposure, or its beginning.
pub(super) fn fixes(ranking: &Ranking, texts: &[String]) -> Result<Vec<FixEntry>> {
    let mut chosen: Vec<Digest> = Vec::new();
    for text in texts {
        let key = fix(ranking, text.trim())?;
        if !chosen.contains(&key) {
            chosen.push(key);
        }
    }
    let entry = |key: Digest| {
        let found = ranking.all_fixes.iter().find(|fix| fix.id == key).cloned();
        found.ok_or_else(|| Error::NoFix(key.to_string()))
    };
    chosen.into_iter().map(entry).collect()
}

fn fix(ranking: &Ranking, text: &str) -> Result<Digest> {
    let unknown = || Error::NoFix(text.to_owned());
    let number = |text: &str| text.parse::<usize>().ok().filter(|_| text.len() < SHORTEST_DIGITS_OF_ID);
    if let Some(rank) = number(text) {
        let found = rank.checked_sub(1).and_then(|position| ranking.exposures.get(position));
        let found = found.ok_or(Error::NoRank { rank, exposures: ranking.exposures.len() })?;
        return found.fix_id.ok_or_else(unknown);
    }
    if let Some(rank) = text.strip_prefix(['f', 'F']).and_then(number) {
        let found = rank.checked_sub(1).and_then(|position| ranking.fixes.fixes.get(position));
        return Ok(found.ok_or(Error::NoFixRank { rank, fixes: ranking.fixes.fixes.len() })?.id);
    }
    let prefix = text.to_ascii_lowercase();
    if prefix.is_empty() {
        return Err(unknown());
    }
    let begins = |id: Digest| id.to_string().starts_with(&prefix);
    let exposures = ranking.exposures.iter().filter(|ranked| begins(ranked.id));
    let found: BTreeSet<Digest> = exposures
        .filter_map(|ranked| ranked.fix_id)
        .chain(ranking.all_fixes.iter().map(|fix| fix.id).filter(|id| begins(*id)))
        .collect();
    match found.len() {
        0 => Err(unknown()),
        1 => found.first().copied().ok_or_else(unknown),
        _ => Err(Error::AmbiguousExposure(text.to_owned())),
    }
}

/// The asset that is meant: by name or identifier, by the beginning of its id, failing these by a part of
/// its name.
pub(super) fn asset(engine: &Engine<'_>, text: &str) -> Result<AssetIndex> {
    let estate = &engine.estate;
    let text = text.trim();
    let folded = text.to_lowercase();
    let readings: [&dyn Fn(AssetIndex) -> bool; 3] = [
        &|index| {
            let asset = estate.asset(index);
            let is_identifier = asset
                .identifiers
                .iter()
                .any(|own| own.value().to_lowercase() == folded || own.to_string().to_lowercase() == folded);
            asset.name.to_lowercase() == folded || is_identifier
        },
        &|index| {
            text.len() >= SHORTEST_DIGITS_OF_ID && estate.asset(index).key.to_string().starts_with(&folded)
        },
        &|index| !text.is_empty() && estate.asset(index).name.to_lowercase().contains(&folded),
    ];
    for reading in readings {
        let mut found: Vec<AssetIndex> = estate.asset_indices().filter(|index| reading(*index)).collect();
        // The internet is where attackers are anyway.
        found.retain(|index| estate.asset(*index).kind != AssetKind::Internet);
        match found.as_slice() {
            [] => {}
            [one] => return Ok(*one),
            several => {
                let name = |index: &AssetIndex| {
                    let asset = estate.asset(*index);
                    format!("{} {} ({})", asset.kind, asset.name, &asset.key.to_string()[..12])
                };
                let mut names: Vec<String> = several.iter().take(NAMED).map(name).collect();
                if several.len() > NAMED {
                    names.push(format!("{} more", several.len() - NAMED));
                }
                return Err(Error::SeveralAssets { name: text.to_owned(), found: names.join(", ") });
            }
        }
    }
    Err(Error::UnknownAsset(text.to_owned()))
}

/// What an attacker holds who holds an asset altogether, as far as the attack graph has it: full control, and
/// what does not follow from it there.
pub(super) fn holdings(engine: &Engine<'_>, asset: AssetIndex) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> = Vec::new();
    for level in [Level::Held, Level::User, Level::Content, Level::Write] {
        let Some(node) = engine.attack.node(&AttackNode::Asset(asset, level)) else { continue };
        let alone = engine.attack.graph.with_ends(&nodes, &[]);
        if !closure(&alone, &engine.removed).holds(node) {
            nodes.push(node);
        }
    }
    nodes
}

/// What falls with an asset, if the attacker holds nothing else.
pub(super) fn compromised(engine: &Engine<'_>, asset: AssetIndex, nodes: &[NodeId]) -> Compromised {
    let (estate, scope) = (&engine.estate, &engine.inputs.scope);
    let alone = engine.attack.graph.with_ends(nodes, &[]);
    let held = closure(&alone, &engine.removed);
    let jewels = scope.jewels.iter().enumerate();
    let fallen = jewels
        .filter(|(number, jewel)| held.holds_any(&engine.targets(*number)) || jewel.assets.contains(&asset));
    // The most of each asset: levels come in that order.
    let mut most: std::collections::BTreeMap<AssetIndex, (Level, NodeId)> = std::collections::BTreeMap::new();
    for node in held.nodes() {
        let AttackNode::Asset(other, level) = &engine.attack.nodes[node.index()] else { continue };
        let counts = *level != Level::Network && is_thing(estate.asset(*other).kind) && *other != asset;
        if counts && most.get(other).is_none_or(|(known, _)| level < known) {
            most.insert(*other, (*level, node));
        }
    }
    let mut gains: Vec<Gained> = most
        .iter()
        .map(|(other, (_, node))| {
            let (own, place) = (estate.asset(*other), &scope.places[other.index()]);
            Gained {
                kind: own.kind.to_string(),
                asset: own.name.clone(),
                id: own.key,
                what: engine.attack.nodes[node.index()].label(estate),
                owner: place.owner.clone(),
                in_scope: place.in_scope,
            }
        })
        .collect();
    gains.sort();
    let in_scope = |index: &AssetIndex| {
        scope.places[index.index()].in_scope && is_thing(estate.asset(*index).kind) && *index != asset
    };
    let (own, place) = (estate.asset(asset), &scope.places[asset.index()]);
    Compromised {
        asset: own.name.clone(),
        id: own.key,
        kind: own.kind.to_string(),
        owner: place.owner.clone(),
        crown_jewels: fallen.map(|(_, jewel)| jewel.name.clone()).collect(),
        blast_radius: gains.iter().filter(|gained| gained.in_scope).count(),
        assets_in_scope: estate.asset_indices().filter(in_scope).count(),
        gains,
    }
}

/// Where packets can be sent is a position, not a thing that falls.
const fn is_thing(kind: AssetKind) -> bool {
    !matches!(kind, AssetKind::NetworkZone | AssetKind::Internet)
}
