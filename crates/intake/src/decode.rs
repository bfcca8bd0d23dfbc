//! Turns the bytes of a document into UTF-8 while they stream by.

use std::io::{self, Read};

use encoding_rs::{Decoder, Encoding};

/// Finds the encoding from a byte-order mark, from the zero bytes of UTF-16 without one, or from an
/// XML declaration. `None` means UTF-8, to be passed through as it is.
pub(crate) fn detect(head: &[u8]) -> Option<(&'static Encoding, usize)> {
    if let Some((encoding, length)) = Encoding::for_bom(head) {
        return Some((encoding, length));
    }
    match head {
        [0, b, ..] if *b != 0 => return Some((encoding_rs::UTF_16BE, 0)),
        [b, 0, ..] if *b != 0 => return Some((encoding_rs::UTF_16LE, 0)),
        _ => {}
    }
    let declaration = head.strip_prefix(b"<?xml")?;
    let end = declaration.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(&declaration[..end]).ok()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let name = value[1..].split(quote).next()?;
    let encoding = Encoding::for_label(name.as_bytes())?;
    (encoding != encoding_rs::UTF_8).then_some((encoding, 0))
}

/// A reader that decodes to UTF-8. Malformed input is an error with the place, never a silent `�`.
pub(crate) struct Transcoder<R> {
    inner: R,
    decoder: Decoder,
    encoding: &'static Encoding,
    input: Vec<u8>,
    start: usize,
    end: usize,
    taken: u64,
    output: Vec<u8>,
    output_start: usize,
    finished: bool,
}

/// The error that a [`Transcoder`] wraps in [`io::Error`] so that the place is not lost.
#[derive(Debug, thiserror::Error)]
#[error("byte {at} is not valid {encoding}")]
pub(crate) struct Malformed {
    pub(crate) at: u64,
    pub(crate) encoding: &'static str,
}

impl<R: Read> Transcoder<R> {
    pub(crate) fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self {
            inner,
            decoder: encoding.new_decoder_without_bom_handling(),
            encoding,
            input: vec![0; 64 * 1024],
            start: 0,
            end: 0,
            taken: 0,
            output: Vec::new(),
            output_start: 0,
            finished: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.output.clear();
        self.output_start = 0;
        while self.output.is_empty() && !self.finished {
            if self.start == self.end {
                self.start = 0;
                self.end = self.inner.read(&mut self.input)?;
            }
            let last = self.end == 0;
            self.output.resize(256 * 1024, 0);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                &self.input[self.start..self.end],
                &mut self.output,
                last,
            );
            self.start += read;
            self.taken += read as u64;
            self.output.truncate(written);
            match result {
                encoding_rs::DecoderResult::InputEmpty => self.finished = last,
                encoding_rs::DecoderResult::OutputFull => {}
                encoding_rs::DecoderResult::Malformed(..) => {
                    let malformed = Malformed { at: self.taken, encoding: self.encoding.name() };
                    return Err(io::Error::new(io::ErrorKind::InvalidData, malformed));
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.output_start == self.output.len() {
            self.refill()?;
        }
        let count = buffer.len().min(self.output.len() - self.output_start);
        buffer[..count].copy_from_slice(&self.output[self.output_start..self.output_start + count]);
        self.output_start += count;
        Ok(count)
    }
}

/// Checks that a stream is UTF-8 and passes it on unchanged.
pub(crate) struct Utf8Check<R> {
    inner: R,
    at: u64,
    /// A multi-byte character cut by the end of a read.
    pending: Vec<u8>,
}

impl<R: Read> Utf8Check<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, at: 0, pending: Vec::with_capacity(4) }
    }

    fn malformed(at: u64) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, Malformed { at, encoding: "UTF-8" })
    }

    fn check(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !self.pending.is_empty() && !bytes.is_empty() {
            self.pending.push(bytes[0]);
            bytes = &bytes[1..];
            match std::str::from_utf8(&self.pending) {
                Ok(_) => {
                    self.at += self.pending.len() as u64;
                    self.pending.clear();
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(Self::malformed(self.at)),
            }
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => self.at += bytes.len() as u64,
            Err(error) => {
                self.at += error.valid_up_to() as u64;
                if error.error_len().is_some() {
                    return Err(Self::malformed(self.at));
                }
                self.pending.extend_from_slice(&bytes[error.valid_up_to()..]);
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf8Check<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && !self.pending.is_empty() && !buffer.is_empty() {
            return Err(Self::malformed(self.at));
        }
        self.check(&buffer[..count])?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcode(bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        match detect(bytes) {
            Some((encoding, skip)) => Transcoder::new(&bytes[skip..], encoding).read_to_string(&mut text)?,
            None => Utf8Check::new(bytes).read_to_string(&mut text)?,
        };
        Ok(text)
    }

    #[test]
    fn utf16_with_and_without_mark() {
        let text = "{\"a\": \"é\"}";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(transcode(&little).unwrap(), text);
        assert_eq!(transcode(&big).unwrap(), text);
        assert_eq!(transcode(&[&[0xFF, 0xFE], little.as_slice()].concat()).unwrap(), text);
        assert_eq!(transcode(&[&[0xEF, 0xBB, 0xBF], text.as_bytes()].concat()).unwrap(), text);
    }

    #[test]
    fn declared_latin_1_is_decoded() {
        let bytes = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>";
        assert!(transcode(bytes).unwrap().ends_with("<a>é</a>"));
    }

    #[test]
    fn bad_utf8_names_the_byte() {
        let error = transcode(b"{\"a\": \"\xE9\"}").unwrap_err();
        assert_eq!(error.to_string(), "byte 7 is not valid UTF-8");
    }

    #[test]
    fn characters_cut_by_reads_pass() {
        struct OneByOne<'a>(&'a [u8]);
        impl Read for OneByOne<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = self.0.len().min(buffer.len()).min(1);
                buffer[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let mut text = String::new();
        Utf8Check::new(OneByOne("añ→😀z".as_bytes())).read_to_string(&mut text).unwrap();
        assert_eq!(text, "añ→😀z");
        assert!(Utf8Check::new(&"→".as_bytes()[..2]).read_to_string(&mut String::new()).is_err());
    }
}
