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
    /// A promise of the program to itself is broken; nothing was kept.
    #[error(
        "count in is not count out in {file}: {records} records read, {fates} accounted for; nothing was changed; please report this"
    )]
    Uncounted { file: String, records: u64, fates: u64 },
}
