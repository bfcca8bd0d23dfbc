//! What people decide about identity: that two names are of one asset, or that they are not. Decisions
//! go before everything that reports say, and stay when more reports come.

use bartizan_model::{Digest, EventKind, Identifier, Place, Scheme, Timestamp, WeaknessKey};
use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use crate::identity::Partition;
use crate::rows::{Key, millis, timestamp};
use crate::{Error, Result, Store};

/// A decision that is in force.
#[derive(Clone, Debug, Serialize)]
pub struct Pin {
    pub left: Identifier,
    pub right: Identifier,
    /// Whether they are of one asset.
    pub same: bool,
    pub at: Timestamp,
    pub by: String,
    pub because: String,
}

/// Two names that a report gave for one asset and that are held to be two, for a person to look at.
#[derive(Clone, Debug, Serialize)]
pub struct Doubt {
    pub left: Identifier,
    pub left_asset: Digest,
    pub right: Identifier,
    pub right_asset: Digest,
    /// When a report last gave them together.
    pub seen_together: Timestamp,
}

/// What a decision changed, by the keys of assets.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pinned {
    /// Became one: old key, new key.
    pub merged: Vec<(Digest, Digest)>,
    /// Became two: key of the whole, key of the part.
    pub split: Vec<(Digest, Digest)>,
}

/// A decision to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'d> {
    pub left: &'d Identifier,
    pub right: &'d Identifier,
    pub same: bool,
    pub at: Timestamp,
    pub by: &'d str,
    pub because: &'d str,
}

/// No weakness changes because assets do.
fn own(_: &WeaknessKey, _: &Place) -> Option<(WeaknessKey, Place)> {
    None
}

impl Store {
    /// Takes a decision and works out what follows for assets and exposures, in one transaction. A later
    /// decision on the same names replaces the earlier one.
    pub fn pin(&mut self, decision: &Decision<'_>, partition: &Partition<'_>) -> Result<Pinned> {
        let import = self.import(&own)?;
        let row = |identifier: &Identifier| -> Result<i64> {
            // A name whose values count within a kind of asset may stand in several rows: the first.
            let found: Option<i64> = import
                .tx
                .query_row(
                    "SELECT id FROM identifiers WHERE scheme = ?1 AND value = ?2 AND strength > 0 ORDER BY id LIMIT 1",
                    params![identifier.scheme().as_str(), identifier.value()],
                    |row| row.get(0),
                )
                .optional()?;
            found.ok_or_else(|| Error::NoName(identifier.to_string()))
        };
        let (left, right) = (row(decision.left)?, row(decision.right)?);
        if left == right {
            return Err(Error::OneName(decision.left.to_string()));
        }
        import.tx.execute(
            "INSERT OR REPLACE INTO pins (low, high, same, at, actor, because) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                left.min(right),
                left.max(right),
                decision.same,
                millis(decision.at),
                decision.by,
                decision.because
            ],
        )?;
        let identity = import.settle_names(&[left, right], partition)?;
        let settled = import.settle_exposures(0, millis(decision.at), "")?;
        let mut log = crate::events::Log::open(&import.tx)?;
        log.append(
            decision.at,
            EventKind::AssetsPinned,
            &serde_json::json!({
                "left": decision.left.to_string(), "right": decision.right.to_string(), "same": decision.same,
                "by": decision.by, "because": decision.because,
            }),
        )?;
        for (old, new) in &identity.merged {
            let body = serde_json::json!({"asset": old, "into": new, "by": decision.by});
            log.append(decision.at, EventKind::AssetsMerged, &body)?;
        }
        for (whole, part) in &identity.split {
            let body = serde_json::json!({"asset": whole, "part": part, "by": decision.by});
            log.append(decision.at, EventKind::AssetsSplit, &body)?;
        }
        for (exposure, change) in &settled.changes {
            let body = serde_json::json!({"exposure": exposure, "by": decision.by});
            log.append(decision.at, change.event(), &body)?;
        }
        crate::staging::drop_tables(&import.tx)?;
        import.tx.commit()?;
        Ok(Pinned { merged: identity.merged, split: identity.split })
    }

    /// The decisions that are in force, latest first.
    pub fn pins(&self) -> Result<Vec<Pin>> {
        let mut statement = self.connection.prepare(
            "SELECT a.scheme, a.value, b.scheme, b.value, p.same, p.at, p.actor, p.because
             FROM pins p JOIN identifiers a ON a.id = p.low JOIN identifiers b ON b.id = p.high
             ORDER BY p.at DESC, a.scheme, a.value, b.scheme, b.value",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Pin {
                left: identifier(row, 0)?,
                right: identifier(row, 2)?,
                same: row.get(4)?,
                at: timestamp(row.get(5)?),
                by: row.get(6)?,
                because: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Names that a report gave together and that are held to be of two assets, because one asset would
    /// have two values of a scheme of which it has one. Without those that a person decided.
    pub fn doubts(&self) -> Result<Vec<Doubt>> {
        let mut statement = self.connection.prepare(
            "SELECT a.scheme, a.value, x.key, b.scheme, b.value, y.key, l.last_at
             FROM links l JOIN identifiers a ON a.id = l.low JOIN identifiers b ON b.id = l.high
             JOIN assets x ON x.id = a.asset_id JOIN assets y ON y.id = b.asset_id
             WHERE a.asset_id <> b.asset_id
             AND NOT EXISTS (SELECT 1 FROM pins p WHERE p.low = l.low AND p.high = l.high)
             ORDER BY l.last_at DESC, a.scheme, a.value, b.scheme, b.value",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Doubt {
                left: identifier(row, 0)?,
                left_asset: row.get::<_, Key>(2)?.0,
                right: identifier(row, 3)?,
                right_asset: row.get::<_, Key>(5)?.0,
                seen_together: timestamp(row.get(6)?),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn identifier(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Identifier> {
    let scheme: String = row.get(at)?;
    let value: String = row.get(at + 1)?;
    Ok(Identifier::new(Scheme::parse(&scheme).unwrap_or(Scheme::Target), value))
}
