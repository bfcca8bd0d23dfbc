//! Nessus: the XML of version 2 (`.nessus`, also of Tenable web application scanning) and the CSV
//! exports of Nessus, Tenable Vulnerability Management and Tenable.sc.
//!
//! A record is one result of one plugin on one host. Plugins that only inform (severity 0) are kept
//! as informational findings. A result that names CVEs is those vulnerabilities, else it is the rule
//! `nessus:<plugin id>`. In the XML, one plugin with one severity is one finding to users, whatever
//! the number of hosts; the CSV dialects fold as their users' lists do (see `dialect.rs`).
//!
//! Coverage: only the XML can show it, and only for a host whose scan ended, on which the
//! credentials worked, under a policy that enabled every family of plugins.

mod dialect;
mod host;
mod item;
mod table;
mod xml;

pub(super) use table::FORMAT as CSV;
pub(super) use xml::FORMAT as XML;
