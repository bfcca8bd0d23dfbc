//! Settling a staged report: facts, weaknesses, exposures, and what became of each record.
//!
//! All in sets, never row by row. The state of an exposure is a function of its claims alone
//! (when each was last made, when its check last ran without it), so it does not depend on the order
//! in which reports arrive.

use bartizan_model::{Digest, EventKind, Place, WeaknessKey};
use rusqlite::params;

use crate::rows::Key;
use crate::staging::FACT_ASSET;
use crate::{Import, Result, Tally};

/// What happened to an exposure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Opened,
    Reopened,
    Closed,
    NotApplicable,
    /// Any other change of state.
    Changed,
}

impl Change {
    pub(crate) const fn event(self) -> EventKind {
        match self {
            Self::Opened => EventKind::ExposureOpened,
            Self::Reopened => EventKind::ExposureReopened,
            Self::Closed => EventKind::ExposureClosed,
            Self::NotApplicable => EventKind::ExposureNotApplicable,
            Self::Changed => EventKind::ExposureChanged,
        }
    }

    fn between(before: Option<&str>, after: &str) -> Option<Self> {
        match (before, after) {
            (None, "not-applicable") => Some(Self::NotApplicable),
            (None, "closed") => Some(Self::Closed),
            (None, _) => Some(Self::Opened),
            (Some(before), after) if before == after => None,
            (Some("closed"), "open") => Some(Self::Reopened),
            (_, "closed") => Some(Self::Closed),
            (_, "not-applicable") => Some(Self::NotApplicable),
            _ => Some(Self::Changed),
        }
    }
}

/// What an import changed.
#[derive(Debug, Default)]
pub struct Settled {
    /// Exposures whose state changed, by key.
    pub changes: Vec<(Digest, Change)>,
    /// Assets that turned out to be one: old key, new key.
    pub merged: Vec<(Digest, Digest)>,
    /// Assets that turned out to be two: key of the whole, key of the part.
    pub split: Vec<(Digest, Digest)>,
}

/// Fates of a record, as numbers that order them.
const UNCHANGED: i64 = 1;
const UPDATED: i64 = 2;
const REOPENED: i64 = 3;
const NEW: i64 = 4;

