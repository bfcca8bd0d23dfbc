//! Validation through the real binary against a web server of the test's own, on loopback: what is
//! sent, what is refused, what is proven and what closes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers too")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use support::{Place, text};

/// A web server that serves `.git` until it is told not to.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    serves_git: Arc<AtomicBool>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            requests: Arc::default(),
            serves_git: Arc::new(AtomicBool::new(true)),
        };
        let (connections, requests) = (Arc::clone(&server.connections), Arc::clone(&server.requests));
        let serves_git = Arc::clone(&server.serves_git);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                answer(stream.unwrap(), &requests, serves_git.load(Ordering::SeqCst));
            }
        });
        server
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, requests: &Mutex<Vec<String>>, serves_git: bool) {
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let line = head.lines().next().unwrap_or_default().to_owned();
    requests.lock().unwrap().push(line.clone());
    let (status, body) = match line.split(' ').nth(1) {
        Some("/.git/HEAD") if serves_git => ("200 OK", "ref: refs/heads/main\n"),
        Some("/") => ("200 OK", "<title>shop</title>"),
        _ => ("404 Not Found", "no such page"),
    };
    let answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes());
}

const ALWAYS: &str = "to: 2099-01-01T00:00:00Z";

/// A scope whose window allows requests to `target` while `open` says so.
fn scope(target: &str, open: &str, more: &str) -> String {
    format!(
        "version: 1\norganisation: Test\nvalidation:\n  - name: drill\n    targets: [\"{target}\"]\n    {open}\n    \
         methods: [tcp, http]\n    requests_per_second: 50\n    authorised_by: Ada\n{more}"
    )
}

/// What nmap prints of a host with a served repository.
fn scan(port: u16) -> String {
    format!(
        r#"<?xml version="1.0"?><nmaprun scanner="nmap" version="7.94" start="1795000000">
<scaninfo type="connect" protocol="tcp" numservices="1" services="{port}"/>
<host starttime="1795000000" endtime="1795000001"><status state="up" reason="user-set"/>
<address addr="127.0.0.1" addrtype="ipv4"/>
<hostnames><hostname name="shop.test.example" type="user"/></hostnames>
<ports><port protocol="tcp" portid="{port}"><state state="open" reason="syn-ack"/>
<service name="http" method="probed" conf="10"/>
<script id="http-git" output="127.0.0.1:{port}/.git/ Git repository found!"><table key="127.0.0.1:{port}/.git/">
<table key="files-found"><elem key=".git/HEAD">true</elem></table></table></script></port></ports></host>
<runstats><finished time="1795000001" exit="success"/></runstats></nmaprun>"#
    )
}

/// A place in which the server's exposure is known, with its id.
fn known(server: &Server, scope: &str) -> (Place, String) {
    let place = Place::with_own_scope(scope);
    place.import(&[place.write("scan.xml", scan(server.port))]);
    let top = place.run(&["top", "-n", "100"]).list();
    let found = top.iter().find(|entry| entry["weakness"] == "class:served-git-folder");
    let id = text(found.unwrap_or_else(|| panic!("{top:#?}")), "id").to_owned();
    (place, id)
}

fn state(place: &Place, id: &str) -> Option<Value> {
    let top = place.run(&["top", "-n", "100"]).list();
    top.into_iter().find(|entry| entry["id"] == id)
}

#[test]
fn a_dry_run_shows_what_would_be_sent_and_sends_nothing() {
    let server = Server::start();
    let (place, id) = known(&server, &scope("127.0.0.1", ALWAYS, ""));
    let rehearsed = place.run(&["validate", &id, "--dry-run"]).exits(0).list();
    let shown = rehearsed[0]["would_send"].to_string();
    assert!(shown.contains("GET /.git/HEAD"), "{shown}");
    assert!(shown.contains("drill") && shown.contains("Ada"), "{shown}");
    assert_eq!(server.connections(), 0, "the dry run sent something");
    let table = place.run(&["validate", &id, "--dry-run", "--format", "table"]).exits(0).text();
    assert!(table.contains("nothing was sent"), "{table}");
}

