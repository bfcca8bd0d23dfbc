//! Facts about networks that stand in attributes: what security groups let in, which addresses are public.
//!
//! A group's rules become gates (a range of ports that it lets in), so that the edges of the graph stay
//! linear: sources lead to gates, and gates to the hosts that the group protects.

use std::net::IpAddr;

use bartizan_model::Scheme;
use bartizan_model::estate::Asset;
use ipnet::IpNet;
use serde_json::Value;

/// One permission of a security group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Permission {
    /// `tcp`, `udp`, …, or `any`.
    pub(super) protocol: String,
    pub(super) first: u16,
    pub(super) last: u16,
    /// Address ranges as written.
    pub(super) networks: Vec<String>,
    /// Ids of groups whose members are let in.
    pub(super) groups: Vec<String>,
}

/// Reads the attribute `aws.ingress`: a list of permissions as the EC2 API writes them (`IpProtocol`,
/// `FromPort`, `ToPort`, `IpRanges`, `Ipv6Ranges`, `UserIdGroupPairs`), or with the short names
/// `protocol`, `from_port`, `to_port`, `cidrs`, `groups`. No ports stand for all of them. The list may
/// also be JSON in a text. What
/// cannot be read is left out: it is no proof of access.
pub(super) fn permissions(ingress: &Value) -> Vec<Permission> {
    let parsed;
    let list = match ingress {
        Value::Array(list) => list,
        Value::String(text) => {
            parsed = serde_json::from_str::<Value>(text).unwrap_or_default();
            match &parsed {
                Value::Array(list) => list,
                _ => return Vec::new(),
            }
        }
        _ => return Vec::new(),
    };
    list.iter().filter_map(permission).collect()
}

fn permission(value: &Value) -> Option<Permission> {
    let field = |names: [&str; 2]| names.iter().find_map(|name| value.get(*name));
    let protocol = match field(["IpProtocol", "protocol"])? {
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "-1" | "all" | "any" => "any".to_owned(),
            "6" => "tcp".to_owned(),
            "17" => "udp".to_owned(),
            other => other.to_owned(),
        },
        Value::Number(number) => match number.as_i64() {
            Some(-1) => "any".to_owned(),
            Some(6) => "tcp".to_owned(),
            Some(17) => "udp".to_owned(),
            _ => return None,
        },
        _ => return None,
    };
    // An access list has numbered entries that also refuse: it is no list of permissions.
    if value.get("action").is_some() {
        return None;
    }
    let ports = [field(["FromPort", "from_port"]), field(["ToPort", "to_port"])];
    let is_absent = |port: Option<&Value>| port.is_none_or(Value::is_null);
    let (first, last) = if protocol == "any" || ports.into_iter().all(is_absent) {
        (0, u16::MAX)
    } else {
        let number = |port: Option<&Value>| u16::try_from(port?.as_i64()?).ok();
        (number(ports[0])?, number(ports[1])?)
    };
    let texts = |names: [&str; 2], inner: &str| -> Vec<String> {
        let items = field(names).and_then(Value::as_array);
        let text = |item: &Value| item.as_str().or_else(|| item.get(inner)?.as_str()).map(str::to_owned);
        items.into_iter().flatten().filter_map(text).collect()
    };
    let mut networks = texts(["IpRanges", "cidrs"], "CidrIp");
    networks.extend(texts(["Ipv6Ranges", "ipv6_cidrs"], "CidrIpv6"));
    networks.sort_unstable();
    networks.dedup();
    let mut groups = texts(["UserIdGroupPairs", "groups"], "GroupId");
    groups.sort_unstable();
    groups.dedup();
    Some(Permission { protocol, first, last, networks, groups })
}

/// Ports that a security group lets in from everywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    /// `tcp`, `udp`, …, or `any`.
    pub protocol: String,
    pub first: u16,
    pub last: u16,
}

