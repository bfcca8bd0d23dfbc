//! Intelligence in the store: facts by id, and which feeds they came from.

use bartizan_model::{Digest, Timestamp};
use rusqlite::params;
use serde::Serialize;

use crate::rows::{Key, millis, timestamp};
use crate::{Result, Store};

/// A feed that was imported.
#[derive(Clone, Debug, Serialize)]
pub struct FeedRow {
    pub feed: String,
    pub version: Option<String>,
    /// The date that the feed gives itself.
    pub feed_at: Option<Timestamp>,
    pub imported_at: Timestamp,
    pub records: u64,
    pub rejected: u64,
    pub digest: Digest,
}

impl Store {
    /// Merges facts into what is stored, with `merge(stored, new)`, and notes the feed; one
    /// transaction.
    pub fn import_intel<E: From<crate::Error>>(
        &mut self,
        feed: &FeedRow,
        facts: impl IntoIterator<Item = (String, String)>,
        merge: impl Fn(&str, &str) -> std::result::Result<String, E>,
    ) -> std::result::Result<u64, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(crate::Error::from)?;
        let mut changed = 0;
        {
            let mut select = transaction
                .prepare("SELECT body FROM intel_facts WHERE id = ?1")
                .map_err(crate::Error::from)?;
            let mut upsert = transaction
                .prepare("INSERT OR REPLACE INTO intel_facts (id, body) VALUES (?1, ?2)")
                .map_err(crate::Error::from)?;
            for (id, body) in facts {
                let stored: Option<String> = match select.query_row(params![id], |row| row.get(0)) {
                    Ok(stored) => Some(stored),
                    Err(rusqlite::Error::QueryReturnedNoRows) => None,
                    Err(error) => return Err(crate::Error::from(error).into()),
                };
                let merged = match &stored {
                    Some(stored) => merge(stored, &body)?,
                    None => body,
                };
                if stored.as_deref() != Some(merged.as_str()) {
                    upsert.execute(params![id, merged]).map_err(crate::Error::from)?;
                    changed += 1;
                }
            }
        }
        transaction
            .execute(
                "INSERT OR REPLACE INTO intel_feeds (feed, version, feed_at, imported_at, records, rejected, digest)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    feed.feed,
                    feed.version,
                    feed.feed_at.map(millis),
                    millis(feed.imported_at),
                    feed.records,
                    feed.rejected,
                    Key(feed.digest)
                ],
            )
            .map_err(crate::Error::from)?;
        transaction.commit().map_err(crate::Error::from)?;
        Ok(changed)
    }

    pub fn intel_feeds(&self) -> Result<Vec<FeedRow>> {
        let mut statement = self.connection.prepare(
            "SELECT feed, version, feed_at, imported_at, records, rejected, digest FROM intel_feeds ORDER BY feed",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(FeedRow {
                feed: row.get(0)?,
                version: row.get(1)?,
                feed_at: row.get::<_, Option<i64>>(2)?.map(timestamp),
                imported_at: timestamp(row.get(3)?),
                records: row.get(4)?,
                rejected: row.get(5)?,
                digest: row.get::<_, Key>(6)?.0,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The facts for these ids, as stored text; ids without facts are left out.
    pub fn intel_facts<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Result<Vec<(String, String)>> {
        let mut statement = self.connection.prepare("SELECT body FROM intel_facts WHERE id = ?1")?;
        let mut facts = Vec::new();
        for id in ids {
            match statement.query_row(params![id], |row| row.get::<_, String>(0)) {
                Ok(body) => facts.push((id.to_owned(), body)),
                Err(rusqlite::Error::QueryReturnedNoRows) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(facts)
    }

    /// How many ids have facts.
    pub fn intel_count(&self) -> Result<u64> {
        Ok(self.connection.query_row("SELECT count(*) FROM intel_facts", [], |row| row.get(0))?)
    }
}
