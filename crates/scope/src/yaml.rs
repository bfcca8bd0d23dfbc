//! YAML as a tree in which every node knows its line and column, so that whoever reads it can say
//! where a mistake stands. Reads one document; knows no field.

use granit_parser::{Event, Parser, ScalarStyle};

/// Nodes that one file may hold, copies made by aliases included: far above any real scope, and
/// far below what nested aliases could make of a small file.
const MOST_NODES: usize = 500_000;
/// How deep a document may nest.
const MOST_DEPTH: usize = 64;

/// Line and column, both from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) content: Content,
    /// Levels below this one, and nodes in it with itself: what a copy of it costs.
    depth: usize,
    nodes: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) at: Position,
    pub(crate) text: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

impl Scalar {
    /// True for an empty value and for `null` and `~`.
    pub(crate) fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// What a plain scalar is in YAML's core schema, if it is not text.
    pub(crate) fn other_type(&self) -> Option<&'static str> {
        if self.style != Style::Plain {
            return None;
        }
        if self.is_null() {
            Some("nothing")
        } else if matches!(self.text.as_str(), "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
            Some("true or false")
        } else if self.text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
            && self.text.parse::<f64>().is_ok()
        {
            Some("a number")
        } else {
            None
        }
    }
}

/// What is wrong with a file as YAML: nothing after it can be read.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) at: Position,
    pub(crate) message: String,
}

/// An unfinished list or mapping.
struct Open {
    at: Position,
    anchor: usize,
    content: Content,
    /// The key that waits for its value.
    key: Option<Key>,
    depth: usize,
    nodes: usize,
}

/// Reads a document; `None` when it holds nothing.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Malformed> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: Vec<(usize, Node)> = Vec::new();
    let mut root: Option<Node> = None;
    let mut documents = 0;
    let mut total = 0;
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|error| Malformed {
            at: Position { line: error.marker().line().max(1), column: error.marker().col() + 1 },
            message: format!("is not valid YAML: {}", error.info()),
        })?;
        let at = Position { line: span.start.line().max(1), column: span.start.col() + 1 };
        let fail = |message: &str| Malformed { at, message: message.to_owned() };
        let node = match event {
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    return Err(fail(
                        "holds a second YAML document; put it into a file of its own and include it",
                    ));
                }
                continue;
            }
            Event::SequenceStart(_, anchor, _) => {
                open.push(Open::new(at, anchor, Content::List(Vec::new())));
                None
            }
            Event::MappingStart(_, anchor, _) => {
                open.push(Open::new(at, anchor, Content::Map(Vec::new())));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(done) => {
                    let node =
                        Node { at: done.at, content: done.content, depth: done.depth + 1, nodes: done.nodes };
                    if done.anchor != 0 {
                        anchors.push((done.anchor, node.clone()));
                        total += node.nodes;
                    }
                    Some(node)
                }
                None => return Err(fail("closes what it never opened")),
            },
            Event::Scalar(value, style, anchor, _) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                    ScalarStyle::SingleQuoted => Style::SingleQuoted,
                    ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                };
                let scalar = Scalar { text: value.into_owned(), style };
                let node = Node { at, content: Content::Scalar(scalar), depth: 1, nodes: 1 };
                total += 1;
                if anchor != 0 {
                    anchors.push((anchor, node.clone()));
                }
                Some(node)
            }
            Event::Alias(anchor) => {
                let Some((_, target)) = anchors.iter().rev().find(|(id, _)| *id == anchor) else {
                    return Err(fail("is an alias of something that contains it"));
                };
                total += target.nodes;
                if total > MOST_NODES {
                    return Err(fail("repeats so much by aliases that it is refused"));
                }
                Some(Node { at, ..target.clone() })
            }
            _ => continue,
        };
        if open.len() > MOST_DEPTH || node.as_ref().is_some_and(|node| node.depth + open.len() > MOST_DEPTH) {
            return Err(fail("is nested too deep"));
        }
        if total > MOST_NODES {
            return Err(fail("is too large for a scope file"));
        }
        let Some(node) = node else { continue };
        match open.last_mut() {
            None => root = Some(node),
            Some(parent) => parent.add(node)?,
        }
    }
    Ok(root)
}

impl Open {
    const fn new(at: Position, anchor: usize, content: Content) -> Self {
        Self { at, anchor, content, key: None, depth: 0, nodes: 1 }
    }

    fn add(&mut self, node: Node) -> Result<(), Malformed> {
        self.depth = self.depth.max(node.depth);
        self.nodes += node.nodes;
        match &mut self.content {
            Content::List(items) => items.push(node),
            Content::Map(entries) => match self.key.take() {
                Some(key) => entries.push((key, node)),
                None => match node.content {
                    Content::Scalar(scalar) => self.key = Some(Key { at: node.at, text: scalar.text }),
                    _ => {
                        return Err(Malformed {
                            at: node.at,
                            message: "uses a list or mapping as a key".to_owned(),
                        });
                    }
                },
            },
            Content::Scalar(_) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Vec<(Key, Node)> {
        match parse(text).unwrap().unwrap().content {
            Content::Map(entries) => entries,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nodes_know_where_they_stand() {
        let entries = map("a: 1\nb:\n  - x\n  - {c: \"d\"}\n");
        assert_eq!(entries[0].1.at, Position { line: 1, column: 4 });
        let Content::List(items) = &entries[1].1.content else { panic!() };
        assert_eq!(items[0].at, Position { line: 3, column: 5 });
        let Content::Map(inner) = &items[1].content else { panic!() };
        assert_eq!(inner[0].0.at, Position { line: 4, column: 6 });
        assert_eq!(inner[0].1.at, Position { line: 4, column: 9 });
    }

    #[test]
    fn block_scalars_stand_where_their_content_does() {
        let entries = map("a: |\n    x ==\n    y\nb: >-\n  x\n  y\n");
        let Content::Scalar(scalar) = &entries[0].1.content else { panic!() };
        assert_eq!((scalar.style, entries[0].1.at), (Style::Literal, Position { line: 2, column: 5 }));
        let Content::Scalar(scalar) = &entries[1].1.content else { panic!() };
        assert_eq!((scalar.text.as_str(), scalar.style), ("x y", Style::Folded));
    }

    #[test]
    fn aliases_repeat_and_bombs_are_refused() {
        let entries = map("a: &x [1, 2]\nb: *x\n");
        assert!(matches!(&entries[1].1.content, Content::List(items) if items.len() == 2));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = level - 1;
            let items = vec![format!("*a{before}"); 10].join(", ");
            bomb = format!("{bomb}a{level}: &a{level} [{items}]\n");
        }
        let error = parse(&bomb).unwrap_err();
        assert!(error.message.contains("aliases"), "{}", error.message);
        assert!(parse(&"[".repeat(200)).is_err());
        assert!(parse("a: &a [*a]").is_err());
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let error = parse("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(error.at.line >= 2, "{error:?}");
        assert!(parse("").unwrap().is_none());
        assert!(parse("a: 1\n---\nb: 2\n").is_err());
    }
}
