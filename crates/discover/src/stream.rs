//! What must be known of a JSON stream before it is walked.

use std::io::{self, Read};

/// Whether the text is one array, or an object or a sequence of them (JSON lines); and the stream as
/// it was before the look.
pub(crate) fn is_array(mut reader: impl Read) -> io::Result<(bool, impl Read)> {
    let mut head = Vec::with_capacity(16);
    let mut byte = [0];
    let first = loop {
        if reader.read(&mut byte)? == 0 {
            break None;
        }
        head.push(byte[0]);
        if !byte[0].is_ascii_whitespace() {
            break Some(byte[0]);
        }
    };
    Ok((first == Some(b'['), io::Cursor::new(head).chain(reader)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_without_taking() {
        for (text, expected) in [(" \n[1]", true), ("{}\n{}", false), ("", false), ("  ", false)] {
            let (found, mut stream) = is_array(text.as_bytes()).unwrap();
            let mut rest = String::new();
            stream.read_to_string(&mut rest).unwrap();
            assert_eq!((found, rest.as_str()), (expected, text));
        }
    }
}
