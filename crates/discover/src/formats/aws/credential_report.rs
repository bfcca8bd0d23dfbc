//! The IAM credential report: who has a password, a second factor, and keys in use.
//!
//! Columns and values: IAM user guide, "Getting credential reports". The report does not print the
//! ids of keys, so their ages are attributes of the account.

use std::io::Read;
use std::sync::Arc;

use bartizan_model::{AssetKind, Observation};
use serde_json::Value;

use super::arn::{Arn, iam_identity};
use super::facts::{Facts, Notes};
use crate::{Record, Result, Sink};

pub(super) fn is_csv(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    line.starts_with("user,arn,user_creation_time,") && line.contains("mfa_active")
}

/// Reads the CSV from a stream.
pub(super) fn read(reader: &mut dyn Read, sink: &mut dyn Sink) -> Result<()> {
    let mut broken = Ok(());
    rows(reader, "", &mut |record| {
        if broken.is_ok() {
            broken = sink.record(record);
        }
    });
    broken
}

/// Hands over a record for every row. A row that cannot be read is rejected and the rest goes on.
pub(super) fn rows(reader: impl Read, prefix: &str, take: &mut dyn FnMut(Record)) {
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let columns = match table.headers() {
        Ok(columns) => columns.clone(),
        Err(error) => return take(Record::rejected(format!("{prefix}line 1"), error.to_string())),
    };
    for row in table.records() {
        let record = match row {
            Ok(row) => {
                let at = format!("{prefix}line {}", row.position().map_or(0, csv::Position::line));
                match say(&columns, &row) {
                    Ok(observations) => Record::observed(at, observations),
                    Err(message) => Record::rejected(at, message),
                }
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                Record::rejected(format!("{prefix}line {line}"), error.to_string())
            }
        };
        take(record);
    }
}

fn say(columns: &csv::StringRecord, row: &csv::StringRecord) -> Result<Vec<Observation>, String> {
    let cell = |name: &str| {
        let at = columns.iter().position(|column| column == name)?;
        row.get(at).filter(|value| !matches!(*value, "" | "N/A" | "not_supported" | "no_information"))
    };
    if row.len() < columns.len() {
        return Err(format!("it has {} of {} cells", row.len(), columns.len()));
    }
    let text = cell("arn").ok_or("the cell arn is empty")?;
    let arn = Arn::parse(text).ok_or_else(|| format!("{text:?} is not an ARN"))?;
    let subject = Arc::new(iam_identity(AssetKind::Account, text));
    let mut notes = Notes::default().set("aws.root", arn.resource == "root");
    for (column, key) in [
        ("password_enabled", "aws.password_enabled"),
        ("mfa_active", "aws.mfa_active"),
        ("access_key_1_active", "aws.access_key_1_active"),
        ("access_key_2_active", "aws.access_key_2_active"),
        ("cert_1_active", "aws.certificate_1_active"),
        ("cert_2_active", "aws.certificate_2_active"),
    ] {
        notes = match cell(column).map(str::to_ascii_lowercase).as_deref() {
            Some("true") => notes.set(key, true),
            Some("false") => notes.set(key, false),
            _ => notes,
        };
    }
    for (column, key) in [
        ("user_creation_time", "aws.created"),
        ("password_last_used", "aws.password_last_used"),
        ("password_last_changed", "aws.password_last_changed"),
        ("password_next_rotation", "aws.password_next_rotation"),
        ("access_key_1_last_rotated", "aws.access_key_1_rotated"),
        ("access_key_1_last_used_date", "aws.access_key_1_last_used"),
        ("access_key_2_last_rotated", "aws.access_key_2_rotated"),
        ("access_key_2_last_used_date", "aws.access_key_2_last_used"),
    ] {
        notes = notes.time(key, cell(column).map(Value::from).as_ref());
    }
    let name = cell("user").unwrap_or_default().trim_matches(['<', '>']).to_owned();
    let mut facts = Facts::of(&subject, name, notes);
    facts.in_account(arn.owner(), &subject);
    Ok(facts.into_observations())
}
