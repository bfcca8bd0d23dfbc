//! Checks and chores of this repository. Nothing here is part of the product, and no crate depends on it.

pub mod bench_import;
pub mod formats;
pub mod licences;
pub mod metadata;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
