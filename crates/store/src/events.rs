//! The event log: append-only, each entry's digest taken over the one before it.

use bartizan_model::{Digest, Digester, EventKind, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rows::{Key, millis, timestamp};
use crate::{Result, Store};

/// One entry of the log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    pub id: i64,
    pub at: Timestamp,
    pub kind: String,
    /// What the event is about; its fields depend on the kind.
    #[schema(value_type = Object)]
    pub body: serde_json::Value,
}

/// Appends within a transaction; keeps the last digest at hand.
pub(crate) struct Log<'c> {
    connection: &'c Connection,
    last: Digest,
}

impl<'c> Log<'c> {
    pub(crate) fn open(connection: &'c Connection) -> Result<Self> {
        let last: Option<Key> = connection
            .query_row("SELECT chain FROM events ORDER BY id DESC LIMIT 1", [], |row| row.get(0))
            .optional()?;
        Ok(Self { connection, last: last.map_or_else(start, |key| key.0) })
    }

    pub(crate) fn append(&mut self, at: Timestamp, kind: EventKind, body: &serde_json::Value) -> Result<()> {
        let body = body.to_string();
        self.last = link(self.last, millis(at), kind.as_str(), &body);
        self.connection
            .prepare_cached("INSERT INTO events (at, kind, body, chain) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![millis(at), kind.as_str(), body, Key(self.last)])?;
        Ok(())
    }
}

fn start() -> Digest {
    Digester::new("event-chain").finish()
}

fn link(last: Digest, at: i64, kind: &str, body: &str) -> Digest {
    Digester::new("event").field(last.as_bytes()).field(at.to_le_bytes()).field(kind).field(body).finish()
}

/// Walks the chain. `Ok(n)`: n entries, each in its place; `Err(id)`: the first entry that is not.
pub fn verify_chain(store: &Store) -> Result<std::result::Result<u64, i64>> {
    let mut statement =
        store.connection.prepare("SELECT id, at, kind, body, chain FROM events ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut last = start();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let (id, at, kind, body, chain): (i64, i64, String, String, Key) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        last = link(last, at, &kind, &body);
        count += 1;
        // Rows are only ever appended, so their numbers have no gaps.
        if last != chain.0 || id != count as i64 {
            return Ok(Err(id));
        }
    }
    Ok(Ok(count))
}

impl Store {
    /// Appends one entry in a transaction of its own.
    pub fn log(&mut self, at: Timestamp, kind: EventKind, body: &serde_json::Value) -> Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        Log::open(&transaction)?.append(at, kind, body)?;
        transaction.commit()?;
        Ok(())
    }

    /// The entries about an exposure or asset key, oldest first; all entries without one.
    pub fn events(&self, about: Option<Digest>, limit: u32) -> Result<Vec<Event>> {
        let pattern = about.map(|key| format!("%\"{key}\"%"));
        let mut statement = self.connection.prepare(
            "SELECT id, at, kind, body FROM events WHERE ?1 IS NULL OR body LIKE ?1 ORDER BY id DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![pattern, limit], |row| {
            let body: String = row.get(3)?;
            Ok(Event {
                id: row.get(0)?,
                at: timestamp(row.get(1)?),
                kind: row.get(2)?,
                body: serde_json::from_str(&body).unwrap_or(serde_json::Value::String(body)),
            })
        })?;
        let mut events: Vec<Event> = rows.collect::<rusqlite::Result<_>>()?;
        events.reverse();
        Ok(events)
    }
}
