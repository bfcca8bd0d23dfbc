//! The estate as the store knows it now: everything in memory, indexed and sorted.

use std::collections::{BTreeMap, HashMap};

use bartizan_model::estate::{
    Asset, AssetIndex, Component, Estate, Exposure, Mention, Relation, Report, ReportIndex, Service,
    WeaknessIndex, Witness,
};
use bartizan_model::{
    AssetKind, Attributes, Coverage, Digest, Finding, FixHint, Identifier, Part, Place, RelationKind, Scheme,
    State, Status, Weakness, WeaknessKey,
};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use crate::rows::{Key, severity, timestamp};
use crate::staging::{FACT_ASSET, FACT_COMPONENT, FACT_RELATION, FACT_SERVICE};
use crate::{Error, Result, Store};

/// What is kept of an occurrence besides its columns.
#[derive(Serialize, Deserialize)]
pub(crate) struct ClaimBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<Part>,
    #[serde(default, skip_serializing_if = "is_affected")]
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fix: Option<FixHint>,
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    attributes: Attributes,
}

fn is_affected(status: &Status) -> bool {
    *status == Status::Affected
}

impl ClaimBody {
    pub(crate) fn of(finding: &Finding) -> Self {
        Self {
            part: finding.part.clone(),
            status: finding.status.clone(),
            evidence: finding.evidence.clone(),
            fix: finding.fix.clone(),
            attributes: finding.attributes.clone(),
        }
    }
}

#[derive(Deserialize)]
struct FactBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    attributes: Attributes,
}

/// A fact's row, with its subjects resolved to assets.
struct Fact {
    kind: i64,
    asset: AssetIndex,
    to: Option<AssetIndex>,
    name: String,
    place: String,
    tool: String,
    body: FactBody,
    last_at: i64,
    mention: Mention,
}

impl Store {
    /// Takes the picture.
    pub fn estate(&self) -> Result<Estate> {
        let (reports, report_rows) = self.load_reports()?;
        let (mut assets, asset_rows) = self.load_assets()?;
        let facts = self.load_facts(&asset_rows, &report_rows)?;
        apply_asset_facts(&mut assets, &facts);
        let coverage = self.load_relation_coverage(&asset_rows)?;
        let (relations, services, components) = split_facts(facts, &coverage);
        let (weaknesses, weakness_rows) = self.load_weaknesses()?;
        let exposures = self.load_exposures(&asset_rows, &weakness_rows, &report_rows)?;
        Ok(Estate { assets, relations, services, weaknesses, exposures, reports, components })
    }

