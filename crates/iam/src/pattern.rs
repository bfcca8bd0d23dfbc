//! Text patterns of policies: `*`, `?` and policy variables. It must not decide anything else than
//! whether a value fits.

use crate::context::{Context, Key};
use crate::truth::Truth;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Byte(u8),
    One,
    Many,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Tokens(Vec<Token>),
    Variable { key: String, default: Option<String> },
}

/// What in a text is special.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) wildcards: bool,
    pub(crate) variables: bool,
}

/// A text of a policy, ready to be compared with values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    pieces: Vec<Piece>,
    /// Length of the text before the first wildcard or variable.
    start: usize,
}

impl Pattern {
    pub(crate) fn new(text: &str, syntax: Syntax) -> Self {
        let mut pieces = Vec::new();
        let mut tokens = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if syntax.variables
                && rest.starts_with("${")
                && let Some(end) = rest.find('}')
            {
                let name = &rest[2..end];
                match name {
                    // The three escapes stand for themselves, without their special meaning.
                    "*" | "?" | "$" => tokens.push(Token::Byte(name.as_bytes()[0])),
                    _ => {
                        if !tokens.is_empty() {
                            pieces.push(Piece::Tokens(std::mem::take(&mut tokens)));
                        }
                        pieces.push(variable(name));
                    }
                }
                rest = &rest[end + 1..];
                continue;
            }
            let byte = rest.as_bytes()[0];
            match byte {
                b'*' if syntax.wildcards => {
                    if tokens.last() != Some(&Token::Many) {
                        tokens.push(Token::Many);
                    }
                    rest = &rest[1..];
                }
                b'?' if syntax.wildcards => {
                    tokens.push(Token::One);
                    rest = &rest[1..];
                }
                _ => {
                    let length = rest.chars().next().map_or(1, char::len_utf8);
                    tokens.extend(rest.as_bytes()[..length].iter().map(|byte| Token::Byte(*byte)));
                    rest = &rest[length..];
                }
            }
        }
        if !tokens.is_empty() {
            pieces.push(Piece::Tokens(tokens));
        }
        let special = |(_, one): &(usize, char)| match one {
            '*' | '?' => syntax.wildcards,
            '$' => syntax.variables,
            _ => false,
        };
        let start = text.char_indices().find(special).map_or(text.len(), |(at, _)| at);
        Self { text: text.to_owned(), pieces, start }
    }

    /// An action pattern: lower case, wildcards, no variables.
    pub(crate) fn action(text: &str) -> Self {
        let text = if text == "*:*" { "*".to_owned() } else { text.to_ascii_lowercase() };
        Self::new(&text, Syntax { wildcards: true, variables: false })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What every value that fits begins with.
    pub(crate) fn start(&self) -> &str {
        &self.text[..self.start]
    }

    /// Whether the pattern fits every value.
    pub(crate) fn is_any(&self) -> bool {
        matches!(self.pieces.as_slice(), [Piece::Tokens(tokens)] if tokens.as_slice() == [Token::Many])
    }

    /// Whether the value fits, for patterns without variables.
    pub(crate) fn fits(&self, value: &str) -> bool {
        match self.pieces.as_slice() {
            [] => value.is_empty(),
            [Piece::Tokens(tokens)] => glob(tokens, value.as_bytes()),
            _ => false,
        }
    }

    /// Whether the value fits, with the variables taken from the context. A variable whose key is absent
    /// and has no default fits nothing; one whose key is unknown may fit.
    pub(crate) fn matches(&self, value: &str, context: &Context<'_>) -> Truth {
        if let [Piece::Tokens(tokens)] = self.pieces.as_slice() {
            return glob(tokens, value.as_bytes()).into();
        }
        match self.resolve(context) {
            Resolved::Known(tokens) => glob(&tokens, value.as_bytes()).into(),
            Resolved::Nothing => Truth::No,
            Resolved::Loose(tokens) => {
                if glob(&tokens, value.as_bytes()) {
                    Truth::Unknown
                } else {
                    Truth::No
                }
            }
        }
    }

    /// The tokens with variables filled in.
    pub(crate) fn resolve(&self, context: &Context<'_>) -> Resolved {
        let mut tokens = Vec::new();
        let mut loose = false;
        for piece in &self.pieces {
            match piece {
                Piece::Tokens(more) => tokens.extend_from_slice(more),
                Piece::Variable { key, default } => match (context.get(key), default) {
                    (Key::Values(values), _) if values.len() == 1 => {
                        tokens.extend(values[0].bytes().map(Token::Byte));
                    }
                    // A variable stands for one value; a key with several has none to offer.
                    (Key::Values(_) | Key::Absent, Some(text)) => {
                        tokens.extend(text.bytes().map(Token::Byte));
                    }
                    (Key::Values(_) | Key::Absent, None) => return Resolved::Nothing,
                    (Key::Unknown | Key::Free, _) => {
                        tokens.push(Token::Many);
                        loose = true;
                    }
                },
            }
        }
        if loose { Resolved::Loose(tokens) } else { Resolved::Known(tokens) }
    }

    /// Whether everything that `other` fits is fitted by this pattern. Sound, not complete: `false` may
    /// mean that it could not be shown.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        if self.is_any() || self.text == other.text {
            return true;
        }
        let ([Piece::Tokens(mine)], [Piece::Tokens(theirs)]) =
            (self.pieces.as_slice(), other.pieces.as_slice())
        else {
            return false;
        };
        // A wildcard of the other pattern is a byte that only a wildcard of this one may take.
        let theirs: Vec<u8> = theirs
            .iter()
            .map(|token| match token {
                Token::Byte(byte) => *byte,
                Token::One => 0,
                Token::Many => 1,
            })
            .collect();
        glob_with(mine, &theirs, |byte| byte != 1)
    }

    /// A concrete text that fits: the pattern with every wildcard filled with `filler`. `None` when a
    /// variable cannot be filled in.
    pub(crate) fn example(&self, context: &Context<'_>, filler: &str) -> Option<String> {
        let Resolved::Known(tokens) = self.resolve(context) else { return None };
        let mut bytes = Vec::new();
        for token in tokens {
            match token {
                Token::Byte(byte) => bytes.push(byte),
                Token::One => bytes.push(b'x'),
                Token::Many => bytes.extend_from_slice(filler.as_bytes()),
            }
        }
        String::from_utf8(bytes).ok()
    }
}

