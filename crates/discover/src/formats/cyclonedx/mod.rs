//! CycloneDX 1.2 to 1.7, JSON and XML: bills of materials, with vulnerabilities and VEX.
//!
//! What the bill is of (`metadata.component`) is the asset; its components and services are parts of
//! it, one record each, nested ones too. A vulnerability is one record with an occurrence for each
//! component that it affects; its analysis (VEX) becomes the status.
//!
//! Coverage: a bill proves nothing about vulnerabilities unless a scanner made it and found some:
//! tools write an empty list when they did not look.

mod bill;
pub(super) mod json;
mod schema;
mod vulnerability;
pub(super) mod xml;

use super::{Confidence, Format, Kind};
