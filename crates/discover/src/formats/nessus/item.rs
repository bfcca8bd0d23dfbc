//! One result of one plugin on one host, wherever it was written down, and what it says.

use std::sync::Arc;

use bartizan_model::{
    Attributes, Finding, FixHint, FixKind, Part, Place, Severity, Status, Subject, Weakness, WeaknessKey,
    excerpt,
};
use serde_json::Value;
use url::Url;

use crate::secret::without_passwords;

/// Rules of plugins.
pub(super) const FAMILY: &str = "nessus";
/// Rules of audit files (`Policy Compliance`): another family, since another policy decides whether
/// they ran.
pub(super) const COMPLIANCE: &str = "nessus-compliance";

/// A plugin's result, with the same fields from the XML and the CSV dialects.
#[derive(Default)]
pub(super) struct Item {
    pub(super) plugin: String,
    pub(super) name: String,
    pub(super) family: String,
    pub(super) severity: Severity,
    pub(super) protocol: String,
    pub(super) port: u16,
    pub(super) service: String,
    pub(super) cves: Vec<String>,
    pub(super) cwes: Vec<u32>,
    pub(super) vectors: Vec<String>,
    pub(super) score: Option<f64>,
    pub(super) synopsis: String,
    pub(super) description: String,
    pub(super) solution: String,
    pub(super) output: String,
    pub(super) see_also: Vec<String>,
    pub(super) cpe: String,
    /// Other details that are shown: `vpr_score`, `exploit_available`, …
    pub(super) details: Attributes,
    pub(super) compliance: Option<Compliance>,
}

/// What a check of an audit file found.
pub(super) struct Compliance {
    /// The check's id, else its name.
    pub(super) check: String,
    pub(super) title: String,
    /// `PASSED`, `FAILED`, `WARNING` or `ERROR`.
    pub(super) result: String,
}

impl Item {
    pub(super) fn key(&self) -> WeaknessKey {
        match &self.compliance {
            Some(compliance) => WeaknessKey::rule(COMPLIANCE, &compliance.check),
            None => WeaknessKey::rule(FAMILY, &self.plugin),
        }
    }

    pub(super) fn finding(self, subject: &Arc<Subject>) -> Finding {
        let weaknesses = self.weaknesses();
        let is_vulnerability = !self.cves.is_empty();
        let place = self.place(is_vulnerability);
        let part = if is_vulnerability { self.part() } else { None };
        let fix = self.fix();
        let mut attributes = self.details;
        for (key, value) in [
            ("plugin", self.plugin),
            ("plugin_family", self.family),
            ("synopsis", excerpt(&self.synopsis, 500)),
            ("service", self.service),
        ] {
            if !value.is_empty() {
                attributes.insert(key.to_owned(), value.into());
            }
        }
        if self.port > 0 {
            attributes.insert("protocol".to_owned(), self.protocol.into());
            attributes.insert("port".to_owned(), self.port.into());
        }
        let evidence = without_passwords(self.output.trim());
        Finding {
            subject: Arc::clone(subject),
            weaknesses,
            place,
            part,
            status: Status::Affected,
            severity: self.severity,
            evidence: (!evidence.is_empty()).then(|| excerpt(&evidence, 2000)),
            fix,
            attributes,
        }
    }

    fn weaknesses(&self) -> Vec<Weakness> {
        let title = self.compliance.as_ref().map_or(&self.name, |compliance| &compliance.title);
        let mut weaknesses: Vec<Weakness> =
            self.cves.iter().filter_map(|cve| Weakness::from_ids([cve.as_str()], title)).collect();
        if weaknesses.is_empty() {
            weaknesses.push(Weakness::new(self.key(), title));
        }
        for weakness in &mut weaknesses {
            weakness.cwes.clone_from(&self.cwes);
            weakness.cvss.clone_from(&self.vectors);
            weakness.score = self.score;
            weakness.references = self.see_also.iter().take(10).cloned().collect();
        }
        // The text is about all of them: once is enough.
        if !self.description.is_empty() {
            weaknesses[0].description = Some(excerpt(&self.description, 2000));
        }
        weaknesses
    }

    fn place(&self, is_vulnerability: bool) -> Place {
        if is_vulnerability {
            return Place::Whole;
        }
        if let Some(place) = self.web_place() {
            return place;
        }
        if self.port == 0 { Place::Whole } else { Place::port(&self.protocol, self.port) }
    }

    /// Web application scanning names the URL in its output: `… detected on URL 'http://…' by
    /// exploiting 'form' element named 'query' …`.
    fn web_place(&self) -> Option<Place> {
        let (_, rest) = self.output.split_once("on URL '")?;
        let (url, rest) = rest.split_once('\'')?;
        let parameter = rest
            .lines()
            .next()
            .and_then(|line| line.split_once("named '"))
            .and_then(|(_, rest)| rest.split_once('\''))
            .map(|(name, _)| name);
        let url = Url::parse(url).ok()?;
        let port = url.port_or_known_default()?;
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        Some(Place::web("GET", port, target, parameter))
    }

    /// The product in which the vulnerability is, from the CPE, and where it is installed if the
    /// output tells of exactly one installation.
    fn part(&self) -> Option<Part> {
        let cpe = self.cpe.split([',', '\n', ' ']).map(str::trim).find(|cpe| cpe.starts_with("cpe:"));
        let component = cpe.map(without_version).unwrap_or_default();
        let path = self.only_value("Path").unwrap_or_default();
        let version = self.only_value("Installed version").or_else(|| self.only_value("Installed package"));
        if component.is_empty() && path.is_empty() && version.is_none() {
            return None;
        }
        Some(Part { component, path: path.to_owned(), version: version.map(str::to_owned) })
    }

