use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use tokio_rustls::TlsConnector;
use windlass_api::Time;
use windlass_runtime::ManualClock;

use super::*;

/// A certificate is checked against the machine's clock by the client.
fn now() -> Time {
    std::time::SystemTime::now().into()
}

fn connector(authority: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn handshake(acceptor: tokio_rustls::TlsAcceptor, authority: &str, name: &'static str) -> bool {
    let (client, server) = tokio::io::duplex(64 << 10);
    let connector = connector(authority);
    let name = ServerName::try_from(name).unwrap();
    // Both ends stay open until both are done: the server still writes when the client is.
    let (accepted, connected) = tokio::join!(acceptor.accept(server), connector.connect(name, client));
    accepted.is_ok() && connected.is_ok()
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_connects_to_the_names_of_the_server_only() {
    let directory = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let authority = Authority::open(directory.path(), now()).unwrap();
    let certificate = authority.certificate().to_owned();
    let foreign = Authority::open(other.path(), now())
        .unwrap()
        .certificate()
        .to_owned();
    let clock = Arc::new(ManualClock::new(now()));
    let names = vec!["127.0.0.1".to_owned(), "plane.example".to_owned()];
    let acceptor = acceptor(authority, names, clock.clone()).unwrap();
    for (name, expected) in [
        ("127.0.0.1", true),
        ("plane.example", true),
        ("127.0.0.2", false),
        ("example", false),
    ] {
        assert_eq!(
            handshake(acceptor.clone(), &certificate, name).await,
            expected,
            "{name}"
        );
    }
    assert!(!handshake(acceptor.clone(), &foreign, "127.0.0.1").await);
    // Replaced by one that begins later than the client's clock: the client sees that it is a new one.
    clock.advance_to(Time::from_millis(now().as_millis() + 61 * 86_400_000));
    assert!(!handshake(acceptor, &certificate, "127.0.0.1").await);
}

#[tokio::test]
async fn the_authority_outlives_a_restart_and_its_key_is_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let first = Authority::open(directory.path(), now()).unwrap();
    let certificate = first.certificate().to_owned();
    let second = Authority::open(directory.path(), now()).unwrap();
    assert_eq!(second.certificate(), certificate);
    let clock = Arc::new(ManualClock::new(now()));
    let acceptor = acceptor(second, vec!["127.0.0.1".to_owned()], clock).unwrap();
    assert!(handshake(acceptor, &certificate, "127.0.0.1").await);
    let key = std::fs::metadata(directory.path().join("authority.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}
