//! The place of an exposure on its asset: the third part of its key.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Digest, Digester};

/// Where on the asset the weakness sits. CVE-like weaknesses have no place: one exposure per asset
/// and vulnerability, whose [parts](crate::Part) say where it was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The asset as a whole.
    Whole,
    /// A port of a host; protocol in lower case.
    Port { protocol: String, port: u16 },
    /// A place in source text that survives edits elsewhere: path in the repository and a
    /// fingerprint of what was flagged. Never the bare line number.
    Code { path: String, fingerprint: Digest },
    /// A resource and setting inside the asset (`aws_s3_bucket.exports`, `listener/443`).
    Setting(String),
    /// A web resource: method, URL template without values, and the parameter if one is at fault.
    Web { port: u16, method: String, url: String, parameter: Option<String> },
    /// A secret, by its fingerprint.
    Secret(Digest),
}

impl Place {
    pub fn port(protocol: impl AsRef<str>, port: u16) -> Self {
        Self::Port { protocol: protocol.as_ref().to_ascii_lowercase(), port }
    }

    /// A place in code. `snippet` is the flagged text where the report has it: its white space is
    /// folded, so that re-indenting is not a new exposure. Without it, `context` (a rule's own
    /// fingerprint, or the enclosing symbol) must tell two findings of one file apart.
    pub fn code(path: &str, snippet: Option<&str>, context: &str) -> Self {
        let mut digester = Digester::new("code");
        match snippet.map(str::trim).filter(|snippet| !snippet.is_empty()) {
            Some(snippet) => {
                for word in snippet.split_whitespace() {
                    digester.push(word.as_bytes());
                }
            }
            None => digester.push(context.as_bytes()),
        }
        Self::Code { path: clean_path(path), fingerprint: digester.finish() }
    }

    /// A web resource from a full URL: the query's values are dropped, its names kept.
    pub fn web(method: &str, port: u16, path_and_query: &str, parameter: Option<&str>) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let path = path.split('#').next().unwrap_or_default();
        let mut names: Vec<&str> = query
            .split('#')
            .next()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split('=').next())
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut url = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
        if !names.is_empty() {
            url.push('?');
            url.push_str(&names.join("&"));
        }
        Self::Web {
            port,
            method: method.to_ascii_uppercase(),
            url,
            parameter: parameter.filter(|parameter| !parameter.is_empty()).map(str::to_owned),
        }
    }

    /// The port on which an attacker meets this place, if it has one.
    pub fn port_number(&self) -> Option<u16> {
        match self {
            Self::Port { port, .. } | Self::Web { port, .. } => Some(*port),
            _ => None,
        }
    }
}

/// Paths in reports come with `./`, with `file://`, and with either slash.
pub(crate) fn clean_path(path: &str) -> String {
    let path = path.strip_prefix("file://").unwrap_or(path).replace('\\', "/");
    let mut rest = path.as_str();
    while let Some(shorter) = rest.strip_prefix("./") {
        rest = shorter;
    }
    rest.to_owned()
}

/// The text under which a place is stored and compared.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Port { protocol, port } => write!(formatter, "{protocol}/{port}"),
            Self::Code { path, fingerprint } => write!(formatter, "code:{path}#{fingerprint}"),
            Self::Setting(setting) => write!(formatter, "setting:{setting}"),
            Self::Web { port, method, url, parameter } => {
                write!(formatter, "web:{port} {method} {url}")?;
                parameter.as_ref().map_or(Ok(()), |parameter| write!(formatter, " [{parameter}]"))
            }
            Self::Secret(fingerprint) => write!(formatter, "secret:{fingerprint}"),
        }
    }
}

impl Place {
    /// Reads the text that [`fmt::Display`] writes. `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Whole);
        }
        if let Some(rest) = text.strip_prefix("code:") {
            let (path, fingerprint) = rest.rsplit_once('#')?;
            return Some(Self::Code { path: path.to_owned(), fingerprint: fingerprint.parse().ok()? });
        }
        if let Some(setting) = text.strip_prefix("setting:") {
            return Some(Self::Setting(setting.to_owned()));
        }
        if let Some(fingerprint) = text.strip_prefix("secret:") {
            return fingerprint.parse().ok().map(Self::Secret);
        }
        if let Some(rest) = text.strip_prefix("web:") {
            let mut words = rest.splitn(3, ' ');
            let (port, method, url) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
            let (url, parameter) = match url.strip_suffix(']').and_then(|url| url.rsplit_once(" [")) {
                Some((url, parameter)) => (url, Some(parameter.to_owned())),
                None => (url, None),
            };
            return Some(Self::Web { port, method: method.to_owned(), url: url.to_owned(), parameter });
        }
        let (protocol, port) = text.split_once('/')?;
        Some(Self::port(protocol, port.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        for place in [
            Place::Whole,
            Place::port("TCP", 443),
            Place::code("./src\\app.py", Some("x  = 1"), ""),
            Place::Setting("aws_s3_bucket.exports".to_owned()),
            Place::web("get", 443, "/search?q=1&a=2#top", Some("q")),
            Place::Secret(Digest::of(b"s")),
        ] {
            assert_eq!(Place::parse(&place.to_string()), Some(place));
        }
    }

    #[test]
    fn reindenting_is_the_same_place() {
        assert_eq!(
            Place::code("a.py", Some("x = 1"), "9"),
            Place::code("./a.py", Some("    x  =  1\n"), "10")
        );
        assert_ne!(Place::code("a.py", None, "f"), Place::code("a.py", None, "g"));
    }
}
