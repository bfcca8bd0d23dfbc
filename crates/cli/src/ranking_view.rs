//! The ranking as a terminal shows it: the answer first, then the proof, then the data.

use std::fmt::Write as _;

use bartizan_cycle::ranking::{FixEntry, Hop, Path, Ranked, Ranking};
use bartizan_cycle::words::{self, count, day, minute, money, percent};

use crate::output::Output;
use crate::text::{clean, columns, wrap};

pub(crate) fn top(output: &Output, ranking: &Ranking, shown: &[&Ranked]) -> String {
    let width = columns();
    let mut text = String::new();
    let _ = writeln!(text, "{}\n", output.strong(&wrap(&ranking.headline, width, "", "")));
    if shown.is_empty() && !ranking.exposures.is_empty() {
        text.push_str("No exposure is in this selection.\n");
    }
    let digits = shown.iter().map(|ranked| ranked.rank.to_string().len()).max().unwrap_or(1);
    for ranked in shown {
        let lead = format!(
            "{:>digits$}  {}  ",
            ranked.rank,
            output.strong(&format!("{:<8}", words::tier(ranked.tier)))
        );
        let indent = " ".repeat(digits + 12);
        // The styled lead is as wide as the indent, whatever its escape codes take.
        let title = wrap(&ranked.title, width, &indent, &indent);
        let _ = writeln!(text, "{lead}{}", title.trim_start());
        let _ = writeln!(text, "{}", wrap(&proof(ranking, ranked), width, &indent, &indent));
    }
    let _ = writeln!(text);
    let counts = &ranking.counts;
    let line = format!(
        "{} of {} are on a path · {} closed · ranking of {}",
        counts.exposures_on_path,
        count(counts.exposures_live, "exposure", "exposures"),
        counts.exposures_closed,
        minute(ranking.as_of)
    );
    let _ = writeln!(text, "{}", wrap(&line, width, "", ""));
    let _ = writeln!(text, "why: bartizan explain 1 · paths: bartizan paths · fewest fixes: bartizan fixes");
    if !ranking.missing.is_empty() {
        let _ = writeln!(
            text,
            "{}",
            wrap(&format!("what is missing: {}", ranking.missing.join(" · ")), width, "", "  ")
        );
    }
    text
}

/// One line of proof below a title.
fn proof(ranking: &Ranking, ranked: &Ranked) -> String {
    let mut parts = vec![words::way(ranking, ranked)];
    if ranked.used > 0.0 {
        parts.push(format!("used in {} of simulated attacks", percent(ranked.used)));
    }
    if ranked.risk_removed > 0.0 {
        parts.push(format!("removes {} of risk", money(ranked.risk_removed, ranking.currency.as_deref())));
    }
    if ranked.exploited {
        parts.push("exploited in the wild".to_owned());
    } else if !ranked.on_path {
        parts.push(format!("likelihood {}", percent(ranked.likelihood)));
    }
    if let Some(fix) = ranked.fix.as_ref().filter(|fix| **fix != ranked.title) {
        parts.push(format!("fix: {fix}"));
    }
    parts.push(format!("owner: {}", ranked.owner.as_deref().unwrap_or("none")));
    if let Some(deadline) = ranked.deadline {
        parts.push(format!("due {}", day(deadline)));
    }
    if ranked.sources.len() > 1 {
        parts.push(format!("seen by {}", ranked.sources.join(", ")));
    }
    parts.join(" · ")
}

/// Why an exposure stands where it stands, as a short argument with numbered evidence.
pub(crate) fn explain(output: &Output, ranking: &Ranking, ranked: &Ranked, counterfactual: bool) -> String {
    let width = columns();
    let mut text = String::new();
    let title = format!("{}. {} — {}", ranked.rank, words::tier(ranked.tier), ranked.title);
    let _ = writeln!(text, "{}\n", output.strong(&wrap(&title, width, "", "   ")));
    let because = format!("It is tier {} because it is {}.", ranked.tier, ranked.because);
    let _ = writeln!(text, "{}", wrap(&because, width, "", ""));
    let within = if ranked.risk_removed > 0.0 {
        format!(
            "Within the tier it stands by the risk that fixing it removes: {}, measured on 1,024 simulated attacks ({} of the successful ones use it).",
            money(ranked.risk_removed, ranking.currency.as_deref()),
            percent(ranked.used)
        )
    } else {
        "Fixing it alone removes no measurable risk from a crown jewel, so it stands by likelihood, severity and age.".to_owned()
    };
    let _ = writeln!(text, "{}", wrap(&within, width, "", ""));
    let likelihood = format!(
        "Chance that it works for an attacker who reaches it: {} ({}).",
        percent(ranked.likelihood),
        ranked.likelihood_because
    );
    let _ = writeln!(text, "{}\n", wrap(&likelihood, width, "", ""));

    let what = format!("What: {} ({})", ranked.weakness, ranked.weakness_title);
    let _ = writeln!(text, "{}", wrap(&what, width, "", "  "));
    let place = if ranked.place.is_empty() { String::new() } else { format!(", at {}", ranked.place) };
    let _ = writeln!(text, "{}", wrap(&format!("Where: {}{place}", ranked.asset), width, "", "  "));
    let owner = ranked.owner.as_deref().unwrap_or("nobody: no owner in the scope matches");
    let contact = ranked.contact.as_deref().map(|contact| format!(" ({contact})")).unwrap_or_default();
    let _ = writeln!(text, "Who: {}{}", clean(owner), clean(&contact));
    if let (Some(deadline), Some(why)) = (ranked.deadline, &ranked.deadline_because) {
        let _ = writeln!(text, "{}", wrap(&format!("By when: {} ({why})", day(deadline)), width, "", "  "));
    } else if let Some(why) = &ranked.deadline_because {
        let _ = writeln!(text, "{}", wrap(&format!("By when: no date ({why})"), width, "", "  "));
    }
    if let Some(fix) = &ranked.fix {
        let _ = writeln!(text, "{}", wrap(&format!("Fix: {fix}"), width, "", "  "));
    }
    let _ = writeln!(text, "\nEvidence");
    for (number, item) in ranked.evidence.iter().enumerate() {
        let line =
            format!("{} ({}, {}, {})", item.text, item.tool, short(&item.report), day(item.scanned_at));
        let _ = writeln!(text, "{}", wrap(&line, width, &format!("  [{}] ", number + 1), "      "));
    }
    if let Some(path) = ranked.paths.first().and_then(|number| ranking.paths.get(number - 1)) {
        let _ = writeln!(text, "\nThe likeliest of {} over it", count(ranked.paths.len(), "path", "paths"));
        text.push_str(&chain(path));
    }
    if counterfactual || !ranked.counterfactuals.is_empty() {
        let _ = writeln!(text, "\nIt would stand elsewhere if");
        for change in &ranked.counterfactuals {
            let _ = writeln!(text, "  {}: tier {}", change.if_, change.tier);
        }
        if ranked.counterfactuals.is_empty() {
            text.push_str("  no single change would move it to another tier\n");
        }
    }
    let _ = writeln!(
        text,
        "\nfirst seen {} · last seen {}\nid {}",
        day(ranked.first_seen),
        day(ranked.last_seen),
        ranked.id
    );
    text
}

