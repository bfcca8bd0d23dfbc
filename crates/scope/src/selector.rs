//! Selectors: CEL expressions over an asset, compiled and checked once, evaluated many times.
//!
//! `kind == "data-store" && name.startsWith("customer")`,
//! `"git.example.com/shop/api" in identifiers["repository-url"]`, `tags["env"] == "prod"`,
//! `"dmz" in zones`, `name.matches("^web-[0-9]+$")`, `identifiers["ip"].exists(a, a.inNetwork("10.1.0.0/16"))`.
//!
//! Checking goes further than syntax: unknown variables, functions, kinds and identifier schemes,
//! patterns and networks that cannot be read, and expressions that are not true or false are
//! mistakes, each with its place. Patterns and networks must be literals, and are read once.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bartizan_model::{AssetKind, Attributes, Identifier, Scheme};
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo};
use cel::common::types::{self, CelBool, CelString, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError, Value};
use ipnet::IpNet;
use regex::Regex;
use serde::{Serialize, Serializer};

use crate::mistake::hint;
use crate::view::{AssetView, VARIABLES, Variables};

/// Longer expressions are refused; a person can no longer review them.
const MOST_CHARACTERS: usize = 8_000;

/// Functions that an expression may call by name, macros included.
const FUNCTIONS: [&str; 18] = [
    "all",
    "bool",
    "contains",
    "double",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "inNetwork",
    "int",
    "map",
    "matches",
    "size",
    "startsWith",
    "string",
    "type",
    "uint",
];

/// A compiled expression that holds or does not hold for an asset.
#[derive(Clone)]
pub struct Selector {
    text: String,
    expression: Arc<IdedExpr>,
    literals: Arc<Literals>,
}

/// A mistake inside an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line and column in the expression, from 1, in characters.
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl Selector {
    /// Reads and checks an expression.
    pub fn compile(text: &str) -> Result<Self, Vec<Fault>> {
        let whole = |message: String| vec![Fault { line: 1, column: 1, message }];
        if text.trim().is_empty() {
            return Err(whole("the selector is empty; write `true` to select everything".to_owned()));
        }
        if text.chars().count() > MOST_CHARACTERS {
            return Err(whole(format!("the selector is longer than {MOST_CHARACTERS} characters")));
        }
        let program = environment().compile(text).map_err(|errors| {
            let mut faults: Vec<Fault> = errors
                .errors
                .iter()
                .map(|error| Fault {
                    line: usize::try_from(error.pos.0).unwrap_or(1).max(1),
                    column: usize::try_from(error.pos.1).unwrap_or(1).max(1),
                    message: syntax_message(&error.msg),
                })
                .collect();
            faults.truncate(3);
            faults
        })?;
        let mut check =
            Check { info: program.source_info(), faults: Vec::new(), literals: Literals::default() };
        let mut expression = program.expression().clone();
        check.visit(&mut expression, &mut Vec::new());
        if !check.faults.is_empty() {
            return Err(check.faults);
        }
        let literals = Arc::new(check.literals);
        let selector = Self { text: text.trim().to_owned(), expression: Arc::new(expression), literals };
        selector.check_result().map_err(whole)?;
        Ok(selector)
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates for one asset. An error says why the expression has no answer for it; callers
    /// count that as false and may report it.
    pub fn matches(&self, view: &AssetView<'_>) -> Result<bool, String> {
        self.evaluate(&Variables::new(*view, &[]))
    }

    pub(crate) fn evaluate(&self, variables: &Variables<'_>) -> Result<bool, String> {
        let resolver = Resolver { variables, literals: &self.literals };
        let mut context = Context::with_env(Arc::clone(environment()));
        context.set_variable_resolver(&resolver);
        let value = Value::resolve_val(&self.expression, &context).map_err(|error| error_message(&error))?;
        match value.downcast_ref::<CelBool>() {
            Some(answer) => Ok(*answer.inner()),
            None => Err(format!("gives {}, not true or false", value.get_type().name())),
        }
    }

    /// Finds, on an asset of which nothing is known, what no asset could make right.
    fn check_result(&self) -> Result<(), String> {
        let attributes = Attributes::new();
        let nothing = AssetView {
            kind: AssetKind::Host,
            name: "",
            identifiers: &[],
            attributes: &attributes,
            owner: None,
        };
        let variables = Variables::new(nothing, &[]);
        let resolver = Resolver { variables: &variables, literals: &self.literals };
        let mut context = Context::with_env(Arc::clone(environment()));
        context.set_variable_resolver(&resolver);
        match Value::resolve_val(&self.expression, &context) {
            // An attribute that is missing here may be a truth value elsewhere.
            Ok(value)
                if value.downcast_ref::<CelBool>().is_some() || value.get_type() == &types::NULL_TYPE =>
            {
                Ok(())
            }
            Ok(value) => Err(format!("the selector gives {}, not true or false", value.get_type().name())),
            Err(ExecutionError::UndeclaredReference(name)) => Err(format!("`{name}` is not known")),
            Err(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Selector({})", self.text)
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Patterns and networks of one expression, known to it by the names of variables that cannot be
/// written.
#[derive(Debug, Default)]
struct Literals {
    patterns: Vec<Pattern>,
    networks: Vec<Network>,
}

struct Resolver<'r, 'a> {
    variables: &'r Variables<'a>,
    literals: &'r Literals,
}

impl VariableResolver for Resolver<'_, '_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(index) = variable.strip_prefix("@pattern") {
            return self.literals.patterns.get(index.parse::<usize>().ok()?).map(|it| CowVal::Borrowed(it));
        }
        if let Some(index) = variable.strip_prefix("@network") {
            return self.literals.networks.get(index.parse::<usize>().ok()?).map(|it| CowVal::Borrowed(it));
        }
        self.variables.resolve(variable)
    }
}

static PATTERN_TYPE: Type = Type::new_unspecified_type("pattern");
static NETWORK_TYPE: Type = Type::new_unspecified_type("network");

#[derive(Clone, Debug)]
struct Pattern(Regex);

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN_TYPE
    }
    fn cel_type() -> &'static Type {
        &PATTERN_TYPE
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}
impl StaticVal for Pattern {}

#[derive(Clone, Debug)]
struct Network(IpNet);

impl Val for Network {
    fn get_type(&self) -> &Type {
        &NETWORK_TYPE
    }
    fn cel_type() -> &'static Type {
        &NETWORK_TYPE
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}
impl StaticVal for Network {}

fn matches<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let text = arguments.first().and_then(|value| value.downcast_ref::<CelString>());
    let pattern = arguments.get(1).and_then(|value| value.downcast_ref::<Pattern>());
    match (text, pattern) {
        (Some(text), Some(pattern)) => Ok(CowVal::owned(CelBool::from(pattern.0.is_match(text.inner())))),
        _ => Err(ExecutionError::function_error("matches", "needs text and a pattern")),
    }
}

