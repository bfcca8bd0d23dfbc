//! JSON by routes: values at chosen paths are handed over one by one, the rest is skipped, and
//! memory holds one value at a time.
//!
//! A route is a path such as `Results[].Vulnerabilities[]` or `ArtifactName`; `[]` stands for every
//! element of an array, `{}` for every member of an object whatever its key, and the empty route
//! for the whole document. A route that leads through others hands over an [`Event::Begin`] and an
//! [`Event::End`] for each object or array element on the way, so that a reader knows when the
//! context of the values (which may stand before or after them) is complete.

use std::cell::RefCell;
use std::fmt;
use std::io::Read;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::Error;
use crate::watched::{Reached, Watched};

/// How deep documents may nest: as deep as serde_json follows.
const DEPTH: usize = 128;

/// One step of a walk.
#[derive(Debug)]
pub enum Event<'a> {
    /// An element or member on a route that has further routes below it begins.
    Begin { route: usize },
    /// A value at the end of a route, as JSON text. `key` is the member's key if it is a
    /// member of an object.
    Value { route: usize, key: Option<&'a str>, json: &'a str },
    /// The element that began ends.
    End { route: usize },
}

/// Whether one document is expected or a sequence of them (JSON lines, concatenated JSON).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Documents {
    One,
    Many,
}

/// Where the walk stands.
pub struct Position<'a>(&'a RefCell<Vec<Step>>);

impl fmt::Display for Position<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_path(&self.0.borrow(), formatter)
    }
}

impl Position<'_> {
    /// The index of the innermost array element, counted from 0.
    pub fn index(&self) -> usize {
        let path = self.0.borrow();
        path.iter()
            .rev()
            .find_map(|step| if let Step::Index(index) = step { Some(*index) } else { None })
            .unwrap_or(0)
    }
}

enum Step {
    Key(String),
    Index(usize),
}

fn write_path(path: &[Step], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    if path.is_empty() {
        return formatter.write_str("the document");
    }
    for (depth, step) in path.iter().enumerate() {
        match step {
            Step::Key(key) if depth == 0 => formatter.write_str(key)?,
            Step::Key(key) => write!(formatter, ".{key}")?,
            Step::Index(index) => write!(formatter, "[{index}]")?,
        }
    }
    Ok(())
}

/// Walks the JSON text of `reader`. The handler's error stops the walk and is returned as it is.
pub fn walk<E: From<Error>>(
    reader: impl Read,
    routes: &[&str],
    documents: Documents,
    handler: &mut dyn FnMut(Event<'_>, &Position<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let tree = Tree::build(routes);
    let path = RefCell::new(Vec::new());
    let stopped = RefCell::new(None);
    let walker = Walker { handler: RefCell::new(handler), stopped: &stopped, path: &path };
    let watched = Watched::new(reader, DEPTH);
    let reached = Rc::clone(&watched.reached);
    // Reading from a plain `Read` byte by byte is slow; serde_json wants a buffered one.
    let buffered = std::io::BufReader::with_capacity(128 * 1024, watched);
    let mut deserializer = serde_json::Deserializer::from_reader(buffered);
    let result = match documents {
        Documents::One => Seed { walker: &walker, node: &tree }
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end()),
        Documents::Many => many(&walker, &tree, &mut deserializer),
    };
    if let Some(error) = stopped.borrow_mut().take() {
        return Err(error);
    }
    result.map_err(|error| E::from(describe(&error, &path.borrow(), reached.get())))
}

fn many<R: serde_json::de::Read<'static>, E>(
    walker: &Walker<'_, E>,
    tree: &Tree,
    deserializer: &mut serde_json::Deserializer<R>,
) -> serde_json::Result<()> {
    let mut index = 0;
    while deserializer.end().is_err() {
        walker.path.borrow_mut().push(Step::Index(index));
        Seed { walker, node: tree }.deserialize(&mut *deserializer)?;
        walker.path.borrow_mut().pop();
        index += 1;
    }
    Ok(())
}

fn describe(error: &serde_json::Error, path: &[Step], reached: Reached) -> Error {
    struct Shown<'a>(&'a [Step]);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_path(self.0, formatter)
        }
    }
    let inside = Shown(path).to_string();
    if reached.too_deep {
        return Error::TooDeep { limit: DEPTH, line: reached.line, column: reached.column, inside };
    }
    let (line, column) = (error.line(), error.column());
    if error.is_eof() {
        return Error::Truncated { at: reached.bytes, inside };
    }
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    Error::Syntax { language: "JSON", line, column, inside, message }
}

