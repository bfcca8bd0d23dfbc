//! Decision tables of SSVC as data: CSV with one column for each decision point and the outcome in
//! the last. Reads our own tables under `rules/` and tables in the layout of CERT/CC.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Error, Result};

/// A table of decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionTable {
    /// What the file says about itself in `# key: value` lines: `name`, `version`, `source`, …
    pub about: BTreeMap<String, String>,
    /// Names of the decision points in `snake_case`, without versions.
    pub inputs: Vec<String>,
    /// The name of the outcome.
    pub outcome: String,
    pub rows: Vec<Row>,
}

/// One row: a value for each decision point, in their order, and the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub values: Vec<String>,
    pub outcome: String,
}

/// A table larger than this is something else.
const MOST_ROWS: usize = 10_000;

impl DecisionTable {
    /// Reads a table. Rows must be whole and differ in their values.
    pub fn parse(text: &str) -> Result<Self> {
        let mut about = BTreeMap::new();
        let mut data = String::new();
        // Comments become empty lines, so that line numbers stay true.
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix('#') {
                if let Some((key, value)) = comment.split_once(':') {
                    about.insert(key.trim().to_owned(), value.trim().to_owned());
                }
            } else {
                data.push_str(line);
            }
            data.push('\n');
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(data.as_bytes());
        let fail = |line: u64, message: String| Error::Table { line: line as usize, message };
        let mut header: Option<Vec<String>> = None;
        let mut skip = 0;
        let mut rows: Vec<Row> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| {
                let line = error.position().map_or(0, csv::Position::line);
                fail(line, error.to_string())
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            let Some(header) = &header else {
                skip = usize::from(record.get(0) == Some("row"));
                let names: Vec<String> = record.iter().skip(skip).map(plain_name).collect();
                if names.len() < 2 || names.iter().any(String::is_empty) {
                    return Err(fail(line, "its header names no decision point and outcome".to_owned()));
                }
                header = Some(names);
                continue;
            };
            let mut values: Vec<String> = record.iter().skip(skip).map(str::to_lowercase).collect();
            if values.len() != header.len() || values.iter().any(String::is_empty) {
                return Err(fail(line, format!("has {} values, but needs {}", values.len(), header.len())));
            }
            let outcome = values.pop().unwrap_or_default();
            if rows.iter().any(|row| row.values == values) {
                return Err(fail(line, "decides a case that an earlier row decides".to_owned()));
            }
            if rows.len() >= MOST_ROWS {
                return Err(fail(line, format!("is larger than {MOST_ROWS} rows")));
            }
            rows.push(Row { values, outcome });
        }
        let mut inputs = header.ok_or_else(|| fail(1, "is empty".to_owned()))?;
        let outcome = inputs.pop().unwrap_or_default();
        if rows.is_empty() {
            return Err(fail(1, "has no rows".to_owned()));
        }
        Ok(Self { about, inputs, outcome, rows })
    }

    /// CISA's coordinator table, built in.
    pub fn cisa_coordinator() -> Result<Self> {
        Self::parse(include_str!("../../../rules/ssvc/cisa-coordinator.csv"))
    }

    /// The rows that fit what is known: `None` and decision points that are not named fit any value.
    pub fn matching<'t>(&'t self, known: &'t [(&str, Option<&str>)]) -> impl Iterator<Item = &'t Row> {
        self.rows.iter().filter(move |row| self.fits(row, known))
    }

    pub(crate) fn fits(&self, row: &Row, known: &[(&str, Option<&str>)]) -> bool {
        self.inputs.iter().zip(&row.values).all(|(input, value)| {
            let stated = known.iter().find(|(name, _)| name == input).and_then(|(_, value)| *value);
            stated.is_none_or(|stated| stated == value)
        })
    }
}

/// `Asset Exposure v1.0.0 (cisa)` is `asset_exposure`.
fn plain_name(cell: &str) -> String {
    let words = cell.split_whitespace().filter(|word| {
        let is_version =
            word.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        !is_version && !word.starts_with('(')
    });
    words.collect::<Vec<_>>().join("_").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_are_read() {
        let ours = DecisionTable::parse(
            "# name: T\n# source: here\nin_kev,impact,level\nno,low,track\nyes,low,act\n",
        )
        .unwrap();
        let theirs = DecisionTable::parse(
            "row,In KEV v1.0.0 (cisa),Impact v2.0.0,Level v1.1.0 (cisa)\n0,No,low,Track\n1,yes,low,act\n",
        )
        .unwrap();
        assert_eq!((&ours.inputs, &ours.rows), (&theirs.inputs, &theirs.rows));
        assert_eq!(ours.about["source"], "here");
        assert_eq!(ours.matching(&[("in_kev", Some("yes"))]).count(), 1);
        assert_eq!(ours.matching(&[("in_kev", None)]).count(), 2);
    }

    #[test]
    fn tables_that_decide_badly_are_refused() {
        for (text, line) in [
            ("", 1),
            ("a,b\n", 1),
            ("a\nx\n", 1),
            ("# c: d\na,b\nx,y\nx,z\n", 4),
            ("a,b\nx\n", 2),
            ("a,b\nx,\n", 2),
        ] {
            match DecisionTable::parse(text).unwrap_err() {
                Error::Table { line: found, message } => assert_eq!(found, line, "{text:?}: {message}"),
                other => panic!("{other}"),
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "([a-z# :]{0,6}[,\n\"]?){0,20}") {
            let _ = DecisionTable::parse(&text);
            let _ = crate::DeadlineTable::parse(&format!("in_kev,timeline\n{text}"));
        }
    }

    #[test]
    fn the_coordinator_table_is_whole() {
        let table = DecisionTable::cisa_coordinator().unwrap();
        assert_eq!((table.rows.len(), table.inputs.len()), (36, 4));
        let known = [
            ("exploitation", Some("active")),
            ("automatable", Some("yes")),
            ("technical_impact", Some("total")),
            ("mission", Some("high")),
        ];
        assert_eq!(table.matching(&known).map(|row| row.outcome.as_str()).collect::<Vec<_>>(), ["act"]);
    }
}
