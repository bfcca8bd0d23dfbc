//! What takes bodies or makes work: imports, looking into reports, making a ranking again.

use axum::body::Body;
use bartizan_cycle::import::{Imported, Options, Stated, import_document};
use bartizan_cycle::inspect::{Inspection, inspect as look};
use bartizan_cycle::replay::Replayed;
use bartizan_discover::formats;
use bartizan_intake::{Document, Limits};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Answer, Asked, Named, Reply};
use crate::app::App;
use crate::codes;
use crate::problem::Fault;
use crate::spool::{CAP, spool};
use crate::turn::Turn;

/// What a body may grow to when it is unpacked, in bytes: 32 times the largest body, above what
/// reports pack to and far below what would keep the server busy for hours.
const LIMITS: Limits = Limits { unpacked_bytes: CAP * 32 };
/// The longest name of a file, in characters.
const LONGEST_NAME: usize = 255;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    /// The file's name, by which the report is known; the scope's sources go by it.
    name: String,
    /// Read as this format instead of recognising it (`GET /api/v1/formats`).
    #[serde(rename = "as")]
    format: Option<String>,
    /// What the report is about: `SCHEME:VALUE`, a repository's URL, or a host name.
    asset: Option<String>,
}

/// Read a report into the store, whole or not at all.
#[utoipa::path(post, path = "/api/v1/imports", tag = "estate", params(Reading),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "The report as the tool wrote it, also packed with gzip or zstd; up to 64 MiB"),
    responses((status = 200, description = "What became of its records, as `bartizan import`", body = Imported)))]
pub(super) async fn import(turn: Turn, Asked(reading): Asked<Reading>, body: Body) -> Answer {
    check(&reading)?;
    let file = spool(body, CAP).await?;
    turn.work(move |app| {
        let options = options(app, &reading)?;
        let opened = file.reopen().map_err(Fault::internal)?;
        let document = Document::from_reader(&reading.name, opened, LIMITS);
        let imported = import_document(&mut app.store()?, &reading.name, document, &options, app.now())?;
        match imported.error {
            None => Reply::json(&imported),
            Some(error) => Err(refused(&reading.name, &error)),
        }
    })
    .await
}

/// Say what a report is and holds; store nothing.
#[utoipa::path(post, path = "/api/v1/inspect", tag = "estate", params(Reading),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "The report as the tool wrote it, also packed with gzip or zstd; up to 64 MiB"),
    responses((status = 200, description = "What it is and holds, as `bartizan inspect`", body = Inspection)))]
pub(super) async fn inspect(turn: Turn, Asked(reading): Asked<Reading>, body: Body) -> Answer {
    check(&reading)?;
    let file = spool(body, CAP).await?;
    turn.work(move |app| {
        let options = options(app, &reading)?;
        let mut inspection = look(file.path(), options.format.as_deref(), &options.context, LIMITS);
        match inspection.error {
            None => {
                inspection.file.clone_from(&reading.name);
                Reply::json(&inspection)
            }
            Some(error) => Err(refused(&reading.name, &error)),
        }
    })
    .await
}

fn refused(name: &str, error: &str) -> Fault {
    Fault::new(codes::REPORT_REFUSED, format!("{name} was not read: it {error}; nothing changed"))
}

/// What can be said before the body is taken.
fn check(reading: &Reading) -> Result<(), Fault> {
    let name = &reading.name;
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let detail = format!(
            "name is a file's name of 1 to {LONGEST_NAME} characters, none of them control characters"
        );
        return Err(Fault::new(codes::INVALID_REQUEST, detail));
    }
    if let Some(format) = &reading.format {
        formats::by_name(format).map_err(|error| Fault::new(codes::UNKNOWN_FORMAT, error.to_string()))?;
    }
    Ok(())
}

/// What is told from outside about a report: by the request, else by the scope's sources.
fn options(app: &App, reading: &Reading) -> Result<Options, Fault> {
    let stated = Stated { format: reading.format.as_deref(), asset: reading.asset.as_deref(), mapping: None };
    Ok(Options::of(&reading.name, stated, app.config.scope.as_ref(), LIMITS)?)
}

/// Make a kept ranking again from its inputs and compare, byte for byte.
#[utoipa::path(post, path = "/api/v1/runs/{id}/replay", tag = "service",
    params(("id" = i64, Path, description = "Number of the ranking")),
    responses((status = 200, description = "What was made beside what was kept, as `bartizan replay`", body = Replayed)))]
pub(super) async fn replay(turn: Turn, Named(id): Named) -> Answer {
    let run: i64 = id
        .parse()
        .map_err(|_| Fault::new(codes::INVALID_REQUEST, "the number of a ranking is a whole number"))?;
    turn.work(move |app| Reply::json(&bartizan_cycle::replay::replay(&app.store()?, run)?)).await
}
