//! A TLS greeting built by hand, for versions that a modern library rightly does not speak, and
//! the first answer to it. The handshake is never completed.
//!
//! Layouts: RFC 6101 (SSL 3.0), RFC 2246, 4346 and 5246 (TLS 1.0 to 1.2), RFC 6066 (server name).

use crate::probe::{Probe, TlsVersion};
use crate::record::HelloAnswer;

/// Suites that servers of SSL 3.0 to TLS 1.2 know: AES, 3DES and RC4 with RSA, DHE and ECDHE key
/// exchange, so that a refusal is about the version and not about the suites.
const SUITES: [u16; 26] = [
    0xc02f, 0xc030, 0xc02b, 0xc02c, 0x009c, 0x009d, 0xc013, 0xc014, 0xc009, 0xc00a, 0x0033, 0x0039, 0x0032,
    0x0038, 0x002f, 0x0035, 0x003c, 0x000a, 0x0016, 0xc012, 0xc008, 0x0005, 0x0004, 0xc011, 0xc007,
    // Signals that renegotiation is secured (RFC 5746).
    0x00ff,
];
/// The first of [`SUITES`] that TLS before 1.2 may use.
const BEFORE_TLS12: usize = 6;

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const SERVER_HELLO: u8 = 2;
/// Longest record body that may be sent (RFC 5246, section 6.2.3).
const LONGEST_RECORD: usize = (1 << 14) + 2048;

/// The alert that says that the version is not accepted.
pub(crate) const PROTOCOL_VERSION: u8 = 70;

fn with_length_16(bytes: &[u8]) -> Vec<u8> {
    let mut framed = (bytes.len() as u16).to_be_bytes().to_vec();
    framed.extend_from_slice(bytes);
    framed
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(with_length_16(body));
    bytes
}

/// The greeting, one record. It offers `version` as the highest (TLS 1.3 cannot be offered so, and
/// is sent as 1.2).
pub(crate) fn client_hello(version: TlsVersion, name: Option<&str>) -> Vec<u8> {
    let version = version.min(TlsVersion::Tls12);
    let suites: &[u16] = if version < TlsVersion::Tls12 { &SUITES[BEFORE_TLS12..] } else { &SUITES };
    let mut body = version.wire().to_be_bytes().to_vec();
    body.extend(Probe::nonce(version, name));
    body.push(0); // no session to resume
    body.extend(with_length_16(&suites.iter().flat_map(|suite| suite.to_be_bytes()).collect::<Vec<u8>>()));
    body.extend([1, 0]); // no compression
    if version > TlsVersion::Ssl3 {
        let mut extensions = Vec::new();
        if let Some(name) = name.filter(|name| name.is_ascii() && name.len() < 256) {
            let mut entry = vec![0];
            entry.extend(with_length_16(name.as_bytes()));
            extensions.extend(extension(0, &with_length_16(&entry)));
        }
        // Groups x25519, secp256r1, secp384r1, secp521r1; points uncompressed.
        extensions.extend(extension(10, &[0, 8, 0, 29, 0, 23, 0, 24, 0, 25]));
        extensions.extend(extension(11, &[1, 0]));
        // Below 1.2 this extension has no meaning and is ignored, but some servers look for it before
        // they look at the version, and would refuse for the wrong reason.
        let schemes = [4, 3, 5, 3, 6, 3, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1, 2, 3, 2, 1];
        extensions.extend(extension(13, &with_length_16(&schemes)));
        body.extend(with_length_16(&extensions));
    }
    let mut handshake = vec![1, 0];
    handshake.extend(with_length_16(&body));
    // Servers expect the lowest version on the first record, whatever is offered inside.
    let record_version = version.min(TlsVersion::Tls10).wire();
    let mut record = vec![HANDSHAKE];
    record.extend(record_version.to_be_bytes());
    record.extend(with_length_16(&handshake));
    record
}

