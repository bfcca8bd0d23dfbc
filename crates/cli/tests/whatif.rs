//! What if, asked of the example company: what opens, what closes, and that nothing is kept.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers too")]

mod support;

use std::sync::LazyLock;

use serde_json::{Value, json};
use support::{Answer, Place, root, text};

/// One store with the example loaded: no question changes it.
static DEMO: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::new();
    place.run(&["demo", "--no-serve", "--quiet"]).exits(0);
    place
});

fn whatif(arguments: &[&str]) -> Answer {
    DEMO.run(&[&["whatif", "--format", "json"], arguments].concat())
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("{name} of {value}"))
}

fn names<'v>(items: &'v [Value], field: &str) -> Vec<&'v str> {
    items.iter().map(|item| text(item, field)).collect()
}

fn jewel<'v>(answer: &'v Value, name: &str) -> &'v Value {
    list(answer, "jewels").iter().find(|jewel| jewel["name"] == name).unwrap()
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} of {value}"))
}

/// The stations of a path, the entry first.
fn stations(path: &Value) -> Vec<&str> {
    let hops = list(path, "hops").iter().map(|hop| text(hop, "to"));
    std::iter::once(text(path, "entry")).chain(hops).collect()
}

fn passes(path: &Value, word: &str) -> bool {
    stations(path).iter().any(|station| station.contains(word))
}

/// Exposures of the ranking by a part of their title.
fn rank_of(title: &str) -> String {
    let top = DEMO.run(&["top", "-n", "1000", "--format", "json"]).list();
    let found = top.iter().find(|ranked| text(ranked, "title").contains(title)).unwrap();
    found["rank"].to_string()
}

/// A plan with these changes: address, type, actions, before, after.
fn plan(changes: &[(&str, &str, &[&str], Value, Value)]) -> String {
    let changes: Vec<Value> = changes
        .iter()
        .map(|(address, kind, actions, before, after)| {
            json!({
                "address": address, "mode": "managed", "type": kind,
                "change": {"actions": actions, "before": before, "after": after, "after_unknown": {}},
            })
        })
        .collect();
    json!({"format_version": "1.2", "terraform_version": "1.9.8", "resource_changes": changes}).to_string()
}

/// What a plan on standard input does.
fn of_plan(plan: &str, more: &[&str]) -> Answer {
    DEMO.feed(&[&["whatif", "--format", "json", "--plan", "-"], more].concat(), plan.as_bytes())
}

#[test]
fn fixes_close_the_paths_that_need_what_they_remove() {
    let (git, portal) = (rank_of("folder .git"), rank_of("CVE-2025-55182"));
    let answer = whatif(&["--fix", &git, &portal]).json();
    let before = DEMO.run(&["paths", "-k", "100", "--format", "json"]).list();
    assert_eq!(list(&answer, "fixed").len(), 2);
    assert_eq!(answer["opened"], json!([]));
    let closed = list(&answer, "closed");
    assert_eq!(closed.len() + answer["unchanged"].as_u64().unwrap() as usize, before.len());
    for path in &before {
        let stands = closed.contains(path);
        let rests = passes(path, "portal-web") || passes(path, "shop-web:443");
        assert_eq!(stands, rests, "{:?}", stations(path));
    }
    for name in ["customer-exports", "orders-db"] {
        let jewel = jewel(&answer, name);
        assert!(number(jewel, "probability") < number(jewel, "probability_before") - 0.3, "{jewel}");
    }
    // The phished user still gets there.
    assert_eq!(answer["certificate"]["holds"], false);
    assert_eq!(list(&answer["containment"], "fixes").len(), 1);
    assert!(number(&answer, "expected_loss") < number(&answer, "expected_loss_before") / 2.0);
}

