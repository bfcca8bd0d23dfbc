//! Attack paths: the likeliest ways from the entries to the crown jewels, hop by hop.

use bartizan_graph::engine::{Effort, NodeId, Proof, Removed, RuleId, best_proofs};
use bartizan_graph::rules::AttackNode;
use bartizan_model::estate::Remedy;

use super::answer::{Hop, Path, Ranking};
use super::engine::Engine;
use crate::inputs::Inputs;
use crate::words::list;
use crate::{Error, Result};

/// How many distinct paths are kept for each crown jewel.
const PATHS: usize = 16;

/// The likeliest `count` paths, from the scope's entries to its crown jewels; for questions that the
/// scope does not ask, `from` and `to` name a crown jewel, an entry or an asset, failing these every
/// asset with that part of a name.
pub fn paths_between(
    inputs: &Inputs,
    ranking: &Ranking,
    from: Option<&str>,
    to: Option<&str>,
    count: usize,
) -> Result<Vec<Path>> {
    if from.is_none() && to.is_none() {
        return Ok(ranking.paths.iter().take(count).cloned().collect());
    }
    Engine::new(inputs)?.paths_between(from, to, count)
}

impl Engine<'_> {
    pub(super) fn paths(&self) -> Result<Vec<Path>> {
        let graph = &self.attack.graph;
        let nothing = Removed::none(graph);
        let mut paths = Vec::new();
        for (number, jewel) in self.inputs.scope.jewels.iter().enumerate() {
            for target in self.targets(number) {
                for proof in best_proofs(graph, &nothing, target, PATHS, Effort::default())? {
                    paths.push(self.path(&proof, &jewel.name));
                }
            }
        }
        paths.sort_by(|left, right| {
            right
                .likelihood
                .total_cmp(&left.likelihood)
                .then_with(|| left.hops.len().cmp(&right.hops.len()))
                .then_with(|| left.crown_jewel.cmp(&right.crown_jewel))
                .then_with(|| names(left).cmp(names(right)))
        });
        for (position, path) in paths.iter_mut().enumerate() {
            path.number = position + 1;
        }
        Ok(paths)
    }

    fn paths_between(&self, from: Option<&str>, to: Option<&str>, count: usize) -> Result<Vec<Path>> {
        let graph = &self.attack.graph;
        let entries = from.map_or_else(|| Ok(graph.entries().to_vec()), |name| self.stations(name))?;
        let targets = to.map_or_else(|| Ok(graph.targets().to_vec()), |name| self.stations(name))?;
        let graph = graph.with_ends(&entries, &targets);
        let nothing = Removed::none(&graph);
        let mut paths = Vec::new();
        for target in targets {
            let node = &self.attack.nodes[target.index()];
            let jewel = node.asset().and_then(|asset| {
                self.inputs.scope.jewels.iter().find(|jewel| jewel.assets.contains(&asset))
            });
            let name = jewel.map_or_else(|| node.label(&self.estate), |jewel| jewel.name.clone());
            for proof in best_proofs(&graph, &nothing, target, count, Effort::default())? {
                if !proof.rules.is_empty() {
                    paths.push(self.path(&proof, &name));
                }
            }
        }
        paths.sort_by(|left, right| {
            right.likelihood.total_cmp(&left.likelihood).then_with(|| names(left).cmp(names(right)))
        });
        paths.truncate(count);
        for (position, path) in paths.iter_mut().enumerate() {
            path.number = position + 1;
        }
        Ok(paths)
    }

    /// The nodes that a person means by a name: the best reading of it that there is.
    fn stations(&self, name: &str) -> Result<Vec<NodeId>> {
        let scope = &self.inputs.scope;
        let same = |other: &str| other.eq_ignore_ascii_case(name);
        if let Some(jewel) = scope.jewels.iter().position(|jewel| same(&jewel.name)) {
            return Ok(self.targets(jewel));
        }
        let entry = scope.entries.iter().find(|entry| same(&entry.name)).map(|entry| entry.kind.as_str());
        let entry = entry.or((!same(bartizan_scope::INTERNET)).then_some(name));
        let entry = entry.unwrap_or(bartizan_scope::INTERNET);
        let folded = name.to_lowercase();
        let readings: [&dyn Fn(&AttackNode) -> bool; 3] = [
            &|node| match node {
                AttackNode::Internet => entry == bartizan_scope::INTERNET,
                AttackNode::Entry(kind) => kind.as_str() == entry,
                _ => false,
            },
            &|node| {
                let asset = node.asset().map(|asset| self.estate.asset(asset));
                asset.is_some_and(|asset| {
                    same(&asset.name) || asset.identifiers.iter().any(|identifier| same(identifier.value()))
                }) || same(&node.id(&self.estate))
            },
            &|node| node.label(&self.estate).to_lowercase().contains(&folded),
        ];
        for reading in readings {
            let found: Vec<NodeId> = (0..)
                .zip(&self.attack.nodes)
                .filter(|(_, node)| reading(node))
                .map(|(number, _)| NodeId(number))
                .collect();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let known = scope.jewels.iter().map(|jewel| jewel.name.as_str());
        let known = list(known.chain(scope.entries.iter().map(|entry| entry.name.as_str())));
        Err(Error::NoStation { name: name.to_owned(), known })
    }

    fn path(&self, proof: &Proof, jewel: &str) -> Path {
        let hops: Vec<Hop> = proof.rules.iter().filter_map(|rule| self.hop(*rule)).collect();
        let entry = hops.first().map_or_else(|| "the entry itself".to_owned(), |hop| hop.from.clone());
        Path {
            number: 0,
            entry,
            crown_jewel: jewel.to_owned(),
            likelihood: proof.likelihood,
            exact: proof.exact,
            hops,
        }
    }

    fn hop(&self, rule: RuleId) -> Option<Hop> {
        let step = self.attack.step(&self.estate, &self.book.rules, rule)?;
        let label = |node: &NodeId| self.attack.nodes[node.index()].label(&self.estate);
        let from: Vec<String> = step.premises.iter().map(label).collect();
        let mut exposures = Vec::new();
        let mut fixes = Vec::new();
        for remedy in &step.remedies {
            if let Remedy::Exposure(index) = remedy {
                exposures.push(self.estate.exposure(*index).key);
            }
            fixes.extend(self.plan.fix_of(*remedy).map(|position| self.plan.fixes[position].key));
        }
        fixes.sort_unstable();
        fixes.dedup();
        let stations = step.premises.iter().chain(std::iter::once(&step.conclusion));
        let mut assets: Vec<_> = stations
            .filter_map(|node| self.attack.nodes[node.index()].asset())
            .map(|asset| self.estate.asset(asset).key)
            .collect();
        assets.sort_unstable();
        assets.dedup();
        Some(Hop {
            from: from.join(" and "),
            to: label(&step.conclusion),
            likelihood: step.likelihood,
            evidence: self.evidence(&step),
            step: step.word,
            technique: step.technique,
            likelihood_because: step.why,
            sentence: step.sentence,
            exposures,
            fixes,
            assets,
        })
    }
}

fn names(path: &Path) -> impl Iterator<Item = (&str, &str)> {
    path.hops.iter().map(|hop| (hop.from.as_str(), hop.to.as_str()))
}
