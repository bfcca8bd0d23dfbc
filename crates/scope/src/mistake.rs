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

/// The most words that are listed as a choice; a longer list helps nobody.
const MOST_CHOICES: usize = 20;

/// The known word nearest to the one that was written, where one is near enough to be meant: by
/// spelling, else the only one that begins alike.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let by_spelling = known
        .clone()
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(word.len()) / 4)
        .min()
        .map(|(_, candidate)| candidate);
    by_spelling.or_else(|| {
        let start = lower.get(..4)?;
        let mut alike = known.into_iter().filter(|candidate| candidate.to_lowercase().starts_with(start));
        alike.next().filter(|_| alike.next().is_none())
    })
}

/// `; did you mean `x`?`, or the whole choice where nothing is near and the choice is short.
pub(crate) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(candidate) = nearest(word, known.clone()) {
        return format!("; did you mean `{candidate}`?");
    }
    let all: Vec<&str> = known.into_iter().collect();
    if all.is_empty() || all.len() > MOST_CHOICES {
        String::new()
    } else {
        format!("; known are {}", all.join(", "))
    }
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
        assert_eq!(nearest("repo-url", ["repository-url", "fqdn"]), Some("repository-url"));
        assert_eq!(nearest("vuln", ["vulnerability", "vulnerable-part"]), None);
        assert_eq!(hint("x", ["a", "b"]), "; did you mean `a`?");
        assert_eq!(hint("xyz", ["abc", "b"]), "; known are abc, b");
    }
}
