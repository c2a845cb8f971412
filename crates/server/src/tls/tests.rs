use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use tokio_rustls::TlsConnector;

use super::*;

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
    let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let authority = Authority::open(directory.path()).unwrap();
    let foreign = Authority::open(other.path()).unwrap();
    let addresses = ["10.0.0.1".parse().unwrap()];
    let acceptor = authority
        .acceptor(&addresses, &["plane.example".to_owned()])
        .unwrap();
    let rows = [
        ("127.0.0.1", true),
        ("10.0.0.1", true),
        ("plane.example", true),
        ("10.0.0.2", false),
        ("example", false),
    ];
    for (name, expected) in rows {
        let connects = handshake(acceptor.clone(), authority.certificate(), name).await;
        assert_eq!(connects, expected, "{name}");
    }
    assert!(!handshake(acceptor, foreign.certificate(), "127.0.0.1").await);
}

#[tokio::test]
async fn the_authority_outlives_a_restart_and_its_key_is_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let first = Authority::open(directory.path()).unwrap();
    let second = Authority::open(directory.path()).unwrap();
    assert_eq!(first.certificate(), second.certificate());
    let acceptor = second.acceptor(&[], &[]).unwrap();
    assert!(handshake(acceptor, first.certificate(), "localhost").await);
    let key = std::fs::metadata(directory.path().join("ca.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}
