//! The guard against real servers: what it dials, what it never dials, and where it stops.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]

mod support;

use std::cell::RefCell;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use bartizan_model::{Place, Timestamp};
use bartizan_validate::{
    Action, Guard, Limits, Method, Outcome, Permit, Refusal, Report, Seen, Target, ValidationSubject, YesNo,
    plan, rehearse, run,
};
use support::{
    IMPATIENT, QUICK, Server, Turning, at, check_replay, closed_port, git, noon, open_port, page, permit,
    read_request, validate, validate_within, yes,
};

fn named(mut subject: ValidationSubject) -> ValidationSubject {
    subject.addresses.clear();
    subject.names = vec!["shop.example.test".to_owned()];
    subject
}

fn run_with(guard: &Guard<'_>, subject: &ValidationSubject) -> Report {
    let report = run(subject, plan(subject), guard);
    check_replay(&report);
    report
}

#[test]
fn outside_the_window_no_packet_is_sent() {
    let server = Server::http(|_, _| page("200 OK", "ref: refs/heads/main\n"));
    let closes = at("2026-11-23T05:00:00Z");
    let window = |_: &Target, _: Option<SocketAddr>, _: Method, at: Timestamp| {
        if at < closes { Ok(permit()) } else { Err(Refusal("the window is closed".to_owned())) }
    };
    let guard = Guard::new(&window, &noon).unwrap().with_limits(QUICK).unwrap();
    for subject in [git(server.port()), open_port(server.port())] {
        let report = run_with(&guard, &subject);
        assert_eq!(report.judgement.outcome, Outcome::Inconclusive);
        assert!(report.judgement.because.contains("the window is closed"), "{}", report.judgement.because);
        assert_eq!(report.judgement.answers.accessible.answer, YesNo::Unknown);
        assert!(report.records.iter().all(|record| record.dialled.is_none() && record.sent_bytes == 0));
    }
    assert_eq!(server.connections(), 0);
    // The same, a second earlier than the end.
    let early = || at("2026-11-23T04:59:59Z");
    let guard = Guard::new(&window, &early).unwrap().with_limits(QUICK).unwrap();
    assert_eq!(run_with(&guard, &git(server.port())).judgement.outcome, Outcome::Confirmed);
    assert_eq!(server.connections(), 3);
}

#[test]
fn a_window_that_closes_during_the_run_ends_it() {
    let server = Server::http(|_, _| page("404 Not Found", ""));
    let times = RefCell::new(0);
    let permission = |_: &Target, _: Option<SocketAddr>, _: Method, _: Timestamp| {
        *times.borrow_mut() += 1;
        // Three questions per probe: every address, before the wait, after the wait.
        if *times.borrow() <= 5 { Ok(permit()) } else { Err(Refusal("closed now".to_owned())) }
    };
    let guard = Guard::new(&permission, &noon).unwrap().with_limits(QUICK).unwrap();
    let report = run_with(&guard, &git(server.port()));
    assert_eq!(server.connections(), 1);
    assert_eq!(report.judgement.outcome, Outcome::Inconclusive);
}

