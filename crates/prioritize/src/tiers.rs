//! Tiers by ordered rules, with the rule that decided and what would change the answer.

use bartizan_model::{Digest, Digester};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the tier rules cannot be read: {0}")]
    Syntax(String),
    #[error("the tier rules have no rule that takes every exposure; the last one must need only `known`")]
    NotTotal,
    #[error("rule {number} of the tier rules names tier {tier}; tiers are 1 to 4")]
    Tier { number: usize, tier: u8 },
}

/// What is known of an exposure, as far as its tier goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Exploited in the wild.
    pub exploited: bool,
    /// Confirmed by validation here.
    pub proven: bool,
    /// Carries a step of a path from an entry to a crown jewel.
    pub on_path: bool,
    /// An attacker who starts at an entry gets to where it can be used.
    pub reachable: bool,
    /// Chance that it works for an attacker who reaches it; `None` where nothing says.
    pub likelihood: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Exploited,
    Proven,
    OnPath,
    Reachable,
    Likely,
    Known,
}

impl Condition {
    /// The condition in words, and in words when it does not hold.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Exploited => ("it is exploited in the wild", "it is not known to be exploited in the wild"),
            Self::Proven => ("validation confirmed it here", "validation has not confirmed it here"),
            Self::OnPath => ("it is on a path from an entry to a crown jewel", "it is on no known path"),
            Self::Reachable => ("it is reachable from an entry", "no way from an entry to it is known"),
            Self::Likely => ("it is likely to be exploited", "it is unlikely to be exploited"),
            Self::Known => ("a source states it", "no source states it"),
        }
    }
}

/// The tier of an exposure and the rule that gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub tier: u8,
    pub because: String,
    /// Number of the rule in the file, from 1.
    pub rule: usize,
}

/// What the tier would be if one thing were otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counterfactual {
    pub if_: String,
    pub tier: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    likely_from: f64,
    rules: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    tier: u8,
    when: Vec<String>,
    because: String,
}

struct Rule {
    tier: u8,
    when: Vec<(Condition, bool)>,
    because: String,
}

/// The rules, in order.
pub struct TierRules {
    likely_from: f64,
    rules: Vec<Rule>,
    digest: Digest,
}

const EMBEDDED: &str = include_str!("../../../rules/tiers.yaml");

impl TierRules {
    /// The rules that Bartizan ships.
    pub fn embedded() -> Result<Self, Error> {
        Self::parse(EMBEDDED)
    }

    pub fn parse(text: &str) -> Result<Self, Error> {
        let file: RuleFile =
            serde_saphyr::from_str(text).map_err(|error| Error::Syntax(error.to_string()))?;
        let mut rules = Vec::with_capacity(file.rules.len());
        for (position, rule) in file.rules.into_iter().enumerate() {
            if !(1..=4).contains(&rule.tier) {
                return Err(Error::Tier { number: position + 1, tier: rule.tier });
            }
            let when =
                rule.when.iter().map(|text| condition(text, position + 1)).collect::<Result<_, _>>()?;
            rules.push(Rule { tier: rule.tier, when, because: rule.because });
        }
        let total = rules.last().is_some_and(|rule| rule.when == [(Condition::Known, true)]);
        let digest = Digester::new("tiers").field(text).finish();
        if total { Ok(Self { likely_from: file.likely_from, rules, digest }) } else { Err(Error::NotTotal) }
    }

    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The likelihood from which an exposure counts as likely.
    pub const fn likely_from(&self) -> f64 {
        self.likely_from
    }

    /// The tier of an exposure. A likelihood that nothing states counts as likely: unknown is not
    /// harmless.
    pub fn decide(&self, standing: &Standing) -> Decision {
        let found = self.rules.iter().position(|rule| self.applies(rule, standing));
        // The last rule takes everything, so there is always one.
        let position = found.unwrap_or(self.rules.len() - 1);
        let rule = &self.rules[position];
        Decision { tier: rule.tier, because: rule.because.clone(), rule: position + 1 }
    }

    fn applies(&self, rule: &Rule, standing: &Standing) -> bool {
        rule.when.iter().all(|(condition, wanted)| self.holds(*condition, standing) == *wanted)
    }