impl Opening {
    /// Whether a port is one of these.
    pub fn holds(&self, protocol: &str, port: u16) -> bool {
        (self.protocol == "any" || self.protocol == protocol) && (self.first..=self.last).contains(&port)
    }
}

/// What a security group lets in from everywhere, by its attribute `aws.ingress`; nothing for what is none.
pub fn openings(group: &Asset) -> Vec<Opening> {
    let Some(ingress) = group.attribute("aws.ingress") else { return Vec::new() };
    let open = permissions(ingress)
        .into_iter()
        .filter(|permission| permission.networks.iter().any(|network| is_everywhere(network)));
    open.map(|Permission { protocol, first, last, .. }| Opening { protocol, first, last }).collect()
}

/// Whether an address range is everybody.
pub(super) fn is_everywhere(network: &str) -> bool {
    network.parse::<IpNet>().is_ok_and(|network| network.prefix_len() == 0)
}

/// Whether `outer` holds all of `inner`; false when one of them is no address range.
pub(super) fn holds(outer: &str, inner: &str) -> bool {
    match (outer.parse::<IpNet>(), inner.parse::<IpNet>()) {
        (Ok(IpNet::V4(outer)), Ok(IpNet::V4(inner))) => outer.contains(&inner),
        (Ok(IpNet::V6(outer)), Ok(IpNet::V6(inner))) => outer.contains(&inner),
        _ => false,
    }
}

/// Whether an asset has an address that is routed on the internet: one of its `ip` identifiers without a
/// zone, or the attribute `public_ip`. Ranges for documentation count as public.
pub fn is_public(asset: &Asset) -> bool {
    let stated = ["public_ip", "aws.public_ip"]
        .iter()
        .filter_map(|name| asset.attribute(name))
        .filter_map(Value::as_str);
    let mut addresses = asset.identifiers_of(Scheme::Ip).filter(|text| !text.contains('/')).chain(stated);
    addresses.any(|text| text.parse::<IpAddr>().is_ok_and(is_routed))
}

fn is_routed(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            // 100.64.0.0/10 is shared address space (RFC 6598).
            let [first, second, ..] = address.octets();
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_broadcast()
                || (first == 100 && (64..128).contains(&second)))
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_read_in_both_spellings() {
        let long = serde_json::json!([{
            "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
            "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            "UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": "1"}]
        }]);
        let short = serde_json::json!([{
            "protocol": "tcp", "from_port": 443, "to_port": 443, "cidrs": ["::/0", "0.0.0.0/0"], "groups": ["sg-1"]
        }]);
        assert_eq!(permissions(&long), permissions(&short));
        assert_eq!(permissions(&Value::String(long.to_string())), permissions(&long));
        let all = permissions(
            &serde_json::json!([{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-2"}]}]),
        );
        assert_eq!((all[0].protocol.as_str(), all[0].first, all[0].last), ("any", 0, 65535));
    }

    #[test]
    fn what_cannot_be_read_lets_nobody_in() {
        for value in [
            serde_json::json!("nonsense"),
            serde_json::json!([{"action": "allow", "protocol": "any", "cidr": "0.0.0.0/0"}]),
            serde_json::json!([{"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}]),
            serde_json::json!([{"IpProtocol": "tcp", "FromPort": -1, "ToPort": 70000}]),
            serde_json::json!(3),
        ] {
            assert_eq!(permissions(&value), [], "{value}");
        }
    }

    #[test]
    fn ranges() {
        assert!(is_everywhere("0.0.0.0/0") && is_everywhere("::/0") && !is_everywhere("10.0.0.0/8"));
        assert!(holds("10.0.0.0/8", "10.40.1.0/24") && !holds("10.40.1.0/24", "10.0.0.0/8"));
        assert!(!holds("10.0.0.0/8", "fd00::/8") && !holds("x", "10.0.0.0/8"));
        assert!(is_routed("198.51.100.10".parse().unwrap()) && !is_routed("100.64.0.1".parse().unwrap()));
    }
}
