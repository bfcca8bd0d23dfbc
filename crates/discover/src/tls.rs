//! Weaknesses of TLS that every scanner of TLS finds: one key for all of them, on the port where
//! they were found, so that several scanners witness one exposure.
//!
//! The keys are those under which the reader of Nmap knows them. What a scanner judges by its own
//! measure (which cipher suites are weak, say) is a rule of that scanner and does not stand here.

use bartizan_model::{Attributes, Finding, FixHint, FixKind, Observation, Severity, Weakness, WeaknessKey};

use crate::Context;
use crate::endpoint::Endpoint;

/// The family under which the shared weaknesses are known.
pub(crate) const FAMILY: &str = "nmap";

/// A weakness that means the same to every scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Ssl2,
    Ssl3,
    Tls10,
    Tls11,
    Expired,
    SelfSigned,
    WeakSignature,
    WeakKey,
}

impl Fault {
    /// The old version that a name such as `TLSv1.0`, `TLS 1.0` or `SSLv3` stands for.
    pub(crate) fn of_version(name: &str) -> Option<Self> {
        let name: String =
            name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        match name.replace('v', "").as_str() {
            "ssl2" | "ssl20" => Some(Self::Ssl2),
            "ssl3" | "ssl30" => Some(Self::Ssl3),
            "tls1" | "tls10" => Some(Self::Tls10),
            "tls11" => Some(Self::Tls11),
            _ => None,
        }
    }

    pub(crate) const fn id(self) -> &'static str {
        self.row().0
    }

    /// Id, title, severity, CWE, fix.
    const fn row(self) -> (&'static str, &'static str, Severity, u32, &'static str) {
        use Severity::{High, Low, Medium};
        match self {
            Self::Ssl2 => ("tls:sslv2", "SSL 2.0 enabled", High, 327, "Turn off SSL 2.0."),
            Self::Ssl3 => ("tls:sslv3", "SSL 3.0 enabled", Medium, 327, "Turn off SSL 3.0."),
            Self::Tls10 => ("tls:tlsv1.0", "TLS 1.0 enabled", Low, 327, "Turn off TLS 1.0 (RFC 8996)."),
            Self::Tls11 => ("tls:tlsv1.1", "TLS 1.1 enabled", Low, 327, "Turn off TLS 1.1 (RFC 8996)."),
            Self::Expired => {
                ("certificate:expired", "TLS certificate expired", Medium, 298, "Renew the certificate.")
            }
            Self::SelfSigned => (
                "certificate:self-signed",
                "TLS certificate is self-signed",
                Low,
                295,
                "Use a certificate of a trusted authority.",
            ),
            Self::WeakSignature => (
                "certificate:weak-signature",
                "TLS certificate signed with MD5 or SHA-1",
                Medium,
                328,
                "Use a certificate signed with SHA-256 or better.",
            ),
            Self::WeakKey => (
                "certificate:weak-key",
                "TLS certificate with an RSA key below 2048 bits",
                Medium,
                326,
                "Use a certificate with an RSA key of 2048 bits or more, or an elliptic-curve key.",
            ),
        }
    }

    pub(crate) const fn severity(self) -> Severity {
        self.row().2
    }

    pub(crate) fn weakness(self) -> Weakness {
        let (id, title, _, cwe, _) = self.row();
        let mut weakness = Weakness::new(WeaknessKey::rule(FAMILY, id), title);
        weakness.cwes = vec![cwe];
        weakness
    }

    pub(crate) fn fix(self) -> FixHint {
        configure(self.row().4)
    }
}

pub(crate) fn configure(text: impl Into<String>) -> FixHint {
    FixHint { kind: FixKind::Configure, text: text.into(), component: None, fixed_versions: Vec::new() }
}

impl Endpoint {
    /// That the port answered with TLS, and the scanner could reach it.
    pub(crate) fn tls_service(&self, context: &Context, mut attributes: Attributes) -> Vec<Observation> {
        attributes.insert("tls".to_owned(), true.into());
        self.service(context, attributes)
    }

    pub(crate) fn fault(&self, fault: Fault, severity: Severity, evidence: &str) -> Option<Finding> {
        self.finding(vec![fault.weakness()], severity, evidence, Some(fault.fix()))
    }
}

/// Cipher suites that a server should not offer (RFC 9325, sections 4.1 and 4.2): without
/// encryption, authentication or forward secrecy, or with a broken or short cipher. Takes the names
/// of IANA (`TLS_RSA_WITH_…`) and of OpenSSL (`AES256-SHA`).
pub(crate) fn is_weak_suite(name: &str) -> bool {
    const BROKEN: [&str; 10] = ["NULL", "EXP", "RC4", "RC2", "DES", "IDEA", "SEED", "MD5", "ANON", "ADH"];
    let upper = name.to_ascii_uppercase();
    let has_forward_secrecy = upper.contains("DHE")
        || upper.starts_with("TLS_AES_")
        || upper.starts_with("TLS_CHACHA20_")
        || upper.starts_with("TLS_SM4_");
    !has_forward_secrecy || BROKEN.iter().any(|broken| upper.contains(broken)) || upper.contains("AECDH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_by_any_spelling() {
        for (name, expected) in [
            ("SSLv2", Some(Fault::Ssl2)),
            ("SSL_3_0", Some(Fault::Ssl3)),
            ("TLSv1", Some(Fault::Tls10)),
            ("TLS1_1", Some(Fault::Tls11)),
            ("TLS 1.0", Some(Fault::Tls10)),
            ("TLSv1.2", None),
        ] {
            assert_eq!(Fault::of_version(name), expected, "{name}");
        }
    }

    #[test]
    fn suites_are_judged_by_their_names() {
        for weak in
            ["TLS_RSA_WITH_AES_128_GCM_SHA256", "AES256-SHA", "ECDHE-RSA-DES-CBC3-SHA", "AECDH-AES128-SHA"]
        {
            assert!(is_weak_suite(weak), "{weak}");
        }
        for sound in
            ["TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"]
        {
            assert!(!is_weak_suite(sound), "{sound}");
        }
    }
}
