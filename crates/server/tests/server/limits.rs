//! What one question may take: so many at once, so long.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Server, fixture, start};
use bartizan_server::Limits;

/// Sends the head of an import, waits until the server wants the body, and sends half of it: then the
/// request has its turn and keeps it.
fn half_an_import(server: &Server, report: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let head = format!(
        "POST /api/v1/imports?name=image.json HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        server.address,
        report.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut wanted = [0; 25];
    stream.read_exact(&mut wanted).unwrap();
    assert_eq!(&wanted, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&report[..report.len() / 2]).unwrap();
    stream
}

fn status_line(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn one_question_too_often_is_turned_away_and_the_others_are_answered() {
    let server = start(|config| config.limits = Limits { at_once: 1, waiting: 0, ..Limits::default() });
    let report = fixture("trivy/image.json");
    let mut first = half_an_import(&server, &report);
    let refused = server.post("/api/v1/imports?name=other.json", b"no report");
    refused.problem(503, "too_busy");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(server.get("/api/v1/top").status, 200);
    assert_eq!(server.get("/api/v1/imports").status, 200, "another method is another question");
    first.write_all(&report[report.len() / 2..]).unwrap();
    assert_eq!(status_line(&mut first), "HTTP/1.1 200 OK");
    assert_eq!(server.post("/api/v1/imports?name=image.json", &report).status, 200);
}

#[test]
fn a_request_that_takes_too_long_is_told_so_and_gives_up_its_place() {
    let limits = Limits { time: Duration::from_secs(2), at_once: 1, waiting: 0 };
    let server = start(|config| config.limits = limits);
    let report = fixture("trivy/image.json");
    let mut slow = half_an_import(&server, &report);
    let mut text = String::new();
    slow.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(head.contains("application/problem+json"), "{head}");
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["code"], "timed_out");
    assert!(problem["detail"].as_str().unwrap().contains("after 2 s"), "{problem}");
    server.post("/api/v1/inspect?name=x", b"no report").problem(422, "report_refused");
    server.post("/api/v1/imports?name=x", b"no report").problem(422, "report_refused");
    assert_eq!(server.answer("/api/v1/health")["reports"], 0, "half a report changes nothing");
}
