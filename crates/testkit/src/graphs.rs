//! Seeded graphs of the shapes that the engine meets: scale-free, directory-like and cloud-like.

use crate::random::Random;

/// Edges with the chance that each step works, and who starts and who is wanted.
#[derive(Debug, Clone, Default)]
pub struct GeneratedGraph {
    /// Nodes are `0..nodes`.
    pub nodes: u32,
    /// Directed edges, parallel ones and loops possible as in real exports.
    pub edges: Vec<(u32, u32)>,
    /// One chance per edge, in (0, 1].
    pub likelihoods: Vec<f64>,
    /// Where an attacker may start.
    pub entries: Vec<u32>,
    /// What must not fall.
    pub targets: Vec<u32>,
}

impl GeneratedGraph {
    fn edge(&mut self, tail: u32, head: u32, likelihood: f64) {
        self.edges.push((tail, head));
        self.likelihoods.push(likelihood);
    }
}

/// R-MAT (Chakrabarti, Zhan, Faloutsos 2004) with the Graph500 quadrants 0.57, 0.19, 0.19, 0.05:
/// `2^scale` nodes, `edges` edges, one entry (the node with the most edges out) and no target.
pub fn rmat(scale: u32, edges: usize, seed: u64) -> GeneratedGraph {
    let mut random = Random::new(seed);
    let mut graph = GeneratedGraph { nodes: 1 << scale, ..GeneratedGraph::default() };
    graph.edges.reserve(edges);
    for _ in 0..edges {
        let (mut tail, mut head) = (0_u32, 0_u32);
        for _ in 0..scale {
            let quadrant = random.fraction();
            tail = tail << 1 | u32::from(quadrant >= 0.76);
            head = head << 1 | u32::from((0.57..0.76).contains(&quadrant) || quadrant >= 0.95);
        }
        // Graph500 shuffles the labels; multiplying by an odd number modulo 2^scale does so cheaply.
        let mask = graph.nodes - 1;
        tail = tail.wrapping_mul(0x9e37_79b1) & mask;
        head = head.wrapping_mul(0x9e37_79b1) & mask;
        graph.edges.push((tail, head));
    }
    graph.likelihoods = vec![1.0; graph.edges.len()];
    let mut degrees = vec![0_u32; graph.nodes as usize];
    for &(tail, _) in &graph.edges {
        degrees[tail as usize] += 1;
    }
    let busiest = (0..graph.nodes).max_by_key(|&node| (degrees[node as usize], u32::MAX - node));
    graph.entries = busiest.into_iter().collect();
    graph
}

