//! The catalogue of weakness classes: what rule-like weaknesses give an attacker, and which checks of
//! different tools mean the same weakness. It says nothing of published vulnerabilities: their CVSS
//! vectors and the intelligence of the caller do.

use std::collections::BTreeMap;

use bartizan_model::{Digest, Digester, Place, Weakness, WeaknessKey};
use serde::{Deserialize, Serialize};

use super::cvss::{Privileges, Vector};
use super::rule::read_yaml;
use super::table::WEAKNESS_CLASSES;
use crate::{Error, Result};

/// What using a weakness gives an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gives {
    /// Code runs on the asset.
    Execution,
    /// Code runs as a user who opens something prepared.
    UserExecution,
    /// The source code that is served.
    SourceCode,
    /// The data behind the asset.
    Data,
    /// Secrets that lie on the asset.
    Credentials,
    /// A way in as some user of the application, without a password.
    AuthenticationBypass,
    /// From a workload to the host below it.
    Escape,
    /// Data is changed or forged, without code running.
    Changes,
    /// The service stops.
    Denial,
    /// Nothing that leads further (headers, ciphers, scripts in a victim's browser).
    None,
    /// Not known: no step rests on it, and it is not called harmless.
    Unknown,
}

impl Gives {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Execution => "execution",
            Self::UserExecution => "user-execution",
            Self::SourceCode => "source-code",
            Self::Data => "data",
            Self::Credentials => "credentials",
            Self::AuthenticationBypass => "authentication-bypass",
            Self::Escape => "escape",
            Self::Changes => "changes",
            Self::Denial => "denial",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassFile {
    classes: Vec<Class>,
}

/// A class of weaknesses.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    pub id: String,
    pub title: String,
    /// What it is, why it matters, limits of what the members show.
    pub about: String,
    pub gives: Gives,
    #[serde(default = "network")]
    pub vector: Vector,
    /// Rights that an attacker needs beforehand.
    #[serde(default = "no_privileges")]
    pub privileges: Privileges,
    /// CWE numbers. A weakness of none of the members falls into the class by them.
    #[serde(default)]
    pub cwe: Vec<u32>,
    /// Prior chance that an attacker who meets it uses it with success.
    pub likelihood: f64,
    /// All members mean the same weakness, so two tools that report it on one place witness one exposure.
    #[serde(default)]
    pub equivalent: bool,
    /// Of equivalent checks: web paths that begin so mean the service as a whole, as tools that name
    /// only the port do. The same below another folder of the site is another exposure.
    #[serde(default)]
    pub path: Option<String>,
    /// `family:id`, where `*` stands for any text.
    #[serde(default)]
    pub members: Vec<String>,
}

fn network() -> Vector {
    Vector::Network
}

fn no_privileges() -> Privileges {
    Privileges::None
}

/// All classes.
#[derive(Clone, Debug)]
pub struct Catalogue {
    classes: Vec<Class>,
    /// Member to class.
    exact: BTreeMap<String, usize>,
    /// Members with `*`, in the order of the files.
    patterns: Vec<(String, usize)>,
    by_cwe: BTreeMap<u32, usize>,
    digest: Digest,
}

impl Catalogue {
    /// The family of the keys that [`Catalogue::canonical`] gives.
    pub const FAMILY: &'static str = "class";

    /// The classes that come with the product.
    pub fn embedded() -> Result<Self> {
        Self::parse(WEAKNESS_CLASSES)
    }

