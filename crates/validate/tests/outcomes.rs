//! Every rule by which an outcome and the four answers follow from real answers of real servers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]

mod support;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bartizan_model::{Place, WeaknessKey};
use bartizan_validate::{
    Action, HelloAnswer, Outcome, Report, Seen, ServiceFact, TlsVersion, ValidationSubject, YesNo,
    ZonedAddress, plan,
};
use rustls::pki_types::PrivateKeyDer;
use support::{HERE, Server, closed_port, git, open_port, page, read_request, subject, validate};

fn check(report: &Report, outcome: Outcome, because: &str) {
    assert_eq!(report.judgement.outcome, outcome, "{}", report.judgement.because);
    assert!(report.judgement.because.contains(because), "{}", report.judgement.because);
    let answers = &report.judgement.answers;
    for answer in [&answers.accessible, &answers.exploitable, &answers.controls_hold, &answers.harm] {
        assert!(!answer.why.is_empty());
        assert_eq!(answer.answer == YesNo::Unknown, answer.needs.is_some(), "{answer:?}");
        assert!(answer.answer == YesNo::Unknown || !answer.evidence.is_empty(), "{answer:?}");
        assert!(answer.evidence.iter().all(|at| *at < report.records.len()));
    }
}

fn answers(report: &Report) -> [YesNo; 4] {
    let answers = &report.judgement.answers;
    [&answers.accessible, &answers.exploitable, &answers.controls_hold, &answers.harm]
        .map(|answer| answer.answer)
}

#[test]
fn open_ports() {
    let server = Server::new(drop);
    let report = validate(&open_port(server.port()));
    check(&report, Outcome::Confirmed, "is open");
    assert_eq!(answers(&report), [YesNo::Yes, YesNo::Unknown, YesNo::Unknown, YesNo::Unknown]);

    let report = validate(&open_port(closed_port()));
    check(&report, Outcome::Refuted, "is closed");
    assert_eq!(answers(&report)[..2], [YesNo::No, YesNo::No]);
    // Open at one of two addresses is open.
    let mut both = open_port(server.port());
    both.addresses.push(ZonedAddress { address: "127.0.0.3".parse().unwrap(), zone: None });
    check(&validate(&both), Outcome::Confirmed, "127.0.0.1");
}

#[test]
fn a_closed_port_refutes_nothing_but_an_open_port() {
    let mut vulnerable = subject(("x", "y"), "Remote code execution", Place::Whole);
    vulnerable.weakness = WeaknessKey::vulnerability("CVE-2026-0001");
    for (port, open) in [(closed_port(), YesNo::No), (Server::new(drop).port(), YesNo::Yes)] {
        vulnerable.services = vec![ServiceFact { protocol: "tcp".to_owned(), port, name: None, tls: None }];
        let report = validate(&vulnerable);
        check(&report, Outcome::Inconclusive, "");
        assert_eq!(answers(&report), [open, YesNo::Unknown, YesNo::Unknown, YesNo::Unknown]);
    }
    for report in [validate(&git(closed_port())), validate(&tls_version("tls:tlsv1.0", closed_port()))] {
        check(&report, Outcome::Inconclusive, "the port is closed");
        assert_eq!(answers(&report)[0], YesNo::No);
    }
}

#[test]
fn what_nobody_can_look_at_stays_open() {
    for place in [Place::port("udp", 161), Place::Setting("x".to_owned()), Place::code("a.py", None, "f")] {
        let report = validate(&subject(("x", "y"), "Something", place));
        assert_eq!(report.plan.validator, None);
        check(&report, Outcome::Inconclusive, "no validator");
    }
    let mut nowhere = open_port(80);
    nowhere.addresses.clear();
    check(&validate(&nowhere), Outcome::Inconclusive, "neither an address nor a full name");
}

