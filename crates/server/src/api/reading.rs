//! Questions: they change nothing, except that a new ranking is kept.

use bartizan_cycle::coverage::{ScopeCoverage, scope_coverage};
use bartizan_cycle::explain::{Explanation, find};
use bartizan_cycle::formats::FormatRow;
use bartizan_cycle::inputs::Digests;
use bartizan_cycle::intelligence::{self, Loaded};
use bartizan_cycle::ranking::{
    Counts, Element, FixAnswer, JewelAnswer, Path as AttackPath, Ranked, fixes_for, paths_between,
};
use bartizan_cycle::tasks::{Task, tasks_for};
use bartizan_model::Timestamp;
use bartizan_model::estate::Report;
use bartizan_store::RunSummary;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, Asked, Named, Reply};
use crate::codes;
use crate::problem::Fault;
use crate::turn::Turn;

/// The most that one answer lists.
const MOST: usize = 500;
const MOST_PATHS: usize = 100;

/// The state of the server.
#[derive(Serialize, ToSchema)]
struct Health<'a> {
    /// Always `ok`: a server that cannot work answers with a problem.
    status: &'static str,
    version: &'static str,
    time: Timestamp,
    reports: u64,
    /// Whether a scope is stated.
    scope: bool,
    note: Option<&'a str>,
}

/// Whether the server can do its work, and on what.
#[utoipa::path(get, path = "/api/v1/health", tag = "service", responses((status = 200,
    description = "The state of the server", body = Health)))]
pub(super) async fn health(turn: Turn) -> Answer {
    turn.work(|app| {
        let store = app.store()?;
        Reply::json(&Health {
            status: "ok",
            version: env!("CARGO_PKG_VERSION"),
            time: app.now(),
            reports: store.report_count()?,
            scope: app.config.scope.is_some(),
            note: app.config.note.as_deref(),
        })
    })
    .await
}

/// The answer in short.
#[derive(Serialize, ToSchema)]
struct Summary<'r> {
    as_of: Timestamp,
    organisation: Option<&'r str>,
    currency: Option<&'r str>,
    /// One sentence: the answer.
    headline: &'r str,
    /// What is not known that would let us say more.
    missing: &'r [String],
    jewels: &'r [JewelAnswer],
    counts: &'r Counts,
    digests: &'r Digests,
}

/// The answer in one sentence, how each crown jewel stands, and what is missing to say more.
#[utoipa::path(get, path = "/api/v1/summary", tag = "priorities", responses((status = 200,
    description = "The answer in short", body = Summary)))]
pub(super) async fn summary(turn: Turn) -> Answer {
    turn.work(|app| {
        let ranking = app.current(&mut app.store()?)?.ranking;
        Reply::json(&Summary {
            as_of: ranking.as_of,
            organisation: ranking.organisation.as_deref(),
            currency: ranking.currency.as_deref(),
            headline: &ranking.headline,
            missing: &ranking.missing,
            jewels: &ranking.jewels,
            counts: &ranking.counts,
            digests: &ranking.digests,
        })
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
    description = "Exposures in order, as `bartizan top`", body = Vec<Ranked>)))]
pub(super) async fn top(turn: Turn, Asked(query): Asked<TopQuery>) -> Answer {
    within("n", query.n, 1, MOST)?;
    tier_within(query.tier)?;
    turn.work(move |app| {
        let ranking = app.current(&mut app.store()?)?.ranking;
        let shown: Vec<&Ranked> = ranking
            .select(query.tier, query.owner.as_deref())
            .filter(|ranked| ranked.rank > query.after)
            .take(query.n)
            .collect();
        Reply::json(&shown)
    })
    .await
}

/// Why an exposure has its rank.
#[utoipa::path(get, path = "/api/v1/exposures/{id}", tag = "priorities",
    params(("id" = String, Path, description = "Its rank, its id, the beginning of its id, or an id that it had before")),
    responses((status = 200, description = "The exposure with its paths and history, as `bartizan explain`", body = Explanation)))]
pub(super) async fn explain(turn: Turn, Named(id): Named) -> Answer {
    turn.work(move |app| {
        let mut store = app.store()?;
        let ranking = app.current(&mut store)?.ranking;
        let ranked = find(&store, &ranking, &id)?;
        Reply::json(&bartizan_cycle::explain::explain(&store, &ranking, ranked)?)
    })
    .await
}

