//! The rules and tables of this version: with the inputs, all that a ranking depends on.

use bartizan_graph::rules::{Catalogue, Rules};
use bartizan_intel::DeadlineTable;
use bartizan_model::{Digest, Digester};
use bartizan_prioritize::TierRules;

use crate::{Error, Result};

/// The rules and tables of this version.
pub(crate) struct Book {
    pub(crate) rules: Rules,
    pub(super) catalogue: Catalogue,
    pub(super) tiers: TierRules,
    pub(super) deadlines: DeadlineTable,
}

impl Book {
    /// What is built in; the deadline table by name where the scope names one.
    pub(crate) fn embedded(deadline_table: Option<&str>) -> Result<Self> {
        let faulty = |error: bartizan_intel::Error| Error::Deadlines(error.to_string());
        let deadlines = match deadline_table {
            None => DeadlineTable::bod_26_04().map_err(faulty)?,
            Some(name) => DeadlineTable::named(name)
                .ok_or_else(|| Error::Deadlines(format!("there is no table called {name:?}")))?
                .map_err(faulty)?,
        };
        Ok(Self {
            rules: Rules::embedded()?,
            catalogue: Catalogue::embedded()?,
            tiers: TierRules::embedded()?,
            deadlines,
        })
    }

    pub(crate) fn digest(&self) -> Digest {
        Digester::new("rules")
            .field(env!("CARGO_PKG_VERSION"))
            .field(self.rules.digest().as_bytes())
            .field(self.catalogue.digest().as_bytes())
            .field(self.tiers.digest().as_bytes())
            .field(serde_json::to_vec(&self.deadlines).unwrap_or_default())
            .finish()
    }
}