fn in_network<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let text = arguments.first().and_then(|value| value.downcast_ref::<CelString>());
    let network = arguments.get(1).and_then(|value| value.downcast_ref::<Network>());
    match (text, network) {
        (Some(text), Some(network)) => {
            // `zone/address` is an address too; what is not an address is in no network.
            let address = text.inner().rsplit('/').next().and_then(|text| text.parse().ok());
            let inside =
                address.is_some_and(|address: std::net::IpAddr| network.0.contains(&address.to_canonical()));
            Ok(CowVal::owned(CelBool::from(inside)))
        }
        _ => Err(ExecutionError::function_error("inNetwork", "needs an address and a network")),
    }
}

/// The standard environment with our two functions.
fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Env::stdlib();
        // A name is declared once here, so neither can be a duplicate.
        let _ = env.add_member_overload(
            "matches",
            "string_matches_pattern",
            types::STRING_TYPE.to_owned(),
            vec![PATTERN_TYPE.to_owned()],
            matches,
        );
        let _ = env.add_member_overload(
            "inNetwork",
            "string_in_network",
            types::STRING_TYPE.to_owned(),
            vec![NETWORK_TYPE.to_owned()],
            in_network,
        );
        Arc::new(env)
    })
}

/// The parser's message without its list of every token that could have stood there.
fn syntax_message(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    if message.contains("'<EOF>'") {
        return "is not a valid expression: it ends too early".to_owned();
    }
    let short = message.split(" expecting ").next().unwrap_or(message).trim();
    format!("is not a valid expression: {short}")
}

fn error_message(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchOverload(overload) => format!(
            "`{}` cannot be applied to {}",
            operator_name(overload.function()),
            overload
                .argument_types()
                .join(" and ")
                .replace("null_type", "nothing (the attribute is missing)")
        ),
        other => other.to_string(),
    }
}

/// `_==_` is written `==`.
fn operator_name(function: &str) -> &str {
    if function.contains('_') && !function.chars().any(char::is_alphabetic) {
        function.trim_matches('_')
    } else {
        function
    }
}

/// Walks an expression once: notes mistakes, and replaces literals by what they mean. The parser
/// bounds how deep expressions nest.
struct Check<'s> {
    info: &'s SourceInfo,
    faults: Vec<Fault>,
    literals: Literals,
}

