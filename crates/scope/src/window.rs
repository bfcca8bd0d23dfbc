//! Authorised windows: when, where and how validation may send anything at all.

use std::collections::BTreeSet;
use std::fmt;

use bartizan_model::Timestamp;
use bartizan_model::check::Method;
use jiff::civil::Weekday;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Serialize, Serializer};

use crate::selector::Selector;
use crate::target::TargetPattern;
use crate::value::Minute;

/// A permission to validate. Every condition in it must hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Window {
    pub name: String,
    /// The assets that may be probed, at the addresses and names by which they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// The places that may be probed; with a selector, both must allow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetPattern>,
    /// From this moment on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Weekly>,
    pub methods: BTreeSet<Method>,
    /// The most that may be sent to one target; the validator's own limit holds where it is lower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
    /// Who answers for it.
    pub authorised_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Window {
    /// True when the moment lies inside.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from)
            && self.to.is_none_or(|to| at < to)
            && self.weekly.as_ref().is_none_or(|weekly| weekly.is_open(at))
    }

    /// When it is open, in words.
    pub fn times(&self) -> String {
        let mut parts = Vec::new();
        if let Some(from) = self.from {
            parts.push(format!("from {from}"));
        }
        if let Some(to) = self.to {
            parts.push(format!("until {to}"));
        }
        if let Some(weekly) = &self.weekly {
            parts.push(weekly.to_string());
        }
        parts.join(", ")
    }
}

/// Hours that come again every week, by the clock on the wall of a time zone: on the days when
/// that clock is changed, the window is an hour longer or shorter with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Weekly {
    /// Days on which the window opens, Monday first.
    pub(crate) days: [bool; 7],
    pub(crate) from: Minute,
    /// Not after `from`: on the next day.
    pub(crate) to: Minute,
    pub(crate) zone: TimeZone,
    pub(crate) zone_name: String,
}

pub(crate) const DAYS: [(&str, Weekday); 14] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Weekly {
    fn opens_on(&self, day: Weekday) -> bool {
        self.days[day.to_monday_zero_offset() as usize]
    }

    fn is_open(&self, at: Timestamp) -> bool {
        let local = at.to_zoned_datetime(self.zone.clone());
        let minute = Minute::of(local.time());
        let today = self.opens_on(local.weekday());
        if self.from < self.to {
            today && (self.from..self.to).contains(&minute)
        } else {
            let yesterday = self.opens_on(local.weekday().wrapping_sub(1));
            (today && minute >= self.from) || (yesterday && minute < self.to)
        }
    }
}

impl fmt::Display for Weekly {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> =
            DAYS.iter().take(7).filter(|(_, day)| self.opens_on(*day)).map(|(name, _)| *name).collect();
        let days = if days.len() == 7 { "every day".to_owned() } else { format!("on {}", days.join(", ")) };
        write!(formatter, "{days} {} to {} {}", self.from, self.to, self.zone_name)
    }
}

impl Serialize for Weekly {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A time zone by its IANA name, from the table that is built in: the answer is the same on every
/// machine.
pub(crate) fn time_zone(name: &str) -> Option<TimeZone> {
    if name.eq_ignore_ascii_case("utc") {
        return Some(TimeZone::UTC);
    }
    TimeZoneDatabase::bundled().get(name).ok()
}

/// Why validation may not touch a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "refusal")]
pub enum Refusal {
    /// The asset is not in scope.
    OutOfScope { reason: String },
    /// A selector that might take the asset out of scope has no answer for it.
    Undecided { selector: String, problem: String },
    /// The target cannot be read as a host.
    UnclearTarget { target: String },
    /// The scope says never.
    Never { target: String, pattern: String },
    /// No window covers this asset at this target.
    NotAuthorised { target: String },
    /// A window covers the target, but not by this method.
    Method { window: String, method: Method, allowed: Vec<Method> },
    /// A window covers the target and the method, but not now.
    Closed { window: String, times: String },
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfScope { reason } => write!(formatter, "the asset is out of scope: {reason}"),
            Self::Undecided { selector, problem } => {
                write!(formatter, "it is not certain that the asset is in scope: `{selector}` {problem}")
            }
            Self::UnclearTarget { target } => {
                write!(formatter, "{target:?} is not a host, an address or a URL")
            }
            Self::Never { target, pattern } => {
                write!(formatter, "{target} must never be touched: the scope says {pattern}")
            }
            Self::NotAuthorised { target } => {
                write!(formatter, "no validation window covers {target} for this asset")
            }
            Self::Method { window, method, allowed } => {
                let allowed: Vec<&str> = allowed.iter().map(|method| method.as_str()).collect();
                write!(
                    formatter,
                    "the window {window:?} does not allow {method}, only {}",
                    allowed.join(", ")
                )
            }
            Self::Closed { window, times } => {
                write!(formatter, "the window {window:?} is closed; it is open {times}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::time_of_day;

    fn weekly(days: &[Weekday], from: &str, to: &str, zone: &str) -> Weekly {
        let mut open = [false; 7];
        for day in days {
            open[day.to_monday_zero_offset() as usize] = true;
        }
        Weekly {
            days: open,
            from: time_of_day(from).unwrap(),
            to: time_of_day(to).unwrap(),
            zone: time_zone(zone).unwrap(),
            zone_name: zone.to_owned(),
        }
    }

    fn is_open(weekly: &Weekly, at: &str) -> bool {
        weekly.is_open(at.parse().unwrap())
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let nights = weekly(&[Weekday::Saturday], "22:00", "04:00", "Europe/London");
        assert!(!is_open(&nights, "2026-11-21T21:59:59Z"));
        assert!(is_open(&nights, "2026-11-21T22:00:00Z"));
        assert!(is_open(&nights, "2026-11-22T03:59:59Z"));
        assert!(!is_open(&nights, "2026-11-22T04:00:00Z"));
        assert!(!is_open(&nights, "2026-11-22T23:00:00Z"));
        assert!(!is_open(&nights, "2026-11-21T03:00:00Z"));
        assert_eq!(nights.to_string(), "on saturday 22:00 to 04:00 Europe/London");
    }

    #[test]
    fn the_zone_moves_the_day_and_summer_time_the_hour() {
        // Monday 08:00 in Auckland is Sunday evening in UTC (+13 in November).
        let auckland = weekly(&[Weekday::Monday], "08:00", "09:00", "Pacific/Auckland");
        assert!(is_open(&auckland, "2026-11-22T19:30:00Z"));
        assert!(!is_open(&auckland, "2026-11-23T08:30:00Z"));
        // 22:00 in London is 21:00 UTC in summer.
        let london = weekly(&[Weekday::Wednesday], "22:00", "23:00", "Europe/London");
        assert!(is_open(&london, "2026-07-15T21:30:00Z") && !is_open(&london, "2026-07-15T22:30:00Z"));
        assert!(is_open(&london, "2026-01-14T22:30:00Z"));
    }

    #[test]
    fn whole_days() {
        let weekend = weekly(&[Weekday::Saturday, Weekday::Sunday], "00:00", "24:00", "UTC");
        assert!(is_open(&weekend, "2026-11-22T23:59:59Z") && !is_open(&weekend, "2026-11-23T00:00:00Z"));
        assert!(is_open(&weekend, "2026-11-21T00:00:00Z"));
        assert!(time_zone("Mars/Olympus").is_none());
    }
}
