//! How likely each exposure is to work for an attacker, as the attack graph is told.

use bartizan_graph::rules::{Assessment, CatalogueFacts, Facts, Gives, Privileges, Vector};
use bartizan_intel::likelihood;
use bartizan_model::WeaknessKey;
use bartizan_model::estate::{Estate, ExposureIndex};

use super::book::Book;
use crate::inputs::Inputs;

/// The chance that an attacker who holds a way to use a weakness that nobody else knows uses it with success,
/// once it can be reached. As high as a confirmed weakness: the way to use it is what the question assumes.
pub(crate) const ZERO_DAY: f64 = 0.95;

/// Likelihoods: the intelligence where it says something, the catalogue for what an exposure gives.
pub(super) struct Informed<'a> {
    inputs: &'a Inputs,
    estate: &'a Estate,
    catalogue: CatalogueFacts<'a>,
}

impl<'a> Informed<'a> {
    pub(super) fn new(inputs: &'a Inputs, estate: &'a Estate, book: &'a Book) -> Self {
        Self { inputs, estate, catalogue: CatalogueFacts { estate, catalogue: &book.catalogue } }
    }
}

impl Facts for Informed<'_> {
    fn assess(&self, index: ExposureIndex) -> Assessment {
        let exposure = self.estate.exposure(index);
        if self.inputs.hypothetical.contains(&exposure.key) {
            return Assessment {
                likelihood: ZERO_DAY,
                why: "assumed: an attacker has a working exploit that nobody else knows".to_owned(),
                vector: Vector::Network,
                privileges: Privileges::None,
                needs_user: false,
                gives: Gives::Execution,
            };
        }
        let mut assessment = self.catalogue.assess(index);
        let weakness = self.estate.weakness(exposure.weakness);
        if self.inputs.proven.contains(&exposure.key) {
            assessment.likelihood = 0.95;
            "validation confirmed it here".clone_into(&mut assessment.why);
        } else if matches!(weakness.key, WeaknessKey::Vulnerability(_)) {
            let vectors: Vec<_> = weakness.cvss.iter().filter_map(|text| text.parse().ok()).collect();
            let estimate =
                likelihood(self.inputs.intel_of(weakness), &weakness.key, &weakness.cwes, &vectors);
            assessment.likelihood = estimate.probability;
            assessment.why = estimate.why.join("; ");
        }
        assessment
    }
}
