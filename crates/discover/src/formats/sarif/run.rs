//! One run of a report: its tool, rules, artifacts and provenance, and what they make of a result.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bartizan_model::{
    AssetKind, AssetObservation, Attributes, Checks, Coverage, Identifier, Observation, Places, Scheme,
    Subject,
};
use serde_json::Value;

use super::schema::{
    Artifact, ArtifactLocation, Finding, Invocation, Location, Logical, Message, Provenance, Rule, Tool,
};
use crate::Context;

/// What is known of a run so far.
#[derive(Default)]
pub(super) struct Run {
    tool: Option<Tool>,
    family: String,
    /// Rules of drafts, which stand outside the tool.
    loose_rules: Vec<Rule>,
    rule_by_id: BTreeMap<String, (usize, usize)>,
    artifacts: Vec<Artifact>,
    logical: Vec<Logical>,
    invocations: Vec<Invocation>,
    provenance: Vec<Provenance>,
    bases: BTreeMap<String, ArtifactLocation>,
    properties: BTreeMap<String, Value>,
    subject: Option<Arc<Subject>>,
    pub(super) named_subject: bool,
}

impl Run {
    pub(super) fn tool(&self) -> Option<&Tool> {
        self.tool.as_ref()
    }

    pub(super) fn set_tool(&mut self, tool: Tool) {
        self.family = family(tool.name());
        self.tool = Some(tool);
        self.index_rules();
    }

    pub(super) fn add_loose_rules(&mut self, rules: Vec<Rule>) {
        self.loose_rules.extend(rules);
        self.index_rules();
    }

    fn index_rules(&mut self) {
        let mut by_id = BTreeMap::new();
        for component in 0..self.components() {
            for (at, rule) in self.rules(component).iter().enumerate() {
                by_id.entry(rule.id.clone()).or_insert((component, at));
            }
        }
        self.rule_by_id = by_id;
    }

    /// The driver, then the extensions, then loose rules.
    fn components(&self) -> usize {
        self.tool.as_ref().map_or(1, |tool| 1 + tool.extensions.len()) + 1
    }

    fn rules(&self, component: usize) -> &[Rule] {
        let extensions = self.tool.as_ref().map_or(0, |tool| tool.extensions.len());
        match (&self.tool, component) {
            (Some(tool), 0) => &tool.driver.rules,
            (Some(tool), at) if at <= extensions => &tool.extensions[at - 1].rules,
            (_, at) if at == extensions + 1 => &self.loose_rules,
            _ => &[],
        }
    }

    pub(super) fn add_artifact(&mut self, artifact: Artifact) {
        self.artifacts.push(artifact);
    }

    pub(super) fn add_logical(&mut self, logical: Logical) {
        self.logical.push(logical);
    }

    pub(super) fn add_invocation(&mut self, invocation: Invocation) {
        self.invocations.push(invocation);
    }

    pub(super) fn add_provenance(&mut self, provenance: Provenance) {
        self.provenance.push(provenance);
    }

    pub(super) fn set_bases(&mut self, bases: BTreeMap<String, ArtifactLocation>) {
        self.bases = bases;
    }

    pub(super) fn set_properties(&mut self, properties: BTreeMap<String, Value>) {
        self.properties = properties;
    }

    pub(super) fn invocations(&self) -> &[Invocation] {
        &self.invocations
    }

    /// The family of the tool's rules.
    pub(super) fn family(&self) -> &str {
        if self.family.is_empty() { "sarif" } else { &self.family }
    }

