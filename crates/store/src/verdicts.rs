//! Verdicts of validation and re-tests, with their evidence.

use bartizan_model::check::Outcome;
use bartizan_model::{Digest, EventKind, Timestamp};
use rusqlite::params;
use serde::Serialize;
use utoipa::ToSchema;

use crate::rows::{Key, millis, timestamp};
use crate::settle::FOLD;
use crate::{Result, Store};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Verdict {
    pub at: Timestamp,
    pub outcome: String,
    /// What the check did and saw.
    #[schema(value_type = Object)]
    pub evidence: serde_json::Value,
}

impl Store {
    /// Keeps a verdict and works out the state that follows. Returns the state before and after.
    pub fn keep_verdict(
        &mut self,
        exposure: Digest,
        at: Timestamp,
        outcome: Outcome,
        evidence: &serde_json::Value,
    ) -> Result<Option<(String, String)>> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let state = |transaction: &rusqlite::Transaction<'_>| -> rusqlite::Result<String> {
            transaction.query_row(
                "SELECT state FROM exposures WHERE key = ?1",
                params![Key(exposure)],
                |row| row.get(0),
            )
        };
        let before = match state(&transaction) {
            Ok(before) => before,
            Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        transaction.execute(
            "INSERT INTO verdicts (exposure_key, at, outcome, evidence) VALUES (?1, ?2, ?3, ?4)",
            params![Key(exposure), millis(at), outcome.as_str(), evidence.to_string()],
        )?;
        crate::staging::create_tables(&transaction)?;
        transaction.execute(
            "INSERT INTO touched_exposures (id, before) SELECT id, state FROM exposures WHERE key = ?1",
            params![Key(exposure)],
        )?;
        transaction.execute_batch(FOLD)?;
        crate::staging::drop_tables(&transaction)?;
        let after = state(&transaction)?;
        let mut log = crate::events::Log::open(&transaction)?;
        let body =
            serde_json::json!({"exposure": exposure, "outcome": outcome, "before": before, "after": after});
        log.append(at, EventKind::ExposureValidated, &body)?;
        if before != after && after == "closed" {
            log.append(
                at,
                EventKind::ExposureClosed,
                &serde_json::json!({"exposure": exposure, "by": "retest"}),
            )?;
        }
        transaction.commit()?;
        Ok(Some((before, after)))
    }

    /// The exposures whose last decisive verdict confirms them.
    pub fn proven(&self) -> Result<Vec<Digest>> {
        let mut statement = self.connection.prepare(
            "SELECT exposure_key FROM verdicts v WHERE outcome = 'confirmed' AND NOT EXISTS (
                 SELECT 1 FROM verdicts r WHERE r.exposure_key = v.exposure_key AND r.outcome = 'refuted' AND r.at >= v.at)
             GROUP BY exposure_key ORDER BY exposure_key",
        )?;
        let rows = statement.query_map([], |row| row.get::<_, Key>(0))?;
        rows.map(|row| Ok(row?.0)).collect()
    }

    /// All verdicts on an exposure, oldest first.
    pub fn verdicts(&self, exposure: Digest) -> Result<Vec<Verdict>> {
        let mut statement = self
            .connection
            .prepare("SELECT at, outcome, evidence FROM verdicts WHERE exposure_key = ?1 ORDER BY at, id")?;
        let rows = statement.query_map(params![Key(exposure)], |row| {
            let evidence: String = row.get(2)?;
            Ok(Verdict {
                at: timestamp(row.get(0)?),
                outcome: row.get(1)?,
                evidence: serde_json::from_str(&evidence).unwrap_or_default(),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
