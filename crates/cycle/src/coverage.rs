//! What the scope says, and what in the estate it touches.

use bartizan_model::estate::AssetIndex;
use bartizan_scope::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use crate::inputs::Inputs;

/// The scope beside the estate.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ScopeCoverage<'i> {
    /// Whether there is a scope file.
    pub stated: bool,
    /// The scope as it was read; its sections are those of the scope file.
    #[schema(value_type = Option<Object>)]
    pub scope: Option<&'i Scope>,
    pub assets: usize,
    pub in_scope: usize,
    /// Assets in scope that nobody owns.
    pub without_owner: usize,
    pub crown_jewels: Vec<JewelAssets<'i>>,
    pub entries: Vec<EntryAssets<'i>>,
}

/// A crown jewel with the assets that it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JewelAssets<'i> {
    pub name: &'i str,
    /// Loss if it falls, in the scope's currency.
    pub worth: f64,
    pub owner: Option<&'i str>,
    pub assets: Vec<&'i str>,
}

/// An entry with the assets that an attacker holds at the start.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntryAssets<'i> {
    pub name: &'i str,
    pub kind: &'i str,
    pub assets: Vec<&'i str>,
}

/// Lays the scope beside what is known.
pub fn scope_coverage<'i>(inputs: &'i Inputs, scope: Option<&'i Scope>) -> ScopeCoverage<'i> {
    let facts = &inputs.scope;
    let names = |assets: &[AssetIndex]| -> Vec<&'i str> {
        assets.iter().map(|asset| inputs.estate.asset(*asset).name.as_str()).collect()
    };
    let in_scope = || facts.places.iter().filter(|place| place.in_scope);
    ScopeCoverage {
        stated: facts.stated,
        scope,
        assets: inputs.estate.assets.len(),
        in_scope: in_scope().count(),
        without_owner: in_scope().filter(|place| place.owner.is_none()).count(),
        crown_jewels: facts
            .jewels
            .iter()
            .map(|jewel| JewelAssets {
                name: &jewel.name,
                worth: jewel.worth,
                owner: jewel.owner.as_deref(),
                assets: names(&jewel.assets),
            })
            .collect(),
        entries: facts
            .entries
            .iter()
            .map(|entry| EntryAssets { name: &entry.name, kind: &entry.kind, assets: names(&entry.assets) })
            .collect(),
    }
}
