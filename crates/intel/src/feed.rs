//! The table of feeds: how each is recognised, and which reader takes it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::facts::{CveFacts, cve_id};
use crate::{Error, Result, cve, epss, exploits, kev, nvd, osv};

/// A kind of feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feed {
    /// CISA's catalogue of Known Exploited Vulnerabilities, JSON.
    Kev,
    /// FIRST's EPSS scores, CSV.
    Epss,
    /// CVE records 5.x, with Vulnrichment where it is in them: one, an array or JSON lines.
    Cve,
    /// Answers of the NVD API 2.0, or lines in its layout.
    Nvd,
    /// OSV records: one, an array or JSON lines.
    Osv,
    /// Metasploit modules: the project's own metadata, or a list per CVE.
    Metasploit,
    /// Nuclei templates for CVEs, JSON lines.
    Nuclei,
    /// CVE ids for which an exploit is public, one on a line.
    CveList,
}

impl Feed {
    pub const ALL: [Self; 8] = [
        Self::Kev,
        Self::Epss,
        Self::Cve,
        Self::Nvd,
        Self::Osv,
        Self::Metasploit,
        Self::Nuclei,
        Self::CveList,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kev => "kev",
            Self::Epss => "epss",
            Self::Cve => "cve",
            Self::Nvd => "nvd",
            Self::Osv => "osv",
            Self::Metasploit => "metasploit",
            Self::Nuclei => "nuclei",
            Self::CveList => "cve-list",
        }
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Kev => "a KEV catalogue",
            Self::Epss => "a file of EPSS scores",
            Self::Cve => "a file of CVE records",
            Self::Nvd => "an answer of the NVD",
            Self::Osv => "a file of OSV records",
            Self::Metasploit => "a list of Metasploit modules",
            Self::Nuclei => "a list of Nuclei templates",
            Self::CveList => "a list of CVE ids",
        })
    }
}

/// What a feed said, in numbers: `records = taken + ignored + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    pub records: u64,
    /// Records that gave facts.
    pub taken: u64,
    /// Records that rightly give none, by reason.
    pub ignored: BTreeMap<String, u64>,
    /// Records that could not be read.
    pub rejected: u64,
    /// The first of them.
    pub rejections: Vec<Rejection>,
    /// Parts of taken records that could not be read, by kind.
    pub lost_parts: BTreeMap<String, u64>,
    /// Version of the catalogue or of the model.
    pub version: Option<String>,
    pub date: Option<Timestamp>,
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The path or line of the record.
    pub at: String,
    pub message: String,
}

/// Rejections that are told one by one; further ones are only counted.
const MOST_REJECTIONS: usize = 100;

impl Summary {
    pub(crate) fn reject(&mut self, at: impl fmt::Display, message: impl fmt::Display) {
        self.rejected += 1;
        if self.rejections.len() < MOST_REJECTIONS {
            self.rejections.push(Rejection { at: at.to_string(), message: message.to_string() });
        }
    }

    pub(crate) fn ignore(&mut self, reason: &str) {
        count(&mut self.ignored, reason);
    }

    pub(crate) fn lose(&mut self, part: &str) {
        count(&mut self.lost_parts, part);
    }
}

fn count(counts: &mut BTreeMap<String, u64>, reason: &str) {
    match counts.get_mut(reason) {
        Some(number) => *number += 1,
        None => {
            counts.insert(reason.to_owned(), 1);
        }
    }
}

/// Where facts go.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(CveFacts) -> Result<()>;

/// Tells a feed by the first bytes of its text.
pub fn recognise(head: &str) -> Option<Feed> {
    let start = head.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with(['{', '[']) {
        let has = |key: &str| {
            start.match_indices(key).any(|(at, _)| {
                start[..at].ends_with('"')
                    && start[at + key.len()..]
                        .strip_prefix('"')
                        .is_some_and(|rest| rest.trim_start().starts_with(':'))
            })
        };
        return Some(if has("catalogVersion") || (has("cveID") && has("dateAdded")) {
            Feed::Kev
        } else if has("cveMetadata") || start.contains("\"CVE_RECORD\"") || has("providerMetadata") {
            Feed::Cve
        } else if start.contains("\"NVD_CVE\"") || has("vulnStatus") || (has("_annotation") && has("cve")) {
            Feed::Nvd
        } else if has("CveIDs") || (has("mod_time") && has("references") && has("rank")) {
            Feed::Metasploit
        } else if has("file_path") && has("Info") {
            Feed::Nuclei
        } else if has("id") && has("modified") && (has("affected") || has("schema_version")) {
            Feed::Osv
        } else {
            return None;
        });
    }
    let first = start.lines().next()?.trim();
    if first.starts_with("#model_version") || first == "cve,epss" || first.starts_with("cve,epss,") {
        return Some(Feed::Epss);
    }
    // The head may end in the middle of a line.
    let whole = start.rsplit_once('\n').map_or(start, |(whole, _)| whole);
    let mut ids =
        whole.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    (ids.peek().is_some() && ids.all(|line| cve_id(line).is_some())).then_some(Feed::CveList)
}

