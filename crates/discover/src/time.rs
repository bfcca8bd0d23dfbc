//! Times as scanners print them.

use bartizan_model::Timestamp;

/// Reads RFC 3339, ISO 8601 with a space or without a zone (taken as UTC), `asctime` text, RFC 2822
/// and Unix seconds or milliseconds. `None` for anything else: a time is never guessed.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse() {
        return Some(timestamp);
    }
    if let Ok(number) = text.parse::<f64>() {
        return from_unix(number);
    }
    let spaced = text.replacen(' ', "T", 1);
    if let Ok(timestamp) = spaced.parse() {
        return Some(timestamp);
    }
    if let Ok(civil) = spaced.trim_end_matches(" UTC").parse::<jiff::civil::DateTime>() {
        return jiff::tz::TimeZone::UTC.to_timestamp(civil).ok();
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f %z", "%a, %d %b %Y %H:%M:%S %z"] {
        if let Ok(timestamp) =
            Timestamp::strptime(format, &spaced).or_else(|_| Timestamp::strptime(format, text))
        {
            return Some(timestamp);
        }
    }
    for format in ["%a %b %e %H:%M:%S %Y", "%b %e %Y %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%d/%m/%Y %H:%M:%S"] {
        if let Ok(civil) = jiff::civil::DateTime::strptime(format, text) {
            return jiff::tz::TimeZone::UTC.to_timestamp(civil).ok();
        }
    }
    None
}

/// Seconds since 1970, or milliseconds where the number is too large for seconds of this century.
pub(crate) fn from_unix(number: f64) -> Option<Timestamp> {
    let seconds = if number.abs() > 1e11 { number / 1000.0 } else { number };
    Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_scanners_print() {
        for (text, expected) in [
            ("2026-11-23T06:39:50Z", "2026-11-23T06:39:50Z"),
            ("2026-11-23 06:39:09.833426+00:00", "2026-11-23T06:39:09.833426Z"),
            ("2026-11-23T06:39:09.833426", "2026-11-23T06:39:09.833426Z"),
            ("2026-11-23 07:39:09+0100", "2026-11-23T06:39:09Z"),
            ("Mon Nov 23 06:39:50 2026", "2026-11-23T06:39:50Z"),
            ("1795415990", "2026-11-23T06:39:50Z"),
            ("1795415990000", "2026-11-23T06:39:50Z"),
            ("2026-11-23", "2026-11-23T00:00:00Z"),
        ] {
            assert_eq!(parse(text).map(|time| time.to_string()).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(parse("yesterday"), None);
    }
}
