//! Package URLs as parts of assets: without version, qualifiers and subpath, spelled in one way.

/// `pkg:deb/debian/openssl@1.1?arch=amd64` → `pkg:deb/debian/openssl`. `None` when it is no purl.
///
/// The type is in lower case, and a scope's `@` is percent-encoded, as the specification asks:
/// <https://github.com/package-url/purl-spec>.
pub(crate) fn without_version(purl: &str) -> Option<String> {
    let rest = purl.trim().strip_prefix("pkg:")?.trim_start_matches('/');
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (kind, path) = rest.split_once('/')?;
    let name_start = path.rfind('/').map_or(0, |at| at + 1);
    // A version may follow the name; an `@` that begins the name is a scope that was not encoded.
    let end = path[name_start..].rfind('@').filter(|at| *at > 0).map_or(path.len(), |at| name_start + at);
    let path = path[..end].trim_end_matches('/');
    if path.is_empty() {
        return None;
    }
    Some(format!("pkg:{}/{}", kind.to_ascii_lowercase(), spell(&kind.to_ascii_lowercase(), path)))
}

/// The purl of a package that a report names by ecosystem and name, where the ecosystem has one.
/// `ecosystem` is what scanners call it: a purl type, a language or a package manager.
pub(crate) fn of(ecosystem: &str, name: &str) -> Option<String> {
    let kind = match ecosystem.to_ascii_lowercase().as_str() {
        "npm" | "javascript" | "node" | "nodejs" | "node-pkg" | "yarn" | "pnpm" | "bun" => "npm",
        "pypi" | "python" | "python-pkg" | "pip" | "pipenv" | "poetry" | "uv" | "pylock" => "pypi",
        "maven" | "java" | "java-archive" | "jar" | "pom" | "gradle" | "gradle-lockfile" | "sbt" => "maven",
        "golang" | "go" | "gomod" | "gobinary" | "go-module" => "golang",
        "gem" | "ruby" | "rubygems" | "bundler" | "gemspec" => "gem",
        "composer" | "php" | "packagist" | "composer-vendor" => "composer",
        "nuget" | "dotnet" | "dotnet-core" | "packages-config" | "packages-props" => "nuget",
        "cargo" | "rust" | "rustbinary" | "rust-crate" | "crates.io" => "cargo",
        "conan" => "conan",
        "cocoapods" | "pod" => "cocoapods",
        "swift" => "swift",
        "pub" | "dart" | "dart-pub" => "pub",
        "hex" | "mix" | "mix-lock" | "elixir" | "erlang" => "hex",
        "conda" | "conda-pkg" | "conda-environment" => "conda",
        _ => return None,
    };
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    let path = if kind == "maven" { name.replace(':', "/") } else { name.to_owned() };
    Some(format!("pkg:{kind}/{}", spell(kind, &path)))
}

/// The purl of a package of a distribution (`debian`, `alpine`, `redhat`…).
pub(crate) fn of_distribution(distribution: &str, name: &str) -> Option<String> {
    let distribution = distribution.to_ascii_lowercase();
    let (kind, namespace) = match distribution.as_str() {
        "debian" | "ubuntu" => ("deb", distribution.as_str()),
        "alpine" | "wolfi" | "chainguard" => ("apk", distribution.as_str()),
        "redhat" | "centos" | "rocky" | "fedora" | "oracle" | "photon" | "cbl-mariner" | "azurelinux" => {
            ("rpm", distribution.as_str())
        }
        "alma" | "almalinux" => ("rpm", "alma"),
        "amazon" | "amazonlinux" => ("rpm", "amazon"),
        "opensuse" | "opensuse-leap" | "opensuse.leap" | "opensuse-tumbleweed" => ("rpm", "opensuse"),
        "suse" | "sles" | "suse linux enterprise server" => ("rpm", "suse"),
        _ => return None,
    };
    (!name.is_empty() && !name.contains(char::is_whitespace))
        .then(|| format!("pkg:{kind}/{namespace}/{}", spell(kind, name)))
}

/// Names that a type compares without case are in lower case; a scope's `@` is encoded.
fn spell(kind: &str, path: &str) -> String {
    let path = match path.strip_prefix('@') {
        Some(scoped) => format!("%40{scoped}"),
        None => path.to_owned(),
    };
    match kind {
        "pypi" => path.to_ascii_lowercase().replace('_', "-"),
        "deb" | "apk" | "rpm" | "composer" | "github" | "bitbucket" | "npm" | "hex" => {
            path.to_ascii_lowercase()
        }
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_qualifiers_go() {
        for (purl, expected) in [
            (
                "pkg:deb/debian/openssl@1.1.1n-0%2Bdeb11u3?arch=amd64&distro=debian-11",
                "pkg:deb/debian/openssl",
            ),
            ("pkg:npm/%40babel/core@7.0.0", "pkg:npm/%40babel/core"),
            ("pkg:npm/@babel/core@7.0.0", "pkg:npm/%40babel/core"),
            ("pkg:npm/@babel/core", "pkg:npm/%40babel/core"),
            ("pkg:golang/github.com/gorilla/mux@v1.7#sub", "pkg:golang/github.com/gorilla/mux"),
            ("pkg:PyPI/Flask_Login@1", "pkg:pypi/flask-login"),
            ("pkg:maven/org.apache/log4j@2?type=jar", "pkg:maven/org.apache/log4j"),
        ] {
            assert_eq!(without_version(purl).as_deref(), Some(expected), "{purl}");
        }
        assert_eq!(without_version("openssl"), None);
    }

    #[test]
    fn names_become_purls() {
        assert_eq!(of("node-pkg", "@babel/core").as_deref(), Some("pkg:npm/%40babel/core"));
        assert_eq!(of("jar", "org.apache:log4j").as_deref(), Some("pkg:maven/org.apache/log4j"));
        assert_eq!(of("alpine", "musl"), None);
        assert_eq!(of_distribution("alpine", "musl").as_deref(), Some("pkg:apk/alpine/musl"));
    }
}