#[test]
fn the_fewest_fixes_leave_no_path_and_the_certificate_says_so() {
    let fixes = DEMO.run(&["fixes", "--format", "json"]).json();
    let ids: Vec<&str> = list(&fixes, "fixes").iter().map(|fix| &text(fix, "id")[..12]).collect();
    let answer = whatif(&[&["--fix"], ids.as_slice()].concat()).json();
    let ranks: Vec<String> = (1..=ids.len()).map(|rank| format!("f{rank}")).collect();
    let ranks: Vec<&str> = ranks.iter().map(String::as_str).collect();
    assert_eq!(whatif(&[&["--fix"], ranks.as_slice()].concat()).json(), answer);
    assert_eq!(answer["certificate"]["holds"], true);
    assert_eq!(answer["unchanged"], 0);
    assert_eq!(answer["expected_loss"], 0.0);
    assert!(list(&answer, "jewels").iter().all(|jewel| jewel["reachable"] == false));
    assert!(text(&answer, "headline").starts_with("With these fixes no known path reaches a crown jewel"));
}

#[test]
fn a_compromised_account_takes_what_its_rights_reach() {
    let answer = whatif(&["--compromise", "svc-shop"]).json();
    let compromised = &answer["compromised"];
    assert_eq!(compromised["crown_jewels"], json!(["customer-exports", "orders-db"]));
    let gains = list(compromised, "gains");
    assert!(names(gains, "asset").contains(&"shop-deployer"), "{gains:?}");
    let in_scope = gains.iter().filter(|gained| gained["in_scope"] == true).count();
    assert_eq!(compromised["blast_radius"], in_scope);
    assert!(in_scope < compromised["assets_in_scope"].as_u64().unwrap() as usize);
    let opened = list(&answer, "opened");
    assert!(!opened.is_empty() && answer["closed"] == json!([]));
    assert!(opened.iter().all(|path| path["entry"] == "svc-shop"), "{opened:?}");
    // Rotating the key does not help against somebody who holds the account.
    let containment = &answer["containment"];
    assert_eq!((&containment["certificate"]["holds"], &containment["optimal"]), (&json!(true), &json!(true)));
    assert_eq!(containment["cost"], containment["lower_bound"]);
    let beyond = list(containment, "beyond_today");
    assert_eq!(beyond.len(), 1);
    let fix = list(containment, "fixes").iter().find(|fix| fix["id"] == beyond[0]).unwrap();
    assert!(text(fix, "title").contains("svc-shop → shop-deployer"), "{fix}");
}

#[test]
fn an_asset_is_found_by_identifier_and_never_guessed() {
    let by_name = whatif(&["--compromise", "svc-shop"]).json();
    let arn = "arn:aws:iam::123456789012:user/svc-shop";
    assert_eq!(whatif(&["--compromise", arn]).json(), by_name);
    assert_eq!(whatif(&["--compromise", text(&by_name["compromised"], "id")]).json(), by_name);
    let several = whatif(&["--compromise", "orders-db"]).exits(2);
    assert!(several.stderr.contains("may be several assets"), "{}", several.stderr);
    let unknown = whatif(&["--compromise", "no-such-machine"]).exits(2);
    assert!(unknown.stderr.contains("no asset is called"), "{}", unknown.stderr);
}

#[test]
fn a_crown_jewel_in_hand_is_lost_and_cannot_be_contained() {
    let answer = whatif(&["--compromise", "arn:aws:s3:::brambleford-customer-exports"]).json();
    assert_eq!(answer["compromised"]["crown_jewels"], json!(["customer-exports"]));
    assert_eq!(answer["containment"]["uncontained"], json!(["customer-exports"]));
    assert_eq!(jewel(&answer, "customer-exports")["probability"], 1.0);
    // The others still can.
    assert_eq!(answer["containment"]["certificate"]["holds"], true);
    assert_eq!(answer["containment"]["crown_jewels"], json!(["orders-db", "build-system"]));
}

