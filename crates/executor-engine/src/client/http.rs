//! Requests and answers.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::combinators::BoxBody;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::CONNECTION;
use hyper::header::CONTENT_TYPE;
use hyper::header::HOST;
use hyper::header::HeaderName;
use hyper::header::UPGRADE;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::Error;

/// How long the engine may take for anything but pulling and waiting. Creating a container takes tens of milliseconds; a
/// machine under load may take many times that, and a hung engine must not hold an attempt for longer.
const PATIENCE: Duration = Duration::from_mins(2);

/// Descriptions of images and containers are kilobytes long.
const MAX_ANSWER: usize = 8 << 20;

/// Calls under way at a time: enough to keep an engine busy, few enough that each still ends soon.
const CALLS: usize = 16;

/// The body of a request.
pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// A stream that was an HTTP connection before.
pub(crate) type Hijacked = TokioIo<hyper::upgrade::Upgraded>;

/// A client of one engine. Clones share the bound on calls under way.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    socket: Arc<Path>,
    /// `/v1.41`, in front of every path.
    version: Arc<str>,
    calls: Arc<Semaphore>,
}

/// What is asked.
pub(crate) struct Ask {
    pub(crate) call: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Body,
    pub(crate) header: Option<(&'static str, String)>,
}

impl Ask {
    pub(crate) fn new(call: impl Into<String>, method: Method, path: impl Into<String>) -> Self {
        Self {
            call: call.into(),
            method,
            path: path.into(),
            body: full(Bytes::new()),
            header: None,
        }
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = full(body.to_string());
        self.header = Some((CONTENT_TYPE.as_str(), "application/json".into()));
        self
    }

    pub(crate) fn tar(mut self, body: Body) -> Self {
        self.body = body;
        self.header = Some((CONTENT_TYPE.as_str(), "application/x-tar".into()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.header = Some((name, value));
        self
    }
}

/// A body that is there already.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

impl Client {
    /// A client that speaks a version of the API: `1.41`.
    pub(crate) fn new(socket: &Path, version: &str) -> Self {
        Self {
            socket: socket.into(),
            version: format!("/v{version}").into(),
            calls: Arc::new(Semaphore::new(CALLS)),
        }
    }

    /// Asks, and reads the whole answer.
    pub(crate) async fn bytes(&self, ask: Ask, limit: usize) -> Result<Bytes, Error> {
        let call = ask.call.clone();
        let _permit = self.calls.acquire().await;
        within(PATIENCE, &call, async {
            let answer = self.send(ask).await?;
            let (bytes, whole) = collect(&call, answer.into_body(), limit).await?;
            if whole {
                Ok(bytes)
            } else {
                let call = call.clone();
                Err(Error::TooLong { call, limit })
            }
        })
        .await
    }

    /// Asks, and reads the answer up to a limit; says whether that was all of it.
    pub(crate) async fn prefix(&self, ask: Ask, limit: usize) -> Result<(Bytes, bool), Error> {
        let call = ask.call.clone();
        let _permit = self.calls.acquire().await;
        within(PATIENCE, &call, async {
            let answer = self.send(ask).await?;
            collect(&call, answer.into_body(), limit).await
        })
        .await
    }

    /// Asks, and reads the answer as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, Error> {
        let call = ask.call.clone();
        let bytes = self.bytes(ask, MAX_ANSWER).await?;
        parse(call, &bytes)
    }

    /// Asks for something that has no answer but its success.
    pub(crate) async fn done(&self, ask: Ask) -> Result<(), Error> {
        self.bytes(ask, MAX_ANSWER).await.map(drop)
    }

    /// Asks for a header of the answer.
    pub(crate) async fn head(&self, ask: Ask, header: &str) -> Result<Option<String>, Error> {
        let call = ask.call.clone();
        let _permit = self.calls.acquire().await;
        within(PATIENCE, &call, async {
            let answer = self.send(ask).await?;
            let value = answer.headers().get(header);
            Ok(value.and_then(|value| value.to_str().ok()).map(str::to_owned))
        })
        .await
    }

    /// Asks for an answer that takes its time: no bound but the caller's, and no share of the calls under way.
    pub(crate) async fn stream(&self, ask: Ask) -> Result<Incoming, Error> {
        Ok(self.send(ask).await?.into_body())
    }

    /// Asks for the connection itself.
    pub(crate) async fn hijack(&self, ask: Ask) -> Result<Hijacked, Error> {
        let call = ask.call.clone();
        within(PATIENCE, &call, async {
            let mut answer = self.exchange(ask, true).await?;
            if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                let why = format!("{} in place of an upgrade", answer.status());
                let call = call.clone();
                return Err(if answer.status().is_success() {
                    Error::Garbage { call, why }
                } else {
                    refusal(call, answer).await
                });
            }
            let upgraded = hyper::upgrade::on(&mut answer).await;
            let call = call.clone();
            upgraded
                .map(TokioIo::new)
                .map_err(|source| Error::Talk { call, source })
        })
        .await
    }

