//! TLS handshakes that look and do not trust.
//!
//! The verifier accepts every certificate, because what is wrong with a certificate is what is to
//! be seen. Nothing secret is ever sent over such a connection: one GET at the most.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bartizan_model::{Digest, Timestamp};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::mask::plain;
use crate::probe::{Host, Target, TlsVersion};
use crate::record::{Certificate, Handshake};
use crate::{Error, Result};

const LONGEST_NAME: usize = 300;
const MOST_NAMES: usize = 100;

#[derive(Debug)]
struct AcceptAll(Vec<SignatureScheme>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

/// The configuration of every handshake.
pub(crate) fn client_config() -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut schemes = provider.signature_verification_algorithms.supported_schemes();
    // Nothing is verified, so old servers need not be turned away for their signature.
    schemes.extend([SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1_Legacy]);
    schemes.push(SignatureScheme::ECDSA_NISTP521_SHA512);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAll(schemes)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

/// Completes a handshake on the stream.
pub(crate) fn handshake(
    config: &Arc<ClientConfig>,
    target: &Target,
    stream: &mut (impl Read + Write),
) -> io::Result<(ClientConnection, Handshake)> {
    let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidInput, error);
    let name = match (target.server_name(), &target.host) {
        (Some(name), _) => {
            ServerName::try_from(name.to_owned()).map_err(|error| invalid(error.to_string()))?
        }
        (None, Host::Address(address)) => ServerName::from(*address),
        (None, Host::Name(name)) => return Err(invalid(format!("{name} is no server name"))),
    };
    let mut connection =
        ClientConnection::new(Arc::clone(config), name).map_err(|error| invalid(error.to_string()))?;
    while connection.is_handshaking() {
        connection.complete_io(stream)?;
    }
    let seen = describe(&connection)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the handshake has no version"))?;
    Ok((connection, seen))
}

fn describe(connection: &ClientConnection) -> Option<Handshake> {
    let version = TlsVersion::from_wire(u16::from(connection.protocol_version()?))?;
    let suite = connection.negotiated_cipher_suite()?.suite();
    let chain = connection.peer_certificates().unwrap_or_default();
    Some(Handshake {
        version,
        suite: suite.as_str().map_or_else(|| format!("0x{:04x}", u16::from(suite)), str::to_owned),
        certificate: chain.first().and_then(|der| certificate(der)),
        chain_length: chain.len(),
    })
}

/// Reads a certificate (RFC 5280). `None` when it is not one.
fn certificate(der: &[u8]) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let mut names: Vec<String> = parsed
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|extension| extension.value.general_names.iter().filter_map(name_of).take(MOST_NAMES).collect())
        .unwrap_or_default();
    names.sort_unstable();
    names.dedup();
    let moment = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    let rsa_bits = match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size() as u32),
        _ => None,
    };
    Some(Certificate {
        subject: plain(&parsed.subject().to_string(), LONGEST_NAME),
        issuer: plain(&parsed.issuer().to_string(), LONGEST_NAME),
        is_self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
        names,
        not_before: moment(parsed.validity().not_before)?,
        not_after: moment(parsed.validity().not_after)?,
        signature_algorithm: parsed.signature_algorithm.algorithm.to_id_string(),
        rsa_bits,
        serial: parsed.raw_serial_as_string(),
        digest: Digest::of(der),
    })
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(plain(name, LONGEST_NAME)),
        GeneralName::IPAddress(bytes) => {
            let address = match bytes.len() {
                4 => std::net::IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
                16 => std::net::IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
                _ => return None,
            };
            Some(address.to_string())
        }
        _ => None,
    }
}
