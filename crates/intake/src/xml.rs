//! XML by elements: the reader walks the document and takes a record-sized element as a small tree.
//!
//! Entities that a document declares itself are not expanded and external ones are not fetched, so
//! neither "billion laughs" nor external entities do anything here.

use std::fmt;
use std::io::{BufReader, Read};

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use crate::{Error, Result};

/// How deep elements may nest.
const DEPTH: usize = 256;
/// How many bytes of text and attributes one record-sized element may hold.
const RECORD_BYTES: usize = 64 << 20;

/// An element with its attributes and, when taken by [`Reader::subtree`], its content. Names are
/// local names: namespace prefixes are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// The element's own text, pieces joined, as it stands.
    pub text: String,
    pub children: Vec<Element>,
    /// The namespace that a default `xmlns` attribute of this element names.
    pub namespace: Option<String>,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub fn children<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The trimmed text of the first child with this name, if it has any.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }
}

/// What [`Reader::next`] meets.
#[derive(Debug)]
pub enum Node {
    /// An element begins; its content follows unless [`Reader::subtree`] or [`Reader::skip`] takes it.
    Start(Element),
    End(String),
    /// Text that is not only white space.
    Text(String),
    /// The document is over, and complete.
    Eof,
}

/// A streaming reader of one XML document.
pub struct Reader<R: Read> {
    inner: quick_xml::Reader<BufReader<R>>,
    buffer: Vec<u8>,
    path: Vec<String>,
    /// The End that an empty element still owes.
    owed: bool,
    seen_root: bool,
}

impl<R: Read> Reader<R> {
    pub fn new(reader: R) -> Self {
        let mut inner = quick_xml::Reader::from_reader(BufReader::with_capacity(128 * 1024, reader));
        inner.config_mut().check_end_names = true;
        Self { inner, buffer: Vec::new(), path: Vec::new(), owed: false, seen_root: false }
    }

    /// Where the reader stands, for messages: `NessusClientData_v2/Report/ReportHost`.
    pub fn position(&self) -> String {
        if self.path.is_empty() { "the document".to_owned() } else { self.path.join("/") }
    }

    /// The next element border or piece of text.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could not end with an error and a position"
    )]
    pub fn next(&mut self) -> Result<Node> {
        if self.owed {
            self.owed = false;
            return Ok(Node::End(self.path.pop().unwrap_or_default()));
        }
        loop {
            self.buffer.clear();
            let event = self.inner.read_event_into(&mut self.buffer);
            match event {
                Ok(Event::Start(start)) => {
                    let element = element(&start)
                        .map_err(|message| syntax(&self.path, self.inner.buffer_position(), message))?;
                    return self.enter(element).map(Node::Start);
                }
                Ok(Event::Empty(start)) => {
                    let element = element(&start)
                        .map_err(|message| syntax(&self.path, self.inner.buffer_position(), message))?;
                    self.owed = true;
                    return self.enter(element).map(Node::Start);
                }
                Ok(Event::End(_)) => return Ok(Node::End(self.path.pop().unwrap_or_default())),
                Ok(Event::Text(text)) if text.chars().all(char::is_whitespace) && !text.is_empty() => {
                    // Space between pieces of text matters inside a record only, where the pieces join.
                    if text.len() == 1 && self.path.len() > 1 {
                        return Ok(Node::Text(text.to_string()));
                    }
                }
                Ok(Event::Text(text)) => return Ok(Node::Text(text.xml10_content().into_owned())),
                Ok(Event::CData(text)) => return Ok(Node::Text(text.xml10_content().into_owned())),
                Ok(Event::GeneralRef(reference)) => {
                    let resolved = match reference.resolve_char_ref() {
                        Ok(Some(character)) => character.to_string(),
                        // An entity of the document's own is not expanded: it stays as it is written.
                        _ => resolve_predefined_entity(&reference)
                            .map_or_else(|| format!("&{};", &*reference), str::to_owned),
                    };
                    return Ok(Node::Text(resolved));
                }
                Ok(Event::Eof) if !self.path.is_empty() => return Err(self.truncated()),
                Ok(Event::Eof) if !self.seen_root => {
                    return Err(self.syntax("there is no element in it".to_owned()));
                }
                Ok(Event::Eof) => return Ok(Node::Eof),
                Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
                Err(error) => return Err(self.describe(&error)),
            }
        }
    }

    fn enter(&mut self, element: Element) -> Result<Element> {
        self.seen_root = true;
        self.path.push(element.name.clone());
        if self.path.len() > DEPTH {
            return Err(Error::TooDeep {
                limit: DEPTH,
                line: 0,
                column: self.inner.buffer_position() as usize,
                inside: self.path[..4].join("/"),
            });
        }
        Ok(element)
    }

    /// Takes the content of an element that just began, up to its end.
    pub fn subtree(&mut self, root: Element) -> Result<Element> {
        let mut stack = vec![root];
        let mut bytes = 0;
        loop {
            match self.next()? {
                Node::Start(element) => stack.push(element),
                Node::Text(text) => {
                    bytes += text.len();
                    if let Some(top) = stack.last_mut() {
                        top.text.push_str(&text);
                    }
                }
                Node::End(_) => {
                    let Some(done) = stack.pop() else { return Err(self.truncated()) };
                    match stack.last_mut() {
                        Some(parent) => parent.children.push(done),
                        None => return Ok(done),
                    }
                }
                Node::Eof => return Err(self.truncated()),
            }
            if bytes > RECORD_BYTES {
                return Err(self.syntax(format!("one record holds more than {RECORD_BYTES} bytes of text")));
            }
        }
    }

    /// Passes over the content of an element that just began.
    pub fn skip(&mut self) -> Result<()> {
        let floor = self.path.len();
        loop {
            match self.next()? {
                Node::End(_) if self.path.len() < floor => return Ok(()),
                Node::Eof => return Err(self.truncated()),
                _ => {}
            }
        }
    }

    fn truncated(&self) -> Error {
        Error::Truncated { at: self.inner.buffer_position(), inside: self.position() }
    }

    fn syntax(&self, message: String) -> Error {
        syntax(&self.path, self.inner.buffer_position(), message)
    }

    fn describe(&self, error: &quick_xml::Error) -> Error {
        use quick_xml::errors::{IllFormedError, SyntaxError};
        match error {
            quick_xml::Error::Io(io) => Error::Read {
                at: self.inner.buffer_position(),
                source: std::io::Error::new(io.kind(), io.to_string()),
            },
            quick_xml::Error::IllFormed(IllFormedError::MissingEndTag(_))
            | quick_xml::Error::Syntax(
                SyntaxError::UnclosedTag
                | SyntaxError::UnclosedCData
                | SyntaxError::UnclosedComment
                | SyntaxError::UnclosedSingleQuotedAttributeValue
                | SyntaxError::UnclosedDoubleQuotedAttributeValue,
            ) => self.truncated(),
            other => syntax(&self.path, self.inner.error_position(), other.to_string()),
        }
    }
}

