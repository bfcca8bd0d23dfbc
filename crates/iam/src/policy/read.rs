//! Reads policy documents in the shapes in which the AWS APIs print them: an object, a JSON text, or a
//! URL-encoded JSON text. It must not reject a document for one bad statement.

use serde_json::{Map, Value};

use super::{Document, Effect, Element, Kind, PrincipalName, Principals, Problem, Statement};
use crate::condition::Condition;
use crate::pattern::{Pattern, Syntax};

impl Document {
    /// Reads a document from JSON text, URL-encoded or not. What could not be read is in the problems and
    /// matches *perhaps* from then on.
    pub fn parse(name: &str, kind: Kind, text: &str) -> (Self, Vec<Problem>) {
        Self::read(name, kind, &Value::String(text.to_owned()))
    }

    /// Reads a document from a JSON object, or from a string as [`Document::parse`].
    pub fn read(name: &str, kind: Kind, value: &Value) -> (Self, Vec<Problem>) {
        let mut reader = Reader { name, kind, variables: false, problems: Vec::new() };
        let document = reader.document(value);
        (document, reader.problems)
    }
}

/// Ends of the keys that a statement may have.
const STATEMENT_KEYS: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

pub(super) fn resource_pattern(text: &str, variables: bool) -> Pattern {
    Pattern::new(text, Syntax { wildcards: true, variables })
}

struct Reader<'a> {
    name: &'a str,
    kind: Kind,
    variables: bool,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, at: &str, message: impl Into<String>) {
        let at = if at.is_empty() { self.name.to_owned() } else { format!("{}.{at}", self.name) };
        self.problems.push(Problem { at, message: message.into() });
    }

    fn document(&mut self, value: &Value) -> Document {
        let unpacked;
        let object = match value {
            Value::Object(object) => object,
            Value::String(text) => match unpack(text) {
                Ok(object) => {
                    unpacked = object;
                    &unpacked
                }
                Err(message) => {
                    self.problem("", message);
                    return Document::unreadable(self.name, self.kind);
                }
            },
            _ => {
                self.problem("", "a policy document is an object or a text");
                return Document::unreadable(self.name, self.kind);
            }
        };
        match object.get("Version") {
            Some(Value::String(version)) if version == "2012-10-17" => self.variables = true,
            // Without a version, the older language applies, in which `${…}` is plain text.
            None => {}
            Some(Value::String(version)) if version == "2008-10-17" => {}
            Some(_) => {
                self.problem("Version", "neither 2012-10-17 nor 2008-10-17");
                self.variables = true;
            }
        }
        let statements = match object.get("Statement") {
            Some(Value::Array(list)) => {
                list.iter().enumerate().map(|(index, value)| self.statement(index, value)).collect()
            }
            Some(Value::Object(one)) => vec![self.statement_object(0, one)],
            Some(_) => {
                self.problem("Statement", "neither a list nor an object");
                return Document::unreadable(self.name, self.kind);
            }
            None => {
                self.problem("Statement", "missing");
                return Document::unreadable(self.name, self.kind);
            }
        };
        Document { name: self.name.to_owned(), statements }
    }

    fn statement(&mut self, index: usize, value: &Value) -> Statement {
        if let Value::Object(object) = value {
            return self.statement_object(index, object);
        }
        self.problem(&format!("Statement[{index}]"), "not an object");
        let mut nothing = Document::unreadable(self.name, self.kind).statements.remove(0);
        nothing.index = index;
        nothing
    }

    fn statement_object(&mut self, index: usize, object: &Map<String, Value>) -> Statement {
        let at = format!("Statement[{index}]");
        let mut partial = false;
        for key in object.keys() {
            if !STATEMENT_KEYS.contains(&key.as_str()) {
                self.problem(&format!("{at}.{key}"), "unknown element");
                partial = true;
            }
        }
        let sid = match object.get("Sid") {
            None => None,
            Some(Value::String(sid)) => Some(sid.clone()).filter(|sid| !sid.is_empty()),
            Some(_) => {
                self.problem(&format!("{at}.Sid"), "not a text");
                None
            }
        };
        let effect = match object.get("Effect") {
            Some(Value::String(effect)) if effect == "Allow" => Effect::Allow,
            Some(Value::String(effect)) if effect == "Deny" => Effect::Deny,
            _ => {
                self.problem(&format!("{at}.Effect"), "neither Allow nor Deny");
                Effect::Unreadable
            }
        };
        let actions = self.element(&at, object, "Action", "NotAction", Pattern::action);
        let variables = self.variables;
        let resources = if object.contains_key("Resource") || object.contains_key("NotResource") {
            self.element(&at, object, "Resource", "NotResource", |text| resource_pattern(text, variables))
        } else if matches!(self.kind, Kind::Trust | Kind::Resource) {
            Element::Everything
        } else {
            self.problem(&format!("{at}.Resource"), "missing");
            Element::Unreadable
        };
        let principals = self.principals(&at, object);
        let (conditions, readable) = self.conditions(&at, object.get("Condition"));
        Statement {
            index,
            sid,
            effect,
            principals,
            actions,
            resources,
            conditions,
            partial: partial || !readable,
        }
    }

    fn element(
        &mut self,
        at: &str,
        object: &Map<String, Value>,
        only: &str,
        except: &str,
        pattern: impl Fn(&str) -> Pattern,
    ) -> Element {
        let (name, value, wrap): (_, _, fn(Vec<Pattern>) -> Element) =
            match (object.get(only), object.get(except)) {
                (Some(value), None) => (only, value, Element::Only),
                (None, Some(value)) => (except, value, Element::Except),
                (Some(_), Some(_)) => {
                    self.problem(at, format!("{only} and {except} together"));
                    return Element::Unreadable;
                }
                (None, None) => {
                    self.problem(at, format!("no {only}"));
                    return Element::Unreadable;
                }
            };
        if let Some(list) = texts(value) {
            wrap(list.iter().map(|text| pattern(text)).collect())
        } else {
            self.problem(&format!("{at}.{name}"), "not a text or a list of texts");
            Element::Unreadable
        }
    }

    fn principals(&mut self, at: &str, object: &Map<String, Value>) -> Principals {
        let (name, value, except) = match (object.get("Principal"), object.get("NotPrincipal")) {
            (Some(value), None) => ("Principal", value, false),
            (None, Some(value)) => ("NotPrincipal", value, true),
            (Some(_), Some(_)) => {
                self.problem(at, "Principal and NotPrincipal together");
                return Principals::Unreadable;
            }
            (None, None) => {
                return match self.kind {
                    Kind::Identity | Kind::Control => Principals::Nobody,
                    Kind::Resource | Kind::Trust => {
                        self.problem(at, "no Principal");
                        Principals::Unreadable
                    }
                };
            }
        };
        if self.kind == Kind::Identity {
            self.problem(&format!("{at}.{name}"), "not allowed in an identity policy");
            return Principals::Unreadable;
        }
        let mut names = Vec::new();
        match value {
            Value::String(text) if text == "*" => names.push(PrincipalName::Everyone),
            Value::Object(kinds) => {
                for (kind, value) in kinds {
                    let Some(list) = texts(value) else {
                        self.problem(&format!("{at}.{name}.{kind}"), "not a text or a list of texts");
                        return Principals::Unreadable;
                    };
                    for text in list {
                        let Some(principal) = principal_name(kind, text) else {
                            self.problem(&format!("{at}.{name}.{kind}"), "unknown kind of principal");
                            return Principals::Unreadable;
                        };
                        names.push(principal);
                    }
                }
            }
            _ => {
                self.problem(&format!("{at}.{name}"), "neither * nor an object");
                return Principals::Unreadable;
            }
        }
        if except { Principals::Except(names) } else { Principals::Only(names) }
    }

    fn conditions(&mut self, at: &str, block: Option<&Value>) -> (Vec<Condition>, bool) {
        let Some(block) = block else { return (Vec::new(), true) };
        let Value::Object(operators) = block else {
            self.problem(&format!("{at}.Condition"), "not an object");
            return (Vec::new(), false);
        };
        let mut conditions = Vec::new();
        let mut readable = true;
        for (operator, keys) in operators {
            let Value::Object(keys) = keys else {
                self.problem(&format!("{at}.Condition.{operator}"), "not an object");
                readable = false;
                continue;
            };
            for (key, value) in keys {
                let Some(values) = condition_values(value) else {
                    self.problem(
                        &format!("{at}.Condition.{operator}.{key}"),
                        "not a value or list of values",
                    );
                    readable = false;
                    continue;
                };
                let (condition, known) = Condition::new(operator, key, &values, self.variables);
                if !known {
                    self.problem(&format!("{at}.Condition.{operator}"), "unknown operator");
                }
                conditions.push(condition);
            }
        }
        (conditions, readable)
    }
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Numbers and booleans may stand without quotes.
fn condition_values(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        value => one(value).map(|value| vec![value]),
    }
}

