//! Names to addresses: asked once per probe, by the guard alone.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Answers which addresses a name has now.
pub trait Resolver {
    fn resolve(&self, name: &str, within: Duration) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, name: &str, within: Duration) -> io::Result<Vec<IpAddr>> {
        // The system's call cannot be given a time; a thread that comes late answers nobody.
        let (sender, receiver) = mpsc::channel();
        let name = name.to_owned();
        thread::Builder::new().name("resolve".to_owned()).spawn(move || {
            let addresses = (name.as_str(), 0u16)
                .to_socket_addrs()
                .map(|addresses| addresses.map(|address| address.ip()).collect());
            let _ = sender.send(addresses);
        })?;
        receiver.recv_timeout(within).unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the resolver did not answer in time"))
        })
    }
}
