//! The API as a client sees it: a real server, a real store, real reports.

use std::collections::BTreeSet;

use crate::support::{Server, fixture, start};
use bartizan_scope::Scope;
use serde_json::Value;
use tempfile::TempDir;

const SCOPE: &str = "\
version: 1
organisation: Tern & <Sons>
currency: EUR
crown_jewels:
  - name: customer records
    worth: 4M
    selector: kind == \"artifact\"
entries:
  - name: anyone
    kind: internet
";

fn scope() -> Scope {
    Scope::load("bartizan.yaml", &|_| Ok(SCOPE.to_owned())).unwrap_or_else(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

/// A server that knows a report of an image.
fn imported() -> Server {
    let server = start(|config| config.scope = Some(scope()));
    let response = server.post("/api/v1/imports?name=image.json", &fixture("trivy/image.json"));
    assert_eq!(response.status, 200, "{}", response.body);
    server
}

#[test]
fn a_report_comes_in_and_the_ranking_goes_out() {
    let server = start(|config| config.scope = Some(scope()));
    assert_eq!(server.answer("/api/v1/top"), Value::Array(vec![]));
    let report = fixture("trivy/image.json");

    let inspection = server.post("/api/v1/inspect?name=image.json", &report);
    assert_eq!(inspection.status, 200, "{}", inspection.body);
    let inspection = inspection.json();
    assert_eq!((&inspection["format"], &inspection["file"]), (&"trivy".into(), &"image.json".into()));
    assert_eq!(server.answer("/api/v1/health")["reports"], 0, "inspecting stores nothing");

    let first = server.post("/api/v1/imports?name=reports/image.json&as=trivy", &report).json();
    assert_eq!(first["known"], false);
    assert_eq!(first["file"], "reports/image.json");
    assert_eq!(first["records"], inspection["records"]);
    let again = server.post("/api/v1/imports?name=image.json", &report).json();
    assert_eq!(again["known"], true);

    let imports = server.answer("/api/v1/imports");
    assert_eq!(imports.as_array().unwrap().len(), 1);
    assert_eq!(imports[0]["file"], "reports/image.json");

    let top = server.answer("/api/v1/top?n=500");
    let top = top.as_array().unwrap();
    // Of one of its exposures the report itself says that it does not affect the image.
    let new = first["exposures_new"].as_u64().unwrap();
    assert_eq!(top.len() as u64 + 1, new, "the ranking of before the import is not shown again");
    assert!(top.iter().all(|ranked| ranked["weakness"] != "CVE-2022-1000"));
    assert_eq!(server.answer("/api/v1/summary")["counts"]["exposures_live"], top.len());
    for (number, ranked) in top.iter().enumerate() {
        assert_eq!(ranked["rank"], number + 1);
    }
}

#[test]
fn a_packed_report_about_a_named_asset_is_read() {
    let server = start(|_| ());
    let report = fixture("nuclei/lines.jsonl");
    let packed = gzip(&report);
    let response = server.post("/api/v1/imports?name=lines.jsonl.gz&asset=www.tern.example", &packed);
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(response.json()["format"], "nuclei");
    server.post("/api/v1/imports?name=x&asset=%20", &report).problem(400, "invalid_request");
}

/// Gzip without compression: stored blocks.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let length = u16::try_from(bytes.len()).expect("one stored block");
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(bytes);
    packed.extend((!crc).to_le_bytes());
    packed.extend(u32::from(length).to_le_bytes());
    packed
}

#[test]
fn top_is_paged_and_selected() {
    let server = imported();
    let all = server.answer("/api/v1/top?n=500");
    let all = all.as_array().unwrap();
    let first = server.answer("/api/v1/top?n=1");
    let second = server.answer("/api/v1/top?n=1&after=1");
    assert_eq!(first, Value::Array(all[..1].to_vec()));
    assert_eq!(second, Value::Array(all[1..2].to_vec()));
    let beyond = format!("/api/v1/top?after={}", all.len());
    assert_eq!(server.answer(&beyond), Value::Array(vec![]));
    let mut found = 0;
    for tier in 1..=5 {
        let selected = server.answer(&format!("/api/v1/top?n=500&tier={tier}"));
        let selected = selected.as_array().unwrap();
        assert!(selected.iter().all(|ranked| ranked["tier"] == tier));
        found += selected.len();
    }
    assert_eq!(found, all.len());
    assert_eq!(server.answer("/api/v1/top?owner=nobody"), Value::Array(vec![]));
    for wrong in ["n=0", "n=501", "n=x", "tier=6", "tier=0", "after=-1", "m=1"] {
        server.get(&format!("/api/v1/top?{wrong}")).problem(400, "invalid_request");
    }
}

#[test]
fn an_exposure_is_explained_by_rank_and_by_id() {
    let server = imported();
    let top = server.answer("/api/v1/top");
    let id = top[0]["id"].as_str().unwrap();
    let explained = server.answer("/api/v1/exposures/1");
    assert_eq!(explained["exposure"], top[0]);
    assert!(!explained["history"].as_array().unwrap().is_empty());
    assert_eq!(server.answer(&format!("/api/v1/exposures/{id}")), explained);
    assert_eq!(server.answer(&format!("/api/v1/exposures/{}", &id[..12])), explained);
    server.get("/api/v1/exposures/9999").problem(404, "exposure_not_found");
    server.get("/api/v1/exposures/no-such-id").problem(404, "exposure_not_found");
    server.get("/api/v1/exposures/%ff").problem(400, "invalid_request");
}

#[test]
fn the_other_questions_are_answered() {
    let server = imported();
    let health = server.answer("/api/v1/health");
    assert_eq!(
        (&health["status"], &health["reports"], &health["scope"]),
        (&"ok".into(), &1.into(), &true.into())
    );
    let summary = server.answer("/api/v1/summary");
    assert_eq!(summary["organisation"], "Tern & <Sons>");
    assert_eq!(summary["jewels"][0]["name"], "customer records");
    assert!(!summary["headline"].as_str().unwrap().is_empty());
    assert!(!server.answer("/api/v1/tiers").as_array().unwrap().is_empty());
    assert!(server.answer("/api/v1/paths").is_array());
    assert!(server.answer("/api/v1/paths?from=internet&k=3").is_array());
    server.get("/api/v1/paths?to=nothing").problem(404, "station_not_found");
    server.get("/api/v1/paths?k=0").problem(400, "invalid_request");
    assert!(server.answer("/api/v1/fixes")["certificate"]["statement"].is_string());
    assert!(server.answer("/api/v1/fixes?budget=8")["cost"].as_f64().unwrap() <= 8.0);
    server.get("/api/v1/fixes?budget=-1").problem(400, "invalid_request");
    server.get("/api/v1/fixes?budget=NaN").problem(400, "invalid_request");
    server.get("/api/v1/fixes?to=nothing").problem(404, "crown_jewel_not_found");
    let tasks = server.answer("/api/v1/tasks?tier=5");
    assert!(!tasks.as_array().unwrap().is_empty());
    assert!(tasks.as_array().unwrap().iter().all(|task| task["title"].is_string()));
    let scope = server.answer("/api/v1/scope");
    assert_eq!((&scope["stated"], &scope["crown_jewels"][0]["worth"]), (&true.into(), &4e6.into()));
    assert_eq!(server.answer("/api/v1/intel")["vulnerabilities"], 0);
    let formats = server.answer("/api/v1/formats");
    assert!(formats.as_array().unwrap().iter().any(|format| format["format"] == "trivy"));
}

#[test]
fn a_kept_ranking_is_made_again() {
    let server = imported();
    server.answer("/api/v1/top");
    let runs = server.answer("/api/v1/runs");
    assert_eq!(runs.as_array().unwrap().len(), 1);
    server.answer("/api/v1/top?n=1");
    assert_eq!(server.answer("/api/v1/runs"), runs, "one ranking of one state");
    let replayed = server.post(&format!("/api/v1/runs/{}/replay", runs[0]["id"]), b"");
    assert_eq!(replayed.status, 200, "{}", replayed.body);
    assert_eq!(replayed.json()["identical"], true);
    server.post("/api/v1/runs/99/replay", b"").problem(404, "run_not_found");
    server.post("/api/v1/runs/last/replay", b"").problem(400, "invalid_request");
}

#[test]
fn what_cannot_be_read_changes_nothing() {
    let server = start(|_| ());
    for path in ["/api/v1/imports", "/api/v1/inspect"] {
        for body in [&b""[..], b"no report", b"{\"SchemaVersion\": 2, \"Results\": [", b"\x1f\x8b\x08broken"]
        {
            let problem = server.post(&format!("{path}?name=x.json"), body).problem(422, "report_refused");
            assert!(problem["detail"].as_str().unwrap().starts_with("x.json "), "{problem}");
        }
        server.post(&format!("{path}?name=x&as=nothing"), b"x").problem(400, "unknown_format");
        server.post(path, b"x").problem(400, "invalid_request");
        server.post(&format!("{path}?name="), b"x").problem(400, "invalid_request");
        server.post(&format!("{path}?name=a%0ab"), b"x").problem(400, "invalid_request");
    }
    assert_eq!(server.answer("/api/v1/health")["reports"], 0);
}

#[test]
fn a_body_has_a_cap() {
    let server = start(|_| ());
    let host = server.address.to_string();
    let said = [("host", host.as_str()), ("content-length", "67108865")];
    server.send("POST", "/api/v1/imports?name=x", &said, b"").problem(413, "body_too_large");
    // One that does not say how large it is; what it takes is counted.
    let chunked = [("host", host.as_str()), ("transfer-encoding", "chunked")];
    let mut body = b"4000001\r\n".to_vec();
    body.resize(body.len() + (64 << 20) + 1, b' ');
    server.send("POST", "/api/v1/imports?name=x", &chunked, &body).problem(413, "body_too_large");
}

#[test]
fn what_is_not_there_is_said_so() {
    let server = start(|_| ());
    server.get("/api/v1/nothing").problem(404, "not_found");
    server.get("/api/v2/top").problem(404, "not_found");
    let wrong = server.ask("DELETE", "/api/v1/top", &[], b"");
    wrong.problem(405, "method_not_allowed");
    assert!(wrong.header("allow").contains("GET"), "{}", wrong.header("allow"));
}

#[test]
fn a_store_that_cannot_be_used_is_a_problem() {
    let folder = TempDir::new().unwrap();
    let store = folder.path().join("gone/test.db");
    std::fs::create_dir(folder.path().join("gone")).unwrap();
    let server = start(|config| config.store.clone_from(&store));
    std::fs::remove_dir_all(folder.path().join("gone")).unwrap();
    server.get("/api/v1/top").problem(500, "store_unusable");
}

#[test]
fn every_request_has_its_own_id_and_every_answer_its_headers() {
    let server = start(|_| ());
    let mut ids = BTreeSet::new();
    for path in ["/", "/style.css", "/api/openapi.json", "/api/v1/health", "/nothing"] {
        let response = server.get(path);
        assert!(ids.insert(response.header("x-request-id").to_owned()));
        assert!(
            response.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'")
        );
        assert_eq!(response.header("x-content-type-options"), "nosniff");
        assert_eq!(response.header("referrer-policy"), "no-referrer");
        assert_eq!(response.header("cache-control"), "no-store");
        assert_eq!(response.header("access-control-allow-origin"), "");
    }
}

#[test]
fn the_page_shows_the_answer_as_text() {
    let server = imported();
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let top = server.answer("/api/v1/top");
    assert!(page.body.contains("a &lt;note&gt; of the test"));
    assert!(page.body.contains("Tern &amp; &lt;Sons&gt;"));
    assert!(page.body.contains(&format!("/api/v1/exposures/{}", top[0]["id"].as_str().unwrap())));
    assert!(page.body.contains("<th scope=\"row\">customer records</th>"));
    assert!(!page.body.contains("<script") && !page.body.contains("<note>") && !page.body.contains("<Sons>"));
    assert_eq!(server.get("/style.css").header("content-type"), "text/css; charset=utf-8");
}
