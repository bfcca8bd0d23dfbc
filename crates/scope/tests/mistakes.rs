//! Every kind of mistake in a scope file is found, at its place, together with all others.

use bartizan_scope::Scope;
use proptest::prelude::*;

fn mistakes(text: &str) -> Vec<String> {
    match Scope::load("s.yaml", &|_| Ok(text.to_owned())) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn each_kind_of_mistake() {
    let cases = [
        ("unknown section", "crown_jewls: []"),
        ("unknown field", "services:\n  - name: A\n    selector: 'true'\n    selektor: x"),
        ("unknown field far from all", "services:\n  - {name: A, selector: 'true', password: x}"),
        ("wrong type: number for text", "organisation: 42"),
        ("wrong type: list for text", "organisation: [a]"),
        ("wrong type: text for list", "services: none"),
        ("wrong type: mapping for list", "services: {name: A}"),
        ("wrong type: text for mapping", "services: [A]"),
        ("whole file is a list", "- a"),
        ("missing name", "services:\n  - selector: 'true'"),
        ("missing selector", "services:\n  - name: A"),
        ("empty selector", "services:\n  - name: A\n    selector:"),
        ("blank selector", "services:\n  - name: A\n    selector: ' '"),
        ("empty list", "owners: []"),
        ("empty list of selectors", "services: [{name: A, selector: []}]"),
        ("bad CEL, plain", "services:\n  - name: A\n    selector: kind == ("),
        ("bad CEL, quoted", "services:\n  - name: A\n    selector: 'knid == name'"),
        (
            "bad CEL, literal block",
            "services:\n  - name: A\n    selector: |\n      true &&\n      knid == name",
        ),
        (
            "bad CEL, folded block",
            "services:\n  - name: A\n    selector: >\n      true &&\n      knid == name",
        ),
        (
            "bad CEL in a list",
            "services:\n  - name: A\n    selector:\n      - 'true'\n      - name.startWith('a')",
        ),
        ("unknown kind of asset", "services: [{name: A, selector: 'kind == \"hots\"'}]"),
        ("not a condition", "services: [{name: A, selector: name}]"),
        ("worth missing", "crown_jewels: [{name: A, selector: 'true'}]"),
        ("worth negative", "crown_jewels: [{name: A, selector: 'true', worth: -5}]"),
        ("worth zero", "crown_jewels: [{name: A, selector: 'true', worth: 0}]"),
        ("worth unclear", "crown_jewels: [{name: A, selector: 'true', worth: a lot}]"),
        (
            "worth in another currency",
            "currency: EUR\ncrown_jewels: [{name: A, selector: 'true', worth: 5M USD}]",
        ),
        ("bad currency", "currency: euro"),
        ("unknown harm", "crown_jewels: [{name: A, selector: 'true', worth: 5, falls: [confidential]}]"),
        ("duplicate name", "services:\n  - {name: A, selector: 'true'}\n  - {name: A, selector: 'true'}"),
        ("duplicate field", "organisation: A\norganisation: B"),
        ("unknown owner", "owners: [{name: shop}]\nservices: [{name: A, selector: 'true', owner: shpo}]"),
        ("bad confidence", "owners: [{name: a, confidence: 1.5}, {name: b, confidence: high}]"),
        ("unknown zone", "zones: [{name: dmz, reaches: [ap]}]\nsources: [{files: '*', viewpoint: dmzz}]"),
        ("zone internet", "zones: [{name: internet, cidrs: 0.0.0.0/0}]"),
        ("bad network", "zones: [{name: a, cidrs: [10.0.0.0/99, 10.0.0.1/8]}]"),
        ("network in two zones", "zones: [{name: a, cidrs: 10.0.0.0/8}, {name: b, cidrs: 10.0.0.0/8}]"),
        ("bad ports", "zones: [{name: a, reaches: [{zone: a, ports: [0, 9-5]}]}]"),
        ("unknown entry kind", "entries: [{name: A, kind: phished}]"),
        ("entry without start", "entries: [{name: A, kind: insider}]"),
        ("internet for an insider", "entries: [{name: A, kind: insider, selector: internet}]"),
        ("reason missing", "out: [{selector: 'true'}]"),
        ("managed in out", "out: [{selector: 'true', reason: x, managed: data}]"),
        ("unknown aspect", "in: [{selector: 'true', reason: x, managed: [vulns]}]"),
        ("bad span", "freshness: {host: 7, hsot: 7d, default: 0d}"),
        ("bad glob", "sources: [{files: 'a/[b'}]"),
        ("bad identifier", "sources: [{files: 'a', asset: 'repo-url:x'}, {files: b, asset: 'name:x'}]"),
        (
            "window ends before it starts",
            "validation:\n  - name: A\n    targets: 10.0.0.0/8\n    from: 2026-12-01T00:00:00Z\n    to: 2026-11-01T00:00:00Z\n    methods: tcp\n    authorised_by: me",
        ),
        (
            "window without end",
            "validation: [{name: A, targets: 10.0.0.0/8, methods: tcp, authorised_by: me}]",
        ),
        (
            "window for nothing",
            "validation: [{name: A, to: 2026-12-01T00:00:00Z, methods: tcp, authorised_by: me}]",
        ),
        (
            "window by nobody",
            "validation: [{name: A, targets: 10.0.0.0/8, to: 2026-12-01T00:00:00Z, methods: udp}]",
        ),
        (
            "bad times",
            "validation: [{name: A, targets: a.example, from: tomorrow, to: 2026-12-01, methods: tcp, authorised_by: me}]",
        ),
        (
            "bad targets",
            "validation: [{name: A, targets: ['*', 'http://x.example/'], to: 2026-12-01T00:00:00Z, methods: tcp, authorised_by: me}]",
        ),
        (
            "bad weekly",
            "validation: [{name: A, targets: a.example, weekly: {days: [sun, caturday], from: '25:00', to: '04:00', zone: Europe/Londn}, methods: tcp, authorised_by: me}]",
        ),
        (
            "weekly for no time",
            "validation: [{name: A, targets: a.example, weekly: {days: sun, from: '04:00', to: '04:00', zone: UTC}, methods: tcp, authorised_by: me}]",
        ),
        ("bad tier", "deadlines: {tiers: {0: 3d, 1: soon}, rules: [{name: a, selector: 'true'}]}"),
        ("bad fix costs", "fix_costs: {upgrade: -1, upgrad: 2}"),
        ("another version", "version: 2"),
        ("bad never", "never: ['10.0.0.0/40']"),
        (
            "bad rate",
            "validation: [{name: A, targets: a.example, to: 2026-12-01T00:00:00Z, methods: tcp, requests_per_second: 0, authorised_by: me}]",
        ),
        ("field left empty", "owners:\n  - name: A\n    contact:\n    selector: null"),
        ("broken YAML", "services: [\n"),
        ("empty file", "# nothing\n"),
        ("two documents", "organisation: A\n---\norganisation: B"),
    ];
    let mut report = String::new();
    for (title, text) in cases {
        let found = mistakes(text);
        assert!(!found.is_empty(), "{title}: no mistake found");
        report = format!("{report}{title}\n    {}\n", found.join("\n    "));
    }
    insta::assert_snapshot!(report);
}

#[test]
fn all_mistakes_of_all_files_are_named() {
    let read = |path: &str| match path {
        "a/bartizan.yaml" => {
            Ok("include: [more/b.yaml, gone.yaml, more/b.yaml]\norganisation: [x]\n".to_owned())
        }
        "a/more/b.yaml" => {
            Ok("include: ../bartizan.yaml\norganisation: A\nservices: [{name: A, owner: nobody}]\n"
                .to_owned())
        }
        _ => Err("no such file".to_owned()),
    };
    let mistakes = Scope::load("a/bartizan.yaml", &read).unwrap_err();
    let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(mistakes.join("\n"));
}

/// YAML made of the words of scope files, so that the readers behind the parser are reached.
fn scope_like() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "services",
        "crown_jewels",
        "entries",
        "in",
        "out",
        "owners",
        "zones",
        "sources",
        "validation",
        "freshness",
        "deadlines",
        "fix_costs",
        "include",
        "name",
        "selector",
        "worth",
        "weekly",
        "from",
        "to",
        "days",
        "zone",
        "targets",
        "methods",
        "cidrs",
        "reaches",
        "files",
        "asset",
        "tiers",
        "rules",
        "ports",
        "kind",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "true",
            "kind == \"host\"",
            "5M",
            "-1",
            "",
            "null",
            "[]",
            "{}",
            "internet",
            "10.0.0.0/8",
            "2026-01-01T00:00:00Z",
            "'24:00'",
            "\"\\ud800\"",
            "&a [x]",
            "*a",
            "1-65535",
            "9999999999w",
            "name:x",
            "[[a]]",
            "{a: {b: c}}",
            "~",
        ])
        .prop_map(str::to_owned),
        "[ -~é]{0,12}",
    ];
    prop::collection::vec((0usize..5, any::<bool>(), key, value), 0..30).prop_map(|lines| {
        let lines = lines.into_iter().map(|(indent, dash, key, value)| {
            format!("{}{}{key}: {value}\n", " ".repeat(indent * 2), if dash { "- " } else { "" })
        });
        lines.collect::<Vec<_>>().concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn never_panics_on_text(text in "\\PC{0,80}") {
        let _ = mistakes(&text);
    }

    #[test]
    fn never_panics_on_what_looks_like_a_scope(text in scope_like()) {
        for mistake in Scope::load("s.yaml", &|_| Ok(text.clone())).err().unwrap_or_default() {
            prop_assert!(mistake.line >= 1 && mistake.column >= 1);
            prop_assert!(mistake.line <= text.lines().count() + 1, "{mistake}");
        }
    }
}