fn principal_name(kind: &str, text: &str) -> Option<PrincipalName> {
    Some(match kind {
        "AWS" if text == "*" => PrincipalName::Everyone,
        "AWS" => match account_of(text) {
            Some(account) => PrincipalName::Account(account.to_owned()),
            None => PrincipalName::Aws(text.to_owned()),
        },
        "Service" => PrincipalName::Service(text.to_owned()),
        "Federated" => PrincipalName::Federated(text.to_owned()),
        "CanonicalUser" => PrincipalName::Canonical(text.to_owned()),
        _ => return None,
    })
}

/// The account, when the text names a whole account.
fn account_of(text: &str) -> Option<&str> {
    let number = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if number(text) {
        return Some(text);
    }
    let mut parts = text.splitn(6, ':');
    let (arn, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (_region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    (arn == "arn" && service == "iam" && resource == "root" && number(account)).then_some(account)
}

/// The object in a text: JSON, URL-encoded JSON, or a JSON text that holds one of these.
fn unpack(text: &str) -> Result<Map<String, Value>, String> {
    let mut text = text.trim().to_owned();
    // Each round takes off one wrapping; nobody wraps more than three times.
    for _ in 0..4 {
        match serde_json::from_str::<Value>(&text) {
            Ok(Value::Object(object)) => return Ok(object),
            Ok(Value::String(inner)) => inner.trim().clone_into(&mut text),
            Ok(_) => return Err("the text is JSON, but no object".to_owned()),
            Err(error) => match percent_decode(&text) {
                Some(decoded) if decoded != text => decoded.trim().clone_into(&mut text),
                _ => return Err(format!("not JSON: {error}")),
            },
        }
    }
    Err("wrapped too many times".to_owned())
}

fn percent_decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let digits = text.get(at + 1..at + 3)?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(decoded).ok()
}
