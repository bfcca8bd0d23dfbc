//! What a report is about, when the report itself does not say.

use std::sync::Arc;

use bartizan_model::{AssetKind, Identifier, Scheme, Subject};

use crate::{Context, Header};

/// The repository of a report that names none: the one that a person named, else one known by the
/// report's file name, which is said as a problem.
pub(crate) fn repository(context: &Context, header: &mut Header) -> Arc<Subject> {
    named(context, header, AssetKind::Repository)
}

/// The same for any kind of asset.
pub(crate) fn named(context: &Context, header: &mut Header, kind: AssetKind) -> Arc<Subject> {
    if let Some(asset) = &context.asset {
        return Arc::clone(asset);
    }
    header.problem(
        "the document",
        format!("the report does not say what was scanned; its {kind} is called {:?} after the file; --asset names it", context.name),
    );
    Arc::new(Subject::new(kind, [Identifier::new(Scheme::Target, &context.name)]))
}

/// A file of a repository, as a path inside it. Scanners print where they found it on the machine on
/// which they ran; another scan would run elsewhere.
///
/// What lies before the repository is told by the repository's own name, else by the folders in
/// which build systems check out. A path that neither explains stays as it is.
pub(crate) fn path_inside(repository: &Subject, path: &str) -> String {
    /// Of `*` stands for one folder: GitHub's and GitLab's runners, and what containers mount.
    const CHECKOUTS: [&str; 9] = [
        "/home/runner/work/*/*/",
        "/github/workspace/",
        "/builds/*/*/",
        "/workspace/",
        "/src/",
        "/scan/",
        "/app/",
        "/code/",
        "/repo/",
    ];
    let path = path.trim().trim_start_matches("file://").replace('\\', "/");
    let mut rest = path.as_str();
    while let Some(shorter) = rest.strip_prefix("./") {
        rest = shorter;
    }
    let is_absolute = rest.starts_with('/') || rest.as_bytes().get(1..3) == Some(b":/");
    if !is_absolute {
        return rest.to_owned();
    }
    if let Some(inside) = after(rest, CHECKOUTS[0]) {
        return inside.to_owned();
    }
    for identifier in repository.identifiers() {
        if !matches!(identifier.scheme(), Scheme::RepositoryUrl | Scheme::Target) {
            continue;
        }
        let name = identifier.value().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let folder = format!("/{name}/");
        if let Some(at) = rest.find(&folder).filter(|_| name.contains(char::is_alphanumeric)) {
            return rest[at + folder.len()..].to_owned();
        }
    }
    CHECKOUTS.iter().find_map(|checkout| after(rest, checkout)).unwrap_or(rest).to_owned()
}

fn after<'p>(path: &'p str, pattern: &str) -> Option<&'p str> {
    let mut rest = path.strip_prefix('/')?;
    for step in pattern.trim_matches('/').split('/') {
        let (folder, below) = rest.split_once('/')?;
        if step != "*" && step != folder {
            return None;
        }
        rest = below;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_what_lies_before_the_repository() {
        let url = Identifier::new(Scheme::RepositoryUrl, "https://git.example.com/freight/portal.git");
        let portal = Subject::new(AssetKind::Repository, [url]);
        for (path, expected) in [
            ("./package-lock.json", "package-lock.json"),
            ("/srv/repositories/portal/package-lock.json", "package-lock.json"),
            ("/srv/portal/web/portal/yarn.lock", "web/portal/yarn.lock"),
            ("/home/runner/work/portal/portal/yarn.lock", "yarn.lock"),
            ("/builds/freight/other/go.mod", "go.mod"),
            ("file:///src/go.mod", "go.mod"),
            ("C:\\work\\portal\\go.mod", "go.mod"),
            ("/elsewhere/go.mod", "/elsewhere/go.mod"),
        ] {
            assert_eq!(path_inside(&portal, path), expected, "{path}");
        }
    }
}
