//! JSON text on its way to the parser: how far it was read, and how deep it nests.
//!
//! The parser skips what no route asks for and hands values over as text, without counting how deep
//! they nest. Whoever reads them later would meet the depth where nothing bounds it, so it is bounded
//! here, before the parser. This is no check of the syntax: the parser does that.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// How far the text was read.
#[derive(Clone, Copy, Default)]
pub(crate) struct Reached {
    pub bytes: u64,
    pub too_deep: bool,
    /// From 1, of the bracket that is too deep.
    pub line: usize,
    pub column: usize,
}

/// Passes text on up to the first bracket that opens below `limit` others; then it is an error.
pub(crate) struct Watched<R> {
    inner: R,
    pub reached: Rc<Cell<Reached>>,
    limit: usize,
    depth: usize,
    inside: Inside,
    /// Lines that ended, and bytes since the last one did.
    lines: usize,
    column: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Structure,
    Text,
    /// In a text, behind a backslash.
    Escape,
}

impl<R: Read> Watched<R> {
    pub(crate) fn new(inner: R, limit: usize) -> Self {
        let reached = Rc::default();
        Self { inner, reached, limit, depth: 0, inside: Inside::Structure, lines: 0, column: 0 }
    }

    /// The position of the first bracket that is too deep.
    fn scan(&mut self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            match self.inside {
                Inside::Escape => {
                    self.inside = Inside::Text;
                    at += 1;
                }
                Inside::Text => match memchr::memchr2(b'"', b'\\', rest) {
                    None => break,
                    Some(found) => {
                        self.inside = if rest[found] == b'"' { Inside::Structure } else { Inside::Escape };
                        at += found + 1;
                    }
                },
                Inside::Structure => {
                    match rest[0] {
                        b'"' => self.inside = Inside::Text,
                        b'[' | b'{' if self.depth == self.limit => return Some(at),
                        b'[' | b'{' => self.depth += 1,
                        b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                        _ => {}
                    }
                    at += 1;
                }
            }
        }
        None
    }

    fn count_lines(&mut self, text: &[u8]) {
        self.lines += memchr::memchr_iter(b'\n', text).count();
        self.column = match memchr::memrchr(b'\n', text) {
            Some(last) => text.len() - last - 1,
            None => self.column + text.len(),
        };
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut reached = self.reached.get();
        let mut count = 0;
        if !reached.too_deep {
            count = self.inner.read(buffer)?;
            if let Some(at) = self.scan(&buffer[..count]) {
                // The parser gets what stands before it, so that it knows where it is.
                count = at;
                reached.too_deep = true;
            }
            self.count_lines(&buffer[..count]);
            reached.bytes += count as u64;
            (reached.line, reached.column) = (self.lines + 1, self.column + 1);
            self.reached.set(reached);
        }
        if reached.too_deep && count == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "nested too deep"));
        }
        Ok(count)
    }
}
