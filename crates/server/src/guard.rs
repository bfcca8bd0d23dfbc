//! What every request passes: who it is meant for, where it comes from, how long it may take, and its
//! number.
//!
//! A server on the loopback interface is reachable from every web page that the browser on this
//! computer shows. Two checks keep such pages out: the request must name this computer (a page that
//! rebinds its own name to 127.0.0.1 names itself), and a write must not come from another origin.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::codes;
use crate::problem::Fault;

const REQUEST_ID: &str = "x-request-id";

/// Headers of every answer. The page has no script and takes its style from here.
const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
];

pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let request_id = app.next_request_id();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = match admit(request.method(), request.uri(), request.headers()) {
        Ok(()) => match tokio::time::timeout(app.config.limits.time, next.run(request)).await {
            Ok(response) => response,
            Err(_) => timed_out(app.config.limits.time).into_response(),
        },
        Err(fault) => fault.render(&request_id),
    };
    if let Some(fault) = response.extensions_mut().remove::<Fault>() {
        let headers = std::mem::take(response.headers_mut());
        response = fault.render(&request_id);
        if let Some(allow) = headers.get(header::ALLOW) {
            response.headers_mut().insert(header::ALLOW, allow.clone());
        }
    }
    for (name, value) in HEADERS {
        response.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    tracing::info!(request_id, %method, path, status = response.status().as_u16(), "request");
    response
}

fn timed_out(limit: Duration) -> Fault {
    Fault::new(
        codes::TIMED_OUT,
        format!(
            "there is no answer after {} s; work that was begun goes on, so ask again later",
            limit.as_secs_f64()
        ),
    )
}

fn admit(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => "",
    };
    // A request line may carry a whole address, which goes before the header.
    let named = uri.authority().map_or(host, |authority| authority.as_str());
    if !is_here(host) || !is_here(named) {
        return Err(Fault::new(
            codes::WRONG_HOST,
            "use http://localhost, http://127.0.0.1 or http://[::1] with the port of the server",
        ));
    }
    if method == Method::GET || method == Method::HEAD || method == Method::OPTIONS {
        return Ok(());
    }
    // `same-site` is not enough: another port of localhost is the same site.
    let foreign_site = headers
        .get_all("sec-fetch-site")
        .iter()
        .any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    let foreign_origin = headers.get_all(header::ORIGIN).iter().any(|origin| {
        origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"))
            != Some(host.to_ascii_lowercase().as_str())
    });
    if foreign_site || foreign_origin {
        return Err(Fault::new(
            codes::CROSS_SITE_WRITE,
            "writes are taken from Bartizan's own pages and from programs, not from other web pages",
        ));
    }
    Ok(())
}

/// Whether an authority (`host` or `host:port`) names this computer.
fn is_here(authority: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
        let Some(start) = authority.get(..name.len()) else { return false };
        let rest = &authority[name.len()..];
        start.eq_ignore_ascii_case(name)
            && (rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_computer_are_here() {
        for here in ["localhost", "LOCALHOST:7575", "127.0.0.1:1", "127.0.0.1", "[::1]:7575", "[::1]"] {
            assert!(is_here(here), "{here}");
        }
        for away in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "localhost:",
            "localhost:x",
            "user@localhost",
            "[::1",
            "[::2]:1",
            "löcalhost",
            "127.0.0.2",
            "localhost:80:80",
        ] {
            assert!(!is_here(away), "{away}");
        }
    }

    fn admitted(method: &str, headers: &[(&'static str, &str)]) -> Option<&'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        admit(&method.parse().unwrap(), &"/api/v1/imports".parse().unwrap(), &map)
            .err()
            .map(|fault| fault.code.name)
    }

    #[test]
    fn writes_come_from_programs_and_from_here() {
        let host = ("host", "localhost:7575");
        assert_eq!(admitted("POST", &[host]), None);
        assert_eq!(admitted("POST", &[host, ("origin", "http://localhost:7575")]), None);
        assert_eq!(admitted("POST", &[host, ("sec-fetch-site", "same-origin")]), None);
        for foreign in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "https://localhost:7575"),
            ("origin", "http://localhost:3000"),
            ("origin", "http://127.0.0.1:7575"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "cross-site"),
        ] {
            assert_eq!(admitted("POST", &[host, foreign]), Some("cross_site_write"), "{foreign:?}");
            assert_eq!(admitted("GET", &[host, foreign]), None, "{foreign:?}");
        }
        assert_eq!(admitted("GET", &[]), Some("wrong_host"));
        assert_eq!(admitted("GET", &[host, ("host", "evil.example")]), Some("wrong_host"));
    }
}
