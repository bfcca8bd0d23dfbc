//! The one door through which anything is sent.
//!
//! For every probe the guard resolves the name once, asks the permission about every address, and
//! dials exactly the addresses about which it asked: a name that changes its answer in between
//! (DNS rebinding) changes nothing. One address that may not be dialled stops the whole probe. It
//! follows no redirect, reads at most [`Limits::bytes`], ends after [`Limits::time`], and keeps to
//! [`Limits::requests_per_second`] or to the window's rate where that is lower.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bartizan_model::Timestamp;
use bartizan_model::check::Method;
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};

use crate::address;
use crate::http::{self, Fault};
use crate::mask::masked;
use crate::probe::{Action, Host, Probe, Target};
use crate::record::{Record, Seen};
use crate::resolve::{Resolver, SystemResolver};
use crate::{Error, Result, hello, tls};

/// A name with more addresses than this is not dialled: it is no single host.
const MOST_ADDRESSES: usize = 8;
const LONGEST_REASON: usize = 300;
const FASTEST: f64 = 100.0;
static SYSTEM: SystemResolver = SystemResolver;

/// What a scope's window grants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Permit {
    /// Name of the window, for the record.
    pub window: String,
    /// Who answers for it.
    pub authorised_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
    /// True only when the window itself names the machine's own addresses.
    pub loopback: bool,
}

impl Permit {
    /// Whether a window's target pattern names the machine itself (`127.0.0.1:8443`, `::1`,
    /// `localhost`). A pattern that covers it among all else (`0.0.0.0/0`) does not.
    pub fn names_loopback(pattern: &str) -> bool {
        let pattern = pattern.trim().trim_start_matches('[');
        let host = pattern.split([':', '/']).next().unwrap_or_default();
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(address::is_loopback)
            || pattern
                .split([']', '/'])
                .next()
                .is_some_and(|host| host.parse::<IpAddr>().is_ok_and(address::is_loopback))
    }
}

/// Why a scope does not allow it, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal(pub String);

/// Asked before anything is sent: the target as planned, the address that would be dialled, how, and
/// when. `None` asks whether a name may be looked up; the addresses that it then has are asked about
/// one by one.
pub type Permission<'a> =
    dyn Fn(&Target, Option<SocketAddr>, Method, Timestamp) -> std::result::Result<Permit, Refusal> + 'a;

/// What the guard holds to, whatever a window grants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes read from one connection.
    pub bytes: usize,
    /// From dialling to the end of one connection, and for one resolution of a name.
    pub time: Duration,
    /// To one address.
    pub requests_per_second: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 * 1024, time: Duration::from_secs(10), requests_per_second: 5.0 }
    }
}

/// Opens connections, where the scope allows it.
pub struct Guard<'a> {
    permission: &'a Permission<'a>,
    clock: &'a dyn Fn() -> Timestamp,
    resolver: &'a dyn Resolver,
    limits: Limits,
    zone: Option<String>,
    tls: Arc<ClientConfig>,
    /// When each address may be dialled again.
    next: RefCell<BTreeMap<IpAddr, Instant>>,
}

impl<'a> Guard<'a> {
    pub fn new(permission: &'a Permission<'a>, clock: &'a dyn Fn() -> Timestamp) -> Result<Self> {
        Ok(Self {
            permission,
            clock,
            resolver: &SYSTEM,
            limits: Limits::default(),
            zone: None,
            tls: tls::client_config()?,
            next: RefCell::default(),
        })
    }

