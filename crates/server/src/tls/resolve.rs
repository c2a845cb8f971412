//! The certificate of the moment.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::server::ClientHello;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use windlass_api::Duration;
use windlass_api::Time;
use windlass_runtime::Clock;

use super::Authority;
use super::Error;
use super::authority::SERVER_DAYS;

/// Days before its end at which a certificate is replaced.
const EARLY: i64 = SERVER_DAYS / 3;

/// Accepts encrypted connections for a server with these names and addresses, with a certificate that is replaced in time.
///
/// # Errors
/// When no certificate can be made for the names.
pub fn acceptor(
    authority: Authority,
    names: Vec<String>,
    clock: Arc<dyn Clock>,
) -> Result<TlsAcceptor, Error> {
    let provider = Arc::new(default_provider());
    let now = clock.now();
    let certificates = Certificates {
        current: Mutex::new(certificate(&authority, &names, now, &provider)?),
        provider: Arc::clone(&provider),
        authority,
        names,
        clock,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

struct Certificates {
    authority: Authority,
    names: Vec<String>,
    clock: Arc<dyn Clock>,
    provider: Arc<CryptoProvider>,
    current: Mutex<Current>,
}

struct Current {
    key: Arc<CertifiedKey>,
    replace_at: Time,
}

fn certificate(
    authority: &Authority,
    names: &[String],
    now: Time,
    provider: &CryptoProvider,
) -> Result<Current, Error> {
    let signed = authority.sign(names, now)?;
    let key = CertifiedKey::from_der(signed.chain, signed.key, provider)?;
    let good = Duration::from_millis((SERVER_DAYS - EARLY) * 86_400_000);
    Ok(Current {
        key: Arc::new(key),
        replace_at: now.plus(good),
    })
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = self.clock.now();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= current.replace_at {
            match certificate(&self.authority, &self.names, now, &self.provider) {
                Ok(next) => *current = next,
                Err(error) => tracing::error!(%error, "failed to replace the server's certificate"),
            }
        }
        Some(Arc::clone(&current.key))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Certificates({:?})", self.names)
    }
}
