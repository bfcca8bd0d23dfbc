//! ssh-audit JSON (versions 2.3 to 3.3): the algorithms that SSH servers offer, and CVEs that their
//! version is known for.
//!
//! A record is one algorithm or one CVE. Since version 3 the report says of each algorithm what is
//! wrong with it; before, it only lists them, and what is widely taken as broken is judged here.
//! SHA-256 fingerprints of host keys name the host, as they do in the reader of Nmap.
//!
//! Coverage: the server tells all its algorithms before anything else, so each rule covers the port;
//! so do vulnerabilities where the report has their list, even an empty one.

use std::io::Read;

use bartizan_model::{
    Attributes, Finding, Identifier, Observation, Scheme, Severity, Weakness, WeaknessKey, excerpt,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Confidence, Format, Kind};
use crate::endpoint::Endpoint;
use crate::rows::rows;
use crate::{Context, Error, Head, Header, Record, Result, Sink, advisory, lenient, tls};

const FAMILY: &str = "ssh-audit";

pub(super) const FORMAT: Format = Format {
    name: "ssh-audit",
    title: "ssh-audit JSON",
    tool: "ssh-audit",
    kind: Kind::Network,
    example: "ssh-audit --json 192.0.2.10 > ssh-audit.json",
    sniff,
    parse,
};

fn sniff(head: &Head<'_>) -> Confidence {
    let is_own = head.has_keys(&["banner", "kex"]) && (head.has_key("enc") || head.has_key("fingerprints"));
    if is_own { Confidence::Certain } else { Confidence::No }
}

#[derive(Deserialize)]
struct Audit {
    #[serde(default, deserialize_with = "lenient::text")]
    target: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    banner: Option<Banner>,
    #[serde(default)]
    cves: Option<Vec<Value>>,
    #[serde(default)]
    kex: Option<Vec<Algorithm>>,
    #[serde(default)]
    key: Option<Vec<Algorithm>>,
    #[serde(default)]
    enc: Option<Vec<Algorithm>>,
    #[serde(default)]
    mac: Option<Vec<Algorithm>>,
    #[serde(default)]
    fingerprints: Vec<Fingerprint>,
}

#[derive(Deserialize)]
struct Banner {
    #[serde(default, deserialize_with = "lenient::text")]
    raw: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    software: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Algorithm {
    /// Before version 3, where there is no size.
    Name(String),
    Full {
        algorithm: String,
        #[serde(default, deserialize_with = "lenient::optional")]
        keysize: Option<u32>,
        #[serde(default)]
        notes: Option<Notes>,
    },
    Other(Value),
}

#[derive(Default, Deserialize)]
struct Notes {
    #[serde(default, deserialize_with = "lenient::strings")]
    fail: Vec<String>,
    #[serde(default, deserialize_with = "lenient::strings")]
    warn: Vec<String>,
}

#[derive(Deserialize)]
struct Fingerprint {
    #[serde(default)]
    hash: String,
    #[serde(default)]
    hash_alg: String,
    /// Version 2: `SHA256:…`.
    #[serde(default)]
    fp: String,
}

#[derive(Deserialize)]
struct Cve {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(alias = "cvssv3", default, deserialize_with = "lenient::optional")]
    cvssv2: Option<f64>,
}

/// What a server calls the list of a kind in its configuration.
const KINDS: [(&str, &str, &str); 4] = [
    ("kex", "key exchange", "KexAlgorithms"),
    ("key", "host key", "HostKeyAlgorithms"),
    ("enc", "cipher", "Ciphers"),
    ("mac", "message authentication", "MACs"),
];

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new(FAMILY);
    let mut has_rows = false;
    rows(reader, &mut |json, at| {
        has_rows = true;
        match serde_json::from_str::<Audit>(json) {
            Ok(audit) => tell(&at, audit, context, sink, &mut header),
            Err(error) => sink.record(Record::rejected(at, error.to_string())),
        }
    })?;
    if !has_rows {
        let message = "there is no target in it".to_owned();
        return Err(Error::Incomplete { format: FORMAT.name, message });
    }
    Ok(header)
}

