//! One row: its cells, by field, and what they say.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartizan_model::{
    AssetKind, Attributes, Finding, FixHint, FixKind, Identifier, Observation, Part, Place, Scheme, Severity,
    Status, Subject, Weakness, WeaknessKey, excerpt,
};
use serde_json::Value;
use url::Url;

use super::mapping::{Field, Mapping, normalised};
use crate::network::{address_or_name, without_url_credentials};
use crate::secret::without_passwords;
use crate::{Context, Record};

/// The cells of a row.
pub(super) enum Cells<'r> {
    /// Normalised column names and the cells under them.
    Table(&'r [String], &'r csv::StringRecord),
    Object(&'r Value),
}

impl Cells<'_> {
    /// The cell under a column; nothing if it is empty or says so (`N/A`).
    fn get(&self, column: &str) -> Option<Value> {
        let value = match self {
            Self::Table(names, row) => {
                let wanted = normalised(column);
                let text = names.iter().position(|name| *name == wanted).and_then(|at| row.get(at))?;
                Value::from(text.trim())
            }
            Self::Object(object) => lookup(object, column)?.clone(),
        };
        let is_empty = match &value {
            Value::Null => true,
            Value::String(text) => {
                let text = text.trim();
                text.is_empty() || text.eq_ignore_ascii_case("n/a") || text == "-"
            }
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        (!is_empty).then_some(value)
    }
}

/// A member by its name, or by a path of names with dots.
fn lookup<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    let member = |value: &'v Value, name: &str| -> Option<&'v Value> {
        let map = value.as_object()?;
        let wanted = normalised(name);
        map.get(name)
            .or_else(|| map.iter().find(|(key, _)| normalised(key) == wanted).map(|(_, value)| value))
    };
    member(object, path).or_else(|| path.split('.').try_fold(object, member))
}

/// A row with the mapping that explains it.
pub(super) struct Row<'r> {
    pub(super) cells: Cells<'r>,
    pub(super) mapping: &'r Mapping,
    pub(super) context: &'r Context,
    /// The family of rules: the tool's name.
    pub(super) family: &'r str,
}