    fn load_reports(&self) -> Result<(Vec<Report>, HashMap<i64, ReportIndex>)> {
        let mut statement = self.connection.prepare(
            "SELECT id, digest, file, format, tool, tool_version, scanned_at FROM reports ORDER BY digest",
        )?;
        let rows = statement.query_map([], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                Report {
                    digest: row.get::<_, Key>(1)?.0,
                    file: row.get(2)?,
                    format: row.get(3)?,
                    tool: row.get(4)?,
                    tool_version: row.get(5)?,
                    scanned_at: timestamp(row.get(6)?),
                },
            ))
        })?;
        let mut reports = Vec::new();
        let mut indices = HashMap::new();
        for row in rows {
            let (id, report) = row?;
            indices.insert(id, ReportIndex(reports.len() as u32));
            reports.push(report);
        }
        Ok((reports, indices))
    }

    fn load_assets(&self) -> Result<(Vec<Asset>, HashMap<i64, AssetIndex>)> {
        let mut statement = self.connection.prepare(
            "SELECT a.id, a.key, min(s.first_at), max(s.last_at), group_concat(DISTINCT s.kind), max(x.at)
             FROM assets a JOIN subjects s ON s.asset_id = a.id LEFT JOIN (
                 SELECT subject_id, max(at) AS at FROM (
                     SELECT subject_id, max(last_at) AS at FROM claims GROUP BY subject_id
                     UNION ALL SELECT subject_id, max(last_at) FROM coverage GROUP BY subject_id
                     UNION ALL SELECT subject_id, max(last_at) FROM facts WHERE kind = ?1 GROUP BY subject_id
                 ) GROUP BY subject_id
             ) x ON x.subject_id = s.id
             GROUP BY a.id ORDER BY a.key",
        )?;
        let mut assets = Vec::new();
        let mut indices = HashMap::new();
        let mut rows = statement.query(params![FACT_SERVICE])?;
        while let Some(row) = rows.next()? {
            let kinds: String = row.get(4)?;
            indices.insert(row.get::<_, i64>(0)?, AssetIndex(assets.len() as u32));
            assets.push(Asset {
                key: row.get::<_, Key>(1)?.0,
                kind: narrowest(kinds.split(',').filter_map(AssetKind::parse)),
                name: String::new(),
                identifiers: Vec::new(),
                attributes: Attributes::new(),
                first_seen: timestamp(row.get(2)?),
                last_seen: timestamp(row.get(3)?),
                assessed_at: row.get::<_, Option<i64>>(5)?.map(timestamp),
                witnesses: Vec::new(),
            });
        }
        // Weak names belong to the asset with which they were last seen.
        let mut statement = self.connection.prepare(
            "SELECT DISTINCT coalesce(i.asset_id, s.asset_id), i.scheme, i.value FROM identifiers i
             JOIN subject_identifiers si ON si.identifier_id = i.id JOIN subjects s ON s.id = si.subject_id
             WHERE i.strength > 0
             UNION
             SELECT s.asset_id, i.scheme, i.value FROM identifiers i
             JOIN subject_identifiers si ON si.identifier_id = i.id JOIN subjects s ON s.id = si.subject_id
             WHERE i.strength = 0",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (asset, scheme, value): (Option<i64>, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let Some(index) = asset.and_then(|asset| indices.get(&asset)) else { continue };
            if let Some(scheme) = Scheme::parse(&scheme)
                && scheme != Scheme::SeenTogether
            {
                assets[index.index()].identifiers.push(Identifier::new(scheme, value));
            }
        }
        for asset in &mut assets {
            asset.identifiers.sort_unstable();
            asset.identifiers.dedup();
            asset.name = default_name(asset);
        }
        Ok((assets, indices))
    }

    fn load_facts(
        &self,
        assets: &HashMap<i64, AssetIndex>,
        reports: &HashMap<i64, ReportIndex>,
    ) -> Result<Vec<Fact>> {
        let mut statement = self.connection.prepare(
            "SELECT f.kind, s.asset_id, t.asset_id, f.name, f.place, f.tool, f.body, f.last_at, f.report_id, f.at
             FROM facts f JOIN subjects s ON s.id = f.subject_id LEFT JOIN subjects t ON t.id = f.to_subject_id",
        )?;
        let mut facts = Vec::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let body: String = row.get(6)?;
            let to: Option<i64> = row.get(2)?;
            facts.push(Fact {
                kind: row.get(0)?,
                asset: find(assets, row.get(1)?)?,
                to: to.map(|to| find(assets, to)).transpose()?,
                name: row.get(3)?,
                place: row.get(4)?,
                tool: row.get(5)?,
                body: serde_json::from_str(&body).map_err(Error::content("fact"))?,
                last_at: row.get(7)?,
                mention: Mention { report: find(reports, row.get(8)?)?, at: row.get(9)? },
            });
        }
        // Row order is the order of import; the picture must not depend on it.
        facts.sort_by(|left, right| {
            (left.kind, left.asset, left.to, &left.name, &left.place, left.last_at, &left.tool, &left.mention)
                .cmp(&(
                    right.kind,
                    right.asset,
                    right.to,
                    &right.name,
                    &right.place,
                    right.last_at,
                    &right.tool,
                    &right.mention,
                ))
        });
        Ok(facts)
    }

    /// Statements that all relations of a kind, or all services, at an asset were listed: family
    /// `relation:KIND` or `service`. Older facts of the same source that they cover are gone.
    fn load_relation_coverage(&self, assets: &HashMap<i64, AssetIndex>) -> Result<Listed> {
        let mut statement = self.connection.prepare(
            "SELECT s.asset_id, v.tool, v.body, v.last_at FROM coverage v JOIN subjects s ON s.id = v.subject_id
             WHERE v.body LIKE '%\"relation:%' OR v.body LIKE '%\"service\"%'",
        )?;
        let mut listed = Listed::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let body: String = row.get(2)?;
            let coverage: Coverage = serde_json::from_str(&body).map_err(Error::content("coverage"))?;
            let asset = find(assets, row.get(0)?)?;
            listed.entry((asset, row.get(1)?)).or_default().push((coverage, row.get(3)?));
        }
        Ok(listed)
    }

    fn load_weaknesses(&self) -> Result<(Vec<Weakness>, HashMap<i64, WeaknessIndex>)> {
        let mut statement = self.connection.prepare(
            "SELECT c.id, c.key, w.key, f.tool, f.body FROM weaknesses w JOIN weaknesses c ON c.id = w.canonical_id
             LEFT JOIN weakness_facts f ON f.weakness_id = w.id
             WHERE c.id IN (SELECT weakness_id FROM exposures)
             ORDER BY c.key, w.key <> c.key, w.key, f.tool",
        )?;
        let mut weaknesses: Vec<Weakness> = Vec::new();
        let mut indices = HashMap::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, key, alias): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let index = *indices.entry(id).or_insert_with(|| {
                weaknesses.push(Weakness::new(WeaknessKey::parse(&key), ""));
                WeaknessIndex(weaknesses.len() as u32 - 1)
            });
            let merged = &mut weaknesses[index.index()];
            if alias != key {
                merged.aliases.push(alias);
            }
            if let Some(body) = row.get::<_, Option<String>>(4)? {
                let said: Weakness = serde_json::from_str(&body).map_err(Error::content("weakness"))?;
                merge_weakness(merged, said);
            }
        }
        for weakness in &mut weaknesses {
            let own = weakness.key.to_string();
            weakness.aliases.retain(|alias| *alias != own);
            weakness.aliases.sort_unstable();
            weakness.aliases.dedup();
            if weakness.title.is_empty() {
                weakness.title = own;
            }
        }
        Ok((weaknesses, indices))
    }

    fn load_exposures(
        &self,
        assets: &HashMap<i64, AssetIndex>,
        weaknesses: &HashMap<i64, WeaknessIndex>,
        reports: &HashMap<i64, ReportIndex>,
    ) -> Result<Vec<Exposure>> {
        let mut exposures: Vec<Exposure> = Vec::new();
        let mut positions = HashMap::new();
        let mut statement = self.connection.prepare(
            "SELECT id, key, asset_id, weakness_id, place, state, first_at, last_at FROM exposures",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (place, state): (String, String) = (row.get(4)?, row.get(5)?);
            positions.insert(row.get::<_, i64>(0)?, exposures.len());
            exposures.push(Exposure {
                key: row.get::<_, Key>(1)?.0,
                asset: find(assets, row.get(2)?)?,
                weakness: find(weaknesses, row.get(3)?)?,
                place: Place::parse(&place).unwrap_or(Place::Setting(place)),
                state: State::parse(&state).unwrap_or(State::Open),
                severity: bartizan_model::Severity::Unknown,
                first_seen: timestamp(row.get(6)?),
                last_seen: timestamp(row.get(7)?),
                witnesses: Vec::new(),
            });
        }
        let mut statement = self.connection.prepare(
            "SELECT c.exposure_id, c.tool, c.report_id, c.at, c.severity, c.body, c.last_at,
                 c.last_at >= coalesce(c.absent_at, c.last_at) AND e.state <> 'closed'
             FROM claims c JOIN exposures e ON e.id = c.exposure_id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some(position) = positions.get(&row.get::<_, i64>(0)?) else { continue };
            let body: String = row.get(5)?;
            let body: ClaimBody = serde_json::from_str(&body).map_err(Error::content("claim"))?;
            let witness = Witness {
                tool: row.get(1)?,
                mention: Mention { report: find(reports, row.get(2)?)?, at: row.get(3)? },
                part: body.part,
                status: body.status,
                severity: severity(row.get(4)?),
                evidence: body.evidence,
                fix: body.fix,
                attributes: body.attributes,
                last_seen: timestamp(row.get(6)?),
                live: row.get(7)?,
            };
            exposures[*position].witnesses.push(witness);
        }
        for exposure in &mut exposures {
            exposure.witnesses.sort_by(|left, right| {
                (&left.tool, &left.part, &left.mention).cmp(&(&right.tool, &right.part, &right.mention))
            });
            let live = exposure.witnesses.iter().filter(|witness| witness.live);
            let severity = live.map(|witness| witness.severity).max();
            exposure.severity = severity
                .or_else(|| exposure.witnesses.iter().map(|witness| witness.severity).max())
                .unwrap_or_default();
        }
        exposures.sort_by(|left, right| {
            (left.asset, left.weakness, &left.place).cmp(&(right.asset, right.weakness, &right.place))
        });
        Ok(exposures)
    }

    /// The key under which a key that was given up lives on.
    pub fn current_key(&self, key: Digest) -> Result<Digest> {
        let mut key = key;
        // Each step follows a later change; a cycle cannot be written, but a damaged store must not hang.
        for _ in 0..64 {
            match self.connection.query_row(
                "SELECT new FROM moved WHERE old = ?1",
                params![Key(key)],
                |row| row.get::<_, Key>(0),
            ) {
                Ok(next) => key = next.0,
                Err(rusqlite::Error::QueryReturnedNoRows) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(key)
    }
}

type Listed = HashMap<(AssetIndex, String), Vec<(Coverage, i64)>>;

fn find<I: Copy>(indices: &HashMap<i64, I>, id: i64) -> Result<I> {
    indices.get(&id).copied().ok_or_else(|| Error::Damaged(format!("row {id} is referred to but not there")))
}

/// A kind that says more wins over a generic one; of two specific ones the first in the model's order.
fn narrowest(kinds: impl Iterator<Item = AssetKind>) -> AssetKind {
    kinds.min_by_key(|kind| (kind.is_generic(), *kind)).unwrap_or(AssetKind::CloudResource)
}

/// What people call it when no report says: the name that is best to read.
fn default_name(asset: &Asset) -> String {
    const READABLE: [Scheme; 7] = [
        Scheme::Fqdn,
        Scheme::RepositoryUrl,
        Scheme::ImageReference,
        Scheme::KubernetesPath,
        Scheme::Name,
        Scheme::Target,
        Scheme::Hostname,
    ];
    READABLE
        .iter()
        .find_map(|scheme| asset.identifiers_of(*scheme).next())
        .or_else(|| asset.identifiers.first().map(Identifier::value))
        .unwrap_or_default()
        .to_owned()
}

fn apply_asset_facts(assets: &mut [Asset], facts: &[Fact]) {
    // Facts are sorted by time, so the latest word on each property comes last and stays.
    let mut latest: BTreeMap<(AssetIndex, &str), &Fact> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.kind == FACT_ASSET) {
        let asset = &mut assets[fact.asset.index()];
        if let Some(name) = fact.body.name.as_deref().filter(|name| !name.is_empty()) {
            name.clone_into(&mut asset.name);
        }
        for (key, value) in &fact.body.attributes {
            asset.attributes.insert(key.clone(), value.clone());
        }
        latest.insert((fact.asset, &fact.tool), fact);
    }
    for ((asset, _), fact) in latest {
        assets[asset.index()].witnesses.push(fact.mention.clone());
    }
}