    /// The rule of a result: by index and component, else by id, else by the id's first part
    /// (`CA1000/1` is a sub-rule of `CA1000`).
    pub(super) fn rule(&self, result: &Finding) -> Option<&Rule> {
        let reference = result.rule.as_ref();
        let index = result.rule_index.or_else(|| reference.and_then(|rule| rule.index));
        let component = match reference.map(|rule| &rule.component) {
            Some(component) => match (component.index, &component.name) {
                (Some(at), _) => usize::try_from(at).map_or(0, |at| at + 1),
                (None, Some(name)) => self
                    .tool
                    .as_ref()
                    .and_then(|tool| {
                        tool.extensions.iter().position(|known| known.name() == Some(name.as_str()))
                    })
                    .map_or(0, |at| at + 1),
                (None, None) => 0,
            },
            None => 0,
        };
        let id = rule_id(result);
        let by_index = index
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.rules(component).get(index))
            // An index that contradicts the id is wrong: some producers count from somewhere else.
            .filter(|rule| id.is_none_or(|id| id == rule.id || id.starts_with(&format!("{}/", rule.id))));
        by_index.or_else(|| {
            let id = id?;
            let known = self.rule_by_id.get(id).or_else(|| {
                let (parent, _) = id.rsplit_once('/')?;
                self.rule_by_id.get(parent)
            });
            known.and_then(|(component, at)| self.rules(*component).get(*at))
        })
    }

    /// The asset that the run is about.
    pub(super) fn subject(&mut self, context: &Context) -> Arc<Subject> {
        if let Some(subject) = &self.subject {
            return Arc::clone(subject);
        }
        let (subject, is_named) = self.find_subject(context);
        self.named_subject = is_named;
        self.subject = Some(Arc::clone(&subject));
        subject
    }

    fn find_subject(&self, context: &Context) -> (Arc<Subject>, bool) {
        if let Some(asset) = &context.asset {
            return (Arc::clone(asset), true);
        }
        let repository = self
            .provenance
            .iter()
            .find_map(|provenance| provenance.repository.as_deref())
            .filter(|url| !url.is_empty() && !url.starts_with("file:"));
        if let Some(url) = repository {
            let identifier = Identifier::new(Scheme::RepositoryUrl, url);
            return (Arc::new(Subject::new(AssetKind::Repository, [identifier])), true);
        }
        let image = self.image();
        if !image.is_empty() {
            return (Arc::new(Subject::new(AssetKind::Artifact, image)), true);
        }
        let identifier = Identifier::new(Scheme::Target, &context.name);
        (Arc::new(Subject::new(AssetKind::Repository, [identifier])), false)
    }

    /// Image scanners name the image in the properties of the run.
    fn image(&self) -> Vec<Identifier> {
        let texts = |key: &str| -> Vec<&str> {
            match self.properties.get(key) {
                Some(Value::String(text)) => vec![text.as_str()],
                Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            }
        };
        let mut identifiers = Vec::new();
        for reference in texts("imageName").into_iter().chain(texts("repoTags")) {
            if !reference.contains('@') && !reference.is_empty() {
                identifiers.push(Identifier::new(Scheme::ImageReference, reference));
            }
        }
        for digest in texts("repoDigests").into_iter().chain(texts("imageDigest")) {
            let digest = digest.rsplit_once('@').map_or(digest, |(_, digest)| digest);
            if digest.starts_with("sha256:") {
                identifiers.push(Identifier::new(Scheme::ImageDigest, digest));
            }
        }
        identifiers
    }

    /// The commit and branch that were scanned, for display.
    pub(super) fn asset(&self, subject: &Arc<Subject>) -> Option<AssetObservation> {
        let provenance = self.provenance.first()?;
        let mut attributes = Attributes::new();
        for (key, value) in [("revision", &provenance.revision), ("branch", &provenance.branch)] {
            attributes.extend(value.as_deref().map(|value| (key.to_owned(), value.into())));
        }
        Some(AssetObservation { subject: Arc::clone(subject), name: None, attributes })
    }

    /// The location of an artifact, by itself or by its index in the run's list.
    fn resolve<'l>(&'l self, location: &'l ArtifactLocation) -> Option<&'l ArtifactLocation> {
        if location.uri.is_some() {
            return Some(location);
        }
        let index = usize::try_from(location.index?).ok()?;
        Some(&self.artifacts.get(index)?.location)
    }

    /// The path of a location inside what was scanned. Absolute paths under a base of the run lose
    /// the base: it is where the scanner happened to work.
    pub(super) fn path(&self, location: &ArtifactLocation) -> Option<String> {
        let resolved = self.resolve(location)?;
        let uri = resolved.uri.as_deref().filter(|uri| !uri.is_empty())?;
        let path = decode(uri);
        let is_absolute = path.starts_with("file:") || path.starts_with('/');
        if !is_absolute {
            return Some(path);
        }
        let bases = self.bases.values().filter_map(|base| base.uri.as_deref()).map(decode);
        let shorter = bases
            .filter(|base| base.len() > "file:///".len())
            .filter_map(|base| {
                path.strip_prefix(base.as_str()).map(|rest| rest.trim_start_matches('/').to_owned())
            })
            .min_by_key(String::len);
        Some(shorter.unwrap_or_else(|| {
            let bare = path.strip_prefix("file://").unwrap_or(&path);
            // file:///C:/code → C:/code
            match bare.as_bytes() {
                [b'/', letter, b':', ..] if letter.is_ascii_alphabetic() => bare[1..].to_owned(),
                _ => bare.to_owned(),
            }
        }))
    }

    /// The name of the function, resource or package in which a location lies.
    pub(super) fn logical_name<'l>(&'l self, location: &'l Location) -> Option<&'l str> {
        location.logical_name.as_deref().or_else(|| {
            location.logical.iter().find_map(|logical| {
                let listed = || self.logical.get(usize::try_from(logical.index?).ok()?)?.name();
                logical.name().or_else(listed)
            })
        })
    }

    /// What the run proves by itself: these rules ran on these files, if the tool says that it ran
    /// to its end and names both.
    pub(super) fn coverage(&self, subject: &Arc<Subject>) -> Option<Coverage> {
        let has_ended = !self.invocations.is_empty()
            && self.invocations.iter().all(|invocation| invocation.successful == Some(true));
        if !has_ended {
            return None;
        }
        const SCANNED: [&str; 4] = ["analysisTarget", "scannedFile", "resultFile", "tracedFile"];
        let mut paths: Vec<String> = self
            .artifacts
            .iter()
            .filter(|artifact| {
                artifact.roles.is_empty()
                    || artifact.roles.iter().any(|role| SCANNED.contains(&role.as_str()))
            })
            .filter_map(|artifact| self.path(&artifact.location))
            .collect();
        paths.sort_unstable();
        paths.dedup();
        let ids: BTreeSet<&str> = (0..self.components())
            .flat_map(|component| self.rules(component))
            .map(|rule| rule.id.as_str())
            .filter(|id| !id.is_empty() && super::result::advisory_id(id).is_none())
            .collect();
        if paths.is_empty() || ids.is_empty() {
            return None;
        }
        Some(Coverage {
            subject: Arc::clone(subject),
            checks: Checks::Rules {
                family: self.family().to_owned(),
                ids: ids.into_iter().map(str::to_owned).collect(),
            },
            places: Places::Paths(paths),
        })
    }

    pub(super) fn coverage_remark(&self, subject: &Arc<Subject>) -> Option<Observation> {
        self.coverage(subject).map(Observation::Coverage)
    }
}

