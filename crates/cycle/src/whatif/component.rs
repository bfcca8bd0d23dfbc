//! Which component a person means, and whether what a report names is it.
//!
//! Errs towards too many: who asks about a zero-day wants to hear of everything that may be it, and sees in
//! the answer under which name each was found.

/// Types of purl whose packages are also met as services, under their names.
const SYSTEM_PACKAGES: [&str; 9] =
    ["alpm", "apk", "bitnami", "conan", "deb", "docker", "generic", "oci", "rpm"];

/// A component as it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Component {
    what: What,
    version: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// Type, and name with namespace, both without version.
    Purl {
        kind: String,
        name: String,
    },
    /// The product alone: vendors change (nginx was its author's, then F5's).
    Cpe(String),
    Name(String),
}

impl Component {
    /// Reads a purl, a CPE of either syntax, or a name; names and purls may end in `@version`. `None`
    /// where no name is left.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((kind, name, version)) = purl(text) {
            return Some(Self { what: What::Purl { kind, name }, version });
        }
        if text.to_lowercase().starts_with("pkg:") {
            return None;
        }
        if let Some((product, version)) = cpe(text) {
            return Some(Self { what: What::Cpe(product), version });
        }
        // A scope begins with `@`, too.
        let (name, version) = match text.rsplit_once('@') {
            Some((name, version)) if !name.is_empty() && !version.is_empty() => (name, Some(version)),
            _ => (text, None),
        };
        let is_name = name.chars().any(char::is_alphanumeric);
        is_name.then(|| Self { what: What::Name(name.to_lowercase()), version: version.map(str::to_owned) })
    }

    /// Whether a component of an inventory is it. `component` is a purl without version, a CPE or a name.
    pub(super) fn is_part(&self, component: &str) -> bool {
        let (package, product) = (purl(component), cpe(component).map(|(product, _)| product));
        let written = product.as_deref().unwrap_or(component);
        match (&self.what, package) {
            (What::Purl { kind, name }, Some((own_kind, own, _))) => *kind == own_kind && *name == own,
            (What::Purl { kind, name }, None) => {
                SYSTEM_PACKAGES.contains(&kind.as_str()) && same_words(leaf(name), written)
            }
            (What::Cpe(asked), Some((_, own, _))) => same_words(asked, leaf(&own)),
            (What::Name(asked), Some((_, own, _))) => *asked == own || same_words(asked, leaf(&own)),
            (What::Cpe(asked) | What::Name(asked), None) => same_words(asked, written),
        }
    }

    /// Whether what listens at a port is it: by the product that a scanner recognised, or by its CPE.
    pub(super) fn is_service(&self, product: Option<&str>, named: Option<&str>) -> bool {
        let product = product.unwrap_or_default();
        let named = named.and_then(cpe).map(|(named, _)| named);
        let is_named = |asked: &str| named.as_deref().is_some_and(|named| same_words(asked, named));
        match &self.what {
            What::Purl { kind, name } => {
                SYSTEM_PACKAGES.contains(&kind.as_str())
                    && (has_words(product, leaf(name)) || is_named(leaf(name)))
            }
            // A CPE says more than the words of a banner.
            What::Cpe(asked) if named.is_some() => is_named(asked),
            What::Cpe(asked) | What::Name(asked) => has_words(product, asked) || is_named(asked),
        }
    }

    /// Whether a version is the one asked for. Not known counts as it; a distribution's revision behind
    /// the version (`9.2p1 Debian 2`) does not make it another.
    pub(super) fn is_version(&self, known: Option<&str>) -> bool {
        let (Some(asked), Some(known)) = (&self.version, known.filter(|known| !known.is_empty())) else {
            return true;
        };
        known
            .strip_prefix(asked.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '-', '+', '~', '_']))
    }
}

/// Type, name with namespace, and version of a purl, in lower case and decoded.
fn purl(text: &str) -> Option<(String, String, Option<String>)> {
    let rest = text.get(..4).filter(|head| head.eq_ignore_ascii_case("pkg:")).map(|_| &text[4..])?;
    let rest = rest.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default();
    let (kind, name) = rest.split_once('/')?;
    // The version is behind the last `@` of the last piece; a scope's own begins its piece.
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    let (name, version) = match name[start..].rfind('@').filter(|at| *at > 0) {
        Some(at) => (&name[..start + at], Some(decode(&name[start + at + 1..]))),
        None => (name, None),
    };
    let kind = kind.to_lowercase();
    let mut name = decode(name).to_lowercase();
    if kind == "pypi" {
        name = name.replace(['_', '.'], "-");
    }
    let is_named = name.chars().any(char::is_alphanumeric);
    is_named.then(|| (kind, name, version.filter(|version| !version.is_empty())))
}

