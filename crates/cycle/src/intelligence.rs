//! Intelligence feeds into the store.

use std::path::Path;

use bartizan_intake::{Document, Limits};
use bartizan_intel::{Catalogue, CveFacts, Origin, read, recognise};
use bartizan_model::{Digest, Timestamp};
use bartizan_store::{FeedRow, Store};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Error, Result};

/// What became of a feed's file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FeedImported {
    pub file: String,
    pub feed: Option<String>,
    pub version: Option<String>,
    pub date: Option<Timestamp>,
    pub records: u64,
    pub taken: u64,
    pub ignored: u64,
    pub rejected: u64,
    /// Vulnerabilities of which something was not known before.
    pub changed: u64,
    pub rejections: Vec<bartizan_intel::Rejection>,
    pub error: Option<String>,
}

/// Which intelligence is loaded.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Loaded {
    pub feeds: Vec<FeedLoaded>,
    /// How many vulnerabilities the feeds know.
    pub vulnerabilities: u64,
}

/// A feed that was read, and how old it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FeedLoaded {
    pub feed: String,
    pub version: Option<String>,
    pub date: Option<Timestamp>,
    pub imported_at: Timestamp,
    pub records: u64,
    pub rejected: u64,
    pub digest: Digest,
    /// Whole days from the feed's own date until now.
    pub age_days: Option<i64>,
}

/// Says which intelligence is loaded and how old it is.
pub fn loaded(store: &Store, now: Timestamp) -> Result<Loaded> {
    let feeds = store
        .intel_feeds()?
        .into_iter()
        .map(|row| FeedLoaded {
            age_days: row.feed_at.map(|at| now.duration_since(at).as_hours() / 24),
            feed: row.feed,
            version: row.version,
            date: row.feed_at,
            imported_at: row.imported_at,
            records: row.records,
            rejected: row.rejected,
            digest: row.digest,
        })
        .collect();
    Ok(Loaded { feeds, vulnerabilities: store.intel_count()? })
}

/// Imports one feed, all of it or nothing. A file that cannot be read comes back with `error`.
pub fn import(store: &mut Store, path: &Path, limits: Limits, now: Timestamp) -> Result<FeedImported> {
    import_document(store, &path.to_string_lossy(), Document::open(path, limits), now)
}

/// The same for a document that does not lie in a file of its own; `name` stands for the file.
pub fn import_document(
    store: &mut Store,
    name: &str,
    document: bartizan_intake::Result<Document>,
    now: Timestamp,
) -> Result<FeedImported> {
    let mut imported = FeedImported { file: name.to_owned(), ..FeedImported::default() };
    match fill(&mut imported, store, document, now) {
        Ok(()) => Ok(imported),
        Err(error @ (Error::Intake(_) | Error::Intel(_) | Error::UnknownFeed)) => {
            imported.error = Some(error.to_string());
            Ok(imported)
        }
        Err(error) => Err(error),
    }
}

fn fill(
    imported: &mut FeedImported,
    store: &mut Store,
    document: bartizan_intake::Result<Document>,
    now: Timestamp,
) -> Result<()> {
    let mut document = document?;
    let feed = recognise(document.head()).ok_or(Error::UnknownFeed)?;
    let progress = document.progress();
    let mut origin = Origin::of_file(&imported.file);
    origin.date =
        origin.date.or_else(|| document.modified().map(|at| jiff::tz::TimeZone::UTC.to_datetime(at).date()));
    let mut catalogue = Catalogue::default();
    let reader = document.reader();
    let summary = read(feed, reader, &origin, &mut |facts| {
        catalogue.add(facts);
        Ok(())
    });
    let summary =
        summary.map_err(|error| document.byte_fault().map_or(Error::Intel(error), Error::Intake))?;
    imported.feed = Some(feed.as_str().to_owned());
    imported.version.clone_from(&summary.version);
    imported.date = summary.date;
    imported.records = summary.records;
    imported.taken = summary.taken;
    imported.ignored = summary.ignored.values().sum();
    imported.rejected = summary.rejected;
    imported.rejections.clone_from(&summary.rejections);
    let row = FeedRow {
        feed: feed.as_str().to_owned(),
        version: summary.version,
        feed_at: summary.date,
        imported_at: now,
        records: summary.records,
        rejected: summary.rejected,
        digest: progress.digest(),
    };
    let facts = catalogue.iter().map(|facts| (facts.id.clone(), to_text(facts)));
    imported.changed = store.import_intel(&row, facts, merge)?;
    Ok(())
}

fn to_text(facts: &CveFacts) -> String {
    // Facts hold text, numbers that are finite, and dates: they always serialise.
    serde_json::to_string(facts).unwrap_or_default()
}

fn merge(stored: &str, new: &str) -> Result<String> {
    let parse = |text: &str| -> Result<CveFacts> {
        serde_json::from_str(text).map_err(|error| Error::Stored { what: "intelligence", error })
    };
    let mut merged = parse(stored)?;
    merged.merge(parse(new)?);
    Ok(to_text(&merged))
}
