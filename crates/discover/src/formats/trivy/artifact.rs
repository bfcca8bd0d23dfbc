//! What Trivy scanned: an image, a repository, a machine, a bill of materials, a Kubernetes object.

use std::sync::Arc;

use bartizan_model::{AssetKind, Attributes, Identifier, Scheme, Subject};

use super::schema::Metadata;
use crate::image::{self, Image};
use crate::{Context, Header};

/// The names under which a report presents what it scanned.
#[derive(Default)]
pub(super) struct Artifact {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) metadata: Metadata,
}

impl Artifact {
    pub(super) fn subject(&self, context: &Context, header: &mut Header) -> Arc<Subject> {
        let own = match self.kind.as_str() {
            // Schema version 1 has no kind, and its one subcommand in use was `image`.
            "container_image" | "" => self.image(),
            "repository" | "filesystem" => self.repository(),
            // `ami:ami-0abc`, `ebs:snap-0abc`, or the file of a disk.
            "vm" => self
                .name
                .split_once(':')
                .map(|(_, id)| Subject::new(AssetKind::Artifact, [Identifier::new(Scheme::CloudId, id)])),
            _ => None,
        };
        if let Some(subject) = own {
            return Arc::new(subject);
        }
        if let Some(asset) = &context.asset {
            return Arc::clone(asset);
        }
        let kind = match self.kind.as_str() {
            "repository" | "filesystem" => AssetKind::Repository,
            _ => AssetKind::Artifact,
        };
        // `.` and the folder of a build machine say nothing to anybody else.
        let is_telling = self.name.contains(char::is_alphanumeric) && !is_passing_folder(&self.name);
        if is_telling {
            return Arc::new(Subject::new(kind, [Identifier::new(Scheme::Target, &self.name)]));
        }
        crate::target::named(context, header, kind)
    }

    fn image(&self) -> Option<Subject> {
        let mut tags = self.metadata.repo_tags.clone().unwrap_or_default();
        if image::is_reference(&self.name) && !image::is_digest(&self.name) && !tags.contains(&self.name) {
            tags.push(self.name.clone());
        }
        image::subject(&Image {
            repository_digests: self.metadata.repo_digests.as_deref().unwrap_or_default(),
            tags: &tags,
            id: self.metadata.image_id.as_deref().unwrap_or_default(),
        })
    }

    fn repository(&self) -> Option<Subject> {
        let url = self.metadata.repo_url.as_deref().filter(|url| !url.is_empty()).or_else(|| {
            let has_host =
                self.name.split('/').next().is_some_and(|host| host.contains('.') && host.len() > 2);
            let is_url = self.name.contains("://") || (self.kind == "repository" && has_host);
            is_url.then_some(self.name.as_str())
        })?;
        Some(Subject::new(AssetKind::Repository, [Identifier::new(Scheme::RepositoryUrl, url)]))
    }

    pub(super) fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        let metadata = &self.metadata;
        let lineage = match self.kind.as_str() {
            "container_image" | "" => image::lineage(
                metadata.repo_tags.iter().flatten().find(|tag| !tag.is_empty()).unwrap_or(&self.name),
            )
            .filter(|name| image::is_reference(name) && !name.starts_with("sha256")),
            _ => None,
        };
        let config = metadata.image_config.as_ref();
        let texts = [
            ("lineage", lineage),
            ("os", metadata.os.as_ref().and_then(|os| os.family.as_deref())),
            ("os_version", metadata.os.as_ref().and_then(|os| os.name.as_deref())),
            ("image_id", metadata.image_id.as_deref()),
            ("architecture", config.and_then(|config| config.architecture.as_deref())),
            // A Go program's zero time means that nobody set it.
            (
                "created",
                config.and_then(|config| config.created.as_deref()).filter(|at| !at.starts_with("0001")),
            ),
            ("branch", metadata.branch.as_deref()),
            ("commit", metadata.commit.as_deref()),
            ("trivy.type", Some(self.kind.as_str())),
        ];
        for (key, value) in texts {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                attributes.insert(key.to_owned(), value.into());
            }
        }
        if metadata.os.as_ref().is_some_and(|os| os.end_of_life) {
            attributes.insert("os_end_of_life".to_owned(), true.into());
        }
        if let Some(size) = metadata.size {
            attributes.insert("size".to_owned(), size.into());
        }
        attributes
    }
}

fn is_passing_folder(name: &str) -> bool {
    ["/tmp/", "/home/runner/", "/builds/", "/github/workspace", "/workspace", "/src", "/app", "/scan"]
        .iter()
        .any(|folder| {
            name == folder.trim_end_matches('/') || (folder.ends_with('/') && name.starts_with(folder))
        })
}

/// The image that a Kubernetes result is about: its target is `registry/name:tag (debian 10.4)`, and
/// newer versions give the metadata of each image of the object.
pub(super) fn image_of_target(target: &str, metadata: &[Metadata]) -> Option<Subject> {
    let name = target.split_once(" (").map_or(target, |(name, _)| name);
    let names_target = |entry: &&Metadata| {
        let mut names = entry.repo_tags.iter().chain(&entry.repo_digests).flatten();
        names.any(|known| image::reference(known) == image::reference(name))
    };
    let has_image = |entry: &&Metadata| entry.image_id.as_deref().is_some_and(|id| !id.is_empty());
    let mut with_image = metadata.iter().filter(has_image);
    let entry = metadata.iter().find(names_target).or_else(|| {
        let only = with_image.next();
        only.filter(|_| with_image.next().is_none())
    });
    let is_named = target.contains(" (") && image::is_reference(name);
    let mut tags: Vec<String> = entry.and_then(|entry| entry.repo_tags.clone()).unwrap_or_default();
    if is_named
        && !name.contains('@')
        && !tags.iter().any(|tag| image::reference(tag) == image::reference(name))
    {
        tags.push(name.to_owned());
    }
    let digests: Vec<String> = match entry.and_then(|entry| entry.repo_digests.clone()) {
        Some(digests) => digests,
        None if is_named && name.contains('@') => vec![name.to_owned()],
        None => Vec::new(),
    };
    image::subject(&Image {
        repository_digests: &digests,
        tags: &tags,
        id: entry.and_then(|entry| entry.image_id.as_deref()).unwrap_or_default(),
    })
}
