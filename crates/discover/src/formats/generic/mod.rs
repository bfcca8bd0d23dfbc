//! Any table or list of findings: CSV, a JSON array, JSON lines, or an object with a list in it.
//!
//! Without a mapping, the columns have our own names (see `mapping.rs`: `title`, `severity`,
//! `asset`, `weakness`, `cve`, `place`…) or those of DefectDojo's "generic findings import". With
//! one, they may have any names. A record is one row. Rows of a table that differ only in where they
//! were seen (same title, severity and description) are one finding; objects in JSON stand each for
//! themselves. Such a report says nothing on what was looked at, so nothing closes by absence from it.

mod mapping;
mod row;

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{AssetKind, Subject};
use serde_json::Value;

use self::mapping::{Field, Mapping, is_known_column, normalised};
use self::row::{Cells, Row};
use super::{Confidence, Format, Kind};
use crate::table::{delimiter, reader};
use crate::{Context, Error, Head, Header, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "generic",
    title: "CSV or JSON with a mapping, or with our own or DefectDojo's column names",
    tool: "any",
    kind: Kind::Any,
    example: "bartizan import --as generic --mapping acme.yaml findings.csv",
    sniff,
    parse,
};

/// A list whose rows have a title, a severity and a description or asset is taken for ours or
/// DefectDojo's if at most one column in four is unknown: other tools use these three words too.
fn sniff(head: &Head<'_>) -> Confidence {
    let names: Vec<String> = if head.is_json() {
        let of_list = || {
            let (_, rest) = head.text().split_once("\"findings\"")?;
            Some(Head::new(rest.trim_start().trim_start_matches(':').trim_start()))
        };
        match head.has_key("findings").then(of_list).flatten() {
            Some(list) => list.keys().iter().map(|key| normalised(key)).collect(),
            None => head.keys().iter().map(|key| normalised(key)).collect(),
        }
    } else if head.xml_root().is_some() {
        return Confidence::No;
    } else {
        let line = head.text().lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let delimiter = delimiter(line) as char;
        line.split(delimiter).map(|name| normalised(name.trim().trim_matches('"'))).collect()
    };
    let has = |name: &str| names.iter().any(|known| known == name);
    let fits = has("title") && has("severity") && (has("description") || has("asset"));
    let unknown = names.iter().filter(|name| !is_known_column(name)).count();
    if fits && unknown * 4 <= names.len() { Confidence::Possible } else { Confidence::No }
}

fn parse(source: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mapping = match &context.mapping {
        Some(text) => Mapping::parse(text)?,
        None => Mapping::default(),
    };
    let mut head = Vec::new();
    source
        .take(64 * 1024)
        .read_to_end(&mut head)
        .map_err(|source| bartizan_intake::Error::Read { at: 0, source })?;
    let text = String::from_utf8_lossy(&head).into_owned();
    let shape = Head::new(&text);
    let mut whole = Cursor::new(head).chain(source);
    let tool = mapping.tool.clone().unwrap_or_else(|| "generic".to_owned());
    let mut reading =
        Reading { mapping: &mapping, context, sink, header: Header::new(tool), fallback: BTreeMap::new() };
    if shape.is_json() {
        let list = match &mapping.rows {
            Some(rows) => Some(format!("{rows}[]")),
            None if shape.is_json_array() => Some("[]".to_owned()),
            None if shape.has_key("findings") => Some("findings[]".to_owned()),
            None => None,
        };
        reading.json(&mut whole, list.as_deref())?;
    } else {
        reading.table(&mut whole)?;
    }
    Ok(reading.header)
}

/// The state of reading.
struct Reading<'r> {
    mapping: &'r Mapping,
    context: &'r Context,
    sink: &'r mut dyn Sink,
    header: Header,
    fallback: BTreeMap<AssetKind, Arc<Subject>>,
}

