//! The authority of a plane: clients trust its certificate, and it signs the server's.

use std::io;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::PrivatePkcs8KeyDer;
use windlass_api::Time;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Days for which clients may keep the authority's certificate.
const AUTHORITY_DAYS: i64 = 3650;

/// Days for which a server's certificate is good.
pub(super) const SERVER_DAYS: i64 = 90;

/// Why a plane has no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the authority cannot be read or written.
    #[error("keep {}", .0.display())]
    Keep(PathBuf, #[source] io::Error),
    /// A certificate cannot be made, for instance for a name that is none.
    #[error("make a certificate")]
    Make(#[from] rcgen::Error),
    /// The TLS library refuses what was made.
    #[error("use the certificate")]
    Use(#[from] rustls::Error),
}

/// The authority of a plane, whose key is a file for its owner alone.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A server's certificate and its key.
pub(super) struct Signed {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Opens the authority in a directory, or makes it there: `authority.key` and `authority.crt`.
    ///
    /// # Errors
    /// When the files cannot be read or written, or hold something else.
    pub fn open(directory: &Path, now: Time) -> Result<Self, Error> {
        let (key_path, certificate_path) = (directory.join("authority.key"), directory.join("authority.crt"));
        let kept = |path: &Path| match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::Keep(path.to_owned(), error)),
        };
        let key = match kept(&key_path)? {
            Some(pem) => KeyPair::from_pem(&pem)?,
            None => {
                let key = KeyPair::generate()?;
                keep(&key_path, &key.serialize_pem(), 0o600)?;
                key
            }
        };
        let parameters = authority(now);
        let certificate = match kept(&certificate_path)? {
            Some(pem) => pem,
            None => {
                let pem = parameters.self_signed(&key)?.pem();
                keep(&certificate_path, &pem, 0o644)?;
                pem
            }
        };
        Ok(Self {
            issuer: Issuer::new(parameters, key),
            certificate,
        })
    }

    /// What clients must trust, as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A new certificate for a server with these names and addresses. Its key is never written down.
    pub(super) fn sign(&self, names: &[String], now: Time) -> Result<Signed, Error> {
        let mut parameters = CertificateParams::new(names.to_vec())?;
        parameters.distinguished_name = called("windlass");
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        span(&mut parameters, now, SERVER_DAYS);
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok(Signed {
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        })
    }
}

fn authority(now: Time) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = called("windlass authority");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    span(&mut parameters, now, AUTHORITY_DAYS);
    parameters
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}

/// From the day before, for clients whose clock is late.
fn span(parameters: &mut CertificateParams, now: Time, days: i64) {
    parameters.not_before = day(now.as_millis() - DAY);
    parameters.not_after = day(now.as_millis() + days * DAY);
}

fn day(millis: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(millis / 1000).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

/// Writes a file that was not there, whole or not at all.
fn keep(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let partial = path.with_extension("partial");
    let write = || {
        let _ = std::fs::remove_file(&partial);
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    };
    write().map_err(|error| Error::Keep(path.to_owned(), error))
}
