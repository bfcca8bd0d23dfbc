//! How the model's values are kept in columns.

use bartizan_model::{Digest, Severity, Timestamp};
use rusqlite::types::{FromSqlError, FromSqlResult, ValueRef};

pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(crate) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A 16-byte blob.
pub(crate) struct Key(pub(crate) Digest);

impl rusqlite::types::FromSql for Key {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes: [u8; 16] = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
        Ok(Self(Digest::from_bytes(bytes)))
    }
}

impl rusqlite::ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::from(self.0.as_bytes().as_slice()))
    }
}

pub(crate) const SEVERITIES: [Severity; 6] =
    [Severity::Unknown, Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

pub(crate) fn severity(number: i64) -> Severity {
    usize::try_from(number).ok().and_then(|number| SEVERITIES.get(number)).copied().unwrap_or_default()
}
