//! The command line as scripts know it: flags, formats, exit codes, help.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers too")]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use support::{Answer, Place, example, text, trivy, trivy_titled};

/// A store with the example, for the tests that only read.
static DEMO: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::new();
    place.run(&["demo", "--no-serve", "--quiet"]).exits(0);
    place
});

/// Commands that print lists, and ones that print an object.
const LISTS: [&[&str]; 6] =
    [&["top", "-n", "30"], &["tiers"], &["paths"], &["privileges"], &["formats"], &["replay"]];
const OBJECTS: [&[&str]; 6] = [
    &["explain", "1"],
    &["explain", "1", "--counterfactual"],
    &["fixes"],
    &["scope", "show"],
    &["intel", "status"],
    &["admin", "verify"],
];

fn with<'a>(command: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    command.iter().chain(more).copied().collect()
}

#[test]
fn global_flags_stand_before_and_after_the_subcommand() {
    for command in LISTS.iter().chain(&OBJECTS) {
        let before = DEMO.run(&with(&["--format", "ndjson", "--offline", "--quiet"], command)).exits(0);
        let after = DEMO.run(&with(command, &["--quiet", "--offline", "--format", "ndjson"])).exits(0);
        assert_eq!(before.stderr, "");
        // A ranking says of what minute it is.
        if !["explain", "replay"].contains(&command[0]) {
            assert_eq!(before.text(), after.text(), "{command:?}");
        }
    }
    let elsewhere = Place::new();
    let report = elsewhere.write("report.json", trivy("shop", 1));
    let report = report.to_string_lossy();
    for command in [["--db", "other.db", "import", &report], ["import", &report, "--db", "other.db"]] {
        elsewhere.run(&command).exits(0);
    }
    assert!(elsewhere.path("other.db").is_file());
    assert!(!elsewhere.path("store.db").exists());
}

#[test]
fn reading_commands_take_the_global_format_too() {
    let place = Place::new();
    let file = place.write("report.json", trivy("shop", 2)).to_string_lossy().into_owned();
    for command in ["inspect", "import"] {
        for arguments in [vec!["--format", "json", command, &file], vec![command, &file, "--format", "json"]]
        {
            let answer = place.run(&arguments).list();
            assert_eq!(answer[0]["records"], 2, "{arguments:?}");
        }
        let table = place.run(&[command, &file, "--format", "table"]).exits(0).text();
        assert!(table.contains("Trivy JSON"), "{table}");
        let named = place.run(&[command, "--as", "trivy", &file, "--format", "json"]).list();
        assert_eq!(named[0]["format"], "trivy");
    }
}

#[test]
fn every_format_of_every_list_can_be_read_back() {
    for command in LISTS {
        let list = DEMO.run(&with(command, &["--format", "json"])).list();
        assert!(!list.is_empty(), "{command:?}");

        let lines = DEMO.run(&with(command, &["--format", "ndjson"])).exits(0).text();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), list.len(), "{command:?}");

        let rows = rows(&DEMO.run(&with(command, &["--format", "csv"])).exits(0).text());
        assert_eq!(rows.len(), list.len() + 1, "{command:?}");
        assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{command:?}");
        let names: Vec<&String> = list[0].as_object().unwrap().keys().collect();
        assert_eq!(rows[0].iter().collect::<Vec<_>>(), names, "{command:?}");

        let table = DEMO.run(&with(command, &["--format", "table"])).exits(0).text();
        assert!(!table.trim().is_empty(), "{command:?}");
    }
    for command in OBJECTS {
        let object = DEMO.run(&with(command, &["--format", "json"])).json();
        assert!(object.is_object(), "{command:?}");
        let line = DEMO.run(&with(command, &["--format", "ndjson"])).exits(0).text();
        assert_eq!(line.lines().count(), 1, "{command:?}");
        assert_eq!(
            rows(&DEMO.run(&with(command, &["--format", "csv"])).exits(0).text()).len(),
            2,
            "{command:?}"
        );
    }
}

