//! Questions: they change nothing, except that a new ranking is kept.

use axum::extract::State;
use bartizan_cycle::ranking::{Engine, Ranked, Ranking};
use bartizan_discover::formats::TABLE;
use bartizan_store::Store;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::{Answer, Asked, Named, Reply, Shared, work};
use crate::codes;
use crate::problem::Fault;

/// The most that one answer lists.
const MOST: usize = 500;
const MOST_PATHS: usize = 100;

/// Whether the server can do its work, and on what.
#[utoipa::path(get, path = "/api/v1/health", tag = "service", responses((status = 200,
    description = "`{status, version, time, reports, scope, note}`", body = Value)))]
pub(super) async fn health(State(app): State<Shared>) -> Answer {
    work(app, |app| {
        let store = app.store()?;
        Reply::json(&json!({
            "status": "ok",
            "version": env!("CARGO_PKG_VERSION"),
            "time": app.now(),
            "reports": store.report_count()?,
            "scope": app.config.scope.is_some(),
            "note": app.config.note,
        }))
    })
    .await
}

/// The answer in one sentence, how each crown jewel stands, and what is missing to say more.
#[utoipa::path(get, path = "/api/v1/summary", tag = "priorities", responses((status = 200,
    description = "`{as_of, organisation, currency, headline, missing, jewels, counts, digests}`", body = Value)))]
pub(super) async fn summary(State(app): State<Shared>) -> Answer {
    work(app, |app| {
        let ranking = app.current(&mut app.store()?)?.ranking;
        Reply::json(&json!({
            "as_of": ranking.as_of, "organisation": ranking.organisation, "currency": ranking.currency,
            "headline": ranking.headline, "missing": ranking.missing, "jewels": ranking.jewels,
            "counts": ranking.counts, "digests": ranking.digests,
        }))
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TopQuery {
    /// How many, at most 500.
    #[serde(default = "default_n")]
    #[param(minimum = 1, maximum = 500, default = 20)]
    n: usize,
    /// Only those after this rank: the rank of the last one that is known.
    #[serde(default)]
    #[param(default = 0)]
    after: usize,
    /// Only this tier.
    #[param(minimum = 1, maximum = 5)]
    tier: Option<u8>,
    /// Only what this owner has to do.
    owner: Option<String>,
}

const fn default_n() -> usize {
    20
}

/// What to fix first.
#[utoipa::path(get, path = "/api/v1/top", tag = "priorities", params(TopQuery), responses((status = 200,
    description = "Exposures in order, as `bartizan top`", body = Vec<Value>)))]
pub(super) async fn top(State(app): State<Shared>, Asked(query): Asked<TopQuery>) -> Answer {
    within("n", query.n, 1, MOST)?;
    tier_within(query.tier)?;
    work(app, move |app| {
        let ranking = app.current(&mut app.store()?)?.ranking;
        let shown: Vec<&Ranked> = ranking
            .exposures
            .iter()
            .filter(|ranked| ranked.rank > query.after)
            .filter(|ranked| query.tier.is_none_or(|tier| ranked.tier == tier))
            .filter(|ranked| query.owner.is_none() || ranked.owner == query.owner)
            .take(query.n)
            .collect();
        Reply::json(&shown)
    })
    .await
}

/// Why an exposure has its rank.
#[utoipa::path(get, path = "/api/v1/exposures/{id}", tag = "priorities",
    params(("id" = String, Path, description = "Its rank, its id, the beginning of its id, or an id that it had before")),
    responses((status = 200, description = "`{exposure, paths, history, verdicts, digests, as_of}`, as `bartizan explain`", body = Value)))]
pub(super) async fn explain(State(app): State<Shared>, Named(id): Named) -> Answer {
    work(app, move |app| {
        let mut store = app.store()?;
        let ranking = app.current(&mut store)?.ranking;
        let ranked = find(&store, &ranking, &id)?;
        let paths: Vec<_> =
            ranked.paths.iter().filter_map(|number| ranking.paths.get(number.checked_sub(1)?)).collect();
        Reply::json(&json!({
            "exposure": ranked,
            "paths": paths,
            "history": store.events(Some(ranked.id), 100)?,
            "verdicts": store.verdicts(ranked.id)?,
            "digests": ranking.digests,
            "as_of": ranking.as_of,
        }))
    })
    .await
}

