//! Wapiti JSON and XML (versions 2.3 to 3.2): weaknesses of web applications.
//!
//! A record is one entry: a category of weakness at a URL. Entries of one category that say the same
//! are one finding. Anomalies (what a payload upset) and additional facts (technologies, methods) are
//! no weaknesses to the tool either, and are ignored. The JSON names the target at its end, so the
//! entries wait for it.
//!
//! Coverage: the report lists every category, whether or not its module ran, and no page that was
//! clean, so nothing closes by absence.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_intake::xml::{Element, Node, Reader};
use bartizan_model::{
    AssetKind, Attributes, Finding, FixHint, FixKind, Observation, Part, Place, ServiceObservation, Severity,
    Subject, Weakness, WeaknessKey, excerpt,
};
use serde::Deserialize;
use url::Url;

use super::{Confidence, Format, Kind};
use crate::network::{address_or_name, reaches, without_url_credentials};
use crate::{Context, Error, Head, Header, Record, Result, Sink, lenient};

const FAMILY: &str = "wapiti";

pub(super) const JSON: Format = Format {
    name: "wapiti-json",
    title: "Wapiti JSON",
    tool: "Wapiti",
    kind: Kind::Web,
    example: "wapiti -u https://shop.example.com/ -f json -o wapiti.json",
    sniff: sniff_json,
    parse: parse_json,
};

pub(super) const XML: Format = Format {
    name: "wapiti-xml",
    title: "Wapiti XML",
    tool: "Wapiti",
    kind: Kind::Web,
    example: "wapiti -u https://shop.example.com/ -f xml -o wapiti.xml",
    sniff: sniff_xml,
    parse: parse_xml,
};

fn sniff_json(head: &Head<'_>) -> Confidence {
    let has_lists = head.has_key("classifications") && head.contains("\"wstg\"");
    let is_short = head.has_keys(&["vulnerabilities", "anomalies", "infos"]);
    if has_lists || is_short { Confidence::Certain } else { Confidence::No }
}

fn sniff_xml(head: &Head<'_>) -> Confidence {
    let is_own =
        head.xml_root() == Some("report") && head.contains("<report_infos>") && head.contains("apiti");
    if is_own { Confidence::Certain } else { Confidence::No }
}

/// What the report says of a category.
#[derive(Default, Deserialize)]
struct Category {
    #[serde(rename = "desc", default, deserialize_with = "lenient::text")]
    description: Option<String>,
    #[serde(rename = "sol", default, deserialize_with = "lenient::text")]
    solution: Option<String>,
    /// Title to link.
    #[serde(rename = "ref", default, deserialize_with = "lenient::optional")]
    references: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
struct Entry {
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    info: String,
    #[serde(default, deserialize_with = "lenient::text")]
    level: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    parameter: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    module: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    curl_command: Option<String>,
}

#[derive(Default, Deserialize)]
struct Infos {
    #[serde(default)]
    target: String,
    #[serde(default, deserialize_with = "lenient::text")]
    date: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    version: Option<String>,
}

#[derive(Default)]
struct Report {
    categories: BTreeMap<String, Category>,
    infos: Option<Infos>,
    entries: Vec<(String, String, Result<Entry, String>)>,
    ignored: Vec<(String, &'static str)>,
}

const ROUTES: &[&str] =
    &["infos", "classifications.{}", "vulnerabilities.{}", "anomalies.{}", "additionals.{}"];

fn parse_json(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut report = Report::default();
    let (is_own, mut reader) =
        crate::peek::has_any_key(reader, &["classifications", "vulnerabilities", "infos"])?;
    walk::<Error>(&mut reader, ROUTES, Documents::One, &mut |event, position| {
        let Event::Value { route, key, json } = event else { return Ok(()) };
        let key = key.unwrap_or_default();
        match route {
            0 => report.infos = serde_json::from_str(json).ok(),
            1 => {
                let category = serde_json::from_str(json).unwrap_or_default();
                report.categories.insert(key.to_owned(), category);
            }
            _ => {
                let rows: Vec<&serde_json::value::RawValue> = serde_json::from_str(json).unwrap_or_default();
                for (index, row) in rows.into_iter().enumerate() {
                    let at = format!("{position}[{index}]");
                    match route {
                        2 => {
                            let entry = serde_json::from_str(row.get()).map_err(|error| error.to_string());
                            report.entries.push((at, key.to_owned(), entry));
                        }
                        3 => report.ignored.push((at, ANOMALY)),
                        _ => report.ignored.push((at, ADDITIONAL)),
                    }
                }
            }
        }
        Ok(())
    })?;
    if !is_own {
        let message = "there are neither classifications nor vulnerabilities in it".to_owned();
        return Err(Error::Incomplete { format: JSON.name, message });
    }
    report.tell(context, sink)
}

const ANOMALY: &str = "anomaly, not a weakness by itself";
const ADDITIONAL: &str = "information on the application";

fn parse_xml(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut report = Report::default();
    let mut xml = Reader::new(reader);
    let mut is_first = true;
    loop {
        let element = match xml.next()? {
            Node::Start(element) => element,
            Node::Eof => break,
            Node::End(_) | Node::Text(_) => continue,
        };
        if std::mem::take(&mut is_first) {
            if element.name != "report" {
                let message = format!("its root is <{}>, not <report>", element.name);
                return Err(Error::Incomplete { format: XML.name, message });
            }
            continue;
        }
        match element.name.as_str() {
            "report_infos" => {
                let infos = xml.subtree(element)?;
                let info = |name: &str| {
                    let info = infos.children("info").find(|info| info.attribute("name") == Some(name));
                    info.map(|info| info.text.trim().to_owned())
                };
                report.infos = Some(Infos {
                    target: info("target").unwrap_or_default(),
                    date: info("dateOfScan").or_else(|| info("date")),
                    version: info("generatorVersion").or_else(|| info("version")),
                });
            }
            "vulnerability" => report.category(&xml.subtree(element)?),
            name @ ("anomaly" | "additional") => {
                let reason = if name == "anomaly" { ANOMALY } else { ADDITIONAL };
                let category = xml.subtree(element)?;
                let title = category.attribute("name").unwrap_or_default();
                for (index, _) in entries(&category).enumerate() {
                    report.ignored.push((format!("{title} entry {}", index + 1), reason));
                }
            }
            "vulnerabilities" | "anomalies" | "additionals" => {}
            _ => xml.skip()?,
        }
    }
    report.tell(context, sink)
}

fn entries(category: &Element) -> impl Iterator<Item = &Element> {
    category.children("entries").flat_map(|entries| entries.children("entry"))
}

impl Report {
    fn category(&mut self, element: &Element) {
        let text = |element: &Element, name: &str| element.text_of(name).map(str::to_owned);
        let name = element.attribute("name").unwrap_or_default().to_owned();
        let references = element.children("references").flat_map(|list| list.children("reference"));
        let category = Category {
            description: text(element, "description"),
            solution: text(element, "solution"),
            references: Some(
                references
                    .filter_map(|reference| Some((text(reference, "title")?, text(reference, "url")?)))
                    .collect(),
            ),
        };
        for (index, entry) in entries(element).enumerate() {
            let read = Entry {
                method: text(entry, "method").unwrap_or_default(),
                path: text(entry, "path").unwrap_or_default(),
                info: text(entry, "info").unwrap_or_default(),
                level: text(entry, "level"),
                parameter: text(entry, "parameter"),
                module: text(entry, "module"),
                curl_command: text(entry, "curl_command"),
            };
            self.entries.push((format!("{name} entry {}", index + 1), name.clone(), Ok(read)));
        }
        self.categories.insert(name, category);
    }