fn variable(name: &str) -> Piece {
    let (key, default) = match name.split_once(',') {
        Some((key, default)) => {
            let text = default.trim();
            let text = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
            (key.trim(), Some(text.to_owned()))
        }
        None => (name.trim(), None),
    };
    Piece::Variable { key: key.to_ascii_lowercase(), default }
}

/// A pattern after its variables were filled in.
pub(crate) enum Resolved {
    Known(Vec<Token>),
    /// Unknown variables stand as `*`.
    Loose(Vec<Token>),
    /// A variable has no value: fits nothing.
    Nothing,
}

impl Resolved {
    /// The text, when it holds no wildcards.
    pub(crate) fn plain(tokens: &[Token]) -> Option<String> {
        let mut bytes = Vec::with_capacity(tokens.len());
        for token in tokens {
            match token {
                Token::Byte(byte) => bytes.push(*byte),
                Token::One | Token::Many => return None,
            }
        }
        String::from_utf8(bytes).ok()
    }
}

pub(crate) fn glob(tokens: &[Token], value: &[u8]) -> bool {
    glob_with(tokens, value, |_| true)
}

/// Linear-space glob with one level of backtracking, which is enough because only the last `*` matters.
fn glob_with(tokens: &[Token], value: &[u8], one: impl Fn(u8) -> bool) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while position < value.len() {
        let step = match tokens.get(at) {
            Some(Token::Many) => {
                retry = Some((at, position));
                at += 1;
                continue;
            }
            Some(Token::Byte(byte)) if *byte == value[position] => 1,
            Some(Token::One) if one(value[position]) => character_length(value[position]),
            _ => 0,
        };
        if step > 0 {
            at += 1;
            position = (position + step).min(value.len());
        } else if let Some((star, start)) = retry {
            retry = Some((star, start + 1));
            at = star + 1;
            position = start + 1;
        } else {
            return false;
        }
    }
    tokens[at..].iter().all(|token| *token == Token::Many)
}

fn character_length(first: u8) -> usize {
    match first {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xFF => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Syntax = Syntax { wildcards: true, variables: true };

    #[test]
    fn wildcards() {
        for (pattern, value, expect) in [
            ("*", "", true),
            ("*", "anything", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a?c", "aéc", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*ab", "aab", true),
            ("", "", true),
            ("", "a", false),
            ("${*}", "*", true),
            ("${*}", "x", false),
            ("a${?}", "a?", true),
        ] {
            let context = Context::new();
            assert_eq!(
                Pattern::new(pattern, BOTH).matches(value, &context),
                Truth::from(expect),
                "{pattern} against {value}"
            );
        }
    }

    #[test]
    fn variables() {
        let mut context = Context::new();
        context.value("aws:username", "ann*").absent("aws:userid");
        for (pattern, value, expect) in [
            ("home/${aws:username}/*", "home/ann*/x", Truth::Yes),
            ("home/${aws:UserName}/*", "home/annie/x", Truth::No),
            ("home/${aws:userid}/*", "home//x", Truth::No),
            ("home/${aws:userid, 'team'}/*", "home/team/x", Truth::Yes),
            ("home/${aws:SourceIp}/*", "home/q/x", Truth::Unknown),
            ("home/${aws:SourceIp}/*", "away/q/x", Truth::No),
        ] {
            assert_eq!(Pattern::new(pattern, BOTH).matches(value, &context), expect, "{pattern}");
        }
    }

    #[test]
    fn covering() {
        for (wide, narrow, expect) in [
            ("*", "iam:*", true),
            ("iam:*", "iam:put*", true),
            ("iam:put*", "iam:*", false),
            ("iam:?ut", "iam:*", false),
            ("iam:put?", "iam:put?", true),
            ("iam:*", "s3:*", false),
        ] {
            assert_eq!(
                Pattern::action(wide).covers(&Pattern::action(narrow)),
                expect,
                "{wide} over {narrow}"
            );
        }
    }
}
