//! Every element in scope with its tier: what has been looked at, and what is known against it.

use std::collections::HashMap;

use bartizan_model::Digest;
use bartizan_model::estate::AssetIndex;

use super::answer::{Element, Freshness, Path, Ranked};
use super::engine::Engine;

pub(super) const NOT_ASSESSED: &str = "not assessed";

impl Engine<'_> {
    pub(super) fn elements(&self, exposures: &[Ranked], paths: &[Path]) -> Vec<Element> {
        let mut best: HashMap<Digest, &Ranked> = HashMap::new();
        for ranked in exposures {
            best.entry(ranked.asset_id).or_insert(ranked);
        }
        let mut elements: Vec<Element> = self
            .estate
            .asset_indices()
            .filter(|index| self.inputs.scope.places[index.index()].in_scope)
            .map(|index| self.element(index, best.get(&self.estate.asset(index).key).copied(), paths))
            .collect();
        elements.sort_by(|left, right| {
            (&left.tier, &left.kind, &left.element, left.id).cmp(&(
                &right.tier,
                &right.kind,
                &right.element,
                right.id,
            ))
        });
        elements
    }

    fn element(&self, index: AssetIndex, best: Option<&Ranked>, paths: &[Path]) -> Element {
        let asset = self.estate.asset(index);
        let place = &self.inputs.scope.places[index.index()];
        // An identity is assessed by evaluating its policies, whenever they were listed.
        let evaluated = asset.attributes.contains_key("aws.identity_policies").then_some(asset.last_seen);
        let last_assessed = asset.assessed_at.max(evaluated);
        let fresh = last_assessed
            .is_some_and(|at| self.inputs.as_of.duration_since(at).as_hours() <= place.freshness_hours);
        let crossed = paths.iter().find(|path| path.hops.iter().any(|hop| hop.assets.contains(&asset.key)));
        let (tier, why) = match (best, crossed) {
            (Some(ranked), _) => (
                ranked.tier.to_string(),
                format!("{} ({}): {}", ranked.weakness, ranked.title, ranked.because),
            ),
            (None, Some(path)) => {
                ("3".to_owned(), format!("path {} to {} leads over it", path.number, path.crown_jewel))
            }
            (None, None) if fresh => ("5".to_owned(), "checked, and nothing is known against it".to_owned()),
            (None, None) if last_assessed.is_some() => (
                NOT_ASSESSED.to_owned(),
                format!("the last check is older than {} hours", place.freshness_hours),
            ),
            (None, None) => (NOT_ASSESSED.to_owned(), "no report has looked for weaknesses on it".to_owned()),
        };
        Element {
            element: asset.name.clone(),
            id: asset.key,
            kind: asset.kind.to_string(),
            tier,
            why,
            freshness: Freshness { last_assessed, window_hours: place.freshness_hours, fresh },
            owner: place.owner.clone(),
            services: place.services.clone(),
        }
    }
}