    fn tell(self, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
        let mut header = Header::new(FAMILY);
        let infos = self.infos.unwrap_or_default();
        header.scanned_at = infos.date.as_deref().and_then(crate::time::parse);
        header.tool_version = infos.version.map(|version| version.replace("Wapiti", "").trim().to_owned());
        let target = Target::of(&infos.target, context);
        if let Some(target) = &target {
            for observation in target.service(context) {
                sink.remark(observation)?;
            }
        }
        for (at, reason) in self.ignored {
            sink.record(Record::ignored(at, reason))?;
        }
        let none = Category::default();
        for (at, name, entry) in self.entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(message) => {
                    sink.record(Record::rejected(at, message))?;
                    continue;
                }
            };
            // With a wide scope an entry may be about another host.
            let own = entry.curl_command.as_deref().and_then(url_of_command);
            let own = own.and_then(|url| Target::of(url, context));
            let Some(target) = own.as_ref().or(target.as_ref()) else {
                sink.record(Record::rejected(at, "neither the entry nor the report names a target"))?;
                continue;
            };
            let category = self.categories.get(&name).unwrap_or(&none);
            sink.record(record(at, &name, category, &entry, target))?;
        }
        Ok(header)
    }
}

/// The URL in `curl "https://…" -e …`.
fn url_of_command(command: &str) -> Option<&str> {
    let start = command.find("\"http").or_else(|| command.find("'http"))? + 1;
    let rest = &command[start..];
    Some(&rest[..rest.find(['"', '\'']).unwrap_or(rest.len())])
}

struct Target {
    host: Arc<Subject>,
    port: u16,
    is_tls: bool,
}

impl Target {
    fn of(url: &str, context: &Context) -> Option<Self> {
        let url = Url::parse(url.trim()).ok()?;
        let identifier = address_or_name(context, url.host_str()?)?;
        Some(Self {
            host: Arc::new(Subject::new(AssetKind::Host, [identifier])),
            port: url.port_or_known_default()?,
            is_tls: url.scheme() == "https",
        })
    }

    fn service(&self, context: &Context) -> Vec<Observation> {
        let attributes =
            Attributes::from([("service".to_owned(), "http".into()), ("tls".to_owned(), self.is_tls.into())]);
        let service = ServiceObservation {
            host: Arc::clone(&self.host),
            protocol: "tcp".to_owned(),
            port: self.port,
            attributes,
        };
        let reaches = reaches(context, &self.host, "tcp", self.port);
        std::iter::once(Observation::Service(service)).chain(reaches).collect()
    }
}

