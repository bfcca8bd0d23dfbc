//! Secrets are masked at the door: a secret leaves a report only as a fingerprint and a hint.

use crate::{Digest, Digester};

/// The fingerprint by which a secret is known in every tool's report.
///
/// It is taken over the lower-case hexadecimal SHA-1 of the secret, because that is all that
/// detect-secrets reports; tools that report the secret itself are hashed to the same form first,
/// so that two tools that saw one secret witness one exposure.
pub fn secret_fingerprint(sha1_hex: &str) -> Digest {
    Digester::new("secret").field(sha1_hex.to_ascii_lowercase()).finish()
}

/// A hint that lets a person recognise a secret without holding it: `AKIA…7Q` for a long value,
/// `…` for a short one. Never more than six characters and never more than a third of it.
pub fn mask_secret(secret: &str) -> String {
    let characters: Vec<char> = secret.trim().chars().collect();
    if characters.len() < 18 {
        return "…".to_owned();
    }
    let head: String = characters[..4].iter().collect();
    let tail: String = characters[characters.len() - 2..].iter().collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_secrets_show_nothing() {
        assert_eq!(mask_secret("hunter2"), "…");
        assert_eq!(mask_secret("AKIAIOSFODNN7EXAMPLE"), "AKIA…LE");
    }

    #[test]
    fn fingerprint_ignores_the_case_of_the_hash() {
        assert_eq!(secret_fingerprint("AB12"), secret_fingerprint("ab12"));
    }
}