/// Reads the first answer from what has come so far. `None` while more is needed.
pub(crate) fn answer(bytes: &[u8]) -> Option<HelloAnswer> {
    let mut handshake = Vec::new();
    let mut rest = bytes;
    loop {
        let first = *rest.first()?;
        if !matches!(first, HANDSHAKE | ALERT) || rest.get(1).is_some_and(|major| *major != 3) {
            return Some(HelloAnswer::NotTls);
        }
        let [_, _, _, high, low, body @ ..] = rest else { return None };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length == 0 || length > LONGEST_RECORD {
            return Some(HelloAnswer::NotTls);
        }
        if first == ALERT {
            // An alert before any agreement is not encrypted: two bytes.
            return match (length, body) {
                (2, [_, description, ..]) => Some(HelloAnswer::Alert { description: *description }),
                (2, _) => None,
                _ => Some(HelloAnswer::NotTls),
            };
        }
        handshake.extend_from_slice(&body[..length.min(body.len())]);
        match handshake[..] {
            [kind, ..] if kind != SERVER_HELLO => return Some(HelloAnswer::NotTls),
            [_, _, _, _, major, minor, ..] => {
                let wire = u16::from_be_bytes([major, minor]);
                // After version and random: session id, then the suite.
                let session = usize::from(*handshake.get(38)?);
                if session > 32 {
                    return Some(HelloAnswer::NotTls);
                }
                let suite = handshake.get(39 + session..41 + session)?;
                let suite = u16::from_be_bytes([suite[0], suite[1]]);
                return Some(match TlsVersion::from_wire(wire) {
                    Some(version) => HelloAnswer::ServerHello { version, suite },
                    None => HelloAnswer::NotTls,
                });
            }
            _ => {}
        }
        rest = body.get(length..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_hello(wire: u16) -> Vec<u8> {
        let mut body = wire.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend([0xc0, 0x13, 0]);
        let mut handshake = vec![2, 0];
        handshake.extend(with_length_16(&body));
        handshake
    }

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut record = vec![kind, 3, 1];
        record.extend(with_length_16(body));
        record
    }

    #[test]
    fn answers_are_read_from_any_cut() {
        let hello = server_hello(0x0301);
        let whole = record(22, &hello);
        let expected = HelloAnswer::ServerHello { version: TlsVersion::Tls10, suite: 0xc013 };
        assert_eq!(answer(&whole), Some(expected.clone()));
        // Split over two records.
        let split = [record(22, &hello[..3]), record(22, &hello[3..])].concat();
        assert_eq!(answer(&split), Some(expected));
        for end in 0..41 {
            assert_eq!(answer(&whole[..end]), None, "{end}");
        }
        assert_eq!(answer(&record(21, &[2, 70])), Some(HelloAnswer::Alert { description: 70 }));
        for foreign in [
            &b"HTTP/1.1 400 Bad Request"[..],
            b"220 mail ESMTP",
            &[22, 9],
            &[22, 3, 1, 0, 0],
            &[21, 3, 1, 0, 9],
        ] {
            assert_eq!(answer(foreign), Some(HelloAnswer::NotTls), "{foreign:?}");
        }
        assert_eq!(answer(&record(22, &server_hello(0x0399))), Some(HelloAnswer::NotTls));
    }

    #[test]
    fn answers_never_panic() {
        // Every single-byte change of a valid answer, and every cut of it.
        let whole = record(22, &server_hello(0x0302));
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut bytes = whole.clone();
                bytes[at] = value;
                for end in [at + 1, whole.len()] {
                    let _ = answer(&bytes[..end]);
                }
            }
        }
    }

    #[test]
    fn lengths_of_the_greeting_agree() {
        for version in TlsVersion::ALL {
            for name in [None, Some("shop.example.com")] {
                let hello = client_hello(version, name);
                assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
                assert_eq!(usize::from(u16::from_be_bytes([hello[7], hello[8]])), hello.len() - 9);
            }
        }
        assert_eq!(client_hello(TlsVersion::Tls10, None), client_hello(TlsVersion::Tls10, None));
    }
}
