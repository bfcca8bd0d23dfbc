//! What a CVSS vector says of an attack: from where, with which rights, to what effect. Versions 2, 3
//! and 4 (FIRST). Only the base metrics that attack rules need are read; scores are not computed here.

/// From where a weakness can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vector {
    Network,
    Adjacent,
    Local,
    Physical,
    Unknown,
}

impl Vector {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Adjacent => "adjacent",
            Self::Local => "local",
            Self::Physical => "physical",
            Self::Unknown => "unknown",
        }
    }
}

/// Which rights the attacker must have on the target beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privileges {
    None,
    Low,
    High,
}

impl Privileges {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

/// How far one of confidentiality, integrity and availability suffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Impact {
    None,
    Low,
    High,
}

/// The base metrics of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Metrics {
    pub(super) vector: Vector,
    /// Access or attack complexity is low, and no attack requirements are named.
    pub(super) is_simple: bool,
    pub(super) privileges: Privileges,
    pub(super) needs_user: bool,
    pub(super) changes_scope: bool,
    pub(super) confidentiality: Impact,
    pub(super) integrity: Impact,
    pub(super) availability: Impact,
}

/// Of several vectors: version 3 before 4 before 2, the first of equals.
pub(super) fn best_of<'a>(vectors: impl IntoIterator<Item = &'a str>) -> Option<Metrics> {
    vectors.into_iter().filter_map(parse).min_by_key(|(rank, _)| *rank).map(|(_, metrics)| metrics)
}

fn parse(text: &str) -> Option<(u8, Metrics)> {
    let text = text.trim().trim_start_matches('(').trim_end_matches(')');
    if let Some(rest) = text.strip_prefix("CVSS:4") {
        return version_4(rest).map(|metrics| (1, metrics));
    }
    if let Some(rest) = text.strip_prefix("CVSS:3") {
        return version_3(rest).map(|metrics| (0, metrics));
    }
    version_2(text.strip_prefix("CVSS2#").unwrap_or(text)).map(|metrics| (2, metrics))
}

/// The value of a metric; `None` when it is not there.
fn metric<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split('/')
        .find_map(|pair| pair.split_once(':').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

fn vector(value: &str) -> Option<Vector> {
    Some(match value {
        "N" => Vector::Network,
        "A" => Vector::Adjacent,
        "L" => Vector::Local,
        "P" => Vector::Physical,
        _ => return None,
    })
}

fn privileges(value: &str) -> Option<Privileges> {
    Some(match value {
        "N" => Privileges::None,
        "L" => Privileges::Low,
        "H" => Privileges::High,
        _ => return None,
    })
}

fn impact(value: &str) -> Option<Impact> {
    Some(match value {
        "N" => Impact::None,
        "L" => Impact::Low,
        "H" => Impact::High,
        _ => return None,
    })
}

fn version_3(text: &str) -> Option<Metrics> {
    Some(Metrics {
        vector: vector(metric(text, "AV")?)?,
        is_simple: metric(text, "AC")? == "L",
        privileges: privileges(metric(text, "PR")?)?,
        needs_user: metric(text, "UI")? != "N",
        changes_scope: metric(text, "S")? == "C",
        confidentiality: impact(metric(text, "C")?)?,
        integrity: impact(metric(text, "I")?)?,
        availability: impact(metric(text, "A")?)?,
    })
}

fn version_4(text: &str) -> Option<Metrics> {
    let beyond = |name| metric(text, name).and_then(impact).is_some_and(|impact| impact > Impact::None);
    Some(Metrics {
        vector: vector(metric(text, "AV")?)?,
        is_simple: metric(text, "AC")? == "L" && metric(text, "AT")? == "N",
        privileges: privileges(metric(text, "PR")?)?,
        needs_user: metric(text, "UI")? != "N",
        changes_scope: beyond("SC") || beyond("SI") || beyond("SA"),
        confidentiality: impact(metric(text, "VC")?)?,
        integrity: impact(metric(text, "VI")?)?,
        availability: impact(metric(text, "VA")?)?,
    })
}

fn version_2(text: &str) -> Option<Metrics> {
    let impact = |name| {
        Some(match metric(text, name)? {
            "N" => Impact::None,
            "P" => Impact::Low,
            "C" => Impact::High,
            _ => return None,
        })
    };
    let impacts = [impact("C")?, impact("I")?, impact("A")?];
    // Version 2 has no better word than "partial" for code run as the service's own user.
    let all_partial = impacts.iter().all(|impact| *impact >= Impact::Low);
    let raised = |impact: Impact| if all_partial { Impact::High } else { impact };
    Some(Metrics {
        vector: vector(metric(text, "AV")?)?,
        is_simple: metric(text, "AC")? == "L",
        privileges: if metric(text, "Au")? == "N" { Privileges::None } else { Privileges::Low },
        needs_user: false,
        changes_scope: false,
        confidentiality: raised(impacts[0]),
        integrity: raised(impacts[1]),
        availability: raised(impacts[2]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_versions_are_read() {
        let three = best_of(["CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"]).unwrap();
        assert!(three.needs_user && three.changes_scope && three.integrity == Impact::Low);
        let four = best_of(["CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:P"]).unwrap();
        assert_eq!((four.vector, four.is_simple, four.privileges), (Vector::Local, false, Privileges::Low));
        let two = best_of(["(AV:N/AC:L/Au:N/C:P/I:P/A:P)"]).unwrap();
        assert_eq!((two.confidentiality, two.vector), (Impact::High, Vector::Network));
        let two = best_of(["AV:N/AC:M/Au:S/C:N/I:P/A:N"]).unwrap();
        assert_eq!((two.integrity, two.privileges, two.is_simple), (Impact::Low, Privileges::Low, false));
    }

    #[test]
    fn version_3_goes_first_and_garbage_is_nothing() {
        let both = ["AV:L/AC:L/Au:N/C:P/I:P/A:P", "CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H"];
        assert_eq!(best_of(both).unwrap().vector, Vector::Network);
        for garbage in ["", "9.8", "CVSS:3.1/AV:N", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"] {
            assert_eq!(best_of([garbage]), None, "{garbage}");
        }
    }
}
