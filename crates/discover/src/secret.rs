//! Secrets in reports: hashed and masked before anything else sees them.

use std::fmt::Write;
use std::sync::Arc;

use bartizan_model::{AssetKind, Digest, Identifier, Scheme, Subject};
use sha1::{Digest as _, Sha1};

/// The SHA-1 of a secret in hexadecimal: the form that [`bartizan_model::secret_fingerprint`] takes.
pub(crate) fn sha1_hex(secret: &str) -> String {
    Sha1::digest(secret.as_bytes()).iter().fold(String::with_capacity(40), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// True for the hexadecimal form of a SHA-1.
pub(crate) fn is_sha1_hex(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The credential that a secret is. The id of an AWS access key is a name, not a secret, so it is
/// kept as an identifier: by it the account that the key opens is found.
pub(crate) fn credential(fingerprint: Digest, secret: Option<&str>) -> Arc<Subject> {
    let mut identifiers = vec![Identifier::new(Scheme::SecretFingerprint, fingerprint.to_string())];
    if let Some(id) = secret.filter(|secret| is_access_key_id(secret)) {
        identifiers.push(Identifier::new(Scheme::AccessKeyId, id));
    }
    Arc::new(Subject::new(AssetKind::Credential, identifiers))
}

/// `AKIA…` (long-term) or `ASIA…` (session), 20 characters; AWS IAM user guide, "IAM identifiers".
pub(crate) fn is_access_key_id(text: &str) -> bool {
    text.len() == 20
        && (text.starts_with("AKIA") || text.starts_with("ASIA"))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