impl Reading<'_> {
    fn json(&mut self, reader: &mut dyn Read, list: Option<&str>) -> Result<()> {
        // The name of the tool stands beside the list in DefectDojo's shape.
        let (routes, documents) = match list {
            Some(list) => ([list, "type"], Documents::One),
            None => (["", "type"], Documents::Many),
        };
        let routes = if list == Some("[]") || list.is_none() { &routes[..1] } else { &routes[..] };
        walk::<Error>(reader, routes, documents, &mut |event, position| {
            let Event::Value { route, json, .. } = event else { return Ok(()) };
            if route == 1 {
                let tool = serde_json::from_str::<String>(json).unwrap_or_default();
                if self.mapping.tool.is_none() && !tool.is_empty() {
                    self.header.tool = normalised(&tool);
                }
                return Ok(());
            }
            let at = position.to_string();
            match serde_json::from_str::<Value>(json) {
                Ok(value @ Value::Object(_)) => {
                    let record = self.row(at, Cells::Object(&value));
                    self.sink.record(record)
                }
                Ok(_) => self.sink.record(Record::rejected(at, "the row is not an object")),
                Err(error) => self.sink.record(Record::rejected(at, error.to_string())),
            }
        })
    }

    fn table(&mut self, source: &mut dyn Read) -> Result<()> {
        let mut rows = reader(source)?;
        let headers = rows.headers().map_err(crate::table::error)?;
        let names: Vec<String> = headers.iter().map(normalised).collect();
        self.check_columns(&names)?;
        let mut cells = csv::StringRecord::new();
        while rows.read_record(&mut cells).map_err(crate::table::error)? {
            let at = format!("line {}", cells.position().map_or(0, csv::Position::line));
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                self.sink.record(Record::ignored(at, "empty row"))?;
                continue;
            }
            let fold = self.fold(&names, &cells);
            let record = self.row(at, Cells::Table(&names, &cells));
            self.sink.record(record.folded(fold))?;
        }
        Ok(())
    }

    /// A mapping that names columns which the table lacks is a mistake; say which.
    fn check_columns(&mut self, names: &[String]) -> Result<()> {
        let has = |column: &String| names.contains(&normalised(column));
        let missing: Vec<String> = self
            .mapping
            .named()
            .filter(|(_, columns)| !columns.iter().any(has))
            .map(|(field, columns)| {
                format!("fields.{}: there is no column {:?}", field.as_str(), columns.join("\", \""))
            })
            .collect();
        if let Some(first) = missing.first() {
            return Err(Error::Mapping(format!("{first}; the columns are {}", names.join(", "))));
        }
        let title = self.mapping.columns(Field::Title);
        let is_there = self.mapping.constant(Field::Title).is_some()
            || title.iter().any(|column| names.contains(&normalised(column)));
        if is_there {
            return Ok(());
        }
        let message = format!("there is no column title; the columns are {}", names.join(", "));
        Err(Error::Incomplete { format: FORMAT.name, message })
    }

    fn fold(&self, names: &[String], cells: &csv::StringRecord) -> String {
        let family = self.header.tool.clone();
        let row = Row {
            cells: Cells::Table(names, cells),
            mapping: self.mapping,
            context: self.context,
            family: &family,
        };
        let texts = [Field::Severity, Field::Title, Field::Description]
            .map(|field| row.text(field).unwrap_or_default());
        texts.join(" / ")
    }

    fn row(&mut self, at: String, cells: Cells<'_>) -> Record {
        let family = self.header.tool.clone();
        let row = Row { cells, mapping: self.mapping, context: self.context, family: &family };
        let seen = row.text(Field::SeenAt).and_then(|text| crate::time::parse(&text));
        self.header.scanned_at = self.header.scanned_at.max(seen);
        let (header, known, context) = (&mut self.header, &mut self.fallback, self.context);
        row.record(at, &mut |kind: AssetKind| {
            Arc::clone(known.entry(kind).or_insert_with(|| crate::target::named(context, header, kind)))
        })
    }
}