    /// Reads class files, given as name and text, in their order.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self> {
        let mut digester = Digester::new("weakness-classes");
        let mut catalogue = Self {
            classes: Vec::new(),
            exact: BTreeMap::new(),
            patterns: Vec::new(),
            by_cwe: BTreeMap::new(),
            digest: Digest::of(&[]),
        };
        for &(name, text) in files {
            digester.push(name.as_bytes());
            digester.push(text.as_bytes());
            let file: ClassFile = read_yaml(name, text)?;
            for class in file.classes {
                let at = format!("class \"{}\"", class.id);
                catalogue.add(class).map_err(|(field, message)| Error::RuleFile {
                    file: name.to_owned(),
                    field: format!("{at}: {field}"),
                    message,
                })?;
            }
        }
        catalogue.digest = digester.finish();
        Ok(catalogue)
    }

    fn add(&mut self, class: Class) -> Result<(), (&'static str, String)> {
        if self.classes.iter().any(|known| known.id == class.id) {
            return Err(("id", "another class has it".to_owned()));
        }
        if !(0.0..=1.0).contains(&class.likelihood) {
            return Err(("likelihood", format!("{} is not between 0 and 1", class.likelihood)));
        }
        let index = self.classes.len();
        for member in &class.members {
            if !member.contains(':') {
                return Err(("members", format!("`{member}` is not `family:id`")));
            }
            if member.contains('*') {
                self.patterns.push((member.clone(), index));
            } else if let Some(other) = self.exact.insert(member.clone(), index) {
                let other = &self.classes[other].id;
                return Err(("members", format!("`{member}` belongs to class \"{other}\" already")));
            }
        }
        for &cwe in &class.cwe {
            self.by_cwe.entry(cwe).or_insert(index);
        }
        self.classes.push(class);
        Ok(())
    }

    /// The key and the place under which equivalent checks of different tools are one exposure:
    /// `class:<id>` on a port where the class says so. `None` for all others, which keep their own.
    pub fn canonical(&self, key: &WeaknessKey, place: &Place) -> Option<(WeaknessKey, Place)> {
        let class = self.classes.get(self.member(key)?).filter(|class| class.equivalent)?;
        let place = match (place, &class.path) {
            (Place::Web { port, url, .. }, Some(path)) if url.starts_with(path) => Place::port("tcp", *port),
            _ => place.clone(),
        };
        Some((WeaknessKey::rule(Self::FAMILY, class.id.clone()), place))
    }

    /// The class of a weakness: by its key, else by its CWE numbers. Published vulnerabilities have none:
    /// a CWE says less of them than their vector.
    pub fn class(&self, weakness: &Weakness) -> Option<&Class> {
        if matches!(weakness.key, WeaknessKey::Vulnerability(_)) {
            return None;
        }
        let by_cwe = || weakness.cwes.iter().find_map(|cwe| self.by_cwe.get(cwe).copied());
        self.member(&weakness.key).or_else(by_cwe).map(|index| &self.classes[index])
    }

    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Of the files' names and texts.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    fn member(&self, key: &WeaknessKey) -> Option<usize> {
        let WeaknessKey::Rule { family, id } = key else { return None };
        if family == Self::FAMILY {
            return self.classes.iter().position(|class| class.id == *id);
        }
        let text = key.to_string();
        let matching = || self.patterns.iter().find(|(pattern, _)| matches(pattern, &text));
        self.exact.get(&text).copied().or_else(|| matching().map(|(_, index)| *index))
    }
}

/// Whether the text is the pattern, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_of_different_tools_are_one_weakness() {
        let catalogue = Catalogue::embedded().unwrap();
        let canonical =
            |text: &str| catalogue.canonical(&WeaknessKey::parse(text), &Place::Whole).map(|(key, _)| key);
        let git = canonical("nmap:http-git").unwrap();
        assert_eq!(git.to_string(), "class:served-git-folder");
        assert_eq!(canonical("nuclei:git-config"), Some(git.clone()));
        assert_eq!(canonical("nuclei:exposed-gitconfig"), Some(git.clone()));
        assert_eq!(canonical(&git.to_string()), Some(git));
        assert_eq!(canonical("CVE-2021-44228"), None);
        assert_eq!(canonical("nmap:unheard-of"), None);
    }

    #[test]
    fn a_path_at_the_root_is_the_service() {
        let catalogue = Catalogue::embedded().unwrap();
        let key = WeaknessKey::rule("nuclei", "git-config");
        let place = |path| catalogue.canonical(&key, &Place::web("GET", 8080, path, None)).unwrap().1;
        assert_eq!(place("/.git/config"), Place::port("tcp", 8080));
        assert_eq!(place("/old/.git/config"), Place::web("GET", 8080, "/old/.git/config", None));
    }

    #[test]
    fn canonical_keys_keep_their_class() {
        let catalogue = Catalogue::embedded().unwrap();
        for class in catalogue.classes() {
            for member in class.members.iter().filter(|member| !member.contains('*')) {
                let weakness = Weakness::new(WeaknessKey::parse(member), "");
                assert_eq!(catalogue.class(&weakness).unwrap().id, class.id, "{member}");
                if let Some((key, _)) = catalogue.canonical(&weakness.key, &Place::Whole) {
                    assert_eq!(catalogue.class(&Weakness::new(key, "")).unwrap().id, class.id);
                }
            }
        }
    }

    #[test]
    fn a_cwe_places_unknown_rules_but_not_vulnerabilities() {
        let catalogue = Catalogue::embedded().unwrap();
        let mut weakness = Weakness::new(WeaknessKey::rule("zap", "40018"), "SQL injection");
        weakness.cwes = vec![89];
        assert_eq!(catalogue.class(&weakness).unwrap().id, "sql-injection");
        weakness.key = WeaknessKey::vulnerability("CVE-2020-0001");
        assert_eq!(catalogue.class(&weakness), None);
    }

    #[test]
    fn stars_stand_for_any_text() {
        assert!(matches("nuclei:*-default-login", "nuclei:tomcat-default-login"));
        assert!(matches("a:b*", "a:b") && matches("a:*x*z", "a:xyz") && !matches("a:*x", "a:xy"));
        assert!(!matches("a:b", "a:bc"));
    }

    #[test]
    fn errors_name_file_and_field() {
        let file = "classes:\n  - {id: a, title: A, about: A, gives: execution, likelihood: 1.5}\n";
        let error = Catalogue::parse(&[("mine.yaml", file)]).unwrap_err().to_string();
        assert_eq!(error, "mine.yaml: class \"a\": likelihood: 1.5 is not between 0 and 1");
        let error = Catalogue::parse(&[("mine.yaml", "classes:\n  - {id: a, gifts: x}\n")]).unwrap_err();
        assert!(error.to_string().starts_with("mine.yaml: line 2: "), "{error}");
    }
}
