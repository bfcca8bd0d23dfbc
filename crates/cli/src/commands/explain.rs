//! `explain`: why an exposure has its rank.

use anyhow::{Result, bail};
use bartizan_cycle::ranking::{Ranked, Ranking};
use serde_json::json;

use crate::args::Global;
use crate::output::{Gate, Output};
use crate::ranking_view;
use crate::session::Session;

pub(crate) fn run(global: &Global, output: &Output, id: &str, counterfactual: bool) -> Result<Gate> {
    let mut session = Session::open(global)?;
    let (_, ranking) = session.rank()?;
    let ranked = find(&session, &ranking, id)?;
    let history = session.store.events(Some(ranked.id), 100)?;
    let verdicts = session.store.verdicts(ranked.id)?;
    let paths: Vec<_> = ranked.paths.iter().filter_map(|number| ranking.paths.get(number - 1)).collect();
    let answer = json!({
        "exposure": ranked, "paths": paths, "history": history, "verdicts": verdicts,
        "digests": ranking.digests, "as_of": ranking.as_of,
    });
    output.object(&answer, |output| ranking_view::explain(output, &ranking, ranked, counterfactual))?;
    Ok(Gate::Passed)
}

/// Finds an exposure by rank, by id, by the beginning of its id, or by an id that it had before.
pub(super) fn find<'r>(session: &Session, ranking: &'r Ranking, text: &str) -> Result<&'r Ranked> {
    if let Ok(rank) = text.parse::<usize>()
        && text.len() < 8
    {
        return match rank.checked_sub(1).and_then(|position| ranking.exposures.get(position)) {
            Some(ranked) => Ok(ranked),
            None => bail!(
                "there is no rank {rank}; the ranking has {} exposures (bartizan top)",
                ranking.exposures.len()
            ),
        };
    }
    let prefix = text.to_ascii_lowercase();
    let mut matching = ranking.exposures.iter().filter(|ranked| ranked.id.to_string().starts_with(&prefix));
    match (matching.next(), matching.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => bail!("{text:?} is the beginning of several ids; give more of it"),
        (None, _) => {
            let moved = text.parse().ok().map(|key| session.store.current_key(key)).transpose()?;
            let now = moved.and_then(|key| ranking.exposures.iter().find(|ranked| ranked.id == key));
            match now {
                Some(ranked) => Ok(ranked),
                None => bail!(
                    "there is no live exposure {text:?} in scope; bartizan top lists them by rank and id"
                ),
            }
        }
    }
}