#[test]
fn a_zero_day_in_a_product_strikes_where_it_listens() {
    let answer = whatif(&["--zero-day", "nginx"]).json();
    let zero_day = &answer["zero_day"];
    let affected = list(zero_day, "affected");
    assert_eq!(names(affected, "asset"), ["portal-web", "shop-web"]);
    for asset in affected {
        assert_eq!((&asset["owner"], &asset["reached"]), (&json!("platform"), &json!(true)));
        assert_eq!(asset["versions"], json!(["1.22.1"]));
        assert!(!list(asset, "evidence").is_empty());
    }
    assert_eq!(affected[1]["ports"], json!(["tcp/80", "tcp/443"]));
    assert!(number(zero_day, "likelihood") > 0.9);
    let opened = list(&answer, "opened");
    // Code on the shop is new; code on the portal has another way already.
    for host in ["shop-web", "portal-web"] {
        assert!(opened.iter().any(|path| passes(path, &format!("user on {host}"))), "{host}");
    }
    let hops = opened.iter().flat_map(|path| list(path, "hops"));
    assert!(hops.clone().any(|hop| text(hop, "sentence").contains("A zero-day in nginx")));
    assert_eq!(answer["closed"], json!([]));
    // Nobody has a fix for it: containment lies elsewhere, and holds.
    assert_eq!(answer["containment"]["certificate"]["holds"], true);
    assert!(!list(&answer["containment"], "beyond_today").is_empty());
    let fixes = list(&answer["containment"], "fixes");
    assert!(fixes.iter().all(|fix| !text(fix, "title").contains("nginx")), "{fixes:?}");
    for hop in hops.filter(|hop| text(hop, "sentence").contains("zero-day")) {
        let only_ports = list(hop, "fixes").len();
        assert!(only_ports <= 1, "the assumed weakness has a fix: {hop}");
    }
    let worse = list(&answer, "jewels").iter();
    assert!(worse.clone().all(|jewel| number(jewel, "probability") >= number(jewel, "probability_before")));
    assert!(worse.clone().any(|jewel| number(jewel, "probability") > number(jewel, "probability_before")));
}

#[test]
fn versions_narrow_a_zero_day_and_unknown_ones_stay() {
    let affected = |text: &str| whatif(&["--zero-day", text]).json()["zero_day"]["affected"].clone();
    assert_eq!(affected("nginx@1.22.1"), affected("nginx"));
    assert_eq!(affected("nginx@1.27.0"), json!([]));
    assert_eq!(affected("cpe:2.3:a:f5:nginx:*:*:*:*:*:*:*:*"), affected("nginx"));
    // The redis in the cache shows no version.
    let redis = affected("redis@7.2.4");
    assert_eq!((redis.as_array().unwrap().len(), &redis[0]["versions"]), (1, &json!([])));
}

#[test]
fn a_zero_day_in_a_package_names_who_holds_it_and_what_is_not_known() {
    let answer = whatif(&["--zero-day", "pkg:npm/ejs@3.1.6"]).json();
    let affected = list(&answer["zero_day"], "affected");
    assert_eq!(names(affected, "asset"), ["portal"]);
    assert_eq!((&affected[0]["kind"], &affected[0]["owner"]), (&json!("repository"), &json!("platform")));
    assert!(text(&affected[0], "assumed").contains("no report says where it runs"));
    let reports: Vec<&str> = names(list(&affected[0], "evidence"), "report");
    assert!(reports.iter().any(|report| report.ends_with("cyclonedx-portal.cdx.json")), "{reports:?}");
    assert_eq!(answer["opened"], json!([]));
    assert_eq!(whatif(&["--zero-day", "pkg:npm/ejs@9.9.9"]).json()["zero_day"]["affected"], json!([]));
}

#[test]
fn a_component_that_nobody_knows_is_not_said_to_be_absent() {
    let answer = whatif(&["--zero-day", "left-pad", "--fail-on-new-path"]).exits(0).document();
    assert_eq!(answer["zero_day"]["affected"], json!([]));
    let without = names(list(&answer["zero_day"], "without_inventory"), "asset");
    assert!(without.contains(&"shop-web") && !without.contains(&"portal"), "{without:?}");
    assert_eq!(answer["zero_day"]["with_inventory"], 2);
    let headline = text(&answer, "headline");
    assert!(headline.starts_with("No component called left-pad is known"), "{headline}");
    assert!(headline.contains("they may hold it, too"), "{headline}");
    whatif(&["--zero-day", "pkg:npm/"]).exits(2);
}

