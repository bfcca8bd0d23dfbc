//! Rows of ports: what one says, and which of the scanned ports answered.

use bartizan_intake::xml::Element;
use bartizan_model::Attributes;

use super::scripts::{Script, split_cpe};

/// Inclusive ranges of ports, sorted and apart.
pub(super) type Ranges = Vec<(u16, u16)>;

/// A `<port>` row.
pub(super) struct Port<'e> {
    pub(super) protocol: &'e str,
    pub(super) number: u16,
    pub(super) state: &'e str,
    service: Option<&'e Element>,
}

impl<'e> Port<'e> {
    pub(super) fn read(row: &'e Element) -> Option<Self> {
        let number = row.attribute("portid")?.parse().ok()?;
        Some(Self {
            protocol: row.attribute("protocol").unwrap_or("tcp"),
            number,
            state: row.child("state").and_then(|state| state.attribute("state")).unwrap_or("unknown"),
            service: row.child("service"),
        })
    }

    fn service_attribute(&self, key: &str) -> Option<&'e str> {
        self.service?.attribute(key).filter(|value| !value.is_empty())
    }

    fn is_tls(&self) -> bool {
        const NAMES: &[&str] = &[
            "https",
            "https-alt",
            "imaps",
            "pop3s",
            "smtps",
            "ldaps",
            "ftps",
            "ircs",
            "telnets",
            "ms-wbt-server",
        ];
        self.service_attribute("tunnel") == Some("ssl")
            || self.service_attribute("name").is_some_and(|name| NAMES.contains(&name))
    }

    /// True when the script's rule for ports is known to have taken this open port.
    pub(super) fn was_tried_by(&self, script: &Script) -> bool {
        let name = self.service_attribute("name").unwrap_or_default();
        let was_probed = self.service_attribute("method") == Some("probed")
            && !matches!(name, "tcpwrapped" | "unknown" | "");
        was_probed || if script.services.is_empty() { self.is_tls() } else { script.services.contains(&name) }
    }

    fn cpes(&self) -> Vec<&'e str> {
        self.service
            .into_iter()
            .flat_map(|service| service.children("cpe"))
            .map(|cpe| cpe.text.trim())
            .collect()
    }

    /// What runs on the port: its CPE without version, else the product's name.
    pub(super) fn component(&self) -> Option<(String, Option<String>)> {
        let version = self.service_attribute("version").map(str::to_owned);
        match self.cpes().iter().find(|cpe| cpe.starts_with("cpe:/a")) {
            Some(cpe) => {
                let (component, of_cpe) = split_cpe(cpe);
                Some((component, version.or(of_cpe)))
            }
            None => self.service_attribute("product").map(|product| (product.to_owned(), version)),
        }
    }

    pub(super) fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        for (key, from) in [
            ("service", "name"),
            ("product", "product"),
            ("version", "version"),
            ("extra", "extrainfo"),
            ("detected_by", "method"),
        ] {
            attributes.extend(self.service_attribute(from).map(|value| (key.to_owned(), value.into())));
        }
        if let Some(cpe) = self.cpes().first() {
            attributes.insert("cpe".to_owned(), (*cpe).into());
        }
        if self.service_attribute("tunnel") == Some("ssl") {
            attributes.insert("tls".to_owned(), true.into());
        }
        attributes
    }

    /// `http: nginx 1.22.1`.
    pub(super) fn describe(&self) -> String {
        let name = self.service_attribute("name").unwrap_or("unknown service");
        let product: Vec<&str> =
            ["product", "version"].iter().filter_map(|key| self.service_attribute(key)).collect();
        if product.is_empty() { name.to_owned() } else { format!("{name}: {}", product.join(" ")) }
    }
}

/// The scanned ports of a protocol that answered.
pub(super) fn answered(scanned: &Ranges, protocol: &str, rows: &[&Element], ports: &[Port<'_>]) -> Ranges {
    let mut silent: Ranges = ports
        .iter()
        .filter(|port| port.protocol == protocol && !matches!(port.state, "open" | "closed"))
        .map(|port| (port.number, port.number))
        .collect();
    let mut is_complete = true;
    for extra in
        rows.iter().filter(|row| row.name == "extraports" && row.attribute("state") != Some("closed"))
    {
        let mut listed = 0;
        for reasons in extra.children("extrareasons") {
            let Some(list) = reasons.attribute("ports") else { continue };
            listed += reasons.attribute("count").and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
            if reasons.attribute("proto").is_none_or(|of| of == protocol) {
                silent.extend(ranges(list));
            }
        }
        let count = extra.attribute("count").and_then(|count| count.parse::<u64>().ok()).unwrap_or(u64::MAX);
        is_complete &= listed >= count;
    }
    if is_complete {
        return subtract(scanned, &normalised(silent));
    }
    // Which ports were silent is not said: only those that are named with a state are known.
    let named = ports
        .iter()
        .filter(|port| port.protocol == protocol && matches!(port.state, "open" | "closed"))
        .map(|port| (port.number, port.number));
    normalised(named.collect())
}

/// `22,80-90` → ranges.
pub(super) fn ranges(list: &str) -> Ranges {
    let parsed = list.split(',').filter_map(|part| {
        let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        Some((first.parse().ok()?, last.parse().ok()?))
    });
    normalised(parsed.collect())
}

fn normalised(mut ranges: Ranges) -> Ranges {
    ranges.sort_unstable();
    let mut joined: Ranges = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(previous) if first <= previous.1.saturating_add(1) => previous.1 = previous.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// What is in `whole` and not in `holes`; both sorted and apart.
pub(super) fn subtract(whole: &Ranges, holes: &Ranges) -> Ranges {
    let mut left = Vec::new();
    let mut holes = holes.iter().peekable();
    for &(first, last) in whole {
        let mut start = u32::from(first);
        while let Some(&&(from, to)) = holes.peek() {
            if from > last {
                break;
            }
            if u32::from(from) > start {
                left.push((start as u16, from - 1));
            }
            start = start.max(u32::from(to) + 1);
            // A hole may reach into the next range.
            if to > last {
                break;
            }
            holes.next();
        }
        if start <= u32::from(last) {
            left.push((start as u16, last));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::{ranges, subtract};

    #[test]
    fn ranges_are_subtracted() {
        for (whole, holes, left) in [
            ("1-10", "3,5-6", "1-2,4,7-10"),
            ("1-10,20-30", "8-22", "1-7,23-30"),
            ("22,80,443", "80", "22,443"),
            ("0-65535", "0-65535", ""),
            ("5", "1-4,6-9", "5"),
            ("1-3,4-5", "", "1-5"),
        ] {
            assert_eq!(subtract(&ranges(whole), &ranges(holes)), ranges(left), "{whole} - {holes}");
        }
    }
}
