//! The routes, and the document that describes them.

mod reading;
mod writing;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::{Fault, Problem};
use crate::{codes, guard, page};

/// What handlers share.
type Shared = Arc<App>;
type Answer = Result<Reply, Fault>;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bartizan",
        description = "What an attacker can reach that you cannot afford to lose, and the fewest fixes that stop it. Answers are those of the command line with `--format json`. There is no sign-in yet: the server listens on the loopback interface only, answers only requests that name this computer, and takes no writes from other web pages.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "priorities", description = "What to fix first, and why"),
        (name = "estate", description = "What is known, and where from"),
        (name = "service", description = "The server itself")
    )
)]
struct Description;

/// All routes below the guard.
pub(crate) fn router(app: Shared) -> Router {
    let (router, mut description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(reading::health))
        .routes(routes!(reading::summary))
        .routes(routes!(reading::top))
        .routes(routes!(reading::explain))
        .routes(routes!(reading::tiers))
        .routes(routes!(reading::paths))
        .routes(routes!(reading::fixes))
        .routes(routes!(reading::tasks))
        .routes(routes!(reading::scope))
        .routes(routes!(reading::intel))
        .routes(routes!(reading::formats))
        .routes(routes!(reading::runs))
        .routes(routes!(writing::replay))
        .routes(routes!(reading::imports, writing::import))
        .routes(routes!(writing::inspect))
        .split_for_parts();
    describe_problems(&mut description);
    require_what_is_served(&mut description);
    // The description is made of text: it always serialises.
    let description = Bytes::from(serde_json::to_vec_pretty(&description).unwrap_or_default());
    router
        .route("/api/openapi.json", get(move || std::future::ready(Reply::json_bytes(description.clone()))))
        .route("/", get(page::front))
        .route("/style.css", get(page::style))
        .fallback(|| {
            std::future::ready(Fault::new(codes::NOT_FOUND, "/api/openapi.json names every address"))
        })
        .method_not_allowed_fallback(|| {
            std::future::ready(Fault::new(codes::METHOD_NOT_ALLOWED, "the header Allow names the methods"))
        })
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}

/// Every operation can fail in the same way; said once, not at each handler.
fn describe_problems(description: &mut utoipa::openapi::OpenApi) {
    let codes: Vec<String> = codes::TABLE
        .iter()
        .map(|code| format!("`{}` ({}): {}", code.name, code.status, code.title))
        .collect();
    let response = ResponseBuilder::new()
        .description(format!("A problem (RFC 9457). Its `code` is one of:\n\n- {}", codes.join("\n- ")))
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build(),
        )
        .build();
    if let Some(components) = &mut description.components {
        components.responses.insert("Problem".to_owned(), RefOr::T(response));
    }
    for item in description.paths.paths.values_mut() {
        let operations: [&mut Option<Operation>; 2] = [&mut item.get, &mut item.post];
        for operation in operations.into_iter().flatten() {
            operation
                .responses
                .responses
                .insert("default".to_owned(), RefOr::Ref(Ref::from_response_name("Problem")));
        }
    }
}

/// Answers are written whole: what is not known is `null`, never left out. The derived schemas take
/// whatever may be null for something that may be missing.
fn require_what_is_served(description: &mut utoipa::openapi::OpenApi) {
    let Some(components) = &mut description.components else { return };
    for schema in components.schemas.values_mut() {
        let RefOr::T(schema) = schema else { continue };
        match schema {
            Schema::Object(object) => require_all(object),
            // A struct into which another one is flattened.
            Schema::AllOf(all) => {
                for part in &mut all.items {
                    if let RefOr::T(Schema::Object(object)) = part {
                        require_all(object);
                    }
                }
            }
            _ => {}
        }
    }
}

fn require_all(object: &mut Object) {
    object.required = object.properties.keys().cloned().collect();
}

/// An answer with its kind.
struct Reply {
    kind: &'static str,
    body: Bytes,
}

impl Reply {
    fn json_bytes(body: Bytes) -> Self {
        Self { kind: "application/json", body }
    }

    fn json(answer: &impl Serialize) -> Answer {
        let body = serde_json::to_vec(answer).map_err(Fault::internal)?;
        Ok(Self::json_bytes(Bytes::from(body)))
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        response
    }
}

/// The query of a request; a mistake in it is a problem like any other.
struct Asked<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Fault::new(codes::INVALID_REQUEST, rejection.body_text())),
        }
    }
}

/// The last part of an address that names one thing.
struct Named(String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(rejection) => Err(Fault::new(codes::INVALID_REQUEST, rejection.body_text())),
        }
    }
}