#[test]
fn rehearsing_opens_and_resolves_nothing() {
    let server = Server::http(|_, _| page("200 OK", ""));
    let resolver = Turning::new(&[&["127.0.0.1"]]);
    let guard = Guard::new(&yes, &noon).unwrap().with_resolver(&resolver);
    let mut subject = git(server.port());
    subject.names = vec!["shop.example.test".to_owned()];
    let lines = rehearse(&plan(&subject), &guard);
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0].target, format!("127.0.0.1:{} as shop.example.test", server.port()));
    assert_eq!(
        lines[0].sends,
        format!(
            "GET /.git/HEAD HTTP/1.1\r\nHost: shop.example.test:{}\r\nUser-Agent: bartizan-validate\r\n\
             Accept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n",
            server.port()
        )
    );
    assert!(lines.iter().all(|line| line.permit.is_some() && line.refused.is_none() && line.note.is_none()));
    let lines = rehearse(&plan(&named(subject)), &guard);
    assert!(lines.iter().all(|line| line.note.as_deref().is_some_and(|note| note.contains("resolved when"))));
    let no = |_: &Target, _: Option<SocketAddr>, _: Method, _: Timestamp| Err(Refusal("never".to_owned()));
    let guard = Guard::new(&no, &noon).unwrap();
    assert_eq!(rehearse(&plan(&open_port(1)), &guard)[0].refused.as_deref(), Some("never"));
    assert_eq!(server.connections(), 0);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_name_that_changes_its_answer_changes_nothing() {
    // Two servers on one port: the permitted address, and the one to which the name turns.
    let good = Server::http(|_, _| page("404 Not Found", ""));
    let evil = std::net::TcpListener::bind(("127.0.0.2", good.port())).unwrap();
    evil.set_nonblocking(true).unwrap();
    let asked = RefCell::new(Vec::new());
    let permission = |_: &Target, address: Option<SocketAddr>, _: Method, _: Timestamp| {
        asked.borrow_mut().extend(address.map(|address| address.ip()));
        match address {
            Some(address) if address.ip() != "127.0.0.1".parse::<IpAddr>().unwrap() => {
                Err(Refusal("not in the window".to_owned()))
            }
            _ => Ok(permit()),
        }
    };
    let resolver = Turning::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let guard = Guard::new(&permission, &noon).unwrap().with_limits(QUICK).unwrap().with_resolver(&resolver);
    let report = run_with(&guard, &named(open_port(good.port())));
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1, "one probe, one resolution");
    assert_eq!(report.records[0].dialled, Some(good.address));
    assert_eq!(report.judgement.outcome, Outcome::Confirmed);
    // The second answer is asked about, refused, and never dialled.
    let report = run_with(&guard, &named(open_port(good.port())));
    assert_eq!(report.records[0].dialled, None);
    assert_eq!(report.records[0].resolved, ["127.0.0.2".parse::<IpAddr>().unwrap()]);
    assert_eq!(report.judgement.outcome, Outcome::Inconclusive);
    // Mixed in with a permitted one, it stops the whole probe.
    let resolver = Turning::new(&[&["127.0.0.1", "127.0.0.2"]]);
    let guard = Guard::new(&permission, &noon).unwrap().with_limits(QUICK).unwrap().with_resolver(&resolver);
    let report = run_with(&guard, &named(open_port(good.port())));
    assert!(report.records.iter().all(|record| record.dialled.is_none()));
    assert_eq!(good.connections(), 1);
    assert_eq!(evil.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert!(asked.borrow().contains(&"127.0.0.2".parse().unwrap()));
}

#[test]
fn names_are_dialled_at_all_their_addresses() {
    let one = Server::http(|_, _| page("404 Not Found", ""));
    let other = std::net::TcpListener::bind(("127.0.0.2", one.port())).unwrap();
    thread::spawn(move || {
        for mut stream in other.incoming().flatten() {
            read_request(&mut stream);
            let _ = stream.write_all(page("200 OK", "[core]\n").as_bytes());
        }
    });
    let resolver = Turning::new(&[&["::ffff:127.0.0.1", "127.0.0.2", "127.0.0.1"]]);
    let guard = Guard::new(&yes, &noon).unwrap().with_limits(QUICK).unwrap().with_resolver(&resolver);
    let report = run_with(&guard, &named(git(one.port())));
    assert_eq!(report.records.len(), 6, "two addresses, two files and a control");
    assert_eq!(report.judgement.outcome, Outcome::Confirmed);
    assert!(report.judgement.because.contains("127.0.0.2"), "{}", report.judgement.because);
}

