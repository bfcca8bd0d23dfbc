//! Discover: reports into the store, one transaction each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bartizan_discover::formats::{self, Format};
use bartizan_discover::{Context, Outcome, Problem, Record, Sink};
use bartizan_graph::rules::Catalogue;
use bartizan_intake::{Document, Limits};
use bartizan_model::{
    AssetKind, Digest, Digester, Identifier, Observation, Place, Scheme, Subject, Timestamp, WeaknessKey,
};
use bartizan_scope::Scope;
use bartizan_store::{Import, ReportRow, Store, Tally};
use serde::Serialize;
use utoipa::ToSchema;

use crate::tallying::{Counts, IgnoredReason};
use crate::{Error, Result};

/// How a file is to be read, where that is not told by the file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The name of a format, instead of recognising it.
    pub format: Option<String>,
    pub context: Context,
    pub limits: Limits,
    /// Work everything out and keep nothing.
    pub dry_run: bool,
}

/// What a person says of a file; it goes before what the scope's sources say.
#[derive(Clone, Debug, Default)]
pub struct Stated<'s> {
    /// The name of a format.
    pub format: Option<&'s str>,
    /// What the report is about, as [`subject`] reads it.
    pub asset: Option<&'s str>,
    /// The text of a mapping, for the format `generic`.
    pub mapping: Option<String>,
}

impl Options {
    /// How to read the file of this name: as it is stated, else as the scope's sources say.
    pub fn of(name: &str, stated: Stated<'_>, scope: Option<&Scope>, limits: Limits) -> Result<Self> {
        let source = scope.and_then(|scope| scope.source_of(name));
        let asset = match stated.asset {
            Some(text) => Some(subject(text)?),
            None => source.and_then(|source| source.asset.clone()),
        };
        let mapping = match (stated.mapping, source.and_then(|source| source.mapping.as_ref())) {
            (Some(text), _) => Some(text),
            (None, Some(file)) => Some(
                std::fs::read_to_string(file)
                    .map_err(|error| Error::Mapping { file: file.clone(), error })?,
            ),
            (None, None) => None,
        };
        let context = Context {
            name: stem(name).to_owned(),
            asset: asset.map(Arc::new),
            zone: source.and_then(|source| source.zone.clone()),
            viewpoint: source.and_then(|source| source.viewpoint.clone()),
            mapping,
        };
        let format =
            stated.format.map(str::to_owned).or_else(|| source.and_then(|source| source.format.clone()));
        Ok(Self { format, context, limits, dry_run: false })
    }
}

/// A file's name without folder and extensions.
fn stem(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or(name);
    let base = base.trim_end_matches(".gz").trim_end_matches(".zst");
    match base.split_once('.') {
        _ if base == "-" => "standard-input",
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => base,
    }
}

/// What became of one file.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Imported {
    pub file: String,
    pub format: Option<&'static str>,
    pub title: Option<&'static str>,
    pub tool: Option<String>,
    pub scanned_at: Option<Timestamp>,
    #[serde(flatten)]
    pub tally: Tally,
    /// True when the same bytes were imported before: nothing was written.
    pub known: bool,
    pub ignored_reasons: Vec<IgnoredReason>,
    pub problems: Vec<Problem>,
    pub error: Option<String>,
}

impl Imported {
    pub fn is_refused(&self) -> bool {
        self.error.is_some()
    }
}

/// Imports one file. A file that cannot be read changes nothing and comes back with `error`; an `Err`
/// means that the store itself failed.
pub fn import(store: &mut Store, path: &Path, options: &Options, now: Timestamp) -> Result<Imported> {
    let name = path.to_string_lossy();
    import_document(store, &name, Document::open(path, options.limits), options, now)
}

/// The same for a document that does not lie in a file of its own; `name` stands for the file.
pub fn import_document(
    store: &mut Store,
    name: &str,
    document: bartizan_intake::Result<Document>,
    options: &Options,
    now: Timestamp,
) -> Result<Imported> {
    let mut imported = Imported { file: name.to_owned(), ..Imported::default() };
    match fill(&mut imported, store, document, options, now) {
        Ok(()) => Ok(imported),
        Err(Error::Discover(bartizan_discover::Error::Sink(error))) => {
            match error.downcast::<bartizan_store::Error>() {
                Ok(error) => Err(Error::Store(*error)),
                Err(error) => Err(Error::Discover(bartizan_discover::Error::Sink(error))),
            }
        }
        Err(error @ (Error::Discover(_) | Error::Intake(_))) => {
            imported.error = Some(error.to_string());
            Ok(imported)
        }
        Err(error) => Err(error),
    }
}

