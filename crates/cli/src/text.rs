//! Text for terminals: cleaned, cut and wrapped by the width that it takes on screen.

use bartizan_cycle::words::is_hostile;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The width to write for: the terminal's, kept readable; 80 where there is none.
pub(crate) fn columns() -> usize {
    terminal_size::terminal_size()
        .map_or(80, |(terminal_size::Width(width), _)| usize::from(width).clamp(40, 110))
}

/// Text from reports can hold escape sequences that would drive the terminal: control characters go.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_hostile(c) { ' ' } else { c }).collect()
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
}