    #[must_use]
    pub fn with_resolver(mut self, resolver: &'a dyn Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// Other limits: bytes and time not above the default ones, and at most 100 requests per second.
    pub fn with_limits(mut self, limits: Limits) -> Result<Self> {
        let widest = Limits::default();
        let fits = limits.bytes <= widest.bytes
            && limits.time <= widest.time
            && limits.time > Duration::ZERO
            && limits.requests_per_second > 0.0
            && limits.requests_per_second <= FASTEST;
        if !fits {
            return Err(Error::Limits);
        }
        self.limits = limits;
        Ok(self)
    }

    /// The network zone in which this machine stands: addresses of other zones mean nothing here.
    #[must_use]
    pub fn standing_in(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    pub(crate) fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Whether the probe would be sent now, without resolving or opening anything.
    pub(crate) fn may(&self, probe: &Probe) -> std::result::Result<Permit, Refusal> {
        let address = match &probe.target.host {
            Host::Address(address) => Some(*address),
            Host::Name(_) => None,
        };
        self.allow(probe, address)
    }

    fn allow(&self, probe: &Probe, address: Option<IpAddr>) -> std::result::Result<Permit, Refusal> {
        let target = &probe.target;
        if let Some(fault) = target.fault() {
            return Err(Refusal(fault));
        }
        if let Action::HttpGet { path, .. } = &probe.action
            && http::clean_path(path) != *path
        {
            return Err(Refusal(format!("{path:?} is not a plain path")));
        }
        if let Some(address) = address {
            if let Some(why) = address::forbidden(address) {
                return Err(Refusal(format!("{address} is never dialled: {why}")));
            }
            if let Some(zone) = target.zone.as_deref()
                && address::is_local_to_a_zone(address)
                && self.zone() != Some(zone)
            {
                let here = self.zone().unwrap_or("an unnamed zone");
                return Err(Refusal(format!(
                    "{address} means this asset only inside {zone}, and the checks run from {here}"
                )));
            }
        }
        let dialled = address.map(|address| SocketAddr::new(address.to_canonical(), target.port));
        let permit = (self.permission)(target, dialled, probe.method(), self.now())?;
        if permit.requests_per_second.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
            return Err(Refusal(format!("the window {:?} allows no request per second", permit.window)));
        }
        if let Some(address) = address
            && address::is_loopback(address)
            && !permit.loopback
        {
            return Err(Refusal(format!(
                "{address} is this machine itself, and the window {:?} does not name it",
                permit.window
            )));
        }
        Ok(permit)
    }

    /// Sends a probe to every address of its target. At least one record comes back.
    pub(crate) fn send(&self, probe: &Probe) -> Vec<Record> {
        let mut resolved = Vec::new();
        let addresses = match &probe.target.host {
            Host::Address(address) => vec![address.to_canonical()],
            Host::Name(name) => {
                // A name that the scope does not allow is not even looked up.
                if let Err(Refusal(reason)) = self.allow(probe, None) {
                    return vec![self.unsent(probe, &resolved, Seen::Refused { reason })];
                }
                match self.resolver.resolve(name, self.limits.time) {
                    Ok(addresses) => resolved = distinct(addresses),
                    Err(error) => {
                        let reason = masked(&error.to_string(), LONGEST_REASON);
                        return vec![self.unsent(probe, &resolved, Seen::Unresolved { reason })];
                    }
                }
                resolved.clone()
            }
        };
        if addresses.is_empty() {
            let reason = "it has no address".to_owned();
            return vec![self.unsent(probe, &resolved, Seen::Unresolved { reason })];
        }
        if addresses.len() > MOST_ADDRESSES {
            let reason =
                format!("the name has {} addresses; at most {MOST_ADDRESSES} are dialled", addresses.len());
            return vec![self.unsent(probe, &resolved, Seen::Refused { reason })];
        }
        for address in &addresses {
            if let Err(Refusal(reason)) = self.allow(probe, Some(*address)) {
                return vec![self.unsent(probe, &resolved, Seen::Refused { reason })];
            }
        }
        addresses.into_iter().map(|address| self.send_to(probe, &resolved, address)).collect()
    }

    fn unsent(&self, probe: &Probe, resolved: &[IpAddr], seen: Seen) -> Record {
        Record {
            probe: probe.clone(),
            at: self.now(),
            milliseconds: 0,
            resolved: resolved.to_vec(),
            dialled: None,
            window: None,
            sent_bytes: 0,
            received_bytes: 0,
            seen,
        }
    }

    fn send_to(&self, probe: &Probe, resolved: &[IpAddr], address: IpAddr) -> Record {
        // The window may close while the rate makes the probe wait: ask, wait, and ask again.
        let permit = self.allow(probe, Some(address)).and_then(|permit| {
            self.wait(address, &permit);
            self.allow(probe, Some(address))
        });
        let permit = match permit {
            Ok(permit) => permit,
            Err(Refusal(reason)) => return self.unsent(probe, resolved, Seen::Refused { reason }),
        };
        let at = self.now();
        let begun = Instant::now();
        let dialled = SocketAddr::new(address, probe.target.port);
        let mut record = Record {
            at,
            dialled: Some(dialled),
            window: Some(permit.window),
            ..self.unsent(probe, resolved, Seen::Connected)
        };
        match Line::dial(dialled, self.limits) {
            Ok(mut line) => {
                record.seen = self.exchange(probe, &mut line);
                record.sent_bytes = line.sent;
                record.received_bytes = line.received as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => record.seen = Seen::Closed,
            Err(error) => record.seen = Seen::Filtered { reason: reason(&error) },
        }
        record.milliseconds = begun.elapsed().as_millis() as u64;
        record
    }

    /// Keeps to the lower of the two rates.
    fn wait(&self, address: IpAddr, permit: &Permit) {
        let rate = permit.requests_per_second.unwrap_or(f64::INFINITY).min(self.limits.requests_per_second);
        let pause = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        let next = self.next.borrow().get(&address).copied();
        if let Some(wait) = next.and_then(|next| next.checked_duration_since(Instant::now())) {
            thread::sleep(wait);
        }
        if let Some(next) = Instant::now().checked_add(pause) {
            self.next.borrow_mut().insert(address, next);
        }
    }

    fn exchange(&self, probe: &Probe, line: &mut Line) -> Seen {
        match &probe.action {
            Action::Connect => Seen::Connected,
            Action::TlsHello { version } => {
                let greeting = hello::client_hello(*version, probe.target.server_name());
                greet(line, &greeting).unwrap_or_else(|error| line.broken(&error))
            }
            Action::TlsHandshake => match tls::handshake(&self.tls, &probe.target, line) {
                Ok((_, handshake)) => Seen::Handshake { handshake },
                Err(error) => line.broken(&error),
            },
            Action::HttpGet { tls: inside, path, looks_for } => {
                let request = http::request(&probe.target, *inside, path);
                let response = if *inside {
                    match tls::handshake(&self.tls, &probe.target, line) {
                        Ok((mut connection, _)) => {
                            http::get(&mut rustls::Stream::new(&mut connection, line), &request, looks_for)
                        }
                        Err(error) => return line.broken(&error),
                    }
                } else {
                    http::get(line, &request, looks_for)
                };
                match response {
                    Ok(response) => Seen::Http { response },
                    Err(Fault::Io(error)) => line.broken(&error),
                    Err(Fault::NotHttp(reason)) => Seen::Broken { reason: reason.to_owned() },
                }
            }
        }
    }
}

fn greet(line: &mut Line, greeting: &[u8]) -> io::Result<Seen> {
    line.write_all(greeting)?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        let count = line.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(answer) = hello::answer(&bytes) {
            return Ok(Seen::Hello { answer });
        }
        if count == 0 {
            let reason = "the connection was closed without an answer to the greeting".to_owned();
            return Ok(Seen::Broken { reason });
        }
    }
}

fn distinct(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = addresses.into_iter().map(|address| address.to_canonical()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer in time".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
        _ => masked(&error.to_string(), LONGEST_REASON),
    }
}

/// A connection with an end: of time and of bytes.
struct Line {
    stream: TcpStream,
    until: Instant,
    left: usize,
    sent: u64,
    received: usize,
}

impl Line {
    fn dial(address: SocketAddr, limits: Limits) -> io::Result<Self> {
        let until = Instant::now() + limits.time;
        let stream = TcpStream::connect_timeout(&address, limits.time)?;
        // A port in the range for outgoing connections can, rarely, be connected to itself.
        if stream.local_addr()? == stream.peer_addr()? {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(Self { stream, until, left: limits.bytes, sent: 0, received: 0 })
    }

    fn time_left(&self) -> io::Result<Duration> {
        self.until
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
            .ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    fn broken(&self, error: &io::Error) -> Seen {
        let reason = if self.left == 0 {
            format!("the answer is longer than {} bytes", self.received)
        } else {
            reason(error)
        };
        Seen::Broken { reason }
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.left);
        if most == 0 {
            return Ok(0);
        }
        self.stream.set_read_timeout(Some(self.time_left()?))?;
        let count = self.stream.read(&mut buffer[..most])?;
        self.left -= count;
        self.received += count;
        Ok(count)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.time_left()?))?;
        let count = self.stream.write(bytes)?;
        self.sent += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
