//! TLS with an authority of the plane's own.
//!
//! The authority is made once and kept; the server's certificate is made anew at every start, for the names and addresses
//! that it has then, and is never on disk.

use std::fs;
use std::io;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

#[cfg(test)]
mod tests;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the authority cannot be read or written.
    #[error("keep the authority's files: {0}")]
    Files(#[from] io::Error),
    /// A key or certificate cannot be made or read.
    #[error("make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate cannot be used.
    #[error("use a certificate: {0}")]
    Use(#[from] rustls::Error),
}

/// Signs the certificates of a plane's servers.
pub struct Authority {
    key: KeyPair,
    certificate: String,
}

impl Authority {
    /// Opens the authority in a directory, or makes both.
    ///
    /// # Errors
    /// When its files cannot be read, written or understood.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let (key, certificate) = (directory.join("ca.key"), directory.join("ca.crt"));
        match (fs::read_to_string(&key), fs::read_to_string(&certificate)) {
            (Ok(key), Ok(certificate)) => Ok(Self {
                key: KeyPair::from_pem(&key)?,
                certificate,
            }),
            _ => {
                let made = KeyPair::generate()?;
                let signed = params().self_signed(&made)?.pem();
                // The certificate comes last: without it, both are made again.
                write(&key, made.serialize_pem().as_bytes())?;
                write(&certificate, signed.as_bytes())?;
                Ok(Self {
                    key: made,
                    certificate: signed,
                })
            }
        }
    }

    /// Its certificate in PEM, for clients.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Accepts TLS connections as a server that has these addresses besides loopback, and `names` besides `localhost`.
    ///
    /// # Errors
    /// When no certificate can be made for them.
    pub fn acceptor(&self, addresses: &[IpAddr], names: &[String]) -> Result<TlsAcceptor, Error> {
        let mut subjects: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        let more = addresses.iter().filter(|address| !address.is_unspecified());
        subjects.extend(more.map(ToString::to_string));
        subjects.extend(names.iter().cloned());
        let mut params = CertificateParams::new(subjects)?;
        params.distinguished_name.push(DnType::CommonName, "windlass");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let authority = self::params();
        let issuer = Issuer::from_params(&authority, &self.key);
        let certificate = params.signed_by(&key, &issuer)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// What every authority says of itself; its key tells it from others.
fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "windlass authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut private = fs::OpenOptions::new();
    private.write(true).create(true).truncate(true).mode(0o600);
    private.open(path)?.write_all(content)
}
