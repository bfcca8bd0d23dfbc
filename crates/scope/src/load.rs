//! Reading scope files: `bartizan.yaml` and what it includes, into a [`Scope`] or every mistake.
//!
//! Opens nothing itself: whoever calls gives the text of a path.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::mistake::{Mistake, hint};
use crate::scope::{Entry, Scope};
use crate::section;
use crate::spot::{Fields, Location, Notes, Spot};
use crate::yaml::{self, Position};
use crate::zone::INTERNET;

/// Files that one scope may be spread over.
const MOST_FILES: usize = 200;

/// What the files have said so far, with what can only be checked once all are read.
pub(crate) struct Draft {
    pub(crate) scope: Scope,
    pub(crate) names: BTreeMap<(Section, String), Location>,
    pub(crate) mentions: Vec<(Section, String, Location)>,
    /// Where a field that may stand only once stands.
    pub(crate) once: BTreeMap<&'static str, Location>,
    pub(crate) networks: BTreeMap<(Option<String>, ipnet::IpNet), Location>,
}

/// Sections whose items have names that are unique within them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Service,
    CrownJewel,
    Entry,
    Owner,
    Zone,
    Window,
    DeadlineRule,
}

impl Section {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::CrownJewel => "crown jewel",
            Self::Entry => "entry",
            Self::Owner => "owner",
            Self::Zone => "zone",
            Self::Window => "validation window",
            Self::DeadlineRule => "deadline rule",
        }
    }
}

impl Scope {
    /// Reads a scope file and its includes. `read` gives the text of a file, or why it cannot;
    /// paths of includes are relative to the file that names them.
    ///
    /// ```
    /// let files = |path: &str| match path {
    ///     "bartizan.yaml" => Ok("organisation: Example Ltd\ninclude: [owners.yaml]\n".to_owned()),
    ///     "owners.yaml" => Ok("owners:\n  - name: web\n    selector: kind == \"hosst\"\n".to_owned()),
    ///     _ => Err("there is no such file".to_owned()),
    /// };
    /// let mistakes = bartizan_scope::Scope::load("bartizan.yaml", &files).unwrap_err();
    /// assert_eq!(
    ///     mistakes[0].to_string(),
    ///     "owners.yaml:3:23: owners[0].selector: \"hosst\" is not a kind of asset; did you mean `host`?"
    /// );
    /// ```
    pub fn load(path: &str, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Self, Vec<Mistake>> {
        let notes = Notes::default();
        let mut draft = Draft::new();
        let mut waiting: Vec<(String, Location)> = vec![(normal_path("", path), Location::of_file(path))];
        let mut seen: BTreeSet<String> = BTreeSet::new();
        while let Some((path, named_at)) = waiting.pop() {
            if !seen.insert(path.clone()) {
                notes
                    .borrow_mut()
                    .push(named_at.mistake(format!("{path:?} is included twice, or includes itself")));
                continue;
            }
            if seen.len() > MOST_FILES {
                notes
                    .borrow_mut()
                    .push(named_at.mistake(format!("more than {MOST_FILES} files are included")));
                break;
            }
            let text = match read(&path) {
                Ok(text) => text,
                Err(reason) => {
                    notes.borrow_mut().push(named_at.mistake(format!("{path:?} cannot be read: {reason}")));
                    continue;
                }
            };
            let mut includes = read_file(&path, &text, &notes, &mut draft);
            // The next to be read stands last, so that files are read in the order in which they are named.
            includes.reverse();
            waiting.append(&mut includes);
        }
        draft.finish(&notes);
        let mut mistakes = notes.into_inner();
        if mistakes.is_empty() {
            path.clone_into(&mut draft.scope.file);
            return Ok(draft.scope);
        }
        mistakes.sort();
        mistakes.dedup();
        Err(mistakes)
    }
}

impl Location {
    fn of_file(path: &str) -> Self {
        Self { file: Arc::from(path), at: Position { line: 1, column: 1 }, field: String::new() }
    }
}

/// Reads one file into the draft; gives the files that it includes.
fn read_file(path: &str, text: &str, notes: &Notes, draft: &mut Draft) -> Vec<(String, Location)> {
    let file: Arc<str> = Arc::from(path);
    let node = match yaml::parse(text) {
        Ok(Some(node)) => node,
        Ok(None) => {
            notes.borrow_mut().push(Location::of_file(path).mistake("is empty"));
            return Vec::new();
        }
        Err(malformed) => {
            let place = Location { file, at: malformed.at, field: String::new() };
            notes.borrow_mut().push(place.mistake(malformed.message));
            return Vec::new();
        }
    };
    let Some(mut fields) = Spot::root(&node, &file, notes).fields() else { return Vec::new() };
    if let Some(spot) = fields.get("version")
        && spot.word("the number 1").is_some_and(|version| version != "1")
    {
        spot.mistake("this program reads version 1 of the scope file");
    }
    draft.once(
        &mut fields,
        "organisation",
        |spot| spot.text().map(str::to_owned),
        |scope, it| scope.organisation = Some(it),
    );
    draft.once(&mut fields, "currency", section::currency, |scope, it| scope.currency = Some(it));
    let mut includes = Vec::new();
    if let Some(spot) = fields.get("include") {
        for item in spot.one_or_more() {
            if let Some(name) = item.text() {
                includes.push((normal_path(path, name), item.location()));
            }
        }
    }
    section::read_all(&mut fields, draft);
    fields.finish();
    includes
}

impl Draft {
    fn new() -> Self {
        let scope = Scope { entries: Vec::new(), ..Scope::default() };
        Self {
            scope,
            names: BTreeMap::new(),
            mentions: Vec::new(),
            once: BTreeMap::new(),
            networks: BTreeMap::new(),
        }
    }

