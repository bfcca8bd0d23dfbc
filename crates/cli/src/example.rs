//! The example company, Brambleford Freight, as it is built into the binary.

use anyhow::{Result, anyhow, bail};
use bartizan_cycle::import::{Imported, Options, Stated, import_document};
use bartizan_cycle::intelligence::{self, FeedImported};
use bartizan_intake::{Document, Limits};
use bartizan_model::Timestamp;
use bartizan_scope::Scope;
use bartizan_store::Store;
use rust_embed::RustEmbed;

/// The setting that marks a store as the example's, so that its scope is found again.
const SETTING: &str = "example";
const NAME: &str = "brambleford";
const SCOPE: &str = "bartizan.yaml";

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../examples/brambleford"]
#[include = "bartizan.yaml"]
#[include = "reports/*"]
#[include = "aws/*"]
#[include = "intel/*"]
struct Files;

/// The example's scope, if the store is the example's.
pub(crate) fn scope_of(store: &Store) -> Result<Option<Scope>> {
    if store.setting(SETTING)?.as_deref() == Some(NAME) { scope().map(Some) } else { Ok(None) }
}

pub(crate) fn is_example(store: &Store) -> Result<bool> {
    Ok(store.setting(SETTING)?.is_some())
}

fn scope() -> Result<Scope> {
    let read = |path: &str| {
        let path = path.strip_prefix("examples/brambleford/").unwrap_or(path);
        let file = Files::get(path).ok_or_else(|| format!("{path} is not part of the example"))?;
        String::from_utf8(file.data.into_owned()).map_err(|error| error.to_string())
    };
    Scope::load(SCOPE, &read).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow!("the example's scope is faulty:\n{}", lines.join("\n"))
    })
}

/// Loads the example into a store that is empty or already the example's; never into a real one.
pub(crate) fn load(store: &mut Store, now: Timestamp) -> Result<(Vec<FeedImported>, Vec<Imported>)> {
    if store.setting(SETTING)?.is_none() {
        if store.report_count()? > 0 {
            bail!(
                "the store {} holds reports of your own; the example goes into a fresh one: bartizan --db example.db demo",
                store.path().display()
            );
        }
        store.set(SETTING, NAME)?;
    }
    let scope = scope()?;
    let (mut feeds, mut reports) = (Vec::new(), Vec::new());
    let mut paths: Vec<String> =
        Files::iter().map(std::borrow::Cow::into_owned).filter(|path| path != SCOPE).collect();
    paths.sort();
    for path in paths {
        let Some(file) = Files::get(&path) else { continue };
        if std::path::Path::new(&path).extension().is_some_and(|extension| extension == "md") {
            continue;
        }
        let name = format!("examples/brambleford/{path}");
        let document =
            Document::from_reader(&name, std::io::Cursor::new(file.data.into_owned()), Limits::default());
        if path.starts_with("intel/") {
            feeds.push(intelligence::import_document(store, &name, document, now)?);
        } else {
            let options = Options::of(&path, Stated::default(), Some(&scope), Limits::default())?;
            reports.push(import_document(store, &name, document, &options, now)?);
        }
    }
    Ok((feeds, reports))
}
