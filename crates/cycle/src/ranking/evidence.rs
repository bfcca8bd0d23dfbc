//! Evidence: what a report said, with the report, the tool and the place in it.

use bartizan_graph::rules::Step;
use bartizan_model::estate::Mention;

use super::answer::EvidenceItem;
use super::engine::Engine;

impl Engine<'_> {
    pub(super) fn evidence(&self, step: &Step) -> Vec<EvidenceItem> {
        let mut items: Vec<EvidenceItem> = step
            .evidence
            .iter()
            .flat_map(|evidence| evidence.mentions.iter().map(|mention| self.cite(&evidence.text, mention)))
            .collect();
        items.dedup();
        items
    }

    pub(crate) fn cite(&self, text: &str, mention: &Mention) -> EvidenceItem {
        let report = self.estate.report(mention.report);
        EvidenceItem {
            text: text.to_owned(),
            tool: report.tool.clone(),
            report: report.file.clone(),
            at: mention.at.clone(),
            scanned_at: report.scanned_at,
        }
    }
}