/// Reads CSV with quotes, as RFC 4180 has it.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut left) = (false, text.chars().peekable());
    while let Some(character) = left.next() {
        match character {
            '"' if quoted && left.peek() == Some(&'"') => {
                left.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            other => cell.push(other),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "the last row is not ended");
    rows
}

#[test]
fn piped_answers_are_json() {
    assert!(DEMO.run(&["top"]).json().is_array());
    assert!(DEMO.run(&["fixes"]).json().is_object());
}

#[test]
fn exit_codes_tell_what_happened() {
    let place = Place::new();
    place.run(&["top"]).exits(0);
    place.run(&["paths"]).exits(0);
    place.run(&["--version"]).exits(0);
    for wrong in [
        &["no-such-command"][..],
        &["top", "--tier", "9"],
        &["top", "--format", "yaml"],
        &["import"],
        &["explain", "1"],
        &["explain", "zzzz"],
        &["replay", "99"],
        &["paths", "-k", "0"],
        &["fixes", "--budget", "-1"],
        &["graph", "nowhere.json"],
        &["privileges", "nowhere.json"],
        &["scope", "check"],
        &["scope", "check", "--scope", "nowhere.yaml", "--no-such-flag"],
        &["--db", "postgres://localhost/bartizan", "top"],
        &[],
    ] {
        let answer = place.run(wrong).exits(2);
        assert!(!answer.stderr.is_empty(), "{wrong:?} says nothing");
        assert!(!answer.stderr.contains("panicked"), "{wrong:?}: {}", answer.stderr);
    }
    place.write("bartizan.yaml", "version: 1\norganisation: 7\nno_such_key: true\n");
    let checked = place.run(&["scope", "check"]).exits(1);
    assert!(!checked.document().as_array().unwrap().is_empty());
}

#[test]
fn an_empty_store_is_answered_honestly() {
    let place = Place::new();
    assert!(place.run(&["top"]).list().is_empty());
    assert!(place.run(&["tiers"]).list().is_empty());
    assert!(place.run(&["paths"]).list().is_empty());
    let fixes = place.run(&["fixes"]).json();
    assert_eq!(fixes["fixes"], json!([]));
    let table = place.run(&["top", "--format", "table"]).exits(0).text();
    for lie in ["safe", "100 %", "no risk"] {
        assert!(!table.contains(lie), "{table}");
    }
}

#[test]
fn all_help_is_as_agreed() {
    let place = Place::new();
    let mut text = String::new();
    let mut left: Vec<Vec<String>> = vec![vec![]];
    while let Some(command) = left.pop() {
        let arguments = [command.clone(), vec!["--help".to_owned()]].concat();
        // The help shows what the environment sets.
        let output = place.command(&arguments).env_remove("BARTIZAN_DB").output().unwrap();
        let help = Answer::of(&arguments, output).exits(0).text();
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{command:?}\n{help}");
        let listed = help.split_once("Commands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap());
        let mut inner: Vec<Vec<String>> = listed
            .into_iter()
            .flat_map(str::lines)
            .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
            .filter(|name| *name != "help")
            .map(|name| [command.clone(), vec![name.to_owned()]].concat())
            .collect();
        inner.reverse();
        left.extend(inner);
        let line = [command.join(" "), "--help".into()].join(" ");
        let _ = writeln!(text, "$ bartizan {}\n{help}", line.trim());
    }
    insta::assert_snapshot!("help", text);
}

#[test]
fn formats_are_listed_with_an_example_each() {
    let formats = DEMO.run(&["formats"]).list();
    let names: Vec<&str> = formats.iter().map(|format| text(format, "format")).collect();
    for name in
        ["nmap-xml", "trivy", "checkov", "sarif", "gitleaks", "grype", "nessus", "nuclei", "cyclonedx-json"]
    {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    for format in &formats {
        for field in ["title", "tool", "kind", "example"] {
            assert!(!text(format, field).is_empty(), "{format}");
        }
    }
}

#[test]
fn every_listed_format_can_be_named() {
    for format in DEMO.run(&["formats"]).list() {
        let file = DEMO.write("empty-object.json", "{\"hello\": 1}");
        let answer = DEMO.run(&[
            "inspect".as_ref(),
            file.as_os_str(),
            "--as".as_ref(),
            text(&format, "format").as_ref(),
        ]);
        assert!(!answer.stderr.contains("no format called"), "{format}: {}", answer.stderr);
        assert!(!answer.stderr.contains("panicked"), "{format}: {}", answer.stderr);
    }
}

#[test]
fn explain_takes_ranks_and_ids_and_shows_the_derivation() {
    let top = DEMO.run(&["top", "-n", "1"]).list();
    let id = text(&top[0], "id");
    let by_rank = DEMO.run(&["explain", "1"]).json();
    let by_id = DEMO.run(&["explain", id]).json();
    let by_prefix = DEMO.run(&["explain", &id[..10]]).json();
    for answer in [&by_rank, &by_id, &by_prefix] {
        assert_eq!(answer["exposure"]["id"], id);
        for name in ["paths", "history", "digests", "as_of"] {
            assert!(!answer[name].is_null(), "{name}");
        }
        assert!(!answer["paths"].as_array().unwrap().is_empty());
        assert!(!answer["history"].as_array().unwrap().is_empty());
    }
    let table = DEMO.run(&["explain", "1", "--counterfactual", "--format", "table"]).exits(0).text();
    assert!(table.contains("nmap-edge-from-internet.xml"), "no evidence in\n{table}");
}

#[test]
fn inspect_stores_nothing_and_says_what_is_there() {
    let place = Place::new();
    let arguments = [
        PathBuf::from("inspect"),
        example("reports/nmap-headquarters.xml"),
        example("reports/checkov-terraform.json"),
    ];
    let answer = place.run(&arguments).list();
    assert_eq!(answer.len(), 2);
    for (entry, format) in answer.iter().zip(["nmap-xml", "checkov"]) {
        assert_eq!(entry["format"], format);
        for name in ["records", "findings", "occurrences", "assets", "relations", "components"] {
            assert!(entry[name].is_u64(), "{name} of {entry}");
        }
        assert!(
            entry["ignored"].is_array() && entry["problems"].is_array() && entry["error"].is_null(),
            "{entry}"
        );
    }
    assert_eq!(answer[1]["findings"], 59);
    assert!(!place.path("store.db").exists(), "inspect made a store");
}

#[test]
fn intelligence_says_what_is_loaded() {
    let loaded = DEMO.run(&["intel", "status"]).json().to_string();
    for feed in ["kev", "epss"] {
        assert!(loaded.to_lowercase().contains(feed), "{feed} is not in {loaded}");
    }
    let place = Place::new();
    place.run(&["intel", "status"]).exits(0);
    let feed = place
        .run(&["intel".into(), "import".into(), example("intel/known_exploited_vulnerabilities.json")])
        .list();
    assert_eq!(feed[0]["records"], 2, "{feed:?}");
    let bad = place.write("bad.json", "{\"title\": ");
    place.run(&["intel".as_ref(), "import".as_ref(), bad.as_os_str()]).exits(2);
}

#[test]
fn privileges_are_read_straight_from_an_inventory() {
    let place = Place::new();
    let answers =
        place.run(&["privileges".into(), example("aws/iam-get-account-authorization-details.json")]).list();
    assert!(answers.len() >= 6, "{answers:?}");
    for answer in &answers {
        assert!(["is", "can", "no", "unknown"].contains(&text(answer, "admin")), "{answer}");
        assert!(answer["steps"].is_array(), "{answer}");
        for name in ["method", "because"] {
            assert!(answer.get(name).is_some(), "{name} of {answer}");
        }
    }
    let principals: Vec<&str> = answers.iter().map(|answer| text(answer, "principal")).collect();
    for name in ["svc-shop", "ci-deploy", "shop-deployer"] {
        assert!(
            principals.iter().any(|principal| principal.ends_with(name)),
            "{name} is not in {principals:?}"
        );
    }
    assert!(!place.path("store.db").exists(), "the store is not needed");
    let foreign = place.run(&["privileges".into(), example("reports/checkov-dockerfile.json")]).exits(2);
    assert!(foreign.stderr.contains("get-account-authorization-details"), "{}", foreign.stderr);
}

#[test]
fn graph_answers_for_opengraph_files() {
    let place = Place::new();
    let node = |id: &str, kind: &str| json!({"id": id, "kinds": [kind], "properties": {"name": id}});
    let edge = |start: &str, end: &str, kind: &str| json!({"kind": kind, "start": {"value": start}, "end": {"value": end}});
    // Three users; two come over one group, one of them also directly; one is cut off.
    let graph = json!({"graph": {
        "nodes": [node("ann", "User"), node("ben", "User"), node("cy", "User"), node("desk", "Group"), node("vault", "Computer")],
        "edges": [
            edge("ann", "desk", "MemberOf"), edge("ann", "desk", "MemberOf"), edge("ben", "desk", "MemberOf"),
            edge("desk", "vault", "AdminTo"), edge("ann", "vault", "CanRDP"), edge("cy", "vault", "Knows"),
        ],
    }});
    place.write("graph.json", graph.to_string());
    let ask = |more: &[&str]| {
        let arguments =
            with(&["graph", "graph.json", "--from", "kind == \"User\"", "--to", "name == \"vault\""], more);
        place.run(&arguments).json()
    };
    let answer = ask(&["--ignore", "Knows"]);
    let expected = json!({"nodes": 5, "entries": 3, "targets": 1, "exposed_entries": 2, "min_edge_cut": 2, "min_node_cut": 2});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&answer[name], value, "{name} of {answer}");
    }
    assert!(
        answer["blast"]["max"].is_number()
            && answer["simulated"]["worlds"] == 1024
            && answer["seconds"].is_object()
    );
    assert_eq!(ask(&[])["exposed_entries"], 3);
    assert_eq!(ask(&["--ignore", "Knows,AdminTo,CanRDP"])["min_edge_cut"], 0);
    // Without the question there is no answer.
    assert!(place.run(&["graph", "graph.json"]).exits(2).stderr.contains("--from and --to"));
    let mistake = place.run(&["graph", "graph.json", "--from", "kind ==", "--to", "true"]).exits(2);
    assert!(!mistake.stderr.contains("panicked"), "{}", mistake.stderr);
    place.write("cut.json", &graph.to_string()[..200]);
    let cut = place.run(&["graph", "cut.json", "--from", "true", "--to", "true"]).exits(2);
    assert!(cut.stderr.contains("cut.json"), "{}", cut.stderr);
    assert!(!place.path("store.db").exists(), "the store is not needed");
}

#[test]
fn graph_derives_composite_edges() {
    let place = Place::new();
    let node = |id: &str, kind: &str, properties: Value| json!({"id": id, "kinds": [kind, "Base"], "properties": properties});
    let edge = |start: &str, kind: &str, end: &str| json!({"kind": kind, "start": {"value": start}, "end": {"value": end}});
    // Half the rights in each file; a template whose subject anybody may name.
    let first = json!({"graph": {
        "nodes": [
            node("ann", "User", json!({"name": "ANN@CORP.EXAMPLE"})), node("desk", "Group", json!({})),
            node("corp", "Domain", json!({})), node("root", "RootCA", json!({})),
            node("store", "NTAuthStore", json!({})), node("ca", "EnterpriseCA", json!({})),
            node("web", "CertTemplate", json!({"enrolleesuppliessubject": true, "authenticationenabled": true,
                "requiresmanagerapproval": false, "schemaversion": 2, "authorizedsignatures": 0})),
        ],
        "edges": [
            edge("ann", "MemberOf", "desk"), edge("ann", "GetChanges", "corp"), edge("desk", "Enroll", "web"),
            edge("desk", "Enroll", "ca"), edge("web", "PublishedTo", "ca"), edge("ca", "IssuedSignedBy", "root"),
            edge("root", "RootCAFor", "corp"), edge("ca", "TrustedForNTAuth", "store"),
            edge("store", "NTAuthStoreFor", "corp"),
        ],
    }});
    let second = json!({"graph": {"edges": [edge("desk", "GetChangesAll", "corp")]}});
    place.write("first.json", first.to_string());
    place.write("second.json", second.to_string());
    let ask = |files: &[&str], more: &[&str]| place.run(&with(&with(&["graph"], files), more));
    let both = ["first.json", "second.json", "--derive"];
    let answer = ask(&both, &[]).exits(0).json();
    let edges: Vec<(&str, &str, &str)> = answer["derived"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| {
            (edge["kind"].as_str().unwrap(), edge["start"].as_str().unwrap(), edge["end"].as_str().unwrap())
        })
        .collect();
    assert_eq!(edges, [("DCSync", "ann", "corp"), ("ADCSESC1", "desk", "corp")]);
    let because = answer["derived"][0]["because"].as_array().unwrap();
    assert_eq!(
        because,
        &[
            "ANN@CORP.EXAMPLE -GetChanges-> corp",
            "ANN@CORP.EXAMPLE -MemberOf-> desk",
            "desk -GetChangesAll-> corp"
        ]
    );
    assert_eq!(answer["nodes"], 7);
    let esc = ask(&both, &["--kinds", "ADCSESC1,ADCSESC3"]).json();
    assert_eq!(esc["derived"].as_array().unwrap().len(), 1);
    assert_eq!(ask(&["first.json", "--derive"], &["--kinds", "DCSync"]).json()["derived"], json!([]));
    let table = ask(&both, &["--format", "table"]).exits(0).text();
    assert!(
        table.contains("ADCSESC1: desk → corp") && table.contains("web: enrolleesuppliessubject = true"),
        "{table}"
    );
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let unknown = ask(&both, &["--kinds", "ADCSESC99"]).exits(2);
    assert!(
        unknown.stderr.contains("ADCSESC99") && unknown.stderr.contains("ADCSESC13"),
        "{}",
        unknown.stderr
    );
    // It is another question than who reaches whom.
    ask(&both, &["--from", "true", "--to", "true"]).exits(2);
    ask(&["first.json"], &["--kinds", "DCSync"]).exits(2);
    assert!(!place.path("store.db").exists(), "the store is not needed");
}

#[test]
fn graph_answers_for_rule_graphs() {
    let place = Place::new();
    // Two ways to `admin`; from there, together with a `key`, to the jewel.
    let graph = json!({
        "format": "bartizan-rulegraph/1",
        "nodes": ["internet", "admin", "key", "jewel", "island"],
        "entries": ["internet"],
        "targets": ["jewel", "island"],
        "rules": [
            {"id": "phish", "premises": ["internet"], "conclusion": "admin", "p": 0.5, "cost": 4, "fix": "train", "product": null},
            {"id": "exploit", "premises": ["internet"], "conclusion": "admin", "p": 0.25, "cost": 2, "fix": "patch", "product": "shop"},
            {"id": "leak", "premises": ["internet"], "conclusion": "key", "p": 0.5, "cost": 5, "fix": "rotate", "product": null},
            {"id": "use", "premises": ["admin", "key"], "conclusion": "jewel", "p": 1.0, "cost": 0, "fix": null, "product": null},
        ],
    });
    place.write("rules.json", graph.to_string());
    let answer = place.run(&["graph", "rules.json"]).json();
    let jewel = &answer["targets"]["jewel"];
    assert_eq!(jewel["reachable"], true, "{answer}");
    assert_eq!(jewel["best_proof"]["likelihood"], 0.25, "{jewel}");
    assert_eq!(jewel["best_proof"]["rules"].as_array().unwrap().len(), 3, "{jewel}");
    // (1 - 0.5 * 0.75) * 0.5
    let probability = jewel["probability"]["value"].as_f64().unwrap();
    assert!((probability - 0.3125).abs() < 0.06, "{jewel}");
    // Rotating the key (5) is cheaper than training and patching (6).
    assert_eq!(jewel["min_fix"]["cost"].as_f64(), Some(5.0), "{jewel}");
    assert_eq!(jewel["min_fix"]["fixes"], json!(["rotate"]), "{jewel}");
    assert_eq!(jewel["min_fix"]["optimal"], true, "{jewel}");
    assert_eq!(answer["targets"]["island"]["reachable"], false);
    assert_eq!(answer["targets"]["island"]["min_fix"]["cost"].as_f64(), Some(0.0));
    let again = place.run(&["graph", "rules.json"]).text();
    assert_eq!(again, place.run(&["graph", "rules.json", "--seed", "1", "--worlds", "1024"]).text());
    place.run(&["graph", "rules.json", "--worlds", "0"]).exits(2);
}

#[test]
fn all_tables_fit_eighty_columns() {
    tables_fit(
        &LISTS.iter().chain(&OBJECTS).copied().filter(|command| command[0] != "replay").collect::<Vec<_>>(),
    );
}

#[test]
fn tables_fit_eighty_columns() {
    tables_fit(&[
        &["top", "-n", "100"],
        &["tiers"],
        &["paths"],
        &["privileges"],
        &["fixes"],
        &["scope", "show"],
    ]);
    tables_fit(&[&["intel", "status"], &["admin", "verify"]]);
}

#[track_caller]
fn tables_fit(commands: &[&[&str]]) {
    let width = |line: &str| line.chars().count();
    let mut wide = Vec::new();
    for command in commands {
        let table = DEMO.run(&with(command, &["--format", "table"])).exits(0).text();
        for line in table.lines() {
            // A name that cannot be broken may stand out, alone in its line.
            let unbreakable = line.split_whitespace().any(|word| width(word) > 40);
            if width(line) > 80 && !unbreakable {
                wide.push(format!("{command:?}: {} columns: {line}", width(line)));
            }
        }
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

/// A title that would clear the screen, set the window's title, turn text around or end the line.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}A flaw\u{202e}txt\r\n\u{9b}31m in line 2\u{0}";

#[test]
fn no_control_character_of_a_report_reaches_the_terminal() {
    let place = Place::new();
    let report = trivy_titled("shop\u{1b}[31m", 3, HOSTILE);
    let file = place.write("report.json", &report);
    let file = file.as_path();
    let clean = |text: &str, what: &str| {
        let bad = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.contains(bad), "{what}: {:?}", text.lines().find(|line| line.contains(bad)));
    };
    let table = |arguments: &[&Path]| {
        let answer = place.run(&[arguments, &["--format".as_ref(), "table".as_ref()]].concat()).exits(0);
        clean(&answer.text(), &format!("{arguments:?}"));
        clean(&answer.stderr, &format!("{arguments:?}"));
        answer.text()
    };
    place.run(&[Path::new("import"), file]).exits(0);
    for command in ["top", "tiers", "paths", "fixes"] {
        table(&[command.as_ref()]);
    }
    assert!(table(&["top".as_ref()]).contains("package-1"));
    table(&["explain".as_ref(), "1".as_ref(), "--counterfactual".as_ref()]);
    clean(&place.run(&["tickets", "export", "--to", "markdown"]).exits(0).text(), "tickets");
    // JSON keeps the text as it was: what drives a terminal is escaped by the format itself.
    let json = place.run(&["top", "--format", "json"]).exits(0).text();
    assert!(!json.contains(['\u{1b}', '\u{7}', '\r', '\0']), "{json}");
    assert!(json.contains("\\u001b[2J"), "{json}");

    // Names of files, and errors that quote a file, are foreign text too.
    let odd = place.write("odd\u{1b}[31mname.json", "{\"\u{1b}[2J\": 1}");
    let refused = place.run(&[Path::new("import"), &odd]).exits(2);
    clean(&refused.stderr, "the error");
    assert_eq!(refused.stderr.trim_end().lines().count(), 1, "{:?}", refused.stderr);
}

#[test]
fn secrets_are_masked_on_the_way_in() {
    let place = Place::new();
    let report = example("reports/gitleaks-shop-api-history.json");
    let leaks: Vec<Value> = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    // A key id is a name, not a secret; what belongs to it is one.
    let secrets: Vec<&str> =
        leaks.iter().map(|leak| text(leak, "Secret")).filter(|secret| !secret.starts_with("AKIA")).collect();
    assert!(!secrets.is_empty());
    place.import(&[report]);
    let mut said = place.content();
    for rank in ["1", "2"] {
        said += &place.run(&["explain", rank]).exits(0).text();
    }
    let kept = std::fs::read(place.path("store.db")).unwrap();
    for secret in secrets {
        assert!(!said.contains(secret), "a secret is printed");
        assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "a secret is stored");
    }
}
