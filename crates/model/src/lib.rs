//! The words of Bartizan as types: assets and how they are identified, relations, weaknesses,
//! exposures and what reports say about them.
//!
//! Every other crate speaks in these types. Nothing here opens a file, reads a clock or knows SQL,
//! HTTP or a report format.
//!
//! ```
//! use bartizan_model::{AssetKind, Identifier, Scheme, Subject};
//!
//! let subject = Subject::new(AssetKind::Host, [Identifier::new(Scheme::Fqdn, "Shop.Example.COM.")]);
//! assert_eq!(subject.identifiers()[0].value(), "shop.example.com");
//! ```

mod asset;
pub mod check;
mod digest;
mod entry;
pub mod estate;
mod exposure;
mod identifier;
mod mask;
mod observation;
mod place;
mod relation;
mod severity;
mod text;
mod weakness;

pub use asset::{AssetKind, Subject};
pub use digest::{Digest, Digester};
pub use entry::EntryKind;
pub use exposure::{EventKind, State};
pub use identifier::{Identifier, Scheme, Strength};
pub use mask::{mask_secret, secret_fingerprint};
pub use observation::{
    AssetObservation, Attributes, Checks, ComponentObservation, Coverage, Finding, FixHint, FixKind,
    Observation, Part, Places, RelationObservation, ServiceObservation, Status,
};
pub use place::Place;
pub use relation::RelationKind;
pub use severity::Severity;
pub use text::excerpt;
pub use weakness::{Weakness, WeaknessKey};

/// A point in time, UTC. Printed as RFC 3339.
pub type Timestamp = jiff::Timestamp;
