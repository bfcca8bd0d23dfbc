//! Why an exposure has its rank: the exposure, the paths over it, and what became of it.

use bartizan_model::{Digest, Timestamp};
use bartizan_store::{Event, Store, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use crate::inputs::Digests;
use crate::ranking::{Path, Ranked, Ranking};
use crate::{Error, Result};

/// How many entries of the log are told.
const HISTORY: u32 = 100;
/// Shorter digits are a rank; these many or more are the beginning of an id.
const SHORTEST_DIGITS_OF_ID: usize = 8;

/// All that is known of an exposure's place in the order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Explanation<'r> {
    pub exposure: &'r Ranked,
    /// The paths that use it, likeliest first.
    pub paths: Vec<&'r Path>,
    /// What the log says of it, newest last.
    pub history: Vec<Event>,
    pub verdicts: Vec<Verdict>,
    pub digests: &'r Digests,
    pub as_of: Timestamp,
}

/// Explains an exposure of the ranking.
pub fn explain<'r>(store: &Store, ranking: &'r Ranking, exposure: &'r Ranked) -> Result<Explanation<'r>> {
    let paths =
        exposure.paths.iter().filter_map(|number| ranking.paths.get(number.checked_sub(1)?)).collect();
    Ok(Explanation {
        exposure,
        paths,
        history: store.events(Some(exposure.id), HISTORY)?,
        verdicts: store.verdicts(exposure.id)?,
        digests: &ranking.digests,
        as_of: ranking.as_of,
    })
}

/// Finds an exposure by its rank, its id, the beginning of its id, or an id that it had before.
pub fn find<'r>(store: &Store, ranking: &'r Ranking, text: &str) -> Result<&'r Ranked> {
    if let Ok(rank) = text.parse::<usize>()
        && text.len() < SHORTEST_DIGITS_OF_ID
    {
        let found = rank.checked_sub(1).and_then(|position| ranking.exposures.get(position));
        return found.ok_or(Error::NoRank { rank, exposures: ranking.exposures.len() });
    }
    let prefix = text.to_ascii_lowercase();
    let mut matching = ranking.exposures.iter().filter(|ranked| ranked.id.to_string().starts_with(&prefix));
    match (matching.next(), matching.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(Error::AmbiguousExposure(text.to_owned())),
        (None, _) => {
            let former: Option<Digest> = text.parse().ok();
            let now = former.map(|key| store.current_key(key)).transpose()?;
            now.and_then(|key| ranking.exposures.iter().find(|ranked| ranked.id == key))
                .ok_or_else(|| Error::NoExposure(text.to_owned()))
        }
    }
}