#[test]
fn some_addresses_are_never_dialled() {
    let windowless = |_: &Target, _: Option<SocketAddr>, _: Method, _: Timestamp| {
        Ok(Permit { loopback: false, ..permit() })
    };
    let server = Server::http(|_, _| page("200 OK", ""));
    for (address, why) in [
        ("169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("::ffff:169.254.169.254", "metadata"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("0.0.0.0", "unspecified"),
        ("fe80::1", "link-local"),
    ] {
        // Whatever a scope grants, by name and by address.
        let list: &[&str] = &[address];
        let resolver = Turning::new(&[list]);
        let guard = Guard::new(&yes, &noon).unwrap().with_limits(QUICK).unwrap().with_resolver(&resolver);
        let mut direct = open_port(server.port());
        direct.addresses[0].address = address.parse().unwrap();
        for subject in [direct, named(open_port(server.port()))] {
            let report = run_with(&guard, &subject);
            assert!(
                matches!(&report.records[0].seen, Seen::Refused { reason } if reason.contains(why)),
                "{address}: {:?}",
                report.records[0].seen
            );
            assert_eq!(report.records[0].dialled, None);
        }
    }
    let guard = Guard::new(&windowless, &noon).unwrap().with_limits(QUICK).unwrap();
    let report = run_with(&guard, &open_port(server.port()));
    assert!(
        matches!(&report.records[0].seen, Seen::Refused { reason } if reason.contains("this machine itself"))
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_address_of_another_zone_is_another_machine() {
    let mut subject = open_port(80);
    subject.addresses[0].address = "10.20.30.40".parse().unwrap();
    subject.addresses[0].zone = Some("depot".to_owned());
    let guard = || Guard::new(&yes, &noon).unwrap();
    for guard in [guard(), guard().standing_in("headquarters")] {
        let line = &rehearse(&plan(&subject), &guard)[0];
        assert!(line.refused.as_deref().unwrap().contains("only inside depot"), "{line:?}");
    }
    assert!(rehearse(&plan(&subject), &guard().standing_in("depot"))[0].refused.is_none());
    // A public address means the same everywhere.
    subject.addresses[0].address = "198.51.100.10".parse().unwrap();
    assert!(rehearse(&plan(&subject), &guard())[0].refused.is_none());
}

#[test]
fn redirects_are_reported_and_not_followed() {
    let other = Server::http(|_, _| page("200 OK", "ref: refs/heads/main\n"));
    let location = format!("http://127.0.0.1:{}/.git/HEAD?token=abc", other.port());
    let server = Server::http(move |_, _| {
        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
    });
    let report = validate(&git(server.port()));
    assert_eq!(report.judgement.outcome, Outcome::Inconclusive);
    let Seen::Http { response } = &report.records[0].seen else { panic!("{:?}", report.records[0].seen) };
    assert_eq!(response.fields["location"], format!("http://127.0.0.1:{}/.git/HEAD", other.port()));
    assert_eq!((server.connections(), other.connections()), (3, 0));
}

#[test]
fn a_long_answer_is_cut_at_the_cap() {
    // A head without end: the cap on bytes. A body without end: the first kibibyte is enough.
    let server = Server::new(|mut stream| {
        let request = read_request(&mut stream);
        let start = if support::path_of(&request) == "/.git/HEAD" {
            "HTTP/1.1 200 OK\r\n"
        } else {
            "HTTP/1.1 200 OK\r\n\r\n"
        };
        let _ = stream.write_all(start.as_bytes());
        while stream.write_all(&b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(100)).is_ok() {}
    });
    let report = validate(&git(server.port()));
    assert_eq!(report.judgement.outcome, Outcome::Inconclusive);
    assert_eq!(report.records[0].received_bytes, 64 * 1024);
    assert!(matches!(&report.records[0].seen, Seen::Broken { reason } if reason.contains("too long")));
    let Seen::Http { response } = &report.records[1].seen else { panic!("{:?}", report.records[1].seen) };
    assert!(!response.complete && response.excerpt.len() <= 1030);
    assert!(report.records[1].received_bytes <= 8 * 1024, "{}", report.records[1].received_bytes);
}

#[test]
fn a_slow_answer_is_cut_at_the_time() {
    let drip = Server::new(|mut stream| {
        read_request(&mut stream);
        for byte in b"HTTP/1.1 200 OK\r\nServer: slow\r\n".iter().cycle() {
            if stream.write_all(&[*byte]).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let silent = Server::new(|stream| {
        thread::sleep(Duration::from_secs(10));
        drop(stream);
    });
    for server in [drip, silent] {
        let begun = Instant::now();
        let report = validate_within(&git(server.port()), IMPATIENT);
        assert!(begun.elapsed() < Duration::from_millis(3 * 600 + 400), "{:?}", begun.elapsed());
        assert_eq!(report.judgement.outcome, Outcome::Inconclusive);
        assert!(matches!(&report.records[0].seen, Seen::Broken { reason } if reason == "no answer in time"));
        assert_eq!(report.judgement.answers.accessible.answer, YesNo::Yes);
    }
}

#[test]
fn a_filtered_port_is_not_a_closed_one() {
    // A listener whose queue is full drops what comes: the packets vanish as behind a filter.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let filling: Vec<_> =
        (0..4).map(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200))).collect();
    assert!(filling.last().unwrap().is_err(), "the queue is not full");
    let report = validate_within(&open_port(address.port()), IMPATIENT);
    assert_eq!(report.judgement.outcome, Outcome::Inconclusive);
    assert!(matches!(&report.records[0].seen, Seen::Filtered { reason } if reason == "no answer in time"));
    let accessible = &report.judgement.answers.accessible;
    assert!(accessible.answer == YesNo::Unknown && accessible.needs.is_some());
}

#[test]
fn the_lower_rate_holds() {
    let server = Server::http(|_, _| page("404 Not Found", ""));
    let slow = |_: &Target, _: Option<SocketAddr>, _: Method, _: Timestamp| {
        Ok(Permit { requests_per_second: Some(5.0), ..permit() })
    };
    let guard = Guard::new(&slow, &noon).unwrap().with_limits(QUICK).unwrap();
    let begun = Instant::now();
    run_with(&guard, &git(server.port()));
    assert!(begun.elapsed() >= Duration::from_millis(400), "three requests at five per second");
    let none = |_: &Target, _: Option<SocketAddr>, _: Method, _: Timestamp| {
        Ok(Permit { requests_per_second: Some(0.0), ..permit() })
    };
    let guard = Guard::new(&none, &noon).unwrap();
    assert!(rehearse(&plan(&open_port(80)), &guard)[0].refused.is_some());
    for limits in [
        Limits { bytes: 1 << 20, ..QUICK },
        Limits { time: Duration::from_secs(11), ..QUICK },
        Limits { requests_per_second: 1e6, ..QUICK },
        Limits { requests_per_second: f64::NAN, ..QUICK },
    ] {
        assert!(Guard::new(&yes, &noon).unwrap().with_limits(limits).is_err(), "{limits:?}");
    }
}

#[test]
fn names_without_address_or_with_too_many() {
    let many: Vec<String> = (1..=9).map(|last| format!("127.0.1.{last}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for list in [&[][..], &many[..]] {
        let resolver = Turning::new(&[list]);
        let guard = Guard::new(&yes, &noon).unwrap().with_limits(QUICK).unwrap().with_resolver(&resolver);
        let report = run_with(&guard, &named(open_port(closed_port())));
        assert_eq!(report.judgement.outcome, Outcome::Inconclusive);
        assert_eq!(report.records[0].dialled, None);
    }
    // The system's resolver, on the one name that needs no network.
    let mut subject = open_port(closed_port());
    subject.addresses.clear();
    subject.names = vec!["localhost".to_owned()];
    let report = validate(&subject);
    assert_eq!(report.judgement.outcome, Outcome::Refuted, "{:?}", report.records);
}

#[test]
fn names_and_paths_cannot_carry_a_second_request() {
    let server = Server::http(|_, _| page("404 Not Found", ""));
    let mut subject = git(server.port());
    subject.names = vec!["a\r\nX-Evil: 1".to_owned()];
    let guard = Guard::new(&yes, &noon).unwrap().with_limits(QUICK).unwrap();
    let report = run_with(&guard, &subject);
    assert!(report.judgement.because.contains("is not a host name"), "{}", report.judgement.because);
    // Three requests without the name went out, and none with it.
    assert_eq!(server.connections(), 3);
    let mut forged = plan(&git(server.port()));
    forged.probes.truncate(1);
    let Action::HttpGet { path, .. } = &mut forged.probes[0].action else { panic!() };
    *path = "/ HTTP/1.1\r\n\r\nDELETE /x".to_owned();
    assert!(rehearse(&forged, &guard)[0].refused.as_deref().unwrap().contains("not a plain path"));
    run(&subject, forged, &guard);
    assert_eq!(server.connections(), 3);
}

#[test]
fn what_names_the_machine_itself() {
    for pattern in ["127.0.0.1", "127.0.0.0/8", "127.0.0.1:8000-8100", "::1", "[::1]:443", "localhost:80"] {
        assert!(Permit::names_loopback(pattern), "{pattern}");
    }
    for pattern in ["0.0.0.0/0", "::/0", "10.0.0.0/8", "*.example.com", "localhost.example.com", ""] {
        assert!(!Permit::names_loopback(pattern), "{pattern}");
    }
}

#[test]
fn pages_that_may_change_something_are_not_requested() {
    let place = |method: &str, path: &str| Place::web(method, 80, path, None);
    for (place, validator) in [
        (place("GET", "/search?q=1"), "http-get"),
        (place("POST", "/search"), "tcp-reachable"),
        (place("GET", "/account/Delete/7"), "tcp-reachable"),
        (place("GET", "/logout"), "tcp-reachable"),
    ] {
        let subject = support::subject(("zap", "40012"), "Cross-site scripting", place.clone());
        let plan = plan(&subject);
        assert_eq!(plan.validator.as_deref(), Some(validator), "{place}");
        assert!(plan.probes.iter().all(|probe| !probe.sends().contains('?')));
    }
}
