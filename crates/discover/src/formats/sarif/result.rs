//! One result: what it says, for each of its locations.

use std::sync::Arc;

use bartizan_model::{
    Attributes, Finding as ModelFinding, FixHint, FixKind, Observation, Part, Place, RelationKind,
    RelationObservation, Severity, Status, Subject, Weakness, WeaknessKey, excerpt, mask_secret,
    secret_fingerprint,
};
use serde_json::Value;
use url::Url;

use super::run::{Run, message, rule_id};
use super::schema::{Finding, Location, Rule};
use crate::network::{address_or_name, without_url_credentials};
use crate::secret::{credential, sha1_hex};
use crate::{Context, Record};

/// Turns a result into a record. A result at several locations is one finding to the tool's users,
/// and an occurrence at each.
pub(super) fn record(at: String, result: &Finding, run: &mut Run, context: &Context) -> Record {
    match (result.kind.as_deref(), result.baseline.as_deref()) {
        (Some("pass"), _) => return Record::ignored(at, "check passed"),
        (Some("notApplicable"), _) => return Record::ignored(at, "check not applicable"),
        (_, Some("absent")) => return Record::ignored(at, "gone since the baseline"),
        _ => {}
    }
    let subject = run.subject(context);
    let rule = run.rule(result);
    let text = message(result, rule);
    let id = rule_id(result).or_else(|| rule.map(|rule| rule.id.as_str()));
    let Some(id) = id.or(text.as_deref()).filter(|id| !id.is_empty()) else {
        return Record::rejected(at, "it has neither a rule nor a message");
    };
    let mut reading = Reading { result, rule, run, id, text: text.as_deref(), subject: &subject, context };
    let secret = Secret::of(&reading);
    // A rule about hard-coded credentials quotes them.
    let quotes_secret = secret.is_some() || reading.is_about_credentials();
    let masked = text.as_deref().filter(|_| quotes_secret).map(without_quotations);
    reading.text = masked.as_deref().or(reading.text);
    let weaknesses = reading.weaknesses(secret.is_some());
    let nowhere = [Location::default()];
    let locations = if result.locations.is_empty() { &nowhere[..] } else { &result.locations };
    let mut observations = Vec::new();
    for location in locations {
        let mut finding = reading.finding(location, weaknesses.clone(), secret.as_ref());
        if quotes_secret && secret.is_none() {
            finding.evidence = reading.text.map(|text| excerpt(text, 2000));
        }
        observations.push(Observation::Finding(Box::new(finding)));
    }
    if let Some(value) = secret.and_then(|secret| secret.value) {
        observations.push(Observation::Relation(RelationObservation {
            kind: RelationKind::HOLDS_SECRET,
            from: Arc::clone(&subject),
            to: credential(secret_fingerprint(&sha1_hex(&value)), Some(&value)),
            attributes: [("hint".to_owned(), mask_secret(&value).into())].into(),
        }));
    }
    Record::observed(at, observations)
}

/// A result with what is needed to read it.
struct Reading<'r> {
    result: &'r Finding,
    rule: Option<&'r Rule>,
    run: &'r Run,
    id: &'r str,
    text: Option<&'r str>,
    subject: &'r Arc<Subject>,
    context: &'r Context,
}

/// A result that is about a secret, and the secret if the report has it.
struct Secret {
    value: Option<String>,
}

impl Secret {
    /// Scanners of secrets are known by name; of Checkov, the rules `CKV_SECRET_…` are.
    fn of(reading: &Reading<'_>) -> Option<Self> {
        const SCANNERS: [&str; 9] = [
            "gitleaks",
            "betterleaks",
            "trufflehog",
            "detect-secrets",
            "ggshield",
            "noseyparker",
            "kingfisher",
            "secretlint",
            "whispers",
        ];
        let family = reading.run.family();
        if !SCANNERS.contains(&family) && !reading.id.starts_with("CKV_SECRET_") {
            return None;
        }
        let offender = reading.result.properties.get("offender").and_then(Value::as_str);
        // Version 8 of Gitleaks flags exactly the secret; others flag the line around it.
        let snippet = reading
            .result
            .locations
            .first()
            .and_then(|location| location.physical.region.snippet.text())
            .filter(|_| matches!(family, "gitleaks" | "betterleaks"));
        let value = offender.or(snippet).map(str::trim).filter(|value| !value.is_empty());
        Some(Self { value: value.filter(|value| !value.contains("REDACTED")).map(str::to_owned) })
    }
}

