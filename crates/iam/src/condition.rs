//! Condition blocks: operator, key, values. It must not fall back to *true* or *false* where a key, an
//! operator or a value cannot be read: that is unknown.
//!
//! Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Conditions with multiple
//! context keys or values".

use std::cmp::Ordering;
use std::net::IpAddr;

use data_encoding::{BASE64, BASE64_NOPAD};
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::context::{Context, Key};
use crate::pattern::{Pattern, Resolved, Syntax, glob};
use crate::truth::Truth;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering == Ordering::Equal,
            Self::Less => ordering == Ordering::Less,
            Self::LessOrEqual => ordering != Ordering::Greater,
            Self::Greater => ordering == Ordering::Greater,
            Self::GreaterOrEqual => ordering != Ordering::Less,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Text { ignore_case: bool },
    Like,
    Number(Comparison),
    Date(Comparison),
    Bool,
    Binary,
    Address,
    Arn,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Single,
    All,
    Any,
}

/// The operators by name: test, and whether it is the negated form.
const OPERATORS: &[(&str, Test, bool)] = &[
    ("stringequals", Test::Text { ignore_case: false }, false),
    ("stringnotequals", Test::Text { ignore_case: false }, true),
    ("stringequalsignorecase", Test::Text { ignore_case: true }, false),
    ("stringnotequalsignorecase", Test::Text { ignore_case: true }, true),
    ("stringlike", Test::Like, false),
    ("stringnotlike", Test::Like, true),
    ("numericequals", Test::Number(Comparison::Equal), false),
    ("numericnotequals", Test::Number(Comparison::Equal), true),
    ("numericlessthan", Test::Number(Comparison::Less), false),
    ("numericlessthanequals", Test::Number(Comparison::LessOrEqual), false),
    ("numericgreaterthan", Test::Number(Comparison::Greater), false),
    ("numericgreaterthanequals", Test::Number(Comparison::GreaterOrEqual), false),
    ("dateequals", Test::Date(Comparison::Equal), false),
    ("datenotequals", Test::Date(Comparison::Equal), true),
    ("datelessthan", Test::Date(Comparison::Less), false),
    ("datelessthanequals", Test::Date(Comparison::LessOrEqual), false),
    ("dategreaterthan", Test::Date(Comparison::Greater), false),
    ("dategreaterthanequals", Test::Date(Comparison::GreaterOrEqual), false),
    ("bool", Test::Bool, false),
    ("binaryequals", Test::Binary, false),
    ("ipaddress", Test::Address, false),
    ("notipaddress", Test::Address, true),
    ("arnequals", Test::Arn, false),
    ("arnlike", Test::Arn, false),
    ("arnnotequals", Test::Arn, true),
    ("arnnotlike", Test::Arn, true),
    ("null", Test::Null, false),
];

/// One line of a condition block.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// As written: operator and key, for explanations.
    name: String,
    key: String,
    /// `None`: an operator that nobody documents.
    test: Option<(Test, bool)>,
    set: Set,
    if_exists: bool,
    values: Vec<Pattern>,
}

/// What a condition says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Is(Truth),
    /// The caller can make it true and can make it false.
    Free,
}

impl Condition {
    /// Reads one line. The second result is false when the operator is not known.
    pub(crate) fn new(operator: &str, key: &str, values: &[String], variables: bool) -> (Self, bool) {
        let lower = operator.to_ascii_lowercase();
        let mut rest = lower.as_str();
        let mut set = Set::Single;
        for (prefix, kind) in [("forallvalues:", Set::All), ("foranyvalue:", Set::Any)] {
            if let Some(tail) = rest.strip_prefix(prefix) {
                (rest, set) = (tail, kind);
            }
        }
        let (rest, if_exists) = match rest.strip_suffix("ifexists") {
            Some(head) => (head, true),
            None => (rest, false),
        };
        let test =
            OPERATORS.iter().find(|(name, ..)| *name == rest).map(|(_, test, negated)| (*test, *negated));
        // `Null` has no IfExists form: it asks for existence itself.
        let test = test.filter(|(test, _)| !(if_exists && *test == Test::Null));
        let wildcards = matches!(test, Some((Test::Like | Test::Arn, _)));
        let syntax = Syntax { wildcards, variables };
        let condition = Self {
            name: format!("{operator} {key}"),
            key: key.to_ascii_lowercase(),
            test,
            set,
            if_exists,
            values: values.iter().map(|value| Pattern::new(value, syntax)).collect(),
        };
        let known = condition.test.is_some();
        (condition, known)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The values as written, for finding a value that a caller would pick.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(Pattern::text)
    }

