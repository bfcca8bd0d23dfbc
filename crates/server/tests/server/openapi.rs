//! The description of the API is committed, so that a change of the contract is seen in review.

use std::path::Path;

use crate::support::start;

#[test]
fn the_committed_description_is_current() {
    let server = start(|_| ());
    let description = server.get("/api/openapi.json").body + "\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &description).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == description, "openapi.json is stale: run UPDATE=1 cargo test -p bartizan-server");
}

#[test]
fn every_route_is_described_and_every_described_route_is_there() {
    let server = start(|_| ());
    let description = server.answer("/api/openapi.json");
    assert_eq!(description["openapi"], "3.1.0");
    let mut described: Vec<String> = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            described.push(format!("{} {path}", method.to_uppercase()));
            assert!(
                operation["summary"].is_string() && operation["responses"]["200"]["description"].is_string()
            );
            assert_eq!(operation["responses"]["default"]["$ref"], "#/components/responses/Problem");
            let response = server.ask(&method.to_uppercase(), &path.replace("{id}", "1"), &[], b"");
            let code = response.json()["code"].clone();
            assert!(code != "not_found" && code != "method_not_allowed", "{method} {path}: {code}");
        }
    }
    described.sort();
    assert_eq!(
        described,
        [
            "GET /api/v1/exposures/{id}",
            "GET /api/v1/fixes",
            "GET /api/v1/formats",
            "GET /api/v1/health",
            "GET /api/v1/imports",
            "GET /api/v1/intel",
            "GET /api/v1/paths",
            "GET /api/v1/runs",
            "GET /api/v1/scope",
            "GET /api/v1/summary",
            "GET /api/v1/tasks",
            "GET /api/v1/tiers",
            "GET /api/v1/top",
            "POST /api/v1/imports",
            "POST /api/v1/inspect",
            "POST /api/v1/runs/{id}/replay",
        ]
    );
}
