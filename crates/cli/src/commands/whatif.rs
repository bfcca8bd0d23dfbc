//! `whatif`: the world changed in memory, and what that opens and closes.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result};
use bartizan_cycle::inputs::Inputs;
use bartizan_cycle::ranking::Path as PathAnswer;
use bartizan_cycle::whatif::{Answer, Compromised, Plan, PlanAnswer, Question, ZeroDay, ask};
use bartizan_cycle::words::{count, money, percent};

use crate::args::{Global, WhatifArguments};
use crate::output::{Gate, Output};
use crate::ranking_view;
use crate::session::Session;
use crate::text::{clean, columns, pad, wrap};

/// How many entries of a long list a terminal shows.
const SHOWN: usize = 10;
/// Bytes of the largest plan that is read: it is held in memory as a whole.
const LARGEST_PLAN: u64 = 256 << 20;
/// How many opened paths are shown hop by hop with their evidence.
const CHAINS: usize = 1;

pub(crate) fn run(global: &Global, output: &Output, arguments: &WhatifArguments) -> Result<Gate> {
    let plan = arguments.plan.as_deref().map(read_plan).transpose()?;
    let session = Session::open(global)?;
    // The ranking is not kept: what is only asked leaves no trace.
    let inputs = Inputs::gather(&session.store, session.scope.as_ref(), session.now)?;
    let question = Question {
        fixes: arguments.fix.clone(),
        compromise: arguments.compromise.clone(),
        zero_day: arguments.zero_day.clone(),
        plan,
    };
    let answer = ask(&inputs, &question)?;
    output.object(&answer, |output| table(output, &answer))?;
    let failed = arguments.fail_on_new_path && !answer.opened.is_empty();
    Ok(if failed { Gate::Failed } else { Gate::Passed })
}

fn read_plan(path: &Path) -> Result<Plan> {
    let cap = LARGEST_PLAN;
    let file = path.display();
    let mut bytes = Vec::new();
    // One byte above the cap shows that there is more.
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(cap.saturating_add(1)).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(cap.saturating_add(1)).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("the plan {file} cannot be read"))?;
    anyhow::ensure!(bytes.len() as u64 <= cap, "the plan {file} is larger than {cap} bytes");
    let document = serde_json::from_slice(&bytes).with_context(|| {
        format!("{file} is no JSON; a plan is what `terraform show -json PLANFILE` prints")
    })?;
    Ok(Plan { file: file.to_string(), document })
}

fn table(output: &Output, answer: &Answer) -> String {
    let mut text = format!("{}\n\n", output.strong(&wrap(&answer.headline, columns(), "", "")));
    fixed(&mut text, answer);
    jewels(&mut text, answer);
    if let Some(compromised) = &answer.compromised {
        blast(&mut text, compromised);
    }
    if let Some(zero_day) = &answer.zero_day {
        holders(&mut text, zero_day);
    }
    if let Some(plan) = &answer.plan {
        plan_lines(&mut text, plan);
    }
    paths(output, &mut text, answer);
    containment(&mut text, answer);
    for assumed in &answer.assumed {
        line(&mut text, &format!("assumed: {assumed}"), "", "  ");
    }
    text.push_str("nothing was stored · every path with its evidence: --format json\n");
    text
}

fn line(text: &mut String, sentence: &str, first: &str, rest: &str) {
    let _ = writeln!(text, "{}", wrap(sentence, columns(), first, rest));
}

fn fixed(text: &mut String, answer: &Answer) {
    for fix in &answer.fixed {
        line(text, &format!("made: {} (about {} h)", fix.title, fix.hours), "", "  ");
    }
    if let Some(certificate) = &answer.certificate {
        line(text, &format!("Certificate: {}.", certificate.statement), "", "  ");
        text.push('\n');
    }
}

fn jewels(text: &mut String, answer: &Answer) {
    if answer.jewels.is_empty() {
        text.push_str("No crown jewel is stated, so no path can be shown.\n\n");
        return;
    }
    let currency = answer.currency.as_deref();
    let names = answer.jewels.iter().map(|jewel| jewel.name.chars().count());
    let width = names.max().unwrap_or(0).clamp(12, 28);
    let _ = writeln!(text, "{}  {:>9}  {:>9}   expected loss", pad("crown jewel", width), "today", "what if");
    let falls = |reachable: bool, probability: f64| {
        if reachable { percent(probability) } else { "no path".to_owned() }
    };
    for jewel in &answer.jewels {
        let _ = writeln!(
            text,
            "{}  {:>9}  {:>9}   {} → {}",
            pad(&jewel.name, width),
            falls(jewel.reachable_before, jewel.probability_before),
            falls(jewel.reachable, jewel.probability),
            money(jewel.expected_loss_before, None),
            money(jewel.expected_loss, currency),
        );
    }
    let _ = writeln!(
        text,
        "{}  {:>9}  {:>9}   {} → {}\n",
        pad("together", width),
        "",
        "",
        money(answer.expected_loss_before, None),
        money(answer.expected_loss, currency),
    );
}

