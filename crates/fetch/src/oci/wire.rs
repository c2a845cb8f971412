//! Requests to registries: under the policy on every hop, bounded in time, repeated where that may help.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::Response;
use reqwest::header::AUTHORIZATION;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use reqwest::header::RETRY_AFTER;
use rustls::pki_types::CertificateDer;
use serde::Deserialize;
use url::Url;

use super::error::Code;
use super::error::Failure;
use super::registries::is_loopback;
use crate::http;
use crate::policy::Policy;

/// Redirects followed; a registry needs one, to where its blobs lie.
const MAX_REDIRECTS: u32 = 5;

/// Bytes a second of the slowest line that is pushed over.
const SLOWEST: u64 = 64 << 10;

/// Bytes of an error's text that are read.
const MAX_ERROR: u64 = 64 << 10;

/// How long registries are waited for, and how often they are asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Time to find the host, connect and greet. A host that refuses costs none of it. Default 5 s.
    pub connect: Duration,
    /// Time until an answer begins. Default 30 s.
    pub answer: Duration,
    /// Time without a byte in the middle of an answer. Default 30 s.
    pub idle: Duration,
    /// Time for a whole manifest or token. Default 30 s.
    pub document: Duration,
    /// Times the last place is asked that is overloaded, fails within itself or breaks off; what refuses a
    /// connection is not asked again. Default 4.
    pub attempts: u32,
    /// Wait before it is asked again, doubled each time. Default 250 ms.
    pub pause: Duration,
    /// Longest such wait, also where the registry asks for a longer one. Default 10 s.
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            document: Duration::from_secs(30),
            attempts: 4,
            pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// One request.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// Sent to the origin of `url` only.
    pub(super) authorization: Option<HeaderValue>,
    pub(super) body: Option<Bytes>,
}

impl Ask {
    pub(super) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            authorization: None,
            body: None,
        }
    }

    /// Time that sending the body may take.
    fn sending(&self) -> Duration {
        let bytes = self.body.as_ref().map_or(0, Bytes::len) as u64;
        Duration::from_secs(bytes / SLOWEST)
    }
}

/// The connections.
pub(super) struct Wire {
    inner: reqwest::Client,
    /// Without a proxy, which would look for this machine's registry on its own.
    direct: reqwest::Client,
    policy: Arc<Policy>,
    pub(super) patience: Patience,
}

impl Wire {
    pub(super) fn new(
        policy: Arc<Policy>,
        authorities: &[CertificateDer<'static>],
        patience: Patience,
    ) -> Result<Self, http::Error> {
        let client = || {
            http::obedient(&policy, authorities)
                .connect_timeout(patience.connect)
                .read_timeout(patience.idle)
        };
        Ok(Self {
            inner: client().build().map_err(http::Error::Client)?,
            direct: client().no_proxy().build().map_err(http::Error::Client)?,
            policy,
            patience,
        })
    }

    /// Asks, and if `patient` asks again what may answer a moment later.
    pub(super) async fn ask(&self, ask: &Ask, patient: bool) -> Result<Response, Failure> {
        let mut pause = self.patience.pause;
        let mut left = if patient { self.patience.attempts } else { 1 };
        loop {
            let outcome = self.send(ask).await;
            left = left.saturating_sub(1);
            let wait = match &outcome {
                Ok(response) if is_overloaded(response) => asked_wait(response.headers()).unwrap_or(pause),
                Err(failure) if failure.is_transient() => pause,
                _ => return outcome,
            };
            if left == 0 {
                return outcome;
            }
            drop(outcome);
            tokio::time::sleep(wait.min(self.patience.longest_pause)).await;
            pause *= 2;
        }
    }

    /// Asks once and follows redirects of what is only read.
    async fn send(&self, ask: &Ask) -> Result<Response, Failure> {
        let mut url = ask.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            http::check_literal(&self.policy, &url).map_err(Failure::Refused)?;
            let client = if is_loopback(&url) {
                &self.direct
            } else {
                &self.inner
            };
            let mut request = client.request(ask.method.clone(), url.clone());
            request = request.headers(ask.headers.clone());
            if let Some(authorization) = &ask.authorization
                && url.origin() == ask.url.origin()
            {
                request = request.header(AUTHORIZATION, authorization);
            }
            if let Some(body) = &ask.body {
                request = request.body(body.clone());
            }
            let patience = self.patience.answer + ask.sending();
            let answer = tokio::time::timeout(patience, request.send()).await;
            let response = answer
                .map_err(|_| Failure::Slow(patience.as_secs_f64()))?
                .map_err(|error| self.failed(&url, error))?;
            let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            if !(redirects && ask.method == Method::GET) {
                return Ok(response);
            }
            url = http::next(&url, &response).map_err(Failure::Refused)?;
        }
        Err(Failure::Refused(http::Error::TooManyRedirects {
            url: http::shown(ask.url.as_str()),
            limit: MAX_REDIRECTS,
        }))
    }

    /// Reads a whole document.
    pub(super) async fn read(&self, response: Response, limit: u64) -> Result<Vec<u8>, Failure> {
        let read = tokio::time::timeout(self.patience.document, http::read_bounded(response, limit));
        let outcome = read
            .await
            .map_err(|_| Failure::Slow(self.patience.document.as_secs_f64()))?;
        outcome.map_err(|error| match error {
            http::Error::Request { source, .. } => Failure::Broken(root(&source)),
            other => Failure::Refused(other),
        })
    }

    /// The failure that an answer other than the wanted one stands for.
    pub(super) async fn refusal(&self, response: Response) -> Failure {
        let status = response.status().as_u16();
        let code = match self.read(response, MAX_ERROR).await {
            Ok(bytes) => code_of(&bytes),
            Err(_) => Code::default(),
        };
        match status {
            404 => Failure::NotFound { status, code },
            401 | 403 => Failure::Unauthorized {
                status,
                code,
                logins: 0,
                notes: Vec::new(),
            },
            _ => Failure::Status { status, code },
        }
    }

    fn failed(&self, url: &Url, error: reqwest::Error) -> Failure {
        let (connecting, slow) = (error.is_connect(), error.is_timeout());
        match http::failed(url, error) {
            http::Error::Request { .. } if connecting && slow => Failure::Unreachable(format!(
                "no connection in {} s",
                self.patience.connect.as_secs_f64()
            )),
            http::Error::Request { source, .. } if connecting => Failure::Unreachable(root(&source)),
            http::Error::Request { .. } if slow => Failure::Slow(self.patience.idle.as_secs_f64()),
            http::Error::Request { source, .. } => Failure::Broken(root(&source)),
            other => Failure::Refused(other),
        }
    }
}

/// The cause behind all others, which says what happened; those before it say where.
pub(super) fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn is_overloaded(response: &Response) -> bool {
    matches!(response.status().as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// The seconds of `Retry-After`. Its other form, a date, is not used by registries.
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(text.trim().parse::<u32>().ok()?.into()))
}

/// The code of the first error in a registry's answer, if it is the word that it should be.
fn code_of(bytes: &[u8]) -> Code {
    #[derive(Deserialize)]
    struct Answer {
        errors: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        code: String,
    }
    let answer: Option<Answer> = serde_json::from_slice(bytes).ok();
    let code = answer
        .and_then(|answer| answer.errors.into_iter().next())
        .map(|entry| entry.code);
    let is_word = |code: &String| {
        code.len() <= 64
            && code
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    Code(code.filter(is_word).unwrap_or_default())
}