#[test]
fn a_served_repository_is_confirmed_and_its_secrets_are_masked() {
    let server = Server::http(|path, _| match path {
        "/.git/HEAD" => page("200 OK", "ref: refs/heads/main\n"),
        "/.git/config" => page(
            "200 OK",
            "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://bob:hunter2@git.example.test/a.git\n",
        ),
        _ => page("200 OK", "shop"),
    });
    let report = validate(&git(server.port()));
    check(&report, Outcome::Confirmed, "serves a Git repository");
    assert_eq!(answers(&report), [YesNo::Yes, YesNo::Yes, YesNo::No, YesNo::Unknown]);
    let kept = serde_json::to_string(&report).unwrap();
    assert!(!kept.contains("hunter2") && kept.contains("https://…@git.example.test/a.git"), "{kept}");
    assert_eq!(report.records[0].dialled, Some(server.address));
    assert!(report.records[0].sent_bytes > 0 && report.records[0].received_bytes > 0);
}

#[test]
fn the_same_check_that_does_not_fire_refutes() {
    let deny = |status: &'static str, root: &'static str| {
        Server::http(move |path, _| page(if path == "/" { root } else { status }, ""))
    };
    for (server, outcome, because) in [
        (deny("404 Not Found", "200 OK"), Outcome::Refuted, "status 404"),
        (deny("404 Not Found", "503 Busy"), Outcome::Refuted, "status 404"),
        (deny("410 Gone", "200 OK"), Outcome::Refuted, "status 410"),
        (deny("403 Forbidden", "200 OK"), Outcome::Refuted, "/ is not denied"),
        (deny("401 Unauthorized", "302 Found"), Outcome::Refuted, "/ is not denied"),
        // A filter that denies everything may know the checker.
        (deny("403 Forbidden", "403 Forbidden"), Outcome::Inconclusive, "a filter may deny"),
        (deny("403 Forbidden", "429 Too Many"), Outcome::Inconclusive, "a filter may deny"),
        (deny("429 Too Many", "200 OK"), Outcome::Inconclusive, "status 429"),
        (deny("500 Oops", "200 OK"), Outcome::Inconclusive, "status 500"),
        (deny("200 OK", "200 OK"), Outcome::Inconclusive, "it may be a filter's"),
    ] {
        let report = validate(&git(server.port()));
        check(&report, outcome, because);
        let controls = report.judgement.answers.controls_hold.answer;
        let expected = if because.contains("not denied") { YesNo::Yes } else { YesNo::Unknown };
        assert_eq!(controls, expected, "{because}");
    }
}

#[test]
fn every_name_of_the_server_counts() {
    // The repository is served under one name only.
    let server = Server::http(|path, host| {
        if host.starts_with("old.") && path.starts_with("/.git/") {
            page("200 OK", "ref: refs/heads/main\n")
        } else {
            page("404 Not Found", "")
        }
    });
    let mut shop = git(server.port());
    shop.names = vec!["shop.example.test".to_owned()];
    check(&validate(&shop), Outcome::Refuted, "all 4 checks");
    shop.names.push("old.example.test".to_owned());
    check(&validate(&shop), Outcome::Confirmed, "as old.example.test");
    // Too many names to ask: no refutation.
    shop.names = (0..40).map(|number| format!("n{number}.example.test")).collect();
    let cut = validate(&shop);
    check(&cut, Outcome::Inconclusive, "not every target");
    assert!(!cut.plan.complete && cut.plan.probes.len() == 32);
}

#[test]
fn repositories_below_a_folder_and_other_files() {
    let server = Server::http(|path, _| match path {
        "/backup/.git/config" => page("200 OK", "[core]\n"),
        "/.env" => page("200 OK", "# settings\nDB_PASSWORD=hunter2hunter2\nPORT=8080\n"),
        _ => page("404 Not Found", ""),
    });
    let place = Place::web("GET", server.port(), "/backup/.git/config", None);
    check(
        &validate(&subject(("nuclei", "git-config"), "Git configuration", place)),
        Outcome::Confirmed,
        "/backup/",
    );
    let place = Place::web("GET", server.port(), "/.env", None);
    let report = validate(&subject(("nuclei", "generic-env"), "Environment file", place));
    check(&report, Outcome::Confirmed, "a file of environment variables");
    assert!(!serde_json::to_string(&report).unwrap().contains("hunter2"));
}

