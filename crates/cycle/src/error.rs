//! What can stop a phase of the cycle.

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Discover(#[from] bartizan_discover::Error),
    #[error(transparent)]
    Intake(#[from] bartizan_intake::Error),
    #[error(transparent)]
    Store(#[from] bartizan_store::Error),
    #[error(transparent)]
    Intel(#[from] bartizan_intel::Error),
    #[error("is no intelligence feed that Bartizan reads (KEV, EPSS, CVE, NVD, OSV, lists of exploits)")]
    UnknownFeed,
    #[error(transparent)]
    Graph(#[from] bartizan_graph::Error),
    #[error("the tier rules are faulty: {0}")]
    Tiers(#[from] bartizan_prioritize::Error),
    #[error("the deadline table is faulty: {0}")]
    Deadlines(String),
    #[error("stored {what} cannot be read: {error}")]
    Stored { what: &'static str, error: serde_json::Error },
    #[error(
        "the ranking was kept by another version of Bartizan (format {found}, this one makes {known}) and cannot be made again by this one"
    )]
    OldRanking { found: u32, known: u32 },
    #[error("the scope names no crown jewel {name:?}; it names {known}")]
    NoJewel { name: String, known: String },
    #[error(
        "{name:?} is no crown jewel, no entry and no asset that an attack could pass; the scope names {known}"
    )]
    NoStation { name: String, known: String },
    #[error(
        "no asset with a name that identifies it is called {0:?}; give SCHEME:VALUE, as `scope show --format json` prints them"
    )]
    NoAssetNamed(String),
    #[error("several assets are called {0:?}; give the id of one, or SCHEME:VALUE")]
    AmbiguousAsset(String),
    #[error("there is no ranking number {0}; `bartizan replay` without a number names those that are kept")]
    NoRanking(i64),
    #[error("there is no rank {rank}; the ranking has {exposures} exposures (bartizan top)")]
    NoRank { rank: usize, exposures: usize },
    #[error("{0:?} is the beginning of several ids; give more of it")]
    AmbiguousExposure(String),
    #[error("there is no live exposure {0:?} in scope; bartizan top lists them by rank and id")]
    NoExposure(String),
    #[error("the mapping {file} that the scope names cannot be read: {error}")]
    Mapping { file: String, error: std::io::Error },
    #[error("the asset is empty; give SCHEME:VALUE, a repository's URL or a host name")]
    NoAsset,
    /// A promise of the program to itself is broken; nothing was kept.
    #[error(
        "count in is not count out in {file}: {records} records read, {fates} accounted for; nothing was changed; please report this"
    )]
    Uncounted { file: String, records: u64, fates: u64 },
}
