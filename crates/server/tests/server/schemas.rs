//! What is served is what the description says: each answer against the schema of its operation.

use std::path::{Path, PathBuf};

use crate::support::{Server, start};
use bartizan_cycle::intelligence;
use bartizan_model::Timestamp;
use bartizan_model::check::Outcome;
use bartizan_scope::Scope;
use bartizan_store::Store;
use serde_json::{Value, json};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/brambleford")
}

fn files(folder: &str) -> Vec<PathBuf> {
    bartizan_cycle::import::files(&[example().join(folder)]).unwrap()
}

/// A server that knows the example company: with paths, fixes, tasks and intelligence.
fn example_server() -> (Server, PathBuf) {
    let scope = Scope::load("bartizan.yaml", &|file| {
        let name = Path::new(file).file_name().unwrap();
        std::fs::read_to_string(example().join(name)).map_err(|error| error.to_string())
    });
    let mut store = PathBuf::new();
    let server = start(|config| {
        config.scope = scope.ok();
        store.clone_from(&config.store);
        let mut open = Store::open(&store).unwrap();
        for file in files("intel") {
            intelligence::import(&mut open, &file, bartizan_intake::Limits::default(), Timestamp::UNIX_EPOCH)
                .unwrap();
        }
    });
    (server, store)
}

/// The description with its schemas closed: what they do not name may not be served.
struct Description {
    paths: Value,
    components: Value,
}

impl Description {
    fn of(server: &Server) -> Self {
        let description = server.answer("/api/openapi.json");
        let mut components = description["components"].clone();
        let schemas = components["schemas"].as_object_mut().unwrap();
        let parts: Vec<String> = schemas
            .values()
            .flat_map(|schema| schema["allOf"].as_array().into_iter().flatten())
            .filter_map(|part| Some(part["$ref"].as_str()?.rsplit('/').next()?.to_owned()))
            .collect();
        for (name, schema) in schemas {
            if schema.get("allOf").is_some() {
                schema["unevaluatedProperties"] = false.into();
            } else if schema.get("properties").is_some() && !parts.contains(name) {
                schema["additionalProperties"] = false.into();
            }
        }
        Self { paths: description["paths"].clone(), components }
    }

    fn validator(&self, method: &str, route: &str) -> jsonschema::Validator {
        let schema = &self.paths[route][method]["responses"]["200"]["content"]["application/json"]["schema"];
        let named = schema["$ref"].as_str().or(schema["items"]["$ref"].as_str());
        assert!(named.is_some(), "{method} {route} answers with a named schema: {schema}");
        self.compile(schema.clone())
    }

    fn compile(&self, mut schema: Value) -> jsonschema::Validator {
        schema["components"] = self.components.clone();
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&schema)
            .unwrap()
    }
}

/// Checks an answer, and that the schema has teeth: it refuses the answer with a field too many, and
/// with any field missing.
fn check(validator: &jsonschema::Validator, what: &str, answer: &Value) {
    let mistakes: Vec<String> =
        validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(mistakes.is_empty(), "{what}: {}", mistakes.join("\n"));
    let sample = match answer {
        Value::Array(items) => items.first().unwrap_or_else(|| panic!("{what}: nothing is proven by []")),
        object => object,
    };
    let is_valid = |changed: Value| {
        validator.is_valid(&if answer.is_array() { Value::Array(vec![changed]) } else { changed })
    };
    let fields = sample.as_object().unwrap();
    for name in fields.keys() {
        let mut fewer = fields.clone();
        fewer.remove(name);
        assert!(!is_valid(Value::Object(fewer)), "{what}: {name} may be left out");
    }
    let mut more = fields.clone();
    more.insert("never_served".to_owned(), Value::Null);
    assert!(!is_valid(Value::Object(more)), "{what}: a field that is not described passes");
}

#[test]
fn answers_are_as_they_are_described() {
    let (server, store) = example_server();
    let description = Description::of(&server);
    let import = description.validator("post", "/api/v1/imports");
    let inspect = description.validator("post", "/api/v1/inspect");
    for file in files("reports").iter().chain(&files("aws")) {
        let folder = file.parent().and_then(Path::file_name).unwrap().to_string_lossy();
        let name = format!("{folder}/{}", file.file_name().unwrap().to_string_lossy());
        let report = std::fs::read(file).unwrap();
        for (what, validator) in [("inspect", &inspect), ("imports", &import)] {
            let response = server.post(&format!("/api/v1/{what}?name={name}"), &report);
            if response.status == 200 {
                check(validator, &format!("{what} {name}"), &response.json());
            } else {
                response.problem(422, "report_refused");
            }
        }
    }
    let top = server.answer("/api/v1/top");
    let evidence = json!({"by": "a test of the API"});
    let at = Timestamp::UNIX_EPOCH;
    let id = top[0]["id"].as_str().unwrap().parse().unwrap();
    Store::open(&store).unwrap().keep_verdict(id, at, Outcome::Inconclusive, &evidence).unwrap();

    for (route, query) in [
        ("/api/v1/health", ""),
        ("/api/v1/summary", ""),
        ("/api/v1/top", "?n=500"),
        ("/api/v1/tiers", ""),
        ("/api/v1/paths", "?k=100"),
        ("/api/v1/paths", "?from=internet"),
        ("/api/v1/fixes", ""),
        ("/api/v1/fixes", "?budget=8"),
        ("/api/v1/tasks", "?tier=5"),
        ("/api/v1/scope", ""),
        ("/api/v1/intel", ""),
        ("/api/v1/formats", ""),
        ("/api/v1/imports", ""),
        ("/api/v1/runs", ""),
    ] {
        let answer = server.answer(&format!("{route}{query}"));
        check(&description.validator("get", route), &format!("{route}{query}"), &answer);
    }
    let explanation = server.answer(&format!("/api/v1/exposures/{}", top[0]["id"].as_str().unwrap()));
    check(&description.validator("get", "/api/v1/exposures/{id}"), "explain", &explanation);
    let replayed = server.post("/api/v1/runs/1/replay", b"").json();
    check(&description.validator("post", "/api/v1/runs/{id}/replay"), "replay", &replayed);

    // Lists inside of answers prove something only where they hold something.
    for (what, list) in [
        ("history", &explanation["history"]),
        ("verdicts", &explanation["verdicts"]),
        ("paths", &explanation["paths"]),
        ("hops", &explanation["paths"][0]["hops"]),
        ("evidence", &explanation["exposure"]["evidence"]),
        ("fewest fixes", &server.answer("/api/v1/fixes")["fixes"]),
        ("what a task removes", &server.answer("/api/v1/tasks")[0]["removes"]),
        ("feeds", &server.answer("/api/v1/intel")["feeds"]),
        ("crown jewels", &server.answer("/api/v1/scope")["crown_jewels"]),
        ("entries", &server.answer("/api/v1/scope")["entries"]),
    ] {
        assert!(list.as_array().is_some_and(|items| !items.is_empty()), "{what}: {list}");
    }
    let any = |name: &str| top.as_array().unwrap().iter().any(|ranked| ranked[name] != json!([]));
    assert!(any("counterfactuals") && any("sources"));
}

#[test]
fn problems_are_as_they_are_described() {
    let server = start(|_| ());
    let description = Description::of(&server);
    let content = &description.components["responses"]["Problem"]["content"];
    let validator = description.compile(content["application/problem+json"]["schema"].clone());
    check(&validator, "a problem", &server.get("/nothing").problem(404, "not_found"));
    check(&validator, "a problem", &server.get("/api/v1/top?n=0").problem(400, "invalid_request"));
}
