//! A port of a host, as the scanners of one protocol look at it: what they find there, and what they
//! prove.

use std::sync::Arc;

use bartizan_model::{
    AssetKind, Attributes, Checks, Coverage, Finding, FixHint, Identifier, Observation, Part, Place, Places,
    ServiceObservation, Severity, Subject, Weakness, WeaknessKey, excerpt,
};

use crate::Context;
use crate::network::{address, address_or_name, reaches};

/// A port to which a scanner spoke, and the host that has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) host: Arc<Subject>,
    pub(crate) port: u16,
}

impl Endpoint {
    /// A name, an address, or both as a scanner prints them. `None` when neither names a host.
    pub(crate) fn new(context: &Context, name: &str, ip: &str, port: u16) -> Option<Self> {
        let ip = ip.trim();
        let bare = ip.trim_matches(['[', ']']).split('%').next().unwrap_or_default();
        let of_address = bare.parse::<std::net::IpAddr>().is_ok().then(|| address(context, ip));
        let identifiers = address_or_name(context, name).into_iter().chain(of_address);
        let host = Subject::new(AssetKind::Host, identifiers);
        (!host.identifiers().is_empty()).then(|| Self { host: Arc::new(host), port })
    }

    /// The same, with further names of the host.
    pub(crate) fn known_as(self, identifiers: impl IntoIterator<Item = Identifier>) -> Self {
        let all = self.host.identifiers().iter().cloned().chain(identifiers);
        Self { host: Arc::new(Subject::new(self.host.kind(), all)), port: self.port }
    }

    /// That the port answered, and the scanner could reach it.
    pub(crate) fn service(&self, context: &Context, attributes: Attributes) -> Vec<Observation> {
        let service = Observation::Service(ServiceObservation {
            host: Arc::clone(&self.host),
            protocol: "tcp".to_owned(),
            port: self.port,
            attributes,
        });
        std::iter::once(service).chain(reaches(context, &self.host, "tcp", self.port)).collect()
    }

    /// A finding at the port. A published vulnerability has no place: the port is its part, so that
    /// it closes port by port.
    pub(crate) fn finding(
        &self,
        weaknesses: Vec<Weakness>,
        severity: Severity,
        evidence: &str,
        fix: Option<FixHint>,
    ) -> Option<Finding> {
        let is_vulnerability =
            weaknesses.iter().any(|weakness| matches!(weakness.key, WeaknessKey::Vulnerability(_)));
        let place = if is_vulnerability { Place::Whole } else { Place::port("tcp", self.port) };
        let mut finding = Finding::new(Arc::clone(&self.host), weaknesses.first()?.clone(), place, severity);
        finding.weaknesses = weaknesses;
        finding.part = is_vulnerability.then(|| self.part());
        finding.evidence = Some(excerpt(evidence, 2_000)).filter(|evidence| !evidence.is_empty());
        finding.fix = fix;
        finding.attributes.insert("protocol".to_owned(), "tcp".into());
        finding.attributes.insert("port".to_owned(), self.port.into());
        Some(finding)
    }

    fn part(&self) -> Part {
        Part { component: format!("tcp/{}", self.port), ..Part::default() }
    }

    /// That these rules of a family (the shared ones, a scanner's own) were checked at the port.
    pub(crate) fn coverage(
        &self,
        family: &str,
        ids: impl IntoIterator<Item = String>,
    ) -> Option<Observation> {
        let mut ids: Vec<String> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return None;
        }
        let checks = Checks::Rules { family: family.to_owned(), ids };
        let places = self.places(family);
        Some(Observation::Coverage(Coverage { subject: Arc::clone(&self.host), checks, places }))
    }

    /// That every rule of a family was checked at the port.
    pub(crate) fn full_coverage(&self, family: &str) -> Observation {
        let checks = Checks::Family(family.to_owned());
        Observation::Coverage(Coverage {
            subject: Arc::clone(&self.host),
            checks,
            places: self.places(family),
        })
    }

    fn places(&self, family: &str) -> Places {
        if family == WeaknessKey::VULNERABILITY {
            Places::Components(vec![self.part().component])
        } else {
            Places::Ports { protocol: "tcp".to_owned(), ranges: vec![(self.port, self.port)] }
        }
    }
}