impl Check<'_> {
    fn fault(&mut self, id: u64, message: impl Into<String>) {
        let offset = self.info.offset_for(id).map_or(0, |(start, _)| start as usize);
        let before: String = self.info.source.chars().take(offset).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        self.faults.push(Fault { line, column, message: message.into() });
    }

    fn visit(&mut self, node: &mut IdedExpr, bound: &mut Vec<String>) {
        let id = node.id;
        match &mut node.expr {
            Expr::Ident(name) => {
                if !VARIABLES.contains(&name.as_str()) && !bound.contains(name) && !is_type_name(name) {
                    let known = VARIABLES.into_iter();
                    let message = format!("`{name}` is not known{}", hint(name, known));
                    self.fault(id, message);
                }
            }
            Expr::Select(select) => {
                if is_variable(&select.operand, "identifiers", bound) {
                    self.scheme(id, &select.field);
                }
                self.visit(&mut select.operand, bound);
                if select.test {
                    // The maps answer for keys that they do not have, so presence is asked for by `in`.
                    let operand = std::mem::take(&mut *select.operand);
                    let key = LiteralValue::String(CelString::from(select.field.clone()));
                    let key = IdedExpr { id, expr: Expr::Literal(key) };
                    node.expr = Expr::Call(CallExpr {
                        func_name: "@in".to_owned(),
                        target: None,
                        args: vec![key, operand],
                    });
                }
            }
            Expr::Call(call) => self.call(id, call, bound),
            Expr::Comprehension(comprehension) => {
                self.visit(&mut comprehension.iter_range, bound);
                let before = bound.len();
                bound.push(comprehension.iter_var.clone());
                bound.extend(comprehension.iter_var2.clone());
                bound.push(comprehension.accu_var.clone());
                self.visit(&mut comprehension.accu_init, bound);
                self.visit(&mut comprehension.loop_cond, bound);
                self.visit(&mut comprehension.loop_step, bound);
                self.visit(&mut comprehension.result, bound);
                bound.truncate(before);
            }
            Expr::List(list) => list.elements.iter_mut().for_each(|element| self.visit(element, bound)),
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.visit(&mut entry.key, bound);
                        self.visit(&mut entry.value, bound);
                    }
                }
            }
            Expr::Struct(_) => self.fault(id, "a selector cannot build objects"),
            Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    fn call(&mut self, id: u64, call: &mut CallExpr, bound: &mut Vec<String>) {
        let name = call.func_name.as_str();
        if name.starts_with(char::is_alphabetic) && !FUNCTIONS.contains(&name) {
            let message = format!("`{name}` is not a function that is known{}", hint(name, FUNCTIONS));
            self.fault(id, message);
        }
        match (name, call.args.as_mut_slice()) {
            ("_==_" | "_!=_", [left, right]) => {
                for (one, other) in [(&*left, &*right), (&*right, &*left)] {
                    if is_variable(one, "kind", bound) {
                        self.kind(other);
                    }
                }
            }
            ("@in", [needle, range]) => {
                if is_variable(needle, "kind", bound)
                    && let Expr::List(list) = &range.expr
                {
                    list.elements.iter().for_each(|element| self.kind(element));
                }
                if is_variable(range, "identifiers", bound)
                    && let Some(scheme) = text_literal(needle)
                {
                    self.scheme(needle.id, scheme);
                }
                // Identifiers are stored normalised, so what is looked for is normalised too.
                if let Some(scheme) = indexed_scheme(range, bound)
                    && let Some(text) = text_literal(needle)
                {
                    let normal = Identifier::new(scheme, text).value().to_owned();
                    needle.expr = Expr::Literal(LiteralValue::String(CelString::from(normal)));
                }
                if is_variable(range, "ids", bound)
                    && let Some(text) = text_literal(needle)
                {
                    match Identifier::parse(text) {
                        Some(identifier) => {
                            let normal = CelString::from(identifier.to_string());
                            needle.expr = Expr::Literal(LiteralValue::String(normal));
                        }
                        None => self.fault(
                            needle.id,
                            format!("{text:?} is not `scheme:value` with a known scheme, so it is in no asset's ids"),
                        ),
                    }
                }
            }
            ("_[_]", [operand, key]) => {
                if is_variable(operand, "identifiers", bound)
                    && let Some(scheme) = text_literal(key)
                {
                    self.scheme(key.id, scheme);
                }
            }
            ("matches", [argument]) if call.target.is_some() => {
                match text_literal(argument).map(Regex::new) {
                    Some(Ok(pattern)) => {
                        argument.expr = Expr::Ident(format!("@pattern{}", self.literals.patterns.len()));
                        self.literals.patterns.push(Pattern(pattern));
                    }
                    Some(Err(error)) => {
                        let message = error.to_string();
                        let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
                        self.fault(argument.id, format!("the pattern cannot be read: {reason}"));
                    }
                    None => self.fault(argument.id, "the pattern of `matches` must be a literal text"),
                }
            }
            ("inNetwork", [argument]) if call.target.is_some() => {
                match text_literal(argument).map(str::parse::<IpNet>) {
                    Some(Ok(network)) => {
                        argument.expr = Expr::Ident(format!("@network{}", self.literals.networks.len()));
                        self.literals.networks.push(Network(network));
                    }
                    _ => self
                        .fault(argument.id, "`inNetwork` needs a network as text, such as \"10.1.0.0/16\""),
                }
            }
            ("matches" | "inNetwork", _) => {
                self.fault(id, format!("`{name}` is written text.{name}(…) and takes one literal text"));
            }
            _ => {}
        }
        if let Some(target) = &mut call.target {
            self.visit(target, bound);
        }
        for argument in &mut call.args {
            if !matches!(&argument.expr, Expr::Ident(name) if name.starts_with("@pattern") || name.starts_with("@network"))
            {
                self.visit(argument, bound);
            }
        }
    }

    fn scheme(&mut self, id: u64, scheme: &str) {
        if Scheme::parse(scheme).is_none() {
            let known = Scheme::ALL.iter().map(|scheme| scheme.as_str());
            self.fault(id, format!("{scheme:?} is not a scheme of identifiers{}", hint(scheme, known)));
        }
    }

    fn kind(&mut self, node: &IdedExpr) {
        if let Some(kind) = text_literal(node)
            && AssetKind::parse(kind).is_none()
        {
            let known = AssetKind::ALL.iter().map(|kind| kind.as_str());
            self.fault(node.id, format!("{kind:?} is not a kind of asset{}", hint(kind, known)));
        }
    }
}