impl Reading<'_> {
    /// Hard-coded, stored or transmitted credentials (CWE-256, 259, 312, 321, 522, 798).
    fn is_about_credentials(&self) -> bool {
        let tags = self.texts("tags");
        let of_number = self.cwes(&tags).iter().any(|cwe| matches!(cwe, 256 | 259 | 312 | 321 | 522 | 798));
        let of_tag = tags.iter().any(|tag| matches!(tag.to_ascii_lowercase().as_str(), "secret" | "secrets"));
        let id = self.id.to_ascii_lowercase();
        let of_id = ["password", "secret", "credential", "token"].iter().any(|word| id.contains(word));
        of_number || of_tag || of_id
    }

    fn finding(
        &self,
        location: &Location,
        weaknesses: Vec<Weakness>,
        secret: Option<&Secret>,
    ) -> ModelFinding {
        let is_vulnerability =
            weaknesses.iter().any(|weakness| matches!(weakness.key, WeaknessKey::Vulnerability(_)));
        let path = self.run.path(&location.physical.artifact).filter(|path| !path.is_empty());
        let mut subject = Arc::clone(self.subject);
        let place = if let Some(value) = secret.and_then(|secret| secret.value.as_deref()) {
            Place::Secret(secret_fingerprint(&sha1_hex(value)))
        } else if is_vulnerability {
            Place::Whole
        } else if let Some((host, place)) = path.as_deref().and_then(|path| self.web(path)) {
            subject = host;
            place
        } else {
            self.code_place(location, path.as_deref(), secret.is_some())
        };
        let masked = secret.and_then(|secret| secret.value.as_deref()).map(bartizan_model::mask_secret);
        let mut attributes = Attributes::new();
        let region = &location.physical.region;
        let numbers = [("line", region.line), ("end_line", region.end_line)];
        attributes.extend(
            numbers
                .into_iter()
                .filter_map(|(key, line)| Some((key.to_owned(), line.filter(|line| *line > 0)?.into()))),
        );
        let texts = [
            ("path", path.as_deref()),
            ("symbol", self.run.logical_name(location)),
            (crate::secret::SORT, secret.is_some().then_some(self.id)),
            ("rule", secret.is_some().then_some(self.id)),
            (crate::secret::MASKED, masked.as_deref()),
            ("precision", self.property("precision").and_then(Value::as_str)),
            ("commit", self.commit()),
        ];
        attributes.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?.into()))));
        ModelFinding {
            subject,
            weaknesses,
            place,
            part: if is_vulnerability { self.part(path.as_deref()) } else { None },
            status: self.status(),
            severity: self.severity(secret.is_some()),
            evidence: self.evidence(location, secret),
            fix: self.fix(secret.is_some()),
            attributes,
        }
    }

    fn commit(&self) -> Option<&str> {
        let of_gitleaks = self.result.partial_fingerprints.get("commitSha");
        of_gitleaks.or_else(|| self.result.properties.get("commit")).and_then(Value::as_str)
    }

    /// A result of a dynamic scanner names a URL that is not a page of a code host.
    fn web(&self, path: &str) -> Option<(Arc<Subject>, Place)> {
        const CODE_HOSTS: [&str; 3] = ["github.com", "gitlab.com", "bitbucket.org"];
        if !path.starts_with("http://") && !path.starts_with("https://") {
            return None;
        }
        let url = Url::parse(path).ok()?;
        let name = url.host_str().filter(|host| !CODE_HOSTS.contains(host))?;
        let identifier = address_or_name(self.context, name)?;
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let place = Place::web("GET", url.port_or_known_default()?, target, None);
        Some((Arc::new(Subject::new(bartizan_model::AssetKind::Host, [identifier])), place))
    }

    /// A place in code: by the tool's fingerprint, else by the flagged text, else by the symbol and
    /// the message.
    fn code_place(&self, location: &Location, path: Option<&str>, is_secret: bool) -> Place {
        let Some(path) = path else {
            return match self.run.logical_name(location) {
                Some(name) => Place::Setting(name.to_owned()),
                None => Place::Whole,
            };
        };
        let symbol = self.run.logical_name(location).unwrap_or_default();
        if let Some(fingerprint) = self.fingerprint() {
            return Place::code(path, None, &fingerprint);
        }
        let context = format!("{} {symbol} {}", self.id, self.text.unwrap_or_default());
        let snippet = if is_secret { None } else { location.physical.region.snippet.text() };
        Place::code(path, snippet, &context)
    }

    /// The fingerprint that the tool computed to recognise the result by. What is no fingerprint in
    /// those maps (metadata of a commit, a hash of the whole file, a placeholder) does not count.
    fn fingerprint(&self) -> Option<String> {
        let usable = |key: &str, value: &Value| -> Option<String> {
            const METADATA: [&str; 6] =
                ["commitSha", "commitMessage", "email", "author", "date", "scanFileHash"];
            let text = value.as_str().filter(|text| !text.is_empty() && *text != "requires login")?;
            let counts = !METADATA.contains(&key) && key != "primaryLocationStartColumnFingerprint";
            counts.then(|| text.to_owned())
        };
        let partial = &self.result.partial_fingerprints;
        partial
            .get("primaryLocationLineHash")
            .and_then(|value| usable("primaryLocationLineHash", value))
            .or_else(|| partial.iter().find_map(|(key, value)| usable(key, value)))
            .or_else(|| self.result.fingerprints.iter().find_map(|(key, value)| usable(key, value)))
    }

    /// A property of the result, else of its rule.
    fn property(&self, key: &str) -> Option<&Value> {
        self.result.properties.get(key).or_else(|| self.rule?.properties.get(key))
    }

    fn score(&self) -> Option<f64> {
        let number = match self.property("security-severity")? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|score| (0.0..=10.0).contains(score))
    }

    fn severity(&self, is_secret: bool) -> Severity {
        if let Some(score) = self.score() {
            return Severity::from_cvss_score(score);
        }
        if is_secret {
            return Severity::High;
        }
        let word = ["issue_severity", "severity", "Severity"]
            .into_iter()
            .find_map(|key| self.property(key)?.as_str())
            .map_or(Severity::Unknown, Severity::from_word);
        if word != Severity::Unknown {
            return word;
        }
        // SARIF 2.1.0, §3.27.10: a kind other than `fail` implies the level `none`, and `warning`
        // is what stands where neither the result nor the rule says more.
        let fails = self.result.kind.as_deref().is_none_or(|kind| kind == "fail");
        let default = if fails { "warning" } else { "none" };
        let of_rule = self.rule.and_then(|rule| rule.configuration.level.as_deref()).filter(|_| fails);
        let level = self.result.level.as_deref().or(of_rule).unwrap_or(default);
        Severity::from_word(level)
    }

    /// A suppression counts unless it is still under review or was rejected (SARIF 2.1.0, §3.35).
    fn status(&self) -> Status {
        if matches!(self.result.kind.as_deref(), Some("review" | "open")) {
            return Status::UnderInvestigation;
        }
        let is = |status: &str| {
            let wanted = |given: Option<&str>| given.unwrap_or("accepted") == status;
            self.result.suppressions.iter().find(|suppression| wanted(suppression.status.as_deref()))
        };
        if let Some(accepted) = is("accepted") {
            let place = match accepted.kind.as_deref() {
                Some("external") => "suppressed outside the source",
                _ => "suppressed in source",
            };
            let justification = match accepted.justification.as_deref().map(str::trim) {
                Some(reason) if !reason.is_empty() => format!("{place}: {}", excerpt(reason, 500)),
                _ => place.to_owned(),
            };
            return Status::NotAffected { justification };
        }
        let is_suppressed =
            self.result.suppression_states.iter().any(|state| state.starts_with("suppressed"));
        if is_suppressed {
            return Status::NotAffected { justification: "suppressed in source".to_owned() };
        }
        if is("underReview").is_some() { Status::UnderInvestigation } else { Status::Affected }
    }

    fn weaknesses(&self, is_secret: bool) -> Vec<Weakness> {
        let rule_text = |pick: fn(&Rule) -> Option<&str>| self.rule.and_then(pick);
        let short = rule_text(|rule| rule.short.text());
        let full = rule_text(|rule| rule.full.text());
        let name = rule_text(|rule| rule.name.as_str().filter(|name| !name.is_empty()));
        let first_line = self.text.and_then(|text| text.lines().next());
        let title = short.or(first_line).or(name).or(full).unwrap_or(self.id);
        let title = excerpt(title, 200);
        let tags = self.texts("tags");
        let ids = self.advisories(&tags);
        let mut weaknesses: Vec<Weakness> = if is_secret {
            vec![crate::secret::exposed()]
        } else if ids.is_empty() {
            vec![Weakness::new(WeaknessKey::rule(self.run.family(), self.id), &title)]
        } else {
            // Ids on one rule are aliases unless they are several CVEs.
            let cves: Vec<&String> = ids.iter().filter(|id| id.starts_with("CVE-")).collect();
            if cves.len() > 1 {
                cves.iter().filter_map(|id| Weakness::from_ids([id.as_str()], &title)).collect()
            } else {
                Weakness::from_ids(ids.iter().map(String::as_str), &title).into_iter().collect()
            }
        };
        let mut cwes: Vec<u32> = if is_secret { vec![798] } else { self.cwes(&tags) };
        cwes.sort_unstable();
        cwes.dedup();
        let description = full.filter(|full| *full != title).map(|text| excerpt(text, 2000));
        let reference = self.rule.and_then(|rule| rule.help_uri.as_str()).filter(|uri| uri.contains("://"));
        let vectors: Vec<String> = ["cvssv3_vector", "cvss3_vector", "cvssV3_vector", "cvssv2_vector"]
            .into_iter()
            .filter_map(|key| self.property(key)?.as_str())
            .filter(|vector| vector.contains("AV:"))
            .map(str::to_owned)
            .collect();
        for weakness in &mut weaknesses {
            weakness.cwes.clone_from(&cwes);
            weakness.score = self.score().filter(|score| *score > 0.0);
            weakness.cvss.clone_from(&vectors);
            weakness.description.clone_from(&description);
            weakness.references.extend(reference.map(str::to_owned));
        }
        weaknesses
    }

    /// Published ids: of the rule itself, else in its tags.
    fn advisories(&self, tags: &[&str]) -> Vec<String> {
        let mut ids: Vec<String> = advisory_id(self.id).into_iter().collect();
        let of_tags = tags.iter().filter_map(|tag| advisory_id(tag.rsplit('/').next().unwrap_or(tag)));
        ids.extend(of_tags);
        for key in ["cve", "cves", "aliases"] {
            ids.extend(self.texts(key).iter().filter_map(|text| advisory_id(text)));
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn cwes(&self, tags: &[&str]) -> Vec<u32> {
        let mut cwes: Vec<u32> = tags.iter().filter_map(|tag| cwe(tag)).collect();
        for key in ["cwe", "cwes", "CWE"] {
            cwes.extend(self.texts(key).iter().filter_map(|text| cwe(text)));
        }
        let targets = self
            .rule
            .into_iter()
            .flat_map(|rule| &rule.relationships)
            .map(|relationship| &relationship.target);
        for taxon in targets.chain(&self.result.taxa) {
            if taxon.component.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("cwe")) {
                let id = taxon.id.as_deref().unwrap_or_default();
                cwes.extend(cwe(id).or_else(|| id.parse().ok()));
            }
        }
        cwes
    }

    /// The texts of a property of the result and of the rule: one or a list.
    fn texts(&self, key: &str) -> Vec<&str> {
        let of_rule = self.rule.and_then(|rule| rule.properties.get(key));
        let values = [self.result.properties.get(key), of_rule].into_iter().flatten();
        values
            .flat_map(|value| match value {
                Value::String(text) => vec![text.as_str()],
                Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            })
            .collect()
    }

    /// The package: from a purl in the properties, or from the lines `Package: …` that scanners of
    /// images print into the message.
    fn part(&self, path: Option<&str>) -> Option<Part> {
        let purl =
            self.texts("purls").into_iter().chain(self.texts("purl")).find(|purl| purl.starts_with("pkg:"));
        let (mut component, mut version) = match purl {
            Some(purl) => {
                let bare = purl.split(['?', '#']).next().unwrap_or(purl);
                match bare.rsplit_once('@') {
                    Some((name, version)) if !version.contains('/') => {
                        (name.to_owned(), Some(version.to_owned()))
                    }
                    _ => (bare.to_owned(), None),
                }
            }
            None => (String::new(), None),
        };
        if component.is_empty() {
            self.line("Package").unwrap_or_default().clone_into(&mut component);
        }
        version = version.or_else(|| self.line("Installed Version").map(str::to_owned));
        let path = path.unwrap_or_default().to_owned();
        (!component.is_empty() || !path.is_empty()).then_some(Part { component, path, version })
    }

    /// The value of a line `Key: value` of the message.
    fn line(&self, key: &str) -> Option<&str> {
        self.text?.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let value = value.trim();
            (name.trim().eq_ignore_ascii_case(key) && !value.is_empty()).then_some(value)
        })
    }

    fn fix(&self, is_secret: bool) -> Option<FixHint> {
        let hint = |kind, text: String| FixHint { kind, text, component: None, fixed_versions: Vec::new() };
        if is_secret {
            let text = "Revoke and replace the secret; removing it from the history is not enough.";
            return Some(hint(FixKind::RotateSecret, text.to_owned()));
        }
        if let Some(versions) = self.line("Fixed Version") {
            let component = self.line("Package").unwrap_or("the package").to_owned();
            let mut fix = hint(FixKind::Upgrade, format!("Upgrade {component} to {versions}."));
            fix.fixed_versions = versions.split(',').map(|version| version.trim().to_owned()).collect();
            fix.component = Some(component);
            return Some(fix);
        }
        let text = self.result.fixes.iter().find_map(|fix| fix.description.text())?;
        Some(hint(FixKind::ChangeCode, excerpt(text, 500)))
    }

    fn evidence(&self, location: &Location, secret: Option<&Secret>) -> Option<String> {
        if let Some(secret) = secret {
            let hint = secret.value.as_deref().map_or_else(|| "…".to_owned(), mask_secret);
            let path = self.run.path(&location.physical.artifact);
            return Some(format!("{hint} in {}", path.as_deref().unwrap_or("an unnamed file")));
        }
        let snippet =
            location.physical.region.snippet.text().or_else(|| location.physical.context.snippet.text());
        let text = [self.text, snippet].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
        (!text.is_empty()).then(|| excerpt(&without_url_credentials(&text), 2000))
    }
}

