//! The answer in a sentence, and what is not known that would let us say more.

use bartizan_model::AssetKind;

use super::answer::{FixAnswer, JewelAnswer, Ranked};
use super::engine::Engine;
use crate::words::{list, thousands};

impl Engine<'_> {
    pub(super) fn headline(&self, jewels: &[JewelAnswer], fixes: &FixAnswer, exposures: &[Ranked]) -> String {
        if self.estate.reports.is_empty() {
            return "Nothing is known yet. Import reports: bartizan import FILE…".to_owned();
        }
        if jewels.is_empty() {
            let urgent = exposures.iter().filter(|ranked| ranked.tier <= 2).count();
            let how = if urgent == 1 { "exposure is" } else { "exposures are" };
            return format!(
                "{} of {} {how} exploited or likely, and reachable. No crown jewel is stated, so no path can be shown.",
                thousands(urgent as u64),
                thousands(exposures.len() as u64)
            );
        }
        let fallen: Vec<&str> =
            jewels.iter().filter(|jewel| jewel.reachable).map(|jewel| jewel.name.as_str()).collect();
        if fallen.is_empty() {
            // Of a crown jewel that no report has shown, nothing is known: that is no safety.
            let known = jewels.iter().filter(|jewel| !jewel.assets.is_empty());
            let known: Vec<&str> = known.map(|jewel| jewel.name.as_str()).collect();
            if known.is_empty() {
                return "No asset is known that is a crown jewel, so no path can be shown.".to_owned();
            }
            return format!("No known path reaches {}.", list(known));
        }
        if !fixes.certificate.holds {
            return format!("Known paths reach {}, and no set of known fixes stops them all.", list(fallen));
        }
        let things = if fixes.fixes.len() == 1 { "thing" } else { "things" };
        format!("Fix {} {things} and no known path reaches {}.", fixes.fixes.len(), list(fallen))
    }

    /// What would let us say more, in the words of who could bring it.
    pub(super) fn missing(&self) -> Vec<String> {
        let has = |kind: AssetKind| self.estate.assets.iter().any(|asset| asset.kind == kind);
        let mut missing = Vec::new();
        if !self.inputs.scope.stated {
            missing.push(
                "no scope file (bartizan.yaml): crown jewels, owners and entries are not stated".to_owned(),
            );
        } else if self.inputs.scope.jewels.is_empty() {
            missing.push("the scope names no crown jewel, so no path can be shown".to_owned());
        }
        for jewel in self.inputs.scope.jewels.iter().filter(|jewel| jewel.assets.is_empty()) {
            missing.push(format!("no asset is known that is the crown jewel {}", jewel.name));
        }
        if !self
            .estate
            .relations
            .iter()
            .any(|relation| matches!(relation.kind.as_str(), "reaches" | "routes_to"))
        {
            missing.push(
                "no reachability: import a network scan and say from where it looked (sources: viewpoint)"
                    .to_owned(),
            );
        }
        if !has(AssetKind::Account) && !has(AssetKind::Role) {
            missing.push("no identities: import a directory or cloud inventory".to_owned());
        }
        if !has(AssetKind::Directory) && !has(AssetKind::Group) {
            missing.push("no directory".to_owned());
        }
        if !has(AssetKind::Cluster) && !has(AssetKind::Namespace) {
            missing.push("no Kubernetes inventory".to_owned());
        }
        for (feed, what) in [
            ("kev", "which vulnerabilities are exploited in the wild"),
            ("epss", "the likelihood of exploitation"),
        ] {
            if !self.inputs.feeds.iter().any(|known| known.feed == feed) {
                missing.push(format!(
                    "no {} feed: {what} is not known (bartizan intel import)",
                    feed.to_uppercase()
                ));
            }
        }
        missing
    }
}
