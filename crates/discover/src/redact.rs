//! Lines of code as evidence, without the secrets that may stand in them.
//!
//! The reports of code scanners quote code; a password in a quoted line must not leave the reader.

use bartizan_model::excerpt;

/// How much evidence is kept, in characters.
const EVIDENCE: usize = 2_000;

/// What a name must contain for its value to be taken as a secret.
const SENSITIVE: [&str; 13] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "accesskey",
    "private_key",
    "credential",
    "connection_string",
];

/// The lines as one piece of text of at most 2,000 characters, with the values of sensitive names,
/// passwords in URLs, AWS access keys and private keys replaced by `…`.
pub(crate) fn code<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut text = String::new();
    let mut in_key = false;
    for line in lines {
        for line in line.split_inclusive('\n') {
            if line.contains("-----BEGIN") && line.contains("PRIVATE KEY") {
                in_key = true;
                text.push_str("-----BEGIN PRIVATE KEY----- …\n");
            }
            if !in_key {
                self::line(line, &mut text);
            }
            if line.contains("-----END") {
                in_key = false;
            }
        }
        if text.len() > 8 * EVIDENCE {
            break;
        }
    }
    let text = excerpt(text.trim_end_matches(['\n', '\r']).trim_start_matches('\n'), EVIDENCE);
    (!text.is_empty()).then_some(text)
}

fn line(line: &str, text: &mut String) {
    let separator = line.find(['=', ':']).filter(|at| {
        let name = line[..*at].to_ascii_lowercase();
        SENSITIVE.iter().any(|word| name.contains(word))
    });
    if let Some(at) = separator {
        let value = line[at + 1..].trim();
        // A reference (`var.password`, `${…}`), a switch or a block is no secret, and worth seeing.
        let bare = value.trim_matches(['"', '\'', ',', ';']);
        let is_harmless = bare.is_empty()
            || bare.starts_with(['$', '{', '['])
            || ["true", "false", "null", "none"].contains(&bare.to_ascii_lowercase().as_str())
            || ["var.", "local.", "data.", "module.", "aws_", "random_"]
                .iter()
                .any(|prefix| value.starts_with(prefix));
        if !is_harmless {
            text.push_str(&line[..=at]);
            text.push_str(" …");
            if line.ends_with('\n') {
                text.push('\n');
            }
            return;
        }
    }
    for piece in line.split_inclusive(|character: char| !character.is_ascii_alphanumeric()) {
        let word = piece.trim_end_matches(|character: char| !character.is_ascii_alphanumeric());
        if crate::secret::is_access_key_id(word) {
            text.push_str(&word[..4]);
            text.push('…');
            text.push_str(&piece[word.len()..]);
        } else {
            text.push_str(piece);
        }
    }
    mask_user_info(text, line.len());
}

/// `scheme://user:password@host` at the end of `text` (its last `length` bytes).
fn mask_user_info(text: &mut String, length: usize) {
    let mut from = text.len().saturating_sub(length + 8);
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    while let Some(found) = text[from..].find("://") {
        let start = from + found + 3;
        let end = text[start..]
            .find(|character: char| character.is_whitespace() || matches!(character, '/' | '"' | '\''))
            .map_or(text.len(), |at| start + at);
        let user_info = text[start..end].rfind('@').map(|at| start + at);
        let password =
            user_info.and_then(|at| text[start..at].find(':').map(|colon| (start + colon + 1, at)));
        match password {
            Some((begin, at)) => {
                text.replace_range(begin..at, "…");
                from = begin + "…".len();
            }
            None => from = end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn secrets_do_not_leave() {
        let cases = [
            ("  password = \"hunter2hunter2\"\n", "password = …"),
            ("  storage_encrypted = false\n", "storage_encrypted = false"),
            ("  password = var.password\n", "password = var.password"),
            ("  token_enabled = true\n", "token_enabled = true"),
            ("  user_data = <<EOF AKIAQYLPMN5HEXAMPLE7 EOF", "user_data = <<EOF AKIA… EOF"),
            ("url: postgres://app:s3cr3t@db/x # é", "url: postgres://app:…@db/x # é"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nx = 1",
                "-----BEGIN PRIVATE KEY----- …\nx = 1",
            ),
        ];
        for (input, expected) in cases {
            assert_eq!(code([input]).as_deref(), Some(expected), "{input}");
        }
        assert_eq!(code(["\n"]), None);
    }
}