/// What is known about a feed from outside, by the name of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// What the file is called, without folders, dates and extensions: `msf` of `msf-2025-06-29.txt`.
    pub name: String,
    /// The date to take where the feed itself has none.
    pub date: Option<Date>,
}

impl Origin {
    /// Reads the name of a file: a date in it is the date of the feed.
    pub fn of_file(path: &str) -> Self {
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let stem = file.split('.').next().unwrap_or(file);
        let found = (0..stem.len()).find_map(|at| {
            let text = stem.get(at..at + 10)?;
            let date = text.as_bytes().get(4) == Some(&b'-');
            Some((at, text.parse::<Date>().ok().filter(|_| date)?))
        });
        let name = found.map_or(stem, |(at, _)| &stem[..at]).trim_end_matches(['-', '_']);
        Self { name: name.to_lowercase(), date: found.map(|(_, date)| date) }
    }
}

/// Reads a feed. What the feed does not say itself is taken from `origin`.
///
/// An error means that the feed is not what it should be or ends too early: the facts that were
/// handed over before must not be kept.
pub fn read(
    feed: Feed,
    reader: impl Read,
    origin: &Origin,
    sink: &mut dyn FnMut(CveFacts) -> Result<()>,
) -> Result<Summary> {
    let mut summary = match feed {
        Feed::Kev => kev::read(reader, sink),
        Feed::Epss => epss::read(reader, origin, sink),
        Feed::Cve => cve::read(reader, sink),
        Feed::Nvd => nvd::read(reader, sink),
        Feed::Osv => osv::read(reader, sink),
        Feed::Metasploit => exploits::metasploit(reader, origin, sink),
        Feed::Nuclei => exploits::nuclei(reader, origin, sink),
        Feed::CveList => exploits::list(reader, origin, sink),
    }?;
    if summary.date.is_none() {
        summary.date = origin.date.and_then(crate::time::midnight);
    }
    Ok(summary)
}

/// Hands over the objects of one document, of an array or of JSON lines, whichever it is.
pub(crate) fn objects(reader: impl Read, handler: &mut dyn FnMut(&str, &str) -> Result<()>) -> Result<()> {
    let mut reader = reader;
    let mut head = Vec::new();
    // The first byte that is not white tells which it is; it is put back before the rest.
    let mut byte = [0];
    while let Ok(1) = reader.read(&mut byte) {
        head.push(byte[0]);
        if !byte[0].is_ascii_whitespace() || head.len() > 4096 {
            break;
        }
    }
    let route = if head.last() == Some(&b'[') { "[]" } else { "" };
    let whole = std::io::Cursor::new(head).chain(reader);
    walk(whole, &[route], Documents::Many, &mut |event, position| match event {
        Event::Value { json, .. } => handler(json, &position.to_string()),
        _ => Ok(()),
    })
}

/// The message for a feed that held nothing of its kind.
pub(crate) fn nothing_of(feed: Feed) -> Error {
    Error::NotThis { feed, reason: "it holds no such record".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_tell_a_date() {
        for (path, name, date) in [
            ("a/msf-2025-06-29.txt", "msf", Some("2025-06-29")),
            ("epss_scores-2023-10-27.csv.gz", "epss_scores", Some("2023-10-27")),
            ("Exploits.txt", "exploits", None),
            ("é-2025-13-99.txt", "é-2025-13-99", None),
            ("", "", None),
        ] {
            let origin = Origin::of_file(path);
            let found = origin.date.map(|date| date.to_string());
            assert_eq!((origin.name.as_str(), found.as_deref()), (name, date), "{path}");
        }
    }

    #[test]
    fn feeds_are_told_by_their_content() {
        for (head, feed) in [
            ("{\"title\": \"CISA Catalog\", \"catalogVersion\": \"2025.12.31\", \"vulnera", Some(Feed::Kev)),
            ("#model_version:v2023.03.01,score_date:2023-10-27T00:00:00+0000\ncve,epss", Some(Feed::Epss)),
            ("cve,epss\nCVE-2021-0001,0.1\n", Some(Feed::Epss)),
            ("{\"dataType\":\"CVE_RECORD\",\"containers\":{", Some(Feed::Cve)),
            ("[{\"cveMetadata\": {}", Some(Feed::Cve)),
            ("{\"resultsPerPage\":1,\"format\":\"NVD_CVE\",\"version\":\"2.0\"", Some(Feed::Nvd)),
            ("{\"_annotation\":{},\"cve\":{", Some(Feed::Nvd)),
            ("{\"schema_version\":\"1.3.1\",\"id\":\"GO-1\",\"modified\":\"x\"", Some(Feed::Osv)),
            ("[{\"Name\":\"x.rb\",\"CveIDs\":[]}]", Some(Feed::Metasploit)),
            ("{\"ID\":\"CVE-2000-0114\",\"Info\":{},\"file_path\":\"x\"}", Some(Feed::Nuclei)),
            ("# list\nCVE-1999-0103\nCVE-1999-01", Some(Feed::CveList)),
            ("{\"text\": \"catalogVersion of something\"}", None),
            ("name,version\nx,1\n", None),
            ("", None),
        ] {
            assert_eq!(recognise(head), feed, "{head}");
        }
    }
}
