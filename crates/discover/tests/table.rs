//! Walks the table of formats: every entry has fixtures that are recognised as it, read without
//! loss, and give the observations that the snapshot beside the fixture shows.

use std::path::{Path, PathBuf};

use bartizan_discover::formats::{self, Format, TABLE};
use bartizan_discover::{Context, Header, Record, Result, Sink};
use bartizan_intake::{Document, Limits};
use bartizan_model::Observation;
use serde::Serialize;

#[derive(Default, Serialize)]
struct Collected {
    header: Header,
    remarks: Vec<Observation>,
    records: Vec<Record>,
}

impl Sink for Collected {
    fn record(&mut self, record: Record) -> Result<()> {
        self.records.push(record);
        Ok(())
    }

    fn remark(&mut self, observation: Observation) -> Result<()> {
        self.remarks.push(observation);
        Ok(())
    }
}

fn fixtures(format: &Format) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format.name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("{} has no fixtures in {}", format.name, folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "snap" && extension != "new"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no fixtures", format.name);
    files
}

fn open(path: &Path) -> Document {
    Document::open(path, Limits::default()).unwrap()
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = TABLE.iter().map(|format| format.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TABLE.len());
}

/// Fixtures that carry no mark of their format (an empty array, say) start with `as-`: they can
/// only be read with `--as`.
#[test]
fn fixtures_are_recognised_and_read_as_their_snapshots_show() {
    for format in TABLE {
        for path in fixtures(format) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let mut document = open(&path);
            if !name.starts_with("as-") {
                let recognised =
                    formats::recognise(&document).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(recognised.name, format.name, "{name}");
            }
            let context = Context { name: "fixture".to_owned(), ..Context::default() };
            let mut collected = Collected::default();
            collected.header = formats::read(&mut document, format, &context, &mut collected)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            insta::with_settings!({
                snapshot_path => path.parent().unwrap(),
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                insta::assert_json_snapshot!(name, collected);
            });
        }
    }
}

/// A cut anywhere must be an error or lose only what lies behind the cut; it must never panic.
#[test]
fn cut_fixtures_never_panic() {
    for format in TABLE {
        for path in fixtures(format) {
            let bytes = std::fs::read(&path).unwrap();
            for eighth in 1..8 {
                let cut = bytes[..bytes.len() * eighth / 8].to_vec();
                let reader = std::io::Cursor::new(cut);
                let Ok(mut document) = Document::from_reader("cut", reader, Limits::default()) else {
                    continue;
                };
                let _ = formats::read(&mut document, format, &Context::default(), &mut Collected::default());
            }
        }
    }
}