/// The id under which a result names its rule.
pub(super) fn rule_id(result: &Finding) -> Option<&str> {
    result
        .rule_id
        .as_deref()
        .or_else(|| result.rule.as_ref().and_then(|rule| rule.id.as_deref()))
        .filter(|id| !id.is_empty())
}

/// The message of a result: its own text, or the rule's template with the arguments filled in.
pub(super) fn message(result: &Finding, rule: Option<&Rule>) -> Option<String> {
    if let Some(text) = result.message.text() {
        let Message::Object(object) = &result.message else { return Some(text.to_owned()) };
        return Some(fill(text, &object.arguments));
    }
    let Message::Object(object) = &result.message else { return None };
    let template = rule?.messages.get(object.id.as_deref().unwrap_or("default"))?.text()?;
    Some(fill(template, &object.arguments))
}

/// Puts arguments in the place of `{0}`, `{1}`…; doubled braces stand for themselves (SARIF 2.1.0,
/// §3.11.5).
fn fill(template: &str, arguments: &[String]) -> String {
    if arguments.is_empty() {
        return template.to_owned();
    }
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let tail = &rest[at..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            filled.push_str(&tail[..1]);
            rest = &tail[2..];
            continue;
        }
        let end = tail.find('}').filter(|_| tail.starts_with('{'));
        let argument = end.and_then(|end| arguments.get(tail[1..end].parse::<usize>().ok()?));
        if let (Some(end), Some(argument)) = (end, argument) {
            filled.push_str(argument);
            rest = &tail[end + 1..];
        } else {
            filled.push_str(&tail[..1]);
            rest = &tail[1..];
        }
    }
    filled.push_str(rest);
    filled
}

/// Undoes percent-encoding; bytes that make no text stay encoded.
fn decode(uri: &str) -> String {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%'
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = ((*high as char).to_digit(16), (*low as char).to_digit(16))
        {
            bytes.push((high * 16 + low) as u8);
            rest = after;
            continue;
        }
        bytes.push(*first);
        rest = tail;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| uri.to_owned())
}

/// The family of a tool's rules: its name in lower case with hyphens, and one name for the editions
/// of one tool.
fn family(name: &str) -> String {
    let words: Vec<String> = name
        .split(|c: char| c.is_whitespace() || c == '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let family = words.join("-");
    match family.as_str() {
        "semgrep-oss" | "semgrep-pro" | "opengrep-oss" => {
            family.trim_end_matches("-oss").trim_end_matches("-pro").to_owned()
        }
        "nodejsscan" => "njsscan".to_owned(),
        _ => family,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, family, fill};

    #[test]
    fn arguments_are_filled_in() {
        let arguments = ["x".to_owned(), "y".to_owned()];
        assert_eq!(fill("{0} flows to {1}, {{0}} {2} {", &arguments), "x flows to y, {0} {2} {");
    }

    #[test]
    fn percent_encoding_is_undone() {
        assert_eq!(decode("a%20b%C3%A4%zz"), "a bä%zz");
        assert_eq!(decode("%FF"), "%FF");
    }

    #[test]
    fn editions_share_a_family() {
        assert_eq!(family("Semgrep OSS"), "semgrep");
        assert_eq!(family("Mayhem Code Security"), "mayhem-code-security");
    }
}
