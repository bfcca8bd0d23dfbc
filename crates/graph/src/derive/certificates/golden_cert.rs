//! `GoldenCert`: who owns the host of an authority takes its key and makes any certificate.
//!
//! Precondition: a computer hosts (`HostsCAService`) an authority that counts for the domain. Of ESC5 (control
//! of the objects of the certificate services) this is the part that files state facts for.

use super::super::directory::{Sort, Tie};
use super::super::premise::{Output, Premise};
use super::Services;

pub(in super::super) fn derive(services: &Services<'_>, output: &mut Output) {
    let directory = services.directory;
    for authority in &services.authorities {
        for host in directory.starts(Tie::HostsCaService, authority.node) {
            if !directory.is(host, Sort::Computer) {
                continue;
            }
            for (&domain, trust) in &authority.domains {
                let hosts = Premise::Tie { start: host, tie: Tie::HostsCaService, end: authority.node };
                let because = std::iter::once(hosts).chain(trust.iter().copied()).collect();
                output.push("GoldenCert", host, domain, because);
            }
        }
    }
}
