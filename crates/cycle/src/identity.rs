//! Which names are of one asset: the decision that imports ask for, and what people decide themselves.

use bartizan_discover::inventory::{Link, Pin, partition};
use bartizan_model::{Identifier, Strength, Timestamp};
use bartizan_store::{Component, Decision, Pinned, Store};

use crate::{Error, Result};

/// Identity decides by names and times; the store's rows are put into its terms and back.
pub(crate) fn decide(component: &Component) -> Vec<usize> {
    let identifiers: Vec<Identifier> =
        component.identifiers.iter().map(|row| row.identifier.clone()).collect();
    let links: Vec<Link> = component
        .links
        .iter()
        .map(|row| Link { low: row.low, high: row.high, last_at: row.last_at })
        .collect();
    let pins: Vec<Pin> =
        component.pins.iter().map(|row| Pin { low: row.low, high: row.high, same: row.same }).collect();
    partition(&identifiers, &links, &pins)
}

/// What a person decides of two assets, each by `SCHEME:VALUE`, by its id or by its name.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'v> {
    pub left: &'v str,
    pub right: &'v str,
    /// Whether they are one.
    pub same: bool,
    pub by: &'v str,
    pub because: &'v str,
}

/// Takes the decision; it stays in force whatever reports say later.
pub fn pin(store: &mut Store, verdict: &Verdict<'_>, now: Timestamp) -> Result<Pinned> {
    let left = name(store, verdict.left)?;
    let right = name(store, verdict.right)?;
    let decision = Decision {
        left: &left,
        right: &right,
        same: verdict.same,
        at: now,
        by: verdict.by,
        because: verdict.because,
    };
    Ok(store.pin(&decision, &decide)?)
}

/// The identifier that is meant: as it is given, else the best one of the asset with this id or name.
fn name(store: &Store, text: &str) -> Result<Identifier> {
    if let Some(identifier) = Identifier::parse(text) {
        return Ok(identifier);
    }
    let estate = store.estate()?;
    let key = text.to_ascii_lowercase();
    let mut matching = estate.assets.iter().filter(|asset| {
        asset.name.eq_ignore_ascii_case(text) || (key.len() >= 8 && asset.key.to_string().starts_with(&key))
    });
    match (matching.next(), matching.next()) {
        (Some(asset), None) => asset
            .identifiers
            .iter()
            .find(|identifier| identifier.strength() > Strength::Weak)
            .cloned()
            .ok_or_else(|| Error::NoAssetNamed(text.to_owned())),
        (Some(_), Some(_)) => Err(Error::AmbiguousAsset(text.to_owned())),
        (None, _) => Err(Error::NoAssetNamed(text.to_owned())),
    }
}
