//! Requests to one place about one image, with whatever login it asks for.

use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use reqwest::Method;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::challenge;
use super::challenge::Challenge;
use super::client::Client;
use super::error::Code;
use super::error::Failure;
use super::keyring::Keyring;
use super::keyring::Login;
use super::registries::Endpoint;
use super::wire::Ask;
use super::wire::Wire;
use crate::cache::Key;
use crate::credentials::Credentials;
use crate::http;

/// Bytes of a token service's answer; real ones have some thousand.
const MAX_TOKEN: u64 = 256 << 10;

/// How long a token is good that does not say; the registries' default.
const TOKEN_LIFE: Duration = Duration::from_mins(1);

/// How long an accepted password is sent without being asked for.
const PASSWORD_LIFE: Duration = Duration::from_mins(5);

/// The longest that any authorization is kept.
const LONGEST_LIFE: Duration = Duration::from_hours(1);

/// One place, one image, one keyring.
pub(super) struct Session<'a> {
    pub(super) client: &'a Client,
    pub(super) wire: &'a Wire,
    pub(super) keyring: &'a Keyring,
    pub(super) endpoint: Endpoint,
    /// `pull` or `pull,push`.
    pub(super) actions: &'static str,
    /// Whether to ask again what may answer a moment later, because no other place is left.
    pub(super) patient: bool,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Session<'_> {
    /// Asks; if the registry wants to know who does, asks again with each login that is known for it.
    pub(super) async fn send(&self, mut ask: Ask) -> Result<Response, Failure> {
        let key = self.key();
        ask.authorization = self.tokens().get(&key, Instant::now());
        let response = self.wire.ask(&ask, self.patient).await?;
        if response.status().as_u16() != 401 {
            return Ok(response);
        }
        let challenges = challenge::read(response.headers());
        let found = self
            .keyring
            .find(&self.endpoint.registry, &self.endpoint.repository)
            .await;
        let tried = found.logins.len();
        let mut last = self.wire.refusal(response).await;
        // Who knows no login asks for an anonymous token: that is how public images are had.
        let candidates: Vec<Option<Login>> = match found.logins {
            logins if logins.is_empty() => vec![None],
            logins => logins.into_iter().map(Some).collect(),
        };
        for login in candidates {
            let (authorization, life) = match self.authorization(&challenges, login.as_ref()).await {
                Ok(Some(good)) => good,
                Ok(None) => continue,
                Err(refused @ Failure::Unauthorized { .. }) => {
                    last = refused;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            ask.authorization = Some(authorization.clone());
            let response = self.wire.ask(&ask, self.patient).await?;
            if !matches!(response.status().as_u16(), 401 | 403) {
                let life = life.min(LONGEST_LIFE);
                self.tokens().insert(key, authorization, life, Instant::now());
                return Ok(response);
            }
            last = self.wire.refusal(response).await;
        }
        if let Failure::Unauthorized { logins, notes, .. } = &mut last {
            *logins = tried;
            *notes = found.notes;
        }
        Err(last)
    }

    /// The failure that an answer stands for.
    pub(super) async fn refusal(&self, response: Response) -> Failure {
        self.wire.refusal(response).await
    }

    /// The header that answers a challenge for a login, and how long it is good; none if they do not go together.
    async fn authorization(
        &self,
        challenges: &[Challenge],
        login: Option<&Login>,
    ) -> Result<Option<(HeaderValue, Duration)>, Failure> {
        if let Some(Login::Known(token @ Credentials::Bearer(_))) = login {
            return Ok(header(&token.authorization()).map(|value| (value, PASSWORD_LIFE)));
        }
        for challenge in challenges {
            match (challenge, login) {
                (
                    Challenge::Bearer {
                        realm,
                        service,
                        scope,
                    },
                    login,
                ) => {
                    let own = format!("repository:{}:{}", self.endpoint.repository, self.actions);
                    let scope = scope.as_deref().unwrap_or(&own);
                    return self
                        .token(realm, service.as_deref(), scope, login)
                        .await
                        .map(Some);
                }
                (Challenge::Basic, Some(Login::Known(password))) => {
                    return Ok(header(&password.authorization()).map(|value| (value, PASSWORD_LIFE)));
                }
                (Challenge::Basic, _) => {}
            }
        }
        Ok(None)
    }

    /// Asks the token service that a registry names.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        login: Option<&Login>,
    ) -> Result<(HeaderValue, Duration), Failure> {
        let refused = |reason| Failure::Realm {
            realm: http::shown(realm),
            reason,
        };
        let identity = match login {
            Some(Login::Identity(token)) => Some(token),
            _ => None,
        };
        let ask = match identity {
            Some(token) => {
                let url = challenge::service_url(&self.endpoint, realm, None, None).map_err(refused)?;
                exchange(url, token, service.unwrap_or_default(), scope)
            }
            None => {
                let url =
                    challenge::service_url(&self.endpoint, realm, service, Some(scope)).map_err(refused)?;
                let mut ask = Ask::get(url);
                if let Some(Login::Known(password)) = login {
                    ask.authorization = header(&password.authorization());
                }
                ask
            }
        };
        let place = http::shown(ask.url.as_str());
        let no_token = |reason: String| Failure::Token {
            place: place.clone(),
            reason,
        };
        let response = match self.wire.ask(&ask, self.patient).await {
            Ok(response) => response,
            Err(failure) => return Err(no_token(failure.to_string())),
        };
        match response.status().as_u16() {
            200 => {}
            status @ (401 | 403) => {
                return Err(Failure::Unauthorized {
                    status,
                    code: Code::default(),
                    logins: 0,
                    notes: Vec::new(),
                });
            }
            status => return Err(no_token(format!("HTTP status {status}"))),
        }
        let bytes = self.wire.read(response, MAX_TOKEN).await;
        let bytes = bytes.map_err(|failure| no_token(failure.to_string()))?;
        token_of(&bytes).ok_or_else(|| no_token("the answer holds none".to_owned()))
    }

    /// What decides which authorization is the right one.
    fn key(&self) -> Key {
        let keyring = self.keyring.fingerprint();
        Key::new([
            self.endpoint.base.as_str(),
            &self.endpoint.repository,
            self.actions,
            keyring.as_str(),
        ])
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, super::tokens::Tokens> {
        let tokens = self.client.shared.tokens.lock();
        // No holder can leave the map half changed.
        tokens.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request that exchanges an identity token, which only works by POST.
fn exchange(url: url::Url, token: &str, service: &str, scope: &str) -> Ask {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", "windlass")
        .append_pair("service", service)
        .append_pair("scope", scope)
        .append_pair("refresh_token", token)
        .finish();
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, kind);
    Ask {
        method: Method::POST,
        headers,
        body: Some(form.into()),
        ..Ask::get(url)
    }
}

fn token_of(bytes: &[u8]) -> Option<(HeaderValue, Duration)> {
    let answer: TokenAnswer = serde_json::from_slice(bytes).ok()?;
    let filled = |token: Option<String>| token.filter(|token| !token.is_empty());
    let token = filled(answer.token).or_else(|| filled(answer.access_token))?;
    let life = answer
        .expires_in
        .map_or(TOKEN_LIFE, Duration::from_secs)
        .min(LONGEST_LIFE);
    // A token that ends while its request is on the way is refused and asked for anew; this makes it rare.
    Some((header(&format!("Bearer {token}"))?, life * 9 / 10))
}

/// A header that no log shows; none if the text cannot be one.
fn header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
