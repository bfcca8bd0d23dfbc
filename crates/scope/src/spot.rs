//! A value in a scope file together with the field that it stands in: reads it as what it should
//! be, and notes a mistake with its place where it is something else. Knows no section.

use std::cell::RefCell;
use std::sync::Arc;

use crate::mistake::{Mistake, hint};
use crate::yaml::{Content, Key, Node, Position, Scalar};

/// Where mistakes are noted.
pub(crate) type Notes = RefCell<Vec<Mistake>>;

/// A place that can be named later, when other files have been read.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    pub(crate) file: Arc<str>,
    pub(crate) at: Position,
    pub(crate) field: String,
}

impl Location {
    pub(crate) fn mistake(&self, message: impl Into<String>) -> Mistake {
        Mistake {
            file: Arc::clone(&self.file),
            line: self.at.line,
            column: self.at.column,
            field: self.field.clone(),
            message: message.into(),
        }
    }
}

/// A node and its field path.
#[derive(Clone)]
pub(crate) struct Spot<'a> {
    node: &'a Node,
    field: String,
    file: &'a Arc<str>,
    notes: &'a Notes,
}

impl<'a> Spot<'a> {
    pub(crate) fn root(node: &'a Node, file: &'a Arc<str>, notes: &'a Notes) -> Self {
        Self { node, field: String::new(), file, notes }
    }

    pub(crate) fn location(&self) -> Location {
        Location { file: Arc::clone(self.file), at: self.node.at, field: self.field.clone() }
    }

    pub(crate) fn mistake(&self, message: impl Into<String>) {
        self.notes.borrow_mut().push(self.location().mistake(message));
    }

    /// A mistake at another place of the same field.
    pub(crate) fn mistake_at(&self, at: Position, message: impl Into<String>) {
        let location = Location { at, ..self.location() };
        self.notes.borrow_mut().push(location.mistake(message));
    }

    pub(crate) fn at(&self) -> Position {
        self.node.at
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.node.content, Content::Scalar(scalar) if scalar.is_null())
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.content, Content::List(_))
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.content, Content::Map(_))
    }

    /// Text, trimmed and not empty. A number or a truth value is not text unless it is quoted.
    pub(crate) fn text(&self) -> Option<&'a str> {
        let scalar = self.scalar("text")?;
        if let Some(other) = scalar.other_type() {
            self.mistake(format!("must be text, but is {other}; put it in quotes if it is meant so"));
            return None;
        }
        let text = scalar.text.trim();
        if text.is_empty() {
            self.mistake("is empty");
            return None;
        }
        Some(text)
    }

    /// A single value of whatever type, as it is written.
    pub(crate) fn word(&self, wanted: &str) -> Option<&'a str> {
        let scalar = self.scalar(wanted)?;
        if scalar.text.trim().is_empty() {
            self.mistake(format!("is empty, but must be {wanted}"));
            return None;
        }
        Some(scalar.text.trim())
    }

    pub(crate) fn scalar(&self, wanted: &str) -> Option<&'a Scalar> {
        match &self.node.content {
            Content::Scalar(scalar) => Some(scalar),
            Content::List(_) => {
                self.mistake(format!("must be {wanted}, but is a list"));
                None
            }
            Content::Map(_) => {
                self.mistake(format!("must be {wanted}, but is a mapping of fields"));
                None
            }
        }
    }

    pub(crate) fn number(&self, wanted: &str) -> Option<f64> {
        let word = self.word(wanted)?;
        match word.replace('_', "").parse::<f64>() {
            Ok(number) if number.is_finite() => Some(number),
            _ => {
                self.mistake(format!("must be {wanted}, but is {word:?}"));
                None
            }
        }
    }

    /// One of several words; spelled as they are or in another case.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        let word = self.text()?;
        let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        if found.is_none() {
            let names = choices.iter().map(|(name, _)| *name);
            self.mistake(format!("{word:?} is not known{}", hint(word, names)));
        }
        found.map(|(_, value)| *value)
    }

    /// The items of a list, which must not be empty.
    pub(crate) fn items(&self) -> Vec<Spot<'a>> {
        match &self.node.content {
            Content::List(nodes) => {
                if nodes.is_empty() {
                    self.mistake("is an empty list");
                }
                nodes
                    .iter()
                    .enumerate()
                    .map(|(index, node)| Spot { node, field: format!("{}[{index}]", self.field), ..*self })
                    .collect()
            }
            Content::Scalar(_) => {
                self.mistake("must be a list");
                Vec::new()
            }
            Content::Map(_) => {
                self.mistake("must be a list (each item begins with `- `), but is a mapping of fields");
                Vec::new()
            }
        }
    }

    /// The items of a list, or the one value.
    pub(crate) fn one_or_more(&self) -> Vec<Spot<'a>> {
        if self.is_list() { self.items() } else { vec![self.clone()] }
    }

    /// The members of a mapping, each with its key, in order; keys that repeat are noted.
    pub(crate) fn members(&self) -> Vec<(&'a Key, Spot<'a>)> {
        let Content::Map(entries) = &self.node.content else {
            let is = if self.is_list() { "a list" } else { "a single value" };
            self.mistake(format!("must be a mapping of fields, but is {is}"));
            return Vec::new();
        };
        let mut members: Vec<(&Key, Spot)> = Vec::with_capacity(entries.len());
        for (key, node) in entries {
            let field =
                if self.field.is_empty() { key.text.clone() } else { format!("{}.{}", self.field, key.text) };
            let spot = Spot { node, field, ..*self };
            if let Some((first, _)) = members.iter().find(|(earlier, _)| earlier.text == key.text) {
                let line = first.at.line;
                spot.mistake_at(key.at, format!("stands twice, first on line {line}"));
            } else {
                members.push((key, spot));
            }
        }
        members
    }

    /// The fields of a mapping whose fields are known.
    pub(crate) fn fields(&self) -> Option<Fields<'a>> {
        if !self.is_map() {
            let is = if self.is_list() { "a list" } else { "a single value" };
            self.mistake(format!("must be a mapping of fields, but is {is}"));
            return None;
        }
        Some(Fields { spot: self.clone(), members: self.members(), asked: Vec::new() })
    }
}

