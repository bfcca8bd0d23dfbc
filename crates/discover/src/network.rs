//! What network scanners have in common: how they name hosts, and what an open port says.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bartizan_model::{
    AssetKind, Attributes, Identifier, Observation, RelationKind, RelationObservation, Scheme, Subject,
};

use crate::Context;

/// An address as an identifier. A private one means something only within its zone, so the zone
/// that the context names becomes part of it.
pub(crate) fn address(context: &Context, address: &str) -> Identifier {
    let address = address.trim().trim_start_matches('[').trim_end_matches(']');
    // A link-local address may carry the scanner's own interface: fe80::1%eth0.
    let address = address.split('%').next().unwrap_or_default();
    match (&context.zone, address.parse::<IpAddr>()) {
        (Some(zone), Ok(parsed)) if is_private(parsed) => {
            Identifier::new(Scheme::Ip, format!("{zone}/{address}"))
        }
        _ => Identifier::new(Scheme::Ip, address),
    }
}

/// A host's name as an identifier: with a dot it is an FQDN, without one a bare hostname. `None`
/// for the names that every host gives itself, and for what is no name.
pub(crate) fn name(text: &str) -> Option<Identifier> {
    let name = text.trim().trim_end_matches('.');
    let well_formed = !name.is_empty()
        && name.len() <= 253
        && !name.contains(|c: char| c.is_whitespace() || "/:@".contains(c));
    let is_own_loop = name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().starts_with("localhost.")
        || name.eq_ignore_ascii_case("ip6-localhost");
    if !well_formed || is_own_loop {
        return None;
    }
    let scheme = if name.contains('.') { Scheme::Fqdn } else { Scheme::Hostname };
    Some(Identifier::new(scheme, name))
}

/// A host as a URL or a target list names it: an address or a name.
pub(crate) fn address_or_name(context: &Context, text: &str) -> Option<Identifier> {
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
    if bare.split('%').next().is_some_and(|bare| bare.parse::<IpAddr>().is_ok()) {
        return Some(address(context, bare));
    }
    name(bare)
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            // 100.64.0.0/10 is shared address space (RFC 6598).
            let [first, second, ..] = address.octets();
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address == Ipv4Addr::UNSPECIFIED
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// Says that a port answered the scanner where it stood. `None` when nobody said where it stood.
pub(crate) fn reaches(
    context: &Context,
    host: &Arc<Subject>,
    protocol: &str,
    port: u16,
) -> Option<Observation> {
    let viewpoint = context.viewpoint.as_deref()?;
    let kind = if viewpoint == "internet" { AssetKind::Internet } else { AssetKind::NetworkZone };
    Some(Observation::Relation(RelationObservation {
        kind: RelationKind::REACHES,
        from: Arc::new(Subject::new(kind, [Identifier::new(Scheme::Name, viewpoint)])),
        to: Arc::clone(host),
        attributes: Attributes::from([
            ("protocol".to_owned(), protocol.to_ascii_lowercase().into()),
            ("port".to_owned(), port.into()),
        ]),
    }))
}

/// Takes the credentials out of every URL in a text: `https://user:token@host` → `https://…@host`.
pub(crate) fn without_url_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        clean.push_str(head);
        let authority = tail
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>'))
            .unwrap_or(tail.len());
        match tail[..authority].rfind('@') {
            Some(end) => {
                clean.push('…');
                rest = &tail[end..];
            }
            None => rest = tail,
        }
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_addresses_belong_to_a_zone() {
        let context = Context { zone: Some("hq".to_owned()), ..Context::default() };
        for (text, expected) in [
            ("10.0.0.1", "hq/10.0.0.1"),
            ("192.0.2.1", "192.0.2.1"),
            ("[fe80::1%eth0]", "hq/fe80::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(address(&context, text).value(), expected);
        }
        assert_eq!(address(&Context::default(), "10.0.0.1").value(), "10.0.0.1");
    }

    #[test]
    fn names_that_name_nothing_are_dropped() {
        assert_eq!(name("localhost.localdomain"), None);
        assert_eq!(name("a b"), None);
        assert_eq!(name("shop.example."), Some(Identifier::new(Scheme::Fqdn, "shop.example")));
        assert_eq!(name("SHOP"), Some(Identifier::new(Scheme::Hostname, "shop")));
    }

    #[test]
    fn credentials_in_urls_are_masked() {
        assert_eq!(
            without_url_credentials("remote https://bob:t0ken@git.example.com/a.git and http://b.example/@c"),
            "remote https://…@git.example.com/a.git and http://b.example/@c"
        );
    }
}
