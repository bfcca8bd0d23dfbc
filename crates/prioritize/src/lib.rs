//! Phase three, prioritize: which tier, why, and in what order.
//!
//! Pure: what is known of each exposure comes in as [`Standing`], the tier and its reasons go out.
//! Rules are data (`rules/tiers.yaml`); there is one total order, and it is the only one.
//!
//! ```
//! use bartizan_prioritize::{Standing, TierRules};
//!
//! let rules = TierRules::embedded()?;
//! let standing = Standing { on_path: true, exploited: true, likelihood: Some(0.4), ..Standing::default() };
//! assert_eq!(rules.decide(&standing).tier, 1);
//! # Ok::<(), bartizan_prioritize::Error>(())
//! ```

mod order;
mod tiers;

pub use order::{Placed, order};
pub use tiers::{Condition, Counterfactual, Decision, Error, Standing, TierRules};
