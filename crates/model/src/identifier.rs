//! Identifiers: how a report names an asset, and how far each kind of name can be trusted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much equality of two values of a scheme proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Never merges alone (IP, MAC, bare hostname): binds for the time in which it was seen
    /// together with a better one.
    Weak,
    /// Merges unless a strong identifier conflicts (FQDN, image reference, mail address).
    Medium,
    /// Merges on equality (cloud resource id, SID, image digest, repository URL).
    Strong,
}

macro_rules! schemes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $strength:ident, $exclusive:literal;)*) => {
        /// The scheme of an identifier. The order is the order of preference for naming an asset.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Scheme {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Scheme {
            /// Every scheme, in order of preference.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub const fn strength(self) -> Strength {
                match self { $(Self::$variant => Strength::$strength,)* }
            }

            /// True when one asset has at most one value of this scheme, so that two different
            /// values prove two different assets.
            pub const fn is_exclusive(self) -> bool {
                match self { $(Self::$variant => $exclusive,)* }
            }

            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

schemes! {
    /// Amazon Resource Name.
    AwsArn = "aws-arn", Strong, true;
    /// Any other cloud's full resource id (Azure resource id, GCP resource name), or a short AWS id such as `i-0abc`.
    CloudId = "cloud-id", Strong, true;
    /// Account, subscription or project number of a cloud.
    CloudAccount = "cloud-account", Strong, true;
    /// Directory object id or SID; BloodHound `objectid`.
    ObjectId = "objectid", Strong, true;
    /// UID that Kubernetes gives an object.
    KubernetesUid = "k8s-uid", Strong, true;
    /// Id of an installed agent.
    AgentId = "agent-id", Strong, true;
    /// Machine id, BIOS UUID.
    MachineId = "machine-id", Strong, true;
    Serial = "serial", Strong, true;
    /// `registry/name` of container images, without tag: what their builds and tags are a lineage of.
    ImageRepository = "image-repository", Strong, true;
    /// Digest of a container image (`sha256:…`). An image repository has one for each of its builds.
    ImageDigest = "image-digest", Strong, false;
    /// URL of a source repository, without scheme, credentials and `.git`.
    RepositoryUrl = "repository-url", Strong, true;
    /// Package URL of an artifact that is an asset itself (not of a component inside one).
    Purl = "purl", Strong, true;
    /// Id of an AWS access key.
    AccessKeyId = "aws-access-key-id", Strong, true;
    /// Fingerprint of a secret (see [`crate::secret_fingerprint`]).
    SecretFingerprint = "secret-fingerprint", Strong, false;
    /// SHA-256 of a certificate.
    CertificateFingerprint = "certificate-fingerprint", Strong, true;
    /// Network location of an SSH host key fingerprint.
    SshHostKey = "ssh-host-key", Strong, false;
    /// A node of an OpenGraph file by its own id, where nothing better is known.
    GraphId = "graph-id", Strong, true;
    /// Path of a Kubernetes object: `cluster/namespace/kind/name`.
    KubernetesPath = "k8s-path", Medium, false;
    Fqdn = "fqdn", Medium, false;
    /// `DOMAIN\NAME` or `name@domain` of an account or a machine.
    DomainName = "domain-name", Medium, false;
    Email = "email", Medium, false;
    /// `registry/name:tag` of an image.
    ImageReference = "image", Medium, false;
    /// A name that a person or a report's file gives to what was scanned.
    Target = "target", Medium, false;
    /// A network zone, entry or vendor by the name that the scope gives it.
    Name = "name", Medium, false;
    /// Several weak names that one report gave together: none of them identifies, all of them do.
    SeenTogether = "seen-together", Medium, false;
    Hostname = "hostname", Weak, false;
    /// IPv4 or IPv6 address; `zone/address` where the scope names the zone.
    Ip = "ip", Weak, false;
    Mac = "mac", Weak, false;
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Scheme {
    /// True when a value means something only within one kind of asset: a target called "shop" may
    /// be a repository and an image.
    pub const fn is_per_kind(self) -> bool {
        matches!(self, Self::Target | Self::Name | Self::SeenTogether)
    }
}

/// One name of an asset. The value is normalised when the identifier is made, so equality of
/// values is equality of names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    scheme: Scheme,
    value: String,
}

