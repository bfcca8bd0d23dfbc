//! Errors as clients see them: problem details as in RFC 9457.
//!
//! A handler gives a [`Fault`]; the guard, which knows the number of the request, writes it down. What
//! only we can use goes to the log, not to the client.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::codes::{self, Code};

/// Seconds after which a request that found no room may be tried again.
const RETRY_AFTER: &str = "1";

/// Why a request was not done.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: &'static Code,
    /// For the client.
    pub(crate) detail: String,
    /// For the log.
    pub(crate) internal: Option<String>,
}

impl Fault {
    pub(crate) fn new(code: &'static Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), internal: None }
    }

    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        Self {
            code: codes::INTERNAL,
            detail: "the log of the server says more under this request's id; please report this".to_owned(),
            internal: Some(cause.to_string()),
        }
    }
}

/// A problem (RFC 9457). `code` tells one kind of error from another and keeps its meaning.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: `code` says what kind of problem it is.
    r#type: &'static str,
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request and what to do.
    detail: String,
    code: &'static str,
    /// The same as in the header `x-request-id` and in the server's log.
    request_id: String,
}

impl Fault {
    /// The answer; logs what the client is not told.
    pub(crate) fn render(self, request_id: &str) -> Response {
        if let Some(internal) = &self.internal {
            tracing::error!(request_id, code = self.code.name, cause = %internal, "request failed");
        }
        let problem = Problem {
            r#type: "about:blank",
            title: self.code.title,
            status: self.code.status,
            detail: self.detail,
            code: self.code.name,
            request_id: request_id.to_owned(),
        };
        // A problem holds text and a number: it always serialises.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        // The guard writes the body; it alone knows the request's id.
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<bartizan_store::Error> for Fault {
    fn from(error: bartizan_store::Error) -> Self {
        use bartizan_store::Error;
        match error {
            Error::Locked => Self::new(codes::STORE_BUSY, error.to_string()),
            Error::Full => Self::new(codes::STORE_FULL, error.to_string()),
            Error::Database(_) => Self::internal(error),
            _ => Self {
                code: codes::STORE_UNUSABLE,
                detail: error.to_string(),
                internal: Some(error.to_string()),
            },
        }
    }
}

impl From<bartizan_cycle::Error> for Fault {
    fn from(error: bartizan_cycle::Error) -> Self {
        use bartizan_cycle::Error;
        match error {
            Error::Store(error) => error.into(),
            Error::NoJewel { .. } => Self::new(codes::CROWN_JEWEL_NOT_FOUND, error.to_string()),
            Error::NoRanking(_) => {
                Self::new(codes::RUN_NOT_FOUND, "GET /api/v1/runs names the rankings that are kept")
            }
            Error::OldRanking { .. } => Self::new(codes::RUN_NOT_REPLAYABLE, error.to_string()),
            Error::NoRank { rank, exposures } => Self::new(
                codes::EXPOSURE_NOT_FOUND,
                format!("the ranking has {exposures} exposures; {rank} is none of them"),
            ),
            Error::NoExposure(_) => {
                Self::new(codes::EXPOSURE_NOT_FOUND, "GET /api/v1/top lists them by rank and id")
            }
            Error::AmbiguousExposure(_) => Self::new(codes::EXPOSURE_AMBIGUOUS, "give more of the id"),
            Error::Mapping { .. } => Self {
                code: codes::REPORT_REFUSED,
                detail: "the mapping that the scope names for this file cannot be read; nothing changed"
                    .to_owned(),
                internal: Some(error.to_string()),
            },
            Error::NoAsset => Self::new(codes::INVALID_REQUEST, error.to_string()),
            _ => Self::internal(error),
        }
    }
}
