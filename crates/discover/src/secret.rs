//! Secrets in reports: hashed and masked before anything else sees them.

use std::fmt::Write;
use std::sync::Arc;

use bartizan_model::{AssetKind, Digest, Identifier, Scheme, Subject, Weakness, WeaknessKey};
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

/// The attribute of a finding that says what sort of secret it is, in the tool's words.
pub(crate) const SORT: &str = "secret";

/// The attribute with the masked secret.
pub(crate) const MASKED: &str = "masked";

/// The weakness that every exposed secret is, whichever tool finds it. All of them share its title, so
/// what sort of secret it is stands with the finding, under [`SORT`].
pub(crate) fn exposed() -> Weakness {
    let mut weakness = Weakness::new(WeaknessKey::rule("secret", "exposed"), "Secret in readable files");
    weakness.cwes = vec![798];
    weakness
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

/// Takes the values out of lines such as `Password : x` in free text.
pub(crate) fn without_passwords(text: &str) -> String {
    const NAMES: [&str; 7] =
        ["password", "passwd", "pwd", "secret", "community", "community string", "passphrase"];
    let mut lines = Vec::new();
    for line in text.lines() {
        let border = line.find([':', '=']);
        let names_secret = border.is_some_and(|at| {
            let name = line[..at].trim().trim_start_matches(['-', '*', '|']).trim().to_ascii_lowercase();
            NAMES.iter().any(|known| name == *known || name.ends_with(&format!(" {known}")))
        });
        match border {
            Some(at) if names_secret && !line[at + 1..].trim().is_empty() => {
                lines.push(format!("{} …", &line[..=at]));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::without_passwords;

    #[test]
    fn passwords_in_text_are_masked() {
        assert_eq!(
            without_passwords("  Login    : root\n  Password : toor\nThe password policy: strict"),
            "  Login    : root\n  Password : …\nThe password policy: strict"
        );
    }
}
