//! Small text helpers that several crates need in the same way.

/// Cuts text to at most `limit` characters, on a character border, and marks the cut with `…`.
pub fn excerpt(text: &str, limit: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => {
            let mut cut = text[..end].trim_end().to_owned();
            cut.push('…');
            cut
        }
    }
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn cuts_on_character_borders() {
        assert_eq!(excerpt("  héllo  ", 5), "héllo");
        assert_eq!(excerpt("héllo wörld", 7), "héllo w…");
    }
}
