//! The words in which answers are put, for terminals and pages alike.

use bartizan_model::Timestamp;

use crate::ranking::{Ranked, Ranking};

/// The words for tiers.
pub const fn tier(tier: u8) -> &'static str {
    match tier {
        1 => "ACT NOW",
        2 => "NEXT",
        3 => "SCHEDULE",
        4 => "TRACK",
        _ => "KNOWN",
    }
}

/// How an attacker gets to an exposure.
pub fn way(ranking: &Ranking, ranked: &Ranked) -> String {
    if !ranked.paths.is_empty() {
        let all = count(ranking.paths.len(), "path", "paths");
        format!("on {} of {all} to {}", ranked.paths.len(), ranked.crown_jewels.join(", "))
    } else if ranked.on_path {
        "on a path".to_owned()
    } else if ranked.reachable {
        "reachable from an entry, on no known path".to_owned()
    } else {
        "no way to it is known".to_owned()
    }
}

/// Whether a character of a report could drive a terminal or turn the direction of writing, and so
/// make what is shown say something else.
pub fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `1 path`, `2 paths`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number as u64), if number == 1 { one } else { many })
}

/// `12408` → `12,408`.
pub fn thousands(number: u64) -> String {
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
pub fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.005 {
        "under 1 %".to_owned()
    } else if share < 1.0 && share > 0.995 {
        "over 99 %".to_owned()
    } else {
        format!("{:.0} %", share * 100.0)
    }
}

/// `4000000.0` → `4.0 million`, with the currency behind it.
pub fn money(amount: f64, currency: Option<&str>) -> String {
    let number =
        if amount >= 1e6 { format!("{:.1} million", amount / 1e6) } else { thousands(amount.round() as u64) };
    currency.map_or_else(|| number.clone(), |currency| format!("{number} {currency}"))
}

/// `2026-11-26T00:00:00Z` → `26 Nov 2026`.
pub fn day(at: Timestamp) -> String {
    at.strftime("%-d %b %Y").to_string()
}

/// The minute, UTC.
pub fn minute(at: Timestamp) -> String {
    at.strftime("%-d %b %Y %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(12_408), "12,408");
        assert_eq!(thousands(100), "100");
        assert_eq!(percent(0.001), "under 1 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(money(4_000_000.0, Some("EUR")), "4.0 million EUR");
    }

    #[test]
    fn names_are_listed_as_a_sentence_does() {
        assert_eq!(list([]), "");
        assert_eq!(list(["a"]), "a");
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
    }
}
