//! Addresses that are never dialled, whatever a scope says: the machine's own services, cloud
//! metadata, and what is not one host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Services that clouds offer to their own machines at routable-looking addresses.
const METADATA_4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200), // Alibaba Cloud
    Ipv4Addr::new(168, 63, 129, 16),   // Azure
    Ipv4Addr::new(192, 0, 0, 192),     // Oracle Cloud
];

/// Why an address is never dialled; `None` when it may be.
pub(crate) fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => forbidden_4(address),
        IpAddr::V6(address) => forbidden_6(address),
    }
}

/// True for the machine's own addresses, which a window must name expressly.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || embedded(address).is_some_and(|inner| inner.is_loopback())
        }
    }
}

/// True for addresses that mean another machine in another network.
pub(crate) fn is_local_to_a_zone(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // Shared address space of carriers (RFC 6598) too.
            address.is_private() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

fn forbidden_4(address: Ipv4Addr) -> Option<&'static str> {
    if address.octets()[0] == 0 {
        Some("it is unspecified")
    } else if address.is_link_local() {
        Some("it is link-local; cloud metadata is served there")
    } else if METADATA_4.contains(&address) {
        Some("a cloud serves its machines' metadata there")
    } else if address.is_multicast() {
        Some("it is multicast")
    } else if address.is_broadcast() {
        Some("it is broadcast")
    } else if address.octets()[0] >= 240 {
        Some("it is reserved")
    } else {
        None
    }
}

fn forbidden_6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    if address.is_unspecified() {
        Some("it is unspecified")
    } else if address.is_unicast_link_local() {
        Some("it is link-local")
    } else if address.is_multicast() {
        Some("it is multicast")
    } else if segments[..2] == [0xfd00, 0x0ec2] || segments[..2] == [0xfd20, 0x00ce] {
        Some("a cloud serves its machines' metadata there")
    } else if address.is_loopback() {
        None
    } else {
        embedded(address).and_then(forbidden_4)
    }
}

/// The IPv4 address to which a gateway would translate: IPv4-compatible, NAT64 (RFC 6052) and 6to4
/// (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    if address.is_loopback() || address.is_unspecified() {
        None
    } else if segments[..6] == [0; 6] || segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        Some(from(segments[6], segments[7]))
    } else if segments[0] == 0x2002 {
        Some(from(segments[1], segments[2]))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_host_of_the_estate_is_never_dialled() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(forbidden(text.parse().unwrap()).is_some(), "{text}");
        }
        for text in
            ["10.0.0.1", "127.0.0.1", "::1", "203.0.113.9", "fd00::1", "2001:db8::1", "64:ff9b::a00:1"]
        {
            assert_eq!(forbidden(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn loopback_in_every_spelling() {
        for text in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1"] {
            assert!(is_loopback(text.parse().unwrap()), "{text}");
        }
        assert!(!is_loopback("128.0.0.1".parse().unwrap()));
        assert!(is_local_to_a_zone("10.1.1.1".parse().unwrap()));
        assert!(!is_local_to_a_zone("198.51.100.1".parse().unwrap()));
    }
}
