//! Requests to the server, each over a connection of its own: they are few, and none outlives a restart of the server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::StatusCode;
use http_body_util::BodyExt as _;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;

use super::error::Error;
use super::error::Failure;
use super::options::Options;
use crate::job::Secret;
use crate::protocol::POLL;

/// Largest answer, in bytes; jobs carry the files of their volumes.
const LARGEST_ANSWER: usize = 256 << 20;

/// How long an answer may take: longer than the server keeps a poll.
const PATIENCE: Duration = POLL.saturating_add(Duration::from_secs(7));

/// Where the server is, and how to prove who asks.
pub(super) struct Connection {
    address: Address,
    host: String,
    token: Secret,
    tls: Option<TlsConnector>,
}

enum Address {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl Connection {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let unknown = || Error::Address(options.server.clone());
        let (address, host, is_tls) = if let Some(path) = options.server.strip_prefix("unix:") {
            (Address::Unix(path.into()), "localhost".to_owned(), false)
        } else {
            let uri: http::Uri = options.server.parse().map_err(|_| unknown())?;
            let host = uri.host().ok_or_else(unknown)?;
            let is_tls = match uri.scheme_str() {
                Some("http") => false,
                Some("https") => true,
                _ => return Err(unknown()),
            };
            let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
            let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            (Address::Tcp(name, port), format!("{host}:{port}"), is_tls)
        };
        let tls = is_tls.then(|| connector(options.ca.as_deref())).transpose()?;
        Ok(Self {
            address,
            host,
            token: options.token.clone(),
            tls,
        })
    }

    /// Sends a message and reads the answer.
    pub(super) async fn say<T: DeserializeOwned>(
        &self,
        path: &str,
        message: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(message).map_err(|error| Failure::Away(error.to_string()))?;
        self.send(path, "application/json", body.into()).await
    }

    /// Sends bytes and reads the answer.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<T, Failure> {
        tokio::time::timeout(PATIENCE, self.exchange(path, content_type, body))
            .await
            .map_err(|_| Failure::Away("the server does not answer".to_owned()))?
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<T, Failure> {
        let away = |error: &dyn std::fmt::Display| Failure::Away(error.to_string());
        let stream = self.connect().await.map_err(|error| away(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| away(&error))?;
        let driving = tokio::spawn(connection);
        let mut request = Request::post(path)
            .header(http::header::HOST, &self.host)
            .header(http::header::CONTENT_TYPE, content_type);
        if !self.token.expose().is_empty() {
            let token = String::from_utf8_lossy(self.token.expose());
            request = request.header(http::header::AUTHORIZATION, format!("Bearer {}", token.trim()));
        }
        let request = request.body(Full::new(body)).map_err(|error| away(&error))?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| away(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
        driving.abort();
        match status {
            StatusCode::OK => {
                let body = body.map_err(|error| away(&error))?.to_bytes();
                serde_json::from_slice(&body).map_err(|error| away(&error))
            }
            StatusCode::CONFLICT => Err(Failure::Superseded),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::Refused),
            other => Err(Failure::Away(format!("the server answers with {other}"))),
        }
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        match &self.address {
            Address::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Address::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    None => Ok(Box::new(stream)),
                    Some(tls) => {
                        let name = ServerName::try_from(host.clone()).map_err(std::io::Error::other)?;
                        Ok(Box::new(tls.connect(name, stream).await?))
                    }
                }
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

fn connector(ca: Option<&[u8]>) -> Result<TlsConnector, Error> {
    let said = |error: &dyn std::fmt::Display| Error::Authority(error.to_string());
    let ca = ca.ok_or_else(|| Error::Authority("none is given".to_owned()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca) {
        let certificate = certificate.map_err(|error| said(&error))?;
        roots.add(certificate).map_err(|error| said(&error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| said(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
