//! Mistakes in scope files: what is wrong, and exactly where.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// One mistake in a scope file. All of them are reported, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mistake {
    /// The file as it was named or included.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Where in the document: `crown_jewels[0].worth`; empty for the document itself.
    pub field: String,
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.field.is_empty() {
            write!(formatter, "{}: ", self.field)?;
        }
        formatter.write_str(&self.message)
    }
}

/// The known word nearest to the one that was written, where one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(word.len()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean `x`?)`, or the whole choice where nothing is near.
pub(crate) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    nearest(word, known.clone()).map_or_else(
        || {
            let all: Vec<&str> = known.into_iter().collect();
            if all.is_empty() { String::new() } else { format!("; known are {}", all.join(", ")) }
        },
        |candidate| format!("; did you mean `{candidate}`?"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near_and_nothing_else() {
        let known = ["selector", "description", "worth"];
        assert_eq!(nearest("selectr", known), Some("selector"));
        assert_eq!(nearest("Worht", known), Some("worth"));
        assert_eq!(nearest("password", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(hint("x", ["a", "b"]), "; did you mean `a`?");
        assert_eq!(hint("xyz", ["abc", "b"]), "; known are abc, b");
    }
}