/// A directory of people, computers and nested groups with the shape of a neglected Windows domain.
///
/// A third of the nodes each are users (the entries), computers and groups; the first group is the target
/// (the administrators), which controls everything through the containers. Sessions of the privileged on
/// ordinary computers and loose rights of groups on computers make the ways in. About eight edges a node.
pub fn directory(nodes: u32, seed: u64) -> GeneratedGraph {
    let mut random = Random::new(seed);
    let users = nodes / 3;
    let computers = nodes / 3;
    let containers = (nodes / 200).max(1);
    let groups = nodes.saturating_sub(users + computers + containers).max(4);
    let (computer, group) = (users, users + computers);
    let container = group + groups;
    let mut graph = GeneratedGraph { nodes: container + containers, ..GeneratedGraph::default() };
    let admins = group;
    let everyone = group + 1;
    let privileged = (groups / 100).max(1);
    graph.entries = (0..users).collect();
    graph.targets = vec![admins];

    // The administrators own the tree of containers, and through it every account and computer.
    graph.edge(admins, container, 1.0);
    for index in 1..containers {
        graph.edge(container + (index - 1) / 4, container + index, 1.0);
    }
    for account in 0..group {
        graph.edge(container + random.below(containers), account, 1.0);
    }
    // Everybody is in one group, and one in twelve in no other; departments nest into each other, always
    // towards smaller numbers.
    for user in 0..users {
        graph.edge(user, everyone, 1.0);
        if user % 12 == 0 {
            continue;
        }
        for _ in 0..3 {
            let department = group + 2 + privileged + random.below(groups - 2 - privileged.min(groups - 3));
            graph.edge(user, department.min(container - 1), 1.0);
        }
    }
    for index in 2 + privileged..groups {
        if random.chance(0.3) {
            let parent = 2 + privileged + random.below(index - 1 - privileged);
            if parent < index {
                graph.edge(group + index, group + parent, 1.0);
            }
        }
    }
    // A few people hold privileged groups, and half of those groups lead to the administrators.
    for index in 0..privileged {
        for _ in 0..4 {
            graph.edge(random.below(users.max(1)), group + 2 + index, 1.0);
        }
        if index % 2 == 0 {
            graph.edge(group + 2 + index, admins, 0.9);
        }
    }
    for _ in 0..(users / 500).max(1) {
        graph.edge(random.below(users.max(1)), admins, 1.0);
    }
    // Sessions: whoever holds the computer gains who is logged on. Most computers have several.
    for machine in 0..computers {
        for _ in 0..12 {
            graph.edge(computer + machine, random.below(users.max(1)), 0.3);
        }
    }
    // Rights of departments on computers: local administrators, remote desktop, control of objects.
    for _ in 0..nodes * 2 {
        let holder = group + 2 + random.below(groups - 2);
        let machine = computer + random.below(computers.max(1));
        let likelihood = if random.chance(0.5) { 0.8 } else { 0.4 };
        graph.edge(holder, machine, likelihood);
    }
    for _ in 0..nodes / 10 {
        graph.edge(group + 2 + random.below(groups - 2), random.below(users.max(1)), 0.6);
    }
    graph
}

/// A cloud estate: workloads run as roles, roles assume roles in layers, few of them read a data store.
///
/// The internet-facing workloads (one in twenty) are the entries, the data stores of the first account are
/// the targets. Layers only point inward, so that the graph is nearly free of loops, unlike [`directory`].
pub fn cloud(nodes: u32, seed: u64) -> GeneratedGraph {
    let mut random = Random::new(seed);
    let workloads = nodes / 2;
    let roles = nodes * 2 / 5;
    let stores = (nodes - workloads - roles).max(1);
    let (role, store) = (workloads, workloads + roles);
    let mut graph = GeneratedGraph { nodes: store + stores, ..GeneratedGraph::default() };
    graph.entries = (0..workloads).filter(|workload| workload % 20 == 0).collect();
    graph.targets = (store..store + (stores / 50).max(1)).collect();
    for workload in 0..workloads {
        graph.edge(workload, role + random.below(roles.max(1)), 0.9);
        for _ in 0..2 {
            graph.edge(workload, random.below(workloads.max(1)), 0.2);
        }
    }
    for index in 1..roles {
        for _ in 0..3 {
            graph.edge(role + index, role + random.below(index), 0.5);
        }
        if random.chance(0.02) {
            graph.edge(role + index, role + random.below(roles), 0.1);
        }
    }
    for index in 0..stores {
        for _ in 0..4 {
            graph.edge(role + random.below(roles.max(1)), store + index, 0.7);
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_graph_twice_and_another_seed_another() {
        for make in [directory, cloud] {
            let graph = make(3_000, 7);
            assert_eq!(graph.edges, make(3_000, 7).edges);
            assert_ne!(graph.edges, make(3_000, 8).edges);
            assert_eq!(graph.edges.len(), graph.likelihoods.len());
            assert!(graph.edges.iter().all(|&(tail, head)| tail < graph.nodes && head < graph.nodes));
            assert!(graph.likelihoods.iter().all(|&chance| chance > 0.0 && chance <= 1.0));
            assert!(!graph.entries.is_empty() && !graph.targets.is_empty());
        }
        let graph = rmat(10, 10_000, 7);
        assert_eq!(graph.edges, rmat(10, 10_000, 7).edges);
        assert!(graph.edges.iter().all(|&(tail, head)| tail < graph.nodes && head < graph.nodes));
    }
}
