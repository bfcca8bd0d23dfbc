//! The tests that rules bring along: a tiny set of facts, and exactly the steps that follow from it.

use std::collections::BTreeMap;

use bartizan_model::estate::{
    Asset, AssetIndex, Estate, Exposure, Mention, Relation, Report, ReportIndex, Service, WeaknessIndex,
    Witness,
};
use bartizan_model::{
    AssetKind, Attributes, Digest, EntryKind, Identifier, Place, RelationKind, Scheme, Severity, Status,
    Timestamp, Weakness, WeaknessKey,
};

use super::assess::CatalogueFacts;
use super::catalogue::Catalogue;
use super::ground::{AttackGraph, Entry, Question, ground};
use super::node::AttackNode;
use super::rule::Rules;
use super::text::TestText;
use crate::engine::NodeId;

/// A test of a rule that does not come out as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestFailure {
    pub rule: String,
    pub test: String,
    pub message: String,
}

impl Rules {
    /// Runs the tests of all rules; returns those that fail. Each test sees all rules, and judges the
    /// steps of its own.
    pub fn run_tests(&self, catalogue: &Catalogue) -> Vec<TestFailure> {
        let mut failures = Vec::new();
        for rule in &self.rules {
            for test in &rule.tests {
                if let Err(message) = self.run(rule.id(), test, catalogue) {
                    failures.push(TestFailure {
                        rule: rule.id().to_owned(),
                        test: test.name.clone(),
                        message,
                    });
                }
            }
        }
        failures
    }

    fn run(&self, rule: &str, test: &TestText, catalogue: &Catalogue) -> Result<(), String> {
        let (estate, names) = estate(test)?;
        let mut entries = vec![Entry::internet()];
        for (kind, accounts) in &test.entries {
            let kind = EntryKind::parse(kind).ok_or_else(|| format!("`{kind}` is no kind of entry"))?;
            let assets = accounts.iter().map(|name| find(&names, name)).collect::<Result<_, _>>()?;
            entries.push(Entry { kind, assets });
        }
        let question = Question {
            entries: &entries,
            jewels: &[],
            facts: &CatalogueFacts { estate: &estate, catalogue },
            fix_of: &|_| None,
            unknown_flaws: test.unknown_flaws,
        };
        let attack = ground(&estate, self, catalogue, &question).map_err(|error| error.to_string())?;
        let mut steps = Vec::new();
        for id in attack.step_ids() {
            let step = attack.step(&estate, self, id).ok_or("a step is not there")?;
            if !step.evidence.iter().any(|evidence| !evidence.mentions.is_empty()) {
                return Err(format!("no evidence for: {}", step.sentence));
            }
            if step.rule == rule {
                let mut premises: Vec<String> =
                    step.premises.iter().map(|&node| spell(&attack, &estate, node)).collect();
                premises.sort_unstable();
                steps.push(format!(
                    "{} => {}",
                    premises.join(" & "),
                    spell(&attack, &estate, step.conclusion)
                ));
            }
        }
        steps.sort_unstable();
        let mut expected = test.steps.clone();
        expected.sort_unstable();
        if steps == expected { Ok(()) } else { Err(format!("expected {expected:?}, derived {steps:?}")) }
    }
}

/// A node as tests spell it: `user on shop`, `shop:443`, `internet`, `phished-user`.
fn spell(attack: &AttackGraph, estate: &Estate, node: NodeId) -> String {
    match &attack.nodes[node.index()] {
        AttackNode::Internet => "internet".to_owned(),
        AttackNode::Entry(kind) => kind.to_string(),
        AttackNode::Gate { group, protocol, first, last } => {
            format!("gate {}:{first}-{last}/{protocol}", estate.asset(*group).name)
        }
        other => other.label(estate),
    }
}

fn find(names: &BTreeMap<String, AssetIndex>, name: &str) -> Result<AssetIndex, String> {
    names.get(name).copied().ok_or_else(|| format!("no asset `{name}` in the test"))
}