    async fn send(&self, ask: Ask) -> Result<Response<Incoming>, Error> {
        let call = ask.call.clone();
        let answer = self.exchange(ask, false).await?;
        if answer.status().is_success() || answer.status() == StatusCode::NOT_MODIFIED {
            Ok(answer)
        } else {
            Err(refusal(call, answer).await)
        }
    }

    async fn exchange(&self, ask: Ask, upgrade: bool) -> Result<Response<Incoming>, Error> {
        let Ask {
            call,
            method,
            path,
            body,
            header,
        } = ask;
        let mut sender = connect(&self.socket, &call).await?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.version))
            .header(HOST, "engine");
        if let Some((name, value)) = header {
            request = request.header(HeaderName::from_static(name), value);
        }
        if upgrade {
            request = request.header(UPGRADE, "tcp").header(CONNECTION, "Upgrade");
        }
        let request = request.body(body).map_err(|error| Error::Garbage {
            call: call.clone(),
            why: error.to_string(),
        })?;
        let answer = sender.send_request(request).await;
        answer.map_err(|source| Error::Talk { call, source })
    }
}

/// Asks whoever listens on a socket for a sign of life; its headers say who it is.
pub(crate) async fn ping(socket: &Path, limit: Duration) -> Result<hyper::HeaderMap, Error> {
    let call = "ping";
    within(limit, call, async {
        let mut sender = connect(socket, call).await?;
        let request = Request::get("/_ping").header(HOST, "engine");
        let request = request.body(full(Bytes::new())).map_err(|error| Error::Garbage {
            call: call.into(),
            why: error.to_string(),
        })?;
        let answer = sender.send_request(request).await.map_err(|source| Error::Talk {
            call: call.into(),
            source,
        })?;
        if answer.status().is_success() {
            Ok(answer.headers().clone())
        } else {
            Err(refusal(call.into(), answer).await)
        }
    })
    .await
}

async fn connect(socket: &Path, call: &str) -> Result<SendRequest<Body>, Error> {
    let failed = |source| Error::Connect {
        socket: socket.to_owned(),
        source,
    };
    let stream = UnixStream::connect(socket).await.map_err(failed)?;
    let talk = |source| Error::Talk {
        call: call.to_owned(),
        source,
    };
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(talk)?;
    tokio::spawn(async move {
        // Whoever asked learns of a failure by the answer.
        let _ = connection.with_upgrades().await;
    });
    Ok(sender)
}

async fn within<T>(
    limit: Duration,
    call: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let timed_out = |_| Error::TimedOut {
        call: call.to_owned(),
        after: limit,
    };
    tokio::time::timeout(limit, work).await.map_err(timed_out)?
}

async fn collect(call: &str, mut body: Incoming, limit: usize) -> Result<(Bytes, bool), Error> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|source| Error::Talk {
            call: call.to_owned(),
            source,
        })?;
        let Ok(data) = frame.into_data() else { continue };
        let room = limit.saturating_sub(bytes.len());
        bytes.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if data.len() > room {
            return Ok((bytes.freeze(), false));
        }
    }
    Ok((bytes.freeze(), true))
}

/// Reads a body as JSON.
pub(crate) fn parse<T: DeserializeOwned>(call: String, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Garbage {
        call,
        why: error.to_string(),
    })
}

/// What the engine says about a call that it refused.
async fn refusal(call: String, answer: Response<Incoming>) -> Error {
    /// Longer messages say nothing that a shorter one does not.
    const MAX_MESSAGE: usize = 4096;
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let status = answer.status();
    let body = collect(&call, answer.into_body(), 64 << 10).await;
    let body = body.map(|(bytes, _)| bytes).unwrap_or_default();
    let message = serde_json::from_slice(&body).map_or_else(
        |_| String::from_utf8_lossy(&body).trim().to_owned(),
        |Refusal { message }| message,
    );
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    let message = if message.is_empty() {
        status.to_string()
    } else {
        message
    };
    Error::Refused {
        call,
        status,
        message,
    }
}
