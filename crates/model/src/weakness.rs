//! Weaknesses: what is wrong, independent of tool and place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a weakness is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeaknessKey {
    /// A published vulnerability by one of its ids (`CVE-…`, `GHSA-…`, `PYSEC-…`, a vendor's id).
    Vulnerability(String),
    /// A rule of a family: `checkov:CKV_AWS_20`, `nmap:http-git`, `cwe:89`.
    Rule { family: String, id: String },
}

impl WeaknessKey {
    /// The family under which coverage is stated: `vulnerability`, or the rule's family.
    pub const VULNERABILITY: &'static str = "vulnerability";

    pub fn vulnerability(id: impl AsRef<str>) -> Self {
        Self::Vulnerability(canonical_spelling(id.as_ref()))
    }

    pub fn rule(family: impl Into<String>, id: impl Into<String>) -> Self {
        Self::Rule { family: family.into(), id: id.into() }
    }

    pub fn family(&self) -> &str {
        match self {
            Self::Vulnerability(_) => Self::VULNERABILITY,
            Self::Rule { family, .. } => family,
        }
    }

    /// The id within the family.
    pub fn id(&self) -> &str {
        match self {
            Self::Vulnerability(id) | Self::Rule { id, .. } => id,
        }
    }

    /// Chooses the canonical key of an alias set: CVE, else GHSA, else OSV-style, else the rest;
    /// the smallest of equals.
    pub fn canonical<'a>(ids: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        ids.into_iter()
            .map(canonical_spelling)
            .filter(|id| !id.is_empty())
            .min_by(|left, right| (rank(left), left).cmp(&(rank(right), right)))
            .map(Self::Vulnerability)
    }

    /// Reads the text form that [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some((family, id)) if !looks_like_advisory(text) => Self::rule(family, id),
            _ => Self::vulnerability(text),
        }
    }

    /// True for ids of the CVE list, spelled as the list spells them.
    pub fn is_cve(&self) -> bool {
        matches!(self, Self::Vulnerability(id) if id.starts_with("CVE-"))
    }
}

/// `CVE-2024-1234` or `GHSA-xxxx-yyyy-zzzz`, spelled as their lists spell them; others as given.
fn canonical_spelling(id: &str) -> String {
    let id = id.trim();
    let upper = id.to_ascii_uppercase();
    if upper.starts_with("CVE-") {
        upper
    } else if upper.starts_with("GHSA-") {
        format!("GHSA-{}", id[5..].to_ascii_lowercase())
    } else {
        id.to_owned()
    }
}

fn rank(id: &str) -> u8 {
    const OSV: [&str; 8] = ["PYSEC-", "RUSTSEC-", "GO-", "OSV-", "MAL-", "GSD-", "HSEC-", "RSEC-"];
    if id.starts_with("CVE-") {
        0
    } else if id.starts_with("GHSA-") {
        1
    } else if OSV.iter().any(|prefix| id.starts_with(prefix)) {
        2
    } else {
        3
    }
}

fn looks_like_advisory(text: &str) -> bool {
    // Red Hat writes RHSA-2024:1234, so a colon alone does not make a rule.
    text.split_once(':').is_some_and(|(head, _)| {
        head.rsplit_once('-')
            .is_some_and(|(_, year)| year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()))
    })
}

impl fmt::Display for WeaknessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vulnerability(id) => formatter.write_str(id),
            Self::Rule { family, id } => write!(formatter, "{family}:{id}"),
        }
    }
}

/// A weakness as one report describes it. Only the key and the aliases are identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weakness {
    pub key: WeaknessKey,
    /// Other published ids of the same vulnerability.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// CWE numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<u32>,
    /// CVSS vectors as the report prints them, v2 to v4.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cvss: Vec<String>,
    /// CVSS base score where the report gives a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
}

impl Weakness {
    pub fn new(key: WeaknessKey, title: impl Into<String>) -> Self {
        Self {
            key,
            aliases: Vec::new(),
            title: title.into(),
            description: None,
            cwes: Vec::new(),
            cvss: Vec::new(),
            score: None,
            references: Vec::new(),
        }
    }

    /// A vulnerability known by several ids: the canonical one becomes the key, the rest aliases.
    /// `None` when there is no id.
    pub fn from_ids<'a>(
        ids: impl IntoIterator<Item = &'a str> + Clone,
        title: impl Into<String>,
    ) -> Option<Self> {
        let key = WeaknessKey::canonical(ids.clone())?;
        let mut weakness = Self::new(key, title);
        let mut aliases: Vec<String> = ids
            .into_iter()
            .map(canonical_spelling)
            .filter(|id| !id.is_empty() && id != weakness.key.id())
            .collect();
        aliases.sort_unstable();
        aliases.dedup();
        weakness.aliases = aliases;
        Some(weakness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_id_is_the_cve() {
        let weakness =
            Weakness::from_ids(["ghsa-AAAA-bbbb-cccc", "PYSEC-2024-1", "cve-2024-0001"], "x").unwrap();
        assert_eq!(weakness.key, WeaknessKey::vulnerability("CVE-2024-0001"));
        assert_eq!(weakness.aliases, ["GHSA-aaaa-bbbb-cccc", "PYSEC-2024-1"]);
    }

    #[test]
    fn text_form_round_trips() {
        for text in ["CVE-2024-0001", "checkov:CKV_AWS_20", "cwe:89", "RHSA-2024:1234"] {
            assert_eq!(WeaknessKey::parse(text).to_string(), text);
        }
        assert_eq!(WeaknessKey::parse("RHSA-2024:1234").family(), WeaknessKey::VULNERABILITY);
    }
}
