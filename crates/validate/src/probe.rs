//! What a check sends: to which target, by which method, and what it looks for in the answer.
//!
//! A probe is plain data. Making one opens no socket and resolves no name, so that the list of
//! probes is the dry run.

use std::fmt;
use std::net::IpAddr;

use bartizan_model::Digester;
use bartizan_model::check::Method;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::hello;

/// What is dialled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    Address(IpAddr),
    /// Resolved once, when the probe is sent.
    Name(String),
}

/// Where a probe goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    pub host: Host,
    pub port: u16,
    /// The name that is sent as TLS server name and HTTP host; without one, none and the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The network zone in which the address means the asset, where reports name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl Target {
    /// The value of the HTTP host field for a scheme's default port.
    pub(crate) fn authority(&self, default_port: u16) -> String {
        let host = match (&self.name, &self.host) {
            (Some(name), _) | (None, Host::Name(name)) => name.clone(),
            (None, Host::Address(IpAddr::V6(address))) => format!("[{address}]"),
            (None, Host::Address(address)) => address.to_string(),
        };
        if self.port == default_port { host } else { format!("{host}:{}", self.port) }
    }

    /// Why the target cannot be put into a request; `None` when it can. Names come from reports, and a
    /// name that is none could carry a second request.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.port == 0 {
            return Some("port 0 is no port".to_owned());
        }
        let dialled = match &self.host {
            Host::Name(name) => Some(name),
            Host::Address(_) => None,
        };
        dialled
            .into_iter()
            .chain(&self.name)
            .find(|name| !is_host_name(name))
            .map(|name| format!("{name:?} is not a host name"))
    }

    /// The name for TLS: never an address.
    pub(crate) fn server_name(&self) -> Option<&str> {
        match (&self.name, &self.host) {
            (Some(name), _) | (None, Host::Name(name)) => Some(name),
            (None, Host::Address(_)) => None,
        }
    }
}

/// `10.1.2.3:443 as shop.example.com`.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]:{}", self.port)?,
            Host::Address(address) => write!(formatter, "{address}:{}", self.port)?,
            Host::Name(name) => write!(formatter, "{name}:{}", self.port)?,
        }
        self.name.as_ref().map_or(Ok(()), |name| write!(formatter, " as {name}"))
    }
}

/// Versions of TLS that a greeting can offer as its highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TlsVersion {
    #[serde(rename = "SSL 3.0")]
    Ssl3,
    #[serde(rename = "TLS 1.0")]
    Tls10,
    #[serde(rename = "TLS 1.1")]
    Tls11,
    #[serde(rename = "TLS 1.2")]
    Tls12,
    #[serde(rename = "TLS 1.3")]
    Tls13,
}

impl TlsVersion {
    pub const ALL: [Self; 5] = [Self::Ssl3, Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13];

    /// The number on the wire.
    pub const fn wire(self) -> u16 {
        match self {
            Self::Ssl3 => 0x0300,
            Self::Tls10 => 0x0301,
            Self::Tls11 => 0x0302,
            Self::Tls12 => 0x0303,
            Self::Tls13 => 0x0304,
        }
    }

    pub fn from_wire(wire: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.wire() == wire)
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ssl3 => "SSL 3.0",
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// What in the first bytes of an HTTP answer shows that the file looked for is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    StartsWith(String),
    Contains(String),
    /// The whole text is one commit id: 40 or 64 hexadecimal digits.
    CommitId,
    /// At least two lines, and every line that is neither empty nor a comment is `NAME=value`.
    Assignments,
}

impl Mark {
    /// Whether the text bears the mark. A text may be cut: its last line is then not counted.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        match self {
            Self::StartsWith(head) => text.starts_with(head.as_str()),
            Self::Contains(part) => text.contains(part.as_str()),
            Self::CommitId => {
                let text = text.trim();
                matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
            }
            Self::Assignments => {
                let whole = text.rfind('\n').map_or("", |end| &text[..end]);
                let lines: Vec<&str> = whole
                    .lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty() && !line.starts_with('#'))
                    .collect();
                lines.len() >= 2
                    && lines.iter().all(|line| {
                        let line = line.strip_prefix("export ").unwrap_or(line);
                        line.split_once('=').is_some_and(|(name, _)| is_variable(name))
                    })
            }
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartsWith(head) => write!(formatter, "a text that starts with {head:?}"),
            Self::Contains(part) => write!(formatter, "a text with {part:?}"),
            Self::CommitId => formatter.write_str("a commit id"),
            Self::Assignments => formatter.write_str("lines of NAME=value"),
        }
    }
}

/// Labels of letters, digits, hyphens and underscores.
fn is_host_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        })
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What is done once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Opens a connection, sends nothing, closes it.
    Connect,
    /// Sends one greeting that offers a version as the highest and reads the first answer. The
    /// handshake is never completed.
    TlsHello { version: TlsVersion },
    /// Completes a handshake (TLS 1.2 or 1.3), looks at the certificate, closes.
    TlsHandshake,
    /// One GET without parameters, body, cookies or credentials.
    HttpGet {
        tls: bool,
        path: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        looks_for: Vec<Mark>,
    },
}

impl Action {
    pub const fn method(&self) -> Method {
        match self {
            Self::Connect => Method::Tcp,
            Self::TlsHello { .. } | Self::TlsHandshake => Method::Tls,
            Self::HttpGet { .. } => Method::Http,
        }
    }
}

/// Why a probe is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Its answer speaks for or against the weakness.
    Check,
    /// Its answer shows how the target treats a request that has nothing to do with the weakness.
    Control,
}

/// One thing that is sent to one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    pub target: Target,
    pub action: Action,
    pub role: Role,
}

impl Probe {
    pub const fn method(&self) -> Method {
        self.action.method()
    }

    /// The bytes that go out, where they are known before the answer; hexadecimal for TLS.
    pub fn sends(&self) -> String {
        match &self.action {
            Action::Connect => "nothing: a connection is opened and closed".to_owned(),
            Action::TlsHello { version } => format!(
                "a ClientHello of {version}: {}",
                HEXLOWER.encode(&hello::client_hello(*version, self.target.server_name()))
            ),
            Action::TlsHandshake => match self.target.server_name() {
                Some(name) => format!("a TLS 1.2 or 1.3 handshake for {name}, then close"),
                None => "a TLS 1.2 or 1.3 handshake without server name, then close".to_owned(),
            },
            Action::HttpGet { tls, path, .. } => {
                let request = crate::http::request(&self.target, *tls, path);
                if *tls { format!("inside TLS: {request}") } else { request }
            }
        }
    }

    /// A number of 32 bytes that is the same for the same greeting, so that a probe can be repeated.
    pub(crate) fn nonce(version: TlsVersion, name: Option<&str>) -> [u8; 32] {
        let half = |side: &str| {
            Digester::new("tls-greeting")
                .field(side)
                .field(version.to_string())
                .field(name.unwrap_or_default())
                .finish()
        };
        let mut nonce = [0; 32];
        nonce[..16].copy_from_slice(half("first").as_bytes());
        nonce[16..].copy_from_slice(half("second").as_bytes());
        nonce
    }
}
