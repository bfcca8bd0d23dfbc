//! Rankings that were made, with all that they were made from.

use bartizan_model::{Digest, EventKind, Timestamp};
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rows::{Key, millis, timestamp};
use crate::{Result, Store};

/// How strongly inputs and outputs of a ranking are packed; they are read rarely.
const ZSTD_LEVEL: i32 = 6;

/// A ranking with its inputs, as bytes that the caller understands.
pub struct Run {
    pub id: i64,
    pub at: Timestamp,
    pub digests: serde_json::Value,
    pub inputs: Vec<u8>,
    pub output: Vec<u8>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunSummary {
    pub id: i64,
    pub at: Timestamp,
    pub inputs_digest: Digest,
    pub output_digest: Digest,
    /// The digest of each thing that it was made from.
    #[schema(value_type = Object)]
    pub digests: serde_json::Value,
}

impl Store {
    /// The number of the last ranking, if it was made from these inputs.
    pub fn kept_run(&self, inputs_digest: Digest) -> Result<Option<i64>> {
        let last: Option<(i64, Key)> = self
            .connection
            .query_row("SELECT id, inputs_digest FROM runs ORDER BY id DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(last.filter(|(_, digest)| digest.0 == inputs_digest).map(|(id, _)| id))
    }

    /// Keeps a ranking; one made from the same inputs as the last one is that one. Returns its number.
    pub fn keep_run(
        &mut self,
        at: Timestamp,
        inputs_digest: Digest,
        digests: &serde_json::Value,
        inputs: &[u8],
        output: &[u8],
    ) -> Result<i64> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let last: Option<(i64, Key)> = transaction
            .query_row("SELECT id, inputs_digest FROM runs ORDER BY id DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if let Some((id, digest)) = last
            && digest.0 == inputs_digest
        {
            return Ok(id);
        }
        let pack = |bytes: &[u8]| {
            zstd::encode_all(bytes, ZSTD_LEVEL)
                .map_err(|error| crate::Error::Content { what: "ranking", message: error.to_string() })
        };
        let output_digest = Digest::of(output);
        transaction.execute(
            "INSERT INTO runs (at, inputs_digest, digests, inputs, output_digest, output)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                millis(at),
                Key(inputs_digest),
                digests.to_string(),
                pack(inputs)?,
                Key(output_digest),
                pack(output)?
            ],
        )?;
        let id = transaction.last_insert_rowid();
        crate::events::Log::open(&transaction)?.append(
            at,
            EventKind::RankingMade,
            &serde_json::json!({"run": id, "inputs": inputs_digest, "output": output_digest}),
        )?;
        transaction.commit()?;
        Ok(id)
    }

    /// One run by its number, or the last one.
    pub fn run(&self, id: Option<i64>) -> Result<Option<Run>> {
        let row = self
            .connection
            .query_row(
                "SELECT id, at, digests, inputs, output FROM runs WHERE ?1 IS NULL OR id = ?1 ORDER BY id DESC LIMIT 1",
                params![id],
                |row| {
                    Ok((
                        row.get::<_, i64>(0)?,
                        row.get::<_, i64>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, Vec<u8>>(3)?,
                        row.get::<_, Vec<u8>>(4)?,
                    ))
                },
            )
            .optional()?;
        let Some((id, at, digests, inputs, output)) = row else { return Ok(None) };
        let unpack = |bytes: &[u8]| {
            zstd::decode_all(bytes)
                .map_err(|error| crate::Error::Content { what: "ranking", message: error.to_string() })
        };
        Ok(Some(Run {
            id,
            at: timestamp(at),
            digests: serde_json::from_str(&digests).map_err(crate::Error::content("ranking"))?,
            inputs: unpack(&inputs)?,
            output: unpack(&output)?,
        }))
    }

    /// The last rankings, newest first.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunSummary>> {
        let mut statement = self.connection.prepare(
            "SELECT id, at, inputs_digest, output_digest, digests FROM runs ORDER BY id DESC LIMIT ?1",
        )?;
        let rows = statement.query_map(params![limit], |row| {
            let digests: String = row.get(4)?;
            Ok(RunSummary {
                id: row.get(0)?,
                at: timestamp(row.get(1)?),
                inputs_digest: row.get::<_, Key>(2)?.0,
                output_digest: row.get::<_, Key>(3)?.0,
                digests: serde_json::from_str(&digests).unwrap_or_default(),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
