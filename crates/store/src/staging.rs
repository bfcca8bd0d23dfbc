//! Staging: what the records of a report say, in temporary tables until the report is read whole.

use std::sync::Arc;

use bartizan_model::{
    AssetObservation, ComponentObservation, Coverage, Digester, Finding, Observation, RelationObservation,
    ServiceObservation, Severity, Status, Strength, Subject, Weakness, WeaknessKey,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use crate::rows::Key;
use crate::{Error, Import, Result};

/// Kinds of facts, as the `facts` table numbers them.
pub(crate) const FACT_ASSET: i64 = 0;
pub(crate) const FACT_RELATION: i64 = 1;
pub(crate) const FACT_SERVICE: i64 = 2;
pub(crate) const FACT_COMPONENT: i64 = 3;

const TABLES: &[(&str, &str)] = &[
    (
        "staged_claims",
        "id INTEGER PRIMARY KEY, record INTEGER, subject_id INTEGER, weakness_id INTEGER, place TEXT, spot TEXT,
         part TEXT, status TEXT, severity INTEGER, gist BLOB, body TEXT, at TEXT",
    ),
    (
        "staged_facts",
        "id INTEGER PRIMARY KEY, record INTEGER, kind INTEGER, subject_id INTEGER, to_subject_id INTEGER, name TEXT,
         place TEXT, body TEXT, at TEXT",
    ),
    ("staged_coverage", "subject_id INTEGER, digest BLOB, body TEXT, PRIMARY KEY (subject_id, digest)"),
    ("staged_weaknesses", "weakness_id INTEGER PRIMARY KEY, body TEXT"),
    ("touched_subjects", "id INTEGER PRIMARY KEY, fresh INTEGER"),
    ("touched_weaknesses", "id INTEGER PRIMARY KEY"),
    ("rehomed", "id INTEGER PRIMARY KEY"),
    ("recanonised", "id INTEGER PRIMARY KEY"),
    ("ordered", "id INTEGER PRIMARY KEY, ordinal INTEGER"),
    ("matched", "id INTEGER PRIMARY KEY, record INTEGER, claim_id INTEGER, exposure_id INTEGER, fate INTEGER"),
    ("matched_facts", "record INTEGER, fate INTEGER"),
    ("touched_exposures", "id INTEGER PRIMARY KEY, before TEXT"),
];

pub(crate) fn create_tables(connection: &Connection) -> Result<()> {
    // A temporary table left by an import that was dropped rolls back with it; this is for safety.
    drop_tables(connection)?;
    for (name, columns) in TABLES {
        connection.execute_batch(&format!("CREATE TEMP TABLE {name} ({columns})"))?;
    }
    Ok(())
}

pub(crate) fn drop_tables(connection: &Connection) -> Result<()> {
    for (name, _) in TABLES {
        connection.execute_batch(&format!("DROP TABLE IF EXISTS temp.{name}"))?;
    }
    Ok(())
}

/// The part of an occurrence whose change is worth telling.
#[derive(Serialize)]
struct Gist<'a> {
    status: &'a Status,
    severity: Severity,
    version: Option<&'a str>,
    fixed_versions: Option<&'a [String]>,
}