impl Import<'_> {
    /// Keeps what the report says of each weakness, and works out canonical ids where new aliases
    /// connect them.
    pub(crate) fn settle_weaknesses(&mut self, tool: &str, at: i64) -> Result<()> {
        self.tx.execute(
            "INSERT INTO weakness_facts (weakness_id, tool, body, last_at)
             SELECT weakness_id, ?1, body, ?2 FROM staged_weaknesses WHERE true
             ON CONFLICT (weakness_id, tool) DO UPDATE SET body = excluded.body, last_at = excluded.last_at
             WHERE excluded.last_at > last_at OR (excluded.last_at = last_at AND excluded.body > body)",
            params![tool, at],
        )?;
        if !self.new_weakness_links {
            return Ok(());
        }
        let touched: Vec<i64> = self
            .tx
            .prepare("SELECT id FROM touched_weaknesses ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut done = std::collections::HashSet::new();
        for start in touched {
            if done.contains(&start) {
                continue;
            }
            let component = self.aliases_of(start)?;
            done.extend(component.iter().map(|(id, ..)| *id));
            self.canonise(&component)?;
        }
        Ok(())
    }

    /// The weaknesses connected by aliases: row, key and the rows linked to it.
    fn aliases_of(&self, start: i64) -> Result<Vec<(i64, String, Vec<i64>)>> {
        let mut queue = vec![start];
        let mut seen = std::collections::HashSet::from([start]);
        let mut component = Vec::new();
        while let Some(id) = queue.pop() {
            let key: String = self
                .tx
                .prepare_cached("SELECT key FROM weaknesses WHERE id = ?1")?
                .query_row(params![id], |row| row.get(0))?;
            let linked: Vec<i64> = self
                .tx
                .prepare_cached(
                    "SELECT high FROM weakness_links WHERE low = ?1
                     UNION SELECT low FROM weakness_links WHERE high = ?1",
                )?
                .query_map(params![id], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            queue.extend(linked.iter().copied().filter(|other| seen.insert(*other)));
            component.push((id, key, linked));
        }
        component.sort_by(|left, right| left.1.cmp(&right.1));
        Ok(component)
    }

    /// One CVE in an alias set names it; with several, an alias counts under the one CVE that it is
    /// tied to, and an alias of several (an advisory that covers them all) stands for itself.
    fn canonise(&self, component: &[(i64, String, Vec<i64>)]) -> Result<()> {
        let is_cve = |key: &str| WeaknessKey::parse(key).is_cve();
        let cves: Vec<i64> = component.iter().filter(|(_, key, _)| is_cve(key)).map(|(id, ..)| *id).collect();
        let agreed = component
            .iter()
            .find_map(|(_, key, _)| (self.agree)(&WeaknessKey::parse(key), &Place::Whole))
            .map(|(key, _)| key);
        let best =
            agreed.or_else(|| WeaknessKey::canonical(component.iter().map(|(_, key, _)| key.as_str())));
        let best = best.map(|key| key.to_string());
        for (id, key, linked) in component {
            let canonical = match cves.as_slice() {
                [] => component
                    .iter()
                    .find(|(_, key, _)| Some(key) == best.as_ref())
                    .map_or(*id, |(id, ..)| *id),
                [cve] => *cve,
                _ if is_cve(key) => *id,
                several => {
                    let mut direct = linked.iter().filter(|other| several.contains(other));
                    match (direct.next(), direct.next()) {
                        (Some(cve), None) => *cve,
                        _ => *id,
                    }
                }
            };
            let changed = self
                .tx
                .prepare_cached(
                    "UPDATE weaknesses SET canonical_id = ?2 WHERE id = ?1 AND canonical_id <> ?2",
                )?
                .execute(params![id, canonical])?;
            if changed > 0 {
                self.tx
                    .prepare_cached("INSERT OR IGNORE INTO recanonised (id) VALUES (?1)")?
                    .execute(params![id])?;
            }
        }
        Ok(())
    }

    /// Properties, relations, services and components: the latest word of each source.
    pub(crate) fn settle_facts(&self, report: i64, at: i64, tool: &str) -> Result<()> {
        self.tx.execute(
            "INSERT INTO matched_facts (record, fate)
             SELECT s.record, CASE
                 WHEN known.id IS NULL AND s.kind = ?4 AND t.fresh = 0 THEN ?6
                 WHEN known.id IS NULL AND NOT EXISTS (
                     SELECT 1 FROM facts o WHERE o.subject_id = s.subject_id AND o.kind = s.kind
                     AND o.to_subject_id = s.to_subject_id AND o.name = s.name AND o.place = s.place) THEN ?7
                 WHEN known.id IS NULL THEN ?6
                 WHEN known.last_at < ?2 AND known.body <> s.body THEN ?6
                 ELSE ?5 END
             FROM staged_facts s LEFT JOIN touched_subjects t ON t.id = s.subject_id
             LEFT JOIN facts known ON known.subject_id = s.subject_id AND known.kind = s.kind
                 AND known.to_subject_id = s.to_subject_id AND known.name = s.name AND known.place = s.place
                 AND known.tool = ?1
             WHERE ?3 = ?3",
            params![tool, at, report, FACT_ASSET, UNCHANGED, UPDATED, NEW],
        )?;
        self.tx.execute(
            "INSERT INTO facts (kind, subject_id, to_subject_id, name, place, tool, body, first_at, last_at, report_id, at)
             SELECT kind, subject_id, to_subject_id, name, place, ?1, body, ?2, ?2, ?3, at
             FROM staged_facts WHERE true ORDER BY id
             ON CONFLICT (subject_id, kind, to_subject_id, name, place, tool) DO UPDATE SET
                 first_at = min(first_at, excluded.first_at),
                 body = CASE WHEN excluded.last_at > last_at OR (excluded.last_at = last_at AND excluded.body > body)
                        THEN excluded.body ELSE body END,
                 report_id = CASE WHEN excluded.last_at > last_at THEN excluded.report_id ELSE report_id END,
                 at = CASE WHEN excluded.last_at > last_at THEN excluded.at ELSE at END,
                 last_at = max(last_at, excluded.last_at)",
            params![tool, at, report],
        )?;
        Ok(())
    }

    /// Exposures: moves those whose identity changed, matches the staged claims, applies coverage,
    /// and works out states.
    pub(crate) fn settle_exposures(&self, report: i64, at: i64, tool: &str) -> Result<Settled> {
        self.move_claims()?;
        self.match_claims(report, at, tool)?;
        self.keep_coverage(report, at, tool)?;
        self.apply_coverage(at, tool)?;
        self.fold()?;
        let mut changes = Vec::new();
        let mut statement = self.tx.prepare(
            "SELECT e.key, t.before, e.state FROM touched_exposures t JOIN exposures e ON e.id = t.id
             WHERE t.before IS NOT e.state ORDER BY e.key",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (key, before, after): (Key, Option<String>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if let Some(change) = Change::between(before.as_deref(), &after) {
                changes.push((key.0, change));
            }
        }
        Ok(Settled { changes, ..Settled::default() })
    }

    /// Claims whose subject or weakness now counts under another asset or canonical id go to the
    /// exposure with the right key; an exposure that is left without claims becomes its successor.
    fn move_claims(&self) -> Result<()> {
        let moving: i64 = self.tx.query_row(
            "SELECT (SELECT count(*) FROM rehomed) + (SELECT count(*) FROM recanonised)",
            [],
            |row| row.get(0),
        )?;
        if moving == 0 {
            return Ok(());
        }
        self.tx.execute_batch(
            "CREATE TEMP TABLE moving AS
                 SELECT c.id AS claim_id, c.exposure_id AS old_id, s.asset_id, w.canonical_id, c.spot AS place
                 FROM claims c JOIN subjects s ON s.id = c.subject_id JOIN weaknesses w ON w.id = c.weakness_id
                 JOIN exposures e ON e.id = c.exposure_id
                 WHERE (c.subject_id IN (SELECT id FROM rehomed) OR c.weakness_id IN (SELECT id FROM recanonised))
                 AND (e.asset_id <> s.asset_id OR e.weakness_id <> w.canonical_id);
             INSERT OR IGNORE INTO touched_exposures (id, before)
                 SELECT DISTINCT e.id, e.state FROM moving m JOIN exposures e ON e.id = m.old_id;
             INSERT OR IGNORE INTO exposures (key, asset_id, weakness_id, place, state, first_at, last_at, first_report)
                 SELECT exposure_key(a.key, w.key, m.place), m.asset_id, m.canonical_id, m.place, e.state,
                        e.first_at, e.last_at, e.first_report
                 FROM moving m JOIN exposures e ON e.id = m.old_id JOIN assets a ON a.id = m.asset_id
                 JOIN weaknesses w ON w.id = m.canonical_id;
             INSERT OR IGNORE INTO touched_exposures (id, before)
                 SELECT DISTINCT n.id, n.state FROM moving m JOIN exposures n
                 ON n.asset_id = m.asset_id AND n.weakness_id = m.canonical_id AND n.place = m.place;
             UPDATE claims SET exposure_id = (
                     SELECT n.id FROM moving m JOIN exposures n ON n.asset_id = m.asset_id
                     AND n.weakness_id = m.canonical_id AND n.place = m.place WHERE m.claim_id = claims.id),
                 -- Coverage is of an asset; on another one it is worked out again.
                 absent_at = NULL, absent_report = NULL
                 WHERE id IN (SELECT claim_id FROM moving);
             INSERT OR REPLACE INTO moved (old, new)
                 SELECT DISTINCT o.key, n.key FROM moving m JOIN exposures o ON o.id = m.old_id
                 JOIN exposures n ON n.asset_id = m.asset_id AND n.weakness_id = m.canonical_id AND n.place = m.place
                 WHERE NOT EXISTS (SELECT 1 FROM claims c WHERE c.exposure_id = o.id);
             UPDATE verdicts SET exposure_key = (SELECT new FROM moved WHERE old = exposure_key)
                 WHERE exposure_key IN (SELECT o.key FROM moving m JOIN exposures o ON o.id = m.old_id
                     WHERE NOT EXISTS (SELECT 1 FROM claims c WHERE c.exposure_id = o.id));
             DELETE FROM touched_exposures WHERE id IN (SELECT old_id FROM moving)
                 AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.exposure_id = touched_exposures.id);
             DELETE FROM exposures WHERE id IN (SELECT old_id FROM moving)
                 AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.exposure_id = exposures.id);
             DROP TABLE temp.moving;",
        )?;
        Ok(())
    }

    fn match_claims(&self, report: i64, at: i64, tool: &str) -> Result<()> {
        // Equal occurrences in one report are a multiset: they are numbered, and matched by number.
        self.tx.execute_batch(
            "INSERT INTO ordered (id, ordinal)
                 SELECT id, row_number() OVER (
                     PARTITION BY subject_id, weakness_id, place, part ORDER BY gist, id) - 1
                 FROM staged_claims;",
        )?;
        self.tx.execute(
            "INSERT OR IGNORE INTO exposures (key, asset_id, weakness_id, place, state, first_at, last_at, first_report)
             SELECT exposure_key(a.key, w.key, x.place), x.asset_id, x.canonical_id, x.place, 'open', ?1, ?1, ?2
             FROM (SELECT DISTINCT s.asset_id, w.canonical_id, c.spot AS place FROM staged_claims c
                   JOIN subjects s ON s.id = c.subject_id JOIN weaknesses w ON w.id = c.weakness_id) x
             JOIN assets a ON a.id = x.asset_id JOIN weaknesses w ON w.id = x.canonical_id",
            params![at, report],
        )?;
        self.tx.execute(
            "INSERT INTO matched (id, record, claim_id, exposure_id, fate)
             SELECT c.id, c.record, known.id, e.id, CASE
                 WHEN e.first_report = ?2 THEN ?6
                 WHEN known.id IS NULL THEN ?5
                 WHEN known.gist <> c.gist AND known.last_at <= ?1 THEN ?5
                 ELSE ?4 END
             FROM staged_claims c JOIN ordered o ON o.id = c.id
             JOIN subjects s ON s.id = c.subject_id JOIN weaknesses w ON w.id = c.weakness_id
             JOIN exposures e ON e.asset_id = s.asset_id AND e.weakness_id = w.canonical_id AND e.place = c.spot
             LEFT JOIN claims known ON known.subject_id = c.subject_id AND known.weakness_id = c.weakness_id
                 AND known.place = c.place AND known.part = c.part AND known.tool = ?3 AND known.ordinal = o.ordinal",
            params![at, report, tool, UNCHANGED, UPDATED, NEW],
        )?;
        self.tx.execute(
            "INSERT OR IGNORE INTO touched_exposures (id, before)
             SELECT DISTINCT e.id, CASE WHEN e.first_report = ?1 THEN NULL ELSE e.state END
             FROM matched m JOIN exposures e ON e.id = m.exposure_id",
            params![report],
        )?;
        self.tx.execute(
            "INSERT INTO claims (exposure_id, subject_id, weakness_id, place, spot, part, tool, ordinal, status, severity,
                 gist, body, first_at, last_at, report_id, at)
             SELECT m.exposure_id, c.subject_id, c.weakness_id, c.place, c.spot, c.part, ?1, o.ordinal, c.status, c.severity,
                 c.gist, c.body, ?2, ?2, ?3, c.at
             FROM matched m JOIN staged_claims c ON c.id = m.id JOIN ordered o ON o.id = m.id
             WHERE m.claim_id IS NULL ORDER BY m.id",
            params![tool, at, report],
        )?;
        // An older report only adds history; of two of the same time the one with the greater
        // content counts, whichever came first.
        self.tx.execute(
            "UPDATE claims SET status = c.status, severity = c.severity, gist = c.gist, body = c.body,
                 last_at = ?1, report_id = ?2, at = c.at
             FROM matched m JOIN staged_claims c ON c.id = m.id
             WHERE claims.id = m.claim_id
             AND (claims.last_at < ?1 OR (claims.last_at = ?1 AND (c.gist, c.body) > (claims.gist, claims.body)))",
            params![at, report],
        )?;
        self.tx.execute(
            "UPDATE claims SET first_at = ?1 WHERE first_at > ?1 AND id IN (SELECT claim_id FROM matched)",
            params![at],
        )?;
        Ok(())
    }

    /// Works out the state of every touched exposure from its claims and verdicts.
    fn fold(&self) -> Result<()> {
        self.tx.execute_batch(FOLD)?;
        Ok(())
    }

    /// Counts each record once, by the most that it changed.
    pub(crate) fn count_fates(
        &self,
        report: i64,
        tool: &str,
        tally: &mut Tally,
        settled: &Settled,
    ) -> Result<()> {
        self.tx.execute(
            "UPDATE matched SET fate = ?1 WHERE fate < ?1 AND exposure_id IN (
                 SELECT t.id FROM touched_exposures t JOIN exposures e ON e.id = t.id
                 WHERE t.before = 'closed' AND e.state = 'open')",
            params![REOPENED],
        )?;
        let mut statement = self.tx.prepare(
            "SELECT fate, count(*) FROM (
                 SELECT record, max(fate) AS fate FROM (
                     SELECT record, fate FROM matched UNION ALL SELECT record, fate FROM matched_facts)
                 WHERE record > 0 GROUP BY record) GROUP BY fate",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (fate, count): (i64, u64) = (row.get(0)?, row.get(1)?);
            match fate {
                NEW => tally.new = count,
                REOPENED => tally.reopened = count,
                UPDATED => tally.updated = count,
                _ => tally.unchanged += count,
            }
        }
        // Records that made no claim and stated no fact of their own (coverage only) changed nothing.
        let fated =
            tally.new + tally.reopened + tally.updated + tally.unchanged + tally.ignored + tally.rejected;
        tally.unchanged += tally.records.saturating_sub(fated);
        tally.closed = settled.changes.iter().filter(|(_, change)| *change == Change::Closed).count() as u64;
        tally.exposures_new = self.tx.query_row(
            "SELECT count(*) FROM exposures WHERE first_report = ?1",
            params![report],
            |row| row.get(0),
        )?;
        tally.exposures_shared = self.tx.query_row(
            "SELECT count(DISTINCT m.exposure_id) FROM matched m WHERE EXISTS (
                 SELECT 1 FROM claims o WHERE o.exposure_id = m.exposure_id AND o.tool <> ?1)",
            params![tool],
            |row| row.get(0),
        )?;
        tally.unconfirmed = self.tx.query_row(
            "SELECT count(DISTINCT e.id) FROM touched_subjects t JOIN subjects s ON s.id = t.id
             JOIN exposures e ON e.asset_id = s.asset_id AND e.state = 'open'
             WHERE EXISTS (SELECT 1 FROM claims c WHERE c.exposure_id = e.id AND c.tool = ?1)
             AND e.id NOT IN (SELECT exposure_id FROM matched)",
            params![tool],
            |row| row.get(0),
        )?;
        Ok(())
    }
}

