//! One foreign document: opened, unpacked, decoded, capped, digested.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bartizan_model::{Digest, Timestamp};

use crate::decode::{Malformed, Transcoder, Utf8Check, detect};
use crate::{Error, Result};

/// How much of a document is looked at to recognise its format, in bytes.
const HEAD: usize = 64 * 1024;

/// Caps on what a document may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes after unpacking and decoding.
    pub unpacked_bytes: u64,
}

impl Default for Limits {
    /// 16 GiB: several times the largest reports in use, and far below what would fill a disk by
    /// surprise. Memory does not grow with it.
    fn default() -> Self {
        Self { unpacked_bytes: 16 << 30 }
    }
}

/// A document whose first bytes were looked at and whose rest streams.
pub struct Document {
    name: String,
    head: Vec<u8>,
    reader: Box<dyn Read + Send>,
    passed: Arc<Counters>,
    limits: Limits,
    modified: Option<Timestamp>,
}

#[derive(Default)]
struct Counters {
    raw_bytes: AtomicU64,
    text_bytes: AtomicU64,
    over_limit: AtomicBool,
    digest: std::sync::Mutex<blake3::Hasher>,
}

impl Document {
    /// Opens a file; `-` is standard input.
    pub fn open(path: &Path, limits: Limits) -> Result<Self> {
        if path.as_os_str() == "-" {
            return Self::from_reader("-", io::stdin(), limits);
        }
        let file = File::open(path).map_err(Error::Open)?;
        let metadata = file.metadata().map_err(Error::Open)?;
        if metadata.is_dir() {
            return Err(Error::Open(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
        }
        let mut document = Self::from_reader(&path.to_string_lossy(), file, limits)?;
        document.modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        Ok(document)
    }

    /// Takes any stream of bytes under a name.
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static, limits: Limits) -> Result<Self> {
        let passed = Arc::new(Counters::default());
        let mut raw =
            BufReader::with_capacity(256 * 1024, Tally { inner: reader, passed: Arc::clone(&passed) });
        let magic = peek(&mut raw).map_err(|source| Error::Read { at: 0, source })?;
        if magic.is_empty() {
            return Err(Error::Empty);
        }
        let unpacked: Box<dyn Read + Send> = match magic.as_slice() {
            [0x1F, 0x8B, ..] => Box::new(gunzip(raw)),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Box::new(
                zstd::stream::read::Decoder::with_buffer(raw)
                    .map_err(|source| Error::Read { at: 0, source })?,
            ),
            [b'P', b'K', 3 | 5, ..] => return Err(Error::Archive { kind: "ZIP archive" }),
            [0xFD, b'7', b'z', b'X', b'Z', ..] => return Err(Error::Archive { kind: "xz archive" }),
            [b'B', b'Z', b'h', ..] => return Err(Error::Archive { kind: "bzip2 archive" }),
            _ => Box::new(raw),
        };
        let mut unpacked = BufReader::with_capacity(256 * 1024, unpacked);
        let start = peek(&mut unpacked).map_err(|source| Error::Read { at: 0, source })?;
        if start.is_empty() {
            return Err(Error::Empty);
        }
        let text: Box<dyn Read + Send> = match detect(&start) {
            Some((encoding, mark)) => {
                io::copy(&mut unpacked.by_ref().take(mark as u64), &mut io::sink())
                    .map_err(|source| Error::Read { at: 0, source })?;
                if encoding == encoding_rs::UTF_8 {
                    Box::new(Utf8Check::new(unpacked))
                } else {
                    Box::new(Transcoder::new(unpacked, encoding))
                }
            }
            None => Box::new(Utf8Check::new(unpacked)),
        };
        let mut capped = Capped { inner: text, left: limits.unpacked_bytes, passed: Arc::clone(&passed) };
        let mut head = Vec::with_capacity(HEAD);
        let read = capped.by_ref().take(HEAD as u64).read_to_end(&mut head);
        let document =
            Self { name: name.to_owned(), head, reader: Box::new(capped), passed, limits, modified: None };
        match read {
            Ok(_) if document.head.iter().all(u8::is_ascii_whitespace) && document.head.len() < HEAD => {
                Err(Error::Empty)
            }
            Ok(_) => Ok(document),
            Err(error) => Err(document.fault(error)),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// When the file was last written, where it is a file.
    pub fn modified(&self) -> Option<Timestamp> {
        self.modified
    }

    /// The first bytes as UTF-8 text (up to 64 KiB), to recognise the format by.
    pub fn head(&self) -> &str {
        // The stream is checked UTF-8; only a character cut by the end of the head may be missing.
        match std::str::from_utf8(&self.head) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&self.head[..error.valid_up_to()]).unwrap_or_default(),
        }
    }

    /// True when the head is the whole document.
    pub fn is_short(&self) -> bool {
        self.head.len() < HEAD
    }

    /// The whole text as a stream, from the start; can be taken once.
    pub fn reader(&mut self) -> impl Read + Send + use<> {
        let rest = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        io::Cursor::new(self.head.clone()).chain(rest)
    }

    /// A handle that tells, while and after the stream is read, how much has passed.
    pub fn progress(&self) -> Progress {
        Progress(Arc::clone(&self.passed))
    }

    /// Names the fault behind an error that a reader of this document met.
    pub fn fault(&self, error: io::Error) -> Error {
        fault(&self.passed, self.limits, error)
    }

    /// The same for an error that only carries text, as parsers' errors do: `None` when nothing was
    /// wrong with the bytes themselves.
    pub fn byte_fault(&self) -> Option<Error> {
        self.passed
            .over_limit
            .load(Ordering::Relaxed)
            .then_some(Error::TooLarge { limit: self.limits.unpacked_bytes })
    }
}

#[expect(clippy::disallowed_types, reason = "this is the capped wrapper that the ban points to")]
fn gunzip(raw: impl io::BufRead + Send + 'static) -> impl Read + Send {
    flate2::bufread::MultiGzDecoder::new(raw)
}

fn fault(passed: &Counters, limits: Limits, error: io::Error) -> Error {
    if passed.over_limit.load(Ordering::Relaxed) {
        return Error::TooLarge { limit: limits.unpacked_bytes };
    }
    if let Some(malformed) = error.get_ref().and_then(|inner| inner.downcast_ref::<Malformed>()) {
        return Error::Encoding { at: malformed.at, encoding: malformed.encoding };
    }
    let at = passed.text_bytes.load(Ordering::Relaxed);
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Error::Truncated { at, inside: "the compressed stream".to_owned() };
    }
    Error::Read { at, source: error }
}

