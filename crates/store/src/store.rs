//! Opening the store, and what all its parts share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bartizan_model::{Digest, Digester};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags};

use crate::{Error, Result};

/// "BRZN": marks a SQLite file as a Bartizan store.
const APPLICATION_ID: i64 = 0x4252_5A4E;
/// Each migration takes the schema one version up.
const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_start.sql")];
/// How long to wait for another process's import.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open store.
pub struct Store {
    pub(crate) connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens a store, making the file if there is none, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|error| Error::Open(path.to_owned(), error.to_string()))?;
        let mut store = Self { connection, path: path.to_owned() };
        store.prepare()?;
        Ok(store)
    }

    /// A store in memory, for tests and for questions that need none.
    pub fn in_memory() -> Result<Self> {
        let connection = Connection::open_in_memory()?;
        let mut store = Self { connection, path: PathBuf::from(":memory:") };
        store.prepare()?;
        Ok(store)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A setting of the store itself.
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        match self.connection.query_row("SELECT value FROM settings WHERE key = ?1", [key], |row| row.get(0))
        {
            Ok(value) => Ok(Some(value)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub fn set(&self, key: &str, value: &str) -> Result<()> {
        self.connection
            .execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?1, ?2)", [key, value])?;
        Ok(())
    }

    /// How many reports were imported.
    pub fn report_count(&self) -> Result<u64> {
        Ok(self.connection.query_row("SELECT count(*) FROM reports", [], |row| row.get(0))?)
    }

    /// Changes whenever anything does that a ranking depends on.
    pub fn revision(&self) -> Result<i64> {
        Ok(self.connection.query_row(
            "SELECT coalesce((SELECT max(id) FROM events WHERE kind <> 'ranking-made'), 0)
                  + coalesce((SELECT sum(records) + max(imported_at) FROM intel_feeds), 0)",
            [],
            |row| row.get(0),
        )?)
    }

    /// What SQLite finds wrong with the file; nothing when it is sound.
    pub fn check(&self) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare("PRAGMA integrity_check")?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
        let lines: Vec<String> = lines.collect::<rusqlite::Result<_>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    fn prepare(&mut self) -> Result<()> {
        self.connection.busy_timeout(PATIENCE)?;
        let application: i64 = self
            .connection
            .query_row("PRAGMA application_id", [], |row| row.get(0))
            .map_err(|error| self.foreign_or(error))?;
        let tables: i64 =
            self.connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
        if application != APPLICATION_ID && tables > 0 {
            return Err(Error::Foreign(self.path.clone()));
        }
        // FULL: what an import reported as done survives a power cut too; one sync an import is cheap.
        self.connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = FILE;
             PRAGMA cache_size = -32768; PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF;",
        )?;
        self.connection.set_prepared_statement_cache_capacity(64);
        register_functions(&self.connection)?;
        self.migrate()
    }

    fn foreign_or(&self, error: rusqlite::Error) -> Error {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Error::Foreign(self.path.clone()),
            _ => error.into(),
        }
    }

    fn migrate(&mut self) -> Result<()> {
        let known = MIGRATIONS.len() as i64;
        let version = |connection: &Connection| -> rusqlite::Result<i64> {
            connection.query_row("PRAGMA user_version", [], |row| row.get(0))
        };
        let found = version(&self.connection)?;
        if found > known {
            return Err(Error::Newer { found, known });
        }
        if found == known {
            return Ok(());
        }
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        // Another process may have migrated while this one waited for the lock.
        let found = version(&transaction)?;
        for migration in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
            transaction.execute_batch(migration)?;
        }
        transaction.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {known};"
        ))?;
        transaction.commit()?;
        Ok(())
    }
}

/// The key of an exposure; see model.md. `place` is the stored text of a [`bartizan_model::Place`].
pub(crate) fn exposure_key(asset: &[u8], weakness: &str, place: &str) -> Digest {
    Digester::new("exposure").field(asset).field(weakness).field(place).finish()
}

fn register_functions(connection: &Connection) -> Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("exposure_key", 3, flags, |context| {
        let asset =
            context.get_raw(0).as_blob().map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
        let weakness =
            context.get_raw(1).as_str().map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
        let place =
            context.get_raw(2).as_str().map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
        Ok(exposure_key(asset, weakness, place).as_bytes().to_vec())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_files_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.db");
        std::fs::write(&text, "these are my notes, not a database, and they are longer than a header")
            .unwrap();
        assert!(matches!(Store::open(&text), Err(Error::Foreign(_))));
        assert!(std::fs::read_to_string(&text).unwrap().starts_with("these are"));

        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(matches!(Store::open(&other), Err(Error::Foreign(_))));
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        drop(Store::open(&path).unwrap());
        Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 999").unwrap();
        assert!(matches!(Store::open(&path), Err(Error::Newer { found: 999, .. })));
    }
}