fn blast(text: &mut String, compromised: &Compromised) {
    let sentence = format!(
        "{} of {} in scope fall to whoever holds {} ({}, owner: {}).",
        compromised.blast_radius,
        count(compromised.assets_in_scope, "other asset", "other assets"),
        compromised.asset,
        compromised.kind,
        compromised.owner.as_deref().unwrap_or("none"),
    );
    line(text, &sentence, "", "");
    for gained in compromised.gains.iter().take(SHOWN) {
        let scope = if gained.in_scope { "" } else { ", out of scope" };
        let owner = gained.owner.as_deref().unwrap_or("none");
        line(text, &format!("{} ({}{scope}, owner: {owner})", gained.what, gained.kind), "  - ", "    ");
    }
    more(text, compromised.gains.len());
    text.push('\n');
}

fn more(text: &mut String, all: usize) {
    if all > SHOWN {
        let _ = writeln!(text, "  … and {} more (--format json)", all - SHOWN);
    }
}

fn holders(text: &mut String, zero_day: &ZeroDay) {
    for (number, affected) in zero_day.affected.iter().take(SHOWN).enumerate() {
        let versions = if affected.versions.is_empty() {
            "version unknown".to_owned()
        } else {
            affected.versions.join(", ")
        };
        let ports = if affected.ports.is_empty() {
            String::new()
        } else {
            format!(" at {}", affected.ports.join(", "))
        };
        let title = format!(
            "{} ({}): {} {versions}{ports}",
            affected.asset,
            affected.kind,
            affected.components.join(", ")
        );
        line(text, &title, &format!("{:>2}  ", number + 1), "    ");
        let reached = if affected.reached { "an attacker can reach it" } else { "no way to it is known" };
        let scope = if affected.in_scope { "" } else { " · out of scope" };
        let owner = affected.owner.as_deref().unwrap_or("none");
        line(text, &format!("{reached} · owner: {owner}{scope} · {}", affected.assumed), "    ", "    ");
    }
    more(text, zero_day.affected.len());
    if !zero_day.without_inventory.is_empty() {
        let names: Vec<&str> =
            zero_day.without_inventory.iter().take(SHOWN).map(|named| named.asset.as_str()).collect();
        let rest = zero_day.without_inventory.len() - names.len();
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let sentence = format!(
            "without a component inventory, so not known to be free of it: {}{rest} (an SBOM each, bartizan import)",
            names.join(", ")
        );
        line(text, &sentence, "", "  ");
    }
    text.push('\n');
}

fn paths(output: &Output, text: &mut String, answer: &Answer) {
    for path in answer.opened.iter().take(CHAINS) {
        let heading = format!(
            "opens: {} reaches {} in {}, likelihood {}",
            path.entry,
            path.crown_jewel,
            count(path.hops.len(), "step", "steps"),
            percent(path.likelihood)
        );
        let _ = writeln!(text, "{}", output.strong(&wrap(&heading, columns(), "", "  ")));
        text.push_str(&ranking_view::chain(path));
    }
    let way = |path: &PathAnswer| {
        let passes: Vec<&str> = path.hops.iter().map(|hop| hop.to.as_str()).collect();
        format!("{} → {} ({})", path.entry, passes.join(" → "), percent(path.likelihood))
    };
    for path in answer.opened.iter().skip(CHAINS).take(SHOWN) {
        line(text, &format!("opens: {}", way(path)), "", "  ");
    }
    more(text, answer.opened.len().saturating_sub(CHAINS));
    for path in answer.closed.iter().take(SHOWN) {
        line(text, &format!("closes: {}", way(path)), "", "  ");
    }
    more(text, answer.closed.len());
    if !answer.opened.is_empty() || !answer.closed.is_empty() {
        text.push('\n');
    }
}

fn containment(text: &mut String, answer: &Answer) {
    let containment = &answer.containment;
    if !containment.uncontained.is_empty() {
        let names = containment.uncontained.join(", ");
        line(text, &format!("No known fix keeps {names} from falling."), "", "  ");
    }
    if containment.answer.fixes.is_empty() {
        return;
    }
    if answer.opened.is_empty() && answer.fixed.is_empty() {
        line(text, "The fewest fixes of today stay the answer: bartizan fixes", "", "  ");
        return;
    }
    let _ = writeln!(text, "What stops every path that is left:");
    for (number, fix) in containment.answer.fixes.iter().enumerate() {
        let beyond = containment.beyond_today.contains(&fix.id);
        let new = if beyond { " · not among today's fewest fixes" } else { "" };
        line(text, &clean(&fix.title), &format!("{:>2}  ", number + 1), "    ");
        let owner = fix.owner.as_deref().unwrap_or("none");
        line(text, &format!("about {} h · owner: {owner}{new}", fix.hours), "    ", "    ");
    }
    let bound = if containment.answer.optimal {
        format!("no cheaper set does it (proven, lower bound {} h)", containment.answer.lower_bound)
    } else {
        format!("a cheaper set is not ruled out (lower bound {} h)", containment.answer.lower_bound)
    };
    line(text, &format!("Cost {} h; {bound}.", containment.answer.cost), "", "  ");
    line(text, &format!("Certificate: {}.", containment.answer.certificate.statement), "", "  ");
    text.push('\n');
}

fn plan_lines(text: &mut String, plan: &PlanAnswer) {
    for change in &plan.applied {
        line(text, &format!("{}: {}", change.address, change.what), "applied: ", "  ");
    }
    for service in &plan.exposed {
        line(text, &service.text, "open to the internet: ", "  ");
    }
    for left in &plan.unjudged {
        line(
            text,
            &format!("{} ({}): {}", left.address, left.actions.join(", "), left.reason),
            "not judged: ",
            "  ",
        );
    }
    text.push('\n');
}
