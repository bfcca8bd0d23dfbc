//! `graph`: the engine and the derivation of composite edges on graph files alone, no store.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use bartizan_cycle::words::{count, percent, thousands};
use bartizan_graph::answer::{GraphFiles, GraphQuestion};
use bartizan_graph::derive::{DeriveFiles, Derived, Kinds};
use bartizan_graph::engine::{Effort, Worlds};
use bartizan_graph::{rulegraph_answer, rulegraph_json};
use bartizan_intake::Document;

use crate::args::GraphArguments;
use crate::clock;
use crate::output::{Gate, Output};
use crate::session::limits;
use crate::text::{columns, fit, wrap};

pub(crate) fn run(output: &Output, arguments: &GraphArguments) -> Result<Gate> {
    if arguments.worlds == 0 {
        bail!("--worlds 0 simulates nothing; give 1 or more");
    }
    let worlds = Worlds { count: arguments.worlds, seed: arguments.seed };
    if arguments.derive {
        return derive(output, arguments);
    }
    let Some(first) = arguments.files.first() else { bail!("no file is named") };
    let document = open(first)?;
    if rulegraph_json::sniff(document.head().as_bytes()) {
        return rule_graph(output, arguments, document, worlds);
    }
    let (Some(from), Some(to)) = (&arguments.from, &arguments.to) else {
        bail!(
            "--from and --to say where attackers start and what must not fall, e.g. --from 'kind == \"User\"'; \
             --derive prints composite edges"
        );
    };
    let question =
        GraphQuestion { from: from.clone(), to: to.clone(), ignore: arguments.ignore.clone(), worlds };
    let mut files = GraphFiles::new(&question, clock::stopwatch())?;
    let mut document = Some(document);
    for path in &arguments.files {
        let mut document = match document.take() {
            Some(document) => document,
            None => open(path)?,
        };
        let reader = document.reader();
        files.read(reader).with_context(|| format!("{} cannot be read", path.display()))?;
    }
    let answer = files.answer()?;
    output.object(&answer, |output| {
        let mut text = String::new();
        let heading = format!(
            "{} of {} reach {}.",
            thousands(answer.exposed_entries),
            count(answer.entries as usize, "entry", "entries"),
            count(answer.targets as usize, "target", "targets")
        );
        let _ = writeln!(text, "{}", output.strong(&heading));
        let cut = |cut: Option<u64>| cut.map_or_else(|| "none: an entry is a target".to_owned(), thousands);
        let _ = writeln!(text, "fewest edges that cut all paths: {}", cut(answer.min_edge_cut));
        let _ = writeln!(text, "fewest nodes that cut all paths: {}", cut(answer.min_node_cut));
        let _ = writeln!(
            text,
            "blast radius: at most {} nodes, {:.1} on average",
            thousands(u64::from(answer.blast.max)),
            answer.blast.mean
        );
        let _ = writeln!(
            text,
            "in {} simulated worlds an entry reaches a target with probability {}",
            thousands(u64::from(answer.simulated.worlds)),
            percent(answer.simulated.mean_probability)
        );
        let _ = writeln!(text, "{} nodes, {} edges", thousands(answer.nodes), thousands(answer.edges));
        text
    })?;
    Ok(Gate::Passed)
}

/// Edges that a table shows; the others are counted.
const SHOWN: usize = 50;

fn derive(output: &Output, arguments: &GraphArguments) -> Result<Gate> {
    let kinds = if arguments.kinds.is_empty() { Kinds::all() } else { Kinds::named(&arguments.kinds)? };
    let mut files = DeriveFiles::new();
    for path in &arguments.files {
        let mut document = open(path)?;
        files.read(document.reader()).with_context(|| format!("{} cannot be read", path.display()))?;
    }
    let derived = files.derive(&kinds)?;
    output.object(&derived, |output| derived_table(output, &derived))?;
    Ok(Gate::Passed)
}

/// One edge a paragraph, its reasons below it: names of directory objects are too long for columns.
fn derived_table(output: &Output, derived: &Derived) -> String {
    let (width, mut text) = (columns(), String::new());
    let edges = derived.edges();
    let all = edges.len();
    let heading = format!(
        "{} derived from {} nodes and {} edges.",
        count(all, "edge", "edges"),
        thousands(derived.node_count()),
        thousands(derived.edge_count())
    );
    let _ = writeln!(text, "{}", output.strong(&heading));
    for (kind, number) in derived.totals() {
        let _ = writeln!(text, "{:>9}  {kind}", thousands(number as u64));
    }
    for (edge, (kind, start, end)) in edges.zip(derived.names()).take(SHOWN) {
        let title = wrap(&format!("{kind}: {start} → {end}"), width, "", "  ");
        let _ = writeln!(text, "\n{}", output.strong(&title));
        for premise in edge.because {
            // Values may be long lists; the JSON has them whole.
            let _ = writeln!(text, "  {}", fit(&premise, width - 2));
        }
    }
    if all > SHOWN {
        let _ = writeln!(text, "\n… and {} more; --format json prints all", thousands((all - SHOWN) as u64));
    }
    text
}

fn rule_graph(
    output: &Output,
    arguments: &GraphArguments,
    mut document: Document,
    worlds: Worlds,
) -> Result<Gate> {
    if arguments.files.len() > 1 {
        bail!("a rule graph stands alone; {} files are named", arguments.files.len());
    }
    let name = document.name().to_owned();
    let named = rulegraph_json::read(document.reader()).with_context(|| format!("{name} cannot be read"))?;
    let answer = rulegraph_answer::answer(&named, worlds, Effort::default())?;
    output.object(&answer, |_| serde_json::to_string_pretty(&answer).unwrap_or_default())?;
    Ok(Gate::Passed)
}

fn open(path: &std::path::Path) -> Result<Document> {
    match Document::open(path, limits()?) {
        Ok(document) => Ok(document),
        Err(error) => bail!("{} {error}", path.display()),
    }
}
