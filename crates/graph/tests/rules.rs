//! The attack rules that come with the product, and how they ground: on the facts that they bring as
//! tests, on the story of the example company, in any order, and at size.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeSet;

use bartizan_graph::engine::{Effort, Removed, best_proof, closure, minimum_fixes, zero_day_distance};
use bartizan_graph::rules::{
    ATTACK_RULES, Assessment, AttackGraph, AttackNode, Catalogue, CatalogueFacts, Entry, EntryKind, Facts,
    Fix, Jewel, Level, Question, Remedy, Rules, ground,
};
use bartizan_model::estate::{
    Asset, AssetIndex, Estate, Exposure, ExposureIndex, Mention, Relation, Report, ReportIndex, Service,
    WeaknessIndex, Witness,
};
use bartizan_model::{
    AssetKind, Attributes, Digest, Identifier, Place, RelationKind, Scheme, Severity, State, Status,
    Timestamp, Weakness, WeaknessKey,
};

/// Facts by name, made into an estate.
#[derive(Default)]
struct Ledger {
    estate: Estate,
}

fn mention(at: &str) -> Mention {
    Mention { report: ReportIndex(0), at: at.to_owned() }
}

impl Ledger {
    fn new() -> Self {
        let mut estate = Estate::default();
        estate.reports.push(Report {
            digest: Digest::of(b"report"),
            file: "report.json".to_owned(),
            format: "test".to_owned(),
            tool: "test".to_owned(),
            tool_version: None,
            scanned_at: Timestamp::UNIX_EPOCH,
        });
        Self { estate }
    }

    fn asset(&mut self, kind: AssetKind, name: &str) -> AssetIndex {
        self.asset_with(kind, name, &[], Attributes::new())
    }

    fn asset_with(
        &mut self,
        kind: AssetKind,
        name: &str,
        identifiers: &[Identifier],
        attributes: Attributes,
    ) -> AssetIndex {
        self.estate.assets.push(Asset {
            key: Digest::of(name.as_bytes()),
            kind,
            name: name.to_owned(),
            identifiers: identifiers.to_vec(),
            attributes,
            first_seen: Timestamp::UNIX_EPOCH,
            last_seen: Timestamp::UNIX_EPOCH,
            assessed_at: None,
            witnesses: vec![mention(name)],
        });
        AssetIndex(self.estate.assets.len() as u32 - 1)
    }

    fn relation(&mut self, kind: RelationKind, from: AssetIndex, to: AssetIndex) {
        self.relation_with(kind, from, to, &[]);
    }

    fn relation_with(
        &mut self,
        kind: RelationKind,
        from: AssetIndex,
        to: AssetIndex,
        attributes: &[(&str, serde_json::Value)],
    ) {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let at = format!("relations[{}]", self.estate.relations.len());
        self.estate.relations.push(Relation { kind, from, to, attributes, witnesses: vec![mention(&at)] });
    }

    fn service(&mut self, host: AssetIndex, port: u16, product: &str) {
        let attributes = [("product".to_owned(), product.into())].into();
        let witnesses = vec![mention("services")];
        self.estate.services.push(Service { host, protocol: "tcp".to_owned(), port, attributes, witnesses });
    }

    fn exposure(&mut self, on: AssetIndex, weakness: Weakness, place: Place) -> ExposureIndex {
        self.estate.weaknesses.push(weakness);
        let number = self.estate.exposures.len() as u32;
        self.estate.exposures.push(Exposure {
            key: Digest::of(&number.to_le_bytes()),
            asset: on,
            weakness: WeaknessIndex(self.estate.weaknesses.len() as u32 - 1),
            place,
            state: State::Open,
            severity: Severity::High,
            first_seen: Timestamp::UNIX_EPOCH,
            last_seen: Timestamp::UNIX_EPOCH,
            witnesses: vec![Witness {
                tool: "test".to_owned(),
                mention: mention(&format!("findings[{number}]")),
                part: None,
                status: Status::Affected,
                severity: Severity::High,
                evidence: None,
                fix: None,
                attributes: Attributes::new(),
                last_seen: Timestamp::UNIX_EPOCH,
                live: true,
            }],
        });
        ExposureIndex(number)
    }
}

fn rule_weakness(key: &str, title: &str) -> Weakness {
    Weakness::new(WeaknessKey::parse(key), title)
}