/// The facts of a test as an estate, and the assets by their names.
fn estate(test: &TestText) -> Result<(Estate, BTreeMap<String, AssetIndex>), String> {
    let mention = || Mention { report: ReportIndex(0), at: "test".to_owned() };
    let mut estate = Estate {
        reports: vec![Report {
            digest: Digest::of(b"test"),
            file: "test".to_owned(),
            format: "test".to_owned(),
            tool: "test".to_owned(),
            tool_version: None,
            scanned_at: Timestamp::UNIX_EPOCH,
        }],
        ..Estate::default()
    };
    for (name, text) in &test.assets {
        let kind =
            AssetKind::parse(&text.kind).ok_or_else(|| format!("`{}` is no kind of asset", text.kind))?;
        let mut identifiers: Vec<Identifier> =
            text.ip.iter().map(|address| Identifier::new(Scheme::Ip, address)).collect();
        for identifier in &text.identifiers {
            identifiers.push(
                Identifier::parse(identifier).ok_or_else(|| format!("`{identifier}` is no identifier"))?,
            );
        }
        if kind == AssetKind::Credential {
            identifiers
                .push(Identifier::new(Scheme::SecretFingerprint, Digest::of(name.as_bytes()).to_string()));
        }
        identifiers.sort_unstable();
        estate.assets.push(Asset {
            key: Digest::of(name.as_bytes()),
            kind,
            name: name.clone(),
            identifiers,
            attributes: text.attributes.clone(),
            first_seen: Timestamp::UNIX_EPOCH,
            last_seen: Timestamp::UNIX_EPOCH,
            assessed_at: None,
            witnesses: vec![mention()],
        });
    }
    estate.assets.sort_by_key(|asset| asset.key);
    let names: BTreeMap<String, AssetIndex> = (0_u32..)
        .zip(&estate.assets)
        .map(|(number, asset)| (asset.name.clone(), AssetIndex(number)))
        .collect();
    for relation in &test.relations {
        let kind = RelationKind::foreign(relation.kind.clone());
        estate.relations.push(Relation {
            kind,
            from: find(&names, &relation.from)?,
            to: find(&names, &relation.to)?,
            attributes: relation.attributes.clone(),
            witnesses: vec![mention()],
        });
    }
    for service in &test.services {
        estate.services.push(Service {
            host: find(&names, &service.host)?,
            protocol: service.protocol.clone(),
            port: service.port,
            attributes: service.attributes.clone(),
            witnesses: vec![mention()],
        });
    }
    for (number, exposure) in test.exposures.iter().enumerate() {
        let mut weakness = Weakness::new(WeaknessKey::parse(&exposure.weakness), "");
        weakness.cvss.clone_from(&exposure.cvss);
        weakness.cwes.clone_from(&exposure.cwes);
        estate.weaknesses.push(weakness);
        let place = match (&exposure.place, &exposure.secret) {
            (_, Some(credential)) => Place::Secret(Digest::of(credential.as_bytes())),
            (Some(text), None) => Place::parse(text).ok_or_else(|| format!("`{text}` is no place"))?,
            (None, None) => Place::Whole,
        };
        estate.exposures.push(Exposure {
            key: Digest::of(format!("{number}").as_bytes()),
            asset: find(&names, &exposure.on)?,
            weakness: WeaknessIndex(number as u32),
            place,
            state: exposure.state,
            severity: exposure.severity,
            first_seen: Timestamp::UNIX_EPOCH,
            last_seen: Timestamp::UNIX_EPOCH,
            witnesses: vec![witness(mention(), exposure.severity, exposure.attributes.clone())],
        });
    }
    Ok((estate, names))
}

fn witness(mention: Mention, severity: Severity, attributes: Attributes) -> Witness {
    Witness {
        tool: "test".to_owned(),
        mention,
        part: None,
        status: Status::Affected,
        severity,
        evidence: None,
        fix: None,
        attributes,
        last_seen: Timestamp::UNIX_EPOCH,
        live: true,
    }
}
