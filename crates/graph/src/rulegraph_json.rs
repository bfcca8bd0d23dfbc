//! Reads `bartizan-rulegraph/1`: rules, fixes and products by name, small enough to check by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde::Deserialize;

use crate::engine::{CauseId, Chance, FixId, NodeId, ProductId, Rule, RuleGraph, RuleGraphBuilder};
use crate::{Error, Result};

/// What the field `format` says.
pub const FORMAT: &str = "bartizan-rulegraph/1";

/// The names behind the ids, in the order of the ids.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Of nodes.
    pub nodes: Vec<String>,
    /// Of rules.
    pub rules: Vec<String>,
    /// Of fixes.
    pub fixes: Vec<String>,
    /// Of products.
    pub products: Vec<String>,
}

/// A rule graph and its names.
#[derive(Debug, Clone)]
pub struct NamedRuleGraph {
    /// The graph.
    pub graph: RuleGraph,
    /// Its names.
    pub names: Names,
}

/// Whether the beginning of a document looks like this format rather than OpenGraph.
pub fn sniff(beginning: &[u8]) -> bool {
    String::from_utf8_lossy(beginning).contains(FORMAT)
}

#[derive(Deserialize)]
struct Document {
    format: String,
    nodes: Vec<String>,
    #[serde(default)]
    entries: Vec<String>,
    #[serde(default)]
    targets: Vec<String>,
    rules: Vec<RuleDocument>,
    #[serde(default)]
    node_fixes: Option<Vec<NodeFixDocument>>,
}

#[derive(Deserialize)]
struct RuleDocument {
    id: String,
    #[serde(default)]
    premises: Vec<String>,
    conclusion: String,
    #[serde(default = "certain")]
    p: f64,
    #[serde(default)]
    cost: Option<f64>,
    #[serde(default)]
    fix: Option<String>,
    #[serde(default)]
    product: Option<String>,
    /// Rules with the same cause share their coin; they must agree on `p`.
    #[serde(default)]
    cause: Option<String>,
}

#[derive(Deserialize)]
struct NodeFixDocument {
    fix: String,
    node: String,
    cost: Option<f64>,
}

fn certain() -> f64 {
    1.0
}

/// Reads one document; errors name the element that is wrong.
pub fn read(reader: impl Read) -> Result<NamedRuleGraph> {
    let document: Document = serde_json::from_reader(std::io::BufReader::new(reader))?;
    if document.format != FORMAT {
        return Err(Error::Format(format!("`format` is \"{}\", not \"{FORMAT}\"", document.format)));
    }
    Assembly::default().assemble(document)
}

#[derive(Default)]
struct Assembly {
    builder: RuleGraphBuilder,
    names: Names,
    nodes: BTreeMap<String, NodeId>,
    fixes: BTreeMap<String, FixId>,
    products: BTreeMap<String, ProductId>,
    causes: BTreeMap<String, (CauseId, f64)>,
}

fn fail<T>(at: impl Into<String>, message: impl Into<String>) -> Result<T> {
    Err(Error::RuleGraph { at: at.into(), message: message.into() })
}

impl Assembly {
    fn assemble(mut self, document: Document) -> Result<NamedRuleGraph> {
        for name in document.nodes {
            let node = self.builder.node();
            if self.nodes.insert(name.clone(), node).is_some() {
                return fail(format!("node \"{name}\""), "is listed twice");
            }
            self.names.nodes.push(name);
        }
        for name in &document.entries {
            let node = self.node(name, "entries")?;
            self.builder.entry(node);
        }
        for name in &document.targets {
            let node = self.node(name, "targets")?;
            self.builder.target(node);
        }
        let node_fixes = document.node_fixes.unwrap_or_default();
        let mut costs = BTreeMap::new();
        for rule in &document.rules {
            note_cost(&mut costs, rule.fix.as_deref(), rule.cost)?;
        }
        for fix in &node_fixes {
            note_cost(&mut costs, Some(&fix.fix), fix.cost)?;
        }
        for (name, cost) in costs {
            let at = format!("fix \"{name}\"");
            let Some(cost) = cost else { return fail(at, "has no cost") };
            if !cost.is_finite() || cost < 0.0 {
                return fail(at, format!("costs {cost}, which is not a number ≥ 0"));
            }
            self.fixes.insert(name.to_owned(), self.builder.fix(cost));
            self.names.fixes.push(name.to_owned());
        }
        let mut seen = BTreeSet::new();
        for rule in &document.rules {
            if !seen.insert(rule.id.as_str()) {
                return fail(format!("rule \"{}\"", rule.id), "is listed twice");
            }
            self.rule(rule)?;
        }
        for fix in &node_fixes {
            let at = format!("node fix \"{}\"", fix.fix);
            let node = self.node(&fix.node, &at)?;
            self.builder.node_fix(self.fixes[&fix.fix], node);
        }
        Ok(NamedRuleGraph { graph: self.builder.build()?, names: self.names })
    }

