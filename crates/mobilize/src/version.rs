//! Comparing versions of many ecosystems well enough to say which upgrade covers all.

use std::cmp::Ordering;

/// Compares runs of digits as numbers and runs of letters as text; a letter run (`rc`, `beta`)
/// sorts before the end of the version, so `2.0rc1 < 2.0 < 2.0.1`.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (pieces(left).into_iter(), pieces(right).into_iter());
    loop {
        let ordering = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (Some(Piece::Text(_)), None) => Ordering::Less,
            (None, Some(Piece::Text(_))) => Ordering::Greater,
            (Some(Piece::Number(number)), None) => number.cmp(&0).then(Ordering::Equal),
            (None, Some(Piece::Number(number))) => 0.cmp(&number),
            (Some(left), Some(right)) => left.cmp(&right),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Text(String),
    Number(u64),
}

fn pieces(version: &str) -> Vec<Piece> {
    let version = version.trim().trim_start_matches(['v', 'V', '=']);
    // Build metadata says nothing about order.
    let version = version.split('+').next().unwrap_or_default();
    let mut pieces = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest
            .find(|character: char| {
                character.is_ascii_digit() != digits || (!digits && !character.is_alphabetic())
            })
            .unwrap_or(rest.len());
        let end = if end == 0 { first.len_utf8() } else { end };
        let run = &rest[..end];
        if digits {
            pieces.push(Piece::Number(run.parse().unwrap_or(u64::MAX)));
        } else if first.is_alphabetic() {
            pieces.push(Piece::Text(run.to_ascii_lowercase()));
        }
        rest = &rest[end..];
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_order() {
        let ordered =
            ["1.0-alpha", "1.0-beta2", "1.0rc1", "1.0", "1.0.1", "1.2", "1.10", "v2.0.0", "2.0.0.1", "10.0"];
        for pair in ordered.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("1.0", "1.0.0"), Ordering::Equal);
        assert_eq!(compare("1.2+build5", "1.2"), Ordering::Equal);
    }
}
