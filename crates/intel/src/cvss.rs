//! CVSS vectors, v2.0 to v4.0: parsed and scored by the `cvss` crate, and asked the same questions
//! whatever the version.

use std::fmt;
use std::str::FromStr;

use cvss::Cvss as Parsed;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A valid vector in the spelling of its specification.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vector {
    version: Version,
    text: String,
}

/// Versions of CVSS, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    V2,
    V30,
    V31,
    V40,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackVector {
    Physical,
    Local,
    Adjacent,
    Network,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privileges {
    None,
    /// Also CVSS v2's single authentication.
    Low,
    /// Also CVSS v2's multiple authentication.
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    None,
    /// Also CVSS v2's partial impact.
    Low,
    /// Also CVSS v2's complete impact.
    High,
}

/// Metrics that make a base vector, by version.
const BASE_V2: [&str; 6] = ["AV", "AC", "Au", "C", "I", "A"];
const BASE_V3: [&str; 8] = ["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
const BASE_V4: [&str; 11] = ["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];

impl Vector {
    /// Reads a vector; v2 with or without brackets or a prefix.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > 400 {
            return None;
        }
        let text = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text);
        let text = text.strip_prefix("CVSS:2.0/").or_else(|| text.strip_prefix("CVSS2#")).unwrap_or(text);
        let parsed: Parsed = text.parse().ok()?;
        let version = match parsed {
            Parsed::CvssV20(_) => Version::V2,
            Parsed::CvssV30(_) => Version::V30,
            Parsed::CvssV31(_) => Version::V31,
            Parsed::CvssV40(_) => Version::V40,
            _ => return None,
        };
        let vector = Self { version, text: parsed.to_string() };
        // A vector without its base metrics says nothing that can be scored.
        vector.base_metrics().iter().all(|name| vector.metric(name).is_some()).then_some(vector)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub const fn version(&self) -> Version {
        self.version
    }

    const fn base_metrics(&self) -> &'static [&'static str] {
        match self.version {
            Version::V2 => &BASE_V2,
            Version::V30 | Version::V31 => &BASE_V3,
            Version::V40 => &BASE_V4,
        }
    }

    /// The value of a metric by its abbreviation, such as `AV`.
    pub fn metric(&self, name: &str) -> Option<&str> {
        self.text
            .split('/')
            .find_map(|part| part.split_once(':').filter(|(key, _)| *key == name))
            .map(|(_, it)| it)
    }

    /// The base score, 0 to 10; threat and environment are left out.
    pub fn base_score(&self) -> f64 {
        match self.text.parse() {
            Ok(Parsed::CvssV20(vector)) => vector.score().value(),
            Ok(Parsed::CvssV30(vector) | Parsed::CvssV31(vector)) => vector.base_score().value(),
            Ok(Parsed::CvssV40(_)) => {
                let parts = self.text.split('/').filter(|part| {
                    part.split_once(':').is_some_and(|(key, _)| key == "CVSS" || BASE_V4.contains(&key))
                });
                let base = parts.collect::<Vec<_>>().join("/");
                base.parse::<Parsed>().map_or(0.0, |vector| vector.score())
            }
            _ => 0.0,
        }
    }

    pub fn attack_vector(&self) -> AttackVector {
        match self.metric("AV") {
            Some("N") => AttackVector::Network,
            Some("A") => AttackVector::Adjacent,
            Some("L") => AttackVector::Local,
            _ => AttackVector::Physical,
        }
    }

    pub fn privileges_required(&self) -> Privileges {
        match (self.version, self.metric("PR"), self.metric("Au")) {
            (Version::V2, _, Some("N")) | (_, Some("N"), _) => Privileges::None,
            (Version::V2, _, Some("S")) | (_, Some("L"), _) => Privileges::Low,
            _ => Privileges::High,
        }
    }

    /// Whether another person has to do something. CVSS v2 says that only in words: unknown.
    pub fn user_interaction(&self) -> Option<bool> {
        self.metric("UI").map(|value| value != "N")
    }

    /// Whether conditions beyond the attacker's control must hold.
    pub fn is_complex(&self) -> bool {
        self.metric("AC").is_some_and(|value| value == "H") || self.metric("AT") == Some("P")
    }

    /// CVSS v4's supplemental metric Automatable, where it is stated.
    pub fn automatable(&self) -> Option<bool> {
        match self.metric("AU") {
            Some("Y") => Some(true),
            Some("N") => Some(false),
            _ => None,
        }
    }

    /// Confidentiality, integrity and availability of the vulnerable system, in this order.
    pub fn impact(&self) -> [Impact; 3] {
        let names = if self.version == Version::V40 { ["VC", "VI", "VA"] } else { ["C", "I", "A"] };
        names.map(|name| match self.metric(name) {
            Some("H" | "C") => Impact::High,
            Some("L" | "P") => Impact::Low,
            _ => Impact::None,
        })
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for Vector {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or("is not a CVSS vector")
    }
}

impl Serialize for Vector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores as the specifications' and NVD's calculators give them.
    #[test]
    fn base_scores() {
        for (text, score) in [
            ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0),
            ("(AV:N/AC:L/Au:N/C:P/I:P/A:P)", 7.5),
            ("AV:L/AC:M/Au:S/C:N/I:P/A:N", 1.5),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:L/A:N", 8.2),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H/E:U", 10.0),
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/E:U", 10.0),
        ] {
            let vector = Vector::parse(text).unwrap();
            assert!((vector.base_score() - score).abs() < 1e-9, "{text}: {}", vector.base_score());
            assert_eq!(Vector::parse(vector.as_str()), Some(vector.clone()), "{text}");
        }
    }

    #[test]
    fn the_same_questions_whatever_the_version() {
        let v2 = Vector::parse("AV:A/AC:H/Au:S/C:C/I:P/A:N").unwrap();
        assert_eq!((v2.version(), v2.attack_vector()), (Version::V2, AttackVector::Adjacent));
        assert_eq!(v2.privileges_required(), Privileges::Low);
        assert_eq!((v2.user_interaction(), v2.is_complex()), (None, true));
        assert_eq!(v2.impact(), [Impact::High, Impact::Low, Impact::None]);
        let v3 = Vector::parse("CVSS:3.1/AV:L/AC:L/PR:H/UI:R/S:U/C:N/I:L/A:H").unwrap();
        assert_eq!((v3.attack_vector(), v3.privileges_required()), (AttackVector::Local, Privileges::High));
        assert_eq!((v3.user_interaction(), v3.is_complex()), (Some(true), false));
        let v4 =
            Vector::parse("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:L/VA:N/SC:N/SI:N/SA:N/AU:Y").unwrap();
        assert_eq!(
            (v4.automatable(), v4.is_complex(), v4.user_interaction()),
            (Some(true), true, Some(true))
        );
        assert_eq!(v4.impact(), [Impact::High, Impact::Low, Impact::None]);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "/",
            "N/A",
            "CVSS:3.1/",
            "CVSS:3.1/AV:N",
            "CVSS:9.9/AV:N/AC:L",
            "AV:N/AC:L",
            "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        ] {
            assert_eq!(Vector::parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(CVSS:[234]\\.[01]/)?([A-Za-z]{1,2}:[A-Z]/?){0,12}") {
            if let Some(vector) = Vector::parse(&text) {
                let score = vector.base_score();
                assert!((0.0..=10.0).contains(&score));
            }
        }
    }
}