fn split_facts(facts: Vec<Fact>, listed: &Listed) -> (Vec<Relation>, Vec<Service>, Vec<Component>) {
    let mut relations: Vec<Relation> = Vec::new();
    let mut services: Vec<Service> = Vec::new();
    let mut components: Vec<Component> = Vec::new();
    for fact in facts {
        if is_superseded(&fact, listed) {
            continue;
        }
        let port = |place: &str| place.split_once('/').and_then(|(_, port)| port.parse().ok());
        match (fact.kind, fact.to) {
            (FACT_RELATION, Some(to)) => {
                let kind = RelationKind::foreign(fact.name);
                match relations.last_mut().filter(|last| {
                    last.kind == kind && last.from == fact.asset && last.to == to && {
                        let same = |key| last.attributes.get(key) == fact.body.attributes.get(key);
                        same("port") && same("protocol")
                    }
                }) {
                    Some(known) => {
                        known.attributes.extend(fact.body.attributes);
                        known.witnesses.push(fact.mention);
                    }
                    None => relations.push(Relation {
                        kind,
                        from: fact.asset,
                        to,
                        attributes: fact.body.attributes,
                        witnesses: vec![fact.mention],
                    }),
                }
            }
            (FACT_SERVICE, _) => {
                let Some(port) = port(&fact.place) else { continue };
                let protocol = fact.place.split('/').next().unwrap_or_default().to_owned();
                match services
                    .last_mut()
                    .filter(|last| last.host == fact.asset && last.protocol == protocol && last.port == port)
                {
                    Some(known) => {
                        known.attributes.extend(fact.body.attributes);
                        known.witnesses.push(fact.mention);
                    }
                    None => services.push(Service {
                        host: fact.asset,
                        protocol,
                        port,
                        attributes: fact.body.attributes,
                        witnesses: vec![fact.mention],
                    }),
                }
            }
            (FACT_COMPONENT, _) => {
                let version = Some(fact.place).filter(|version| !version.is_empty());
                let (component, path) =
                    fact.name.split_once('@').map_or((fact.name.as_str(), ""), |pair| pair);
                let part = Part { component: component.to_owned(), path: path.to_owned(), version };
                components.push(Component {
                    asset: fact.asset,
                    part,
                    attributes: fact.body.attributes,
                    witnesses: vec![fact.mention],
                });
            }
            _ => {}
        }
    }
    relations.sort_by(|left, right| {
        (&left.kind, left.from, left.to, place_of(left)).cmp(&(
            &right.kind,
            right.from,
            right.to,
            place_of(right),
        ))
    });
    services.sort_by(|left, right| {
        (left.host, &left.protocol, left.port).cmp(&(right.host, &right.protocol, right.port))
    });
    (relations, services, components)
}

