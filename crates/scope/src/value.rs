//! Small values of scope files: spans of time, amounts of money, times of the day. Pure text in,
//! values out; a message that completes "the field …" where the text says something else.

use jiff::SignedDuration;
use jiff::civil::Time;
use serde::Serialize;

/// Reads `7d`, `12h`, `30 days`, `2 weeks`, `90m`; more than zero.
pub(crate) fn duration(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("must be a span of time such as 7d, 12h or 2 weeks, but is {text:?}");
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let hours = match unit.trim().to_ascii_lowercase().as_str() {
        "m" | "min" | "minute" | "minutes" => 1.0 / 60.0,
        "h" | "hour" | "hours" => 1.0,
        "d" | "day" | "days" => 24.0,
        "w" | "week" | "weeks" => 24.0 * 7.0,
        _ => return Err(wrong()),
    };
    let seconds = number * hours * 3600.0;
    if seconds < 60.0 {
        return Err(format!("must be at least a minute, but is {text:?}"));
    }
    if seconds > 100.0 * 366.0 * 86400.0 {
        return Err(format!("must be less than a hundred years, but is {text:?}"));
    }
    Ok(SignedDuration::from_secs(seconds as i64))
}

/// Hours of work: `2`, `2h`, `1.5 hours`, `3d` (days of eight hours).
pub(crate) fn work_hours(text: &str) -> Result<f64, String> {
    let wrong = || format!("must be hours of work such as 2, 1.5h or 3d (days of 8 hours), but is {text:?}");
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let hours = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "h" | "hour" | "hours" => number,
        "d" | "day" | "days" => number * 8.0,
        _ => return Err(wrong()),
    };
    if hours > 0.0 && hours <= 100_000.0 { Ok(hours) } else { Err(wrong()) }
}

/// What a jewel or a service is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worth {
    /// In the scope's currency; above zero.
    pub amount: f64,
    pub basis: Basis,
}

/// What an amount counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Lost once, if it falls.
    Loss,
    /// Earned or spared with it in a year.
    PerYear,
}

/// Reads `2500000`, `2_500_000`, `2.5M`, `900k GBP`, `1.2M GBP per year`.
pub(crate) fn worth(text: &str, currency: Option<&str>) -> Result<Worth, String> {
    let wrong = || format!("must be an amount such as 2500000, 2.5M or 900k per year, but is {text:?}");
    let mut rest = text.trim().to_ascii_lowercase();
    let mut basis = Basis::Loss;
    for ending in ["per year", "a year", "/ year", "/year"] {
        if let Some(before) = rest.strip_suffix(ending) {
            rest = before.trim_end().to_owned();
            basis = Basis::PerYear;
            break;
        }
    }
    if rest.starts_with('-') {
        return Err("must be more than zero, but is negative".to_owned());
    }
    let split =
        rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_' | ','))).unwrap_or(rest.len());
    let (number, unit) = rest.split_at(split);
    let number: f64 = number.replace(['_', ','], "").parse().map_err(|_| wrong())?;
    let mut factor = 1.0;
    for word in unit.split_whitespace() {
        factor = match word {
            "k" | "thousand" => 1e3,
            "m" | "million" | "mio" => 1e6,
            "bn" | "b" | "billion" => 1e9,
            other => match currency {
                Some(currency) if currency.eq_ignore_ascii_case(other) => factor,
                Some(currency) if other.len() == 3 && other.bytes().all(|b| b.is_ascii_alphabetic()) => {
                    return Err(format!(
                        "is in {}, but the scope's currency is {currency}",
                        other.to_ascii_uppercase()
                    ));
                }
                _ => return Err(wrong()),
            },
        };
    }
    let amount = number * factor;
    if amount > 0.0 && amount.is_finite() {
        Ok(Worth { amount, basis })
    } else {
        Err("must be more than zero".to_owned())
    }
}

/// Minutes since midnight of `06:30`; `24:00` is the end of the day.
pub(crate) fn time_of_day(text: &str) -> Result<Minute, String> {
    let wrong = || format!("must be a time of the day such as 22:00, but is {text:?}");
    let (hour, minute) = text.trim().split_once(':').ok_or_else(wrong)?;
    if hour.len() > 2 || minute.len() != 2 {
        return Err(wrong());
    }
    let (hour, minute): (u16, u16) =
        (hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?);
    let minutes = hour * 60 + minute;
    if minute > 59 || minutes > 24 * 60 { Err(wrong()) } else { Ok(Minute(minutes)) }
}

/// A minute of the day, 0 to 1440.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(pub(crate) u16);

impl Minute {
    pub(crate) fn of(time: Time) -> Self {
        Self(time.hour() as u16 * 60 + time.minute() as u16)
    }
}

impl std::fmt::Display for Minute {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for Minute {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time() {
        for (text, hours) in [("7d", 168), ("12h", 12), ("2 weeks", 336), ("30 days", 720), ("90m", 1)] {
            assert_eq!(duration(text).unwrap().as_hours(), hours, "{text}");
        }
        for text in ["", "d", "7", "-3d", "0d", "7 fortnights", "1e9d", "999999w", "..d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts() {
        for (text, amount, basis) in [
            ("2500000", 2.5e6, Basis::Loss),
            ("2_500_000", 2.5e6, Basis::Loss),
            ("2.5M GBP", 2.5e6, Basis::Loss),
            ("900k per year", 9e5, Basis::PerYear),
            ("1 bn GBP a year", 1e9, Basis::PerYear),
        ] {
            assert_eq!(worth(text, Some("GBP")).unwrap(), Worth { amount, basis }, "{text}");
        }
        for text in ["", "-5", "0", "much", "5 USD", "1e400", "nan"] {
            assert!(worth(text, Some("GBP")).is_err(), "{text}");
        }
        assert!(worth("5 USD", Some("GBP")).unwrap_err().contains("currency is GBP"));
    }

    #[test]
    fn times_of_the_day() {
        assert_eq!(time_of_day("22:05").unwrap().to_string(), "22:05");
        assert_eq!(time_of_day("24:00").unwrap(), Minute(1440));
        for text in ["24:01", "7", "12:60", "aa:bb", "12:5", "-1:00", "99999:00"] {
            assert!(time_of_day(text).is_err(), "{text}");
        }
        assert!((work_hours("1.5h").unwrap() - 1.5).abs() < 1e-9);
        assert!((work_hours("3d").unwrap() - 24.0).abs() < 1e-9);
        assert!(work_hours("0").is_err() && work_hours("5 kg").is_err());
    }
}