/// Product and version of a CPE, `cpe:/a:…` or `cpe:2.3:a:…`.
fn cpe(text: &str) -> Option<(String, Option<String>)> {
    let text = text.to_lowercase();
    let rest = text.strip_prefix("cpe:2.3:").or_else(|| text.strip_prefix("cpe:/"))?;
    let mut fields = rest.split(':').skip(2);
    let product = fields.next()?.replace('\\', "");
    let version = fields.next().filter(|version| !["", "*", "-"].contains(version));
    product.chars().any(char::is_alphanumeric).then(|| (product, version.map(str::to_owned)))
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last piece of a name with a namespace.
fn leaf(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn same_words(one: &str, other: &str) -> bool {
    let one = words(one);
    !one.is_empty() && one == words(other)
}

/// Whether the asked words stand side by side in a text (`redis` in `Redis key-value store`).
fn has_words(text: &str, asked: &str) -> bool {
    let asked = words(asked);
    !asked.is_empty() && words(text).windows(asked.len()).any(|window| window == asked.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Component {
        Component::parse(text).unwrap()
    }

    #[test]
    fn purls_are_the_same_package_whatever_their_spelling() {
        for asked in
            ["pkg:npm/@brambleford/portal", "pkg:npm/%40brambleford/portal@2.4.1", "@brambleford/portal"]
        {
            assert!(of(asked).is_part("pkg:npm/%40brambleford/portal"), "{asked}");
            assert!(!of(asked).is_part("pkg:npm/portal"), "{asked}");
        }
        assert!(of("pkg:pypi/Ruamel_Yaml?x=y").is_part("pkg:pypi/ruamel-yaml"));
        assert!(!of("pkg:npm/requests").is_part("pkg:pypi/requests"));
        assert_eq!(of("pkg:npm/@a/b@1.0"), of("pkg:npm/%40a/b@1.0"));
        assert_eq!(Component::parse("pkg:npm/"), None);
        assert_eq!(Component::parse(" @ "), None);
    }

    #[test]
    fn names_find_packages_products_and_cpes() {
        let jquery = of("jquery");
        assert!(jquery.is_part("JQuery") && jquery.is_part("pkg:npm/jquery"));
        assert!(!jquery.is_part("pkg:npm/jquery-ui"));
        let nginx = of("nginx");
        assert!(nginx.is_service(Some("nginx"), None));
        assert!(nginx.is_service(None, Some("cpe:/a:igor_sysoev:nginx:1.22.1")));
        assert!(nginx.is_part("cpe:2.3:a:f5:nginx:1.22.1:*:*:*:*:*:*:*"));
        assert!(of("openssh").is_service(Some("OpenSSH_9.2p1"), None));
        assert!(of("redis").is_service(Some("Redis key-value store"), None));
        assert!(!of("ssh").is_service(Some("OpenSSH"), Some("cpe:/a:openbsd:openssh:9.2p1")));
    }

    #[test]
    fn a_package_of_the_system_is_met_as_a_service_and_a_library_is_not() {
        assert!(of("pkg:deb/debian/nginx@1.22.1").is_service(Some("nginx"), None));
        assert!(!of("pkg:npm/nginx").is_service(Some("nginx"), None));
        assert!(
            of("cpe:2.3:a:f5:nginx:*:*:*:*:*:*:*:*")
                .is_service(None, Some("cpe:/a:igor_sysoev:nginx:1.22.1"))
        );
        assert!(
            !of("cpe:/a:f5:nginx_plus").is_service(Some("nginx"), Some("cpe:/a:igor_sysoev:nginx:1.22.1"))
        );
    }

    #[test]
    fn an_unknown_version_may_be_the_one() {
        let asked = of("openssh@9.2p1");
        assert!(asked.is_version(None) && asked.is_version(Some("")));
        assert!(asked.is_version(Some("9.2p1")) && asked.is_version(Some("9.2p1 Debian 2+deb12u10")));
        assert!(!asked.is_version(Some("9.2p10")) && !asked.is_version(Some("9.3")));
        assert!(of("openssh").is_version(Some("9.3")));
    }

    #[test]
    fn broken_encodings_are_taken_as_written() {
        assert_eq!(decode("%40a%zz%4"), "@a%zz%4");
        assert_eq!(decode("%é"), "%é");
    }
}
