//! Times as feeds print them.

use bartizan_model::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// RFC 3339, or the same without a zone (taken as UTC), with `+0000`, or a date alone. Times before
/// 1970 are none: programs write the year 1 where they have no date.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    read(text.trim()).filter(|time| time.as_second() > 0)
}

fn read(text: &str) -> Option<Timestamp> {
    if let Ok(timestamp) = text.parse() {
        return Some(timestamp);
    }
    if let Ok(timestamp) = Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text) {
        return Some(timestamp);
    }
    if let Ok(timestamp) = Timestamp::strptime("%Y-%m-%dT%H:%M%z", text) {
        return Some(timestamp);
    }
    let civil = text.parse::<DateTime>().ok().or_else(|| Some(text.parse::<Date>().ok()?.at(0, 0, 0, 0)))?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// A date, or the date of a time.
pub(crate) fn date(text: &str) -> Option<Date> {
    text.trim().parse().ok().or_else(|| timestamp(text).map(|time| TimeZone::UTC.to_datetime(time).date()))
}

/// The same time in seconds of a date.
pub(crate) fn midnight(date: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_feeds_print() {
        for (text, expected) in [
            ("2025-06-29T00:00:00+0000", "2025-06-29T00:00:00Z"),
            ("2024-08-04T07:17:02.672Z", "2024-08-04T07:17:02.672Z"),
            ("2020-04-15T13:29:47", "2020-04-15T13:29:47Z"),
            ("1988-10-01T04:00Z", "1988-10-01T04:00:00Z"),
            ("2025-12-29", "2025-12-29T00:00:00Z"),
        ] {
            assert_eq!(timestamp(text).map(|time| time.to_string()).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(timestamp("soon"), None);
        assert_eq!(timestamp("0001-01-01T00:00:00Z"), None);
        assert_eq!(date("2024-08-04T07:17:02.672Z").unwrap().to_string(), "2024-08-04");
    }
}
