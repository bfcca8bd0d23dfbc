//! CSV with the delimiter that its first line uses.

use std::io::{Cursor, Read};

use crate::{Error, Result};

/// The delimiter of a header line: the candidate that occurs most often in it.
pub(crate) fn delimiter(line: &str) -> u8 {
    let count = |delimiter: &u8| line.bytes().filter(|byte| byte == delimiter).count();
    // Of equals the last counts, so the comma stands last.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// A reader of rows. Rows may be shorter or longer than the header.
pub(crate) fn reader(source: &mut dyn Read) -> Result<csv::Reader<impl Read + use<'_>>> {
    let mut head = Vec::new();
    source
        .take(64 * 1024)
        .read_to_end(&mut head)
        .map_err(|source| bartizan_intake::Error::Read { at: 0, source })?;
    let text = String::from_utf8_lossy(&head);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = delimiter(line);
    Ok(csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(Cursor::new(head).chain(source)))
}

/// A fault of the bytes: the rows themselves cannot be malformed.
pub(crate) fn error(error: csv::Error) -> Error {
    let at = error.position().map_or(0, csv::Position::byte);
    let source = std::io::Error::other(error.to_string());
    Error::Intake(bartizan_intake::Error::Read { at, source })
}