    fn node(&self, name: &str, at: &str) -> Result<NodeId> {
        match self.nodes.get(name) {
            Some(&node) => Ok(node),
            None => fail(at, format!("names the node \"{name}\", which is not among `nodes`")),
        }
    }

    fn rule(&mut self, rule: &RuleDocument) -> Result<()> {
        let at = format!("rule \"{}\"", rule.id);
        if !(0.0..=1.0).contains(&rule.p) {
            return fail(at, format!("has p = {}, outside 0 to 1", rule.p));
        }
        let premises: Result<Vec<NodeId>> = rule.premises.iter().map(|name| self.node(name, &at)).collect();
        let chance = match &rule.cause {
            None => Chance::Own(rule.p),
            Some(name) => {
                let builder = &mut self.builder;
                let &mut (cause, p) =
                    self.causes.entry(name.clone()).or_insert_with(|| (builder.cause(rule.p), rule.p));
                if (p - rule.p).abs() > 0.0 {
                    return fail(at, format!("has p = {}, but its cause \"{name}\" has {p}", rule.p));
                }
                Chance::Shared(cause)
            }
        };
        let product = rule.product.as_ref().map(|name| {
            *self.products.entry(name.clone()).or_insert_with(|| {
                self.names.products.push(name.clone());
                self.builder.product()
            })
        });
        let conclusion = self.node(&rule.conclusion, &at)?;
        let fixes = rule.fix.iter().map(|name| self.fixes[name]).collect();
        self.builder.rule(Rule { premises: premises?, conclusion, chance, fixes, product });
        self.names.rules.push(rule.id.clone());
        Ok(())
    }
}

/// All that name a fix must agree on its cost; some may be silent.
fn note_cost<'name>(
    costs: &mut BTreeMap<&'name str, Option<f64>>,
    fix: Option<&'name str>,
    cost: Option<f64>,
) -> Result<()> {
    let Some(fix) = fix else { return Ok(()) };
    let known = costs.entry(fix).or_default();
    match (*known, cost) {
        (Some(known), Some(cost)) if (known - cost).abs() > 0.0 => {
            fail(format!("fix \"{fix}\""), format!("is said to cost {known} and {cost}"))
        }
        _ => {
            *known = known.or(cost);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let with = |rules: &str| {
            error(&format!(r#"{{"format": "{FORMAT}", "nodes": ["a", "b"], "rules": [{rules}]}}"#))
        };
        assert!(error("{").contains("line 1"));
        assert!(
            error(r#"{"format": "x", "nodes": [], "rules": []}"#).contains("not \"bartizan-rulegraph/1\"")
        );
        let r = with(r#"{"id": "r1", "premises": ["z"], "conclusion": "a"}"#);
        assert_eq!(r, r#"rule "r1": names the node "z", which is not among `nodes`"#);
        assert!(with(r#"{"id": "r1", "conclusion": "a", "p": 1.5}"#).contains("p = 1.5"));
        assert!(with(r#"{"id": "r1", "conclusion": "a", "fix": "f"}"#).contains("fix \"f\": has no cost"));
        let two = r#"{"id": "r", "conclusion": "a", "fix": "f", "cost": 1}, {"id": "r", "conclusion": "b", "fix": "f", "cost": 2}"#;
        assert!(with(two).contains("fix \"f\": is said to cost 1 and 2"));
        let twice = r#"{"id": "r", "conclusion": "a"}, {"id": "r", "conclusion": "b"}"#;
        assert_eq!(with(twice), "rule \"r\": is listed twice");
        let causes = r#"{"id": "q", "conclusion": "a", "p": 0.5, "cause": "c"}, {"id": "r", "conclusion": "b", "p": 0.4, "cause": "c"}"#;
        assert!(with(causes).contains("its cause \"c\" has 0.5"));
    }
}
