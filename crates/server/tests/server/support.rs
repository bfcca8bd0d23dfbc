//! A real server in a thread, and a client that does only what it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use bartizan_model::Timestamp;
use bartizan_server::{Config, Limits, serve};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) thread: std::thread::JoinHandle<bartizan_server::Result<()>>,
    _folder: TempDir,
}

fn clock() -> Timestamp {
    "2026-11-23T12:34:56Z".parse().unwrap()
}

pub(crate) fn config(folder: &TempDir, listen: &str) -> Config {
    Config {
        store: folder.path().join("test.db"),
        scope: None,
        listen: listen.parse().unwrap(),
        note: Some("a <note> of the test".to_owned()),
        clock,
        limits: Limits::default(),
    }
}

pub(crate) fn start(change: impl FnOnce(&mut Config)) -> Server {
    let folder = TempDir::new().unwrap();
    let mut config = config(&folder, "127.0.0.1:0");
    change(&mut config);
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || serve(config, |address| sender.send(address).unwrap()));
    let address = receiver.recv_timeout(Duration::from_secs(30)).expect("the server starts");
    Server { address, thread, _folder: folder }
}

pub(crate) struct Response {
    pub(crate) status: u16,
    /// As they came, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Checks that this is a problem with this code.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem
    }
}

impl Server {
    pub(crate) fn get(&self, path: &str) -> Response {
        self.ask("GET", path, &[], b"")
    }

    pub(crate) fn answer(&self, path: &str) -> Value {
        let response = self.get(path);
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        assert_eq!(response.header("content-type"), "application/json");
        response.json()
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Response {
        self.ask("POST", path, &[], body)
    }

    /// A request with the right `Host`, and these headers.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let host = self.address.to_string();
        let mut all = vec![("host", host.as_str())];
        let length = body.len().to_string();
        if method == "POST" {
            all.push(("content-length", length.as_str()));
        }
        all.extend(headers);
        self.send(method, path, &all, body)
    }

    /// A request with these headers only.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Response { status, headers, body: body.to_owned() }
    }
}

/// A report that a reader of `bartizan-discover` is tested with.
pub(crate) fn fixture(path: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../discover/fixtures").join(path);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
