//! `validate` and `retest`: guarded checks with evidence, inside the scope and its windows only.

use std::fmt::Write as _;

use anyhow::{Result, anyhow, bail};
use bartizan_cycle::explain::find;
use bartizan_model::Timestamp;
use bartizan_model::estate::{Estate, ExposureIndex};
use bartizan_scope::{AssetView, Scope};
use bartizan_validate::{
    Guard, Method, Outcome, Permit, Plan, Refusal, Rehearsal, Report, Target, ValidationSubject, plan,
    rehearse, run as probe,
};
use serde::Serialize;
use serde_json::json;

use crate::args::Global;
use crate::clock;
use crate::output::{Gate, Output};
use crate::session::Session;
use crate::text::{columns, wrap};

/// What the check is for; it is the same check.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Validate,
    Retest,
}

#[derive(Serialize)]
struct Answer {
    exposure: bartizan_model::Digest,
    title: String,
    before: String,
    after: String,
    #[serde(flatten)]
    report: Report,
}

#[derive(Serialize)]
struct Rehearsed {
    exposure: bartizan_model::Digest,
    title: String,
    plan: Plan,
    would_send: Vec<Rehearsal>,
}

pub(crate) fn run(global: &Global, output: &Output, ids: &[String], dry_run: bool, why: Why) -> Result<Gate> {
    if global.offline && !dry_run {
        bail!("--offline forbids what this command does; --dry-run shows what it would send");
    }
    let mut session = Session::open(global)?;
    let Some(scope) = session.scope.take() else {
        bail!("there is no scope file, so nothing is authorised: state validation windows in bartizan.yaml");
    };
    session.scope = Some(scope.clone());
    let (inputs, ranking) = session.rank()?;
    let (mut answers, mut rehearsals) = (Vec::new(), Vec::new());
    for id in ids {
        let ranked = find(&session.store, &ranking, id)?;
        let index = inputs
            .estate
            .exposure_indices()
            .find(|index| inputs.estate.exposure(*index).key == ranked.id)
            .ok_or_else(|| anyhow!("{id} is no longer known"))?;
        let subject = ValidationSubject::of(&inputs.estate, index);
        let permission =
            |target: &Target, address: Option<std::net::SocketAddr>, method: Method, at: Timestamp| {
                permit(&scope, &inputs.estate, index, target, address, method, at)
            };
        let guard = Guard::new(&permission, &clock::now)?;
        let plan = plan(&subject);
        if dry_run {
            let would_send = rehearse(&plan, &guard);
            rehearsals.push(Rehearsed { exposure: ranked.id, title: ranked.title.clone(), plan, would_send });
            continue;
        }
        let report = probe(&subject, plan, &guard);
        let outcome = match report.judgement.outcome {
            Outcome::Confirmed if !report.judgement.proves() => Outcome::Inconclusive,
            shown => shown,
        };
        let purpose = if why == Why::Retest { "retest" } else { "validate" };
        let evidence = json!({"by": purpose, "report": report});
        let (before, after) = session
            .store
            .keep_verdict(ranked.id, clock::now(), outcome, &evidence)?
            .ok_or_else(|| anyhow!("{id} is no longer known"))?;
        answers.push(Answer { exposure: ranked.id, title: ranked.title.clone(), before, after, report });
    }
    if dry_run {
        output.list(&rehearsals, |output| rehearsal_table(output, &rehearsals))?;
        return Ok(Gate::Passed);
    }
    output.list(&answers, |output| answer_table(output, &answers))?;
    let open = answers.iter().any(|answer| answer.report.judgement.outcome != Outcome::Refuted);
    // A re-test is a gate: it passes when everything asked about is gone.
    Ok(if why == Why::Retest && open { Gate::Failed } else { Gate::Passed })
}

/// Asks the scope. The address that would be dialled is asked about, not the name that led to it.
fn permit(
    scope: &Scope,
    estate: &Estate,
    index: ExposureIndex,
    target: &Target,
    address: Option<std::net::SocketAddr>,
    method: Method,
    at: Timestamp,
) -> Result<Permit, Refusal> {
    let asset = estate.asset(estate.exposure(index).asset);
    let view = AssetView::from(asset);
    let asked = address.map_or_else(|| target.to_string(), |address| address.to_string());
    let window =
        scope.validation_allows(&view, &asked, method, at).map_err(|refusal| Refusal(refusal.to_string()))?;
    Ok(Permit {
        window: window.name.clone(),
        authorised_by: window.authorised_by.clone(),
        requests_per_second: window.requests_per_second,
        loopback: window.targets.iter().any(|target| Permit::names_loopback(&target.to_string())),
    })
}

fn rehearsal_table(output: &Output, rehearsals: &[Rehearsed]) -> String {
    let mut text = String::new();
    for rehearsed in rehearsals {
        let _ = writeln!(text, "{}", output.strong(&wrap(&rehearsed.title, columns(), "", "  ")));
        for note in &rehearsed.plan.notes {
            let _ = writeln!(text, "{}", wrap(note, columns(), "  ", "  "));
        }
        for rehearsal in &rehearsed.would_send {
            let _ = writeln!(text, "{}", wrap(&rehearsed_line(rehearsal), columns(), "  - ", "    "));
        }
        if rehearsed.would_send.is_empty() {
            text.push_str("  nothing would be sent: no validator knows how to check this\n");
        }
    }
    text.push_str("dry run: nothing was sent and no name was resolved\n");
    text
}

fn rehearsed_line(rehearsal: &Rehearsal) -> String {
    let verdict = match (&rehearsal.permit, &rehearsal.refused) {
        (Some(permit), _) => format!("allowed by window {} ({})", permit.window, permit.authorised_by),
        (None, Some(refused)) => format!("refused: {refused}"),
        (None, None) => "refused".to_owned(),
    };
    let sends = rehearsal.sends.replace("\r\n", " ⏎ ");
    let note = rehearsal.note.as_deref().map(|note| format!("; {note}")).unwrap_or_default();
    format!("to {}: {sends}; {verdict}{note}", rehearsal.target)
}

fn answer_table(output: &Output, answers: &[Answer]) -> String {
    let mut text = String::new();
    for answer in answers {
        let _ = writeln!(text, "{}", output.strong(&wrap(&answer.title, columns(), "", "  ")));
        let outcome = match answer.report.judgement.outcome {
            Outcome::Confirmed => "seen to be there",
            Outcome::Refuted => "not there any more",
            Outcome::Inconclusive => "inconclusive: nothing changes",
        };
        let _ = writeln!(
            text,
            "{}",
            wrap(&format!("{outcome}: {}", answer.report.judgement.because), columns(), "  ", "    ")
        );
        if answer.before != answer.after {
            let _ = writeln!(text, "  {} → {}", answer.before, answer.after);
        }
        let answers = &answer.report.judgement.answers;
        for (question, given) in [
            ("accessible", &answers.accessible),
            ("exploitable", &answers.exploitable),
            ("controls hold", &answers.controls_hold),
            ("harm", &answers.harm),
        ] {
            let word =
                serde_json::to_value(given.answer).ok().and_then(|value| value.as_str().map(str::to_owned));
            let line = format!("{question}: {} — {}", word.unwrap_or_default(), given.why);
            let _ = writeln!(text, "{}", wrap(&line, columns(), "  ", "    "));
        }
    }
    text
}
