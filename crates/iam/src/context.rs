//! The request context: what is known of each condition key when a request is made. It must not guess:
//! a key of which nothing was said is [`Key::Unknown`], never absent.

use std::collections::BTreeMap;

/// What is known of one condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The key is in the request with these values.
    Values(Vec<String>),
    /// The key is not in the request.
    Absent,
    /// Nothing is known.
    Unknown,
    /// The caller picks the value freely (a session name, an instance type).
    Free,
}

static UNKNOWN: Key = Key::Unknown;
static ABSENT: Key = Key::Absent;

/// Condition keys of one request; names compare without regard to case, as AWS compares them. A context
/// may stand on another one (request on resource on principal) and hides what that one says.
#[derive(Debug, Clone, Default)]
pub struct Context<'a> {
    keys: BTreeMap<String, Key>,
    closed: Vec<String>,
    outer: Option<&'a Context<'a>>,
    /// Asked after `outer` and all that stands below it.
    beyond: Option<&'a Context<'a>>,
}

impl<'a> Context<'a> {
    /// A context in which everything is unknown.
    pub fn new() -> Self {
        Self::default()
    }

    /// A context on top of another.
    pub fn over(outer: &'a Context<'a>) -> Self {
        Self { outer: Some(outer), ..Self::default() }
    }

    /// What the first says, and where it says nothing, the second.
    pub(crate) fn both(first: &'a Context<'a>, second: &'a Context<'a>) -> Self {
        Self { outer: Some(first), beyond: Some(second), ..Self::default() }
    }

    pub fn set(&mut self, key: &str, state: Key) -> &mut Self {
        self.keys.insert(key.to_ascii_lowercase(), state);
        self
    }

    pub fn value(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.set(key, Key::Values(vec![value.into()]))
    }

    pub fn absent(&mut self, key: &str) -> &mut Self {
        self.set(key, Key::Absent)
    }

    /// Says that every key with this prefix that is not set is absent: `aws:PrincipalTag/` once all tags
    /// of the principal are known.
    pub fn close(&mut self, prefix: &str) -> &mut Self {
        self.closed.push(prefix.to_ascii_lowercase());
        self
    }

    /// `key` in lower case.
    pub(crate) fn get(&self, key: &str) -> &Key {
        let mut next = [Some(self), None];
        while let Some(context) = next[0].take().or_else(|| next[1].take()) {
            if let Some(state) = context.keys.get(key) {
                return state;
            }
            if context.closed.iter().any(|prefix| key.starts_with(prefix.as_str())) {
                return &ABSENT;
            }
            next = [context.outer, context.beyond.or(next[1])];
        }
        &UNKNOWN
    }
}
