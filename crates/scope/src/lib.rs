//! Phase one, scope: what is protected, from whom, by whom, and what is allowed.
//!
//! [`Scope::load`] reads `bartizan.yaml` and its includes and names every mistake with its file,
//! line, column and field. [`Scope::classify`] says where an asset stands;
//! [`Scope::validation_allows`] says whether anything may be sent to it. The crate is pure: it opens
//! no file, reads no clock and knows no store; the same files give the same scope and digest.
//!
//! ```
//! use bartizan_model::{AssetKind, Attributes};
//! use bartizan_scope::{AssetView, Scope};
//!
//! let text = "crown_jewels:\n  - name: Customers\n    worth: 2.5M\n    selector: name.startsWith(\"customer\")\n";
//! let scope = Scope::load("bartizan.yaml", &|_| Ok(text.to_owned())).unwrap();
//! let attributes = Attributes::new();
//! let store = AssetView {
//!     kind: AssetKind::DataStore,
//!     name: "customer-exports",
//!     identifiers: &[],
//!     attributes: &attributes,
//!     owner: None,
//! };
//! assert_eq!(scope.classify(&store).crown_jewels, ["Customers"]);
//! ```

mod load;
mod mistake;
mod place;
mod scope;
mod section;
mod selector;
mod source;
mod spot;
mod target;
mod value;
mod view;
mod window;
mod yaml;
mod zone;

pub use bartizan_model::EntryKind;
pub use bartizan_model::check::Method;
pub use mistake::Mistake;
pub use place::{Ownership, Placement, Problem};
pub use scope::{
    Aspect, Boundary, CrownJewel, DEFAULT_FRESHNESS, DeadlineRule, Deadlines, Entry, Freshness,
    FreshnessRule, Harm, Owner, Scope, Service,
};
pub use selector::{Fault, Selector};
pub use source::{FileGlob, Source};
pub use target::TargetPattern;
pub use value::{Basis, Minute, Worth};
pub use view::AssetView;
pub use window::{Refusal, Weekly, Window};
pub use zone::{INTERNET, Reach, Zone};
