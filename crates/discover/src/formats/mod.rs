//! Report formats: one file each, all with the same few parts in the same order.
//!
//! `sniff` says from the head how surely a document is in the format; `parse` streams it and hands
//! each record to the sink; small functions between them turn one record into observations.
//! [`TABLE`] is the one place where a format is registered; tests walk it.

mod aws;
mod bandit;
mod bloodhound;
mod checkov;
mod cyclonedx;
mod detect_secrets;
mod generic;
mod gitleaks;
mod grype;
mod nessus;
mod nmap;
mod nuclei;
mod ocsf;
mod opengraph;
mod osv_scanner;
mod prowler;
mod retire;
mod sarif;
mod spdx;
mod ssh_audit;
mod sslscan;
mod sslyze;
mod syft;
mod testssl;
mod trivy;
mod wapiti;
mod whatweb;

use std::io::Read;

use bartizan_intake::Document;

use crate::{Context, Error, Head, Header, Result, Sink};

/// What a format is and how it is read.
pub struct Format {
    /// The name for `--as` and in answers, `kebab-case`.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The tools that write it.
    pub tool: &'static str,
    pub kind: Kind,
    /// A command that makes such a report.
    pub example: &'static str,
    /// How surely the document is in this format.
    pub sniff: fn(&Head<'_>) -> Confidence,
    /// Reads the whole text.
    pub parse: fn(&mut dyn Read, &Context, &mut dyn Sink) -> Result<Header>,
}

/// What a format mostly tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Network,
    Vulnerabilities,
    Code,
    Secrets,
    Configuration,
    Cloud,
    Web,
    Components,
    Identities,
    Inventory,
    Any,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Vulnerabilities => "vulnerabilities",
            Self::Code => "code",
            Self::Secrets => "secrets",
            Self::Configuration => "configuration",
            Self::Cloud => "cloud",
            Self::Web => "web",
            Self::Components => "components",
            Self::Identities => "identities",
            Self::Inventory => "inventory",
            Self::Any => "any",
        }
    }
}

/// The answer of a sniff. The highest wins; of equals the first in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    No,
    /// The shape fits, but other formats have it too.
    Possible,
    /// A mark that only this format has.
    Certain,
}

/// Every format, in the order in which equals are tried.
#[rustfmt::skip]
pub const TABLE: &[Format] = &[
    aws::FORMAT,
    bandit::FORMAT,
    bloodhound::FORMAT,
    checkov::FORMAT,
    cyclonedx::json::FORMAT,
    cyclonedx::xml::FORMAT,
    detect_secrets::FORMAT,
    generic::FORMAT,
    gitleaks::FORMAT,
    grype::FORMAT,
    nessus::CSV,
    nessus::XML,
    nmap::FORMAT,
    nuclei::FORMAT,
    ocsf::FORMAT,
    opengraph::FORMAT,
    osv_scanner::FORMAT,
    prowler::CSV,
    prowler::JSON,
    retire::FORMAT,
    sarif::FORMAT,
    spdx::FORMAT,
    ssh_audit::FORMAT,
    sslscan::FORMAT,
    sslyze::FORMAT,
    syft::FORMAT,
    testssl::CSV,
    testssl::JSON,
    trivy::FORMAT,
    wapiti::JSON,
    wapiti::XML,
    whatweb::FORMAT,
];

/// Finds a format by its name.
pub fn by_name(name: &str) -> Result<&'static Format> {
    TABLE
        .iter()
        .find(|format| format.name == name)
        .ok_or_else(|| Error::UnknownFormat { name: name.to_owned() })
}

/// Recognises a document by its content.
pub fn recognise(document: &Document) -> Result<&'static Format> {
    let head = Head::new(document.head());
    TABLE
        .iter()
        .map(|format| ((format.sniff)(&head), format))
        .filter(|(confidence, _)| *confidence > Confidence::No)
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, format)| format)
        .ok_or_else(|| Error::Unrecognised { hint: hint(&head) })
}

/// What the document looks like, for the error message.
fn hint(head: &Head<'_>) -> String {
    match head.xml_root() {
        Some(root) => format!("XML with root element <{root}>"),
        None if head.is_json() && head.keys().is_empty() => "JSON without an object at its start".to_owned(),
        None if head.is_json() => {
            let keys: Vec<&str> = head.keys().iter().take(5).map(String::as_str).collect();
            format!("JSON with the keys {}", keys.join(", "))
        }
        None => {
            let line = head.text().lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            format!("it begins with {:?}", bartizan_model::excerpt(line, 60))
        }
    }
}

/// Reads a document in a format. An error of the bytes themselves (size cap, encoding, cut
/// compression) takes precedence over what the parser made of it.
pub fn read(
    document: &mut Document,
    format: &Format,
    context: &Context,
    sink: &mut dyn Sink,
) -> Result<Header> {
    let mut reader = document.reader();
    let header = (format.parse)(&mut reader, context, sink)
        .map_err(|error| document.byte_fault().map_or(error, Error::Intake))?;
    // Whatever a parser leaves unread still counts for the digest of the file.
    std::io::copy(&mut reader, &mut std::io::sink()).map_err(|error| document.fault(error))?;
    Ok(header)
}
