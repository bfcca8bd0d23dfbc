//! Identity in the store: which names belong together, and what moves when that changes.
//!
//! The decision itself is the caller's: a pure function of the names of a connected component and of
//! the times at which they were seen together, so that the order of imports cannot matter.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use bartizan_model::{Digest, Digester, Identifier, Scheme};
use rusqlite::{OptionalExtension, params};

use crate::rows::Key;
use crate::{Import, Result};

/// Names that are connected by reports that gave them together.
pub struct Component {
    pub identifiers: Vec<IdentifierRow>,
    pub links: Vec<LinkRow>,
    pub pins: Vec<PinRow>,
}

pub struct IdentifierRow {
    pub identifier: Identifier,
    /// The asset kind within which the value counts, for schemes that need one.
    pub scope: String,
}

/// Two names (positions in the component) that a report gave for one asset, and when it last did.
pub struct LinkRow {
    pub low: usize,
    pub high: usize,
    pub last_at: i64,
}

/// Two names of which a person decided whether they are of one asset.
pub struct PinRow {
    pub low: usize,
    pub high: usize,
    pub same: bool,
}

/// Decides, for each identifier of a component, the number of its cluster; equal numbers are one asset.
pub type Partition<'p> = dyn Fn(&Component) -> Vec<usize> + 'p;

/// How long before and after it was seen with a better name a weak name still binds: one day.
const BINDING_WINDOW_MS: i64 = 24 * 60 * 60 * 1000;

/// What identity did in one import.
#[derive(Default)]
pub(crate) struct Identity {
    pub(crate) assets_new: u64,
    /// Assets that became one: old key, new key.
    pub(crate) merged: Vec<(Digest, Digest)>,
    /// Assets from which a part was taken: key of the whole, key of the part.
    pub(crate) split: Vec<(Digest, Digest)>,
}

