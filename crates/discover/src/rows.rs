//! JSON reports that are rows of objects, whether in an array or one after the other (JSON lines).

use std::io::{Read, copy, sink};

use bartizan_intake::json::{Documents, Event, walk};

use crate::{Error, Result};

/// Hands over each row with its place. A document that is one object is one row.
pub(crate) fn rows(reader: &mut dyn Read, handler: &mut dyn FnMut(&str, String) -> Result<()>) -> Result<()> {
    let mut first = [0_u8; 1];
    loop {
        let count =
            reader.read(&mut first).map_err(|source| bartizan_intake::Error::Read { at: 0, source })?;
        if count == 0 {
            return Ok(());
        }
        if !first[0].is_ascii_whitespace() {
            break;
        }
    }
    let is_array = first[0] == b'[';
    let (routes, documents) = if is_array { (["[]"], Documents::One) } else { ([""], Documents::Many) };
    let mut whole = first.as_slice().chain(reader);
    walk::<Error>(&mut whole, &routes, documents, &mut |event, position| match event {
        Event::Value { json, .. } => handler(json, position.to_string()),
        Event::Begin { .. } | Event::End { .. } => Ok(()),
    })?;
    // A reader that checks its bytes must be read to its end.
    let _ = copy(&mut whole, &mut sink());
    Ok(())
}
