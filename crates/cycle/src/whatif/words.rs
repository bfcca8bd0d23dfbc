//! The answer in sentences.

use super::answer::{Answer, Compromised, JewelChange, ZeroDay};
use crate::words::{count, list, money, percent};

/// The answer first: what fell or was saved, and what it takes.
pub(super) fn headline(answer: &Answer) -> String {
    let mut sentences = Vec::new();
    if !answer.fixed.is_empty() {
        sentences.push(of_fixes(answer));
    }
    if let Some(compromised) = &answer.compromised {
        sentences.push(match compromised.crown_jewels.as_slice() {
            [] => format!("Whoever holds {} gets no crown jewel from it alone.", compromised.asset),
            jewels => format!(
                "Whoever holds {} gets {}.",
                compromised.asset,
                list(jewels.iter().map(String::as_str))
            ),
        });
    }
    if let Some(zero_day) = &answer.zero_day {
        sentences.push(of_affected(zero_day));
    }
    if let Some(plan) = &answer.plan {
        sentences.push(plan.headline());
    }
    sentences.push(of_paths(answer));
    if answer.compromised.is_some() || answer.zero_day.is_some() || answer.plan.is_some() {
        sentences.extend(of_containment(answer));
    }
    sentences.join(" ")
}

fn of_fixes(answer: &Answer) -> String {
    let currency = answer.currency.as_deref();
    let loss = if answer.expected_loss < answer.expected_loss_before {
        format!(
            " Expected loss falls from {} to {}.",
            money(answer.expected_loss_before, currency),
            money(answer.expected_loss, currency)
        )
    } else {
        String::new()
    };
    let these = if answer.fixed.len() == 1 { "this fix" } else { "these fixes" };
    let names = |keep: fn(&JewelChange) -> bool| -> Vec<&str> {
        answer.jewels.iter().filter(|jewel| keep(jewel)).map(|jewel| jewel.name.as_str()).collect()
    };
    let saved = names(|jewel| jewel.reachable_before && !jewel.reachable);
    let left = names(|jewel| jewel.reachable);
    let jewels = match (saved.is_empty(), left.is_empty()) {
        (true, true) => format!("With {these} no crown jewel is reached; none was before."),
        (false, true) => format!("With {these} no known path reaches a crown jewel any more."),
        (false, false) => {
            format!("With {these} {} can no longer be reached; {} still can.", list(saved), list(left))
        }
        (true, false) => format!("With {these} {} can still be reached.", list(left)),
    };
    format!("{jewels}{loss}")
}

fn of_affected(zero_day: &ZeroDay) -> String {
    let unknown = zero_day.without_inventory.len();
    let silent = match unknown {
        0 => String::new(),
        1 => "; 1 asset has no component inventory, so it may hold it, too".to_owned(),
        _ => format!("; {unknown} assets have no component inventory, so they may hold it, too"),
    };
    if zero_day.affected.is_empty() {
        let inventories = count(zero_day.with_inventory, "inventory", "inventories");
        return format!(
            "No component called {} is known in {inventories} or at any port{silent}.",
            zero_day.component
        );
    }
    let reached = zero_day.affected.iter().filter(|affected| affected.reached).count();
    format!(
        "{} is known on {}, of which an attacker can reach {}{silent}.",
        zero_day.component,
        count(zero_day.affected.len(), "asset", "assets"),
        if reached == 0 { "none".to_owned() } else { reached.to_string() },
    )
}

fn of_paths(answer: &Answer) -> String {
    let say = |paths: &[crate::ranking::Path], verb: &str| {
        let ending = if paths.len() == 1 { "s" } else { "" };
        format!("{} to {} {verb}{ending}", count(paths.len(), "path", "paths"), targets(paths))
    };
    match (answer.opened.as_slice(), answer.closed.as_slice()) {
        ([], []) => "No path opens and none closes.".to_owned(),
        (opened, []) => format!("{}.", say(opened, "open")),
        ([], closed) => format!("{}.", say(closed, "close")),
        (opened, closed) => format!("{}; {}.", say(opened, "open"), say(closed, "close")),
    }
}

fn targets(paths: &[crate::ranking::Path]) -> String {
    let mut names: Vec<&str> = paths.iter().map(|path| path.crown_jewel.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    list(names)
}

/// What is cheapest, where something opened.
fn of_containment(answer: &Answer) -> Option<String> {
    if answer.opened.is_empty() {
        return None;
    }
    let containment = &answer.containment;
    let mut text = match (containment.beyond_today.len(), containment.answer.certificate.holds) {
        (_, false) => "No set of known fixes stops them all".to_owned(),
        (0, true) if containment.uncontained.is_empty() => {
            "The fewest fixes of today stop them, too".to_owned()
        }
        (0, true) => "For the rest the fewest fixes of today are enough".to_owned(),
        (_, true) => format!(
            "Cheapest containment: {}, {} h in all, {} of them not among the fewest fixes of today",
            count(containment.answer.fixes.len(), "fix", "fixes"),
            containment.answer.cost,
            containment.beyond_today.len()
        ),
    };
    if !containment.uncontained.is_empty() {
        let names = list(containment.uncontained.iter().map(String::as_str));
        text = format!("No known fix keeps {names} from falling. {text}");
    }
    Some(format!("{text}."))
}

/// What is taken for granted of a compromised asset.
pub(super) fn of_compromise(compromised: &Compromised, is_unknown: bool) -> String {
    if is_unknown {
        format!(
            "no attack step is known that starts from {}, so nothing falls with it here; that nothing does is not known",
            compromised.asset
        )
    } else {
        format!(
            "the attacker holds {} altogether from the start, beside the entries of the scope",
            compromised.asset
        )
    }
}

/// What is taken for granted of a zero-day.
pub(super) fn of_zero_day(zero_day: &ZeroDay) -> Vec<String> {
    let mut assumed = vec![
        format!(
            "the weakness works over the network, without an account and without anybody's help, and gives execution as the service's user; likelihood {} for whoever reaches it",
            percent(zero_day.likelihood)
        ),
        "nobody has a fix for it: containment closes ways to it and from it".to_owned(),
    ];
    if zero_day.affected.is_empty() {
        assumed.clear();
    }
    assumed
}

/// What is taken for granted of a plan.
pub(super) fn of_plan() -> String {
    "the plan is applied as it stands, to what was known before; what it creates is in scope, without owner, and no crown jewel"
        .to_owned()
}