fn vulnerability(id: &str, vector: &str) -> Weakness {
    let mut weakness = Weakness::new(WeaknessKey::vulnerability(id), id);
    weakness.cvss = vec![vector.to_owned()];
    weakness
}

const REMOTE: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
const LOCAL: &str = "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H";

/// Brambleford Freight: from the internet by a served `.git` to a key, an account, a role and the customer
/// exports; and from a phished clerk by nested groups to the build host, its key, and the same role.
struct Story {
    estate: Estate,
    mira: AssetIndex,
    exports: AssetIndex,
    git: ExposureIndex,
    leak: ExposureIndex,
}

fn story() -> Story {
    use AssetKind as Kind;
    let mut facts = Ledger::new();
    let internet = facts.asset(Kind::Internet, "internet");
    let address = Identifier::new(Scheme::Ip, "198.51.100.10");
    let shop = facts.asset_with(Kind::Host, "shop.brambleford.example", &[address], Attributes::new());
    let code = facts.asset(Kind::Repository, "shop-api");
    let secret =
        |name: &str| Identifier::new(Scheme::SecretFingerprint, Digest::of(name.as_bytes()).to_string());
    let key = facts.asset_with(Kind::Credential, "AKIA…7Q", &[secret("shop")], Attributes::new());
    let service_account = facts.asset(Kind::Account, "svc-shop");
    let deployer = facts.asset(Kind::Role, "shop-deployer");
    let instance = facts.asset(Kind::Role, "shop-instance");
    let exports = facts.asset(Kind::DataStore, "brambleford-customer-exports");
    let mira = facts.asset_with(Kind::Account, "mira.holt", &[], [("mfa".to_owned(), false.into())].into());
    let desk = facts.asset(Kind::Group, "RELEASE DESK");
    let engineering = facts.asset(Kind::Group, "RELEASE ENGINEERING");
    let operators = facts.asset(Kind::Group, "BUILD OPERATORS");
    let build = facts.asset(Kind::Host, "BUILD01");
    let build_key = facts.asset_with(Kind::Credential, "AKIA…CI", &[secret("ci")], Attributes::new());
    let build_account = facts.asset(Kind::Account, "ci-deploy");

    let port = |port: u16| [("protocol", "tcp".into()), ("port", port.into())];
    facts.relation_with(RelationKind::REACHES, internet, shop, &port(443));
    facts.relation_with(RelationKind::REACHES, internet, shop, &port(80));
    facts.service(shop, 443, "nginx");
    facts.service(shop, 80, "nginx");
    facts.service(shop, 22, "OpenSSH");
    facts.relation(RelationKind::SERVES_SOURCE, shop, code);
    facts.relation(RelationKind::HOLDS_SECRET, code, key);
    facts.relation(RelationKind::AUTHENTICATES, key, service_account);
    facts.relation(RelationKind::ASSUMES, service_account, deployer);
    facts.relation(RelationKind::RUNS_AS, shop, instance);
    facts.relation(RelationKind::ASSUMES, instance, deployer);
    facts.relation_with(RelationKind::GRANTS_ACCESS, deployer, exports, &[("access", "read".into())]);
    facts.relation(RelationKind::foreign("MemberOf"), mira, desk);
    facts.relation(RelationKind::foreign("MemberOf"), desk, engineering);
    facts.relation(RelationKind::foreign("MemberOf"), engineering, operators);
    facts.relation(RelationKind::foreign("AdminTo"), operators, build);
    facts.relation(RelationKind::HOLDS_SECRET, build, build_key);
    facts.relation(RelationKind::AUTHENTICATES, build_key, build_account);
    facts.relation(RelationKind::ASSUMES, build_account, deployer);

    let git = facts.exposure(
        shop,
        rule_weakness("nmap:http-git", "Git repository served"),
        Place::port("tcp", 443),
    );
    let leak = facts.exposure(
        code,
        rule_weakness("secret:exposed", "AWS key in history"),
        Place::Secret(Digest::of(b"shop")),
    );
    facts.exposure(shop, vulnerability("CVE-2024-1111", REMOTE), Place::port("tcp", 443));
    facts.exposure(build, vulnerability("CVE-2024-2222", LOCAL), Place::Whole);
    Story { estate: facts.estate, mira, exports, git, leak }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the question's signature")]
fn fix_of(remedy: &Remedy) -> Option<Fix> {
    let (key, hours) = match remedy {
        Remedy::Exposure(exposure) => (format!("exposure {}", exposure.0), 2.0),
        Remedy::Relation(relation) => (format!("relation {relation}"), 3.0),
        Remedy::Service(_) => return None,
    };
    Some(Fix { key, hours })
}

struct Made {
    rules: Rules,
    attack: AttackGraph,
}

fn made(estate: &Estate, entries: &[Entry], jewels: &[AssetIndex], unknown_flaws: bool) -> Made {
    let (rules, catalogue) = (Rules::embedded().unwrap(), Catalogue::embedded().unwrap());
    let jewels: Vec<Jewel> = jewels.iter().map(|&asset| Jewel::new(asset)).collect();
    let facts = CatalogueFacts { estate, catalogue: &catalogue };
    let question = Question { entries, jewels: &jewels, facts: &facts, fix_of: &fix_of, unknown_flaws };
    let attack = ground(estate, &rules, &catalogue, &question).unwrap();
    Made { rules, attack }
}

fn phished(account: AssetIndex) -> Entry {
    Entry { kind: EntryKind::PhishedUser, assets: vec![account] }
}

/// Rules and sentences of the likeliest way to a node.
fn best(made: &Made, estate: &Estate, node: &AttackNode) -> Option<(f64, Vec<(String, String)>)> {
    let graph = &made.attack.graph;
    let target = made.attack.node(node)?;
    let proof = best_proof(graph, &Removed::none(graph), target, Effort::default())?;
    let steps = proof.rules.iter().map(|&id| made.attack.step(estate, &made.rules, id).unwrap());
    Some((proof.likelihood, steps.map(|step| (step.rule, step.sentence)).collect()))
}

/// Everything that a grounding says, without positions.
fn printed(made: &Made, estate: &Estate) -> Vec<String> {
    let id = |node: &bartizan_graph::engine::NodeId| made.attack.nodes[node.index()].id(estate);
    let describe = |rule| {
        let step = made.attack.step(estate, &made.rules, rule).unwrap();
        let premises: Vec<String> = step.premises.iter().map(id).collect();
        let fixes: Vec<&str> =
            made.attack.graph.fixes_of(rule).map(|fix| made.attack.fixes[fix.index()].as_str()).collect();
        let evidence: Vec<&String> = step.evidence.iter().map(|evidence| &evidence.text).collect();
        format!(
            "{} {premises:?} {} {} {} {} {} {evidence:?} {}",
            step.rule,
            id(&step.conclusion),
            step.likelihood,
            step.why,
            step.word,
            step.sentence,
            fixes.len(),
        )
    };
    made.attack.step_ids().map(describe).collect()
}

#[test]
fn every_rule_passes_its_own_tests() {
    let (rules, catalogue) = (Rules::embedded().unwrap(), Catalogue::embedded().unwrap());
    let failures = rules.run_tests(&catalogue);
    let report: Vec<String> = failures
        .iter()
        .map(|failure| format!("{} / {}: {}", failure.rule, failure.test, failure.message))
        .collect();
    assert!(failures.is_empty(), "{}", report.join("\n"));
    let tests: usize = rules.iter().map(bartizan_graph::rules::Rule::test_count).sum();
    println!("{} rules, {tests} tests", rules.len());
    assert!(rules.len() >= 50 && tests >= 2 * rules.len());
}

#[test]
fn a_wrong_expectation_fails() {
    let (name, text) = ATTACK_RULES[5];
    let wrong = text.replacen("\"mira => desk\"", "\"mira => release\"", 1);
    assert_ne!(wrong, text);
    let failures = Rules::parse(&[(name, &wrong)]).unwrap().run_tests(&Catalogue::embedded().unwrap());
    assert_eq!(failures.len(), 1);
    assert_eq!((failures[0].rule.as_str(), failures[0].test.as_str()), ("member-of", "both spellings"));
}

#[test]
fn the_story_of_the_example_has_exactly_its_best_path() {
    let story = story();
    let made = made(&story.estate, &[Entry::internet()], &[story.exports], false);
    let jewel = AttackNode::Asset(story.exports, Level::Content);
    assert_eq!(made.attack.graph.targets(), [made.attack.node(&jewel).unwrap()]);
    let (likelihood, steps) = best(&made, &story.estate, &jewel).unwrap();
    let steps: Vec<(&str, &str)> =
        steps.iter().map(|(rule, sentence)| (rule.as_str(), sentence.as_str())).collect();
    assert_eq!(
        steps,
        [
            ("reaches-seen", "shop.brambleford.example:443 answers from internet"),
            (
                "serves-source",
                "shop.brambleford.example:443 serves the repository shop-api: anyone who can talk to it downloads \
                 source and history"
            ),
            ("secret-in-content", "shop-api holds the secret AKIA…7Q"),
            ("authenticates", "AKIA…7Q opens svc-shop"),
            ("assumes", "svc-shop may assume shop-deployer"),
            ("grants-reading", "shop-deployer may read brambleford-customer-exports"),
        ]
    );
    assert!((likelihood - 0.95 * 0.95 * 0.9 * 0.95 * 0.95).abs() < 1e-12, "{likelihood}");
}

#[test]
fn the_phished_clerk_gets_there_by_the_build_host() {
    let story = story();
    let made = made(&story.estate, &[phished(story.mira)], &[story.exports], false);
    let (_, steps) = best(&made, &story.estate, &AttackNode::Asset(story.exports, Level::Content)).unwrap();
    let rules: Vec<&str> = steps.iter().map(|(rule, _)| rule.as_str()).collect();
    let expected = [
        "phished-user",
        "member-of",
        "member-of",
        "member-of",
        "administers",
        "secret-on-host",
        "authenticates",
        "assumes",
        "grants-reading",
    ];
    assert_eq!(rules, expected);
    // The internet is no entry here, so the shop's path is not counted.
    let graph = &made.attack.graph;
    let shop =
        made.attack.nodes.iter().position(|node| matches!(node, AttackNode::Service { port: 443, .. }));
    let shop = bartizan_graph::engine::NodeId(shop.unwrap() as u32);
    assert!(!closure(graph, &Removed::none(graph)).holds(shop));
}

#[test]
fn fewest_fixes_speak_of_exposures_and_relations() {
    let story = story();
    let entries = [Entry::internet(), phished(story.mira)];
    let made = made(&story.estate, &entries, &[story.exports], false);
    let graph = &made.attack.graph;
    let fixes =
        minimum_fixes(graph, &Removed::none(graph), graph.targets(), Effort::default()).unwrap().unwrap();
    let keys: Vec<&str> = fixes.fixes.iter().map(|fix| made.attack.fixes[fix.index()].as_str()).collect();
    // Everything goes through the role's right to read: the ninth relation of the story.
    assert_eq!(keys, ["relation 8"]);
    assert!((fixes.cost - 3.0).abs() < 1e-9);
}

#[test]
fn closed_exposures_give_no_step() {
    let mut story = story();
    let open = made(&story.estate, &[Entry::internet()], &[], false);
    let rules_of = |made: &Made, estate: &Estate| -> BTreeSet<String> {
        made.attack.step_ids().map(|id| made.attack.step(estate, &made.rules, id).unwrap().rule).collect()
    };
    assert!(rules_of(&open, &story.estate).is_superset(&BTreeSet::from([
        "serves-source".to_owned(),
        "secret-in-content".to_owned(),
        "exploits-service".to_owned(),
        "escalates-locally".to_owned(),
    ])));
    for exposure in &mut story.estate.exposures {
        exposure.state =
            if exposure.key.as_bytes()[0] % 2 == 0 { State::Closed } else { State::NotApplicable };
    }
    let closed = rules_of(&made(&story.estate, &[Entry::internet()], &[], false), &story.estate);
    for rule in ["serves-source", "secret-in-content", "exploits-service", "escalates-locally"] {
        assert!(!closed.contains(rule), "{rule}");
    }
    // The build host's key was never an exposure: it still lies there.
    assert!(closed.contains("secret-on-host"));
}

#[test]
fn every_step_names_a_report() {
    let story = story();
    let made = made(&story.estate, &[Entry::internet(), phished(story.mira)], &[story.exports], true);
    assert!(made.attack.step_count() > 20);
    assert_eq!(made.attack.without_evidence, 0);
    for id in made.attack.step_ids() {
        let step = made.attack.step(&story.estate, &made.rules, id).unwrap();
        let mut mentions = step.evidence.iter().flat_map(|evidence| &evidence.mentions);
        assert!(
            mentions.any(|mention| mention.report.index() < story.estate.reports.len()),
            "{}",
            step.sentence
        );
        assert!(!step.why.is_empty() && !step.sentence.contains(['{', '}']), "{step:?}");
    }
}

#[test]
fn facts_without_reports_are_left_out_and_counted() {
    let mut story = story();
    for relation in &mut story.estate.relations {
        relation.witnesses.clear();
    }
    for asset in &mut story.estate.assets {
        asset.witnesses.clear();
    }
    let made = made(&story.estate, &[phished(story.mira)], &[story.exports], false);
    assert!(made.attack.without_evidence > 5);
    assert!(best(&made, &story.estate, &AttackNode::Asset(story.exports, Level::Content)).is_none());
}

#[test]
fn remedies_name_what_a_fix_takes_away() {
    let story = story();
    let made = made(&story.estate, &[Entry::internet()], &[], false);
    let remedies = |rule: &str| -> Vec<Vec<Remedy>> {
        let steps =
            made.attack.step_ids().map(|id| made.attack.step(&story.estate, &made.rules, id).unwrap());
        steps.filter(|step| step.rule == rule).map(|step| step.remedies).collect()
    };
    assert_eq!(remedies("serves-source"), [[Remedy::Exposure(story.git), Remedy::Service(0)]]);
    assert_eq!(remedies("secret-in-content"), [[Remedy::Exposure(story.leak), Remedy::Relation(3)]]);
    assert_eq!(remedies("administrator-is-user").concat(), []);
}

#[test]
fn steps_on_one_exposure_share_their_coin() {
    let mut facts = Ledger::new();
    let host = facts.asset(AssetKind::Host, "shop");
    facts.service(host, 80, "nginx");
    facts.service(host, 443, "nginx");
    let artifact = facts.asset(AssetKind::Artifact, "image");
    let (first, second) = (facts.asset(AssetKind::Host, "a"), facts.asset(AssetKind::Host, "b"));
    facts.relation(RelationKind::DEPLOYED_TO, artifact, first);
    facts.relation(RelationKind::DEPLOYED_TO, artifact, second);
    facts.exposure(artifact, vulnerability("CVE-2024-1111", REMOTE), Place::Whole);
    facts.exposure(host, vulnerability("CVE-2024-2222", REMOTE), Place::port("tcp", 443));
    let made = made(&facts.estate, &[Entry::internet()], &[], false);
    let causes = |rule: &str| -> Vec<_> {
        let ids = made.attack.step_ids();
        ids.filter(|&id| made.attack.step(&facts.estate, &made.rules, id).unwrap().rule == rule)
            .map(|id| made.attack.graph.cause(id))
            .collect()
    };
    let deployed = causes("exploits-deployed");
    assert_eq!(deployed.len(), 2);
    assert_eq!(deployed[0], deployed[1]);
    assert_ne!(causes("exploits-service")[0], deployed[0]);
}

#[test]
fn the_callers_intelligence_decides_likelihoods() {
    struct Certain<'a>(CatalogueFacts<'a>);
    impl Facts for Certain<'_> {
        fn assess(&self, exposure: ExposureIndex) -> Assessment {
            Assessment { likelihood: 0.97, why: "listed as exploited".to_owned(), ..self.0.assess(exposure) }
        }
    }
    let story = story();
    let (rules, catalogue) = (Rules::embedded().unwrap(), Catalogue::embedded().unwrap());
    let facts = Certain(CatalogueFacts { estate: &story.estate, catalogue: &catalogue });
    let entries = [Entry::internet()];
    let question =
        Question { entries: &entries, jewels: &[], facts: &facts, fix_of: &|_| None, unknown_flaws: false };
    let attack = ground(&story.estate, &rules, &catalogue, &question).unwrap();
    let mut steps = attack.step_ids().map(|id| attack.step(&story.estate, &rules, id).unwrap());
    let step = steps.find(|step| step.rule == "exploits-service").unwrap();
    assert_eq!((step.likelihood, step.why.as_str()), (0.97, "listed as exploited"));
}

