//! The start of a text that is read as a stream: what a walk by routes does not tell, such as that
//! a list is there but empty.

use std::io::{Cursor, Read};

use crate::{Head, Result};

/// Whether the outermost object, as far as its first 64 KiB show it, has one of the keys; and the
/// whole text, to be read from its start.
pub(crate) fn has_any_key<'r>(
    reader: &'r mut dyn Read,
    keys: &[&str],
) -> Result<(bool, impl Read + use<'r>)> {
    let mut bytes = Vec::new();
    reader
        .take(64 * 1024)
        .read_to_end(&mut bytes)
        .map_err(|source| bartizan_intake::Error::Read { at: 0, source })?;
    let text = String::from_utf8_lossy(&bytes);
    let head = Head::new(text.trim_start_matches('\u{feff}'));
    let found = keys.iter().any(|key| head.has_key(key));
    Ok((found, Cursor::new(bytes).chain(reader)))
}
