//! Sources: what a person says about the files of a source that the files themselves do not say.

use std::fmt;

use bartizan_model::{AssetKind, Identifier, Scheme, Subject};
use globset::{GlobBuilder, GlobMatcher};
use serde::{Serialize, Serializer};

/// What is known about the files that a glob names. The first source that matches wins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    pub files: FileGlob,
    /// The asset that the files are about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<Subject>,
    /// The zone to which private addresses in the files belong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The zone from which the scanner looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub viewpoint: Option<String>,
    /// The format, where it cannot be recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// A mapping file for a format that is not built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<String>,
}

/// A glob over paths: `*` stays within a folder, `**` does not.
#[derive(Clone)]
pub struct FileGlob {
    text: String,
    matcher: GlobMatcher,
}

impl FileGlob {
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted = normal(text);
        let glob = GlobBuilder::new(&wanted)
            .literal_separator(true)
            .build()
            .map_err(|error| format!("is not a glob that can be read: {}", error.kind()))?;
        Ok(Self { text: text.to_owned(), matcher: glob.compile_matcher() })
    }

    /// True when the path, or the end of it from a folder's border on, matches: a glob that the
    /// scope gives relative to itself also finds files that were named by a longer path.
    pub fn matches(&self, path: &str) -> bool {
        let path = normal(path);
        let mut rest = path.as_str();
        loop {
            if self.matcher.is_match(rest) {
                return true;
            }
            match rest.split_once('/') {
                Some((_, shorter)) => rest = shorter,
                None => return false,
            }
        }
    }
}

fn normal(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.strip_prefix("./").unwrap_or(&path).to_owned()
}

impl fmt::Debug for FileGlob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FileGlob({})", self.text)
    }
}

impl fmt::Display for FileGlob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for FileGlob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for FileGlob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// The kind that an identifier's scheme proves, where it proves one.
pub(crate) const fn kind_of(identifier: &Identifier) -> Option<AssetKind> {
    Some(match identifier.scheme() {
        Scheme::RepositoryUrl => AssetKind::Repository,
        Scheme::ImageRepository | Scheme::ImageDigest | Scheme::ImageReference | Scheme::Purl => {
            AssetKind::Artifact
        }
        Scheme::CloudAccount => AssetKind::CloudAccount,
        Scheme::Fqdn
        | Scheme::Hostname
        | Scheme::Ip
        | Scheme::Mac
        | Scheme::MachineId
        | Scheme::Serial
        | Scheme::AgentId => AssetKind::Host,
        Scheme::AccessKeyId | Scheme::SecretFingerprint => AssetKind::Credential,
        Scheme::CertificateFingerprint => AssetKind::Certificate,
        Scheme::Email => AssetKind::Account,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_keep_to_folders() {
        let glob = FileGlob::parse("reports/nmap/*.xml").unwrap();
        for path in
            ["reports/nmap/a.xml", "./reports/nmap/a.xml", "/data/reports/nmap/a.xml", "reports\\nmap\\a.xml"]
        {
            assert!(glob.matches(path), "{path}");
        }
        for path in ["reports/nmap/x/a.xml", "reports/nmap/a.json", "myreports/nmap/a.xml"] {
            assert!(!glob.matches(path), "{path}");
        }
        assert!(FileGlob::parse("reports/**/trivy*.{json,gz}").unwrap().matches("reports/a/b/trivy-1.json"));
        assert!(FileGlob::parse("reports/[a").unwrap_err().contains("glob"));
    }
}
