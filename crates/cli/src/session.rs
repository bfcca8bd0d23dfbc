//! What most commands need: the store, the scope, the time, and the ranking of now.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bartizan_cycle::inputs::Inputs;
use bartizan_cycle::ranking::{self, Ranking};
use bartizan_model::Timestamp;
use bartizan_scope::Scope;
use bartizan_store::Store;

use crate::args::Global;
use crate::clock;

/// The name of a scope file that is used without being named.
const SCOPE_FILE: &str = "bartizan.yaml";

pub(crate) struct Session {
    pub(crate) store: Store,
    pub(crate) scope: Option<Scope>,
    pub(crate) now: Timestamp,
}

impl Session {
    /// Opens the store, making it if it is not there, and reads the scope.
    pub(crate) fn open(global: &Global) -> Result<Self> {
        let store = open_store(&global.db)?;
        // The example's store knows its scope; a scope file that is named or lies here goes first.
        let scope = match load_scope(global)? {
            Some(scope) => Some(scope),
            None => crate::example::scope_of(&store)?,
        };
        Ok(Self { store, scope, now: clock::now() })
    }

    /// The ranking of what is known now, kept in the store so that it can be replayed.
    pub(crate) fn rank(&mut self) -> Result<(Inputs, Ranking)> {
        let inputs = Inputs::gather(&self.store, self.scope.as_ref(), self.now)?;
        let ranking = ranking::rank(&inputs)?;
        bartizan_cycle::replay::keep(&mut self.store, &inputs, &ranking, self.now)?;
        Ok((inputs, ranking))
    }
}

pub(crate) fn open_store(db: &str) -> Result<Store> {
    if db.starts_with("postgres://") || db.starts_with("postgresql://") {
        bail!("PostgreSQL is not supported by this version; --db takes the path of a file");
    }
    Ok(Store::open(Path::new(db))?)
}

/// The scope file that is in force, if there is one.
pub(crate) fn scope_path(global: &Global) -> Option<PathBuf> {
    match &global.scope {
        Some(path) => Some(path.clone()),
        None => Some(PathBuf::from(SCOPE_FILE)).filter(|path| path.is_file()),
    }
}

/// Reads the scope; every mistake in it is one line of the error.
pub(crate) fn load_scope(global: &Global) -> Result<Option<Scope>> {
    let Some(path) = scope_path(global) else { return Ok(None) };
    match read_scope(&path) {
        Ok(scope) => Ok(Some(scope)),
        Err(mistakes) => {
            let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            bail!(
                "the scope has {} to mend:\n{}",
                bartizan_cycle::words::count(lines.len(), "mistake", "mistakes"),
                lines.join("\n")
            )
        }
    }
}

pub(crate) fn read_scope(path: &Path) -> Result<Scope, Vec<bartizan_scope::Mistake>> {
    Scope::load(&path.to_string_lossy(), &|path| {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    })
}

/// A size in bytes from the environment, for hosts where reports may be larger or must be smaller.
pub(crate) fn limits() -> Result<bartizan_intake::Limits> {
    let stated = std::env::var("BARTIZAN_MAX_REPORT_BYTES").ok();
    match stated {
        None => Ok(bartizan_intake::Limits::default()),
        Some(text) => {
            let unpacked_bytes = text
                .parse()
                .with_context(|| format!("BARTIZAN_MAX_REPORT_BYTES is {text:?}, not a number of bytes"))?;
            Ok(bartizan_intake::Limits { unpacked_bytes })
        }
    }
}