    /// The value of a line `  Key : value` of the output, if there is exactly one such line.
    fn only_value(&self, key: &str) -> Option<&str> {
        let mut values = self.output.lines().filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(key).then_some(value.trim())
        });
        let value = values.next().filter(|value| !value.is_empty())?;
        values.next().is_none().then_some(value)
    }

    fn fix(&self) -> Option<FixHint> {
        let text = self.solution.split("\n\n").next().unwrap_or_default();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() || text.eq_ignore_ascii_case("n/a") {
            return None;
        }
        let starts = |words: &[&str]| {
            let head = text.to_ascii_lowercase();
            words.iter().any(|word| head.starts_with(word))
        };
        let kind = if starts(&["upgrade", "update", "apply", "install", "microsoft has released", "patch"]) {
            FixKind::Upgrade
        } else if starts(&["remove", "uninstall", "delete"]) {
            FixKind::Remove
        } else if starts(&["restrict", "filter", "block", "limit", "deny"]) {
            FixKind::Restrict
        } else {
            FixKind::Configure
        };
        let mut fixed_versions = Vec::new();
        if kind == FixKind::Upgrade
            && let Some(versions) = self.only_value("Fixed version").or_else(|| self.only_value("Should be"))
        {
            fixed_versions = versions.split(" / ").map(|version| version.trim().to_owned()).collect();
        }
        let component = if self.cpe.is_empty() { None } else { self.part().map(|part| part.component) };
        Some(FixHint {
            kind,
            text: excerpt(&text, 500),
            component: component.filter(|component| !component.is_empty()),
            fixed_versions,
        })
    }
}

/// `cpe:/a:php:php:5.6.40` → `cpe:/a:php:php`.
fn without_version(cpe: &str) -> String {
    cpe.split(':').take(4).collect::<Vec<_>>().join(":")
}

/// CVE ids in a text, whatever separates them.
pub(super) fn cve_ids(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| word.len() >= 13 && word.to_ascii_uppercase().starts_with("CVE-"))
        .map(str::to_ascii_uppercase)
}

/// A CVSS vector as its specification writes it; Nessus prefixes version 2 with `CVSS2#` and
/// Tenable.sc leaves the prefix out.
pub(super) fn vector(text: &str, version: u8) -> Option<String> {
    let text = text.trim();
    let bare = text.strip_prefix("CVSS2#").unwrap_or(text);
    let bare = bare.strip_prefix('(').and_then(|bare| bare.strip_suffix(')')).unwrap_or(bare);
    if !bare.contains("AV:") {
        return None;
    }
    if version == 3 && !bare.starts_with("CVSS:") {
        Some(format!("CVSS:3.0/{bare}"))
    } else {
        Some(bare.to_owned())
    }
}

/// Nessus' numbers of severity.
pub(super) fn severity_of_number(text: &str) -> Severity {
    match text.trim() {
        "0" => Severity::Info,
        "1" => Severity::Low,
        "2" => Severity::Medium,
        "3" => Severity::High,
        "4" => Severity::Critical,
        _ => Severity::Unknown,
    }
}

/// Stores a detail that is worth showing.
pub(super) fn detail(details: &mut Attributes, key: &str, text: &str) {
    let text = text.trim();
    if text.is_empty() || matches!(text, "false" | "False" | "FALSE" | "No" | "N/A") {
        return;
    }
    let value = match text {
        "true" | "True" | "TRUE" | "Yes" => Value::from(true),
        _ => text.parse::<f64>().map_or_else(|_| Value::from(excerpt(text, 200)), Value::from),
    };
    details.insert(key.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_output_of_plugins() {
        let item = Item {
            cves: vec!["CVE-2026-0001".to_owned()],
            cpe: "cpe:/a:php:php:5.6".to_owned(),
            solution: "Upgrade to PHP\n5.3.12 or later.\n\nSee the advisory.".to_owned(),
            output: "\n  Path              : /usr/bin/php\n  Installed version : 5.1.6\n  Fixed version     : 5.3.12 / 5.4.2\n"
                .to_owned(),
            ..Item::default()
        };
        let part = item.part().unwrap();
        assert_eq!((part.component.as_str(), part.path.as_str()), ("cpe:/a:php:php", "/usr/bin/php"));
        assert_eq!(part.version.as_deref(), Some("5.1.6"));
        let fix = item.fix().unwrap();
        assert_eq!(fix.kind, FixKind::Upgrade);
        assert_eq!(fix.text, "Upgrade to PHP 5.3.12 or later.");
        assert_eq!(fix.fixed_versions, ["5.3.12", "5.4.2"]);
        let two = Item { output: "Path : /a\nPath : /b".to_owned(), ..Item::default() };
        assert_eq!(two.part(), None);
    }

    #[test]
    fn vectors_are_spelled_as_their_specifications() {
        assert_eq!(
            vector("CVSS2#AV:N/AC:L/Au:N/C:P/I:P/A:P", 2).as_deref(),
            Some("AV:N/AC:L/Au:N/C:P/I:P/A:P")
        );
        assert_eq!(vector("AV:N/AC:L/PR:N", 3).as_deref(), Some("CVSS:3.0/AV:N/AC:L/PR:N"));
        assert_eq!(vector("7.5", 3), None);
    }
}