/// Finds an exposure as `bartizan explain` does.
fn find<'r>(store: &Store, ranking: &'r Ranking, text: &str) -> Result<&'r Ranked, Fault> {
    // Short digits are a rank; eight or more are the beginning of an id.
    if let Ok(rank) = text.parse::<usize>()
        && text.len() < 8
    {
        let found = rank.checked_sub(1).and_then(|position| ranking.exposures.get(position));
        return found.ok_or_else(|| {
            let detail =
                format!("the ranking has {} exposures; {rank} is none of them", ranking.exposures.len());
            Fault::new(codes::EXPOSURE_NOT_FOUND, detail)
        });
    }
    let prefix = text.to_ascii_lowercase();
    let mut matching = ranking.exposures.iter().filter(|ranked| ranked.id.to_string().starts_with(&prefix));
    match (matching.next(), matching.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(Fault::new(codes::EXPOSURE_AMBIGUOUS, "give more of the id")),
        (None, _) => {
            let now = text.parse().ok().map(|key| store.current_key(key)).transpose()?;
            now.and_then(|key| ranking.exposures.iter().find(|ranked| ranked.id == key)).ok_or_else(|| {
                Fault::new(codes::EXPOSURE_NOT_FOUND, "GET /api/v1/top lists them by rank and id")
            })
        }
    }
}

/// Every element in scope with its tier.
#[utoipa::path(get, path = "/api/v1/tiers", tag = "priorities", responses((status = 200,
    description = "Elements, as `bartizan tiers`", body = Vec<Value>)))]
pub(super) async fn tiers(State(app): State<Shared>) -> Answer {
    work(app, |app| Reply::json(&app.current(&mut app.store()?)?.ranking.elements)).await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PathsQuery {
    /// Part of the name of where they start; without it, the scope's entries.
    from: Option<String>,
    /// Part of the name of where they end; without it, the scope's crown jewels.
    to: Option<String>,
    /// How many, at most 100.
    #[serde(default = "default_k")]
    #[param(minimum = 1, maximum = 100, default = 5)]
    k: usize,
}

const fn default_k() -> usize {
    5
}

/// Attack paths, each hop with its evidence.
#[utoipa::path(get, path = "/api/v1/paths", tag = "priorities", params(PathsQuery), responses((status = 200,
    description = "Paths, likeliest first, as `bartizan paths`", body = Vec<Value>)))]
pub(super) async fn paths(State(app): State<Shared>, Asked(query): Asked<PathsQuery>) -> Answer {
    within("k", query.k, 1, MOST_PATHS)?;
    work(app, move |app| {
        let current = app.current(&mut app.store()?)?;
        if query.from.is_none() && query.to.is_none() {
            let shown: Vec<_> = current.ranking.paths.iter().take(query.k).collect();
            return Reply::json(&shown);
        }
        let engine = Engine::new(&current.inputs)?;
        Reply::json(&engine.paths_between(query.from.as_deref(), query.to.as_deref(), query.k)?)
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct FixesQuery {
    /// Hours that may be spent; without it, the fewest fixes that cut all paths.
    #[param(minimum = 0)]
    budget: Option<f64>,
    /// Only paths to this crown jewel.
    to: Option<String>,
}

/// The fewest fixes that cut all paths, or the best within a budget.
#[utoipa::path(get, path = "/api/v1/fixes", tag = "priorities", params(FixesQuery), responses((status = 200,
    description = "`{fixes, cost, lower_bound, optimal, certificate, crown_jewels}`, as `bartizan fixes`", body = Value)))]
pub(super) async fn fixes(State(app): State<Shared>, Asked(query): Asked<FixesQuery>) -> Answer {
    if query.budget.is_some_and(|hours| !hours.is_finite() || hours < 0.0) {
        return Err(Fault::new(codes::INVALID_REQUEST, "budget is a number of hours, 0 or more"));
    }
    work(app, move |app| {
        let current = app.current(&mut app.store()?)?;
        if query.budget.is_none() && query.to.is_none() {
            return Reply::json(&current.ranking.fixes);
        }
        let engine = Engine::new(&current.inputs)?;
        Reply::json(&engine.fixes(&current.ranking, query.to.as_deref(), query.budget)?)
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TasksQuery {
    /// Only what this owner has to do.
    owner: Option<String>,
    /// Only fixes of this tier or a more urgent one.
    #[serde(default = "default_tier")]
    #[param(minimum = 1, maximum = 5, default = 3)]
    tier: u8,
}

const fn default_tier() -> u8 {
    3
}

/// Fixes as tasks for their owners, most urgent first.
#[utoipa::path(get, path = "/api/v1/tasks", tag = "priorities", params(TasksQuery), responses((status = 200,
    description = "Tasks, as `bartizan tickets export --to json`; looking at them is not an export", body = Vec<Value>)))]
pub(super) async fn tasks(State(app): State<Shared>, Asked(query): Asked<TasksQuery>) -> Answer {
    tier_within(Some(query.tier))?;
    work(app, move |app| {
        let ranking = app.current(&mut app.store()?)?.ranking;
        let tasks: Vec<_> = bartizan_cycle::tasks::tasks(&ranking)
            .into_iter()
            .filter(|task| task.tier <= query.tier)
            .filter(|task| query.owner.is_none() || task.owner == query.owner)
            .collect();
        Reply::json(&tasks)
    })
    .await
}