    fn holds(&self, condition: Condition, standing: &Standing) -> bool {
        match condition {
            Condition::Exploited => standing.exploited,
            Condition::Proven => standing.proven,
            Condition::OnPath => standing.on_path,
            Condition::Reachable => standing.reachable,
            Condition::Likely => standing.likelihood.is_none_or(|likelihood| likelihood >= self.likely_from),
            Condition::Known => true,
        }
    }

    /// The single changes that would move the exposure to another tier.
    pub fn counterfactuals(&self, standing: &Standing) -> Vec<Counterfactual> {
        let own = self.decide(standing).tier;
        let mut changes: Vec<(&str, Standing)> = Vec::new();
        if standing.on_path {
            changes.push(("no path led over it", Standing { on_path: false, ..*standing }));
        }
        if standing.reachable {
            let unreachable = Standing { reachable: false, on_path: false, ..*standing };
            changes.push(("no entry reached it", unreachable));
        }
        if standing.exploited {
            changes.push(("it were not exploited in the wild", Standing { exploited: false, ..*standing }));
        } else {
            changes.push(("it were exploited in the wild", Standing { exploited: true, ..*standing }));
        }
        if !standing.proven {
            changes.push(("validation confirmed it here", Standing { proven: true, ..*standing }));
        }
        if self.holds(Condition::Likely, standing) {
            changes
                .push(("it were unlikely to be exploited", Standing { likelihood: Some(0.0), ..*standing }));
        }
        changes
            .into_iter()
            .map(|(text, standing)| Counterfactual {
                if_: text.to_owned(),
                tier: self.decide(&standing).tier,
            })
            .filter(|counterfactual| counterfactual.tier != own)
            .collect()
    }
}

fn condition(text: &str, number: usize) -> Result<(Condition, bool), Error> {
    let (name, wanted) = text.strip_prefix('!').map_or((text, true), |name| (name, false));
    let condition = match name {
        "exploited" => Condition::Exploited,
        "proven" => Condition::Proven,
        "on_path" => Condition::OnPath,
        "reachable" => Condition::Reachable,
        "likely" => Condition::Likely,
        "known" => Condition::Known,
        other => return Err(Error::Syntax(format!("rule {number} names an unknown condition {other:?}"))),
    };
    Ok((condition, wanted))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn standing(on_path: bool, reachable: bool, exploited: bool, likelihood: Option<f64>) -> Standing {
        Standing { exploited, proven: false, on_path, reachable, likelihood }
    }

    #[test]
    fn tiers_follow_the_model() {
        let rules = TierRules::embedded().unwrap();
        for (standing, tier) in [
            (standing(true, true, true, Some(0.9)), 1),
            (standing(true, true, false, Some(0.5)), 2),
            (standing(false, true, true, Some(0.01)), 2),
            (standing(true, true, false, Some(0.01)), 3),
            (standing(false, true, false, Some(0.5)), 3),
            (standing(false, false, true, Some(0.9)), 4),
            (standing(true, true, false, None), 2),
        ] {
            assert_eq!(rules.decide(&standing).tier, tier, "{standing:?}");
        }
        assert_eq!(rules.decide(&Standing { proven: true, on_path: true, ..Standing::default() }).tier, 1);
    }

    #[test]
    fn rule_files_are_checked() {
        assert!(matches!(TierRules::parse("likely_from: 0.1\nrules: []"), Err(Error::NotTotal)));
        let unknown = "likely_from: 0.1\nrules:\n  - {tier: 1, when: [loud], because: x}\n";
        assert!(TierRules::parse(unknown).is_err_and(|error| error.to_string().contains("\"loud\"")));
    }

    proptest! {
        /// More reason to act never gives a later tier.
        #[test]
        fn reasons_are_monotone(
            exploited: bool, proven: bool, on_path: bool, reachable: bool, likelihood in 0.0f64..1.0,
        ) {
            let rules = TierRules::embedded().unwrap();
            let standing = Standing { exploited, proven, on_path, reachable, likelihood: Some(likelihood) };
            let own = rules.decide(&standing).tier;
            for more in [
                Standing { exploited: true, ..standing },
                Standing { proven: true, ..standing },
                Standing { on_path: true, ..standing },
                Standing { reachable: true, ..standing },
                Standing { likelihood: Some(1.0), ..standing },
                Standing { likelihood: None, ..standing },
            ] {
                prop_assert!(rules.decide(&more).tier <= own);
            }
        }
    }
}
