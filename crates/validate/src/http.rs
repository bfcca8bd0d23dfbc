//! One HTTP/1.1 request and the start of its answer (RFC 9112), on a stream that the guard opened.
//!
//! It knows GET without parameters, body, cookies or credentials; it follows nothing, and it stops
//! reading as soon as it has the first kibibyte of the body.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read, Write};

use crate::mask::{masked, plain};
use crate::probe::{Mark, Target};
use crate::record::HttpResponse;

/// Bytes of the body that are looked at and, masked, kept.
const KEPT: usize = 1024;
const LONGEST_FIELD: usize = 200;
/// Fields that are kept. None of them carries a secret by its nature.
const FIELDS: [&str; 9] = [
    "server",
    "content-type",
    "content-length",
    "location",
    "www-authenticate",
    "strict-transport-security",
    "content-security-policy",
    "x-powered-by",
    "retry-after",
];

/// The text of a request.
pub(crate) fn request(target: &Target, tls: bool, path: &str) -> String {
    let host = target.authority(if tls { 443 } else { 80 });
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bartizan-validate\r\nAccept: */*\r\n\
         Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
}

/// A path as it may stand in a request line: whatever is not plainly allowed there is encoded, and
/// query and fragment are left out.
pub(crate) fn clean_path(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut clean = String::from(if path.starts_with('/') { "" } else { "/" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@".contains(&byte) {
            clean.push(char::from(byte));
        } else {
            let _ = write!(clean, "%{byte:02X}");
        }
    }
    clean
}

/// Why there is no response to keep.
#[derive(Debug)]
pub(crate) enum Fault {
    Io(io::Error),
    NotHttp(&'static str),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Sends the request and reads the start of the answer.
pub(crate) fn get(
    stream: &mut (impl Read + Write),
    request: &str,
    marks: &[Mark],
) -> Result<HttpResponse, Fault> {
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut bytes = Vec::new();
    let mut ended = false;
    let mut seen = 0;
    loop {
        // Interim answers (status 1xx) come before the one that counts.
        while let Some(end) = end_of_head(&bytes[seen..]).map(|end| seen + end) {
            let head = Head::parse(&bytes[seen..end])?;
            if (100..200).contains(&head.status) {
                seen = end;
                continue;
            }
            let body = head.body(&bytes[end..], ended);
            if body.complete || body.bytes.len() >= KEPT || ended {
                return Ok(head.response(&body, marks));
            }
            break;
        }
        if ended {
            let reason = if bytes.is_empty() {
                "the connection was closed without an answer"
            } else {
                "the answer ends before its head does, or its head is too long"
            };
            return Err(Fault::NotHttp(reason));
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => ended = true,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            // Many servers close without saying goodbye in TLS.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => ended = true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
        if !bytes.starts_with(&b"HTTP/1."[..bytes.len().min(7)]) {
            return Err(Fault::NotHttp("the answer is not HTTP/1"));
        }
    }
}

/// Where the body begins.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let long = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
    let short = bytes.windows(2).position(|window| window == b"\n\n").map(|at| at + 2);
    [long, short].into_iter().flatten().min()
}

struct Head {
    status: u16,
    length: Option<u64>,
    chunked: bool,
    fields: BTreeMap<String, String>,
}

struct Body {
    bytes: Vec<u8>,
    complete: bool,
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines();
        let line = lines.next().unwrap_or_default();
        let status = line
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split(' ').nth(1))
            .filter(|status| status.len() == 3)
            .and_then(|status| status.parse().ok())
            .filter(|status| (100..600).contains(status))
            .ok_or(Fault::NotHttp("the answer has no HTTP status"))?;
        let mut head = Self { status, length: None, chunked: false, fields: BTreeMap::new() };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            match name.as_str() {
                "content-length" => head.length = value.parse().ok(),
                "transfer-encoding" => head.chunked = value.to_ascii_lowercase().contains("chunked"),
                _ => {}
            }
            if FIELDS.contains(&name.as_str()) {
                let value = match name.as_str() {
                    "location" => masked(value.split(['?', '#']).next().unwrap_or_default(), LONGEST_FIELD),
                    "www-authenticate" => masked(value, LONGEST_FIELD),
                    _ => plain(value, LONGEST_FIELD),
                };
                head.fields.insert(name, value);
            }
        }
        Ok(head)
    }

    fn body(&self, bytes: &[u8], ended: bool) -> Body {
        if matches!(self.status, 204 | 304) {
            return Body { bytes: Vec::new(), complete: true };
        }
        if self.chunked {
            return unchunk(bytes);
        }
        match self.length {
            Some(length) if bytes.len() as u64 >= length => {
                Body { bytes: bytes[..length as usize].to_vec(), complete: true }
            }
            Some(_) => Body { bytes: bytes.to_vec(), complete: false },
            None => Body { bytes: bytes.to_vec(), complete: ended },
        }
    }

    fn response(self, body: &Body, marks: &[Mark]) -> HttpResponse {
        let kept = &body.bytes[..body.bytes.len().min(KEPT)];
        let complete = body.complete && body.bytes.len() <= KEPT;
        let text = String::from_utf8_lossy(kept);
        HttpResponse {
            status: self.status,
            fields: self.fields,
            marks: marks.iter().filter(|mark| mark.is_in(&text)).cloned().collect(),
            excerpt: masked(&text, KEPT),
            complete,
        }
    }
}

/// Joins chunks (RFC 9112, section 7.1) as far as they have come, up to what is kept.
fn unchunk(mut bytes: &[u8]) -> Body {
    let mut body = Body { bytes: Vec::new(), complete: false };
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let size = bytes[..end].split(|byte| *byte == b';').next().unwrap_or_default();
        let size =
            std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        bytes = &bytes[end + 1..];
        match size {
            Some(0) => {
                body.complete = true;
                break;
            }
            Some(size) => {
                body.bytes.extend_from_slice(&bytes[..size.min(bytes.len())]);
                if body.bytes.len() > KEPT || size > bytes.len() {
                    break;
                }
                bytes = &bytes[size..];
                bytes = bytes.strip_prefix(b"\r\n").or_else(|| bytes.strip_prefix(b"\n")).unwrap_or(bytes);
            }
            None => break,
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer that says its lines, some bytes at a time.
    struct Peer<'a>(&'a [u8], usize);

    impl Read for Peer<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    impl Write for Peer<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn check(answer: &str, expect: impl Fn(HttpResponse)) {
        for step in [1, 7, 4096] {
            expect(
                get(&mut Peer(answer.as_bytes(), step), "GET", &[Mark::Contains("[core]".to_owned())])
                    .unwrap(),
            );
        }
    }

    #[test]
    fn answers_in_every_framing() {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n[core]tail of another answer",
            "HTTP/1.0 200 OK\n\n[core]",
            "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n[c\r\n4\r\nore]\r\n0\r\n\r\n",
        ] {
            check(answer, |response| {
                assert_eq!((response.status, response.excerpt.as_str()), (200, "[core]"), "{answer}");
                assert!(response.complete && response.marks.len() == 1);
            });
        }
        check(
            "HTTP/1.1 302 Found\r\nSet-Cookie: a=b\r\nLocation: https://u:p@x.example/y?token=1\r\nContent-Length: 0\r\n\r\n",
            |response| {
                assert_eq!(response.fields["location"], "https://…@x.example/y");
                assert!(!response.fields.contains_key("set-cookie"));
            },
        );
        check(&format!("HTTP/1.1 200 OK\r\n\r\n{}", "x ".repeat(5000)), |response| {
            assert!(!response.complete);
            assert!(response.excerpt.len() <= KEPT + 4);
        });
    }

    #[test]
    fn what_is_not_http_is_said_to_be_none() {
        for answer in [
            "",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nServer: x\r\n",
            "HTTP/1.1 99 x\r\n\r\n",
        ] {
            assert!(
                matches!(get(&mut Peer(answer.as_bytes(), 3), "GET", &[]), Err(Fault::NotHttp(_))),
                "{answer}"
            );
        }
    }

    #[test]
    fn paths_cannot_break_out_of_the_request() {
        assert_eq!(clean_path("/a b\r\nHost: evil?x=1#y"), "/a%20b%0D%0AHost:%20evil");
        assert_eq!(clean_path("x/é"), "/x/%C3%A9");
        assert_eq!(clean_path(""), "/");
    }
}
