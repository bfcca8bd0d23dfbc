//! A table with foreign column names is read through a mapping, and a wrong mapping is told by its field.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::io::Cursor;

use bartizan_discover::formats::{self, by_name};
use bartizan_discover::{Context, Error, Header, Outcome, Record, Result, Sink};
use bartizan_intake::{Document, Limits};
use bartizan_model::{Finding, Observation, Severity};

#[derive(Default)]
struct Records(Vec<Record>);

impl Sink for Records {
    fn record(&mut self, record: Record) -> Result<()> {
        self.0.push(record);
        Ok(())
    }

    fn remark(&mut self, _: Observation) -> Result<()> {
        Ok(())
    }
}

fn read(report: &'static str, mapping: &str) -> Result<(Header, Vec<Record>)> {
    let mut document = Document::from_reader("report", Cursor::new(report), Limits::default()).unwrap();
    let context =
        Context { name: "report".to_owned(), mapping: Some(mapping.to_owned()), ..Context::default() };
    let mut records = Records::default();
    let header = formats::read(&mut document, by_name("generic")?, &context, &mut records)?;
    Ok((header, records.0))
}

fn finding(record: &Record) -> &Finding {
    let Outcome::Observed(observations) = &record.outcome else { panic!("{record:?}") };
    match &observations[0] {
        Observation::Finding(finding) => finding,
        other => panic!("{other:?}"),
    }
}

const TABLE: &str = "Finding name|Risk|System|Nr\nOpen share|P1|files.example.com|A-7\n|P2|x|A-8\n";

#[test]
fn a_table_is_read_through_a_mapping() {
    let mapping = "tool: acme\nfields:\n  title: Finding name\n  severity: [Adjusted, Risk]\n  asset: System\n  weakness: Nr\nseverity:\n  P1: critical\n";
    let (header, records) = read(TABLE, mapping).unwrap();
    assert_eq!(header.tool, "acme");
    let found = finding(&records[0]);
    assert_eq!(found.weaknesses[0].key.to_string(), "acme:A-7");
    assert_eq!(found.severity, Severity::Critical);
    assert_eq!(found.subject.identifiers()[0].to_string(), "fqdn:files.example.com");
    assert!(matches!(records[1].outcome, Outcome::Rejected { .. }));
}

#[test]
fn rows_may_lie_deep_in_json() {
    let report =
        r#"{"report": {"items": [{"n": "Old TLS", "where": {"host": "a.example.com", "port": 443}}]}}"#;
    let mapping = r#"{"rows": "report.items", "fields": {"title": "n", "asset": "where.host", "port": "where.port"}, "constants": {"severity": "low"}}"#;
    let (_, records) = read(report, mapping).unwrap();
    let found = finding(&records[0]);
    assert_eq!(found.place.to_string(), "tcp/443");
    assert_eq!(found.severity, Severity::Low);
}

#[test]
fn a_wrong_mapping_is_told_by_its_field() {
    for (mapping, named) in [
        ("fields:\n  title: Finding\n", "fields.title"),
        ("fields:\n  title: Finding name\n  asset: Host\n", "fields.asset"),
        ("fields:\n  title: Finding name\n  hosst: System\n", "fields.hosst"),
    ] {
        let error = read(TABLE, mapping).err().unwrap();
        assert!(matches!(error, Error::Mapping(_)), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}