#[test]
fn what_is_there_is_proven_and_what_is_mended_is_closed() {
    let server = Server::start();
    let (place, id) = known(&server, &scope("127.0.0.1", ALWAYS, ""));
    let proven = place.run(&["validate", &id]).exits(0).list();
    let report = proven[0].to_string();
    assert!(report.contains("ref: refs/"), "no evidence of what answered: {report}");
    for question in ["accessible", "exploitable", "controls_hold", "harm"] {
        assert!(report.contains(question), "{question} is not answered: {report}");
    }
    assert!(server.requests.lock().unwrap().iter().any(|line| line.starts_with("GET /.git/HEAD")));
    let entry = state(&place, &id).unwrap();
    assert_eq!(entry["proven"], true, "{entry}");
    // Still there: the gate does not pass, and nothing closes.
    place.run(&["retest", &id]).exits(1);
    assert!(state(&place, &id).is_some());

    server.serves_git.store(false, Ordering::SeqCst);
    let mended = place.run(&["retest", &id]).exits(0).list();
    assert_eq!((&mended[0]["before"], &mended[0]["after"]), (&"open".into(), &"closed".into()), "{mended:?}");
    assert!(state(&place, &id).is_none());
    // The same old report, which still tells of it, opens nothing: the re-test is younger.
    place.import(&[place.write("again.xml", scan(server.port).replace("7.94", "7.95"))]);
    assert!(state(&place, &id).is_none(), "an older report reopened it");
    place.verify();
}

#[test]
fn a_server_that_does_not_answer_closes_nothing() {
    let server = Server::start();
    let (place, id) = known(&server, &scope("127.0.0.1", ALWAYS, ""));
    // Another port of this machine, on which nobody listens, stands for the server that went away.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let moved = place.write("moved.xml", scan(silent).replace("shop.test", "gone.test"));
    place.import(&[moved]);
    let top = place.run(&["top", "-n", "100"]).list();
    let gone = top.iter().find(|entry| {
        entry["weakness"] == "class:served-git-folder" && entry["place"] == format!("tcp/{silent}")
    });
    let gone = text(gone.unwrap_or_else(|| panic!("{top:#?}")), "id").to_owned();
    assert_ne!(gone, id);
    let answer = place.run(&["retest", &gone]);
    assert!(
        answer.code == 1 || state(&place, &gone).is_none(),
        "a closed port either refutes or leaves it open: {}",
        answer.stderr
    );
    assert!(state(&place, &id).is_some(), "the retest of one closed another");
}

#[test]
fn nothing_is_sent_outside_of_scope_window_and_authority() {
    let server = Server::start();
    let past = "from: 2020-01-01T00:00:00Z\n    to: 2020-01-02T00:00:00Z";
    for (why, scope) in [
        ("another target is authorised", scope("192.0.2.7", ALWAYS, "")),
        ("the window is over", scope("127.0.0.1", past, "")),
        ("it must never be touched", scope("127.0.0.1", ALWAYS, "never: [127.0.0.0/8]\n")),
        ("http is not authorised", scope("127.0.0.1", ALWAYS, "").replace("[tcp, http]", "[tls]")),
        (
            "the asset is out of scope",
            scope("127.0.0.1", ALWAYS, "out:\n  - selector: kind == \"host\"\n    reason: not ours\n"),
        ),
        ("there is no window", "version: 1\norganisation: Test\n".to_owned()),
    ] {
        let (place, id) = match why {
            // Out of scope, it is in no list: its id is known from before.
            "the asset is out of scope" => {
                let (place, id) = known(&server, &self::scope("127.0.0.1", ALWAYS, ""));
                place.write("bartizan.yaml", &scope);
                (place, id)
            }
            _ => known(&server, &scope),
        };
        let answer = place.run(&["validate", &id]);
        assert_eq!(server.connections(), 0, "{why}: something was sent");
        if answer.code == 0 {
            let report = answer.list()[0].clone();
            assert_eq!(report["outcome"], "inconclusive", "{why}: {report}");
            assert_eq!(report["before"], report["after"], "{why}");
        } else {
            assert!(!answer.stderr.trim().is_empty(), "{why}");
        }
    }
    let (place, id) = known(&server, &scope("127.0.0.1", ALWAYS, ""));
    assert!(place.run(&["validate", &id, "--offline"]).exits(2).stderr.contains("--offline"));
    assert_eq!(server.connections(), 0);
}

#[test]
fn without_a_scope_nothing_is_authorised() {
    let place = Place::new();
    let server = Server::start();
    place.import(&[place.write("scan.xml", scan(server.port))]);
    let top = place.run(&["top", "-n", "100"]).list();
    let answer = place.run(&["validate", text(&top[0], "id")]).exits(2);
    assert!(answer.stderr.contains("no scope file"), "{}", answer.stderr);
    assert_eq!(server.connections(), 0);
}
