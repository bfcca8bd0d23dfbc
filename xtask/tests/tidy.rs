//! `cargo test` alone tells the truth: the rules of the repository and of `deny.toml` are tests.

use xtask::{licences, metadata, root, tidy};

#[test]
fn the_repository_is_tidy() {
    let complaints = tidy::complaints(&root(), &metadata::read(&root()).unwrap()).unwrap();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn dependencies_are_as_deny_toml_says() {
    let complaints = licences::complaints(&root(), &metadata::read(&root()).unwrap()).unwrap();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
