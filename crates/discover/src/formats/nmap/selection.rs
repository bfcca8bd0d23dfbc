//! Which scripts a command line asked for: absence of a script's output proves something only if
//! the script was asked for.
//!
//! The expressions are those of `--script` (Nmap reference guide, "Nmap Scripting Engine"): a list
//! of categories, names, globs and file names, joined by `and`, `or`, `not` and parentheses.

/// The scripts that a command line selects.
pub(super) struct Selection {
    expressions: Vec<Vec<String>>,
}

impl Selection {
    /// Reads the arguments as the report prints them.
    pub(super) fn from_arguments(arguments: &str) -> Self {
        let words = words(arguments);
        let mut selection = Self { expressions: Vec::new() };
        let mut at = 0;
        while at < words.len() {
            let word = words[at].as_str();
            at += 1;
            let is_scan_type = word.strip_prefix("-s").is_some_and(|types| {
                types.contains('C') && types.chars().all(|letter| letter.is_ascii_uppercase())
            });
            if word == "-A" || is_scan_type {
                selection.add("default");
            } else if let Some(expression) = word.strip_prefix("--script=") {
                selection.add(expression);
            } else if word == "--script" && at < words.len() {
                let mut expression = words[at].clone();
                at += 1;
                // Older versions print the arguments without the quotes that the shell took away.
                while at < words.len() && is_joined(&expression, &words[at]) {
                    expression.push(' ');
                    expression.push_str(&words[at]);
                    at += 1;
                }
                selection.add(&expression);
            }
        }
        selection
    }

    fn add(&mut self, list: &str) {
        self.expressions.extend(list.split(',').map(tokens).filter(|tokens| !tokens.is_empty()));
    }

    /// True when a script of this name and these categories is selected.
    pub(super) fn contains(&self, name: &str, categories: &[&str]) -> bool {
        self.expressions.iter().any(|tokens| evaluate(tokens, name, categories))
    }
}

fn is_joined(expression: &str, next: &str) -> bool {
    let is_operator = |word: &str| matches!(word, "and" | "or" | "not");
    is_operator(next) || expression.split_whitespace().next_back().is_some_and(is_operator)
}

/// Splits a command line at white space outside quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for character in line.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            None if character == '"' || character == '\'' => quote = Some(character),
            None if character.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            Some(_) | None => word.push(character),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn tokens(expression: &str) -> Vec<String> {
    expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .split_whitespace()
        .map(|token| token.trim_start_matches('+').to_owned())
        .collect()
}

/// Evaluates an expression with two stacks; a malformed one selects nothing.
fn evaluate(tokens: &[String], name: &str, categories: &[&str]) -> bool {
    fn strength(operator: &str) -> u8 {
        match operator {
            "not" => 3,
            "and" => 2,
            "or" => 1,
            _ => 0,
        }
    }
    fn apply(operator: &str, values: &mut Vec<bool>) -> Option<()> {
        let right = values.pop()?;
        let value = match operator {
            "not" => !right,
            "and" => values.pop()? && right,
            "or" => values.pop()? || right,
            _ => return None,
        };
        values.push(value);
        Some(())
    }
    let mut values = Vec::new();
    let mut operators: Vec<&str> = Vec::new();
    let mut run = || -> Option<bool> {
        for token in tokens {
            match token.as_str() {
                operator @ ("and" | "or") => {
                    while operators.last().is_some_and(|top| strength(top) >= strength(operator)) {
                        apply(operators.pop()?, &mut values)?;
                    }
                    operators.push(operator);
                }
                operator @ ("not" | "(") => operators.push(operator),
                ")" => loop {
                    let operator = operators.pop()?;
                    if operator == "(" {
                        break;
                    }
                    apply(operator, &mut values)?;
                },
                operand => values.push(matches(operand, name, categories)),
            }
        }
        while let Some(operator) = operators.pop() {
            apply(operator, &mut values)?;
        }
        (values.len() == 1).then(|| values[0])
    };
    run().unwrap_or(false)
}

fn matches(operand: &str, name: &str, categories: &[&str]) -> bool {
    if operand == "all" || categories.contains(&operand) {
        return true;
    }
    let file = operand.rsplit(['/', '\\']).next().unwrap_or(operand);
    let pattern = file.strip_suffix(".nse").unwrap_or(file);
    glob(pattern, name)
}

/// `*` stands for any text.
fn glob(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::Selection;

    #[test]
    fn selects_what_nmap_would_run() {
        for (arguments, name, categories, expected) in [
            ("nmap -sV host", "http-git", &["default", "safe"][..], false),
            ("nmap -sVC host", "http-git", &["default", "safe"], true),
            ("nmap -A host", "ssl-enum-ciphers", &["discovery"], false),
            ("nmap --script \"default,vuln and safe\" host", "ssl-poodle", &["vuln", "safe"], true),
            ("nmap --script vuln and not safe host", "ssl-poodle", &["vuln", "safe"], false),
            ("nmap --script=http-* -p 80", "http-git", &["default"], true),
            ("nmap --script http-*-login host", "http-git", &["default"], false),
            ("nmap --script /opt/nse/http-git.nse host", "http-git", &["default"], true),
            ("nmap --script '(default or vuln) and http-*' host", "http-git", &["default"], true),
            ("nmap --script '(default or' host", "http-git", &["default"], false),
            ("nmap --script-args x=http-git -sS host", "http-git", &["default"], false),
        ] {
            let selection = Selection::from_arguments(arguments);
            assert_eq!(selection.contains(name, categories), expected, "{arguments} {name}");
        }
    }
}