/// What tells two entries of a category at one URL apart: the parameter by its name (values may be
/// credentials), else the header or cookie that the text is about.
fn detail(entry: &Entry) -> Option<String> {
    let parameter = entry.parameter.as_deref().unwrap_or_default().trim();
    if !parameter.is_empty() {
        let names: Vec<&str> =
            parameter.split('&').map(|pair| pair.split('=').next().unwrap_or_default()).collect();
        return Some(names.join("&"));
    }
    let info = entry.info.trim();
    let quoted = || info.split('"').nth(1).filter(|_| info.starts_with("CSP"));
    let of_cookie =
        || info.split_once("cookie").and_then(|(_, rest)| rest.split_once(':')).map(|(_, name)| name.trim());
    let of_header = || info.strip_suffix(" is not set").filter(|name| !name.contains(' '));
    let name =
        of_header().or_else(quoted).or_else(of_cookie).filter(|name| !name.is_empty() && name.len() < 100);
    name.map(str::to_owned)
}

/// Categories that are about one published vulnerability.
fn published(name: &str) -> Option<&'static str> {
    match name {
        "Log4Shell" => Some("CVE-2021-44228"),
        "Spring4Shell" => Some("CVE-2022-22965"),
        _ => None,
    }
}

fn severity(entry: &Entry) -> Severity {
    match entry.level.as_deref().map(str::trim) {
        Some("0") => Severity::Info,
        Some("1") => Severity::Low,
        Some("2") => Severity::Medium,
        Some("3") => Severity::High,
        Some("4") => Severity::Critical,
        Some(word) => Severity::from_word(word),
        None => Severity::Unknown,
    }
}

fn record(at: String, name: &str, category: &Category, entry: &Entry, target: &Target) -> Record {
    if name.is_empty() {
        return Record::rejected(at, "the entry has no category");
    }
    let mut weakness = Weakness::new(
        published(name).map_or_else(|| WeaknessKey::rule(FAMILY, name), WeaknessKey::vulnerability),
        name,
    );
    weakness.description = category.description.as_deref().map(|text| excerpt(text, 4_000));
    for (title, link) in category.references.iter().flatten() {
        if let Some(number) = title.strip_prefix("CWE-").and_then(crate::cwe::number) {
            weakness.cwes.push(number);
        }
        if link.contains("://") && weakness.references.len() < 10 {
            weakness.references.push(link.clone());
        }
    }
    weakness.cwes.sort_unstable();
    weakness.cwes.dedup();
    let method = if entry.method.is_empty() { "GET" } else { &entry.method };
    let path = if entry.path.is_empty() { "/" } else { &entry.path };
    let detail = detail(entry);
    let web = Place::web(method, target.port, path, detail.as_deref());
    let Place::Web { url, .. } = &web else { return Record::rejected(at, "the entry has no URL") };
    let url = url.clone();
    let is_published = published(name).is_some();
    let place = if is_published { Place::Whole } else { web };
    let mut finding = Finding::new(Arc::clone(&target.host), weakness, place, severity(entry));
    if is_published {
        finding.part =
            Some(Part { component: format!("tcp/{}", target.port), path: url.clone(), version: None });
    }
    // What was guessed stands in the text.
    let is_secret = name.contains("credentials");
    let text = without_url_credentials(&entry.info);
    finding.evidence = Some(if is_secret {
        format!("{name} accepted at {method} {url}")
    } else {
        excerpt(&format!("{method} {url}: {text}"), 2_000)
    });
    finding.fix =
        category.solution.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(|text| FixHint {
            kind: FixKind::Configure,
            text: excerpt(text, 1_000),
            component: None,
            fixed_versions: Vec::new(),
        });
    finding.attributes.insert("port".to_owned(), target.port.into());
    if let Some(module) = entry.module.as_deref().filter(|module| !module.is_empty()) {
        finding.attributes.insert("module".to_owned(), module.into());
    }
    let fold = if is_secret { name.to_owned() } else { format!("{name}: {text}") };
    Record::observed(at, vec![Observation::Finding(Box::new(finding))]).folded(fold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_names_without_values() {
        for (parameter, info, expected) in [
            ("username=admin&password=secret", "", Some("username&password")),
            ("", "X-Frame-Options is not set", Some("X-Frame-Options")),
            ("", "CSP attribute \"script-src\" is missing", Some("script-src")),
            ("", "HttpOnly flag is not set in the cookie : session", Some("session")),
            ("", "CSP is not set", Some("CSP")),
            ("", "Something else", None),
        ] {
            let entry =
                Entry { parameter: Some(parameter.to_owned()), info: info.to_owned(), ..Entry::default() };
            assert_eq!(detail(&entry).as_deref(), expected, "{info}");
        }
    }

    #[test]
    fn commands_hold_the_url() {
        assert_eq!(url_of_command("curl \"https://a.example/x\" -e \"b\""), Some("https://a.example/x"));
        assert_eq!(url_of_command("curl"), None);
    }
}
