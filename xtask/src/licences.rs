//! Licences, banned crates and sources of every dependency, against `deny.toml`: the part of cargo-deny that
//! needs neither a network nor minutes of building. Advisories are left to cargo-deny itself (`make deny`).

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::metadata::Metadata;

/// What `deny.toml` says, as far as it is checked here.
struct Policy {
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
    registries: BTreeSet<String>,
}

pub fn complaints(root: &Path, metadata: &Metadata) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("deny.toml")).context("deny.toml")?;
    let policy = Policy::read(&text)?;
    let mut complaints = Vec::new();
    for package in &metadata.packages {
        let name = format!("{} {}", package.name, package.version);
        match package.license.as_deref().map(|expression| permits(expression, &policy.licences)) {
            Some(Some(true)) => {}
            Some(Some(false)) => {
                let licence = package.license.as_deref().unwrap_or_default();
                complaints.push(format!("{name}: the licence {licence} is not allowed by deny.toml"));
            }
            Some(None) => complaints.push(format!("{name}: its licence is not an SPDX expression")),
            None => complaints.push(format!("{name}: states no licence")),
        }
        if policy.banned.contains(&package.name) {
            complaints.push(format!("{name}: banned by deny.toml"));
        }
        if let Some(source) = &package.source {
            let registry = source.strip_prefix("registry+").unwrap_or(source);
            if !policy.registries.contains(registry) {
                complaints.push(format!("{name}: comes from {source}"));
            }
        }
    }
    Ok(complaints)
}

impl Policy {
    fn read(text: &str) -> Result<Self> {
        let policy = Self {
            licences: list(text, "allow = ["),
            banned: list(text, "deny = ["),
            registries: list(text, "allow-registry = ["),
        };
        ensure!(!policy.licences.is_empty(), "deny.toml allows no licence, or is not written as it was");
        ensure!(!policy.banned.is_empty(), "deny.toml bans nothing, or is not written as it was");
        ensure!(!policy.registries.is_empty(), "deny.toml allows no registry, or is not written as it was");
        Ok(policy)
    }
}

/// The first quoted string of each line of a list, from the line that begins as told to the closing bracket.
fn list(text: &str, beginning: &str) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    let mut lines = text.lines().skip_while(|line| !line.starts_with(beginning));
    let Some(first) = lines.next() else { return values };
    let one_line = first.contains(']');
    let rest = first.get(beginning.len()..).unwrap_or_default();
    let others = lines.take_while(|line| !one_line && !line.starts_with(']'));
    for line in std::iter::once(rest).chain(others) {
        if let Some(value) = line.split('"').nth(1) {
            values.insert(value.to_owned());
        }
    }
    values
}

/// Whether a choice that the expression leaves is all allowed. `None`: it cannot be read.
///
/// SPDX 2.3, annex D: WITH binds tighter than AND, AND tighter than OR. The old `A/B` means `A OR B`.
fn permits(expression: &str, allowed: &BTreeSet<String>) -> Option<bool> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let mut values: Vec<bool> = Vec::new();
    let mut operators: Vec<&str> = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "(" => operators.push(word),
            ")" => {
                while *operators.last()? != "(" {
                    apply(operators.pop()?, &mut values)?;
                }
                operators.pop();
            }
            "AND" | "OR" => {
                while operators.last().is_some_and(|last| *last == "AND" || *last == word) {
                    apply(operators.pop()?, &mut values)?;
                }
                operators.push(word);
            }
            licence => {
                let mut licence = licence.to_owned();
                if words.next_if_eq(&"WITH").is_some() {
                    licence = format!("{licence} WITH {}", words.next()?);
                }
                values.push(allowed.contains(&licence));
            }
        }
    }
    while let Some(operator) = operators.pop() {
        apply(operator, &mut values)?;
    }
    if values.len() == 1 { values.pop() } else { None }
}

fn apply(operator: &str, values: &mut Vec<bool>) -> Option<()> {
    let (right, left) = (values.pop()?, values.pop()?);
    values.push(match operator {
        "AND" => left && right,
        "OR" => left || right,
        _ => return None,
    });
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> BTreeSet<String> {
        ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into()
    }

    #[test]
    fn a_licence_is_allowed_if_one_choice_is() {
        let check = |expression| permits(expression, &allowed());
        assert_eq!(check("MIT"), Some(true));
        assert_eq!(check("MIT/Apache-2.0"), Some(true));
        assert_eq!(check("GPL-3.0-only"), Some(false));
        assert_eq!(check("ISC AND OpenSSL"), Some(false));
        assert_eq!(check("MIT OR ISC AND OpenSSL"), Some(true));
        assert_eq!(check("(MIT OR OpenSSL) AND ISC"), Some(true));
        assert_eq!(check("Apache-2.0 WITH LLVM-exception"), Some(true));
        assert_eq!(check("Apache-2.0"), Some(false));
    }

    #[test]
    fn what_is_no_expression_is_not_allowed() {
        for text in ["", "MIT AND", "(MIT", "MIT)", "MIT ISC", "OR", "MIT WITH"] {
            assert_eq!(permits(text, &allowed()), None, "{text}");
        }
    }

    #[test]
    fn lists_are_read_on_one_line_and_on_many() {
        let text =
            "allow = [\n  \"MIT\",\n  \"ISC\", # why\n]\nallow-registry = [\"https://r\"]\nother = [\"x\"]\n";
        assert_eq!(list(text, "allow = [").into_iter().collect::<Vec<_>>(), ["ISC", "MIT"]);
        assert_eq!(list(text, "allow-registry = [").into_iter().collect::<Vec<_>>(), ["https://r"]);
    }
}