#[test]
fn unknown_flaws_take_part_only_when_asked_for() {
    let mut facts = Ledger::new();
    let internet = facts.asset(AssetKind::Internet, "internet");
    let host = facts.asset(AssetKind::Host, "shop");
    facts.relation_with(
        RelationKind::REACHES,
        internet,
        host,
        &[("protocol", "tcp".into()), ("port", 443.into())],
    );
    facts.service(host, 443, "nginx");
    let sure = made(&facts.estate, &[Entry::internet()], &[host], false);
    let reaches = |made: &Made| {
        let graph = &made.attack.graph;
        closure(graph, &Removed::none(graph)).holds(graph.targets()[0])
    };
    assert!(!reaches(&sure));
    let flawed = made(&facts.estate, &[Entry::internet()], &[host], true);
    let graph = &flawed.attack.graph;
    let distance = zero_day_distance(graph, &Removed::none(graph), graph.targets()[0], Effort::default());
    assert_eq!(distance.unwrap().unwrap().k, 1);
    assert_eq!(flawed.attack.products, ["nginx"]);
}

#[test]
fn grounding_twice_gives_equal_bytes() {
    let story = story();
    let entries = [Entry::internet(), phished(story.mira)];
    let once = made(&story.estate, &entries, &[story.exports], false);
    let twice = made(&story.estate, &entries, &[story.exports], false);
    assert_eq!(printed(&once, &story.estate), printed(&twice, &story.estate));
    assert_eq!(once.attack.nodes, twice.attack.nodes);
    assert_eq!(once.attack.fixes, twice.attack.fixes);
    assert_eq!(once.rules.digest(), twice.rules.digest());
}