fn tell(at: &str, audit: Audit, context: &Context, sink: &mut dyn Sink, header: &mut Header) -> Result<()> {
    let target = audit.target.unwrap_or_default();
    let (name, port) = split_port(target.trim());
    let Some(endpoint) = Endpoint::new(context, name, name, port) else {
        return sink.record(Record::rejected(at, format!("the target {target:?} names no host")));
    };
    let endpoint = endpoint.known_as(audit.fingerprints.iter().filter_map(host_key));
    let banner = audit.banner;
    let Some([kex, key, enc, mac]) = all([audit.kex, audit.key, audit.enc, audit.mac]) else {
        header.problem(at, format!("{target} did not tell its algorithms"));
        return sink.record(Record::ignored(at, "server not reached"));
    };
    let mut attributes = Attributes::from([("service".to_owned(), "ssh".into())]);
    for (key, text) in [
        ("banner", banner.as_ref().and_then(|banner| banner.raw.as_deref())),
        ("product", banner.as_ref().and_then(|banner| banner.software.as_deref())),
    ] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            attributes.insert(key.to_owned(), text.into());
        }
    }
    for observation in endpoint.service(context, attributes) {
        sink.remark(observation)?;
    }
    for ((kind, title, setting), algorithms) in KINDS.into_iter().zip([kex, key, enc, mac]) {
        for (index, algorithm) in algorithms.into_iter().enumerate() {
            let at = format!("{at}.{kind}[{index}]");
            let record = match found(kind, title, setting, algorithm, &endpoint) {
                Ok(Some(finding)) => Record::observed(at, vec![Observation::Finding(Box::new(finding))]),
                Ok(None) => Record::ignored(at, "check passed"),
                Err(message) => Record::rejected(at, message),
            };
            sink.record(record)?;
        }
    }
    sink.remark(endpoint.full_coverage(FAMILY))?;
    let Some(cves) = audit.cves else { return Ok(()) };
    let software = banner.and_then(|banner| banner.software).unwrap_or_default();
    for (index, json) in cves.into_iter().enumerate() {
        let at = format!("{at}.cves[{index}]");
        let record = match serde_json::from_value::<Cve>(json) {
            Ok(cve) => vulnerability(&cve, &software, &endpoint).map_or_else(
                || Record::rejected(at.clone(), "the field name is missing"),
                |finding| Record::observed(at.clone(), vec![Observation::Finding(Box::new(finding))]),
            ),
            Err(error) => Record::rejected(at, error.to_string()),
        };
        sink.record(record)?;
    }
    sink.remark(endpoint.full_coverage(WeaknessKey::VULNERABILITY))
}

/// The four lists, if the report has any of them.
fn all(lists: [Option<Vec<Algorithm>>; 4]) -> Option<[Vec<Algorithm>; 4]> {
    lists.iter().any(Option::is_some).then(|| lists.map(Option::unwrap_or_default))
}

/// `host`, `host:2222`, `[2001:db8::1]:22`, `2001:db8::1`.
fn split_port(target: &str) -> (&str, u16) {
    match target.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, port),
            Err(_) => (target, 22),
        },
        _ => (target, 22),
    }
}

/// As OpenSSH prints it. MD5 fingerprints are left out: two keys can be made to share one.
fn host_key(fingerprint: &Fingerprint) -> Option<Identifier> {
    let hash = match fingerprint.hash_alg.as_str() {
        "SHA256" => fingerprint.hash.as_str(),
        _ => fingerprint.fp.strip_prefix("SHA256:")?,
    };
    (!hash.is_empty())
        .then(|| Identifier::new(Scheme::SshHostKey, format!("SHA256:{}", hash.trim_end_matches('='))))
}

fn found(
    kind: &str,
    title: &str,
    setting: &str,
    algorithm: Algorithm,
    endpoint: &Endpoint,
) -> Result<Option<Finding>, String> {
    let (name, size, notes) = match algorithm {
        Algorithm::Name(name) => (name, None, None),
        Algorithm::Full { algorithm, keysize, notes } => (algorithm, keysize, notes),
        Algorithm::Other(value) => return Err(format!("{value} names no algorithm")),
    };
    let notes = notes.unwrap_or_else(|| judge(kind, &name, size));
    let severity = if !notes.fail.is_empty() {
        Severity::High
    } else if !notes.warn.is_empty() {
        Severity::Medium
    } else {
        return Ok(None);
    };
    let key = WeaknessKey::rule(FAMILY, format!("{kind}:{name}"));
    let mut weakness = Weakness::new(key, format!("Weak SSH {title} algorithm: {name}"));
    weakness.cwes = vec![327];
    let reasons: Vec<&str> = notes.fail.iter().chain(&notes.warn).map(String::as_str).collect();
    let size = size.map(|size| format!(" ({size} bits)")).unwrap_or_default();
    let evidence = format!("{name}{size}: {}", reasons.join("; "));
    let fix = tls::configure(format!("Take {name} out of {setting} of the SSH server."));
    Ok(endpoint.finding(vec![weakness], severity, &evidence, Some(fix)))
}

