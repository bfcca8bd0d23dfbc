//! CEL expressions over a node: who is an entry, who is a target.

use std::sync::Arc;

use cel::{Context, Env, ExecutionError, Program};

use crate::opengraph::NodeRecord;
use crate::{Error, Result};

/// Longer expressions are refused: the parser follows their nesting.
const LONGEST: usize = 8_192;

/// A compiled expression, and which parts of a node it looks at.
pub(crate) struct NodeExpression {
    source: String,
    program: Program,
    environment: Arc<Env>,
    wanted: Vec<&'static str>,
    evaluated: u64,
    undecided: u64,
    /// Why the last node could not be decided.
    last: String,
}

const VARIABLES: [&str; 5] = ["kind", "kinds", "name", "id", "properties"];

impl NodeExpression {
    /// Compiles; the error says where the expression does not parse.
    pub(crate) fn compile(source: &str) -> Result<Self> {
        let fail = |message: String| Error::Expression { expression: shorten(source), message };
        if source.len() > LONGEST {
            return Err(fail(format!("is longer than {LONGEST} bytes")));
        }
        let program = Program::compile(source).map_err(|error| fail(error.to_string().trim().to_owned()))?;
        let references = program.references();
        let wanted = VARIABLES.into_iter().filter(|&name| references.has_variable(name)).collect();
        let environment = Arc::new(Env::stdlib());
        let source = source.to_owned();
        Ok(Self { source, program, environment, wanted, evaluated: 0, undecided: 0, last: String::new() })
    }

    /// Whether the node matches. What cannot be decided for this node (a property that is absent or of
    /// another type) is no match; [`NodeExpression::check`] complains when no node could be decided.
    pub(crate) fn matches(&mut self, node: &NodeRecord) -> Result<bool> {
        let mut context = Context::with_env(Arc::clone(&self.environment));
        for &name in &self.wanted {
            context.add_variable_from_value(name, variable(node, name));
        }
        self.evaluated += 1;
        let undecided = match self.program.execute(&context) {
            Ok(cel::Value::Bool(matches)) => return Ok(matches),
            Ok(other) => return Err(self.fail(format!("gives {:?}, not true or false", other.type_of()))),
            Err(ExecutionError::UndeclaredReference(name)) => {
                let at = self.source.find(name.as_str()).map_or(String::new(), |at| {
                    format!(" at column {}", self.source[..at].chars().count() + 1)
                });
                let known = VARIABLES.join(", ");
                return Err(self.fail(format!("knows no `{name}`{at}; a node has {known}")));
            }
            Err(
                error @ (ExecutionError::NoSuchKey(_)
                | ExecutionError::NoSuchOverload(_)
                | ExecutionError::UnexpectedType { .. }
                | ExecutionError::ValuesNotComparable(..)
                | ExecutionError::IndexOutOfBounds(_)
                | ExecutionError::UnsupportedTargetType { .. }
                | ExecutionError::UnsupportedBinaryOperator(..)),
            ) => error,
            Err(error) => {
                return Err(self.fail(format!("cannot be evaluated for node `{}`: {error}", node.id)));
            }
        };
        // A missing key is an ordinary "no"; a type that never fits is a mistake.
        if !matches!(undecided, ExecutionError::NoSuchKey(_)) {
            self.undecided += 1;
            if self.last.is_empty() {
                self.last = undecided.to_string();
            }
        }
        Ok(false)
    }

    /// Complains when not a single node could be decided.
    pub(crate) fn check(&self) -> Result<()> {
        if self.evaluated > 0 && self.undecided == self.evaluated {
            return Err(self.fail(format!("cannot be decided for any node: {}", self.last)));
        }
        Ok(())
    }

    fn fail(&self, message: String) -> Error {
        Error::Expression { expression: shorten(&self.source), message }
    }
}

fn shorten(source: &str) -> String {
    let mut short: String = source.chars().take(200).collect();
    if short.len() < source.len() {
        short.push('…');
    }
    short
}

fn variable(node: &NodeRecord, name: &str) -> cel::Value {
    let text = |text: &str| cel::Value::String(Arc::new(text.to_owned()));
    match name {
        "kind" => text(node.kinds.first().map_or("", String::as_str)),
        "kinds" => cel::Value::List(Arc::new(node.kinds.iter().map(|kind| text(kind)).collect())),
        "name" => text(node.properties.get("name").and_then(serde_json::Value::as_str).unwrap_or("")),
        "id" => text(&node.id),
        _ => {
            let entries = node.properties.iter().map(|(key, value)| (key.clone(), property(value)));
            cel::Value::Map(entries.collect::<std::collections::HashMap<String, cel::Value>>().into())
        }
    }
}

/// Properties are plain values and lists of them; what is nested deeper counts as null.
fn property(value: &serde_json::Value) -> cel::Value {
    match value {
        serde_json::Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(plain).collect())),
        other => plain(other),
    }
}

fn plain(value: &serde_json::Value) -> cel::Value {
    match value {
        serde_json::Value::Bool(value) => cel::Value::Bool(*value),
        serde_json::Value::String(value) => cel::Value::String(Arc::new(value.clone())),
        serde_json::Value::Number(value) => match (value.as_i64(), value.as_u64(), value.as_f64()) {
            (Some(value), ..) => cel::Value::Int(value),
            (_, Some(value), _) => cel::Value::UInt(value),
            (.., value) => value.map_or(cel::Value::Null, cel::Value::Float),
        },
        _ => cel::Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> NodeRecord {
        let properties = serde_json::json!({"name": "ALICE@CORP", "tier": 0, "owned": true, "spn": ["http/a"], "score": 1.5});
        let serde_json::Value::Object(properties) = properties else { panic!("an object") };
        NodeRecord { id: "S-1".into(), kinds: vec!["User".into(), "Base".into()], properties }
    }

    #[test]
    fn a_node_shows_its_kind_name_id_and_properties() {
        for (source, expected) in [
            (r#"kind == "User""#, true),
            (r#""Base" in kinds"#, true),
            (r#"kinds.exists(k, k.startsWith("Comp"))"#, false),
            (r#"name.startsWith("ALICE@") && id == "S-1""#, true),
            ("properties.owned && properties.tier == 0", true),
            ("properties.score > 1.0", true),
            (r#"properties.spn[0] == "http/a""#, true),
            ("properties.absent == 3", false),
            ("has(properties.absent)", false),
        ] {
            let mut expression = NodeExpression::compile(source).unwrap();
            assert_eq!(expression.matches(&alice()).unwrap(), expected, "{source}");
            expression.check().unwrap();
        }
    }

    #[test]
    fn errors_name_the_expression_and_the_place() {
        let error = NodeExpression::compile("kind == ").err().unwrap().to_string();
        assert!(error.contains("`kind == `") && error.contains("1:"), "{error}");
        let error = NodeExpression::compile("kind == x").unwrap().matches(&alice()).unwrap_err().to_string();
        assert!(error.contains("`x` at column 9"), "{error}");
        let error = NodeExpression::compile("name").unwrap().matches(&alice()).unwrap_err().to_string();
        assert!(error.contains("not true or false"), "{error}");
        let mut expression = NodeExpression::compile("name < 3").unwrap();
        assert!(!expression.matches(&alice()).unwrap());
        assert!(expression.check().is_err());
    }
}