/// Every element in scope with its tier.
#[utoipa::path(get, path = "/api/v1/tiers", tag = "priorities", responses((status = 200,
    description = "Elements, as `bartizan tiers`", body = Vec<Element>)))]
pub(super) async fn tiers(turn: Turn) -> Answer {
    turn.work(|app| Reply::json(&app.current(&mut app.store()?)?.ranking.elements)).await
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
    description = "Paths, likeliest first, as `bartizan paths`", body = Vec<AttackPath>)))]
pub(super) async fn paths(turn: Turn, Asked(query): Asked<PathsQuery>) -> Answer {
    within("k", query.k, 1, MOST_PATHS)?;
    turn.work(move |app| {
        let current = app.current(&mut app.store()?)?;
        let paths = paths_between(
            &current.inputs,
            &current.ranking,
            query.from.as_deref(),
            query.to.as_deref(),
            query.k,
        );
        Reply::json(&paths?)
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
    description = "Fixes with their certificate, as `bartizan fixes`", body = FixAnswer)))]
pub(super) async fn fixes(turn: Turn, Asked(query): Asked<FixesQuery>) -> Answer {
    if query.budget.is_some_and(|hours| !hours.is_finite() || hours < 0.0) {
        return Err(Fault::new(codes::INVALID_REQUEST, "budget is a number of hours, 0 or more"));
    }
    turn.work(move |app| {
        let current = app.current(&mut app.store()?)?;
        Reply::json(&fixes_for(&current.inputs, &current.ranking, query.to.as_deref(), query.budget)?)
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
    description = "Tasks, as `bartizan tickets export --to json`; looking at them is not an export", body = Vec<Task>)))]
pub(super) async fn tasks(turn: Turn, Asked(query): Asked<TasksQuery>) -> Answer {
    tier_within(Some(query.tier))?;
    turn.work(move |app| {
        let ranking = app.current(&mut app.store()?)?.ranking;
        Reply::json(&tasks_for(&ranking, query.owner.as_deref(), query.tier))
    })
    .await
}

/// What the scope says, and what in the store it touches.
#[utoipa::path(get, path = "/api/v1/scope", tag = "estate", responses((status = 200,
    description = "The scope beside the estate, as `bartizan scope show`", body = ScopeCoverage)))]
pub(super) async fn scope(turn: Turn) -> Answer {
    turn.work(|app| {
        let inputs = app.current(&mut app.store()?)?.inputs;
        Reply::json(&scope_coverage(&inputs, app.config.scope.as_ref()))
    })
    .await
}

/// Which intelligence is loaded and how old it is.
#[utoipa::path(get, path = "/api/v1/intel", tag = "estate", responses((status = 200,
    description = "Feeds with their age, as `bartizan intel status`", body = Loaded)))]
pub(super) async fn intel(turn: Turn) -> Answer {
    turn.work(|app| Reply::json(&intelligence::loaded(&app.store()?, app.now())?)).await
}

/// Every report format that can be read.
#[utoipa::path(get, path = "/api/v1/formats", tag = "service", responses((status = 200,
    description = "The formats, as `bartizan formats`", body = Vec<FormatRow>)))]
pub(super) async fn formats() -> Answer {
    Reply::json(&bartizan_cycle::formats::formats())
}

/// The reports that were imported.
#[utoipa::path(get, path = "/api/v1/imports", tag = "estate", responses((status = 200,
    description = "The reports", body = Vec<Report>)))]
pub(super) async fn imports(turn: Turn) -> Answer {
    turn.work(|app| {
        let inputs = app.current(&mut app.store()?)?.inputs;
        Reply::json(&inputs.estate.reports)
    })
    .await
}

/// The rankings that are kept, newest first, at most 50.
#[utoipa::path(get, path = "/api/v1/runs", tag = "service", responses((status = 200,
    description = "The rankings, as `bartizan replay`", body = Vec<RunSummary>)))]
pub(super) async fn runs(turn: Turn) -> Answer {
    turn.work(|app| Reply::json(&app.store()?.runs(50)?)).await
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
