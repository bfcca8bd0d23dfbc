//! What an authorised window names as a target, and whether a target of a probe is covered by it.

use std::fmt;
use std::net::IpAddr;

use bartizan_model::{Identifier, Scheme};
use ipnet::IpNet;
use serde::{Serialize, Serializer};

/// `10.1.0.0/16`, `10.1.2.3`, `shop.example.com`, `*.example.com`, each with `:443` or `:8000-8100`
/// behind it where only some ports are meant (`[fd00::1]:443` for IPv6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPattern {
    host: HostPattern,
    ports: Option<(u16, u16)>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Network(IpNet),
    Name(String),
    /// Every name below this one.
    Below(String),
}

/// Where a probe would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

impl TargetPattern {
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a network, an address or a host name (such as 10.1.0.0/16, 10.1.2.3:443 or *.example.com)"
            )
        };
        let text = text.trim();
        if text.contains("://") {
            return Err(format!("{text:?} is a URL; name the host and, where it matters, the port"));
        }
        let (host, ports) = split_port(text).ok_or_else(wrong)?;
        let ports = match ports {
            None => None,
            Some(ports) => Some(parse_ports(ports).ok_or_else(wrong)?),
        };
        let host = if let Ok(network) = host.parse::<IpNet>() {
            HostPattern::Network(network.trunc())
        } else if let Ok(address) = host.parse::<IpAddr>() {
            HostPattern::Network(IpNet::from(address.to_canonical()))
        } else if let Some(name) = host.strip_prefix("*.") {
            let name = host_name(name).ok_or_else(wrong)?;
            if !name.contains('.') {
                return Err(format!("{text:?} would cover a whole top-level domain"));
            }
            HostPattern::Below(name)
        } else {
            HostPattern::Name(host_name(host).ok_or_else(wrong)?)
        };
        Ok(Self { host, ports, text: text.to_owned() })
    }

    /// True when the pattern names the target's host, whatever the port.
    pub(crate) fn covers_host(&self, target: &Target) -> bool {
        match (&self.host, &target.host) {
            (HostPattern::Network(network), Host::Address(address)) => network.contains(address),
            (HostPattern::Name(name), Host::Name(host)) => name == host,
            (HostPattern::Below(name), Host::Name(host)) => {
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            _ => false,
        }
    }

    /// True when one of the asset's addresses or names is covered, whatever the port.
    pub(crate) fn names(&self, identifiers: &[Identifier]) -> bool {
        identifiers
            .iter()
            .filter(|identifier| matches!(identifier.scheme(), Scheme::Ip | Scheme::Fqdn | Scheme::Hostname))
            .filter_map(|identifier| Target::parse(identifier.value().rsplit('/').next()?))
            .any(|target| self.covers_host(&target))
    }

    pub(crate) fn covers(&self, target: &Target) -> bool {
        // A window for some ports does not cover a target of which no port is known.
        self.covers_host(target)
            && self
                .ports
                .is_none_or(|(first, last)| target.port.is_some_and(|port| (first..=last).contains(&port)))
    }
}

impl fmt::Display for TargetPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Serialize for TargetPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl Target {
    /// Reads a URL, `host:port`, `[v6]:port`, a host name or an address. Credentials, paths and
    /// queries of URLs do not matter here.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) =
            text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        // Backslashes are read as slashes by some clients and not by others: refuse what is ambiguous.
        if rest.contains(['\\', '\t', '\n', '\r', ' ']) {
            return None;
        }
        let rest = match scheme {
            Some(_) => {
                let authority = rest.split(['/', '?', '#']).next()?;
                authority.rsplit_once('@').map_or(authority, |(_, host)| host)
            }
            None => rest,
        };
        let (host, port) = split_port(rest)?;
        let port = match (port, scheme) {
            (Some(port), _) => Some(port.parse().ok()?),
            (None, Some(scheme)) => match scheme.to_ascii_lowercase().as_str() {
                "http" => Some(80),
                "https" => Some(443),
                _ => None,
            },
            (None, None) => None,
        };
        let host = match host.parse::<IpAddr>() {
            Ok(address) => Host::Address(address.to_canonical()),
            Err(_) => Host::Name(host_name(host)?),
        };
        Some(Self { host, port })
    }

    /// True when the asset itself is known by this address or name.
    pub(crate) fn is_of(&self, identifiers: &[Identifier]) -> bool {
        identifiers.iter().any(|identifier| match (&self.host, identifier.scheme()) {
            (Host::Address(address), Scheme::Ip) => {
                identifier.value().rsplit('/').next().and_then(|value| value.parse::<IpAddr>().ok())
                    == Some(*address)
            }
            (Host::Name(name), Scheme::Fqdn | Scheme::Hostname) => name == identifier.value(),
            _ => false,
        })
    }
}

