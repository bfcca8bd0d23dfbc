//! The ranking: a pure function of its [`Inputs`] and of the rules that Bartizan ships.
//!
//! Everything that a person or a page is told about priorities is in it, worked out once. What it
//! says stands in `answer.rs`; the attack graph that it is read from is the [`Engine`]; each of the other
//! rooms works out one part of the answer.

mod answer;
mod book;
mod deadlines;
mod elements;
pub(crate) mod engine;
mod evidence;
mod exposures;
pub(crate) mod facts;
mod fixes;
mod headline;
mod jewels;
mod paths;

use bartizan_graph::engine::{simulate, simulate_usage};
use bartizan_model::State;

pub use answer::{
    Certificate, Counts, Element, EvidenceItem, FixAnswer, FixEntry, Freshness, Hop, JewelAnswer, Path,
    Ranked, Ranking,
};
pub(crate) use book::Book;

use crate::Result;
use crate::inputs::Inputs;
use elements::NOT_ASSESSED;
use engine::{Engine, WORLDS};
pub use fixes::fixes_for;
pub(crate) use paths::Way;
pub use paths::paths_between;

/// Makes the ranking.
pub fn rank(inputs: &Inputs) -> Result<Ranking> {
    let engine = Engine::new(inputs)?;
    let paths = engine.ways()?.into_iter().map(|way| way.path).collect();
    engine.rank(paths)
}

impl Engine<'_> {
    /// The ranking, given the likeliest paths.
    pub(crate) fn rank(&self, paths: Vec<Path>) -> Result<Ranking> {
        let graph = &self.attack.graph;
        let before = simulate(graph, &self.removed, WORLDS);
        let usage = simulate_usage(graph, &self.removed, graph.targets(), WORLDS);
        let jewels = self.jewels(&before, &paths);
        let exposures = self.exposures(&before, &usage, &paths);
        let elements = self.elements(&exposures, &paths);
        let all_fixes = self.all_fixes(&exposures, &usage, &paths, &before);
        let every: Vec<usize> = (0..self.inputs.scope.jewels.len()).collect();
        let fixes = self.fewest_for(&all_fixes, &every)?;
        let counts = self.counts(&exposures, &elements);
        Ok(Ranking {
            as_of: self.inputs.as_of,
            digests: self.inputs.digests(self.book.digest()),
            organisation: self.inputs.scope.organisation.clone(),
            currency: self.inputs.scope.currency.clone(),
            headline: self.headline(&jewels, &fixes, &exposures),
            missing: self.missing(),
            jewels,
            exposures,
            elements,
            paths,
            fixes,
            all_fixes,
            counts,
        })
    }

    fn counts(&self, exposures: &[Ranked], elements: &[Element]) -> Counts {
        let live = self.estate.exposures.iter().filter(|exposure| exposure.state.is_live()).count();
        Counts {
            assets: self.estate.assets.len(),
            assets_in_scope: elements.len(),
            exposures_live: exposures.len(),
            exposures_closed: self
                .estate
                .exposures
                .iter()
                .filter(|exposure| exposure.state == State::Closed)
                .count(),
            exposures_on_path: exposures.iter().filter(|ranked| ranked.on_path).count(),
            exposures_out_of_scope: live - exposures.len(),
            not_assessed: elements.iter().filter(|element| element.tier == NOT_ASSESSED).count(),
            reports: self.inputs.imported().count(),
        }
    }
}