impl Import<'_> {
    /// Writes down that the subjects of this report were seen, and their names together.
    pub(crate) fn touch_subjects(&self, at: i64) -> Result<()> {
        self.tx.execute(
            "UPDATE subjects SET first_at = min(first_at, ?1), last_at = max(last_at, ?1)
             WHERE id IN (SELECT id FROM touched_subjects)",
            params![at],
        )?;
        self.tx.execute(
            "INSERT INTO links (low, high, last_at)
             SELECT min(s.anchor, i.id), max(s.anchor, i.id), ?1
             FROM touched_subjects t JOIN subjects s ON s.id = t.id
             JOIN subject_identifiers si ON si.subject_id = s.id
             JOIN identifiers i ON i.id = si.identifier_id
             WHERE i.strength > 0 AND i.id <> s.anchor AND s.weak = 0
             ON CONFLICT (low, high) DO UPDATE SET last_at = max(last_at, excluded.last_at)",
            params![at],
        )?;
        Ok(())
    }

    /// Works out the assets of every component that this report touched.
    pub(crate) fn settle_identity(&self, partition: &Partition<'_>) -> Result<Identity> {
        let anchors: Vec<i64> = self
            .tx
            .prepare(
                "SELECT DISTINCT s.anchor FROM touched_subjects t JOIN subjects s ON s.id = t.id ORDER BY 1",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        self.settle_names(&anchors, partition)
    }

    /// The same for the components of these names.
    pub(crate) fn settle_names(&self, names: &[i64], partition: &Partition<'_>) -> Result<Identity> {
        let mut identity = Identity::default();
        let mut seen = HashSet::new();
        let mut changed_assets = BTreeSet::new();
        for &anchor in names {
            if seen.contains(&anchor) {
                continue;
            }
            let (ids, component) = self.component(anchor)?;
            seen.extend(ids.iter().copied());
            self.assign(&ids, &component, partition, &mut identity, &mut changed_assets)?;
        }
        self.home_subjects(&seen)?;
        self.bind_weak_subjects()?;
        self.rekey(&changed_assets)?;
        Ok(identity)
    }

    /// The connected component of an identifier, over names that may merge.
    fn component(&self, start: i64) -> Result<(Vec<i64>, Component)> {
        let mut position = HashMap::from([(start, 0)]);
        let mut ids = vec![start];
        let mut queue = VecDeque::from([start]);
        let mut links = BTreeMap::new();
        let mut pins = BTreeMap::new();
        while let Some(id) = queue.pop_front() {
            let mut statement = self.tx.prepare_cached(
                "SELECT low, high, last_at, NULL FROM links WHERE low = ?1
                 UNION ALL SELECT low, high, last_at, NULL FROM links WHERE high = ?1
                 UNION ALL SELECT low, high, at, same FROM pins WHERE low = ?1
                 UNION ALL SELECT low, high, at, same FROM pins WHERE high = ?1",
            )?;
            let mut rows = statement.query(params![id])?;
            while let Some(row) = rows.next()? {
                let (low, high): (i64, i64) = (row.get(0)?, row.get(1)?);
                match row.get::<_, Option<bool>>(3)? {
                    Some(same) => pins.insert((low, high), same).is_some(),
                    None => links.insert((low, high), row.get(2)?).is_some(),
                };
                for other in [low, high] {
                    if let std::collections::hash_map::Entry::Vacant(entry) = position.entry(other) {
                        entry.insert(ids.len());
                        ids.push(other);
                        queue.push_back(other);
                    }
                }
            }
        }
        let mut identifiers = Vec::with_capacity(ids.len());
        for id in &ids {
            let row = self
                .tx
                .prepare_cached("SELECT scheme, scope, value FROM identifiers WHERE id = ?1")?
                .query_row(params![id], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })?;
            let scheme = Scheme::parse(&row.0).unwrap_or(Scheme::Target);
            identifiers.push(IdentifierRow { identifier: Identifier::new(scheme, row.2), scope: row.1 });
        }
        let links = links
            .into_iter()
            .map(|((low, high), last_at)| LinkRow { low: position[&low], high: position[&high], last_at })
            .collect();
        let pins = pins
            .into_iter()
            .map(|((low, high), same)| PinRow { low: position[&low], high: position[&high], same })
            .collect();
        Ok((ids, Component { identifiers, links, pins }))
    }

    fn assign(
        &self,
        ids: &[i64],
        component: &Component,
        partition: &Partition<'_>,
        identity: &mut Identity,
        changed_assets: &mut BTreeSet<i64>,
    ) -> Result<()> {
        let clusters = partition(component);
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, cluster) in clusters.iter().enumerate() {
            members.entry(*cluster).or_default().push(position);
        }
        // The best name of a cluster keys its asset, so the key depends on what is known, not on
        // what was known first.
        let mut keyed: Vec<(Digest, Vec<usize>)> = members
            .into_values()
            .map(|positions| {
                let best = positions.iter().map(|position| &component.identifiers[*position]).min_by(
                    |left, right| (&left.identifier, &left.scope).cmp(&(&right.identifier, &right.scope)),
                );
                (best.map_or_else(|| Digest::of(b""), asset_key), positions)
            })
            .collect();
        keyed.sort();
        let mut taken = HashSet::new();
        for (key, _) in &keyed {
            if let Some(id) = self.asset_by_key(*key)? {
                taken.insert(id);
            }
        }
        for (key, positions) in keyed {
            let mut before = BTreeSet::new();
            for position in &positions {
                let asset: Option<i64> = self
                    .tx
                    .prepare_cached("SELECT asset_id FROM identifiers WHERE id = ?1")?
                    .query_row(params![ids[*position]], |row| row.get(0))?;
                before.extend(asset);
            }
            let id = self.asset_for(key, &before, &mut taken, identity, changed_assets)?;
            for position in positions {
                self.tx
                    .prepare_cached(
                        "UPDATE identifiers SET asset_id = ?2 WHERE id = ?1 AND asset_id IS NOT ?2",
                    )?
                    .execute(params![ids[position], id])?;
            }
        }
        Ok(())
    }

    /// The row of the asset with this key; `before` are the assets that its names had so far.
    fn asset_for(
        &self,
        key: Digest,
        before: &BTreeSet<i64>,
        taken: &mut HashSet<i64>,
        identity: &mut Identity,
        changed_assets: &mut BTreeSet<i64>,
    ) -> Result<i64> {
        let by_key = self.asset_by_key(key)?;
        let free = before.iter().copied().find(|asset| !taken.contains(asset));
        let id = match (by_key, free) {
            (Some(id), _) => {
                // An asset that had gone into another, which keeps its own names, comes out again.
                if let Some(whole) = before.iter().find(|whole| taken.contains(whole))
                    && !before.contains(&id)
                {
                    identity.split.push((self.key_of(*whole)?, key));
                }
                id
            }
            (None, Some(id)) => {
                let old = self.key_of(id)?;
                self.tx.execute("UPDATE assets SET key = ?2 WHERE id = ?1", params![id, Key(key)])?;
                self.moved(old, key)?;
                changed_assets.insert(id);
                id
            }
            (None, None) => {
                self.tx.prepare_cached("INSERT INTO assets (key) VALUES (?1)")?.execute(params![Key(key)])?;
                let id = self.tx.last_insert_rowid();
                match before.iter().next() {
                    // All names had an asset that another cluster keeps: this is a split.
                    Some(whole) => identity.split.push((self.key_of(*whole)?, key)),
                    None => identity.assets_new += 1,
                }
                id
            }
        };
        taken.insert(id);
        for other in before.iter().filter(|other| **other != id) {
            if taken.contains(other) {
                continue;
            }
            let old = self.key_of(*other)?;
            self.moved(old, key)?;
            identity.merged.push((old, key));
            taken.insert(*other);
            changed_assets.insert(*other);
        }
        Ok(id)
    }

    fn asset_by_key(&self, key: Digest) -> Result<Option<i64>> {
        Ok(self
            .tx
            .prepare_cached("SELECT id FROM assets WHERE key = ?1")?
            .query_row(params![Key(key)], |row| row.get(0))
            .optional()?)
    }

    fn key_of(&self, asset: i64) -> Result<Digest> {
        Ok(self
            .tx
            .prepare_cached("SELECT key FROM assets WHERE id = ?1")?
            .query_row(params![asset], |row| row.get::<_, Key>(0))?
            .0)
    }

    pub(crate) fn moved(&self, old: Digest, new: Digest) -> Result<()> {
        self.tx.prepare_cached("DELETE FROM moved WHERE old = ?1")?.execute(params![Key(new)])?;
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO moved (old, new) VALUES (?1, ?2)")?
            .execute(params![Key(old), Key(new)])?;
        Ok(())
    }

    /// Gives every subject with one of these anchors the asset of its anchor, and notes which moved.
    fn home_subjects(&self, anchors: &HashSet<i64>) -> Result<()> {
        let mut sorted: Vec<i64> = anchors.iter().copied().collect();
        sorted.sort_unstable();
        for anchor in sorted {
            self.tx
                .prepare_cached(
                    "INSERT OR IGNORE INTO rehomed (id)
                     SELECT s.id FROM subjects s JOIN identifiers i ON i.id = s.anchor
                     WHERE s.anchor = ?1 AND s.weak = 0 AND s.asset_id IS NOT i.asset_id",
                )?
                .execute(params![anchor])?;
        }
        self.tx.execute(
            "UPDATE subjects SET asset_id = (SELECT asset_id FROM identifiers WHERE id = subjects.anchor)
             WHERE id IN (SELECT id FROM rehomed)",
            [],
        )?;
        Ok(())
    }

    /// A subject known only by one weak name is the asset that had this name at the time, if exactly
    /// one had; else it is an asset of its own.
    fn bind_weak_subjects(&self) -> Result<()> {
        let weak: Vec<(i64, i64)> = self
            .tx
            .prepare(
                "SELECT DISTINCT w.id, w.anchor FROM touched_subjects t
                 JOIN subject_identifiers si ON si.subject_id = t.id
                 JOIN subjects w ON w.anchor = si.identifier_id AND w.weak = 1 ORDER BY 1",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (subject, anchor) in weak {
            let bound: Vec<i64> = self
                .tx
                .prepare_cached(
                    "SELECT DISTINCT s.asset_id FROM subjects w
                     JOIN subject_identifiers si ON si.identifier_id = w.anchor
                     JOIN subjects s ON s.id = si.subject_id AND s.weak = 0
                     WHERE w.id = ?1 AND s.first_at - ?2 <= w.last_at AND s.last_at + ?2 >= w.first_at LIMIT 2",
                )?
                .query_map(params![subject, BINDING_WINDOW_MS], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let own: Option<i64> = self
                .tx
                .prepare_cached("SELECT asset_id FROM identifiers WHERE id = ?1")?
                .query_row(params![anchor], |row| row.get(0))?;
            let asset = if let [asset] = bound.as_slice() { Some(*asset) } else { own };
            let moved = self
                .tx
                .prepare_cached("UPDATE subjects SET asset_id = ?2 WHERE id = ?1 AND asset_id IS NOT ?2")?
                .execute(params![subject, asset])?;
            if moved > 0 {
                self.tx
                    .prepare_cached("INSERT OR IGNORE INTO rehomed (id) VALUES (?1)")?
                    .execute(params![subject])?;
            }
        }
        Ok(())
    }

    /// The exposures of assets that got another key get other keys, too.
    fn rekey(&self, assets: &BTreeSet<i64>) -> Result<()> {
        for asset in assets {
            self.tx
                .prepare_cached(
                    "INSERT OR REPLACE INTO moved (old, new)
                     SELECT e.key, exposure_key(a.key, w.key, e.place) FROM exposures e
                     JOIN assets a ON a.id = e.asset_id JOIN weaknesses w ON w.id = e.weakness_id
                     WHERE e.asset_id = ?1 AND e.key <> exposure_key(a.key, w.key, e.place)",
                )?
                .execute(params![asset])?;
            self.tx
                .prepare_cached(
                    "UPDATE exposures SET key = exposure_key(
                         (SELECT key FROM assets WHERE id = asset_id),
                         (SELECT key FROM weaknesses WHERE id = weakness_id), place)
                     WHERE asset_id = ?1",
                )?
                .execute(params![asset])?;
        }
        Ok(())
    }
}

/// The key of an asset: the digest of its best name.
fn asset_key(best: &IdentifierRow) -> Digest {
    Digester::new("asset")
        .field(best.identifier.scheme().as_str())
        .field(&best.scope)
        .field(best.identifier.value())
        .finish()
}
