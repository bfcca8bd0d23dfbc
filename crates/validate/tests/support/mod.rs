//! Servers on loopback, and guards that may reach them.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bartizan_model::{Digest, Place, Timestamp, WeaknessKey};
use bartizan_validate::{
    Guard, Limits, Method, Permit, Refusal, Report, Resolver, Target, ValidationSubject, ZonedAddress,
};

pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn noon() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

/// A listener that hands every connection to a function, and counts them.
pub struct Server {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub fn new(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self::at(HERE, handle)
    }

    pub fn at(address: IpAddr, handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, handle) = (Arc::clone(&connections), Arc::new(handle));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let handle = Arc::clone(&handle);
                thread::spawn(move || handle(stream));
            }
        });
        Self { address, connections }
    }

    /// Answers each request by its path and host.
    pub fn http(answer: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Self {
        Self::new(move |mut stream| {
            let request = read_request(&mut stream);
            let _ = stream.write_all(answer(&path_of(&request), &host_of(&request)).as_bytes());
        })
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections so far, after a moment in which a late one would show.
    pub fn connections(&self) -> usize {
        thread::sleep(Duration::from_millis(50));
        self.connections.load(Ordering::SeqCst)
    }
}

pub fn read_request(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => request.extend_from_slice(&buffer[..count]),
        }
    }
    String::from_utf8(request).unwrap()
}

pub fn path_of(request: &str) -> String {
    request.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn host_of(request: &str) -> String {
    request.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap_or_default().to_owned()
}

pub fn page(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A port on which nothing listens.
pub fn closed_port() -> u16 {
    TcpListener::bind((HERE, 0)).unwrap().local_addr().unwrap().port()
}

pub fn subject(rule: (&str, &str), title: &str, place: Place) -> ValidationSubject {
    ValidationSubject {
        exposure: Digest::of(b"exposure"),
        weakness: WeaknessKey::rule(rule.0, rule.1),
        title: title.to_owned(),
        cwes: Vec::new(),
        asset: Digest::of(b"asset"),
        asset_name: "shop".to_owned(),
        place,
        names: Vec::new(),
        addresses: vec![ZonedAddress { address: HERE, zone: None }],
        services: Vec::new(),
    }
}

pub fn open_port(port: u16) -> ValidationSubject {
    subject(("nmap", "open-port"), "Open port", Place::port("tcp", port))
}

pub fn git(port: u16) -> ValidationSubject {
    subject(("nmap", "http-git"), "Git repository served by a web server", Place::port("tcp", port))
}

pub fn permit() -> Permit {
    Permit {
        window: "loopback".to_owned(),
        authorised_by: "test".to_owned(),
        requests_per_second: None,
        loopback: true,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a permission")]
pub fn yes(_: &Target, _: Option<SocketAddr>, _: Method, _: Timestamp) -> Result<Permit, Refusal> {
    Ok(permit())
}

pub const QUICK: Limits =
    Limits { bytes: 64 * 1024, time: Duration::from_secs(5), requests_per_second: 100.0 };

/// For answers that do not come.
pub const IMPATIENT: Limits = Limits { time: Duration::from_millis(600), ..QUICK };

/// Plans and runs with every permission, and checks that the kept report is judged alike.
pub fn validate(subject: &ValidationSubject) -> Report {
    validate_within(subject, QUICK)
}

pub fn validate_within(subject: &ValidationSubject, limits: Limits) -> Report {
    let guard = Guard::new(&yes, &noon).unwrap().with_limits(limits).unwrap();
    let report = bartizan_validate::run(subject, bartizan_validate::plan(subject), &guard);
    check_replay(&report);
    report
}

pub fn check_replay(report: &Report) {
    let kept = serde_json::to_string(report).unwrap();
    let again: Report = serde_json::from_str(&kept).unwrap();
    assert_eq!(&again, report);
    assert_eq!(bartizan_validate::replay(&again), report.judgement);
}

/// Answers with the next list each time it is asked.
pub struct Turning {
    pub answers: Vec<Vec<IpAddr>>,
    pub asked: AtomicUsize,
}

impl Turning {
    pub fn new(answers: &[&[&str]]) -> Self {
        let parse = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Self { answers: answers.iter().map(parse).collect(), asked: AtomicUsize::new(0) }
    }
}

impl Resolver for Turning {
    fn resolve(&self, _: &str, _: Duration) -> std::io::Result<Vec<IpAddr>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.answers[turn.min(self.answers.len() - 1)].clone())
    }
}