impl Import<'_> {
    /// Stages one observation of record number `record`, which stands at `at` in the file.
    pub fn stage(&mut self, record: u64, at: &str, observation: &Observation) -> Result<()> {
        match observation {
            Observation::Asset(asset) => self.stage_asset(record, at, asset),
            Observation::Relation(relation) => self.stage_relation(record, at, relation),
            Observation::Service(service) => self.stage_service(record, at, service),
            Observation::Finding(finding) => self.stage_finding(record, at, finding),
            Observation::Coverage(coverage) => self.stage_coverage(coverage),
            Observation::Component(component) => self.stage_component(record, at, component),
        }
    }

    fn stage_finding(&mut self, record: u64, at: &str, finding: &Finding) -> Result<()> {
        let subject = self.subject(&finding.subject)?;
        let part = finding.part.as_ref().map(bartizan_model::Part::key).unwrap_or_default();
        let place = finding.place.to_string();
        let status = match &finding.status {
            Status::Affected => "affected",
            Status::UnderInvestigation => "under-investigation",
            Status::Fixed => "fixed",
            Status::NotAffected { .. } => "not-affected",
        };
        let gist = Gist {
            status: &finding.status,
            severity: finding.severity,
            version: finding.part.as_ref().and_then(|part| part.version.as_deref()),
            fixed_versions: finding.fix.as_ref().map(|fix| fix.fixed_versions.as_slice()),
        };
        let gist = serde_json::to_vec(&gist).map_err(Error::content("finding"))?;
        let gist = Digester::new("gist").field(gist).finish();
        let body = serde_json::to_string(&crate::estate::ClaimBody::of(finding))
            .map_err(Error::content("finding"))?;
        for weakness in &finding.weaknesses {
            let agreed = (self.agree)(&weakness.key, &finding.place);
            let spot = agreed.as_ref().map(|(_, spot)| spot.to_string());
            let weakness = self.weakness(weakness, agreed.map(|(key, _)| key))?;
            self.tx
                .prepare_cached(
                    "INSERT INTO staged_claims
                     (record, subject_id, weakness_id, place, part, status, severity, gist, body, at, spot)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                )?
                .execute(params![
                    record,
                    subject,
                    weakness,
                    place,
                    part,
                    status,
                    finding.severity as i64,
                    Key(gist),
                    body,
                    at,
                    spot.as_ref().unwrap_or(&place)
                ])?;
        }
        Ok(())
    }

    fn stage_asset(&mut self, record: u64, at: &str, asset: &AssetObservation) -> Result<()> {
        let subject = self.subject(&asset.subject)?;
        let name = serde_json::json!({"name": asset.name});
        self.stage_fact(record, at, FACT_ASSET, (subject, 0), "", "", &name)?;
        // Each property on its own: several reports of one tool say different things of an asset, and
        // the latest word on one of them must not take the others away.
        for (key, value) in &asset.attributes {
            let body = serde_json::json!({"attributes": {key: value}});
            self.stage_fact(record, at, FACT_ASSET, (subject, 0), key, "", &body)?;
        }
        Ok(())
    }

    fn stage_relation(&mut self, record: u64, at: &str, relation: &RelationObservation) -> Result<()> {
        let from = self.subject(&relation.from)?;
        let to = self.subject(&relation.to)?;
        // The same tie through two ports is two facts.
        let text = |key: &str| match relation.attributes.get(key) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        };
        let place = match (text("protocol"), text("port")) {
            (_, port) if port.is_empty() => String::new(),
            (protocol, port) => format!("{protocol}/{port}"),
        };
        let body = serde_json::json!({"attributes": relation.attributes});
        self.stage_fact(record, at, FACT_RELATION, (from, to), relation.kind.as_str(), &place, &body)
    }

    fn stage_service(&mut self, record: u64, at: &str, service: &ServiceObservation) -> Result<()> {
        let host = self.subject(&service.host)?;
        let place = format!("{}/{}", service.protocol.to_ascii_lowercase(), service.port);
        let body = serde_json::json!({"attributes": service.attributes});
        self.stage_fact(record, at, FACT_SERVICE, (host, 0), "", &place, &body)
    }

    fn stage_component(&mut self, record: u64, at: &str, component: &ComponentObservation) -> Result<()> {
        let subject = self.subject(&component.subject)?;
        let body = serde_json::json!({"attributes": component.attributes});
        let version = component.part.version.as_deref().unwrap_or_default();
        self.stage_fact(record, at, FACT_COMPONENT, (subject, 0), &component.part.key(), version, &body)
    }

    #[expect(clippy::too_many_arguments, reason = "one row of a table")]
    fn stage_fact(
        &self,
        record: u64,
        at: &str,
        kind: i64,
        (subject, to): (i64, i64),
        name: &str,
        place: &str,
        body: &serde_json::Value,
    ) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO staged_facts (record, kind, subject_id, to_subject_id, name, place, body, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![record, kind, subject, to, name, place, body.to_string(), at])?;
        Ok(())
    }

    fn stage_coverage(&mut self, coverage: &Coverage) -> Result<()> {
        let subject = self.subject(&coverage.subject)?;
        let body = serde_json::to_string(coverage).map_err(Error::content("coverage"))?;
        let digest = Digester::new("coverage").field(&body).finish();
        self.tx
            .prepare_cached(
                "INSERT OR IGNORE INTO staged_coverage (subject_id, digest, body) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![subject, Key(digest), body])?;
        Ok(())
    }

    /// The row of a subject, made if it is the first time that it is named so.
    fn subject(&mut self, subject: &Arc<Subject>) -> Result<i64> {
        let digest = subject.digest();
        if let Some(id) = self.subjects.get(&digest) {
            return Ok(*id);
        }
        let known: Option<i64> = self
            .tx
            .prepare_cached("SELECT id FROM subjects WHERE digest = ?1")?
            .query_row(params![Key(digest)], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => self.insert_subject(subject, digest)?,
        };
        self.tx
            .prepare_cached("INSERT OR IGNORE INTO touched_subjects (id, fresh) VALUES (?1, ?2)")?
            .execute(params![id, i64::from(known.is_none())])?;
        self.subjects.insert(digest, id);
        Ok(id)
    }

    fn insert_subject(&self, subject: &Subject, digest: bartizan_model::Digest) -> Result<i64> {
        let anchored = subject.anchored();
        let mut ids = Vec::with_capacity(anchored.identifiers().len());
        for identifier in anchored.identifiers() {
            let scope = if identifier.scheme().is_per_kind() { anchored.kind().as_str() } else { "" };
            let strength = match identifier.strength() {
                Strength::Weak => 0,
                Strength::Medium => 1,
                Strength::Strong => 2,
            };
            let scheme = identifier.scheme().as_str();
            self.tx
                .prepare_cached(
                    "INSERT OR IGNORE INTO identifiers (scheme, scope, value, strength) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![scheme, scope, identifier.value(), strength])?;
            let id: i64 = self
                .tx
                .prepare_cached("SELECT id FROM identifiers WHERE scheme = ?1 AND scope = ?2 AND value = ?3")?
                .query_row(params![scheme, scope, identifier.value()], |row| row.get(0))?;
            ids.push(id);
        }
        let Some(anchor) = ids.first() else {
            let message = format!("a {} without any identifier", subject.kind());
            return Err(Error::Content { what: "subject", message });
        };
        self.tx
            .prepare_cached(
                "INSERT INTO subjects (digest, kind, anchor, weak, first_at, last_at)
                 VALUES (?1, ?2, ?3, ?4, 9223372036854775807, -9223372036854775808)",
            )?
            .execute(params![Key(digest), subject.kind().as_str(), anchor, anchored.is_weak()])?;
        let id = self.tx.last_insert_rowid();
        for identifier in ids {
            self.tx
                .prepare_cached(
                    "INSERT OR IGNORE INTO subject_identifiers (subject_id, identifier_id) VALUES (?1, ?2)",
                )?
                .execute(params![id, identifier])?;
        }
        Ok(id)
    }

    /// The row of a weakness, which counts under `agreed` where tools agree on a key. The first
    /// description in a report is the one that is kept from it.
    fn weakness(&mut self, weakness: &Weakness, agreed: Option<WeaknessKey>) -> Result<i64> {
        let key = weakness.key.to_string();
        if let Some(id) = self.weaknesses.get(&key) {
            return Ok(*id);
        }
        let id = self.weakness_row(&key)?;
        let body = serde_json::to_string(weakness).map_err(Error::content("weakness"))?;
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO staged_weaknesses (weakness_id, body) VALUES (?1, ?2)")?
            .execute(params![id, body])?;
        for alias in weakness.aliases.iter().map(WeaknessKey::vulnerability).chain(agreed) {
            let other = self.weakness_row(&alias.to_string())?;
            if other == id {
                continue;
            }
            let added = self
                .tx
                .prepare_cached("INSERT OR IGNORE INTO weakness_links (low, high) VALUES (?1, ?2)")?
                .execute(params![id.min(other), id.max(other)])?;
            if added > 0 {
                self.new_weakness_links = true;
                self.tx
                    .prepare_cached("INSERT OR IGNORE INTO touched_weaknesses (id) VALUES (?1)")?
                    .execute(params![id])?;
            }
        }
        self.weaknesses.insert(key, id);
        Ok(id)
    }

    pub(crate) fn weakness_row(&self, key: &str) -> Result<i64> {
        let known: Option<i64> = self
            .tx
            .prepare_cached("SELECT id FROM weaknesses WHERE key = ?1")?
            .query_row(params![key], |row| row.get(0))
            .optional()?;
        if let Some(id) = known {
            return Ok(id);
        }
        self.tx
            .prepare_cached("INSERT INTO weaknesses (key, canonical_id) VALUES (?1, 0)")?
            .execute(params![key])?;
        let id = self.tx.last_insert_rowid();
        self.tx
            .prepare_cached("UPDATE weaknesses SET canonical_id = id WHERE id = ?1")?
            .execute(params![id])?;
        Ok(id)
    }
}
