//! Coverage in the store: which claims a later scan shows to be gone.
//!
//! A claim is absent at the latest time, after it was last made, at which a statement of its own
//! source covers its place on its asset. That is a maximum over what was imported, so a report that
//! arrives late finds the newer ones that settle it already.
//!
//! Builds of a container image are one asset, and a scan of one build says nothing of another that may
//! still run. So there a statement counts only for the same build, or for one whose every tag points to
//! a build by now that was scanned.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use bartizan_model::{Coverage, Place, Scheme, WeaknessKey};
use rusqlite::params;

use crate::{Error, Import, Result};

/// A stored statement that checks ran on an asset.
struct CoverageStatement {
    coverage: Coverage,
    last_at: i64,
    member: Member,
}

/// The build of an image that a subject names. Other assets have none, and no digest and no tag.
#[derive(Clone, Default)]
struct Member {
    digests: BTreeSet<String>,
    tags: BTreeSet<String>,
}

impl Member {
    /// Whether a scan of this build is a scan of that one.
    fn is(&self, other: &Self) -> bool {
        (other.digests.is_empty() && other.tags.is_empty()) || !self.digests.is_disjoint(&other.digests)
    }
}

/// What a claim says, as far as coverage asks.
struct Witnessed {
    weakness: WeaknessKey,
    place: Place,
    part: String,
    last_at: i64,
    member: Member,
}

impl CoverageStatement {
    /// Whether it shows that the check ran later where the claim was made, whatever build it looked at.
    fn covers(&self, claim: &Witnessed) -> bool {
        self.last_at > claim.last_at && self.coverage.covers(&claim.weakness, &claim.place, &claim.part)
    }
}

/// When the statements show the claim to be gone, if they do: when its own build was looked at last, or
/// when the last of its tags had moved to a build that was looked at.
fn absent_at(statements: &[CoverageStatement], claim: &Witnessed) -> Option<i64> {
    let covering = || statements.iter().filter(|statement| statement.covers(claim));
    let latest = |of: &dyn Fn(&Member) -> bool| {
        covering().filter(|statement| of(&statement.member)).map(|statement| statement.last_at).max()
    };
    let own = latest(&|member| member.is(&claim.member));
    let moved: Option<Vec<i64>> =
        claim.member.tags.iter().map(|tag| latest(&|member| member.tags.contains(tag))).collect();
    own.max(moved.and_then(|times| times.into_iter().min()))
}

impl Import<'_> {
    /// Keeps the report's statements; of equal ones the latest time.
    pub(crate) fn keep_coverage(&self, report: i64, at: i64, tool: &str) -> Result<()> {
        self.tx.execute(
            "INSERT INTO coverage (subject_id, tool, digest, body, last_at, report_id)
             SELECT subject_id, ?1, digest, body, ?2, ?3 FROM staged_coverage WHERE true
             ON CONFLICT (subject_id, tool, digest) DO UPDATE SET
                 report_id = CASE WHEN excluded.last_at > last_at THEN excluded.report_id ELSE report_id END,
                 last_at = max(last_at, excluded.last_at)",
            params![tool, at, report],
        )?;
        Ok(())
    }

    /// Marks the claims that coverage shows to be gone: those that this report covers but does not
    /// make, those that it makes but a newer one settles, and those that moved to another asset.
    pub(crate) fn apply_coverage(&self, at: i64, tool: &str) -> Result<()> {
        let mut statements: HashMap<(i64, String), Vec<CoverageStatement>> = HashMap::new();
        let mut members: HashMap<i64, Member> = HashMap::new();
        let mut select = self.tx.prepare(
            "SELECT c.id, s.asset_id, c.tool, w.key, c.place, c.part, c.last_at, s.id FROM claims c
             JOIN subjects s ON s.id = c.subject_id JOIN weaknesses w ON w.id = c.weakness_id
             WHERE (c.tool = ?2 AND c.last_at < ?1 AND s.asset_id IN (
                     SELECT sc.asset_id FROM staged_coverage g JOIN subjects sc ON sc.id = g.subject_id))
                OR (c.tool = ?2 AND c.last_at <= ?1 AND c.exposure_id IN (SELECT exposure_id FROM matched)
                    AND EXISTS (SELECT 1 FROM coverage v JOIN subjects sv ON sv.id = v.subject_id
                        WHERE sv.asset_id = s.asset_id AND v.tool = c.tool AND v.last_at > c.last_at))
                OR c.subject_id IN (SELECT id FROM rehomed)",
        )?;
        let mut mark = self
            .tx
            .prepare("UPDATE claims SET absent_at = ?2 WHERE id = ?1 AND coalesce(absent_at, -1) < ?2")?;
        let mut rows = select.query(params![at, tool])?;
        while let Some(row) = rows.next()? {
            let (id, asset, tool): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let key: String = row.get(3)?;
            let place: String = row.get(4)?;
            let subject: i64 = row.get(7)?;
            let member = match members.entry(subject) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(self.member(subject)?),
            };
            let claim = Witnessed {
                weakness: WeaknessKey::parse(&key),
                place: Place::parse(&place).unwrap_or(Place::Setting(place)),
                part: row.get(5)?,
                last_at: row.get(6)?,
                member: member.clone(),
            };
            let known = match statements.entry((asset, tool)) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let loaded = self.statements(entry.key().0, &entry.key().1)?;
                    entry.insert(loaded)
                }
            };
            let absent = absent_at(known, &claim);
            if let Some(absent) = absent
                && mark.execute(params![id, absent])? > 0
            {
                self.tx
                    .prepare_cached(
                        "INSERT OR IGNORE INTO touched_exposures (id, before)
                         SELECT e.id, e.state FROM claims c JOIN exposures e ON e.id = c.exposure_id WHERE c.id = ?1",
                    )?
                    .execute(params![id])?;
            }
        }
        Ok(())
    }

    fn statements(&self, asset: i64, tool: &str) -> Result<Vec<CoverageStatement>> {
        let mut statement = self.tx.prepare_cached(
            "SELECT v.body, v.last_at, s.id FROM coverage v JOIN subjects s ON s.id = v.subject_id
             WHERE s.asset_id = ?1 AND v.tool = ?2",
        )?;
        let mut rows = statement.query(params![asset, tool])?;
        let mut statements = Vec::new();
        while let Some(row) = rows.next()? {
            let body: String = row.get(0)?;
            let coverage = serde_json::from_str(&body).map_err(Error::content("coverage"))?;
            let member = self.member(row.get(2)?)?;
            statements.push(CoverageStatement { coverage, last_at: row.get(1)?, member });
        }
        Ok(statements)
    }

    fn member(&self, subject: i64) -> Result<Member> {
        let mut statement = self.tx.prepare_cached(
            "SELECT i.scheme, i.value FROM subject_identifiers t JOIN identifiers i ON i.id = t.identifier_id
             WHERE t.subject_id = ?1 AND i.scheme IN (?2, ?3)",
        )?;
        let (digest, tag) = (Scheme::ImageDigest.as_str(), Scheme::ImageReference.as_str());
        let mut rows = statement.query(params![subject, digest, tag])?;
        let mut member = Member::default();
        while let Some(row) = rows.next()? {
            let (scheme, value): (String, String) = (row.get(0)?, row.get(1)?);
            if scheme == digest { &mut member.digests } else { &mut member.tags }.insert(value);
        }
        Ok(member)
    }
}
