//! Who is let in: this computer only, and no writes from other web pages.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{config, start};
use bartizan_server::{Error, serve};
use tempfile::TempDir;

#[test]
fn only_loopback_addresses_are_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
        let folder = TempDir::new().unwrap();
        let config = config(&folder, address);
        let store = config.store.clone();
        let error = serve(config, |_| panic!("{address} is listened on")).unwrap_err();
        assert!(matches!(error, Error::NotLoopback(_)), "{address}: {error}");
        assert!(error.to_string().contains("until sign-in exists"), "{error}");
        assert!(!store.exists());
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let server = start(|_| ());
    let folder = TempDir::new().unwrap();
    let error = serve(config(&folder, &server.address.to_string()), |_| ()).unwrap_err();
    assert!(matches!(error, Error::Listen { .. }), "{error}");
}

#[test]
fn requests_name_this_computer() {
    let server = start(|_| ());
    for host in ["localhost", "localhost:7575", "127.0.0.1", "[::1]:80"] {
        assert_eq!(server.send("GET", "/api/v1/health", &[("host", host)], b"").status, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "192.0.2.1", "127.0.0.1.evil.example:7575"] {
        for path in ["/", "/style.css", "/api/openapi.json", "/api/v1/top", "/nothing"] {
            server.send("GET", path, &[("host", host)], b"").problem(421, "wrong_host");
        }
    }
    let whole = "http://evil.example/api/v1/health";
    server.send("GET", whole, &[("host", "localhost")], b"").problem(421, "wrong_host");
}

#[test]
fn other_pages_cannot_write() {
    let server = start(|_| ());
    let own = format!("http://{}", server.address);
    for path in ["/api/v1/imports?name=x", "/api/v1/inspect?name=x", "/api/v1/runs/1/replay"] {
        for foreign in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:1"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            server.ask("POST", path, &[foreign], b"x").problem(403, "cross_site_write");
        }
        let both = [("origin", own.as_str()), ("sec-fetch-site", "same-origin")];
        assert_ne!(server.ask("POST", path, &both, b"x").status, 403);
    }
}

#[test]
#[cfg(unix)]
fn a_signal_ends_it_in_good_order() {
    let server = start(|_| ());
    assert_eq!(server.get("/api/v1/health").status, 200);
    // The signal goes to this whole process, so this test runs in one of its own.
    if std::env::var_os("BARTIZAN_TEST_ENDING").is_none() {
        let outcome = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "guard::a_signal_ends_it_in_good_order"])
            .env("BARTIZAN_TEST_ENDING", "1")
            .output()
            .unwrap();
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
        return;
    }
    let sent = Command::new("kill").args(["-TERM", &std::process::id().to_string()]).status().unwrap();
    assert!(sent.success());
    let start = Instant::now();
    while !server.thread.is_finished() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(server.thread.join().unwrap().is_ok());
}