impl Row<'_> {
    fn value(&self, field: Field) -> Option<Value> {
        self.mapping
            .columns(field)
            .into_iter()
            .find_map(|column| self.cells.get(column))
            .or_else(|| self.mapping.constant(field).map(Value::from))
    }

    pub(super) fn text(&self, field: Field) -> Option<String> {
        match self.value(field)? {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Array(list) => {
                let texts = list.iter().filter_map(|item| match item {
                    Value::String(text) => Some(text.trim().to_owned()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                });
                let texts: Vec<String> = texts.collect();
                (!texts.is_empty()).then(|| texts.join("\n"))
            }
            _ => None,
        }
    }

    fn number(&self, field: Field) -> Option<f64> {
        self.text(field)?.parse().ok()
    }

    fn flag(&self, field: Field) -> bool {
        self.text(field).is_some_and(|text| matches!(text.to_lowercase().as_str(), "true" | "yes" | "1"))
    }

    /// Turns the row into a record. `fallback` names the asset of rows that name none.
    pub(super) fn record(&self, at: String, fallback: &mut dyn FnMut(AssetKind) -> Arc<Subject>) -> Record {
        let Some(title) = self.text(Field::Title) else {
            return Record::rejected(at, "the field title is empty");
        };
        let weaknesses = match self.weaknesses(&title) {
            Ok(weaknesses) => weaknesses,
            Err(message) => return Record::rejected(at, message),
        };
        let targets = match self.targets(fallback) {
            Ok(targets) => targets,
            Err(message) => return Record::rejected(at, message),
        };
        let is_vulnerability =
            weaknesses.iter().any(|weakness| matches!(weakness.key, WeaknessKey::Vulnerability(_)));
        let severity = self.severity();
        let status = self.status();
        let findings = targets.into_iter().map(|target| {
            let place = if is_vulnerability { Place::Whole } else { self.place(&target, &weaknesses[0]) };
            Observation::Finding(Box::new(Finding {
                subject: target.subject,
                weaknesses: weaknesses.clone(),
                place,
                part: if is_vulnerability { self.part() } else { None },
                status: status.clone(),
                severity,
                evidence: self
                    .text(Field::Evidence)
                    .map(|text| excerpt(&without_passwords(&without_url_credentials(&text)), 2000)),
                fix: self.fix(),
                attributes: self.attributes(target.url.as_ref()),
            }))
        });
        Record::observed(at, findings.collect())
    }

    fn weaknesses(&self, title: &str) -> Result<Vec<Weakness>, String> {
        let title = excerpt(title, 200);
        let ids: Vec<String> = self
            .text(Field::Cve)
            .map(|text| text.split([',', ';', '\n', ' ', '|']).map(|id| id.trim().to_owned()).collect())
            .unwrap_or_default();
        let mut ids: Vec<String> = ids.into_iter().filter(|id| id.contains('-')).collect();
        // DefectDojo has both one id and the list of all.
        if self.mapping.named().next().is_none()
            && let Some(Value::Array(list)) = self.cells.get("vulnerability_ids")
        {
            ids.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        ids.sort_unstable();
        ids.dedup();
        let cves: Vec<&String> =
            ids.iter().filter(|id| id.to_ascii_uppercase().starts_with("CVE-")).collect();
        let mut weaknesses: Vec<Weakness> = if cves.len() > 1 {
            cves.iter().filter_map(|id| Weakness::from_ids([id.as_str()], &title)).collect()
        } else {
            Weakness::from_ids(ids.iter().map(String::as_str), &title).into_iter().collect()
        };
        if weaknesses.is_empty() {
            weaknesses.push(Weakness::new(self.rule(&title)?, &title));
        }
        let cwes = self.cwes();
        let vectors: Vec<String> =
            self.text(Field::Cvss).filter(|vector| vector.contains("AV:")).into_iter().collect();
        let score = self.number(Field::Score).filter(|score| (0.0..=10.0).contains(score) && *score > 0.0);
        let references: Vec<String> = self
            .text(Field::References)
            .map(|text| text.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default();
        for weakness in &mut weaknesses {
            weakness.cwes.clone_from(&cwes);
            weakness.cvss.clone_from(&vectors);
            weakness.score = score;
            weakness.references =
                references.iter().filter(|link| link.contains("://")).take(10).cloned().collect();
        }
        weaknesses[0].description = self.text(Field::Description).map(|text| excerpt(&text, 2000));
        Ok(weaknesses)
    }

    /// The tool's own id if there is one, else the title: two titles are two weaknesses.
    fn rule(&self, title: &str) -> Result<WeaknessKey, String> {
        match self.text(Field::Weakness) {
            Some(id) if id.to_ascii_uppercase().starts_with("CVE-") => Ok(WeaknessKey::vulnerability(id)),
            Some(id) => match id.split_once(':') {
                Some((family, rule)) if !family.is_empty() && !rule.is_empty() && !family.contains(' ') => {
                    Ok(WeaknessKey::rule(family, rule))
                }
                _ => Ok(WeaknessKey::rule(self.family, id)),
            },
            None => {
                let words: Vec<String> = title
                    .split(|c: char| !c.is_alphanumeric())
                    .filter(|word| !word.is_empty())
                    .map(str::to_lowercase)
                    .collect();
                if words.is_empty() {
                    return Err("the field title holds no word".to_owned());
                }
                Ok(WeaknessKey::rule(self.family, words.join("-")))
            }
        }
    }

    fn cwes(&self) -> Vec<u32> {
        let text = self.text(Field::Cwe).unwrap_or_default();
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
        let mut cwes: Vec<u32> = numbers.filter(|number| *number > 0).collect();
        cwes.sort_unstable();
        cwes.dedup();
        cwes
    }

    fn severity(&self) -> Severity {
        let word = self.text(Field::Severity).unwrap_or_default();
        match self.mapping.severity(&word) {
            Severity::Unknown => {
                self.number(Field::Score).map_or(Severity::Unknown, Severity::from_cvss_score)
            }
            severity => severity,
        }
    }

    fn status(&self) -> Status {
        let not_affected =
            |justification: &str| Status::NotAffected { justification: justification.to_owned() };
        if self.flag(Field::FalsePositive) {
            return not_affected("false positive");
        }
        if self.flag(Field::Mitigated) {
            return Status::Fixed;
        }
        let word = normalised(&self.text(Field::Status).unwrap_or_default());
        match word.as_str() {
            "fixed" | "resolved" | "mitigated" | "closed" | "remediated" => Status::Fixed,
            "false_positive" => not_affected("false positive"),
            "not_affected" | "not_applicable" => not_affected("stated by the report"),
            "under_investigation" | "in_triage" | "triage" | "under_review" => Status::UnderInvestigation,
            _ => Status::Affected,
        }
    }

    /// What the row is about: the asset, each of its endpoints, or the fallback.
    fn targets(&self, fallback: &mut dyn FnMut(AssetKind) -> Arc<Subject>) -> Result<Vec<Target>, String> {
        let kind = match self.text(Field::AssetKind) {
            Some(text) => {
                let kind = AssetKind::parse(&normalised(&text).replace('_', "-"));
                Some(kind.ok_or_else(|| format!("the field asset_kind: {text:?} is not a kind of asset"))?)
            }
            None => None,
        };
        let url = self.text(Field::Url).and_then(|url| Url::parse(&url).ok()).filter(Url::has_host);
        let named: Vec<Target> = match self.value(Field::Asset) {
            Some(Value::Array(list)) => list.iter().filter_map(|item| self.endpoint(item, kind)).collect(),
            Some(value @ Value::Object(_)) => self.endpoint(&value, kind).into_iter().collect(),
            Some(Value::String(text)) => {
                // Several names in one cell name one asset: an address and the names that it has.
                let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
                let targets: Vec<Target> = parts.filter_map(|part| self.asset(part, kind)).collect();
                merged(targets)
            }
            _ => Vec::new(),
        };
        if !named.is_empty() {
            let mut named = named;
            for target in &mut named {
                target.url = target.url.take().or_else(|| url.clone());
            }
            return Ok(named);
        }
        if let (Some(url), None) = (&url, &self.context.asset)
            && let Some(identifier) = url.host_str().and_then(|host| address_or_name(self.context, host))
        {
            let subject = Arc::new(Subject::new(kind.unwrap_or(AssetKind::Host), [identifier]));
            return Ok(vec![Target { subject, url: Some(url.clone()) }]);
        }
        let is_code = self.text(Field::Path).is_some() || self.text(Field::Component).is_some();
        let kind = kind.unwrap_or(if is_code { AssetKind::Repository } else { AssetKind::Application });
        Ok(vec![Target { subject: fallback(kind), url }])
    }

    /// An endpoint of DefectDojo: a URL or host, or an object with `host`, `port`, `protocol`, `path`.
    fn endpoint(&self, item: &Value, kind: Option<AssetKind>) -> Option<Target> {
        match item {
            Value::String(text) => self.asset(text, kind),
            Value::Object(members) => {
                let text =
                    |key: &str| members.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
                let host = text("host")?;
                let identifier = address_or_name(self.context, host)?;
                let port = members.get("port").and_then(Value::as_u64).map(|port| format!(":{port}"));
                let url = text("protocol").and_then(|protocol| {
                    let path = text("path").unwrap_or_default().trim_start_matches('/');
                    let query = text("query").map(|query| format!("?{query}")).unwrap_or_default();
                    Url::parse(&format!(
                        "{protocol}://{host}{}/{path}{query}",
                        port.clone().unwrap_or_default()
                    ))
                    .ok()
                });
                let subject = Arc::new(Subject::new(kind.unwrap_or(AssetKind::Host), [identifier]));
                Some(Target { subject, url })
            }
            _ => None,
        }
    }

    /// Reads a name of an asset by its looks, as far as the kind leaves it open.
    fn asset(&self, text: &str, kind: Option<AssetKind>) -> Option<Target> {
        let of = |kind, identifier| Target { subject: Arc::new(Subject::new(kind, [identifier])), url: None };
        if let Some(identifier) = Identifier::parse(text) {
            let guess = match identifier.scheme() {
                Scheme::RepositoryUrl => AssetKind::Repository,
                Scheme::ImageRepository | Scheme::ImageDigest | Scheme::ImageReference | Scheme::Purl => {
                    AssetKind::Artifact
                }
                Scheme::AwsArn | Scheme::CloudId => AssetKind::CloudResource,
                Scheme::CloudAccount => AssetKind::CloudAccount,
                _ => AssetKind::Host,
            };
            return Some(of(kind.unwrap_or(guess), identifier));
        }
        if text.starts_with("arn:") {
            return Some(of(kind.unwrap_or(AssetKind::CloudResource), Identifier::new(Scheme::AwsArn, text)));
        }
        match kind {
            Some(AssetKind::Repository) => {
                let is_url = text.contains("://") || text.starts_with("git@") || text.contains('/');
                let scheme = if is_url { Scheme::RepositoryUrl } else { Scheme::Target };
                return Some(of(AssetKind::Repository, Identifier::new(scheme, text)));
            }
            Some(AssetKind::Artifact) => return Some(of(AssetKind::Artifact, image(text))),
            Some(kind) if !matches!(kind, AssetKind::Host | AssetKind::Workload | AssetKind::Endpoint) => {
                return Some(of(kind, Identifier::new(Scheme::Target, text)));
            }
            _ => {}
        }
        let kind = kind.unwrap_or(AssetKind::Host);
        if let Ok(url) = Url::parse(text)
            && let Some(host) = url.host_str()
        {
            if url.path().strip_suffix(".git").is_some() {
                return Some(of(AssetKind::Repository, Identifier::new(Scheme::RepositoryUrl, text)));
            }
            let identifier = address_or_name(self.context, host)?;
            let subject = Arc::new(Subject::new(kind, [identifier]));
            return Some(Target { subject, url: Some(url) });
        }
        if text.starts_with("git@") {
            return Some(of(AssetKind::Repository, Identifier::new(Scheme::RepositoryUrl, text)));
        }
        if text.contains("@sha256:") || (text.contains('/') && text.contains(':')) {
            return Some(of(AssetKind::Artifact, image(text)));
        }
        // `host:port` is a host; the port has a field of its own.
        let host = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => host,
            _ => text,
        };
        match address_or_name(self.context, host) {
            Some(identifier) => Some(of(kind, identifier)),
            None => Some(of(kind, Identifier::new(Scheme::Target, text))),
        }
    }

    fn place(&self, target: &Target, weakness: &Weakness) -> Place {
        if let Some(text) = self.text(Field::Place) {
            return Place::parse(&text).unwrap_or(Place::Setting(text));
        }
        if let Some(path) = self.text(Field::Path) {
            return Place::code(&path, self.text(Field::Snippet).as_deref(), &weakness.key.to_string());
        }
        if let Some(url) = target.url.as_ref().filter(|url| matches!(url.scheme(), "http" | "https"))
            && let Some(port) = url.port_or_known_default()
        {
            let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
            return Place::web("GET", port, path, self.text(Field::Parameter).as_deref());
        }
        match self.text(Field::Port).and_then(|port| port.parse::<u16>().ok()) {
            Some(port) if port > 0 => {
                let protocol = self.text(Field::Protocol).map(|protocol| protocol.to_lowercase());
                let is_transport = |protocol: &String| matches!(protocol.as_str(), "tcp" | "udp" | "sctp");
                Place::port(protocol.filter(is_transport).as_deref().unwrap_or("tcp"), port)
            }
            _ => Place::Whole,
        }
    }

    fn part(&self) -> Option<Part> {
        let component = self.text(Field::Component).unwrap_or_default();
        let path = self.text(Field::Path).unwrap_or_default();
        if component.is_empty() && path.is_empty() {
            return None;
        }
        // A purl may carry the version itself.
        let (component, of_purl) = match component.rsplit_once('@') {
            Some((name, version)) if component.starts_with("pkg:") && !version.contains('/') => {
                (name.to_owned(), Some(version.to_owned()))
            }
            _ => (component, None),
        };
        Some(Part { component, path, version: self.text(Field::Version).or(of_purl) })
    }

    fn fix(&self) -> Option<FixHint> {
        let version = self.text(Field::FixedVersion);
        let component = self.text(Field::Component);
        let text = self.text(Field::Fix).or_else(|| {
            let version = version.as_deref()?;
            Some(format!("Upgrade {} to {version}.", component.as_deref().unwrap_or("the component")))
        })?;
        let is_upgrade = version.is_some() || {
            let head = text.to_lowercase();
            ["upgrade", "update", "patch"].iter().any(|word| head.starts_with(word))
        };
        let kind = match (is_upgrade, self.text(Field::Path)) {
            (true, _) => FixKind::Upgrade,
            (false, Some(_)) => FixKind::ChangeCode,
            (false, None) => FixKind::Configure,
        };
        Some(FixHint {
            kind,
            text: excerpt(&text, 500),
            component: component.filter(|_| is_upgrade),
            fixed_versions: version.into_iter().collect(),
        })
    }

    fn attributes(&self, url: Option<&Url>) -> Attributes {
        let mut attributes = Attributes::new();
        for field in [Field::Path, Field::Owner, Field::Date, Field::Id] {
            attributes.extend(self.text(field).map(|text| (field.as_str().to_owned(), text.into())));
        }
        let impact = self.text(Field::Impact).map(|text| excerpt(&text, 500));
        attributes.extend(impact.map(|text| ("impact".to_owned(), text.into())));
        let line = self.text(Field::Line).and_then(|line| line.parse::<u64>().ok());
        attributes.extend(line.map(|line| ("line".to_owned(), line.into())));
        attributes.extend(url.map(|url| ("url".to_owned(), without_url_credentials(url.as_str()).into())));
        attributes
    }
}

/// An asset, and the URL under which the row names it.
struct Target {
    subject: Arc<Subject>,
    url: Option<Url>,
}

/// One target from several names of it, if they are of one kind.
fn merged(targets: Vec<Target>) -> Vec<Target> {
    let mut by_kind: BTreeMap<AssetKind, Target> = BTreeMap::new();
    for target in targets {
        match by_kind.get_mut(&target.subject.kind()) {
            Some(known) => {
                let identifiers =
                    known.subject.identifiers().iter().chain(target.subject.identifiers()).cloned();
                known.subject = Arc::new(Subject::new(target.subject.kind(), identifiers));
                known.url = known.url.take().or(target.url);
            }
            None => {
                by_kind.insert(target.subject.kind(), target);
            }
        }
    }
    by_kind.into_values().collect()
}

fn image(text: &str) -> Identifier {
    match text.split_once('@') {
        Some((_, digest)) if digest.starts_with("sha256:") => Identifier::new(Scheme::ImageDigest, digest),
        _ => Identifier::new(Scheme::ImageReference, text),
    }
}
