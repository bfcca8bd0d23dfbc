//! Mappings: which columns of a table or members of an object hold what.
//!
//! ```yaml
//! tool: acme-scanner            # the source; also the family of its rules
//! rows: report.items            # JSON only: where the list of rows is
//! fields:                       # our field: the column, or several to try in order
//!   title: Finding name
//!   severity: [Adjusted risk, Risk]
//!   asset: host.fqdn            # a dot leads into an object
//! severity:                     # the tool's own words
//!   P1: critical
//! constants:                    # the same for every row
//!   asset_kind: host
//! ```

use std::collections::BTreeMap;

use bartizan_model::Severity;
use serde::Deserialize;

use crate::{Error, Result};

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $spellings:expr;)*) => {
        /// What a row may say.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Field {
            $($(#[$doc])* $variant,)*
        }

        impl Field {
            const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Names under which the field is found without a mapping, in lower case with `_`.
            const fn spellings(self) -> &'static [&'static str] {
                match self { $(Self::$variant => $spellings,)* }
            }
        }
    };
}

fields! {
    /// Short name of the weakness. The only field that every row needs.
    Title = "title", &["title"];
    Description = "description", &["description"];
    Severity = "severity", &["severity"];
    /// An id of the tool for what is wrong, the same wherever it occurs; or `family:id`.
    Weakness = "weakness", &["weakness", "rule", "rule_id", "vuln_id_from_tool"];
    /// CVE, GHSA or other published ids.
    Cve = "cve", &["cve", "cves", "vulnerability_id", "vulnerability_ids"];
    Cwe = "cwe", &["cwe", "cweid", "cwe_id"];
    Cvss = "cvss", &["cvss", "cvssv4", "cvssv3", "cvss_vector"];
    Score = "score", &["score", "cvssv4_score", "cvssv3_score", "cvss_score"];
    /// Host name, address, URL, image, ARN, repository; or `scheme:value` with one of our schemes.
    Asset = "asset", &["asset", "host", "hostname", "ip", "endpoints"];
    /// A kind of asset by its name (`host`, `repository`, `artifact`…), where the value does not tell.
    AssetKind = "asset_kind", &["asset_kind"];
    /// Any place in the text form that Bartizan prints (`tcp/443`, `setting:…`), or a setting's name.
    Place = "place", &["place"];
    Path = "path", &["path", "file_path", "file"];
    Line = "line", &["line"];
    Snippet = "snippet", &["snippet"];
    Port = "port", &["port"];
    Protocol = "protocol", &["protocol"];
    Url = "url", &["url"];
    Parameter = "parameter", &["parameter", "param"];
    Component = "component", &["component", "component_name", "purl", "package"];
    Version = "version", &["version", "component_version"];
    FixedVersion = "fixed_version", &["fixed_version", "fix_version"];
    Fix = "fix", &["fix", "mitigation", "remediation", "solution"];
    Evidence = "evidence", &["evidence", "steps_to_reproduce"];
    References = "references", &["references", "reference"];
    /// `open`, `fixed`, `false positive`, `not affected`, `under investigation`.
    Status = "status", &["status"];
    FalsePositive = "false_positive", &["false_positive", "falsepositive", "false_p"];
    Mitigated = "mitigated", &["is_mitigated", "ismitigated"];
    /// When the weakness was last seen.
    SeenAt = "seen_at", &["seen_at", "last_seen", "scanned_at"];
    Owner = "owner", &["owner"];
    Date = "date", &["date"];
    Impact = "impact", &["impact"];
    Id = "id", &["unique_id_from_tool"];
}

/// A mapping as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    tool: Option<String>,
    rows: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, Columns>,
    #[serde(default)]
    severity: BTreeMap<String, String>,
    #[serde(default)]
    constants: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Columns {
    One(String),
    Several(Vec<String>),
}

/// A mapping that was checked.
#[derive(Default)]
pub(super) struct Mapping {
    pub(super) tool: Option<String>,
    /// Where the rows are, as a route without the final `[]`.
    pub(super) rows: Option<String>,
    columns: BTreeMap<Field, Vec<String>>,
    severities: BTreeMap<String, Severity>,
    constants: BTreeMap<Field, String>,
}

