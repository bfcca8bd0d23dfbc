//! The objects of CycloneDX 1.2 to 1.7 that are read, as JSON has them. The XML reader fills the
//! same structs. Source: <https://cyclonedx.org/specification/overview/>.

use serde::Deserialize;
use serde_json::Value;

use crate::lenient;

#[derive(Default, Deserialize)]
pub(super) struct Metadata {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) timestamp: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) tools: Option<Tools>,
    pub(super) component: Option<Component>,
}

/// A list before version 1.5, lists of components and services since.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Tools {
    List(Vec<Tool>),
    Components {
        #[serde(default)]
        components: Vec<Tool>,
        #[serde(default)]
        services: Vec<Tool>,
    },
}

#[derive(Default, Deserialize)]
pub(super) struct Tool {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) version: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Component {
    #[serde(rename = "bom-ref", default, deserialize_with = "lenient::text")]
    pub(super) bom_ref: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) group: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) version: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) purl: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) cpe: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) scope: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) hashes: Option<Vec<Hash>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) licenses: Option<Vec<LicenseChoice>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) supplier: Option<Named>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) properties: Option<Vec<Property>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) evidence: Option<Evidence>,
    #[serde(rename = "externalReferences", default, deserialize_with = "lenient::optional")]
    pub(super) external_references: Option<Vec<ExternalReference>>,
    #[serde(default)]
    pub(super) components: Option<Vec<Component>>,
    /// The extension "vulnerability 1.0" of version 1.2, XML only.
    #[serde(skip)]
    pub(super) vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
pub(super) struct Hash {
    pub(super) alg: String,
    pub(super) content: String,
}

#[derive(Deserialize)]
pub(super) struct LicenseChoice {
    pub(super) license: Option<License>,
    pub(super) expression: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct License {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Named {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Property {
    pub(super) name: String,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) value: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Evidence {
    #[serde(default)]
    pub(super) occurrences: Vec<Occurrence>,
}

#[derive(Deserialize)]
pub(super) struct Occurrence {
    pub(super) location: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ExternalReference {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) url: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Service {
    #[serde(rename = "bom-ref", default, deserialize_with = "lenient::text")]
    pub(super) bom_ref: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) group: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) version: Option<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    pub(super) endpoints: Vec<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) authenticated: Option<bool>,
    #[serde(rename = "x-trust-boundary", default, deserialize_with = "lenient::optional")]
    pub(super) crosses_trust_boundary: Option<bool>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) provider: Option<Named>,
    #[serde(default)]
    pub(super) services: Option<Vec<Service>>,
}

#[derive(Default, Deserialize)]
pub(super) struct Vulnerability {
    #[serde(rename = "bom-ref", default, deserialize_with = "lenient::text")]
    pub(super) bom_ref: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) source: Option<Source>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) references: Option<Vec<Reference>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) ratings: Option<Vec<Rating>>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) cwes: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) description: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) detail: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) recommendation: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) workaround: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) advisories: Option<Vec<Advisory>>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) published: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) analysis: Option<Analysis>,
    #[serde(default)]
    pub(super) affects: Option<Vec<Affected>>,
}

#[derive(Default, Deserialize)]
pub(super) struct Source {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Reference {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) id: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Rating {
    pub(super) source: Option<Source>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) score: Option<f64>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) severity: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) method: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) vector: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Advisory {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) url: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Analysis {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) state: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) justification: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) detail: Option<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    pub(super) response: Vec<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Affected {
    #[serde(rename = "ref", default, deserialize_with = "lenient::text")]
    pub(super) reference: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub(super) versions: Option<Vec<AffectedVersion>>,
}

#[derive(Deserialize)]
pub(super) struct AffectedVersion {
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) version: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) range: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) status: Option<String>,
}
