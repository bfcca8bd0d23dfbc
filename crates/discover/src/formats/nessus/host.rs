//! The host of a Nessus report, from the tags in `<HostProperties>`.

use std::sync::Arc;

use bartizan_intake::xml::Element;
use bartizan_model::{AssetKind, AssetObservation, Attributes, Identifier, Scheme, Subject};
use serde::Deserialize;
use url::Url;

use crate::Context;
use crate::network::{address, address_or_name, name};

/// A host and what its tags say of the scan.
pub(super) struct Host {
    pub(super) subject: Arc<Subject>,
    pub(super) label: String,
    attributes: Attributes,
    /// The scan of it came to its end.
    pub(super) is_finished: bool,
    /// The scanner logged on to it.
    pub(super) is_credentialed: bool,
}

impl Host {
    /// `label` is the name by which the scan's target list knew the host.
    pub(super) fn new(context: &Context, label: &str, properties: Option<&Element>) -> Self {
        let mut host = Self {
            subject: Arc::new(Subject::new(AssetKind::Host, [])),
            label: label.to_owned(),
            attributes: Attributes::new(),
            is_finished: false,
            is_credentialed: false,
        };
        let mut identifiers = Vec::new();
        for tag in properties.into_iter().flat_map(|properties| properties.children("tag")) {
            let Some(key) = tag.attribute("name") else { continue };
            let value = tag.text.trim();
            if !value.is_empty() {
                host.tag(key, value, context, &mut identifiers);
            }
        }
        // The name of the target stands for the host only if nothing else does: it may be an old one.
        if identifiers.is_empty() {
            identifiers.extend(target(context, label));
        }
        host.subject = Arc::new(Subject::new(AssetKind::Host, identifiers));
        host
    }

    fn tag(&mut self, key: &str, value: &str, context: &Context, identifiers: &mut Vec<Identifier>) {
        match key {
            "host-ip" => identifiers.push(address(context, value)),
            "host-fqdn" | "host-rdns" | "hostname" | "netbios-name" => {
                identifiers.extend(target(context, value));
            }
            "host-fqdns" => {
                let names = serde_json::from_str::<Vec<Fqdn>>(value).unwrap_or_default();
                identifiers.extend(names.iter().filter_map(|entry| name(&entry.fqdn)));
            }
            "mac-address" => {
                let addresses = value.split([' ', '\n', ',']).map(str::trim).filter(|mac| mac.len() >= 12);
                identifiers.extend(addresses.map(|mac| Identifier::new(Scheme::Mac, mac)));
            }
            "bios-uuid" => identifiers.push(Identifier::new(Scheme::MachineId, value)),
            "operating-system" => {
                let first = value.lines().next().unwrap_or(value);
                self.attributes.insert("os".to_owned(), first.into());
            }
            "system-type" => {
                self.attributes.insert("system_type".to_owned(), value.into());
            }
            "policy-used" => {
                self.attributes.insert("nessus.policy".to_owned(), value.into());
            }
            "Credentialed_Scan" => {
                self.is_credentialed = value.eq_ignore_ascii_case("true");
                self.attributes.insert("nessus.credentialed".to_owned(), self.is_credentialed.into());
            }
            "HOST_END" | "HOST_END_TIMESTAMP" => self.is_finished = true,
            _ => self.cloud_tag(key, value, identifiers),
        }
    }

    /// Cloud metadata, as `aws-instance-instance-id`, `azure-instance-vm-id`, `gcp-instance-instance-id`.
    fn cloud_tag(&mut self, key: &str, value: &str, identifiers: &mut Vec<Identifier>) {
        let folded: String = key.to_ascii_lowercase().replace(['-', '_'], "");
        let Some(cloud) = ["aws", "azure", "gcp"].into_iter().find(|cloud| folded.starts_with(cloud)) else {
            return;
        };
        if folded.ends_with("instanceid") || folded.ends_with("vmid") {
            identifiers.push(Identifier::new(Scheme::CloudId, value));
        } else if folded.ends_with("accountid")
            || folded.ends_with("subscriptionid")
            || folded.ends_with("projectid")
        {
            self.attributes.insert(format!("{cloud}.account"), value.into());
        } else if folded.ends_with("region") || folded.ends_with("vpcid") || folded.ends_with("subnetid") {
            let name = if folded.ends_with("region") {
                "region"
            } else if folded.ends_with("vpcid") {
                "vpc_id"
            } else {
                "subnet_id"
            };
            self.attributes.insert(format!("{cloud}.{name}"), value.into());
        }
    }

    pub(super) fn observation(&self) -> AssetObservation {
        AssetObservation {
            subject: Arc::clone(&self.subject),
            name: Some(self.label.clone()).filter(|label| !label.is_empty()),
            attributes: self.attributes.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Fqdn {
    #[serde(rename = "FQDN")]
    fqdn: String,
}

/// A target as it was typed: an address, a name, `DOMAIN\NAME`, or the URL of a web application.
pub(super) fn target(context: &Context, text: &str) -> Option<Identifier> {
    if text.contains("://") {
        return address_or_name(context, Url::parse(text).ok()?.host_str()?);
    }
    let text = text.rsplit_once('\\').map_or(text, |(_, name)| name);
    address_or_name(context, text)
}