impl Mapping {
    /// Reads YAML or JSON; every error names the field at fault.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let written: Written = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| Error::Mapping(error.to_string()))?
        } else {
            serde_saphyr::from_str(text).map_err(|error| Error::Mapping(error.to_string()))?
        };
        let mut mapping = Self {
            tool: written.tool.filter(|tool| !tool.is_empty()),
            rows: written.rows.map(|rows| rows.trim_end_matches("[]").to_owned()),
            ..Self::default()
        };
        for (name, columns) in written.fields {
            let field = known(&name, "fields")?;
            let columns = match columns {
                Columns::One(column) => vec![column],
                Columns::Several(columns) => columns,
            };
            if columns.iter().all(String::is_empty) {
                return Err(Error::Mapping(format!("fields.{name}: it names no column")));
            }
            mapping.columns.insert(field, columns);
        }
        for (name, value) in written.constants {
            let field = known(&name, "constants")?;
            if field == Field::AssetKind && bartizan_model::AssetKind::parse(&value).is_none() {
                return Err(Error::Mapping(format!("constants.{name}: {value:?} is not a kind of asset")));
            }
            mapping.constants.insert(field, value);
        }
        for (word, meaning) in written.severity {
            let severity = Severity::from_word(&meaning);
            if severity == Severity::Unknown {
                return Err(Error::Mapping(format!(
                    "severity.{word}: {meaning:?} is none of critical, high, medium, low, info"
                )));
            }
            mapping.severities.insert(word.trim().to_lowercase(), severity);
        }
        if !mapping.columns.contains_key(&Field::Title) && !mapping.constants.contains_key(&Field::Title) {
            return Err(Error::Mapping("fields.title: it is missing; every row needs a title".to_owned()));
        }
        Ok(mapping)
    }

    /// The columns to try for a field, in order. Without a mapping, our own names and those of
    /// DefectDojo's generic import.
    pub(super) fn columns(&self, field: Field) -> Vec<&str> {
        match self.columns.get(&field) {
            Some(columns) => columns.iter().map(String::as_str).collect(),
            None if self.columns.is_empty() => field.spellings().to_vec(),
            None => vec![field.as_str()],
        }
    }

    /// Every column that was named, for telling which of them the report lacks.
    pub(super) fn named(&self) -> impl Iterator<Item = (Field, &[String])> {
        self.columns.iter().map(|(field, columns)| (*field, columns.as_slice()))
    }

    pub(super) fn constant(&self, field: Field) -> Option<&str> {
        self.constants.get(&field).map(String::as_str)
    }

    pub(super) fn severity(&self, word: &str) -> Severity {
        let own = self.severities.get(&word.trim().to_lowercase()).copied();
        own.unwrap_or_else(|| Severity::from_word(word))
    }
}

/// Columns of DefectDojo's generic import that say nothing here.
const BESIDE: [&str; 40] = [
    "active",
    "verified",
    "duplicate",
    "mitigated",
    "mitigateddate",
    "mitigated_date",
    "epss_score",
    "epss_percentile",
    "fix_available",
    "tags",
    "files",
    "locations",
    "service",
    "numerical_severity",
    "severity_justification",
    "nb_occurences",
    "nb_occurrences",
    "scanner_confidence",
    "thread_id",
    "sast_source_object",
    "sast_sink_object",
    "sast_source_line",
    "sast_source_file_path",
    "static_finding",
    "dynamic_finding",
    "out_of_scope",
    "risk_accepted",
    "under_review",
    "publish_date",
    "planned_remediation_date",
    "planned_remediation_version",
    "effort_for_fixing",
    "payload",
    "hash_code",
    "known_exploited",
    "ransomware_used",
    "kev_date",
    "cvssv3",
    "cvssv4",
    "cvssv3_score",
];

/// True for a normalised column name that is ours or DefectDojo's.
pub(super) fn is_known_column(name: &str) -> bool {
    let is_ours = |field: &Field| field.as_str() == name || field.spellings().contains(&name);
    Field::ALL.iter().any(is_ours) || BESIDE.contains(&name)
}

fn known(name: &str, section: &str) -> Result<Field> {
    Field::ALL.iter().copied().find(|field| field.as_str() == name).ok_or_else(|| {
        let names: Vec<&str> = Field::ALL.iter().map(|field| field.as_str()).collect();
        Error::Mapping(format!(
            "{section}.{name}: there is no such field; the fields are {}",
            names.join(", ")
        ))
    })
}

/// Columns and members are compared in lower case, with `_` for what stands between words.
pub(super) fn normalised(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::{Field, Mapping};

    #[test]
    fn yaml_and_json_say_the_same() {
        for text in [
            "tool: acme\nfields:\n  title: Name\n  severity: [Adjusted, Risk]\nseverity:\n  P1: critical\n",
            r#"{"tool": "acme", "fields": {"title": "Name", "severity": ["Adjusted", "Risk"]}, "severity": {"P1": "critical"}}"#,
        ] {
            let mapping = Mapping::parse(text).unwrap();
            assert_eq!(mapping.tool.as_deref(), Some("acme"));
            assert_eq!(mapping.columns(Field::Severity), ["Adjusted", "Risk"]);
            assert_eq!(mapping.severity("p1"), bartizan_model::Severity::Critical);
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (text, named) in [
            ("fields:\n  titel: Name\n", "fields.titel"),
            ("fields:\n  severity: Risk\n", "fields.title"),
            ("fields:\n  title: ''\n", "fields.title"),
            ("fields:\n  title: Name\nseverity:\n  P1: dire\n", "severity.P1"),
            ("fields:\n  title: Name\nconstants:\n  asset_kind: thing\n", "constants.asset_kind"),
            ("colums:\n  title: Name\n", "colums"),
        ] {
            let error = Mapping::parse(text).err().unwrap().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