/// The routes as a tree: what to do with the value at hand.
#[derive(Default)]
struct Tree {
    /// The route that ends here.
    ends: Option<usize>,
    /// The first route that leads through here: names Begin and End.
    through: Option<usize>,
    members: Vec<(String, Tree)>,
    any_member: Option<Box<Tree>>,
    elements: Option<Box<Tree>>,
}

impl Tree {
    fn build(routes: &[&str]) -> Self {
        let mut root = Self::default();
        for (route, path) in routes.iter().enumerate() {
            let mut node = &mut root;
            for step in steps(path) {
                if node.through.is_none() {
                    node.through = Some(route);
                }
                node = match step {
                    "[]" => node.elements.get_or_insert_default(),
                    "{}" => node.any_member.get_or_insert_default(),
                    key => {
                        let at = node.members.iter().position(|(known, _)| known == key);
                        let at = at.unwrap_or_else(|| {
                            node.members.push((key.to_owned(), Self::default()));
                            node.members.len() - 1
                        });
                        &mut node.members[at].1
                    }
                };
            }
            node.ends = Some(route);
        }
        root
    }

    fn is_leaf(&self) -> bool {
        self.members.is_empty() && self.any_member.is_none() && self.elements.is_none()
    }

    fn member(&self, key: &str) -> Option<&Self> {
        self.members
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, node)| node)
            .or(self.any_member.as_deref())
    }
}

/// `a.b[].c` → `a`, `b`, `[]`, `c`.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').flat_map(|part| {
        let name_end = part.find("[]").unwrap_or(part.len());
        let brackets = (part.len() - name_end) / 2;
        std::iter::once(&part[..name_end])
            .filter(|name| !name.is_empty())
            .chain(std::iter::repeat_n("[]", brackets))
    })
}

type Handler<'h, E> = RefCell<&'h mut dyn FnMut(Event<'_>, &Position<'_>) -> Result<(), E>>;

struct Walker<'w, E> {
    handler: Handler<'w, E>,
    stopped: &'w RefCell<Option<E>>,
    path: &'w RefCell<Vec<Step>>,
}

impl<E> Walker<'_, E> {
    fn tell<D: serde::de::Error>(&self, event: Event<'_>) -> Result<(), D> {
        (self.handler.borrow_mut())(event, &Position(self.path)).map_err(|error| {
            *self.stopped.borrow_mut() = Some(error);
            D::custom("stopped by the handler")
        })
    }
}

struct Seed<'s, 'w, E> {
    walker: &'s Walker<'w, E>,
    node: &'s Tree,
}

impl<'de, E> DeserializeSeed<'de> for Seed<'_, '_, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.node.is_leaf() {
            return self.leaf(None, deserializer);
        }
        deserializer.deserialize_any(self)
    }
}

impl<E> Seed<'_, '_, E> {
    fn leaf<'de, D: Deserializer<'de>>(self, key: Option<&str>, deserializer: D) -> Result<(), D::Error> {
        let Some(route) = self.node.ends else {
            return IgnoredAny.deserialize_ignored(deserializer);
        };
        let raw: Box<RawValue> = serde::Deserialize::deserialize(deserializer)?;
        self.walker.tell(Event::Value { route, key, json: raw.get() })
    }

    fn scalar<D: serde::de::Error>(&self, json: &str) -> Result<(), D> {
        // A scalar where a container was hoped for: hand it over if a route ends here.
        match self.node.ends {
            Some(route) => self.walker.tell(Event::Value { route, key: None, json }),
            None => Ok(()),
        }
    }
}

trait DeserializeIgnored {
    fn deserialize_ignored<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error>;
}

impl DeserializeIgnored for IgnoredAny {
    fn deserialize_ignored<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_ignored_any(self).map(|_| ())
    }
}

/// A member's value, with the key at hand for routes that end in `{}`.
struct MemberSeed<'s, 'w, E> {
    seed: Seed<'s, 'w, E>,
    key: &'s str,
}

impl<'de, E> DeserializeSeed<'de> for MemberSeed<'_, '_, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.seed.node.is_leaf() {
            self.seed.leaf(Some(self.key), deserializer)
        } else {
            self.seed.deserialize(deserializer)
        }
    }
}