#[test]
fn a_get_without_payload_decides_nothing() {
    let server = Server::http(|path, _| page(if path == "/search" { "200 OK" } else { "404 Not Found" }, ""));
    for (path, accessible) in [("/search?q=1", YesNo::Yes), ("/gone", YesNo::No)] {
        let place = Place::web("GET", server.port(), path, Some("q"));
        let report = validate(&subject(("zap", "40012"), "Cross-site scripting", place));
        check(&report, Outcome::Inconclusive, "neither confirms nor refutes");
        assert_eq!(answers(&report)[0], accessible);
    }
}

fn tls_version(rule: &str, port: u16) -> ValidationSubject {
    subject(("nmap", rule), "", Place::port("tcp", port))
}

/// A TLS server (1.2 and 1.3) with a certificate of its own making.
fn tls_server(certificate: impl Fn(&mut rcgen::CertificateParams), answer: &'static str) -> Server {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["shop.example.test".to_owned()]).unwrap();
    certificate(&mut params);
    let made = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let config = Arc::new(config);
    Server::new(move |mut stream| {
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = rustls::Stream::new(&mut connection, &mut stream);
        let request = read_request(&mut tls);
        if !request.is_empty() {
            let _ = tls.write_all(answer.as_bytes());
            connection.send_close_notify();
            let _ = connection.write_tls(&mut stream);
        }
        // What is still to be read must not make the system reset the connection.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        thread::sleep(Duration::from_millis(50));
    })
}

#[test]
fn certificates_are_looked_at_and_not_trusted() {
    let until = |year: i32| {
        move |params: &mut rcgen::CertificateParams| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
        }
    };
    let expired = tls_server(until(2026), "");
    let valid = tls_server(until(2030), "");
    let about = |rule: &str, server: &Server| validate(&tls_version(rule, server.port()));
    let report = about("certificate:expired", &expired);
    check(&report, Outcome::Confirmed, "valid until 2026-01-01T00:00:00Z");
    let Seen::Handshake { handshake } = &report.records[0].seen else {
        panic!("{:?}", report.records[0].seen)
    };
    assert_eq!(handshake.version, TlsVersion::Tls13);
    let certificate = handshake.certificate.as_ref().unwrap();
    assert_eq!(certificate.names, ["shop.example.test"]);
    assert_eq!(certificate.signature_algorithm, "1.2.840.10045.4.3.2");
    check(&about("certificate:expired", &valid), Outcome::Refuted, "valid until 2030");
    check(
        &about("certificate:self-signed", &valid),
        Outcome::Confirmed,
        "is for CN=rcgen self signed cert, issued by CN=rcgen self signed cert",
    );
    check(&about("certificate:weak-signature", &valid), Outcome::Refuted, "");
    check(&about("certificate:weak-key", &valid), Outcome::Refuted, "");
    // A port that does not speak TLS says nothing of a certificate.
    let plain = Server::http(|_, _| page("400 Bad Request", ""));
    check(&about("certificate:expired", &plain), Outcome::Inconclusive, "connected, but");
}

#[test]
fn repositories_behind_tls() {
    let server = tls_server(|_| {}, "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\nref: refs/heads/main\n");
    let mut subject = git(server.port());
    subject.services = vec![ServiceFact {
        protocol: "tcp".to_owned(),
        port: server.port(),
        name: Some("http".to_owned()),
        tls: Some(true),
    }];
    check(&validate(&subject), Outcome::Confirmed, "/.git/HEAD");
    // Plain requests to it are answered by no HTTP: open.
    subject.services.clear();
    check(&validate(&subject), Outcome::Inconclusive, "connected, but");
}