/// The fields of one mapping. What was never asked for is unknown.
pub(crate) struct Fields<'a> {
    spot: Spot<'a>,
    members: Vec<(&'a Key, Spot<'a>)>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The mapping itself.
    pub(crate) fn spot(&self) -> &Spot<'a> {
        &self.spot
    }

    fn find(&mut self, name: &'static str) -> Option<Spot<'a>> {
        self.asked.push(name);
        self.members.iter().find(|(key, _)| key.text == name).map(|(_, spot)| spot.clone())
    }

    /// A field, if it is there. One that is there and says nothing is a mistake: nobody can tell
    /// what was meant. Only whole sections of a file may be left empty.
    pub(crate) fn get(&mut self, name: &'static str) -> Option<Spot<'a>> {
        let spot = self.find(name)?;
        if !spot.is_null() {
            return Some(spot);
        }
        if !self.spot.field.is_empty() {
            spot.mistake("is empty; give it a value or leave it out");
        }
        None
    }

    /// A field that must be there. `why` completes "is missing: …".
    pub(crate) fn need(&mut self, name: &'static str, why: &str) -> Option<Spot<'a>> {
        match self.find(name) {
            Some(spot) if spot.is_null() => {
                spot.mistake(format!("is empty: {why}"));
                None
            }
            Some(spot) => Some(spot),
            None => {
                let mut location = self.spot.location();
                location.field = if location.field.is_empty() {
                    name.to_owned()
                } else {
                    format!("{}.{name}", location.field)
                };
                self.spot.notes.borrow_mut().push(location.mistake(format!("is missing: {why}")));
                None
            }
        }
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.get(name)?.text().map(str::to_owned)
    }

    pub(crate) fn need_text(&mut self, name: &'static str, why: &str) -> Option<String> {
        self.need(name, why)?.text().map(str::to_owned)
    }

    /// Notes every field that nobody asked for; gives the names that were asked for.
    pub(crate) fn finish(self) -> Vec<&'static str> {
        for (key, spot) in &self.members {
            if !self.asked.contains(&key.text.as_str()) {
                let known = self.asked.iter().copied();
                spot.mistake_at(
                    key.at,
                    format!("is not a field that is known here{}", hint(&key.text, known)),
                );
            }
        }
        self.asked
    }
}
