//! What is validated: an exposure with what is known of where it can be met, as plain data.

use std::collections::BTreeSet;
use std::net::IpAddr;

use bartizan_model::estate::{Estate, ExposureIndex};
use bartizan_model::{Digest, Place, Scheme, WeaknessKey};
use serde::{Deserialize, Serialize};

use crate::probe::{Host, Target};

/// Ports that speak TLS by custom, where no report says what they speak.
const TLS_PORTS: [u16; 6] = [443, 4443, 8443, 9443, 636, 993];

/// An exposure and what the estate knows of the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationSubject {
    pub exposure: Digest,
    pub weakness: WeaknessKey,
    pub title: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<u32>,
    pub asset: Digest,
    pub asset_name: String,
    pub place: Place,
    /// Fully qualified names of the asset, sorted.
    pub names: Vec<String>,
    /// Sorted.
    pub addresses: Vec<ZonedAddress>,
    /// Ports on which the asset was seen to answer, sorted.
    pub services: Vec<ServiceFact>,
}

/// An address, and the zone in which it means the asset where a report names one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ZonedAddress {
    pub address: IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// A port on which the asset was seen to answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceFact {
    pub protocol: String,
    pub port: u16,
    /// `http`, `ssh`… where a report names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
}

impl ValidationSubject {
    /// Takes an exposure out of the estate. Bare host names are left out: what they mean depends on
    /// where they are looked up.
    pub fn of(estate: &Estate, index: ExposureIndex) -> Self {
        let exposure = estate.exposure(index);
        let asset = estate.asset(exposure.asset);
        let weakness = estate.weakness(exposure.weakness);
        let mut names: Vec<String> = asset.identifiers_of(Scheme::Fqdn).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        let mut addresses: Vec<ZonedAddress> =
            asset.identifiers_of(Scheme::Ip).filter_map(ZonedAddress::parse).collect();
        addresses.sort_unstable();
        addresses.dedup();
        // An address of which one report names the zone and another does not is the one in the zone.
        let zoned: BTreeSet<IpAddr> = addresses
            .iter()
            .filter(|address| address.zone.is_some())
            .map(|address| address.address)
            .collect();
        addresses.retain(|address| address.zone.is_some() || !zoned.contains(&address.address));
        let mut services: Vec<ServiceFact> = estate
            .services
            .iter()
            .filter(|service| service.host == exposure.asset)
            .map(|service| ServiceFact {
                protocol: service.protocol.to_ascii_lowercase(),
                port: service.port,
                name: service.attributes.get("service").and_then(|name| name.as_str()).map(str::to_owned),
                tls: service.attributes.get("tls").and_then(serde_json::Value::as_bool),
            })
            .collect();
        services.sort_unstable();
        services.dedup();
        Self {
            exposure: exposure.key,
            weakness: weakness.key.clone(),
            title: weakness.title.clone(),
            cwes: weakness.cwes.clone(),
            asset: asset.key,
            asset_name: asset.name.clone(),
            place: exposure.place.clone(),
            names,
            addresses,
            services,
        }
    }

    /// TCP ports on which the exposure can be met: its place's, else all that answered.
    pub(crate) fn ports(&self) -> Vec<u16> {
        match &self.place {
            Place::Port { protocol, port } if protocol == "tcp" => vec![*port],
            Place::Web { port, .. } => vec![*port],
            Place::Whole => {
                let mut ports: Vec<u16> = self
                    .services
                    .iter()
                    .filter(|service| service.protocol == "tcp")
                    .map(|service| service.port)
                    .collect();
                ports.dedup();
                ports
            }
            _ => Vec::new(),
        }
    }

    /// Whether a port speaks TLS from the first byte: as a report says, else by custom.
    pub(crate) fn speaks_tls(&self, port: u16) -> bool {
        let fact = self.services.iter().find(|service| service.protocol == "tcp" && service.port == port);
        match fact {
            Some(ServiceFact { tls: Some(tls), .. }) => *tls,
            Some(ServiceFact { name: Some(name), .. })
                if matches!(name.as_str(), "https" | "ssl" | "tls") =>
            {
                true
            }
            _ => TLS_PORTS.contains(&port),
        }
    }

    /// Targets for protocols in which no name is sent: each address, or each name without any.
    pub(crate) fn bare_targets(&self, port: u16) -> Vec<Target> {
        if self.addresses.is_empty() {
            return self.names.iter().map(|name| Target::named(name, port)).collect();
        }
        self.addresses.iter().map(|address| Target::at(address, port, None)).collect()
    }

