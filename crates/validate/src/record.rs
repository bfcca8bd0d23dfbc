//! What was dialled and what came back: the evidence of a check, which can be judged again later.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bartizan_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hello::PROTOCOL_VERSION;
use crate::probe::{Mark, Probe, TlsVersion};

/// One attempt to send one probe to one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub probe: Probe,
    /// When the attempt began.
    pub at: Timestamp,
    pub milliseconds: u64,
    /// What the name had for an answer, where one was resolved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<IpAddr>,
    /// The address that was dialled. `None`: nothing was dialled.
    pub dialled: Option<SocketAddr>,
    /// The window that allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub seen: Seen,
}

/// What an attempt showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Seen {
    /// The guard did not send it.
    Refused {
        reason: String,
    },
    /// The name has no address now.
    Unresolved {
        reason: String,
    },
    /// The address answered that nothing listens on the port.
    Closed,
    /// No answer to the attempt to connect, or one on the way that it is not possible.
    Filtered {
        reason: String,
    },
    /// The connection was opened.
    Connected,
    /// The connection was opened, and then what was asked was not answered in full.
    Broken {
        reason: String,
    },
    /// First answer to a greeting by hand.
    Hello {
        answer: HelloAnswer,
    },
    Handshake {
        handshake: Handshake,
    },
    Http {
        response: HttpResponse,
    },
}

impl Seen {
    /// True when the address answered on the port, whatever it said.
    pub const fn is_connected(&self) -> bool {
        matches!(
            self,
            Self::Connected
                | Self::Broken { .. }
                | Self::Hello { .. }
                | Self::Handshake { .. }
                | Self::Http { .. }
        )
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { reason } => write!(formatter, "not sent: {reason}"),
            Self::Unresolved { reason } => write!(formatter, "not sent: the name was not resolved: {reason}"),
            Self::Closed => formatter.write_str("the port is closed"),
            Self::Filtered { reason } => write!(formatter, "no connection: {reason}"),
            Self::Connected => formatter.write_str("the port is open"),
            Self::Broken { reason } => write!(formatter, "connected, but {reason}"),
            Self::Hello { answer } => answer.fmt(formatter),
            Self::Handshake { handshake } => write!(formatter, "a handshake in {}", handshake.version),
            Self::Http { response } => write!(formatter, "HTTP status {}", response.status),
        }
    }
}

/// First answer to a TLS greeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HelloAnswer {
    /// The server goes on with this version and cipher suite (IANA number).
    ServerHello {
        version: TlsVersion,
        suite: u16,
    },
    /// The server refuses (number of RFC 8446, appendix B.2).
    Alert {
        description: u8,
    },
    NotTls,
}

impl fmt::Display for HelloAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerHello { version, suite } => {
                write!(formatter, "the server goes on with {version} and suite 0x{suite:04x}")
            }
            Self::Alert { description: PROTOCOL_VERSION } => {
                formatter.write_str("the server refuses the protocol version (alert 70)")
            }
            Self::Alert { description } => {
                write!(formatter, "the server ends the handshake (alert {description})")
            }
            Self::NotTls => formatter.write_str("the answer is not TLS"),
        }
    }
}

/// A completed handshake. Nothing in it was trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshake {
    pub version: TlsVersion,
    pub suite: String,
    /// The server's own certificate; `None` when it sent none that can be read.
    pub certificate: Option<Certificate>,
    /// Certificates sent, its own included.
    pub chain_length: usize,
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    /// Issuer and subject are the same.
    pub is_self_issued: bool,
    /// DNS names and addresses, sorted.
    pub names: Vec<String>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// Dotted object identifier of the signature algorithm.
    pub signature_algorithm: String,
    /// Length of an RSA key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rsa_bits: Option<u32>,
    pub serial: String,
    /// Of the certificate's DER form.
    pub digest: bartizan_model::Digest,
}

/// An answer to one request. Redirects are reported here and not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    pub status: u16,
    /// Of the fields that say something about the server and hold no secrets.
    pub fields: BTreeMap<String, String>,
    /// The marks looked for that the first bytes of the body bear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// Start of the body, masked, at most 1,024 characters.
    pub excerpt: String,
    /// False when the body is longer than what was read.
    pub complete: bool,
}