/// The state of the exposures in `touched_exposures`. A claim is live until a later scan of its
/// source covered its place without it, or a later re-test refuted the exposure. A statement that
/// the weakness does not apply (VEX) stands against scanners that only see that it could.
pub(crate) const FOLD: &str = "
    UPDATE exposures SET state = f.state, first_at = f.first_at, last_at = f.last_at FROM (
        SELECT exposure_id, min(first_at) AS first_at, max(last_at) AS last_at, CASE
            WHEN max(live AND status = 'not-affected') THEN 'not-applicable'
            WHEN max(live AND status IN ('affected', 'under-investigation')) THEN 'open'
            WHEN max(live AND status = 'fixed') THEN 'fixed'
            ELSE 'closed' END AS state
        FROM (
            SELECT c.exposure_id, c.first_at, c.last_at, c.status,
                c.last_at >= coalesce(c.absent_at, c.last_at) AND c.last_at >= coalesce((
                    SELECT max(v.at) FROM verdicts v WHERE v.exposure_key = e.key AND v.outcome = 'refuted'
                    AND NOT EXISTS (SELECT 1 FROM verdicts p WHERE p.exposure_key = e.key
                        AND p.outcome = 'confirmed' AND p.at > v.at)
                ), c.last_at) AS live
            FROM touched_exposures t JOIN exposures e ON e.id = t.id JOIN claims c ON c.exposure_id = t.id)
        GROUP BY exposure_id) f
    WHERE exposures.id = f.exposure_id";
