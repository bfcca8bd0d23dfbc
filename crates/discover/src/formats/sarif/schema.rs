//! The parts of SARIF that are read, with the names of 2.1.0 and, as aliases, of its drafts.
//! Everything is optional: producers leave out what they like, and write `null` for it too.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A list or map that may be `null`.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Text, as a string (drafts) or an object.
#[derive(Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Message {
    #[default]
    None,
    Plain(String),
    Object(MessageObject),
}

#[derive(Default, Deserialize)]
pub(super) struct MessageObject {
    pub(super) text: Option<String>,
    #[serde(alias = "messageId")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) arguments: Vec<String>,
}

impl Message {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Plain(text) => Some(text.as_str()),
            Self::Object(object) => object.text.as_deref(),
        }
        .map(str::trim)
        .filter(|text| !text.is_empty())
    }
}

#[derive(Default, Deserialize)]
pub(super) struct Tool {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) driver: Component,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) extensions: Vec<Component>,
    /// Drafts of 2.0 have no driver.
    name: Option<String>,
    version: Option<String>,
}

impl Tool {
    pub(super) fn name(&self) -> &str {
        self.driver.name.as_deref().or(self.name.as_deref()).unwrap_or_default()
    }

    pub(super) fn version(&self) -> Option<&str> {
        [&self.driver.semantic_version, &self.driver.version, &self.version]
            .into_iter()
            .find_map(|version| version.as_deref().filter(|version| !version.is_empty()))
    }
}

#[derive(Default, Deserialize)]
pub(super) struct Component {
    name: Option<String>,
    version: Option<String>,
    #[serde(rename = "semanticVersion")]
    semantic_version: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) rules: Vec<Rule>,
}

impl Component {
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

#[derive(Default, Deserialize)]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: Value,
    #[serde(rename = "shortDescription", default)]
    pub(super) short: Message,
    #[serde(rename = "fullDescription", default)]
    pub(super) full: Message,
    #[serde(rename = "messageStrings", alias = "messageTemplates", default, deserialize_with = "or_default")]
    pub(super) messages: BTreeMap<String, Message>,
    #[serde(rename = "helpUri", default)]
    pub(super) help_uri: Value,
    #[serde(
        rename = "defaultConfiguration",
        alias = "configuration",
        default,
        deserialize_with = "or_default"
    )]
    pub(super) configuration: Configuration,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) relationships: Vec<Relationship>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) properties: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
pub(super) struct Configuration {
    #[serde(alias = "defaultLevel")]
    pub(super) level: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Relationship {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) target: Reference,
}

/// A reference to a rule or taxon.
#[derive(Default, Deserialize)]
pub(super) struct Reference {
    pub(super) id: Option<String>,
    pub(super) index: Option<i64>,
    #[serde(rename = "toolComponent", default, deserialize_with = "or_default")]
    pub(super) component: ComponentReference,
}

#[derive(Default, Deserialize)]
pub(super) struct ComponentReference {
    pub(super) name: Option<String>,
    pub(super) index: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Finding {
    #[serde(rename = "ruleId")]
    pub(super) rule_id: Option<String>,
    #[serde(rename = "ruleIndex")]
    pub(super) rule_index: Option<i64>,
    pub(super) rule: Option<Reference>,
    pub(super) kind: Option<String>,
    pub(super) level: Option<String>,
    #[serde(default)]
    pub(super) message: Message,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) locations: Vec<Location>,
    #[serde(rename = "partialFingerprints", default, deserialize_with = "or_default")]
    pub(super) partial_fingerprints: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) fingerprints: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) suppressions: Vec<Suppression>,
    /// Drafts of 2.0.
    #[serde(rename = "suppressionStates", default, deserialize_with = "or_default")]
    pub(super) suppression_states: Vec<String>,
    #[serde(rename = "baselineState")]
    pub(super) baseline: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) fixes: Vec<Fix>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) taxa: Vec<Reference>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) properties: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Suppression {
    pub(super) kind: Option<String>,
    #[serde(alias = "state")]
    pub(super) status: Option<String>,
    pub(super) justification: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Fix {
    #[serde(default)]
    pub(super) description: Message,
}

#[derive(Default, Deserialize)]
pub(super) struct Location {
    #[serde(rename = "physicalLocation", default, deserialize_with = "or_default")]
    pub(super) physical: Physical,
    #[serde(rename = "logicalLocations", default, deserialize_with = "or_default")]
    pub(super) logical: Vec<Logical>,
    /// Drafts of 2.0.
    #[serde(rename = "fullyQualifiedLogicalName")]
    pub(super) logical_name: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Physical {
    #[serde(rename = "artifactLocation", alias = "fileLocation", default, deserialize_with = "or_default")]
    pub(super) artifact: ArtifactLocation,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) region: Region,
    #[serde(rename = "contextRegion", default, deserialize_with = "or_default")]
    pub(super) context: Region,
}

#[derive(Default, Deserialize)]
pub(super) struct ArtifactLocation {
    pub(super) uri: Option<String>,
    #[serde(alias = "fileIndex")]
    pub(super) index: Option<i64>,
}

#[derive(Default, Deserialize)]
pub(super) struct Region {
    #[serde(rename = "startLine")]
    pub(super) line: Option<i64>,
    #[serde(rename = "endLine")]
    pub(super) end_line: Option<i64>,
    #[serde(default)]
    pub(super) snippet: Message,
}

#[derive(Deserialize)]
pub(super) struct Logical {
    #[serde(rename = "fullyQualifiedName")]
    pub(super) full: Option<String>,
    pub(super) name: Option<String>,
    pub(super) index: Option<i64>,
}

impl Logical {
    pub(super) fn name(&self) -> Option<&str> {
        self.full.as_deref().or(self.name.as_deref()).filter(|name| !name.is_empty())
    }
}

#[derive(Deserialize)]
pub(super) struct Artifact {
    #[serde(alias = "fileLocation", default, deserialize_with = "or_default")]
    pub(super) location: ArtifactLocation,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) roles: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Invocation {
    /// `executionSuccessful` in 2.1.0, `toolExecutionSuccessful` in drafts.
    #[serde(rename = "executionSuccessful", alias = "toolExecutionSuccessful")]
    pub(super) successful: Option<bool>,
    #[serde(rename = "startTimeUtc", alias = "startTime")]
    pub(super) start: Option<String>,
    #[serde(rename = "endTimeUtc", alias = "endTime")]
    pub(super) end: Option<String>,
    #[serde(rename = "exitCodeDescription")]
    pub(super) exit: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Provenance {
    #[serde(rename = "repositoryUri", alias = "uri")]
    pub(super) repository: Option<String>,
    #[serde(rename = "revisionId")]
    pub(super) revision: Option<String>,
    pub(super) branch: Option<String>,
}