/// The same facts, each list turned round, with the positions that this gives.
fn reversed(story: &Story) -> (Estate, AssetIndex, AssetIndex) {
    let mut estate = story.estate.clone();
    let last = estate.assets.len() as u32 - 1;
    let turned = |index: AssetIndex| AssetIndex(last - index.0);
    estate.assets.reverse();
    estate.relations.reverse();
    estate.services.reverse();
    estate.weaknesses.reverse();
    estate.exposures.reverse();
    for relation in &mut estate.relations {
        (relation.from, relation.to) = (turned(relation.from), turned(relation.to));
    }
    for service in &mut estate.services {
        service.host = turned(service.host);
    }
    let last_weakness = estate.weaknesses.len() as u32 - 1;
    for exposure in &mut estate.exposures {
        exposure.asset = turned(exposure.asset);
        exposure.weakness = WeaknessIndex(last_weakness - exposure.weakness.0);
    }
    (estate, turned(story.mira), turned(story.exports))
}

#[test]
fn the_order_of_facts_does_not_matter() {
    let story = story();
    let one = made(&story.estate, &[Entry::internet(), phished(story.mira)], &[story.exports], true);
    let (estate, mira, exports) = reversed(&story);
    let other = made(&estate, &[phished(mira), Entry::internet()], &[exports], true);
    assert_eq!(printed(&one, &story.estate), printed(&other, &estate));
    let ids = |made: &Made, estate: &Estate| -> Vec<String> {
        made.attack.nodes.iter().map(|node| node.id(estate)).collect()
    };
    assert_eq!(ids(&one, &story.estate), ids(&other, &estate));
    assert_eq!(one.attack.products, other.attack.products);
}

