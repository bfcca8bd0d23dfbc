//! The fields of OCSF finding events that are read, over versions 1.0 to 1.6.
//! Source: the Open Cybersecurity Schema Framework, <https://schema.ocsf.io>, category Findings.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// An event of any class; the classes share most fields.
#[derive(Deserialize)]
pub(super) struct Event {
    pub(super) class_uid: Option<u64>,
    pub(super) class_name: Option<String>,
    pub(super) activity_id: Option<i64>,
    /// Milliseconds, seconds or text: tools differ.
    pub(super) time: Option<Value>,
    pub(super) time_dt: Option<Value>,
    pub(super) event_time: Option<Value>,
    pub(super) severity: Option<String>,
    pub(super) severity_id: Option<i64>,
    pub(super) status: Option<String>,
    pub(super) status_id: Option<i64>,
    pub(super) status_code: Option<String>,
    pub(super) status_detail: Option<String>,
    /// Life of the finding in the old class Security Finding, where `status` is the outcome.
    pub(super) state: Option<String>,
    pub(super) message: Option<String>,
    pub(super) risk_details: Option<String>,
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(alias = "finding", default)]
    pub(super) finding_info: FindingInfo,
    #[serde(default)]
    pub(super) resources: Option<Vec<Resource>>,
    pub(super) resource: Option<Resource>,
    pub(super) device: Option<Device>,
    #[serde(default)]
    pub(super) cloud: Option<Cloud>,
    pub(super) compliance: Option<Compliance>,
    #[serde(default)]
    pub(super) vulnerabilities: Option<Vec<Vulnerability>>,
    pub(super) remediation: Option<Remediation>,
    #[serde(default)]
    pub(super) unmapped: Option<Unmapped>,
}

#[derive(Default, Deserialize)]
pub(super) struct Metadata {
    pub(super) event_code: Option<String>,
    #[serde(default)]
    pub(super) product: Product,
}

#[derive(Default, Deserialize)]
pub(super) struct Product {
    pub(super) name: Option<String>,
    pub(super) vendor_name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) feature: Option<Named>,
}

#[derive(Default, Deserialize)]
pub(super) struct Named {
    pub(super) uid: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct FindingInfo {
    pub(super) uid: Option<String>,
    pub(super) title: Option<String>,
    pub(super) desc: Option<String>,
    pub(super) src_url: Option<String>,
    pub(super) types: Option<Vec<String>>,
    pub(super) analytic: Option<Named>,
    pub(super) attacks: Option<Vec<Attack>>,
    /// Where version 1.0 kept it.
    pub(super) remediation: Option<Remediation>,
}

#[derive(Deserialize)]
pub(super) struct Attack {
    pub(super) technique: Option<Named>,
}

#[derive(Deserialize)]
pub(super) struct Resource {
    pub(super) uid: Option<String>,
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) region: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) group: Option<Named>,
    /// `key:value` texts.
    pub(super) labels: Option<Vec<Value>>,
    /// `{name, value}` objects.
    pub(super) tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
pub(super) struct Tag {
    pub(super) name: Option<String>,
    pub(super) value: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Device {
    pub(super) uid: Option<String>,
    pub(super) instance_uid: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) name: Option<String>,
    pub(super) ip: Option<String>,
    pub(super) mac: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Cloud {
    pub(super) provider: Option<String>,
    pub(super) region: Option<String>,
    pub(super) account: Option<Named>,
    pub(super) account_uid: Option<String>,
    /// Version 1.0 has the project beside the account.
    pub(super) project_uid: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Compliance {
    pub(super) control: Option<String>,
    pub(super) status: Option<String>,
    pub(super) status_code: Option<String>,
    pub(super) status_id: Option<i64>,
    pub(super) status_detail: Option<String>,
    pub(super) standards: Option<Vec<String>>,
    pub(super) requirements: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub(super) struct Remediation {
    pub(super) desc: Option<String>,
    pub(super) references: Option<Vec<String>>,
    /// Links in version 1.0, objects with a title later.
    pub(super) kb_articles: Option<Vec<Value>>,
}

#[derive(Deserialize)]
pub(super) struct Vulnerability {
    pub(super) cve: Option<Cve>,
    pub(super) advisory: Option<Named>,
    pub(super) title: Option<String>,
    pub(super) desc: Option<String>,
    pub(super) severity: Option<String>,
    pub(super) references: Option<Vec<String>>,
    #[serde(alias = "packages")]
    pub(super) affected_packages: Option<Vec<Package>>,
    pub(super) affected_code: Option<Vec<AffectedCode>>,
    pub(super) cwe: Option<Named>,
    pub(super) remediation: Option<Remediation>,
}

#[derive(Deserialize)]
pub(super) struct Cve {
    pub(super) uid: Option<String>,
    pub(super) title: Option<String>,
    pub(super) desc: Option<String>,
    pub(super) cvss: Option<Vec<Cvss>>,
    pub(super) cwe_uid: Option<String>,
    pub(super) cwe: Option<Named>,
    pub(super) related_cwes: Option<Vec<Named>>,
}

#[derive(Deserialize)]
pub(super) struct Cvss {
    pub(super) base_score: Option<f64>,
    pub(super) vector_string: Option<String>,
    pub(super) vector: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) purl: Option<String>,
    pub(super) package_manager: Option<String>,
    pub(super) fixed_in_version: Option<String>,
    pub(super) path: Option<String>,
    pub(super) remediation: Option<Remediation>,
}

#[derive(Deserialize)]
pub(super) struct AffectedCode {
    pub(super) file: Option<File>,
}

#[derive(Deserialize)]
pub(super) struct File {
    pub(super) path: Option<String>,
    pub(super) name: Option<String>,
}

/// What Prowler adds.
#[derive(Default, Deserialize)]
pub(super) struct Unmapped {
    pub(super) compliance: Option<BTreeMap<String, Value>>,
    pub(super) categories: Option<Vec<String>>,
    pub(super) provider: Option<String>,
    pub(super) provider_uid: Option<String>,
    pub(super) related_url: Option<String>,
}