    /// Reads a field that only one of the files may have.
    pub(crate) fn once<'a, T>(
        &mut self,
        fields: &mut Fields<'a>,
        name: &'static str,
        read: impl FnOnce(&Spot<'a>) -> Option<T>,
        keep: impl FnOnce(&mut Scope, T),
    ) {
        let Some(spot) = fields.get(name) else { return };
        if let Some(first) = self.once.get(name) {
            spot.mistake(format!("is already said in {} line {}", first.file, first.at.line));
            return;
        }
        self.once.insert(name, spot.location());
        if let Some(value) = read(&spot) {
            keep(&mut self.scope, value);
        }
    }

    /// Takes the name of an item, which must be new in its section.
    pub(crate) fn name(&mut self, section: Section, fields: &mut Fields<'_>) -> Option<String> {
        let spot = fields.need("name", "other parts of the scope and every report refer to it")?;
        let name = spot.text()?.to_owned();
        if let Some(first) = self.names.get(&(section, name.clone())) {
            spot.mistake(format!(
                "the {} {name:?} is already defined in {} line {}",
                section.as_str(),
                first.file,
                first.at.line
            ));
        } else {
            self.names.insert((section, name.clone()), spot.location());
        }
        Some(name)
    }

    /// Takes the name of an item that is defined elsewhere.
    pub(crate) fn mention(&mut self, section: Section, spot: &Spot<'_>) -> Option<String> {
        let name = spot.text()?.to_owned();
        self.mentions.push((section, name.clone(), spot.location()));
        Some(name)
    }

    /// Checks what needs all files, and fills what none of them says.
    fn finish(&mut self, notes: &RefCell<Vec<Mistake>>) {
        for (section, name, location) in &self.mentions {
            let known = self.names.contains_key(&(*section, name.clone()))
                || (*section == Section::Zone && name == INTERNET);
            if !known {
                let names: Vec<&str> = self
                    .names
                    .keys()
                    .filter(|(other, _)| other == section)
                    .map(|(_, name)| name.as_str())
                    .collect();
                let kind = section.as_str();
                let message =
                    format!("the {kind} {name:?} is not defined{}", hint(name, names.iter().copied()));
                notes.borrow_mut().push(location.mistake(message));
            }
        }
        if self.scope.entries.is_empty() {
            self.scope.entries.push(Entry::internet());
        }
    }
}

/// The path of an include as seen from the file that names it, without `.` and `..` where they can
/// be resolved.
fn normal_path(from: &str, path: &str) -> String {
    let path = path.replace('\\', "/");
    let is_absolute = path.starts_with('/') || path.as_bytes().get(1) == Some(&b':');
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let joined = if is_absolute || !from.contains('/') { path } else { format!("{folder}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, "" | "..")) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::normal_path;

    #[test]
    fn includes_are_relative_to_the_file_that_names_them() {
        for (from, path, expected) in [
            ("bartizan.yaml", "scope/a.yaml", "scope/a.yaml"),
            ("scope/a.yaml", "b.yaml", "scope/b.yaml"),
            ("scope/a.yaml", "../c.yaml", "c.yaml"),
            ("/etc/b/bartizan.yaml", "./x//y.yaml", "/etc/b/x/y.yaml"),
            ("a/b.yaml", "/c.yaml", "/c.yaml"),
            ("a.yaml", "../b.yaml", "../b.yaml"),
        ] {
            assert_eq!(normal_path(from, path), expected, "{from} {path}");
        }
    }
}