    pub(crate) fn evaluate(&self, context: &Context<'_>) -> Verdict {
        let Some((test, negated)) = self.test else { return Verdict::Is(Truth::Unknown) };
        let state = context.get(&self.key);
        if test == Test::Null {
            return self.evaluate_null(state, context);
        }
        match state {
            Key::Unknown => Verdict::Is(Truth::Unknown),
            Key::Free => Verdict::Free,
            Key::Absent => Verdict::Is(Truth::from(match self.set {
                _ if self.if_exists => true,
                Set::All => true,
                Set::Any => false,
                Set::Single => negated,
            })),
            Key::Values(values) => {
                let one = |value: &String| {
                    let matched = self
                        .values
                        .iter()
                        .map(|pattern| compare(test, pattern, value, context))
                        .fold(Truth::No, Truth::or);
                    if negated { matched.negate() } else { matched }
                };
                let all = values.iter().map(one);
                Verdict::Is(match self.set {
                    Set::All => all.fold(Truth::Yes, Truth::and),
                    // A negated operator on a key that came with several values holds when none of them
                    // matches; a positive one when one does.
                    Set::Single if negated => all.fold(Truth::Yes, Truth::and),
                    Set::Single | Set::Any => all.fold(Truth::No, Truth::or),
                })
            }
        }
    }

    fn evaluate_null(&self, state: &Key, context: &Context<'_>) -> Verdict {
        let absent = match state {
            Key::Absent => Truth::Yes,
            Key::Values(_) => Truth::No,
            Key::Unknown => Truth::Unknown,
            Key::Free => return Verdict::Free,
        };
        let mut result = Truth::No;
        for pattern in &self.values {
            let wanted = match pattern.resolve(context) {
                Resolved::Known(tokens) => Resolved::plain(&tokens).map(|text| text.to_ascii_lowercase()),
                _ => None,
            };
            result = result.or(match wanted.as_deref() {
                Some("true") => absent,
                Some("false") => absent.negate(),
                _ => Truth::Unknown,
            });
        }
        Verdict::Is(result)
    }
}

fn compare(test: Test, pattern: &Pattern, value: &str, context: &Context<'_>) -> Truth {
    if test == Test::Like {
        return pattern.matches(value, context);
    }
    let tokens = match pattern.resolve(context) {
        Resolved::Known(tokens) => tokens,
        Resolved::Nothing => return Truth::No,
        Resolved::Loose(tokens) => {
            let may = test != Test::Text { ignore_case: false } || glob(&tokens, value.as_bytes());
            return if may { Truth::Unknown } else { Truth::No };
        }
    };
    if test == Test::Arn {
        return arn_like(&tokens, value).into();
    }
    let Some(wanted) = Resolved::plain(&tokens) else { return Truth::Unknown };
    let result = match test {
        Test::Text { ignore_case: false } => Some(wanted == value),
        Test::Text { ignore_case: true } => Some(wanted.to_lowercase() == value.to_lowercase()),
        Test::Number(comparison) => number(value)
            .zip(number(&wanted))
            .and_then(|(have, want)| have.partial_cmp(&want))
            .map(|ordering| comparison.holds(ordering)),
        Test::Date(comparison) => {
            instant(value).zip(instant(&wanted)).map(|(have, want)| comparison.holds(have.cmp(&want)))
        }
        Test::Bool => boolean(value).zip(boolean(&wanted)).map(|(have, want)| have == want),
        Test::Binary => binary(value).zip(binary(&wanted)).map(|(have, want)| have == want),
        Test::Address => address(value).zip(network(&wanted)).map(|(have, want)| want.contains(&have)),
        Test::Like | Test::Arn | Test::Null => None,
    };
    result.map_or(Truth::Unknown, Truth::from)
}

/// ARNs compare part by part: a wildcard does not reach over one of the first five colons.
fn arn_like(tokens: &[crate::pattern::Token], value: &str) -> bool {
    use crate::pattern::Token;
    // A lone `*` stands for every ARN.
    if tokens == [Token::Many] {
        return true;
    }
    let wanted: Vec<&[Token]> = tokens.splitn(6, |token| *token == Token::Byte(b':')).collect();
    let have: Vec<&str> = value.splitn(6, ':').collect();
    wanted.len() == 6
        && have.len() == 6
        && wanted.iter().zip(&have).all(|(want, have)| glob(want, have.as_bytes()))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Dates are W3C profile ISO 8601 or seconds since the epoch.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(stamp);
    }
    if let Some(seconds) = number(text) {
        // A bare year is not an epoch value that anybody writes, and not a date that AWS documents.
        return Timestamp::from_second(seconds.trunc() as i64).ok();
    }
    let civil = text
        .parse::<DateTime>()
        .ok()
        .or_else(|| text.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0)))?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn binary(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).or_else(|_| BASE64_NOPAD.decode(text.as_bytes())).ok()
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| address(text).map(IpNet::from))
}
