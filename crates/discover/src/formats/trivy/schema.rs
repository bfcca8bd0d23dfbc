//! The fields of Trivy's JSON that are read, schema versions 1 and 2.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Trivy writes `null` for empty lists.
pub(super) type List<T> = Option<Vec<T>>;
pub(super) type Text<'a> = Option<Cow<'a, str>>;

/// The text of a field, if it says anything.
pub(super) fn filled<'t>(text: &'t Text<'_>) -> Option<&'t str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Metadata {
    #[serde(rename = "OS")]
    pub(super) os: Option<OperatingSystem>,
    #[serde(rename = "ImageID")]
    pub(super) image_id: Option<String>,
    pub(super) repo_tags: List<String>,
    pub(super) repo_digests: List<String>,
    #[serde(rename = "RepoURL")]
    pub(super) repo_url: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) image_config: Option<ImageConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OperatingSystem {
    pub(super) family: Option<String>,
    pub(super) name: Option<String>,
    #[serde(rename = "EOSL", default)]
    pub(super) end_of_life: bool,
}

#[derive(Deserialize)]
pub(super) struct ImageConfig {
    pub(super) architecture: Option<String>,
    pub(super) created: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Vulnerability<'a> {
    #[serde(rename = "VulnerabilityID", borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(rename = "VendorIDs", borrow, default)]
    pub(super) vendor_ids: List<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) pkg_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) pkg_path: Text<'a>,
    #[serde(borrow, default)]
    pub(super) pkg_identifier: Option<Identifier<'a>>,
    #[serde(borrow, default)]
    pub(super) installed_version: Text<'a>,
    #[serde(borrow, default)]
    pub(super) fixed_version: Text<'a>,
    #[serde(borrow, default)]
    pub(super) status: Text<'a>,
    #[serde(borrow, default)]
    pub(super) layer: Option<Layer<'a>>,
    #[serde(borrow, default)]
    pub(super) severity_source: Text<'a>,
    #[serde(rename = "PrimaryURL", borrow, default)]
    pub(super) primary_url: Text<'a>,
    #[serde(borrow, default)]
    pub(super) title: Text<'a>,
    #[serde(borrow, default)]
    pub(super) description: Text<'a>,
    #[serde(borrow, default)]
    pub(super) severity: Text<'a>,
    #[serde(rename = "CweIDs", borrow, default)]
    pub(super) cwe_ids: List<Cow<'a, str>>,
    #[serde(rename = "CVSS", borrow, default)]
    pub(super) cvss: Option<BTreeMap<Cow<'a, str>, Cvss<'a>>>,
    #[serde(borrow, default)]
    pub(super) references: List<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) published_date: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Identifier<'a> {
    #[serde(rename = "PURL", borrow, default)]
    pub(super) purl: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Layer<'a> {
    #[serde(borrow, default)]
    pub(super) digest: Text<'a>,
    #[serde(rename = "DiffID", borrow, default)]
    pub(super) diff_id: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Cvss<'a> {
    #[serde(borrow, default)]
    pub(super) v2_vector: Text<'a>,
    #[serde(borrow, default)]
    pub(super) v3_vector: Text<'a>,
    #[serde(borrow, default)]
    pub(super) v40_vector: Text<'a>,
    pub(super) v2_score: Option<f64>,
    pub(super) v3_score: Option<f64>,
    pub(super) v40_score: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Misconfiguration<'a> {
    #[serde(rename = "Type", borrow, default)]
    pub(super) kind: Text<'a>,
    #[serde(rename = "ID", borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(rename = "AVDID", borrow, default)]
    pub(super) avd_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) title: Text<'a>,
    #[serde(borrow, default)]
    pub(super) description: Text<'a>,
    #[serde(borrow, default)]
    pub(super) message: Text<'a>,
    #[serde(borrow, default)]
    pub(super) resolution: Text<'a>,
    #[serde(borrow, default)]
    pub(super) severity: Text<'a>,
    #[serde(rename = "PrimaryURL", borrow, default)]
    pub(super) primary_url: Text<'a>,
    #[serde(borrow, default)]
    pub(super) references: List<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) status: Text<'a>,
    #[serde(borrow, default)]
    pub(super) cause_metadata: Option<Cause<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Cause<'a> {
    #[serde(borrow, default)]
    pub(super) resource: Text<'a>,
    #[serde(borrow, default)]
    pub(super) provider: Text<'a>,
    #[serde(borrow, default)]
    pub(super) service: Text<'a>,
    pub(super) start_line: Option<u64>,
    pub(super) end_line: Option<u64>,
    #[serde(borrow, default)]
    pub(super) code: Option<Code<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Code<'a> {
    #[serde(borrow, default)]
    pub(super) lines: List<Line<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Line<'a> {
    #[serde(borrow, default)]
    pub(super) content: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Secret<'a> {
    #[serde(rename = "RuleID", borrow, default)]
    pub(super) rule_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) category: Text<'a>,
    #[serde(borrow, default)]
    pub(super) severity: Text<'a>,
    #[serde(borrow, default)]
    pub(super) title: Text<'a>,
    pub(super) start_line: Option<u64>,
    pub(super) end_line: Option<u64>,
    #[serde(rename = "Match", borrow, default)]
    pub(super) matched: Text<'a>,
    #[serde(borrow, default)]
    pub(super) layer: Option<Layer<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct License<'a> {
    #[serde(borrow, default)]
    pub(super) severity: Text<'a>,
    #[serde(borrow, default)]
    pub(super) category: Text<'a>,
    #[serde(borrow, default)]
    pub(super) pkg_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) file_path: Text<'a>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) text: Text<'a>,
    #[serde(borrow, default)]
    pub(super) link: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Package<'a> {
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) identifier: Option<Identifier<'a>>,
    #[serde(borrow, default)]
    pub(super) version: Text<'a>,
    #[serde(borrow, default)]
    pub(super) release: Text<'a>,
    pub(super) epoch: Option<u64>,
    #[serde(borrow, default)]
    pub(super) arch: Text<'a>,
    #[serde(default)]
    pub(super) licenses: Option<Value>,
    #[serde(borrow, default)]
    pub(super) file_path: Text<'a>,
    #[serde(borrow, default)]
    pub(super) relationship: Text<'a>,
    #[serde(default)]
    pub(super) dev: bool,
}

/// A finding that an ignore file or a VEX statement took out of the list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Modified<'a> {
    #[serde(rename = "Type", borrow, default)]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) status: Text<'a>,
    #[serde(borrow, default)]
    pub(super) statement: Text<'a>,
    #[serde(borrow, default)]
    pub(super) finding: Option<&'a serde_json::value::RawValue>,
}