/// What has passed of a document.
#[derive(Clone)]
pub struct Progress(Arc<Counters>);

impl Progress {
    /// Bytes read from the file so far.
    pub fn raw_bytes(&self) -> u64 {
        self.0.raw_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of text handed out so far.
    pub fn text_bytes(&self) -> u64 {
        self.0.text_bytes.load(Ordering::Relaxed)
    }

    /// The digest of the file's bytes as they stand on disk, once all have been read.
    pub fn digest(&self) -> Digest {
        let hasher = self.0.digest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Digest::from_bytes(half)
    }
}

/// Fills the buffer as far as the stream allows and shows it without taking it.
fn peek<R: Read>(reader: &mut BufReader<R>) -> io::Result<Vec<u8>> {
    use std::io::BufRead;
    Ok(reader.fill_buf()?.to_vec())
}

/// Counts and digests the raw bytes.
struct Tally<R> {
    inner: R,
    passed: Arc<Counters>,
}

impl<R: Read> Read for Tally<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.passed.raw_bytes.fetch_add(count as u64, Ordering::Relaxed);
        let mut hasher = self.passed.digest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// Stops a stream at the cap, whatever a compressed file's header promised.
struct Capped<R> {
    inner: R,
    left: u64,
    passed: Arc<Counters>,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count as u64 > self.left {
            self.passed.over_limit.store(true, Ordering::Relaxed);
            return Err(io::Error::other("over the size limit"));
        }
        self.left -= count as u64;
        self.passed.text_bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: Vec<u8>, limits: Limits) -> Result<String> {
        let mut document = Document::from_reader("t", io::Cursor::new(bytes), limits)?;
        let mut text = String::new();
        let mut reader = document.reader();
        reader.read_to_string(&mut text).map_err(|error| document.fault(error))?;
        Ok(text)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_and_plain_read_the_same() {
        let text = "{\"a\": 1}".repeat(20_000);
        assert_eq!(read(text.clone().into_bytes(), Limits::default()).unwrap(), text);
        assert_eq!(read(gzip(text.as_bytes()), Limits::default()).unwrap(), text);
        let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
        assert_eq!(read(packed, Limits::default()).unwrap(), text);
    }

    #[test]
    fn a_bomb_stops_at_the_cap() {
        let bomb = gzip(&vec![b' '; 4 << 20]);
        let error = read(bomb, Limits { unpacked_bytes: 1 << 20 }).unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 1_048_576 }), "{error}");
    }

    #[test]
    fn a_cut_gzip_file_is_truncated() {
        let mut packed = gzip("{\"a\": 1}".repeat(50_000).as_bytes());
        packed.truncate(packed.len() - 9);
        assert!(matches!(read(packed, Limits::default()).unwrap_err(), Error::Truncated { .. }));
    }

    #[test]
    fn empty_and_archives_are_refused() {
        assert!(matches!(read(Vec::new(), Limits::default()), Err(Error::Empty)));
        assert!(matches!(read(b" \n".to_vec(), Limits::default()), Err(Error::Empty)));
        assert!(matches!(read(b"PK\x03\x04....".to_vec(), Limits::default()), Err(Error::Archive { .. })));
    }

    #[test]
    fn the_digest_is_of_the_file() {
        let bytes = gzip(b"{}");
        let mut document =
            Document::from_reader("t", io::Cursor::new(bytes.clone()), Limits::default()).unwrap();
        io::copy(&mut document.reader(), &mut io::sink()).unwrap();
        let half: [u8; 16] = blake3::hash(&bytes).as_bytes()[..16].try_into().unwrap();
        assert_eq!(document.progress().digest(), Digest::from_bytes(half));
    }
}
