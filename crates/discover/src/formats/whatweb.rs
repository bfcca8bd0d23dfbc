//! WhatWeb JSON: what web servers are made of.
//!
//! A record is one target: its service, and each technology as a component of the host. A target that
//! tells versions is also an informational finding, since that is what the tool's users look for.
//! What the plugins say of the page (its title, its cookies, addresses of people) is no component.
//!
//! Coverage: a target that answered was asked for its versions.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bartizan_model::{
    Attributes, ComponentObservation, Observation, Part, Severity, Weakness, WeaknessKey, excerpt,
};
use serde::Deserialize;
use url::Url;

use super::{Confidence, Format, Kind};
use crate::endpoint::Endpoint;
use crate::network::without_url_credentials;
use crate::rows::rows;
use crate::{Context, Head, Header, Record, Result, Sink, lenient, tls};

const FAMILY: &str = "whatweb";
const RULE: &str = "version-disclosed";

pub(super) const FORMAT: Format = Format {
    name: "whatweb",
    title: "WhatWeb JSON",
    tool: "WhatWeb",
    kind: Kind::Web,
    example: "whatweb --log-json=whatweb.json https://shop.example.com/",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let is_own = head.has_keys(&["target", "http_status", "plugins"]);
    if is_own { Confidence::Certain } else { Confidence::No }
}

/// Plugins that tell of the page or the answer, not of a technology.
const NO_TECHNOLOGY: [&str; 31] = [
    "Access-Control-Allow-Methods",
    "Allow",
    "Content-Language",
    "Content-Security-Policy",
    "Cookies",
    "Country",
    "Email",
    "Footer-Hash",
    "Frame",
    "Google-Analytics",
    "HTML5",
    "HTTPServer",
    "HttpOnly",
    "IP",
    "MetaGenerator",
    "Meta-Author",
    "Meta-Refresh-Redirect",
    "Open-Graph-Protocol",
    "PasswordField",
    "PoweredBy",
    "RedirectLocation",
    "Script",
    "Strict-Transport-Security",
    "Title",
    "UncommonHeaders",
    "Via-Proxy",
    "WWW-Authenticate",
    "X-Frame-Options",
    "X-Powered-By",
    "X-UA-Compatible",
    "X-XSS-Protection",
];

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    target: String,
    #[serde(default, deserialize_with = "lenient::optional")]
    http_status: Option<u16>,
    #[serde(default)]
    plugins: BTreeMap<String, Plugin>,
}

#[derive(Default, Deserialize)]
struct Plugin {
    #[serde(default, deserialize_with = "lenient::strings")]
    string: Vec<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    version: Vec<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    os: Vec<String>,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new(FAMILY);
    rows(reader, &mut |json, at| {
        // Versions before 0.5.5 close the list with an empty object.
        if json.trim() == "{}" {
            return Ok(());
        }
        if header.tool_version.is_none()
            && let Some((_, rest)) = json.split_once("WhatWeb/")
        {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(rest.len());
            header.tool_version = Some(rest[..end].to_owned()).filter(|version| !version.is_empty());
        }
        match serde_json::from_str::<Page>(json) {
            Ok(page) => tell(at, &page, context, sink),
            Err(error) => sink.record(Record::rejected(at, error.to_string())),
        }
    })?;
    Ok(header)
}

fn tell(at: String, page: &Page, context: &Context, sink: &mut dyn Sink) -> Result<()> {
    let target = page.target.trim();
    let url = Url::parse(target).ok().filter(Url::has_host);
    let first = |name: &str| page.plugins.get(name).and_then(|plugin| plugin.string.first());
    let ip = first("IP").map(String::as_str).unwrap_or_default();
    let endpoint = url
        .as_ref()
        .and_then(|url| Endpoint::new(context, url.host_str()?, ip, url.port_or_known_default()?));
    let (Some(url), Some(endpoint)) = (url, endpoint) else {
        return sink.record(Record::rejected(at, format!("the target {target:?} names no host")));
    };
    if page.http_status.is_none_or(|status| status == 0) && page.plugins.is_empty() {
        return sink.record(Record::ignored(at, "target not reached"));
    }
    let mut attributes = Attributes::from([("service".to_owned(), "http".into())]);
    for (key, name) in [
        ("server", "HTTPServer"),
        ("title", "Title"),
        ("powered_by", "X-Powered-By"),
        ("generator", "MetaGenerator"),
    ] {
        if let Some(text) = first(name).filter(|text| !text.is_empty()) {
            attributes.insert(key.to_owned(), excerpt(text, 200).into());
        }
    }
    if let Some(os) = page.plugins.values().find_map(|plugin| plugin.os.first()) {
        attributes.insert("os".to_owned(), os.as_str().into());
    }
    let mut observations = if url.scheme() == "https" {
        endpoint.tls_service(context, attributes)
    } else {
        endpoint.service(context, attributes)
    };
    let mut versions = Vec::new();
    for (name, plugin) in &page.plugins {
        let version = plugin.version.first().filter(|version| !version.is_empty());
        versions.extend(version.map(|version| format!("{name} {version}")));
        if NO_TECHNOLOGY.contains(&name.as_str()) {
            continue;
        }
        let part = Part { component: name.clone(), path: String::new(), version: version.cloned() };
        let mut attributes = Attributes::from([
            ("name".to_owned(), name.as_str().into()),
            ("type".to_owned(), "technology".into()),
            ("port".to_owned(), endpoint.port.into()),
        ]);
        if let Some(text) = plugin.string.first().filter(|text| !text.is_empty()) {
            attributes.insert("detail".to_owned(), excerpt(&without_url_credentials(text), 200).into());
        }
        let subject = Arc::clone(&endpoint.host);
        observations.push(Observation::Component(ComponentObservation { subject, part, attributes }));
    }
    if !versions.is_empty() {
        let mut weakness =
            Weakness::new(WeaknessKey::rule(FAMILY, RULE), "Web server tells versions of its software");
        weakness.cwes = vec![497];
        let fix = tls::configure("Take version numbers out of headers and pages.");
        let finding = endpoint.finding(vec![weakness], Severity::Info, &versions.join(", "), Some(fix));
        observations.extend(finding.map(|finding| Observation::Finding(Box::new(finding))));
    }
    if let Some(coverage) = endpoint.coverage(FAMILY, [RULE.to_owned()]) {
        sink.remark(coverage)?;
    }
    sink.record(Record::observed(at, observations))
}