/// Replaces what stands between quotation marks: `password: 'hunter2'` → `password: '…'`.
fn without_quotations(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"', '`']) {
        let mark = &rest[at..=at];
        let inside = &rest[at + 1..];
        // An apostrophe inside a word opens nothing.
        let opens = rest[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
        masked.push_str(&rest[..=at]);
        if let Some(end) = inside.find(mark).filter(|_| opens) {
            masked.push('…');
            masked.push_str(mark);
            rest = &inside[end + 1..];
        } else {
            rest = inside;
        }
    }
    masked.push_str(rest);
    masked
}

/// `CWE-79`, `external/cwe/cwe-079`, `CWE-79: Improper …`.
fn cwe(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    let at = lower.find("cwe-")? + 4;
    let digits =
        lower[at..].find(|c: char| !c.is_ascii_digit()).map_or(&lower[at..], |end| &lower[at..at + end]);
    digits.parse().ok()
}

/// The published id with which a text begins: `CVE-2024-1-openssl` → `CVE-2024-1`.
pub(super) fn advisory_id(text: &str) -> Option<String> {
    let upper = text.trim().to_ascii_uppercase();
    if let Some(rest) = upper.strip_prefix("CVE-") {
        let mut parts = rest.split('-');
        let (year, number) = (parts.next()?, parts.next()?);
        let number: String = number.chars().take_while(char::is_ascii_digit).collect();
        let is_id = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()) && number.len() >= 4;
        return is_id.then(|| format!("CVE-{year}-{number}"));
    }
    if let Some(rest) = upper.strip_prefix("GHSA-") {
        let parts: Vec<&str> = rest.split('-').take(3).collect();
        let is_id = parts.len() == 3 && parts.iter().all(|part| part.len() == 4);
        return is_id.then(|| format!("GHSA-{}", parts.join("-").to_ascii_lowercase()));
    }
    for prefix in ["GO-", "RUSTSEC-", "PYSEC-", "OSV-"] {
        if let Some(rest) = upper.strip_prefix(prefix) {
            let mut parts = rest.split('-');
            let (year, number) = (parts.next()?, parts.next()?);
            let is_id =
                year.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()) && !number.is_empty();
            return is_id.then(|| format!("{prefix}{year}-{number}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{advisory_id, cwe, without_quotations};

    #[test]
    fn published_ids_are_found() {
        for (text, id) in [
            ("CVE-2024-12345-openssl", Some("CVE-2024-12345")),
            ("ghsa-AAAA-bbbb-CCCC-lodash", Some("GHSA-aaaa-bbbb-cccc")),
            ("GO-2026-4864", Some("GO-2026-4864")),
            ("CVE-lookup", None),
            ("GO-vet-1", None),
            ("B101", None),
        ] {
            assert_eq!(advisory_id(text).as_deref(), id, "{text}");
        }
    }

    #[test]
    fn quoted_secrets_are_masked() {
        assert_eq!(
            without_quotations("Possible hardcoded password: 'hunter2' isn't \"good\""),
            "Possible hardcoded password: '…' isn't \"…\""
        );
    }

    #[test]
    fn weakness_numbers_are_found() {
        assert_eq!(cwe("external/cwe/cwe-079"), Some(79));
        assert_eq!(cwe("CWE-798: Use of Hard-coded Credentials"), Some(798));
        assert_eq!(cwe("security"), None);
    }
}
