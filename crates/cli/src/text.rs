//! Text for terminals: cleaned, cut and wrapped by the width that it takes on screen.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The width to write for: the terminal's, kept readable; 80 where there is none.
pub(crate) fn columns() -> usize {
    terminal_size::terminal_size()
        .map_or(80, |(terminal_size::Width(width), _)| usize::from(width).clamp(40, 110))
}

/// Text from reports can hold escape sequences that would drive the terminal: control characters go.
pub(crate) fn clean(text: &str) -> String {
    let is_format =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || is_format(c) { ' ' } else { c }).collect()
}

/// Cuts to a width, with `…` where something is missing.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let text = clean(text);
    if text.width() <= width {
        return text;
    }
    let mut cut = String::new();
    let mut taken = 0;
    for character in text.chars() {
        taken += character.width().unwrap_or(0);
        if taken + 1 > width {
            break;
        }
        cut.push(character);
    }
    cut.push('…');
    cut
}

/// Cuts to a width and fills with spaces up to it.
pub(crate) fn pad(text: &str, width: usize) -> String {
    let mut text = fit(text, width);
    text.extend(std::iter::repeat_n(' ', width.saturating_sub(text.width())));
    text
}

/// Wraps at spaces; the first line is led by `first`, the others by `rest`.
pub(crate) fn wrap(text: &str, width: usize, first: &str, rest: &str) -> String {
    let mut lines = String::new();
    let mut line = first.to_owned();
    let mut filled = false;
    for word in clean(text).split_whitespace() {
        if filled && line.width() + 1 + word.width() > width {
            lines.push_str(line.trim_end());
            lines.push('\n');
            rest.clone_into(&mut line);
            filled = false;
        }
        if filled {
            line.push(' ');
        }
        line.push_str(word);
        filled = true;
    }
    lines.push_str(line.trim_end());
    lines
}

/// `1 path`, `2 paths`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number as u64), if number == 1 { one } else { many })
}

/// `12408` → `12,408`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `0.713` → `71 %`; a small share is not shown as none.
pub(crate) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.005 {
        "under 1 %".to_owned()
    } else if share < 1.0 && share > 0.995 {
        "over 99 %".to_owned()
    } else {
        format!("{:.0} %", share * 100.0)
    }
}

/// `4000000.0` → `4.0 million`, with the currency behind it.
pub(crate) fn money(amount: f64, currency: Option<&str>) -> String {
    let number =
        if amount >= 1e6 { format!("{:.1} million", amount / 1e6) } else { thousands(amount.round() as u64) };
    currency.map_or_else(|| number.clone(), |currency| format!("{number} {currency}"))
}

/// `2026-11-26T00:00:00Z` → `26 Nov 2026`.
pub(crate) fn day(at: bartizan_model::Timestamp) -> String {
    at.strftime("%-d %b %Y").to_string()
}

/// The minute, UTC.
pub(crate) fn minute(at: bartizan_model::Timestamp) -> String {
    at.strftime("%-d %b %Y %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_hostile_text_is_tamed() {
        assert_eq!(fit("a\u{1b}[31mb", 20), "a [31mb");
        assert_eq!(fit("日本語テキスト", 7), "日本語…");
        assert_eq!(pad("ab", 4), "ab  ");
        assert_eq!(wrap("one two three", 9, "- ", "  "), "- one two\n  three");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(12_408), "12,408");
        assert_eq!(thousands(100), "100");
        assert_eq!(percent(0.001), "under 1 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(money(4_000_000.0, Some("EUR")), "4.0 million EUR");
    }
}