impl<'de, E> Visitor<'de> for Seed<'_, '_, E> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let begun = self.node.through;
        if let Some(route) = begun {
            self.walker.tell(Event::Begin { route })?;
        }
        while let Some(key) = map.next_key::<String>()? {
            match self.node.member(&key) {
                Some(node) => {
                    self.walker.path.borrow_mut().push(Step::Key(key.clone()));
                    map.next_value_seed(MemberSeed { seed: Seed { walker: self.walker, node }, key: &key })?;
                    self.walker.path.borrow_mut().pop();
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        begun.map_or(Ok(()), |route| self.walker.tell(Event::End { route }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Some(node) = self.node.elements.as_deref() else {
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        let mut index = 0;
        loop {
            self.walker.path.borrow_mut().push(Step::Index(index));
            let more = elements.next_element_seed(Seed { walker: self.walker, node })?.is_some();
            self.walker.path.borrow_mut().pop();
            if !more {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_bool<D: serde::de::Error>(self, value: bool) -> Result<(), D> {
        self.scalar(if value { "true" } else { "false" })
    }

    fn visit_u64<D: serde::de::Error>(self, value: u64) -> Result<(), D> {
        self.scalar(&value.to_string())
    }

    fn visit_i64<D: serde::de::Error>(self, value: i64) -> Result<(), D> {
        self.scalar(&value.to_string())
    }

    fn visit_f64<D: serde::de::Error>(self, value: f64) -> Result<(), D> {
        self.scalar(&value.to_string())
    }

    fn visit_str<D: serde::de::Error>(self, value: &str) -> Result<(), D> {
        self.scalar(&serde_json::Value::from(value).to_string())
    }

    fn visit_unit<D: serde::de::Error>(self) -> Result<(), D> {
        self.scalar("null")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str, routes: &[&str], documents: Documents) -> Result<Vec<String>, Error> {
        let mut seen = Vec::new();
        walk::<Error>(text.as_bytes(), routes, documents, &mut |event, position| {
            seen.push(match event {
                Event::Begin { route } => format!("begin {route} {position}"),
                Event::Value { route, key, json } => {
                    assert!(key.is_none_or(|key| position.to_string().ends_with(key)));
                    format!("{route} {position} {json}")
                }
                Event::End { route } => format!("end {route} {position}"),
            });
            Ok(())
        })?;
        Ok(seen)
    }

    #[test]
    fn hands_over_what_the_routes_name() {
        let text =
            r#"{"x": {"y": 1}, "name": "n", "rows": [{"id": 1, "items": [10, {"a": 2}]}, {"items": null}]}"#;
        let seen = events(text, &["name", "rows[].id", "rows[].items[]"], Documents::One).unwrap();
        assert_eq!(
            seen,
            [
                "begin 0 the document",
                "0 name \"n\"",
                "begin 1 rows[0]",
                "1 rows[0].id 1",
                "2 rows[0].items[0] 10",
                "2 rows[0].items[1] {\"a\": 2}",
                "end 1 rows[0]",
                "begin 1 rows[1]",
                "end 1 rows[1]",
                "end 0 the document",
            ]
        );
    }

    #[test]
    fn members_by_any_key() {
        let seen = events(r#"{"r": {"a.py": [1], "b.py": [2]}}"#, &["r.{}[]"], Documents::One).unwrap();
        assert!(seen.contains(&"0 r.b.py[0] 2".to_owned()), "{seen:?}");
        let seen = events(r#"{"r": {"a": 1, "b": 2}}"#, &["r.{}"], Documents::One).unwrap();
        assert!(seen.contains(&"0 r.b 2".to_owned()), "{seen:?}");
    }

    #[test]
    fn json_lines_and_whole_documents() {
        let seen = events("{\"a\":1}\n\n{\"a\":2}\n", &[""], Documents::Many).unwrap();
        assert_eq!(seen, ["0 [0] {\"a\":1}", "0 [1] {\"a\":2}"]);
    }

    #[test]
    fn errors_name_the_place() {
        let error = events(r#"{"rows": [{"id": 1}, {"id": "#, &["rows[].id"], Documents::One).unwrap_err();
        assert_eq!(error.to_string(), "is truncated at byte 28 (inside rows[1].id)");
        let error = events("{\"rows\": [{\"id\": 1},\n {x}]}", &["rows[].id"], Documents::One).unwrap_err();
        assert_eq!(
            error.to_string(),
            "is not valid JSON at line 2, column 3 (inside rows[1]): key must be a string"
        );
        // Depth is bounded wherever it is: below a route, in a value that is handed over, in what no route asks for.
        let deep = format!("{{\"rows\":\n{}{}}}", "[".repeat(500), "]".repeat(500));
        let along = format!("rows{}", "[]".repeat(200));
        for (route, inside) in [(along.as_str(), "rows[0]"), ("rows", "rows"), ("other", "the document")] {
            let error = events(&deep, &[route], Documents::One).unwrap_err();
            let Error::TooDeep { line, column, inside: seen, .. } = &error else { panic!("{error}") };
            assert_eq!((*line, *column), (2, 128));
            assert!(seen.starts_with(inside), "{error}");
        }
        assert!(events("{} {}", &["a"], Documents::One).is_err());
    }
}
