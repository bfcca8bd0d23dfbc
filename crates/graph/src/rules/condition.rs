//! CEL conditions of rules: compiled once, checked against the variables that are bound where they stand.

use std::sync::Arc;

use cel::{Context, Env, ExecutionError, Program};
use serde_json::Value;

/// Longer conditions are refused: the parser follows their nesting.
const LONGEST: usize = 4_096;

/// A compiled condition over the variables of a rule.
pub(super) struct Condition {
    program: Program,
    /// Slots that it looks at, with the variable's name and the fields that it uses.
    uses: Vec<(usize, String, Fields)>,
}

/// Which fields of a variable a condition looks at; building only these keeps grounding fast.
pub(super) enum Fields {
    All,
    Some(Vec<String>),
}

impl Fields {
    pub(super) fn want(&self, field: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(fields) => fields.iter().any(|wanted| wanted == field),
        }
    }
}

impl Condition {
    /// Compiles. `slot_of` knows the variables that are bound where the condition stands.
    pub(super) fn compile(source: &str, slot_of: impl Fn(&str) -> Option<usize>) -> Result<Self, String> {
        if source.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes"));
        }
        let program = Program::compile(source).map_err(|error| error.to_string().trim().to_owned())?;
        let references = program.references();
        let mut names: Vec<String> = references.variables().into_iter().map(str::to_owned).collect();
        names.sort_unstable();
        let mut uses = Vec::new();
        for name in names {
            match slot_of(&name) {
                Some(slot) => {
                    let fields = fields_of(source, &name);
                    uses.push((slot, name, fields));
                }
                // A macro such as `list.exists(item, …)` brings its own variable.
                None if name.starts_with('@') || is_bound_by_macro(source, &name) => {}
                None => return Err(format!("knows no variable `{name}` here")),
            }
        }
        Ok(Self { program, uses })
    }

    /// Whether it holds. A missing field is an ordinary no; anything else that cannot be evaluated is
    /// an error of the rule.
    pub(super) fn holds(
        &self,
        environment: &Arc<Env>,
        mut value_of: impl FnMut(usize, &Fields) -> cel::Value,
    ) -> Result<bool, String> {
        let mut context = Context::with_env(Arc::clone(environment));
        for (slot, name, fields) in &self.uses {
            context.add_variable_from_value(name.as_str(), value_of(*slot, fields));
        }
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("gives {:?}, not true or false", other.type_of())),
            // Reports differ in what they say and in which type: what cannot be compared does not hold.
            Err(
                ExecutionError::NoSuchKey(_)
                | ExecutionError::NoSuchOverload(_)
                | ExecutionError::UnexpectedType { .. }
                | ExecutionError::ValuesNotComparable(..)
                | ExecutionError::IndexOutOfBounds(_)
                | ExecutionError::UnsupportedTargetType { .. }
                | ExecutionError::UnsupportedBinaryOperator(..),
            ) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The fields that follow `name.` in the source; all of them where the variable stands alone.
fn fields_of(source: &str, name: &str) -> Fields {
    let source = without_texts(source);
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut fields = Vec::new();
    let mut rest = source.as_str();
    let mut before = None;
    while let Some(at) = rest.find(name) {
        let previous = rest[..at].chars().next_back().or(before);
        let after = &rest[at + name.len()..];
        before = name.chars().next_back();
        rest = after;
        if previous.is_some_and(|c| is_word(c) || c == '.') || after.starts_with(is_word) {
            continue;
        }
        match after.strip_prefix('.') {
            Some(field) => fields.push(field.split(|c| !is_word(c)).next().unwrap_or_default().to_owned()),
            None => return Fields::All,
        }
    }
    Fields::Some(fields)
}

/// The source without what stands in quotes.
fn without_texts(source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut quote = None;
    let mut is_escaped = false;
    for character in source.chars() {
        match quote {
            Some(open) => {
                if character == open && !is_escaped {
                    quote = None;
                }
                is_escaped = character == '\\' && !is_escaped;
            }
            None if character == '"' || character == '\'' => {
                quote = Some(character);
                kept.push(' ');
            }
            None => kept.push(character),
        }
    }
    kept
}

fn is_bound_by_macro(source: &str, name: &str) -> bool {
    source.split('(').skip(1).any(|argument| {
        argument.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(','))
    })
}

pub(super) fn text(text: &str) -> cel::Value {
    cel::Value::String(Arc::new(text.to_owned()))
}

pub(super) fn map(entries: impl IntoIterator<Item = (String, cel::Value)>) -> cel::Value {
    cel::Value::Map(entries.into_iter().collect::<std::collections::HashMap<String, cel::Value>>().into())
}

pub(super) fn attributes(attributes: &bartizan_model::Attributes) -> cel::Value {
    map(attributes.iter().map(|(key, value)| (key.clone(), plain(value))))
}

/// Attributes are plain values and lists of them; what is nested deeper counts as null.
fn plain(value: &Value) -> cel::Value {
    match value {
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(single).collect())),
        other => single(other),
    }
}

fn single(value: &Value) -> cel::Value {
    match value {
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::String(value) => text(value),
        Value::Number(value) => match (value.as_i64(), value.as_f64()) {
            (Some(value), _) => cel::Value::Int(value),
            (None, value) => value.map_or(cel::Value::Null, cel::Value::Float),
        },
        _ => cel::Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fields_that_are_used_are_built() {
        let condition = Condition::compile(
            r#"host.kind == "host" && !has(host.attributes.os) && otherhost.name == "x""#,
            |name| ["host", "otherhost"].iter().position(|known| *known == name),
        )
        .unwrap();
        let host = condition.uses.iter().find(|(slot, ..)| *slot == 0).unwrap();
        assert!(host.2.want("kind") && host.2.want("attributes") && !host.2.want("name"));
        assert!(matches!(fields_of("size(host) > 0", "host"), Fields::All));
    }

    #[test]
    fn unknown_variables_are_named_and_macro_variables_are_not_unknown() {
        let none = |_: &str| None;
        let error = Condition::compile("nobody.kind == 'x'", none).err().unwrap();
        assert!(error.contains("`nobody`"), "{error}");
        let only = |name: &str| (name == "weakness").then_some(0);
        let condition = Condition::compile("weakness.cwes.exists(cwe, cwe == 79)", only).unwrap();
        let environment = Arc::new(Env::stdlib());
        let value = || map([("cwes".to_owned(), cel::Value::List(Arc::new(vec![cel::Value::Int(79)])))]);
        assert_eq!(condition.holds(&environment, |_, _| value()), Ok(true));
        assert_eq!(condition.holds(&environment, |_, _| map([])), Ok(false));
    }
}
