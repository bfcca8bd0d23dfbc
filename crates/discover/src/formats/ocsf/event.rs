//! The fields of OCSF finding events that are read, over versions 1.0 to 1.6.
//! Source: the Open Cybersecurity Schema Framework, <https://schema.ocsf.io>, category Findings.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::lenient;

/// An event of any class; the classes share most fields.
#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) class_uid: Option<u64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) class_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) activity_id: Option<i64>,
    /// Milliseconds, seconds or text: tools differ.
    pub(super) time: Option<Value>,
    pub(super) time_dt: Option<Value>,
    pub(super) event_time: Option<Value>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) severity: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) severity_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) status_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) status_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) status_detail: Option<String>,
    /// Life of the finding in the old class Security Finding, where `status` is the outcome.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) state: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) message: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) risk_details: Option<String>,
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(alias = "finding", default)]
    pub(super) finding_info: FindingInfo,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) resources: Option<Vec<Resource>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) resource: Option<Resource>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) device: Option<Device>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) cloud: Option<Cloud>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) compliance: Option<Compliance>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) vulnerabilities: Option<Vec<Vulnerability>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) remediation: Option<Remediation>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) unmapped: Option<Unmapped>,
}

#[derive(Default, Deserialize)]
pub(super) struct Metadata {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) event_code: Option<String>,
    #[serde(default)]
    pub(super) product: Product,
}

#[derive(Default, Deserialize)]
pub(super) struct Product {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) vendor_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) version: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) feature: Option<Named>,
}

#[derive(Default, Deserialize)]
pub(super) struct Named {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) uid: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct FindingInfo {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) uid: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) title: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) desc: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) src_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    pub(super) types: Vec<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) analytic: Option<Named>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) attacks: Option<Vec<Attack>>,
    /// Where version 1.0 kept it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) remediation: Option<Remediation>,
}

#[derive(Deserialize)]
pub(super) struct Attack {
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) technique: Option<Named>,
}

#[derive(Deserialize)]
pub(super) struct Resource {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) uid: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) region: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) namespace: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) group: Option<Named>,
    /// `key:value` texts.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) labels: Option<Vec<Value>>,
    /// `{name, value}` objects.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
pub(super) struct Tag {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    pub(super) value: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Device {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) uid: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) instance_uid: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) hostname: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) ip: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) mac: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Cloud {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) provider: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) region: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) account: Option<Named>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) account_uid: Option<String>,
    /// Version 1.0 has the project beside the account.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) project_uid: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Compliance {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) control: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) status_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) status_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) status_detail: Option<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    pub(super) standards: Vec<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    pub(super) requirements: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Remediation {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) desc: Option<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    pub(super) references: Vec<String>,
    /// Links in version 1.0, objects with a title later.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) kb_articles: Option<Vec<Value>>,
}

#[derive(Deserialize)]
pub(super) struct Vulnerability {
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) cve: Option<Cve>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) advisory: Option<Named>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) title: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) desc: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) severity: Option<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    pub(super) references: Vec<String>,
    #[serde(alias = "packages", default, deserialize_with = "lenient::optional")]
    pub(super) affected_packages: Option<Vec<Package>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) affected_code: Option<Vec<AffectedCode>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) cwe: Option<Named>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) remediation: Option<Remediation>,
}

#[derive(Deserialize)]
pub(super) struct Cve {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) uid: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) title: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) desc: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) cvss: Option<Vec<Cvss>>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) cwe_uid: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) cwe: Option<Named>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) related_cwes: Option<Vec<Named>>,
}

#[derive(Deserialize)]
pub(super) struct Cvss {
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) base_score: Option<f64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) vector_string: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) vector: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Package {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) version: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) purl: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) package_manager: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) fixed_in_version: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) path: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) remediation: Option<Remediation>,
}

#[derive(Deserialize)]
pub(super) struct AffectedCode {
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) file: Option<File>,
}

#[derive(Deserialize)]
pub(super) struct File {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) path: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
}

/// What Prowler adds.
#[derive(Default, Deserialize)]
pub(super) struct Unmapped {
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) compliance: Option<BTreeMap<String, Value>>,
    #[serde(default, deserialize_with = "lenient::strings")]
    pub(super) categories: Vec<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) provider: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) provider_uid: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) related_url: Option<String>,
}
