//! By when a vulnerability has to be fixed, from decision tables that are data. What is not known
//! takes the value with the strictest outcome, and the answer says so.

use serde::Serialize;

use crate::facts::{CveFacts, TechnicalImpact};
use crate::ssvc::{DecisionTable, Row};
use crate::{Error, Result};

/// A table of deadlines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadlineTable {
    table: DecisionTable,
    outcomes: Vec<Outcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Outcome {
    within: Within,
    /// Sorts a demand for forensics before none.
    no_forensics: bool,
}

/// How long there is, strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Within {
    /// Calendar days.
    Days(u32),
    /// With the next upgrade of the system.
    OnUpgrade,
}

/// What the table asks about a vulnerability on an asset; `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Situation {
    pub in_kev: Option<bool>,
    /// The asset can be reached from the internet.
    pub exposed: Option<bool>,
    pub automatable: Option<bool>,
    pub technical_impact: Option<TechnicalImpact>,
}

/// A deadline and the row that decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deadline {
    pub within: Within,
    /// The table also asks to look whether the asset was already broken into.
    pub forensics: bool,
    /// The table's name and version.
    pub table: String,
    /// The deciding row: each decision point with its value.
    pub row: Vec<(String, String)>,
    /// Decision points that are unknown and took the strictest value.
    pub assumed: Vec<String>,
    /// The laxest outcome that knowing them could give; the same where nothing was assumed.
    pub at_most: Within,
    /// One sentence for people.
    pub why: String,
}

impl Situation {
    /// What the facts say. `kev_known` tells whether a catalogue was read at all: without one,
    /// absence from it says nothing.
    pub fn of(facts: &CveFacts, exposed: Option<bool>, kev_known: bool) -> Self {
        let ssvc = facts.ssvc;
        Self {
            in_kev: if facts.kev.is_some() { Some(true) } else { kev_known.then_some(false) },
            exposed,
            automatable: ssvc
                .and_then(|ssvc| ssvc.automatable)
                .or_else(|| facts.vector().and_then(crate::Vector::automatable)),
            technical_impact: ssvc.and_then(|ssvc| ssvc.technical_impact),
        }
    }

    fn known(self) -> [(&'static str, Option<&'static str>); 4] {
        const fn yes_no(value: Option<bool>) -> Option<&'static str> {
            match value {
                Some(true) => Some("yes"),
                Some(false) => Some("no"),
                None => None,
            }
        }
        let impact = self.technical_impact.map(|impact| match impact {
            TechnicalImpact::Partial => "partial",
            TechnicalImpact::Total => "total",
        });
        [
            ("in_kev", yes_no(self.in_kev)),
            ("asset_exposure", yes_no(self.exposed)),
            ("automatable", yes_no(self.automatable)),
            ("technical_impact", impact),
        ]
    }
}

impl DeadlineTable {
    /// CISA's Binding Operational Directive 26-04, built in.
    pub fn bod_26_04() -> Result<Self> {
        Self::parse(include_str!("../../../rules/deadlines/bod-26-04.csv"))
    }

    /// A table by the name under which scope files know it.
    pub fn named(name: &str) -> Option<Result<Self>> {
        (name == "bod-26-04").then(Self::bod_26_04)
    }

