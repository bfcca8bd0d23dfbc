//! The report formats that can be read, as they are listed.

use bartizan_discover::formats::TABLE;
use serde::Serialize;
use utoipa::ToSchema;

/// A format of reports.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct FormatRow {
    /// Its name in `--as FORMAT`.
    pub format: &'static str,
    pub title: &'static str,
    pub tool: &'static str,
    pub kind: &'static str,
    /// A command that makes such a report.
    pub example: &'static str,
}

/// Every format, in the order of the table.
pub fn formats() -> Vec<FormatRow> {
    TABLE
        .iter()
        .map(|format| FormatRow {
            format: format.name,
            title: format.title,
            tool: format.tool,
            kind: format.kind.as_str(),
            example: format.example,
        })
        .collect()
}
