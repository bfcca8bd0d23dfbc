//! Container images as scanners name them: digest, references, lineage.

use bartizan_model::{AssetKind, Identifier, Scheme, Subject};

/// What a report says of an image.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Image<'a> {
    /// `registry/name@sha256:…` or the digest alone: of the manifest in a registry.
    pub(crate) repository_digests: &'a [String],
    /// `registry/name:tag`.
    pub(crate) tags: &'a [String],
    /// Digest of the image's configuration: what it is known by before it is pushed.
    pub(crate) id: &'a str,
}

/// The image as an asset; `None` when nothing names it.
///
/// Builds and tags replace each other, so the asset is the image repository, their lineage, as far as
/// one is named. One build has a manifest digest and a configuration digest. The first is what
/// registries and clusters call it, so it is taken where the report has it, and never both: they would
/// look like two builds.
pub(crate) fn subject(image: &Image<'_>) -> Option<Subject> {
    let digest = image
        .repository_digests
        .iter()
        .filter_map(|text| text.rfind("sha256:").map(|at| &text[at..]))
        .find(|digest| is_digest(digest))
        .or_else(|| is_digest(image.id).then_some(image.id));
    let mut names = image.repository_digests.iter().filter(|text| text.contains('@')).chain(image.tags);
    let repository = names.find_map(|name| lineage(name));
    let mut identifiers: Vec<Identifier> =
        repository.into_iter().map(|name| Identifier::new(Scheme::ImageRepository, name)).collect();
    identifiers.extend(digest.map(|digest| Identifier::new(Scheme::ImageDigest, digest)));
    let tags = image.tags.iter().map(|tag| reference(tag)).filter(|tag| !tag.is_empty());
    identifiers.extend(tags.map(|tag| Identifier::new(Scheme::ImageReference, tag)));
    (!identifiers.is_empty()).then(|| Subject::new(AssetKind::Artifact, identifiers))
}

/// `sha256:` and 64 hexadecimal digits.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A reference in its short spelling: `docker.io/library/redis:7` and `redis:7` are one.
pub(crate) fn reference(text: &str) -> &str {
    let text = text.trim();
    let text = text.split_once('@').map_or(text, |(name, _)| name);
    let text =
        text.strip_prefix("index.docker.io/").or_else(|| text.strip_prefix("docker.io/")).unwrap_or(text);
    text.strip_prefix("library/").unwrap_or(text)
}

/// The repository of a reference, without tag and digest: what stays when the image is built anew.
pub(crate) fn lineage(text: &str) -> Option<&str> {
    let text = reference(text);
    let name_start = text.rfind('/').map_or(0, |at| at + 1);
    let end = text[name_start..].find(':').map_or(text.len(), |at| name_start + at);
    Some(&text[..end]).filter(|name| !name.is_empty())
}

/// Whether a name that a person gave to a scanner is a reference rather than a file or a folder.
pub(crate) fn is_reference(text: &str) -> bool {
    let is_file = text.starts_with(['/', '.', '~'])
        || [".tar", ".tar.gz", ".tgz", ".json", ".xml", ".img", ".jar"].iter().any(|end| text.ends_with(end));
    !text.is_empty() && !is_file && !text.contains(char::is_whitespace) && !text.contains('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_one_spelling() {
        for text in ["redis:7", "docker.io/library/redis:7", "index.docker.io/library/redis:7"] {
            assert_eq!(reference(text), "redis:7");
            assert_eq!(lineage(text), Some("redis"));
        }
        assert_eq!(lineage("localhost:5000/shop/api@sha256:00"), Some("localhost:5000/shop/api"));
        assert_eq!(lineage("ghcr.io/shop/api:1.2"), Some("ghcr.io/shop/api"));
        assert!(is_reference("alpine") && !is_reference("./app") && !is_reference("image.tar"));
    }

    #[test]
    fn the_manifest_is_preferred() {
        let id = format!("sha256:{}", "a".repeat(64));
        let digests = [String::new(), format!("shop@sha256:{}", "b".repeat(64))];
        let image = Image { id: &id, repository_digests: &digests, tags: &[] };
        let named: Vec<String> =
            subject(&image).unwrap().identifiers().iter().map(ToString::to_string).collect();
        assert_eq!(named, ["image-repository:shop".to_owned(), format!("image-digest:{}", &digests[1][5..])]);
        let image = Image { id: &id, ..Image::default() };
        assert_eq!(subject(&image).unwrap().identifiers()[0].value(), id);
        assert!(subject(&Image::default()).is_none());
    }
}
