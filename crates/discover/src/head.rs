//! The first bytes of a document, as a format's `sniff` sees them.

/// The head of a document (up to 64 KiB of text), with what sniffing needs already found.
pub struct Head<'a> {
    text: &'a str,
    root: Option<String>,
    keys: Vec<String>,
}

impl<'a> Head<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, root: xml_root(text), keys: json_keys(text) }
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    pub fn is_json(&self) -> bool {
        self.text.trim_start().starts_with(['{', '['])
    }

    /// True when the document starts with `[`.
    pub fn is_json_array(&self) -> bool {
        self.text.trim_start().starts_with('[')
    }

    /// The local name of the first element of an XML document.
    pub fn xml_root(&self) -> Option<&str> {
        self.root.as_deref()
    }

    /// True when the outermost object has the key; for an array or JSON lines, when its first
    /// object has it. Only keys that stand in the head are known.
    pub fn has_key(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known == key)
    }

    pub fn has_keys(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.has_key(key))
    }

    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    pub fn contains(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

fn xml_root(text: &str) -> Option<String> {
    let mut rest = text.trim_start();
    loop {
        rest = rest.strip_prefix('<')?;
        rest = if let Some(comment) = rest.strip_prefix("!--") {
            comment.split_once("-->")?.1
        } else if let Some(instruction) = rest.strip_prefix('?') {
            instruction.split_once("?>")?.1
        } else if rest.starts_with('!') {
            // A document type may hold declarations in brackets.
            let end = match (rest.find('['), rest.find('>')) {
                (Some(open), Some(close)) if open < close => rest.find("]>").map(|at| at + 2),
                (_, close) => close.map(|at| at + 1),
            }?;
            &rest[end..]
        } else {
            let name = rest.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next()?;
            let name = name.rsplit(':').next()?;
            return (!name.is_empty()).then(|| name.to_owned());
        };
        rest = rest.trim_start();
    }
}

/// The keys of the first object: a scan that needs no complete document.
fn json_keys(text: &str) -> Vec<String> {
    let start = text.trim_start();
    let inside = match start.strip_prefix('[') {
        Some(rest) => rest.trim_start(),
        None => start,
    };
    let Some(body) = inside.strip_prefix('{') else { return Vec::new() };
    let mut keys = Vec::new();
    let mut depth = 1;
    let mut expects_key = true;
    let mut characters = body.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ',' if depth == 1 => expects_key = true,
            ':' if depth == 1 => expects_key = false,
            '"' => {
                let mut escaped = false;
                let end = characters.find(|(_, character)| {
                    let ends = *character == '"' && !escaped;
                    escaped = *character == '\\' && !escaped;
                    ends
                });
                let Some((end, _)) = end else { break };
                if depth == 1 && expects_key {
                    keys.push(body[at + 1..end].to_owned());
                }
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_root_element() {
        let text = "<?xml version='1.0'?>\n<!DOCTYPE nmaprun>\n<!-- a > b -->\n<n:nmaprun scanner='nmap'>";
        assert_eq!(Head::new(text).xml_root(), Some("nmaprun"));
        assert_eq!(Head::new("<!DOCTYPE a [<!ENTITY b \"c\">]><a/>").xml_root(), Some("a"));
        assert_eq!(Head::new("{}").xml_root(), None);
    }

    #[test]
    fn finds_the_outer_keys() {
        let head = Head::new(r#"[ {"a": {"x": "}"}, "b\"c": [1, {"y": 2}], "d": "e:f", "cut": "#);
        assert_eq!(head.keys(), ["a", "b\\\"c", "d", "cut"]);
        assert!(Head::new("{\"v\": 1}\n{\"w\": 2}").has_keys(&["v"]));
    }
}
