//! Keeping rankings, and making them again.

use bartizan_model::{Digest, Timestamp};
use bartizan_store::Store;
use serde::Serialize;
use utoipa::ToSchema;

use crate::inputs::Inputs;
use crate::ranking::{Book, Ranking, rank};
use crate::{Error, Result};

/// What came of making a ranking again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Replayed {
    pub run: i64,
    pub at: Timestamp,
    /// The same inputs gave the same bytes.
    pub identical: bool,
    pub kept: Digest,
    pub made: Digest,
    /// Why they differ, where they do.
    pub because: Option<String>,
    pub exposures: usize,
}

/// Keeps a ranking with its inputs; one of unchanged inputs is kept once.
pub fn keep(store: &mut Store, inputs: &Inputs, ranking: &Ranking, now: Timestamp) -> Result<i64> {
    let digests =
        serde_json::to_value(&ranking.digests).map_err(|error| Error::Stored { what: "ranking", error })?;
    let whole = ranking.digests.whole();
    if let Some(run) = store.kept_run(whole)? {
        return Ok(run);
    }
    Ok(store.keep_run(now, whole, &digests, &inputs.to_bytes()?, &to_bytes(ranking)?)?)
}

/// Makes a kept ranking again and compares it byte for byte.
pub fn replay(store: &Store, run: i64) -> Result<Replayed> {
    let kept = store.run(Some(run))?.ok_or(Error::NoRanking(run))?;
    let inputs = Inputs::from_bytes(&kept.inputs)?;
    let ranking = rank(&inputs)?;
    let made = to_bytes(&ranking)?;
    let identical = made == kept.output;
    let rules = Book::embedded(inputs.scope.deadline_table.as_deref())?.digest();
    let kept_rules = kept.digests.get("rules").and_then(|digest| digest.as_str().map(str::to_owned));
    let because = (!identical).then(|| {
        if kept_rules == Some(rules.to_string()) {
            "the stored ranking or its inputs were changed; run bartizan admin verify".to_owned()
        } else {
            "this version of Bartizan has other rules than the one that made it".to_owned()
        }
    });
    Ok(Replayed {
        run,
        at: kept.at,
        identical,
        kept: Digest::of(&kept.output),
        made: Digest::of(&made),
        because,
        exposures: ranking.exposures.len(),
    })
}

fn to_bytes(ranking: &Ranking) -> Result<Vec<u8>> {
    serde_json::to_vec(ranking).map_err(|error| Error::Stored { what: "ranking", error })
}