#[test]
fn a_plan_that_opens_a_way_fails_the_gate() {
    let file = root().join("crates/cli/tests/plans/open-archive.json");
    let file = file.to_str().unwrap();
    let answer = whatif(&["--plan", file, "--fail-on-new-path"]).exits(1).document();
    assert_eq!(whatif(&["--plan", file]).exits(0).document(), answer);
    let opened = list(&answer, "opened");
    assert!(opened.iter().any(|path| stations(path)[1] == "lab-archive:80"), "{opened:?}");
    let plan = &answer["plan"];
    assert_eq!(names(list(plan, "applied"), "address").len(), 3);
    assert_eq!(names(list(plan, "unjudged"), "address"), ["aws_cloudwatch_log_group.archive"]);
    let exposed = list(plan, "exposed");
    assert_eq!((names(exposed, "asset"), names(exposed, "ports")), (vec!["lab-archive"], vec!["tcp/80"]));
    // What the plan states is cited from the plan.
    let hop = &list(&opened[0], "hops")[0];
    let cited = list(hop, "evidence").iter().any(|item| text(item, "report") == file);
    assert!(cited, "{hop}");
}

#[test]
fn a_plan_that_closes_the_edge_closes_its_paths() {
    let group = |ingress: Value| json!({"id": "sg-f78cadc7d80e49c10", "name": "edge", "ingress": ingress});
    let rule = |port: u16| json!({"protocol": "tcp", "from_port": port, "to_port": port, "cidr_blocks": ["0.0.0.0/0"]});
    let before = group(json!([rule(80), rule(443)]));
    let narrow = plan(&[(
        "aws_security_group.edge",
        "aws_security_group",
        &["update"],
        before,
        group(json!([rule(80)])),
    )]);
    let answer = of_plan(&narrow, &["--fail-on-new-path"]).exits(0).document();
    let closed = list(&answer, "closed");
    assert!(!closed.is_empty() && closed.iter().all(|path| path["entry"] == "the internet"), "{closed:?}");
    assert_eq!(answer["plan"]["exposed"], json!([]));
    // A rule of its own, taken away, is the same.
    let gone = json!({"type": "ingress", "security_group_id": "sg-f78cadc7d80e49c10", "protocol": "tcp",
        "from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]});
    let delete =
        plan(&[("aws_security_group_rule.https", "aws_security_group_rule", &["delete"], gone, Value::Null)]);
    assert_eq!(of_plan(&delete, &[]).json()["closed"], answer["closed"]);
}

#[test]
fn a_port_that_nobody_has_looked_at_is_told_without_a_path() {
    let rule = json!({"security_group_id": "sg-f78cadc7d80e49c10", "ip_protocol": "tcp", "from_port": 22,
        "to_port": 22, "cidr_ipv4": "0.0.0.0/0"});
    let kind = "aws_vpc_security_group_ingress_rule";
    let answer = of_plan(
        &plan(&[("aws_vpc_security_group_ingress_rule.ssh", kind, &["create"], Value::Null, rule)]),
        &[],
    );
    let answer = answer.json();
    let exposed = list(&answer["plan"], "exposed");
    assert_eq!(names(exposed, "asset"), ["portal-web", "shop-web"]);
    assert!(exposed.iter().all(|exposed| exposed["known"] == false), "{exposed:?}");
    assert_eq!((&answer["opened"], &answer["closed"]), (&json!([]), &json!([])));
}

#[test]
fn planned_rights_open_paths_too() {
    let statement = json!([{"Effect": "Allow", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::brambleford-customer-exports/*"}]);
    let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let after = json!({"role": "shop-instance", "name": "exports", "policy": policy});
    let grant =
        plan(&[("aws_iam_role_policy.exports", "aws_iam_role_policy", &["create"], Value::Null, after)]);
    let answer = of_plan(&grant, &["--fail-on-new-path"]).exits(1).document();
    let direct = list(&answer, "opened").iter().any(|path| !passes(path, "shop-deployer"));
    assert!(direct, "{:?}", list(&answer, "opened"));
    // The role loses the right to go on; what led over it closes.
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let role = |trust: Value| json!({"name": "shop-deployer", "assume_role_policy": trust.to_string()});
    let narrow =
        plan(&[("aws_iam_role.deployer", "aws_iam_role", &["update"], role(json!({})), role(trust))]);
    let answer = of_plan(&narrow, &[]).json();
    assert!(list(&answer, "closed").iter().all(|path| passes(path, "shop-deployer")));
    assert_eq!(jewel(&answer, "customer-exports")["reachable"], false);
}

#[test]
fn a_public_bucket_policy_counts_unless_the_bucket_blocks_it() {
    let bucket = "brambleford-customer-exports";
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
        "Action": "s3:Get*", "Resource": format!("arn:aws:s3:::{bucket}/*")}]});
    let policy = (
        "aws_s3_bucket_policy.exports",
        "aws_s3_bucket_policy",
        &["create"][..],
        Value::Null,
        json!({"bucket": bucket, "policy": policy.to_string()}),
    );
    let block = |restrict: bool| {
        (
            "aws_s3_bucket_public_access_block.exports",
            "aws_s3_bucket_public_access_block",
            &["update"][..],
            json!({"bucket": bucket, "restrict_public_buckets": !restrict}),
            json!({"bucket": bucket, "restrict_public_buckets": restrict}),
        )
    };
    let public = |answer: &Value| {
        let opened = list(answer, "opened").iter();
        opened.map(stations).any(|way| way == ["the internet", "content of brambleford-customer-exports"])
    };
    // Accounts of the company still get what the policy gives everybody.
    let blocked = of_plan(&plan(&[policy.clone(), block(true)]), &[]).json();
    assert!(!public(&blocked), "{}", blocked["opened"]);
    let open = of_plan(&plan(&[policy, block(false)]), &["--fail-on-new-path"]).exits(1).document();
    assert!(public(&open), "{}", open["opened"]);
}

#[test]
fn what_is_no_plan_is_refused() {
    for (input, word) in [
        ("not json", "is no JSON"),
        ("[]", "no Terraform plan"),
        ("{\"format_version\":\"1.2\"}", "resource_changes"),
        ("{\"format_version\":\"1.2\",\"resource_changes\":[{}]}", "resource_changes[0] has no address"),
    ] {
        let refused = of_plan(input, &[]).exits(2);
        assert!(refused.stderr.contains(word), "{input}: {}", refused.stderr);
    }
    // Changes with values of the wrong kind are not judged, and nothing falls over.
    let wrong = plan(&[
        ("a", "aws_security_group", &["create"], Value::Null, json!({"ingress": [3, {"protocol": {}}]})),
        ("b", "aws_iam_role_policy", &["create"], json!(7), json!([1])),
        ("c", "aws_instance", &["update"], json!({"id": 4}), json!({"vpc_security_group_ids": "x"})),
        ("d", "aws_s3_bucket_policy", &["create"], Value::Null, json!({"bucket": "x", "policy": "{"})),
    ]);
    of_plan(&wrong, &["--fail-on-new-path"]).exits(0);
}

#[test]
fn questions_can_be_asked_together_and_leave_no_trace() {
    let replay = || DEMO.run(&["replay", "--format", "json"]).list().len();
    let (content, kept) = (DEMO.content(), replay());
    let both = whatif(&["--zero-day", "nginx", "--compromise", "svc-shop", "--fix", "f1"]).json();
    assert!(both["zero_day"].is_object() && both["compromised"].is_object());
    assert!(list(&both, "opened").iter().any(|path| path["entry"] == "svc-shop"));
    assert_eq!(both["certificate"]["holds"], false);
    assert_eq!((DEMO.content(), replay()), (content, kept));
    whatif(&[]).exits(2);
    whatif(&["--fix", "99999"]).exits(2);
    whatif(&["--fix", "zzz"]).exits(2);
    whatif(&["--fix", "f99"]).exits(2);
}

#[test]
fn the_terminal_gets_the_answer_first_in_80_columns() {
    for arguments in
        [&["--fix", "1", "2"][..], &["--compromise", "svc-shop"], &["--zero-day", "nginx"], &["--plan", "-"]]
    {
        let plan = std::fs::read(root().join("crates/cli/tests/plans/open-archive.json")).unwrap();
        let shown = DEMO.feed(&[&["whatif", "--format", "table"], arguments].concat(), &plan).exits(0).text();
        for line in shown.lines() {
            let is_one_word = line.split_whitespace().count() <= 2;
            assert!(line.chars().count() <= 80 || is_one_word, "{line}");
        }
        let first = shown.lines().next().unwrap();
        let starts = ["With these fixes", "Whoever holds svc-shop", "nginx is known on", "Of the plan"];
        assert!(starts.iter().any(|start| first.starts_with(start)), "{first}");
        assert!(shown.contains("nothing was stored"));
    }
}