/// What is wrong with an algorithm of a report that does not say: only what is broken or short by
/// common agreement (RFC 9142 for key exchange; SHA-1, MD5, CBC, RC4 and DES elsewhere).
fn judge(kind: &str, name: &str, size: Option<u32>) -> Notes {
    let plain = name.split('@').next().unwrap_or(name);
    let mut notes = Notes::default();
    match kind {
        "kex" if plain.starts_with("diffie-hellman-group1-") || plain.starts_with("rsa1024") => {
            notes.fail.push("uses a small modulus of 1024 bits".to_owned());
        }
        "kex" if plain.ends_with("-sha1") => notes.fail.push("uses the broken hash SHA-1".to_owned()),
        "key" if plain.starts_with("ssh-dss") => {
            notes.fail.push("uses a small modulus of 1024 bits".to_owned());
        }
        "key" if plain == "ssh-rsa" || plain == "ssh-rsa-cert-v01" => {
            notes.fail.push("uses the broken hash SHA-1".to_owned());
        }
        "enc" if ["arcfour", "3des", "des", "none"].iter().any(|cipher| plain.starts_with(cipher)) => {
            notes.fail.push("uses a broken or deprecated cipher".to_owned());
        }
        "enc" if ["blowfish", "cast128"].iter().any(|cipher| plain.starts_with(cipher)) => {
            notes.fail.push("uses a small block of 64 bits".to_owned());
        }
        "enc" if plain.ends_with("-cbc") => notes.warn.push("uses the weak mode CBC".to_owned()),
        "mac" if plain.contains("md5") => notes.fail.push("uses the broken hash MD5".to_owned()),
        "mac" if plain.starts_with("hmac-sha1") => notes.fail.push("uses the broken hash SHA-1".to_owned()),
        "mac" if plain.starts_with("umac-64") => notes.warn.push("uses a small tag of 64 bits".to_owned()),
        _ => {}
    }
    let is_rsa = kind == "key" && plain.contains("rsa");
    if let Some(size) = size.filter(|size| *size < 2048)
        && (is_rsa || (kind == "kex" && plain.starts_with("diffie-hellman")))
    {
        notes.fail.push(format!("uses a small modulus of {size} bits"));
    }
    notes
}

fn vulnerability(cve: &Cve, software: &str, endpoint: &Endpoint) -> Option<Finding> {
    let title = if cve.description.is_empty() {
        format!("{} in {software}", cve.name)
    } else {
        excerpt(&cve.description, 200)
    };
    let mut weaknesses = advisory::weaknesses(&[cve.name.as_str()], &title);
    for weakness in &mut weaknesses {
        weakness.score = cve.cvssv2;
    }
    let severity = cve.cvssv2.map_or(Severity::Unknown, Severity::from_cvss_score);
    let evidence = format!("the banner names {software}");
    endpoint.finding(weaknesses, severity, &evidence, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_split() {
        for (target, expected) in [
            ("host.example.com", ("host.example.com", 22)),
            ("host:2222", ("host", 2222)),
            ("[2001:db8::1]:22", ("[2001:db8::1]", 22)),
            ("2001:db8::1", ("2001:db8::1", 22)),
        ] {
            assert_eq!(split_port(target), expected);
        }
    }

    #[test]
    fn only_what_is_broken_is_judged() {
        let is_weak = |kind: &str, name: &str, size| {
            let notes = judge(kind, name, size);
            !notes.fail.is_empty() || !notes.warn.is_empty()
        };
        assert!(is_weak("kex", "diffie-hellman-group14-sha1", None));
        assert!(is_weak("key", "rsa-sha2-256", Some(1024)));
        assert!(is_weak("mac", "hmac-sha1-etm@openssh.com", None));
        assert!(!is_weak("kex", "curve25519-sha256@libssh.org", None));
        assert!(!is_weak("enc", "aes256-gcm@openssh.com", None));
    }
}
