//! What a node's derivations can draw on: the colours of all rules below it, as one set per node.

use fixedbitset::FixedBitSet;

use super::components::components;
use super::plain::PlainGraph;
use crate::Result;

/// Rules as the cones need them.
pub(crate) struct ColouredRules<'rules> {
    pub(crate) nodes: usize,
    pub(crate) premises: &'rules [Vec<u32>],
    pub(crate) conclusions: &'rules [u32],
    pub(crate) colours: &'rules [u32],
    pub(crate) colour_count: usize,
}

/// The colours that any derivation of a node may use. Nodes in one loop share one set.
pub(crate) struct Cones {
    of_node: Vec<u32>,
    sets: Vec<FixedBitSet>,
    sizes: Vec<usize>,
}

impl Cones {
    /// One pass over the components of "depends on", premises before conclusions.
    pub(crate) fn new(rules: &ColouredRules<'_>) -> Result<Self> {
        let depends: Vec<(u32, u32)> = rules
            .conclusions
            .iter()
            .zip(rules.premises)
            .flat_map(|(&node, premises)| premises.iter().map(move |&premise| (node, premise)))
            .collect();
        let graph = PlainGraph::from_edges(rules.nodes as u32, &depends, &[])?;
        let components = components(&graph);
        let mut order: Vec<u32> = (0..rules.conclusions.len() as u32).collect();
        let component_of = |rule: u32| components.of_node[rules.conclusions[rule as usize] as usize];
        order.sort_by_key(|&rule| component_of(rule));
        let mut sets = vec![FixedBitSet::with_capacity(rules.colour_count); components.sizes.len()];
        // What a component depends on has a smaller number, so that its set is complete.
        let mut merged = vec![u32::MAX; sets.len()];
        for rule in order {
            let own = component_of(rule) as usize;
            let (below, rest) = sets.split_at_mut(own);
            rest[0].insert(rules.colours[rule as usize] as usize);
            for &premise in &rules.premises[rule as usize] {
                let component = components.of_node[premise as usize] as usize;
                if component != own && merged[component] != own as u32 {
                    merged[component] = own as u32;
                    rest[0].union_with(&below[component]);
                }
            }
        }
        let sizes = sets.iter().map(|set| set.count_ones(..)).collect();
        Ok(Self { of_node: components.of_node, sets, sizes })
    }

    pub(crate) fn of(&self, node: u32) -> &FixedBitSet {
        &self.sets[self.of_node[node as usize] as usize]
    }

    pub(crate) fn size(&self, node: u32) -> usize {
        self.sizes[self.of_node[node as usize] as usize]
    }

    /// Words of a set.
    pub(crate) fn words(&self) -> usize {
        self.sets.first().map_or(0, |set| set.as_slice().len())
    }
}
