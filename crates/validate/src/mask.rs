//! What came back is kept only after this: no secrets, no control characters, not too long.
//!
//! It errs on the side of hiding: what was looked for is judged before masking (see
//! [`crate::Mark`]), so nothing depends on what is hidden here.

use bartizan_model::{excerpt, mask_secret};

/// Words in names of values that must not be kept.
const SECRET_WORDS: [&str; 10] =
    ["pass", "secret", "token", "key", "pwd", "credential", "auth", "session", "cookie", "private"];

/// Text for the record: at most `limit` characters.
pub(crate) fn masked(text: &str, limit: usize) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.contains("PRIVATE KEY") {
            lines.push("(a private key; the rest is not kept)".to_owned());
            break;
        }
        lines.push(masked_line(line));
    }
    excerpt(&printable(&lines.join("\n")), limit)
}

/// Text that is public by its nature: shortened and without control characters, not masked.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    excerpt(&printable(text), limit)
}

/// Control characters could steer the terminal of whoever reads the record.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c == '\n' || c == '\t' || !c.is_control() { c } else { char::REPLACEMENT_CHARACTER })
        .collect()
}

fn masked_line(line: &str) -> String {
    let line = without_credentials(line);
    if let Some((name, value)) = assignment(&line) {
        let plain = value.len() <= 5 && value.bytes().all(|b| b.is_ascii_digit())
            || matches!(value, "true" | "false" | "yes" | "no");
        if value.contains("://") {
            return format!("{name}{}", mask_words(value));
        }
        return if plain { line.clone() } else { format!("{name}{}", mask_secret(value)) };
    }
    let lower = line.to_ascii_lowercase();
    if let Some(at) = SECRET_WORDS.iter().filter_map(|word| lower.find(word)).min()
        && let Some(border) = lower[at..].find([':', '=', '>'])
    {
        let border = at + border + 1;
        return format!("{}…", mask_words(&line[..border]));
    }
    mask_words(&line)
}

/// `name = value` with the border as part of the name.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let at = line.find('=')?;
    let name = line[..at].trim().strip_prefix("export ").unwrap_or(line[..at].trim());
    let is_name = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    let value = line[at + 1..].trim();
    (is_name && !value.is_empty()).then(|| (&line[..=at], value))
}

/// `https://user:word@host` becomes `https://…@host`.
fn without_credentials(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        clean.push_str(head);
        let end = tail
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>'))
            .unwrap_or(tail.len());
        rest = match tail[..end].rfind('@') {
            Some(border) => {
                clean.push('…');
                &tail[border..]
            }
            None => tail,
        };
    }
    clean.push_str(rest);
    clean
}

/// Hides long words that look like made by a machine.
fn mask_words(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-' | '=');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word_end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let word = &rest[..word_end];
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
        if word.len() >= 20 && digits >= 2 && letters >= 2 {
            clean.push_str(&mask_secret(word));
        } else {
            clean.push_str(word);
        }
        rest = &rest[word_end..];
        let gap = rest.find(is_part).unwrap_or(rest.len());
        clean.push_str(&rest[..gap]);
        rest = &rest[gap..];
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_reach_the_record() {
        for (text, kept) in [
            ("ref: refs/heads/main\n", "ref: refs/heads/main"),
            (
                "[core]\n\trepositoryformatversion = 0\n\tbare = false",
                "[core]\n\trepositoryformatversion = 0\n\tbare = false",
            ),
            ("\turl = https://bob:hunter2@git.example.com/a.git", "url =https://…@git.example.com/a.git"),
            ("DB_PASSWORD=hunter2\nPORT=8080", "DB_PASSWORD=…\nPORT=8080"),
            ("AWS=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS=wJal…EY"),
            ("{\"token\": \"abc\"}", "{\"token\":…"),
            ("id 4155dee83097847a8f70c8598cccc13c44d4c0a8 end", "id 4155…a8 end"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIB", "(a private key; the rest is not kept)"),
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb"),
        ] {
            assert_eq!(masked(text, 1024), kept, "{text}");
        }
        assert_eq!(masked(&"é".repeat(2000), 10).chars().count(), 11);
    }
}