fn fill(
    imported: &mut Imported,
    store: &mut Store,
    document: bartizan_intake::Result<Document>,
    options: &Options,
    now: Timestamp,
) -> Result<()> {
    let mut document = document?;
    let format: &'static Format = match &options.format {
        Some(name) => formats::by_name(name)?,
        None => formats::recognise(&document)?,
    };
    imported.format = Some(format.name);
    imported.title = Some(format.title);
    let modified = document.modified();
    let progress = document.progress();

    let catalogue = Catalogue::embedded()?;
    let agree = |key: &WeaknessKey, place: &Place| catalogue.canonical(key, place);
    let mut staging = Staging { import: store.import(&agree)?, counts: Counts::default() };
    let header = formats::read(&mut document, format, &options.context, &mut staging)?;
    let Staging { import, counts } = staging;
    imported.tool = Some(header.tool.clone());
    imported.ignored_reasons = counts.reasons();
    imported.problems.clone_from(&counts.problems);
    imported.problems.extend(header.problems);

    let digest = identity(progress.digest(), &options.context);
    if let Some(known) = import.imported(digest)? {
        imported.tally = unchanged(known);
        imported.known = true;
        return Ok(());
    }
    let report = ReportRow {
        digest,
        file: imported.file.clone(),
        format: format.name.to_owned(),
        tool: header.tool,
        tool_version: header.tool_version,
        // A report that does not say when it was made was made, at the latest, when its file was.
        scanned_at: header.scanned_at.or(modified).unwrap_or(now),
        imported_at: now,
    };
    imported.scanned_at = Some(report.scanned_at);
    let counted = Tally {
        records: counts.records,
        occurrences: counts.occurrences,
        ignored: counts.ignored,
        rejected: counts.rejected,
        ..Tally::default()
    };
    let (tally, _) = import.finish(&report, counted, &crate::identity::decide, !options.dry_run)?;
    let fates = tally.new + tally.unchanged + tally.updated + tally.reopened + tally.ignored + tally.rejected;
    if fates != tally.records {
        return Err(Error::Uncounted { file: imported.file.clone(), records: tally.records, fates });
    }
    imported.tally = tally;
    Ok(())
}

/// What makes a report the one that was imported before: its bytes, and what it is told from outside.
/// The answer that no public access is blocked reads the same for two buckets, which only the names of
/// the files tell apart.
fn identity(bytes: Digest, context: &Context) -> Digest {
    let Context { name, asset, zone, viewpoint, mapping } = context;
    let asset = asset.as_ref().map(|asset| asset.digest().to_string());
    let mut digester = Digester::new("report").field(bytes.as_bytes()).field(name);
    for told in [&asset, zone, viewpoint, mapping] {
        digester = digester.field(told.as_deref().unwrap_or_default());
    }
    digester.finish()
}

/// The tally of a report that is imported again: every record that counted is unchanged now.
fn unchanged(known: Tally) -> Tally {
    Tally {
        records: known.records,
        occurrences: known.occurrences,
        unchanged: known.records - known.ignored - known.rejected,
        ignored: known.ignored,
        rejected: known.rejected,
        exposures_shared: known.exposures_shared,
        ..Tally::default()
    }
}

/// Hands records to the store as they stream by.
struct Staging<'s> {
    import: Import<'s>,
    counts: Counts,
}

impl Staging<'_> {
    fn stage(
        &mut self,
        record: u64,
        at: &str,
        observations: &[Observation],
    ) -> bartizan_discover::Result<()> {
        for observation in observations {
            self.import
                .stage(record, at, observation)
                .map_err(|error| bartizan_discover::Error::Sink(Box::new(error)))?;
        }
        Ok(())
    }
}

/// What belongs to no record that counts as observed.
const NO_RECORD: u64 = 0;