#[test]
fn errors_in_rule_files_name_file_and_field() {
    let rule = |change: (&str, &str)| {
        let text = "\
rules:
  - id: mine
    step: member of
    technique: T1078
    about: mine
    needs:
      - holds: account
      - relation: {kind: member_of, from: account, to: group}
        when: account.kind == 'account'
    gains: group
    likelihood: 1.0
    because: mine
    removed_by: [relation]
    sentence: '{account} is in {group}'
    tests:
      - {name: yes it is, assets: {a: account}, steps: ['a => a']}
      - {name: no, assets: {a: account}, steps: []}
";
        assert!(text.contains(change.0), "{}", change.0);
        Rules::parse(&[("mine.yaml", &text.replacen(change.0, change.1, 1))])
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(rule(("mine", "mine")), None);
    for (change, expected) in [
        (("step: member of", "step: joins"), "mine.yaml: rule \"mine\": step: `joins` is no step"),
        (("T1078", "1078"), "mine.yaml: rule \"mine\": technique: `1078` is no ATT&CK technique id"),
        (
            ("account.kind", "acount.kind"),
            "mine.yaml: rule \"mine\": needs[1].when: knows no variable `acount` here",
        ),
        (("== 'account'", "=="), "mine.yaml: rule \"mine\": needs[1].when: "),
        (
            ("gains: group", "gains: user on role"),
            "mine.yaml: rule \"mine\": gains: knows no variable `role` here",
        ),
        (
            ("holds: account", "holds: relation"),
            "mine.yaml: rule \"mine\": needs[0].holds: `relation`: a relation",
        ),
        (
            ("likelihood: 1.0", "likelihood: 1.5"),
            "mine.yaml: rule \"mine\": likelihood: 1.5 is not between 0 and 1",
        ),
        (
            ("likelihood: 1.0", "likelihood: exposure"),
            "mine.yaml: rule \"mine\": likelihood: `exposure` is no exposure",
        ),
        (("[relation]", "[group]"), "mine.yaml: rule \"mine\": removed_by[0]: `group` is an asset"),
        (("{group}'", "{team}'"), "mine.yaml: rule \"mine\": sentence: knows no variable `team` here"),
        (("because: mine", "becuase: mine"), "mine.yaml: line 12: "),
        (("'a => a'", ""), "mine.yaml: rule \"mine\": tests: a rule needs a test with steps and one without"),
    ] {
        let error = rule(change).unwrap_or_default();
        assert!(error.starts_with(expected), "{change:?}: {error}");
    }
}

/// A million relations: people in groups that administer hosts, hosts in zones with open ports and
/// weaknesses, sessions.
#[test]
fn a_million_relations_ground_in_seconds() {
    const HOSTS: u32 = 60_000;
    const PEOPLE: u32 = 100_000;
    const GROUPS: u32 = 5_000;
    let mut facts = Ledger::new();
    let internet = facts.asset(AssetKind::Internet, "internet");
    let zones: Vec<AssetIndex> =
        (0..200).map(|n| facts.asset(AssetKind::NetworkZone, &format!("zone {n}"))).collect();
    let hosts: Vec<AssetIndex> =
        (0..HOSTS).map(|n| facts.asset(AssetKind::Host, &format!("host {n}"))).collect();
    let people: Vec<AssetIndex> =
        (0..PEOPLE).map(|n| facts.asset(AssetKind::Account, &format!("account {n}"))).collect();
    let groups: Vec<AssetIndex> =
        (0..GROUPS).map(|n| facts.asset(AssetKind::Group, &format!("group {n}"))).collect();
    let mut state = 7_u64;
    let mut pick = |count: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % u64::from(count)) as usize
    };
    for (number, &host) in hosts.iter().enumerate() {
        facts.relation(RelationKind::IN_ZONE, host, zones[number % zones.len()]);
        facts.service(host, 443, "nginx");
        facts.service(host, 22, "OpenSSH");
        if number % 20 == 0 {
            facts.relation_with(
                RelationKind::REACHES,
                internet,
                host,
                &[("protocol", "tcp".into()), ("port", 443.into())],
            );
        }
        if number % 3 == 0 {
            facts.exposure(host, vulnerability("CVE-2024-1111", REMOTE), Place::port("tcp", 443));
            facts.exposure(host, vulnerability("CVE-2024-2222", LOCAL), Place::Whole);
        }
    }
    for &person in &people {
        for _ in 0..6 {
            let group = groups[pick(GROUPS)];
            facts.relation(RelationKind::foreign("MemberOf"), person, group);
        }
        let host = hosts[pick(HOSTS)];
        facts.relation(RelationKind::foreign("HasSession"), host, person);
    }
    while facts.estate.relations.len() < 1_000_000 {
        let (group, host) = (groups[pick(GROUPS)], hosts[pick(HOSTS)]);
        facts.relation(RelationKind::foreign("AdminTo"), group, host);
    }
    let (rules, catalogue) = (Rules::embedded().unwrap(), Catalogue::embedded().unwrap());
    let assessor = CatalogueFacts { estate: &facts.estate, catalogue: &catalogue };
    let jewels = [Jewel::new(people[0])];
    let entries = [Entry::internet()];
    let question = Question {
        entries: &entries,
        jewels: &jewels,
        facts: &assessor,
        fix_of: &fix_of,
        unknown_flaws: false,
    };
    let start = std::time::Instant::now();
    let attack = ground(&facts.estate, &rules, &catalogue, &question).unwrap();
    let taken = start.elapsed();
    println!(
        "{} relations, {} nodes, {} steps: {taken:?}",
        1_000_000,
        attack.nodes.len(),
        attack.step_count()
    );
    assert!(attack.step_count() > 1_000_000);
    assert!(closure(&attack.graph, &Removed::none(&attack.graph)).holds(attack.graph.targets()[0]));
    assert!(taken.as_secs() < 60, "{taken:?}");
}