fn place_of(relation: &Relation) -> String {
    relation.attributes.get("port").map(ToString::to_string).unwrap_or_default()
}

/// True when the same source later listed all facts of this kind here, without this one.
fn is_superseded(fact: &Fact, listed: &Listed) -> bool {
    let weakness = match fact.kind {
        FACT_RELATION => WeaknessKey::rule(format!("relation:{}", fact.name), ""),
        FACT_SERVICE => WeaknessKey::rule("service", ""),
        _ => return false,
    };
    let place = Place::parse(&fact.place).unwrap_or(Place::Whole);
    [Some(fact.asset), fact.to].into_iter().flatten().any(|asset| {
        listed.get(&(asset, fact.tool.clone())).is_some_and(|all| {
            all.iter().any(|(coverage, at)| *at > fact.last_at && coverage.covers(&weakness, &place, ""))
        })
    })
}

fn merge_weakness(merged: &mut Weakness, said: Weakness) {
    if merged.title.is_empty() {
        merged.title = said.title;
    }
    if merged.description.is_none() {
        merged.description = said.description;
    }
    merged.score = match (merged.score, said.score) {
        (Some(left), Some(right)) => Some(left.max(right)),
        (left, right) => left.or(right),
    };
    merged.aliases.extend(said.aliases);
    for (own, more) in [(&mut merged.cvss, said.cvss), (&mut merged.references, said.references)] {
        own.extend(more);
        own.sort_unstable();
        own.dedup();
    }
    merged.cwes.extend(said.cwes);
    merged.cwes.sort_unstable();
    merged.cwes.dedup();
}