/// What the scope says, and what in the store it touches.
#[utoipa::path(get, path = "/api/v1/scope", tag = "estate", responses((status = 200,
    description = "`{stated, scope, assets, in_scope, without_owner, crown_jewels, entries}`, as `bartizan scope show`", body = Value)))]
pub(super) async fn scope(State(app): State<Shared>) -> Answer {
    work(app, |app| {
        let inputs = app.current(&mut app.store()?)?.inputs;
        let facts = &inputs.scope;
        let in_scope = facts.places.iter().filter(|place| place.in_scope).count();
        let unowned = facts.places.iter().filter(|place| place.in_scope && place.owner.is_none()).count();
        let name = |index: &bartizan_model::estate::AssetIndex| &inputs.estate.asset(*index).name;
        Reply::json(&json!({
            "stated": facts.stated,
            "scope": app.config.scope,
            "assets": inputs.estate.assets.len(),
            "in_scope": in_scope,
            "without_owner": unowned,
            "crown_jewels": facts.jewels.iter().map(|jewel| json!({
                "name": jewel.name, "worth": jewel.worth, "owner": jewel.owner,
                "assets": jewel.assets.iter().map(name).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "entries": facts.entries.iter().map(|entry| json!({
                "name": entry.name, "kind": entry.kind,
                "assets": entry.assets.iter().map(name).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        }))
    })
    .await
}

/// Which intelligence is loaded and how old it is.
#[utoipa::path(get, path = "/api/v1/intel", tag = "estate", responses((status = 200,
    description = "`{feeds, vulnerabilities}`, as `bartizan intel status`", body = Value)))]
pub(super) async fn intel(State(app): State<Shared>) -> Answer {
    work(app, |app| {
        let store = app.store()?;
        let now = app.now();
        let feeds: Vec<Value> = store
            .intel_feeds()?
            .into_iter()
            .map(|feed| {
                json!({
                    "feed": feed.feed, "version": feed.version, "date": feed.feed_at,
                    "imported_at": feed.imported_at, "records": feed.records, "rejected": feed.rejected,
                    "digest": feed.digest,
                    "age_days": feed.feed_at.map(|at| now.duration_since(at).as_hours() / 24),
                })
            })
            .collect();
        Reply::json(&json!({"feeds": feeds, "vulnerabilities": store.intel_count()?}))
    })
    .await
}

/// Every report format that can be read.
#[utoipa::path(get, path = "/api/v1/formats", tag = "service", responses((status = 200,
    description = "`{format, title, tool, kind, example}` of each, as `bartizan formats`", body = Vec<Value>)))]
pub(super) async fn formats() -> Answer {
    let rows: Vec<Value> = TABLE
        .iter()
        .map(|format| {
            json!({
                "format": format.name, "title": format.title, "tool": format.tool,
                "kind": format.kind.as_str(), "example": format.example,
            })
        })
        .collect();
    Reply::json(&rows)
}

/// The reports that were imported.
#[utoipa::path(get, path = "/api/v1/imports", tag = "estate", responses((status = 200,
    description = "`{digest, file, format, tool, tool_version, scanned_at}` of each", body = Vec<Value>)))]
pub(super) async fn imports(State(app): State<Shared>) -> Answer {
    work(app, |app| {
        let inputs = app.current(&mut app.store()?)?.inputs;
        let reports: Vec<Value> = inputs
            .estate
            .reports
            .iter()
            .map(|report| {
                json!({
                    "digest": report.digest, "file": report.file, "format": report.format,
                    "tool": report.tool, "tool_version": report.tool_version,
                    "scanned_at": report.scanned_at,
                })
            })
            .collect();
        Reply::json(&reports)
    })
    .await
}

/// The rankings that are kept, newest first, at most 50.
#[utoipa::path(get, path = "/api/v1/runs", tag = "service", responses((status = 200,
    description = "`{id, at, inputs_digest, output_digest, digests}` of each, as `bartizan replay`", body = Vec<Value>)))]
pub(super) async fn runs(State(app): State<Shared>) -> Answer {
    work(app, |app| Reply::json(&app.store()?.runs(50)?)).await
}

fn within(name: &str, number: usize, least: usize, most: usize) -> Result<(), Fault> {
    if (least..=most).contains(&number) {
        return Ok(());
    }
    Err(Fault::new(codes::INVALID_REQUEST, format!("{name} is {number}; it goes from {least} to {most}")))
}

fn tier_within(tier: Option<u8>) -> Result<(), Fault> {
    tier.map_or(Ok(()), |tier| within("tier", usize::from(tier), 1, 5))
}