/// `host:port`, `[v6]:port`, `host`, `v6`, `network/16:port`.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        // `[fd00::]/64` is a network too.
        return match rest {
            "" => Some((host, None)),
            _ => rest.strip_prefix(':').map(|port| (host, Some(port))),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Some((text, None)),
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

fn parse_ports(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first > 0 && first <= last).then_some((first, last))
}

/// A host name in lower case without a final dot, if it is one. What looks like a mistyped address
/// is none.
fn host_name(text: &str) -> Option<String> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let labels_fit = name.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
    });
    let last_is_number =
        name.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    (labels_fit && !last_is_number && name.len() <= 253).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_they_name_and_no_more() {
        for (pattern, covered, not_covered) in [
            (
                "10.1.0.0/16",
                vec!["10.1.2.3", "10.1.2.3:80", "http://10.1.2.3/x", "::ffff:10.1.0.1"],
                vec!["10.2.0.1", "x.example"],
            ),
            (
                "10.1.2.3:443",
                vec!["10.1.2.3:443", "https://10.1.2.3"],
                vec!["10.1.2.3", "10.1.2.3:80", "http://10.1.2.3"],
            ),
            ("10.1.2.3:8000-8100", vec!["10.1.2.3:8050"], vec!["10.1.2.3:8101"]),
            ("fd00::/8", vec!["fd00::1", "[fd00::1]:443", "https://[fd00::1]:8443/"], vec!["fe80::1"]),
            ("[fd00::1]:443", vec!["[fd00::1]:443"], vec!["fd00::1"]),
            (
                "shop.example.com",
                vec!["Shop.Example.com.", "https://user@shop.example.com/a@b"],
                vec!["www.shop.example.com", "10.0.0.1"],
            ),
            (
                "*.example.com",
                vec!["a.example.com", "a.b.example.com:22"],
                vec!["example.com", "badexample.com", "a.example.com.evil.test"],
            ),
        ] {
            let pattern = TargetPattern::parse(pattern).unwrap();
            for target in covered {
                assert!(pattern.covers(&Target::parse(target).unwrap()), "{pattern} {target}");
            }
            for target in not_covered {
                assert!(!pattern.covers(&Target::parse(target).unwrap()), "{pattern} {target}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "*",
            "*.com",
            "10.0.0.0/33",
            "10.0.0",
            "a b",
            "x:0",
            "x:99999",
            "x:5-1",
            "http://x.example",
            "[::1",
        ] {
            assert!(TargetPattern::parse(text).is_err(), "{text}");
        }
        for text in
            ["", "http://", "a b", "10.0.0.256", "https://good.example\\@evil.example/", "x.example:99999"]
        {
            assert!(Target::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_asset_is_known_by_its_own_names() {
        let identifiers =
            [Identifier::new(Scheme::Ip, "dmz/10.1.2.3"), Identifier::new(Scheme::Fqdn, "shop.example.com")];
        assert!(Target::parse("10.1.2.3:80").unwrap().is_of(&identifiers));
        assert!(Target::parse("https://SHOP.example.com/x").unwrap().is_of(&identifiers));
        assert!(!Target::parse("10.1.2.4").unwrap().is_of(&identifiers));
    }
}
