//! Tasks: one for each fix, with what, where, how exactly, why, by when, and how it is checked.

use std::fmt::Write as _;

use bartizan_model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A fix as its owner gets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    pub id: Digest,
    pub title: String,
    pub tier: u8,
    pub owner: Option<String>,
    pub contact: Option<String>,
    pub due: Option<Timestamp>,
    /// Why it is due then.
    pub due_because: Option<String>,
    /// The asset on which it is done.
    pub asset: String,
    /// Exact versions, settings, commands.
    pub how: Vec<String>,
    /// Why now, in sentences.
    pub why: Vec<String>,
    /// What goes away with it.
    pub removes: Vec<Removed>,
    /// How Bartizan will see that it is done.
    pub check: Vec<String>,
    pub hours: f64,
    pub risk_removed: f64,
}

/// An exposure that a task removes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Removed {
    pub exposure: Digest,
    pub weakness: String,
    pub place: String,
    pub sources: Vec<String>,
}

/// What can go wrong when tasks are written.
#[derive(Debug, thiserror::Error)]
#[error("the tasks cannot be written as CSV: {0}")]
pub struct Error(#[from] csv::Error);

/// One Markdown document with a section for each task.
pub fn markdown(tasks: &[Task]) -> String {
    let mut text = String::new();
    for task in tasks {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {}\n", inline(&task.title));
        let owner = task
            .owner
            .as_deref()
            .map_or_else(|| "nobody yet (no owner in the scope matches)".to_owned(), inline);
        let contact =
            task.contact.as_deref().map(|contact| format!(" ({})", inline(contact))).unwrap_or_default();
        let _ = writeln!(text, "- **Where**: {}", inline(&task.asset));
        let _ = writeln!(text, "- **Owner**: {owner}{contact}");
        let due = task.due.map_or_else(|| "no deadline applies".to_owned(), day);
        let because =
            task.due_because.as_deref().map(|because| format!(" ({})", inline(because))).unwrap_or_default();
        let _ = writeln!(text, "- **By when**: {due}{because}");
        let _ =
            writeln!(text, "- **Tier**: {} · about {} hours · task `{}`\n", task.tier, task.hours, task.id);
        section(&mut text, "Why now", &task.why);
        section(&mut text, "What to do", &task.how);
        let removes: Vec<String> = task
            .removes
            .iter()
            .map(|removed| {
                let place =
                    if removed.place.is_empty() { String::new() } else { format!(" at {}", removed.place) };
                format!("{}{place} — seen by {}", removed.weakness, removed.sources.join(", "))
            })
            .collect();
        section(&mut text, "What goes away", &removes);
        section(&mut text, "How it is checked", &task.check);
    }
    text
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "## {title}\n");
    for line in lines {
        let _ = writeln!(text, "- {}", inline(line));
    }
    text.push('\n');
}

/// Text from reports must not become markup: characters with a meaning are escaped, lines joined.
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// One row for each task; lists are joined by `; `.
pub fn csv(tasks: &[Task]) -> Result<String, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "id",
        "title",
        "tier",
        "owner",
        "contact",
        "due",
        "due_because",
        "asset",
        "how",
        "why",
        "removes",
        "check",
        "hours",
        "risk_removed",
    ])?;
    for task in tasks {
        let removes: Vec<String> = task
            .removes
            .iter()
            .map(|removed| format!("{} {}", removed.weakness, removed.place).trim().to_owned())
            .collect();
        let row = [
            task.id.to_string(),
            task.title.clone(),
            task.tier.to_string(),
            task.owner.clone().unwrap_or_default(),
            task.contact.clone().unwrap_or_default(),
            task.due.map(|due| due.to_string()).unwrap_or_default(),
            task.due_because.clone().unwrap_or_default(),
            task.asset.clone(),
            task.how.join("; "),
            task.why.join("; "),
            removes.join("; "),
            task.check.join("; "),
            task.hours.to_string(),
            format!("{:.2}", task.risk_removed),
        ];
        writer.write_record(row.iter().map(|cell| guarded(cell)))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A cell that a spreadsheet would run as a formula is led by an apostrophe.
fn guarded(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        Task {
            id: Digest::of(b"t"),
            title: "Upgrade requests to 2.32.4 on shop-api".to_owned(),
            tier: 2,
            owner: Some("platform".to_owned()),
            contact: None,
            due: "2026-11-26T00:00:00Z".parse().ok(),
            due_because: Some("BOD 26-04".to_owned()),
            asset: "shop-api".to_owned(),
            how: vec!["=cmd".to_owned()],
            why: vec!["on 2 of 3 paths to <b>customer-exports</b>".to_owned()],
            removes: vec![Removed {
                exposure: Digest::of(b"e"),
                weakness: "CVE-2024-0001".to_owned(),
                place: String::new(),
                sources: vec!["grype".to_owned(), "trivy".to_owned()],
            }],
            check: vec!["a newer trivy report".to_owned()],
            hours: 2.0,
            risk_removed: 1200.0,
        }
    }

    #[test]
    fn markdown_escapes_what_reports_say() {
        let text = markdown(&[task()]);
        assert!(text.contains("\\<b\\>customer-exports\\</b\\>"), "{text}");
        assert!(text.contains("**By when**: 2026-11-26 (BOD 26-04)"));
    }

    #[test]
    fn csv_cells_are_never_formulas() {
        let text = csv(&[task()]).unwrap();
        assert!(text.contains(",'=cmd,"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }
}