    /// Targets for protocols in which the server chooses its answer by a name: each address with
    /// each name and with none, because a report rarely says which name its scanner sent. Names are
    /// looked up only where no address is known.
    pub(crate) fn named_targets(&self, port: u16) -> Vec<Target> {
        if self.addresses.is_empty() {
            return self.bare_targets(port);
        }
        let names = || self.names.iter().map(|name| Some(name.as_str())).chain([None]);
        self.addresses
            .iter()
            .flat_map(|address| names().map(move |name| Target::at(address, port, name)))
            .collect()
    }
}

impl ZonedAddress {
    /// Reads `address` or `zone/address`.
    fn parse(text: &str) -> Option<Self> {
        let (zone, address) = match text.rsplit_once('/') {
            Some((zone, address)) => (Some(zone.to_owned()), address),
            None => (None, text),
        };
        Some(Self { address: address.parse::<IpAddr>().ok()?.to_canonical(), zone })
    }
}

impl Target {
    fn named(name: &str, port: u16) -> Self {
        Self { host: Host::Name(name.to_owned()), port, name: None, zone: None }
    }

    fn at(address: &ZonedAddress, port: u16, name: Option<&str>) -> Self {
        Self {
            host: Host::Address(address.address),
            port,
            name: name.map(str::to_owned),
            zone: address.zone.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bartizan_model::estate::{Asset, AssetIndex, Exposure, Service, WeaknessIndex};
    use bartizan_model::{AssetKind, Attributes, Identifier, Severity, State, Timestamp, Weakness};

    use super::*;

    #[test]
    fn a_subject_is_what_the_estate_knows() {
        let asset = |key: &[u8], identifiers: &[(Scheme, &str)]| Asset {
            key: Digest::of(key),
            kind: AssetKind::Host,
            name: "shop".to_owned(),
            identifiers: identifiers.iter().map(|(scheme, value)| Identifier::new(*scheme, value)).collect(),
            attributes: Attributes::new(),
            first_seen: Timestamp::UNIX_EPOCH,
            last_seen: Timestamp::UNIX_EPOCH,
            assessed_at: None,
            witnesses: Vec::new(),
        };
        let service = |host, protocol: &str, port, tls: Option<bool>| Service {
            host: AssetIndex(host),
            protocol: protocol.to_owned(),
            port,
            attributes: tls.map(|tls| ("tls".to_owned(), tls.into())).into_iter().collect(),
            witnesses: Vec::new(),
        };
        let identifiers = [
            (Scheme::Fqdn, "Shop.Example.com"),
            (Scheme::Hostname, "shop"),
            (Scheme::Ip, "dmz/10.1.2.3"),
            (Scheme::Ip, "10.1.2.3"),
            (Scheme::Ip, "not an address"),
            (Scheme::Ip, "198.51.100.10"),
        ];
        let estate = Estate {
            assets: vec![asset(b"a", &identifiers), asset(b"b", &[])],
            services: vec![
                service(0, "tcp", 8080, None),
                service(0, "tcp", 9000, Some(true)),
                service(0, "udp", 53, None),
                service(1, "tcp", 22, None),
            ],
            weaknesses: vec![Weakness::new(WeaknessKey::vulnerability("CVE-2026-0001"), "RCE")],
            exposures: vec![Exposure {
                key: Digest::of(b"e"),
                asset: AssetIndex(0),
                weakness: WeaknessIndex(0),
                place: Place::Whole,
                state: State::Open,
                severity: Severity::High,
                first_seen: Timestamp::UNIX_EPOCH,
                last_seen: Timestamp::UNIX_EPOCH,
                witnesses: Vec::new(),
            }],
            ..Estate::default()
        };
        let subject = ValidationSubject::of(&estate, ExposureIndex(0));
        assert_eq!(subject.names, ["shop.example.com"]);
        let zoned = |text: &str, zone: Option<&str>| ZonedAddress {
            address: text.parse().unwrap(),
            zone: zone.map(str::to_owned),
        };
        assert_eq!(subject.addresses, [zoned("10.1.2.3", Some("dmz")), zoned("198.51.100.10", None)]);
        assert_eq!(subject.ports(), [8080, 9000]);
        assert!(subject.speaks_tls(9000) && !subject.speaks_tls(8080) && subject.speaks_tls(443));
        assert_eq!(subject.bare_targets(80).len(), 2);
        assert_eq!(subject.named_targets(80).len(), 4);
    }
}