fn is_variable(node: &IdedExpr, name: &str, bound: &[String]) -> bool {
    matches!(&node.expr, Expr::Ident(ident) if ident == name) && !bound.iter().any(|known| known == name)
}

fn is_type_name(name: &str) -> bool {
    matches!(name, "bool" | "int" | "uint" | "double" | "string" | "list" | "map" | "null_type")
        || name.starts_with('@')
}

fn text_literal(node: &IdedExpr) -> Option<&str> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// The scheme of `identifiers["scheme"]` or `identifiers.scheme`.
fn indexed_scheme(node: &IdedExpr, bound: &[String]) -> Option<Scheme> {
    match &node.expr {
        Expr::Select(select) if !select.test && is_variable(&select.operand, "identifiers", bound) => {
            Scheme::parse(&select.field)
        }
        Expr::Call(call) if call.func_name == "_[_]" => match call.args.as_slice() {
            [operand, key] if is_variable(operand, "identifiers", bound) => {
                text_literal(key).and_then(Scheme::parse)
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes() -> Attributes {
        serde_json::from_str(
            r#"{"tags": {"env": "prod", "tier": "1"}, "os": "Debian 12", "cpus": 8, "public": true,
                "aws": {"vpc": "vpc-1"}, "ports": [22, 443]}"#,
        )
        .unwrap()
    }

    fn holds(text: &str) -> Result<bool, String> {
        let identifiers = [
            Identifier::new(Scheme::RepositoryUrl, "https://git.example.com/shop/api.git"),
            Identifier::new(Scheme::Fqdn, "web-1.example.com"),
            Identifier::new(Scheme::Fqdn, "www.example.com"),
            Identifier::new(Scheme::Ip, "10.1.2.3"),
        ];
        let attributes = attributes();
        let view = AssetView {
            kind: AssetKind::Host,
            name: "web-1",
            identifiers: &identifiers,
            attributes: &attributes,
            owner: None,
        };
        Selector::compile(text).map_err(|faults| format!("{faults:?}"))?.matches(&view)
    }

    #[test]
    fn hold_where_they_should() {
        for text in [
            "true",
            "kind == \"host\" && name.startsWith(\"web\")",
            "kind in [\"host\", \"workload\"]",
            "'git@git.EXAMPLE.com:shop/api' in identifiers['repository-url']",
            "\"WWW.example.com.\" in identifiers.fqdn",
            "\"fqdn:www.example.com\" in ids",
            "ids.exists(id, id.startsWith('fqdn:web'))",
            "size(identifiers.fqdn) == 2 && identifiers.fqdn.size() == 2",
            "identifiers.fqdn[0] == 'web-1.example.com'",
            "identifiers.fqdn == ['web-1.example.com', 'www.example.com']",
            "has(identifiers.fqdn) && !has(identifiers.email)",
            "'fqdn' in identifiers && !('email' in identifiers)",
            "tags[\"env\"] == \"prod\" && tags.tier == '1'",
            "has(tags.env) && !has(tags.owner)",
            "attributes.cpus > 4 && attributes.public",
            "attributes.aws.vpc == 'vpc-1' && 443 in attributes.ports",
            "name.matches('^web-[0-9]+$')",
            "identifiers.ip.exists(a, a.inNetwork('10.1.0.0/16'))",
            "!identifiers.ip.exists(a, a.inNetwork('192.0.2.0/24'))",
            "owner == '' && size(zones) == 0",
            "attributes.os.contains('Debian') ? true : false",
        ] {
            assert_eq!(holds(text), Ok(true), "{text}");
        }
    }

    /// What is missing is empty: a negation over it holds, and no error hides the asset.
    #[test]
    fn what_is_missing_is_empty() {
        for text in [
            "!('a@b.example' in identifiers.email)",
            "tags['team'] != 'platform' && !tags.team.startsWith('p')",
            "attributes['nothing'] != 'here' && attributes.nothing == null",
            "identifiers.email.all(e, false)",
            "!has(attributes.nothing)",
        ] {
            assert_eq!(holds(text), Ok(true), "{text}");
        }
        let error = holds("attributes.nothing.startsWith('x')").unwrap_err();
        assert!(error.contains("startsWith") && error.contains("missing"), "{error}");
    }

    #[test]
    fn tags_are_read_in_every_form() {
        let selector = Selector::compile("tags.env == 'prod' && has(tags.env)").unwrap();
        for json in [
            r#"{"tags": {"env": "prod"}}"#,
            r#"{"tags": [{"Key": "x", "Value": "y"}, {"Key": "env", "Value": "prod"}]}"#,
            r#"{"tags": [{"key": "env", "value": "prod"}]}"#,
            r#"{"tags": ["x", "env=prod"]}"#,
            r#"{"tags": ["env:prod"]}"#,
        ] {
            let attributes: Attributes = serde_json::from_str(json).unwrap();
            let view = AssetView {
                kind: AssetKind::Host,
                name: "",
                identifiers: &[],
                attributes: &attributes,
                owner: None,
            };
            assert_eq!(selector.matches(&view), Ok(true), "{json}");
        }
    }

    #[test]
    fn mistakes_have_a_place_and_a_hint() {
        for (text, line, column, part) in [
            ("", 1, 1, "empty"),
            ("kind == ", 1, 9, "not a valid expression"),
            ("knid == \"host\"", 1, 1, "did you mean `kind`?"),
            ("kind == \"datastore\"", 1, 9, "did you mean `data-store`?"),
            ("true && kind in [\"host\", \"hosst\"]", 1, 26, "did you mean `host`?"),
            ("'x' in identifiers['fqnd']", 1, 20, "did you mean `fqdn`?"),
            ("identifiers.fdqn.size() > 0", 1, 12, "did you mean `fqdn`?"),
            ("'web' in ids", 1, 1, "scheme:value"),
            ("name.startWith('a')", 1, 15, "did you mean `startsWith`?"),
            ("name.matches('(')", 1, 14, "the pattern cannot be read"),
            ("name.matches(owner)", 1, 14, "literal"),
            ("name.inNetwork('10.0.0.0/99')", 1, 16, "needs a network"),
            ("name", 1, 1, "gives string"),
            ("1 + 1", 1, 1, "gives int"),
            ("true &&\n  knid == 'x'", 2, 3, "not known"),
            ("Foo{a: 1} == 1", 1, 4, "cannot build objects"),
        ] {
            let faults = Selector::compile(text).unwrap_err();
            let fault = &faults[0];
            assert!(fault.message.contains(part), "{text}: {fault:?}");
            assert_eq!((fault.line, fault.column), (line, column), "{text}: {fault:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a-z0-9 .()\\[\\]{}\"'=&|!<>+*/?:,@\n-]{0,60}") {
            if let Ok(selector) = Selector::compile(&text) {
                let attributes = attributes();
                let view = AssetView {
                    kind: AssetKind::Host, name: "x", identifiers: &[], attributes: &attributes, owner: None,
                };
                let _ = selector.matches(&view);
            }
        }
    }
}