fn syntax(path: &[String], at: u64, message: impl fmt::Display) -> Error {
    let inside = if path.is_empty() { "the document".to_owned() } else { path.join("/") };
    Error::Markup { at, inside, message: message.to_string() }
}

fn element(start: &BytesStart<'_>) -> std::result::Result<Element, String> {
    let mut attributes = Vec::new();
    let mut namespace = None;
    // Duplicate attributes are tolerated: some scanners write them, and the first wins.
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_or_else(|_| attribute.value.to_string(), std::borrow::Cow::into_owned);
        if attribute.key.as_ref() == "xmlns" {
            namespace = Some(value);
        } else {
            attributes.push((attribute.key.local_name().as_ref().to_owned(), value));
        }
    }
    let name = start.local_name().as_ref().to_owned();
    Ok(Element { name, attributes, text: String::new(), children: Vec::new(), namespace })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> Result<Vec<Element>> {
        let mut reader = Reader::new(text.as_bytes());
        let mut records = Vec::new();
        loop {
            match reader.next()? {
                Node::Start(element) if element.name == "item" => records.push(reader.subtree(element)?),
                Node::Start(element) if element.name == "junk" => reader.skip()?,
                Node::Eof => return Ok(records),
                _ => {}
            }
        }
    }

    #[test]
    fn takes_records() {
        let text = "<?xml version='1.0'?><!DOCTYPE r [<!ENTITY x 'y'>]><n:r xmlns:n='u'><junk><item/></junk>\
            <item id='a&amp;b'>one &lt;two&gt; <![CDATA[<three>]]> &x;<n:sub>s</n:sub></item><item/></n:r>";
        let records = read_all(text).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].attribute("id"), Some("a&b"));
        assert_eq!(records[0].text, "one <two> <three> &x;");
        assert_eq!(records[0].text_of("sub"), Some("s"));
    }

    #[test]
    fn errors_name_the_place() {
        let error = read_all("<r><item><a>text").unwrap_err();
        assert_eq!(error.to_string(), "is truncated at byte 16 (inside r/item/a)");
        let error = read_all("<r><item></other></r>").unwrap_err();
        assert!(error.to_string().contains("(inside r/item)"), "{error}");
        assert!(matches!(read_all("<r><item a='1").unwrap_err(), Error::Truncated { .. }));
        let deep = "<a>".repeat(300);
        assert!(matches!(read_all(&deep).unwrap_err(), Error::TooDeep { .. }));
        assert!(read_all("just text").is_err());
    }
}
