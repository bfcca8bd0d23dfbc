//! Whether policies allow everything. It must not ask for single actions: what is not everything, by what
//! is written, is not administrator.

use std::collections::BTreeSet;

use super::ask::Answer;
use crate::context::Context;
use crate::evaluate::{Citation, Layer};
use crate::pattern::Pattern;
use crate::policy::{Document, Effect, Element, Statement};
use crate::truth::Truth;

/// Whether the documents together allow everything: `*` on `*`, or all but some actions plus these.
/// A deny of anything, as far as it may apply, spoils it.
pub(super) fn covers(documents: &[&Document], layer: Layer, context: &Context<'_>) -> Answer {
    let selection: Vec<(&Document, &Statement)> = documents
        .iter()
        .flat_map(|document| document.statements.iter().map(move |statement| (*document, statement)))
        .collect();
    let cite = |document: &Document, statement: &Statement| Citation {
        layer,
        policy: document.name.clone(),
        sid: statement.sid.clone(),
        index: statement.index,
        effect: statement.effect,
    };
    let truth_of = |statement: &Statement| {
        let held = statement.conditions_hold(context);
        let free = if held.free.is_empty() { Truth::Yes } else { Truth::Unknown };
        let effect = if statement.effect == Effect::Unreadable { Truth::Unknown } else { Truth::Yes };
        let resources = match &statement.resources {
            Element::Only(patterns) => patterns.iter().any(Pattern::is_any).into(),
            Element::Except(patterns) => patterns.is_empty().into(),
            Element::Everything => Truth::Yes,
            Element::Unreadable => Truth::Unknown,
        };
        let open: BTreeSet<String> = held.open.iter().map(|name| (*name).to_owned()).collect();
        (held.truth.and(free).and(effect), resources, open)
    };
    let mut answer = Answer::no();
    for (document, statement) in selection.iter().filter(|(_, one)| one.effect != Effect::Deny) {
        let (truth, resources, open) = truth_of(statement);
        let truth = truth.and(resources);
        if truth == Truth::No {
            continue;
        }
        let (actions, mut helpers) = match &statement.actions {
            Element::Only(patterns) => (patterns.iter().any(Pattern::is_any).into(), Vec::new()),
            Element::Everything => (Truth::Yes, Vec::new()),
            Element::Unreadable => (Truth::Unknown, Vec::new()),
            Element::Except(holes) => {
                let mut all = Truth::Yes;
                let mut helpers = Vec::new();
                for hole in holes {
                    let mut filled = Truth::No;
                    for (document, other) in selection.iter().filter(|(_, one)| one.effect == Effect::Allow) {
                        let Element::Only(patterns) = &other.actions else { continue };
                        if patterns.iter().any(|pattern| pattern.covers(hole)) {
                            let (truth, resources, _) = truth_of(other);
                            if truth.and(resources) > filled {
                                filled = truth.and(resources);
                                helpers.push(cite(document, other));
                            }
                        }
                    }
                    all = all.and(filled);
                }
                (all, helpers)
            }
        };
        let truth = truth.and(actions);
        if truth > answer.truth {
            helpers.insert(0, cite(document, statement));
            answer = Answer { truth, because: helpers, open };
        }
    }
    for (document, statement) in selection.iter().filter(|(_, one)| one.effect != Effect::Allow) {
        if answer.is_no() {
            break;
        }
        let (truth, _, open) = truth_of(statement);
        match truth {
            Truth::No => {}
            Truth::Yes => answer = Answer::no(),
            Truth::Unknown => {
                answer.truth = answer.truth.and(Truth::Unknown);
                answer.because.push(cite(document, statement));
                answer.open.extend(open);
            }
        }
    }
    answer
}

/// Whether one document, alone, allows everything.
pub(super) fn is_administrator_document(document: &Document, context: &Context<'_>) -> bool {
    covers(&[document], Layer::Identity, context).truth.certain()
}