impl Sink for Staging<'_> {
    fn record(&mut self, record: Record) -> bartizan_discover::Result<()> {
        self.counts.count(&record);
        match &record.outcome {
            Outcome::Observed(observations) => self.stage(self.counts.records, &record.at, observations),
            Outcome::Ignored { observations, .. } => self.stage(NO_RECORD, &record.at, observations),
            Outcome::Rejected { .. } => Ok(()),
        }
    }

    fn remark(&mut self, observation: Observation) -> bartizan_discover::Result<()> {
        self.stage(NO_RECORD, "the document", std::slice::from_ref(&observation))
    }
}

/// The files to import: files as given, folders walked, in a fixed order, hidden files left out.
pub fn files(paths: &[PathBuf]) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut folders = vec![path.clone()];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with('.') {
                    continue;
                }
                // Links are not followed: a folder may hold a link to itself.
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// What a person means by an asset: `SCHEME:VALUE`, or a repository's URL, or the name of a host.
pub fn subject(text: &str) -> Result<Subject> {
    let (kind, identifier) = match Identifier::parse(text) {
        Some(identifier) => (kind_of(identifier.scheme()), identifier),
        None if text.contains("://") || text.starts_with("git@") => {
            (AssetKind::Repository, Identifier::new(Scheme::RepositoryUrl, text))
        }
        None if text.starts_with("arn:") => (AssetKind::CloudResource, Identifier::new(Scheme::AwsArn, text)),
        None if text.parse::<std::net::IpAddr>().is_ok() => {
            (AssetKind::Host, Identifier::new(Scheme::Ip, text))
        }
        None if text.contains('.') && !text.contains('/') => {
            (AssetKind::Host, Identifier::new(Scheme::Fqdn, text))
        }
        None if !text.trim().is_empty() => (AssetKind::Repository, Identifier::new(Scheme::Target, text)),
        None => return Err(Error::NoAsset),
    };
    Ok(Subject::new(kind, [identifier]))
}

fn kind_of(scheme: Scheme) -> AssetKind {
    match scheme {
        Scheme::RepositoryUrl | Scheme::Target => AssetKind::Repository,
        Scheme::ImageRepository | Scheme::ImageDigest | Scheme::ImageReference | Scheme::Purl => {
            AssetKind::Artifact
        }
        Scheme::AwsArn | Scheme::CloudId => AssetKind::CloudResource,
        Scheme::CloudAccount => AssetKind::CloudAccount,
        Scheme::ObjectId | Scheme::DomainName | Scheme::Email => AssetKind::Account,
        Scheme::KubernetesUid | Scheme::KubernetesPath => AssetKind::Workload,
        Scheme::AccessKeyId | Scheme::SecretFingerprint => AssetKind::Credential,
        Scheme::CertificateFingerprint => AssetKind::Certificate,
        Scheme::Name => AssetKind::NetworkZone,
        _ => AssetKind::Host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stem_is_what_a_person_calls_the_file() {
        for (name, expected) in [
            ("reports/shop-api.json.gz", "shop-api"),
            ("shop.2026-11-01.xml", "shop"),
            ("a/.hidden.json", ".hidden.json"),
            ("-", "standard-input"),
            ("plain", "plain"),
        ] {
            assert_eq!(stem(name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_stated_goes_before_what_the_scope_says() {
        let text = "version: 1\nsources:\n  - files: reports/*.json\n    format: trivy\n    asset: fqdn:one.example\n";
        let Ok(scope) = Scope::load("bartizan.yaml", &|_| Ok(text.to_owned())) else { panic!("a scope") };
        let of = |stated| Options::of("reports/a.json", stated, Some(&scope), Limits::default()).unwrap();
        let by_scope = of(Stated::default());
        assert_eq!(by_scope.format.as_deref(), Some("trivy"));
        let stated = of(Stated { format: Some("grype"), asset: Some("two.example"), mapping: None });
        assert_eq!(stated.format.as_deref(), Some("grype"));
        let name = |options: &Options| options.context.asset.as_ref().map(|asset| asset.digest());
        assert!(name(&by_scope).is_some() && name(&by_scope) != name(&stated));
    }
}