impl Identifier {
    pub fn new(scheme: Scheme, value: impl AsRef<str>) -> Self {
        Self { scheme, value: normalise(scheme, value.as_ref().trim()) }
    }

    /// Reads `scheme:value`; without a known scheme, `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, value) = text.split_once(':')?;
        let scheme = Scheme::parse(scheme)?;
        (!value.trim().is_empty()).then(|| Self::new(scheme, value))
    }

    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    pub const fn strength(&self) -> Strength {
        self.scheme.strength()
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.scheme, self.value)
    }
}

fn normalise(scheme: Scheme, value: &str) -> String {
    match scheme {
        Scheme::Fqdn | Scheme::Hostname | Scheme::Email | Scheme::DomainName | Scheme::ImageDigest => {
            value.trim_end_matches('.').to_ascii_lowercase()
        }
        Scheme::Mac => value.replace('-', ":").to_ascii_lowercase(),
        Scheme::MachineId => value.to_ascii_lowercase(),
        Scheme::Ip => normalise_ip(value),
        Scheme::RepositoryUrl => normalise_repository(value),
        Scheme::ObjectId => value.to_ascii_uppercase(),
        _ => value.to_owned(),
    }
}

fn normalise_ip(value: &str) -> String {
    let (zone, address) = match value.rsplit_once('/') {
        Some((zone, address)) => (Some(zone), address),
        None => (None, value),
    };
    let address = address
        .parse::<std::net::IpAddr>()
        .map_or_else(|_| address.to_ascii_lowercase(), |address| address.to_canonical().to_string());
    zone.map_or(address.clone(), |zone| format!("{zone}/{address}"))
}

/// `https://user@Git.Example.com/Team/App.git/` and `git@git.example.com:Team/App` name one
/// repository: `git.example.com/Team/App`. The default ports of https, http and ssh are dropped.
fn normalise_repository(value: &str) -> String {
    let (is_url, rest) = value.split_once("://").map_or((false, value), |(_, rest)| (true, rest));
    let rest = rest.trim_end_matches('/');
    let rest = rest.strip_suffix(".git").unwrap_or(rest);
    let border = if is_url { rest.find('/') } else { rest.find(['/', ':']) };
    let (authority, path) = border.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let host = ["443", "80", "22"]
        .iter()
        .find_map(|port| host.strip_suffix(port)?.strip_suffix(':').map(str::to_owned))
        .unwrap_or(host);
    let path = path.trim_start_matches('/');
    if path.is_empty() { host } else { format!("{host}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_repository_are_equal() {
        for name in [
            "https://git.example.com/team/app.git",
            "ssh://git@git.example.com:22/team/app",
            "git@Git.Example.com:team/app.git",
            "https://token:x@git.example.com/team/app/",
            "git.example.com/team/app",
        ] {
            assert_eq!(
                Identifier::new(Scheme::RepositoryUrl, name).value(),
                "git.example.com/team/app",
                "{name}"
            );
        }
        let other_port = Identifier::new(Scheme::RepositoryUrl, "https://git.example.com:8443/team/app");
        assert_eq!(other_port.value(), "git.example.com:8443/team/app");
    }

    #[test]
    fn addresses_are_canonical() {
        assert_eq!(Identifier::new(Scheme::Ip, "::FFFF:10.0.0.1").value(), "10.0.0.1");
        assert_eq!(Identifier::new(Scheme::Ip, "hq/2001:DB8:0::1").value(), "hq/2001:db8::1");
    }

    #[test]
    fn every_scheme_reads_its_own_name() {
        for scheme in Scheme::ALL {
            assert_eq!(Scheme::parse(scheme.as_str()), Some(*scheme));
        }
        assert_eq!(Identifier::parse("fqdn:A.b"), Some(Identifier::new(Scheme::Fqdn, "a.b")));
        assert_eq!(Identifier::parse("https://x"), None);
    }
}
