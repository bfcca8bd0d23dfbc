//! The ranking's fixes as tasks.

use std::collections::HashMap;

use bartizan_mobilize::tasks::Removed;
pub use bartizan_mobilize::tasks::Task;
use bartizan_model::Digest;

use crate::ranking::{Ranked, Ranking};
use crate::words::{money, percent};

/// The tasks of one owner, or of all, from the most urgent tier to `tier`.
pub fn tasks_for(ranking: &Ranking, owner: Option<&str>, tier: u8) -> Vec<Task> {
    tasks(ranking)
        .into_iter()
        .filter(|task| task.tier <= tier)
        .filter(|task| owner.is_none_or(|owner| task.owner.as_deref() == Some(owner)))
        .collect()
}

/// One task for each fix that removes something, most urgent first.
fn tasks(ranking: &Ranking) -> Vec<Task> {
    let by_id: HashMap<Digest, &Ranked> =
        ranking.exposures.iter().map(|ranked| (ranked.id, ranked)).collect();
    ranking
        .all_fixes
        .iter()
        .map(|fix| {
            let exposures: Vec<&Ranked> =
                fix.exposures.iter().filter_map(|id| by_id.get(id).copied()).collect();
            let removes = exposures
                .iter()
                .map(|ranked| Removed {
                    exposure: ranked.id,
                    weakness: ranked.weakness.clone(),
                    place: ranked.place.clone(),
                    sources: ranked.sources.clone(),
                })
                .collect();
            Task {
                id: fix.id,
                title: fix.title.clone(),
                tier: fix.tier.unwrap_or(4),
                owner: fix.owner.clone(),
                contact: fix.contact.clone(),
                due: fix.deadline,
                due_because: fix.deadline_because.clone(),
                asset: fix.asset.clone(),
                how: if fix.how.is_empty() { vec![fix.title.clone()] } else { fix.how.clone() },
                why: why(ranking, fix, &exposures),
                removes,
                check: check(&exposures),
                hours: fix.hours,
                risk_removed: fix.risk_removed,
            }
        })
        .collect()
}

fn why(ranking: &Ranking, fix: &crate::ranking::FixEntry, exposures: &[&Ranked]) -> Vec<String> {
    let mut why = Vec::new();
    if let Some(path) = fix.paths.first().and_then(|number| ranking.paths.get(number - 1)) {
        let names: Vec<&str> = path.hops.iter().map(|hop| hop.to.as_str()).collect();
        why.push(format!(
            "It stops {} of {} known paths to crown jewels; the likeliest leads from {} over {}.",
            fix.paths.len(),
            ranking.paths.len(),
            path.entry,
            names.join(" → ")
        ));
    }
    if fix.used > 0.0 {
        why.push(format!("{} of the simulated attacks that succeed use what it removes.", percent(fix.used)));
    }
    if fix.risk_removed > 0.0 {
        let loss = money(fix.risk_removed, ranking.currency.as_deref());
        why.push(format!("Alone it removes {loss} of expected loss."));
    }
    if let Some(first) = exposures.first() {
        why.push(format!("{} is {}.", first.weakness, first.because));
    }
    if ranking.fixes.fixes.iter().any(|chosen| chosen.id == fix.id) {
        why.push("It is one of the fewest fixes after which no known path reaches a crown jewel.".to_owned());
    }
    why
}

/// How Bartizan will see that it is done.
fn check(exposures: &[&Ranked]) -> Vec<String> {
    let mut tools: Vec<&str> =
        exposures.iter().flat_map(|ranked| ranked.sources.iter().map(String::as_str)).collect();
    tools.sort_unstable();
    tools.dedup();
    let mut check: Vec<String> = tools
        .iter()
        .map(|tool| {
            format!("A newer {tool} report that covers the same place and no longer shows it closes it.")
        })
        .collect();
    if let Some(first) = exposures.first() {
        check.push(format!("Or at once, inside the authorised window: bartizan retest {}", first.id));
    } else {
        check.push("A newer inventory that no longer shows the right or the way closes the path.".to_owned());
    }
    check
}
