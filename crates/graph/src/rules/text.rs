//! How rule files are written: the shapes of the YAML, before anything is checked.

use std::collections::BTreeMap;
use std::fmt;

use bartizan_model::{Attributes, Severity, State};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    pub(super) rules: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleText {
    pub(super) id: String,
    pub(super) step: String,
    pub(super) technique: String,
    pub(super) about: String,
    pub(super) needs: Vec<AtomText>,
    pub(super) gains: String,
    pub(super) likelihood: LikelihoodText,
    /// Where a likelihood that is a number comes from.
    #[serde(default)]
    pub(super) because: String,
    #[serde(default)]
    pub(super) removed_by: Vec<String>,
    pub(super) sentence: String,
    /// A service whose product must have a flaw that nobody knows yet.
    #[serde(default)]
    pub(super) unknown_flaw_of: Option<String>,
    #[serde(default)]
    pub(super) tests: Vec<TestText>,
}

/// One thing that a rule needs: exactly one of the first six fields is given.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AtomText {
    pub(super) holds: Option<String>,
    pub(super) relation: Option<RelationText>,
    pub(super) service: Option<ServiceText>,
    pub(super) exposure: Option<ExposureText>,
    pub(super) asset: Option<AssetText>,
    /// No such relation is known.
    pub(super) without: Option<WithoutText>,
    pub(super) when: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RelationText {
    #[serde(deserialize_with = "one_or_many")]
    pub(super) kind: Vec<String>,
    pub(super) from: String,
    pub(super) to: String,
    #[serde(default, rename = "as")]
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WithoutText {
    #[serde(deserialize_with = "one_or_many")]
    pub(super) kind: Vec<String>,
    #[serde(default)]
    pub(super) from: Option<String>,
    #[serde(default)]
    pub(super) to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceText {
    pub(super) host: String,
    #[serde(rename = "as")]
    pub(super) name: String,
    /// `tcp`, or `relation.attributes.protocol`.
    #[serde(default)]
    pub(super) protocol: Option<String>,
    /// A number, or `relation.attributes.port`.
    #[serde(default)]
    pub(super) port: Option<PortText>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum PortText {
    Number(u16),
    Path(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExposureText {
    pub(super) on: String,
    #[serde(rename = "as")]
    pub(super) name: String,
    /// A bound service: the exposure sits on its port.
    #[serde(default)]
    pub(super) at: Option<String>,
    /// A bound credential: the exposure is that this very secret lies there.
    #[serde(default)]
    pub(super) secret: Option<String>,
    /// Where no such exposure was ever known, the rule holds without it. One that was known and is
    /// closed still stops the rule.
    #[serde(default)]
    pub(super) optional: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssetText {
    #[serde(rename = "as")]
    pub(super) name: String,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) kind: Vec<String>,
}

/// `0.4`, `exposure`, `relation.attributes.likelihood`, or `{of: exposure, times: 0.5, otherwise: 0.2}`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum LikelihoodText {
    Number(f64),
    Of(String),
    Scaled(ScaledText),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScaledText {
    pub(super) of: String,
    #[serde(default = "one")]
    pub(super) times: f64,
    #[serde(default)]
    pub(super) otherwise: Option<f64>,
}

fn one() -> f64 {
    1.0
}

/// A tiny set of facts, and the steps that the rule must derive from it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestText {
    pub(super) name: String,
    pub(super) assets: BTreeMap<String, TestAsset>,
    #[serde(default)]
    pub(super) relations: Vec<TestRelation>,
    #[serde(default)]
    pub(super) services: Vec<TestService>,
    #[serde(default)]
    pub(super) exposures: Vec<TestExposure>,
    #[serde(default)]
    pub(super) entries: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) unknown_flaws: bool,
    /// `premise & premise => conclusion`; none for a negative test.
    pub(super) steps: Vec<String>,
}

/// A kind alone, or a kind and more.
pub(super) struct TestAsset {
    pub(super) kind: String,
    pub(super) ip: Option<String>,
    /// `scheme:value`.
    pub(super) identifiers: Vec<String>,
    pub(super) attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestRelation {
    pub(super) kind: String,
    pub(super) from: String,
    pub(super) to: String,
    #[serde(default)]
    pub(super) attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestService {
    pub(super) host: String,
    pub(super) port: u16,
    #[serde(default = "tcp")]
    pub(super) protocol: String,
    #[serde(default)]
    pub(super) attributes: Attributes,
}

fn tcp() -> String {
    "tcp".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestExposure {
    pub(super) on: String,
    pub(super) weakness: String,
    /// As places are written (`tcp/443`, `setting:x`); absent: the whole asset.
    #[serde(default)]
    pub(super) place: Option<String>,
    /// The credential that lies there.
    #[serde(default)]
    pub(super) secret: Option<String>,
    #[serde(default = "open")]
    pub(super) state: State,
    #[serde(default = "high")]
    pub(super) severity: Severity,
    #[serde(default)]
    pub(super) cvss: Vec<String>,
    #[serde(default)]
    pub(super) cwes: Vec<u32>,
    #[serde(default)]
    pub(super) attributes: Attributes,
}

fn open() -> State {
    State::Open
}

fn high() -> Severity {
    Severity::High
}

/// A text or a list of texts.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Texts;
    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a name or a list of names")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = list.next_element()? {
                texts.push(text);
            }
            Ok(texts)
        }
    }
    deserializer.deserialize_any(Texts)
}

impl<'de> Deserialize<'de> for TestAsset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Asset;
        impl<'de> Visitor<'de> for Asset {
            type Value = TestAsset;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter
                    .write_str("a kind of asset, or a map with `kind`, `ip`, `identifiers`, `attributes`")
            }

            fn visit_str<E: de::Error>(self, kind: &str) -> Result<Self::Value, E> {
                let kind = kind.to_owned();
                Ok(TestAsset { kind, ip: None, identifiers: Vec::new(), attributes: Attributes::new() })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut asset = TestAsset {
                    kind: String::new(),
                    ip: None,
                    identifiers: Vec::new(),
                    attributes: Attributes::new(),
                };
                while let Some(field) = map.next_key::<String>()? {
                    match field.as_str() {
                        "kind" => asset.kind = map.next_value()?,
                        "ip" => asset.ip = Some(map.next_value()?),
                        "identifiers" => asset.identifiers = map.next_value()?,
                        "attributes" => asset.attributes = map.next_value()?,
                        _ => {
                            const KNOWN: &[&str] = &["kind", "ip", "identifiers", "attributes"];
                            return Err(de::Error::unknown_field(&field, KNOWN));
                        }
                    }
                }
                Ok(asset)
            }
        }
        deserializer.deserialize_any(Asset)
    }
}
