//! One report into the store: all of it, or nothing.
//!
//! Records are staged as they stream by, in temporary tables, so that memory does not grow with the
//! report. [`Import::finish`] then settles them: which assets they are about, which exposures they
//! witness, what their absence closes, and what became of each record.

use std::collections::HashMap;

use bartizan_model::{Digest, EventKind, Place, Timestamp, WeaknessKey};
use rusqlite::{Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::identity::Partition;
use crate::rows::{Key, millis};
use crate::settle::Settled;
use crate::{Error, Result, Store};

/// A report, as the store knows it.
#[derive(Clone, Debug)]
pub struct ReportRow {
    pub digest: Digest,
    pub file: String,
    pub format: String,
    pub tool: String,
    pub tool_version: Option<String>,
    pub scanned_at: Timestamp,
    pub imported_at: Timestamp,
}

/// What became of a report's records. `records` is the sum of `new`, `unchanged`, `updated`,
/// `reopened`, `ignored` and `rejected`: each record counts once, by the most that it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Tally {
    pub records: u64,
    pub occurrences: u64,
    /// Records that told of an exposure, asset, relation, service or component not known before.
    pub new: u64,
    pub unchanged: u64,
    /// Records that added a source or changed what is known.
    pub updated: u64,
    pub reopened: u64,
    /// Exposures that this report's coverage closed.
    pub closed: u64,
    /// Open exposures of the same source on the same assets that this report neither confirms nor
    /// covers: they stay open.
    pub unconfirmed: u64,
    pub ignored: u64,
    pub rejected: u64,
    pub assets_new: u64,
    pub assets_merged: u64,
    pub exposures_new: u64,
    /// Exposures of this report that another source already knew.
    pub exposures_shared: u64,
}

/// An import under way. Dropping it without [`Import::finish`] leaves the store as it was.
pub struct Import<'s> {
    pub(crate) tx: Transaction<'s>,
    pub(crate) subjects: HashMap<Digest, i64>,
    pub(crate) weaknesses: HashMap<String, i64>,
    pub(crate) new_weakness_links: bool,
    pub(crate) agree: &'s Agreement<'s>,
}

/// Where checks of different tools mean the same weakness: the key and the place under which all of
/// them count. `None` for a weakness that counts under its own.
pub type Agreement<'a> = dyn Fn(&WeaknessKey, &Place) -> Option<(WeaknessKey, Place)> + 'a;

impl Store {
    /// The tally of a report that was imported before, by the digest of its bytes.
    pub fn imported(&self, digest: Digest) -> Result<Option<Tally>> {
        known_tally(&self.connection, digest)
    }

    /// Begins an import. Other writers wait until it is finished or dropped; readers do not.
    pub fn import<'s>(&'s mut self, agree: &'s Agreement<'s>) -> Result<Import<'s>> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        crate::staging::create_tables(&tx)?;
        Ok(Import {
            tx,
            subjects: HashMap::new(),
            weaknesses: HashMap::new(),
            new_weakness_links: false,
            agree,
        })
    }
}

fn known_tally(connection: &rusqlite::Connection, digest: Digest) -> Result<Option<Tally>> {
    let mut statement = connection.prepare_cached("SELECT tally FROM reports WHERE digest = ?1")?;
    let mut rows = statement.query(params![Key(digest)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let text: String = row.get(0)?;
    serde_json::from_str(&text).map(Some).map_err(Error::content("tally"))
}

impl Import<'_> {
    /// As [`Store::imported`], while the import is under way.
    pub fn imported(&self, digest: Digest) -> Result<Option<Tally>> {
        known_tally(&self.tx, digest)
    }

    /// Settles what was staged and commits, unless `keep` is false. `partition` decides which identifiers are of one asset;
    /// `ignored` and `rejected` are the records that were not staged.
    pub fn finish(
        mut self,
        report: &ReportRow,
        counted: Tally,
        partition: &Partition<'_>,
        keep: bool,
    ) -> Result<(Tally, Settled)> {
        let at = millis(report.scanned_at);
        let report_id = self.insert_report(report)?;
        let mut tally = counted;
        self.touch_subjects(at)?;
        let identity = self.settle_identity(partition)?;
        tally.assets_new = identity.assets_new;
        tally.assets_merged = identity.merged.len() as u64;
        self.settle_weaknesses(&report.tool, at)?;
        self.settle_facts(report_id, at, &report.tool)?;
        let mut settled = self.settle_exposures(report_id, at, &report.tool)?;
        settled.merged = identity.merged;
        settled.split = identity.split;
        self.count_fates(report_id, &report.tool, &mut tally, &settled)?;
        self.log_import(report, &tally, &settled)?;
        let text = serde_json::to_string(&tally).map_err(Error::content("tally"))?;
        self.tx.execute("UPDATE reports SET tally = ?2 WHERE id = ?1", params![report_id, text])?;
        crate::staging::drop_tables(&self.tx)?;
        if keep {
            self.tx.commit()?;
        }
        Ok((tally, settled))
    }

    fn insert_report(&self, report: &ReportRow) -> Result<i64> {
        self.tx.execute(
            "INSERT INTO reports (digest, file, format, tool, tool_version, scanned_at, imported_at, tally)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '{}')",
            params![
                Key(report.digest),
                report.file,
                report.format,
                report.tool,
                report.tool_version,
                millis(report.scanned_at),
                millis(report.imported_at)
            ],
        )?;
        Ok(self.tx.last_insert_rowid())
    }

    fn log_import(&self, report: &ReportRow, tally: &Tally, settled: &Settled) -> Result<()> {
        let mut log = crate::events::Log::open(&self.tx)?;
        let at = report.imported_at;
        log.append(
            at,
            EventKind::ReportImported,
            &serde_json::json!({
                "report": report.digest, "file": report.file, "format": report.format, "tool": report.tool,
                "scanned_at": report.scanned_at, "tally": tally,
            }),
        )?;
        for (old, new) in &settled.merged {
            log.append(
                at,
                EventKind::AssetsMerged,
                &serde_json::json!({"asset": old, "into": new, "report": report.digest}),
            )?;
        }
        for (whole, part) in &settled.split {
            log.append(
                at,
                EventKind::AssetsSplit,
                &serde_json::json!({"asset": whole, "part": part, "report": report.digest}),
            )?;
        }
        for (exposure, change) in &settled.changes {
            log.append(
                at,
                change.event(),
                &serde_json::json!({"exposure": exposure, "report": report.digest, "at": report.scanned_at}),
            )?;
        }
        Ok(())
    }
}
