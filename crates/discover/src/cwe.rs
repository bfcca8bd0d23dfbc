//! CWE numbers as reports write them.

/// `CWE-79`, `cwe-79: Cross-site Scripting`, `79` → 79.
pub(crate) fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = match text.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("cwe-") => &text[4..],
        _ => text,
    };
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn reads_what_tools_write() {
        for (text, expected) in [
            ("CWE-79", Some(79)),
            ("cwe-089: SQL", Some(89)),
            ("22", Some(22)),
            ("NVD-CWE-noinfo", None),
            ("", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}