    /// Reads a table whose decision points are `in_kev`, `asset_exposure`, `automatable` and
    /// `technical_impact`, or some of them, and whose outcomes are `14 days`, `3 days and forensic
    /// investigation`, `on upgrade` and the like.
    pub fn parse(text: &str) -> Result<Self> {
        let table = DecisionTable::parse(text)?;
        let points = Situation::default().known().map(|(name, _)| name);
        if let Some(unknown) = table.inputs.iter().find(|input| !points.contains(&input.as_str())) {
            let message =
                format!("{unknown:?} is not a decision point that is known ({})", points.join(", "));
            return Err(Error::Table { line: 1, message });
        }
        let outcomes = table
            .rows
            .iter()
            .map(|row| {
                Outcome::parse(&row.outcome).ok_or_else(|| Error::Table {
                    line: 1,
                    message: format!("{:?} is not a deadline", row.outcome),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { table, outcomes })
    }

    pub const fn table(&self) -> &DecisionTable {
        &self.table
    }

    fn label(&self) -> String {
        let about = |key: &str| self.table.about.get(key).map(String::as_str);
        [about("name").unwrap_or(&self.table.outcome), about("version").unwrap_or_default()]
            .join(" ")
            .trim()
            .to_owned()
    }

    /// The strictest deadline that fits what is known; `None` where the table has no such row.
    pub fn decide(&self, situation: Situation) -> Option<Deadline> {
        let known = situation.known();
        let fits: Vec<(Outcome, &Row)> = self
            .table
            .rows
            .iter()
            .zip(&self.outcomes)
            .filter(|(row, _)| self.table.fits(row, &known))
            .map(|(row, outcome)| (*outcome, row))
            .collect();
        let (outcome, row) = *fits.iter().min_by_key(|(outcome, _)| *outcome)?;
        let laxest = fits.iter().map(|(outcome, _)| outcome.within).max()?;
        let values: Vec<(String, String)> =
            self.table.inputs.iter().cloned().zip(row.values.iter().cloned()).collect();
        let assumed: Vec<String> = self
            .table
            .inputs
            .iter()
            .filter(|input| known.iter().any(|(name, value)| name == input && value.is_none()))
            .cloned()
            .collect();
        let why = sentence(&self.label(), outcome, laxest, &values, &assumed);
        Some(Deadline {
            within: outcome.within,
            forensics: !outcome.no_forensics,
            table: self.label(),
            row: values,
            assumed,
            at_most: laxest,
            why,
        })
    }
}

impl Outcome {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let no_forensics = !text.contains("forensic");
        let within = if text.contains("upgrade") {
            Within::OnUpgrade
        } else {
            let mut words = text.split_whitespace();
            let days = words.next()?.parse().ok()?;
            words.next().filter(|unit| unit.starts_with("day"))?;
            Within::Days(days)
        };
        Some(Self { within, no_forensics })
    }
}

fn in_words(within: Within) -> String {
    match within {
        Within::Days(1) => "within 1 day".to_owned(),
        Within::Days(days) => format!("within {days} days"),
        Within::OnUpgrade => "with the next upgrade".to_owned(),
    }
}

fn sentence(
    table: &str,
    outcome: Outcome,
    laxest: Within,
    values: &[(String, String)],
    assumed: &[String],
) -> String {
    let reasons: Vec<String> = values
        .iter()
        .map(|(name, value)| {
            let unknown = if assumed.contains(name) { " (assumed)" } else { "" };
            match (name.as_str(), value.as_str()) {
                ("in_kev", "yes") => format!("known to be exploited{unknown}"),
                ("in_kev", _) => format!("not in KEV{unknown}"),
                ("asset_exposure", "yes") => format!("reachable from the internet{unknown}"),
                ("asset_exposure", _) => format!("not reachable from the internet{unknown}"),
                ("automatable", "yes") => format!("exploitation can be automated{unknown}"),
                ("automatable", _) => format!("exploitation cannot be automated{unknown}"),
                ("technical_impact", value) => format!("{value} technical impact{unknown}"),
                (name, value) => format!("{name} is {value}{unknown}"),
            }
        })
        .collect();
    let forensics = if outcome.no_forensics { "" } else { ", and look whether it was broken into" };
    let open = if assumed.is_empty() || laxest == outcome.within {
        String::new()
    } else {
        format!("; if what is assumed were known, it could be {}", in_words(laxest))
    };
    format!("{table}: {}{forensics}: {}{open}", in_words(outcome.within), reasons.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(text: &str) -> Situation {
        let mut parts = text.chars().map(|letter| match letter {
            'y' => Some(true),
            'n' => Some(false),
            _ => None,
        });
        let mut next = || parts.next().flatten();
        Situation {
            in_kev: next(),
            exposed: next(),
            automatable: next(),
            technical_impact: next()
                .map(|total| if total { TechnicalImpact::Total } else { TechnicalImpact::Partial }),
        }
    }

    #[test]
    fn rows_of_the_directive() {
        let table = DeadlineTable::bod_26_04().unwrap();
        for (text, within, forensics) in [
            ("nnnn", Within::OnUpgrade, false),
            ("nnny", Within::OnUpgrade, false),
            ("nyyy", Within::Days(3), false),
            ("yyyy", Within::Days(3), true),
            ("yyyn", Within::Days(3), false),
            ("ynnn", Within::Days(14), false),
            ("nynn", Within::Days(60), false),
            // Unknown takes the strictest value.
            ("????", Within::Days(3), true),
            ("nn?n", Within::Days(60), false),
            ("n?nn", Within::Days(60), false),
            ("y?nn", Within::Days(14), false),
            ("yn?y", Within::Days(3), true),
        ] {
            let deadline = table.decide(situation(text)).unwrap();
            assert_eq!(
                (deadline.within, deadline.forensics),
                (within, forensics),
                "{text}: {}",
                deadline.why
            );
            assert_eq!(deadline.assumed.len(), text.matches('?').count(), "{text}");
        }
    }

    #[test]
    fn what_is_assumed_is_said() {
        let table = DeadlineTable::bod_26_04().unwrap();
        let deadline = table.decide(situation("yn?y")).unwrap();
        assert_eq!(
            deadline.why,
            "BOD 26-04 1.0.0: within 3 days, and look whether it was broken into: known to be exploited, not reachable \
             from the internet, exploitation can be automated (assumed), total technical impact; if what is assumed \
             were known, it could be within 14 days"
        );
        assert_eq!((deadline.assumed, deadline.at_most), (vec!["automatable".to_owned()], Within::Days(14)));
    }

    #[test]
    fn absence_from_a_catalogue_that_nobody_read_says_nothing() {
        let facts = CveFacts::new("CVE-2024-0001");
        assert_eq!(Situation::of(&facts, None, false).in_kev, None);
        assert_eq!(Situation::of(&facts, None, true).in_kev, Some(false));
    }

    #[test]
    fn a_table_must_decide_deadlines() {
        assert!(DeadlineTable::parse("in_kev,x\nyes,soon\n").is_err());
        assert!(DeadlineTable::parse("colour,x\nred,3 days\n").is_err());
        let own =
            DeadlineTable::parse("# name: House rule\nin_kev,timeline\nyes,7 days\nno,on upgrade\n").unwrap();
        assert_eq!(own.decide(situation("nyyy")).unwrap().within, Within::OnUpgrade);
    }
}
