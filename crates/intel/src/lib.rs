//! Intelligence about weaknesses: what the public feeds say, what follows for the likelihood that a
//! weakness is exploited, and by when it has to be fixed.
//!
//! [`recognise`] tells a feed by its first bytes, [`read`] turns it into [`CveFacts`], and
//! [`CveFacts::merge`] unites what several feeds say, in any order, with the same result. The crate
//! is pure: it opens no file, fetches nothing and reads no clock.
//!
//! ```
//! use bartizan_intel::{Catalogue, Feed, Origin, read, recognise};
//!
//! let text = "#model_version:v2025.03.14,score_date:2025-06-29T00:00:00+0000\n\
//!             cve,epss,percentile\nCVE-2024-0001,0.42,0.97\n";
//! let feed = recognise(text).unwrap();
//! assert_eq!(feed, Feed::Epss);
//! let mut catalogue = Catalogue::default();
//! let summary = read(feed, text.as_bytes(), &Origin::default(), &mut |facts| Ok(catalogue.add(facts))).unwrap();
//! assert_eq!((summary.records, summary.taken), (1, 1));
//! assert!(catalogue.get("CVE-2024-0001").unwrap().epss.is_some());
//! ```

mod cve;
mod cvss;
mod deadline;
mod epss;
mod error;
mod exploits;
mod facts;
mod feed;
mod kev;
mod likelihood;
mod nvd;
mod osv;
mod ssvc;
mod time;

pub use cvss::{AttackVector, Impact, Privileges, Vector, Version};
pub use deadline::{Deadline, DeadlineTable, Situation, Within};
pub use error::{Error, Result};
pub use facts::{
    Catalogue, CveFacts, Cvss, Description, DescriptionSource, Epss, Exploit, ExploitKind, Exploitation, Kev,
    Ssvc, Standing, TechnicalImpact,
};
pub use feed::{Feed, Origin, Rejection, Summary, read, recognise};
pub use likelihood::{Basis, Estimate, WeaknessClass, likelihood};
pub use ssvc::DecisionTable;
