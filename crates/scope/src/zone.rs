//! Network zones as the scope names them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

/// The zone that needs no definition: whatever lies outside.
pub const INTERNET: &str = "internet";

/// A part of the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Zone {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is. Private networks of different sites may overlap; within one they may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cidrs: Vec<IpNet>,
    /// The zones into which connections can be opened from this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<Reach>,
}

/// A zone that can be reached from another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reach {
    /// The name of a zone, or [`INTERNET`].
    pub zone: String,
    /// TCP and UDP ports; empty is every port.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ports: BTreeSet<u16>,
}

/// The zone with the most specific network that holds the address. Where networks of several sites
/// hold it, the address alone does not say which is meant: `None`.
pub(crate) fn of_address(zones: &[Zone], address: IpAddr) -> Option<&Zone> {
    let address = address.to_canonical();
    let mut best: Option<(u8, &Zone)> = None;
    let mut site: Option<Option<&str>> = None;
    for zone in zones {
        for network in zone.cidrs.iter().filter(|network| network.contains(&address)) {
            if *site.get_or_insert(zone.site.as_deref()) != zone.site.as_deref() {
                return None;
            }
            if best.is_none_or(|(length, _)| network.prefix_len() > length) {
                best = Some((network.prefix_len(), zone));
            }
        }
    }
    best.map(|(_, zone)| zone)
}

/// The zone of an `ip` identifier, which may itself name the zone: `dmz/10.0.0.1`.
pub(crate) fn of_identifier<'z>(zones: &'z [Zone], value: &str) -> Option<&'z Zone> {
    if let Some((name, _)) = value.rsplit_once('/') {
        return zones.iter().find(|zone| zone.name == name);
    }
    of_address(zones, value.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str, cidr: &str) -> Zone {
        Zone {
            name: name.to_owned(),
            description: None,
            site: None,
            cidrs: vec![cidr.parse().unwrap()],
            reaches: vec![],
        }
    }

    #[test]
    fn the_most_specific_network_wins() {
        let zones = [zone("site", "10.0.0.0/8"), zone("dmz", "10.1.0.0/16"), zone("six", "fd00::/8")];
        let name = |value: &str| of_identifier(&zones, value).map(|zone| zone.name.as_str());
        assert_eq!(name("10.1.2.3"), Some("dmz"));
        assert_eq!(name("10.2.2.3"), Some("site"));
        assert_eq!(name("fd00::1"), Some("six"));
        assert_eq!(name("192.0.2.1"), None);
        assert_eq!(name("site/10.1.2.3"), Some("site"));
        assert_eq!(name("elsewhere/10.1.2.3"), None);
        let north = Zone { site: Some("north".to_owned()), ..zone("north", "10.1.2.0/24") };
        let zones = [zones.as_slice(), &[north]].concat();
        let name = |value: &str| of_identifier(&zones, value).map(|zone| zone.name.as_str());
        assert_eq!((name("10.1.2.3"), name("10.1.3.3")), (None, Some("dmz")));
        assert_eq!(name("north/10.1.2.3"), Some("north"));
    }
}
