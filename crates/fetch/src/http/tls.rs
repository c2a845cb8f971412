//! The settings of TLS: the machine's certificate authorities, or Mozilla's when it has none.

use std::sync::Arc;
use std::sync::OnceLock;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;

/// The settings, with certificate authorities trusted besides the machine's.
pub(super) fn config(authorities: &[CertificateDer<'static>]) -> ClientConfig {
    let mut roots = roots().clone();
    roots.add_parsable_certificates(authorities.iter().cloned());
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Reading the machine's certificates takes milliseconds, so it happens once and only when a client is made.
fn roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        let machine = rustls_native_certs::load_native_certs();
        for problem in &machine.errors {
            tracing::debug!(%problem, "some certificate authorities of this machine cannot be read");
        }
        roots.add_parsable_certificates(machine.certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots
    })
}