#[test]
fn a_modern_server_refuses_old_versions() {
    let server = tls_server(|_| {}, "");
    for rule in ["tls:tlsv1.0", "tls:tlsv1.1"] {
        let report = validate(&tls_version(rule, server.port()));
        check(&report, Outcome::Refuted, "for its version");
        assert_eq!(answers(&report)[..2], [YesNo::Yes, YesNo::No]);
    }
    let mut both = tls_version("deprecated", server.port());
    both.title = "TLS 1.0 and TLS 1.1 supported".to_owned();
    let report = validate(&both);
    check(&report, Outcome::Refuted, "all 2 checks");
    assert!(matches!(report.plan.probes[1].action, Action::TlsHello { version: TlsVersion::Tls11 }));
    both.title = "SSLv2 and SSLv3 enabled".to_owned();
    assert_eq!(plan(&both).validator.as_deref(), Some("tcp-reachable"), "SSL 2.0 cannot be offered");
}

/// A server that answers any greeting with fixed bytes.
fn answering(bytes: &'static [u8]) -> Server {
    Server::new(move |mut stream| {
        let mut buffer = [0; 1024];
        let _ = std::io::Read::read(&mut stream, &mut buffer);
        let _ = stream.write_all(bytes);
        thread::sleep(Duration::from_millis(100));
    })
}

const SERVER_HELLO_TLS10: &[u8] = &[
    22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0x2f, 0,
];

#[test]
fn every_answer_to_a_greeting() {
    for (bytes, rule, outcome, because) in [
        (SERVER_HELLO_TLS10, "tls:tlsv1.0", Outcome::Confirmed, "accepts TLS 1.0"),
        (SERVER_HELLO_TLS10, "tls:tlsv1.1", Outcome::Refuted, "goes on with TLS 1.0"),
        // A higher version than was offered is no sensible answer.
        (SERVER_HELLO_TLS10, "tls:sslv3", Outcome::Inconclusive, "goes on with TLS 1.0"),
        (&[21, 3, 1, 0, 2, 2, 70], "tls:tlsv1.0", Outcome::Refuted, "for its version"),
        (&[21, 3, 1, 0, 2, 2, 40], "tls:tlsv1.0", Outcome::Inconclusive, "alert 40"),
        (b"220 mail ESMTP\r\n", "tls:tlsv1.0", Outcome::Inconclusive, "not TLS"),
        (b"", "tls:tlsv1.0", Outcome::Inconclusive, "closed without an answer"),
    ] {
        check(&validate(&tls_version(rule, answering(bytes).port())), outcome, because);
    }
}

/// OpenSSL as a server, ended with the test.
struct OpenSsl(std::process::Child);

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_server_of_old_versions() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["old.example.test".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let folder = std::env::temp_dir().join(format!("bartizan-validate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("server.der");
    std::fs::write(&file, certificate.der()).unwrap();
    let key_file = folder.join("key.der");
    std::fs::write(&key_file, key.serialize_der()).unwrap();
    let port = closed_port();
    let server = Command::new("openssl")
        .args([
            "s_server",
            "-accept",
            &format!("{HERE}:{port}"),
            "-tls1",
            "-cipher",
            "ALL:@SECLEVEL=0",
            "-quiet",
        ])
        .args(["-certform", "DER", "-keyform", "DER", "-cert"])
        .arg(&file)
        .arg("-key")
        .arg(&key_file)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(server) = server else {
        eprintln!("skipped: openssl is not installed");
        return;
    };
    let _server = OpenSsl(server);
    for _ in 0..100 {
        if std::net::TcpStream::connect((HERE, port)).is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let report = validate(&tls_version("tls:tlsv1.0", port));
    check(&report, Outcome::Confirmed, "accepts TLS 1.0");
    assert!(matches!(
        &report.records[0].seen,
        Seen::Hello { answer: HelloAnswer::ServerHello { version: TlsVersion::Tls10, .. } }
    ));
    // It knows nothing higher: 1.1 is answered with 1.0.
    check(&validate(&tls_version("tls:tlsv1.1", port)), Outcome::Refuted, "goes on with TLS 1.0");
    // The certificate needs a handshake of 1.2 or 1.3, which this server refuses.
    check(&validate(&tls_version("certificate:expired", port)), Outcome::Inconclusive, "connected, but");
    let _ = std::fs::remove_dir_all(&folder);
}
