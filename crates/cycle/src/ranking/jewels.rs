//! How the crown jewels stand, and what they are expected to cost.

use std::collections::BTreeSet;

use bartizan_graph::engine::{NodeId, Simulation};
use bartizan_model::estate::AssetIndex;

use super::answer::{JewelAnswer, Path};
use super::engine::Engine;

impl Engine<'_> {
    /// The nodes that are targets for a jewel.
    pub(crate) fn targets(&self, jewel: usize) -> Vec<NodeId> {
        let assets: BTreeSet<AssetIndex> = self.inputs.scope.jewels[jewel].assets.iter().copied().collect();
        self.attack
            .graph
            .targets()
            .iter()
            .copied()
            .filter(|node| {
                self.attack.nodes[node.index()].asset().is_some_and(|asset| assets.contains(&asset))
            })
            .collect()
    }

    pub(super) fn jewels(&self, simulation: &Simulation, paths: &[Path]) -> Vec<JewelAnswer> {
        let fallen = self.jewel_probabilities(simulation);
        self.inputs
            .scope
            .jewels
            .iter()
            .enumerate()
            .map(|(number, jewel)| {
                let own: Vec<&Path> = paths.iter().filter(|path| path.crown_jewel == jewel.name).collect();
                let (probability, standard_error) = fallen[number];
                JewelAnswer {
                    name: jewel.name.clone(),
                    worth: jewel.worth,
                    owner: jewel.owner.clone(),
                    assets: jewel.assets.iter().map(|asset| self.estate.asset(*asset).name.clone()).collect(),
                    reachable: self.closure.holds_any(&self.targets(number)),
                    probability,
                    standard_error,
                    expected_loss: probability * jewel.worth,
                    steps: own.first().map(|path| path.hops.len()),
                    paths: own.len(),
                }
            })
            .collect()
    }

    /// For each jewel, the probability that its likeliest asset falls.
    pub(crate) fn jewel_probabilities(&self, simulation: &Simulation) -> Vec<(f64, f64)> {
        let targets = self.attack.graph.targets();
        (0..self.inputs.scope.jewels.len())
            .map(|jewel| {
                self.targets(jewel)
                    .iter()
                    .filter_map(|node| targets.iter().position(|target| target == node))
                    .map(|position| simulation.targets[position])
                    .map(|estimate| (estimate.value(), estimate.standard_error()))
                    .max_by(|left, right| left.0.total_cmp(&right.0))
                    .unwrap_or((0.0, 0.0))
            })
            .collect()
    }

    pub(super) fn loss(&self, simulation: &Simulation) -> f64 {
        self.jewel_probabilities(simulation)
            .iter()
            .zip(&self.inputs.scope.jewels)
            .map(|((probability, _), jewel)| probability * jewel.worth)
            .sum()
    }
}