/// The hops of a path, each with its evidence.
pub(crate) fn chain(path: &Path) -> String {
    let width = columns();
    let mut text = String::new();
    let _ = writeln!(text, "  {}", clean(&path.entry));
    for hop in &path.hops {
        let line = format!("{} ({}, {}, {})", hop.sentence, hop.step, hop.technique, percent(hop.likelihood));
        let _ = writeln!(text, "{}", wrap(&line, width, "  → ", "    "));
        let _ = writeln!(text, "{}", wrap(&evidence(hop), width, "      ", "      "));
    }
    text
}

/// What sources say, each saying once with all who say it.
fn evidence(hop: &Hop) -> String {
    let mut sayings: Vec<(&str, Vec<String>)> = Vec::new();
    for item in &hop.evidence {
        let source = format!("{} in {}", item.tool, short(&item.report));
        if sayings.iter().any(|(_, sources)| sources.contains(&source)) {
            continue;
        }
        match sayings.iter_mut().find(|(text, _)| *text == item.text) {
            Some((_, sources)) => sources.push(source),
            None => sayings.push((&item.text, vec![source])),
        }
    }
    sayings.truncate(3);
    let shown: Vec<String> =
        sayings.iter().map(|(text, sources)| format!("{text} — {}", sources.join(", "))).collect();
    shown.join("; ")
}

pub(crate) fn paths(output: &Output, ranking: &Ranking, paths: &[Path]) -> String {
    let width = columns();
    let mut text = String::new();
    if paths.is_empty() {
        text.push_str("No path is known.\n");
        if !ranking.missing.is_empty() {
            let _ = writeln!(
                text,
                "{}",
                wrap(&format!("what is missing: {}", ranking.missing.join(" · ")), width, "", "  ")
            );
        }
        return text;
    }
    for path in paths {
        let heading = format!(
            "{}. {} reaches {} in {}, likelihood {}",
            path.number,
            path.entry,
            path.crown_jewel,
            count(path.hops.len(), "step", "steps"),
            percent(path.likelihood)
        );
        let _ = writeln!(text, "{}", output.strong(&wrap(&heading, width, "", "   ")));
        text.push_str(&chain(path));
        text.push('\n');
    }
    text.push_str("what stops them: bartizan fixes\n");
    text
}

/// A fix with its reasons.
pub(crate) fn fix(number: usize, entry: &FixEntry, currency: Option<&str>) -> String {
    let width = columns();
    let mut text = String::new();
    let _ = writeln!(text, "{}", wrap(&entry.title, width, &format!("{number:>2}  "), "    "));
    let mut parts = vec![format!("about {} h", entry.hours)];
    if !entry.paths.is_empty() {
        parts.push(format!("stops {}", count(entry.paths.len(), "path", "paths")));
    }
    if entry.used > 0.0 {
        parts.push(format!("in {} of simulated attacks", percent(entry.used)));
    }
    if entry.risk_removed > 0.0 {
        parts.push(format!("alone removes {} of risk", money(entry.risk_removed, currency)));
    }
    if !entry.exposures.is_empty() {
        parts.push(format!("removes {}", count(entry.exposures.len(), "exposure", "exposures")));
    }
    parts.push(format!("owner: {}", entry.owner.as_deref().unwrap_or("none")));
    if let Some(due) = entry.deadline {
        parts.push(format!("due {}", day(due)));
    }
    let _ = writeln!(text, "{}", wrap(&parts.join(" · "), width, "    ", "    "));
    for how in entry.how.iter().filter(|how| **how != entry.title).take(3) {
        let _ = writeln!(text, "{}", wrap(&bartizan_model::excerpt(how, 240), width, "    - ", "      "));
    }
    text
}

fn short(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}
