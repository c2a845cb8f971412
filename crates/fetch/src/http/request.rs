//! What is asked for, and the URL in it.

use std::fmt;

use reqwest::header::AUTHORIZATION;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use url::Url;

use super::error::Error;
use crate::cache::Key;
use crate::credentials::Credentials;
use crate::limits::Limits;

/// Longer URLs are of no use to anyone but attackers.
const MAX_URL: usize = 8192;

/// One file to fetch. Headers and credentials go to the origin of `url` only, not to where it redirects.
#[derive(Clone, Default)]
pub struct Request {
    /// The `http` or `https` URL. A user and password in it serve as credentials unless some are given.
    pub url: String,
    /// Further headers, name and value.
    pub headers: Vec<(String, String)>,
    /// Who asks; default anonymous.
    pub credentials: Option<Credentials>,
    /// Digest the content must have, `sha256:<hex>` or `sha512:<hex>`; default any.
    pub digest: Option<String>,
    /// Bounds of this fetch.
    pub limits: Limits,
}

impl Request {
    /// Asks for a URL, anonymously and with the default limits.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }

    /// Whether the request can only ever mean one content: it names its digest.
    pub fn is_immutable(&self) -> bool {
        self.digest.is_some()
    }

    /// The identity of the request in a cache.
    pub(crate) fn key(&self) -> Key {
        let authorization = self
            .credentials
            .as_ref()
            .map(Credentials::authorization)
            .unwrap_or_default();
        let digest = self.digest.as_deref().unwrap_or_default();
        let fixed = ["http", &self.url, &authorization, digest];
        let headers = self
            .headers
            .iter()
            .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        Key::new(fixed.into_iter().chain(headers))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        formatter
            .debug_struct("Request")
            .field("url", &shown(&self.url))
            .field("headers", &names)
            .field("credentials", &self.credentials)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// A request that has been read: where it goes and what only its origin may see.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The URL without user and password.
    pub(crate) url: Url,
    /// The URL as it was written, also without user and password.
    pub(crate) written: String,
    /// Who asks.
    pub(crate) credentials: Option<Credentials>,
}

impl Target {
    /// Reads a URL; `credentials` win over those written in it.
    pub(crate) fn parse(text: &str, credentials: Option<&Credentials>) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::InvalidUrl {
            url: shown(text),
            reason: reason.to_owned(),
        };
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if text.len() > MAX_URL {
            return Err(invalid("it is too long"));
        }
        if text.contains(|character: char| character.is_control() || character.is_whitespace()) {
            return Err(invalid("it has blanks or control characters"));
        }
        let mut url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::UnsupportedScheme(shown(text)));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(invalid("it has no host"));
        }
        let credentials = credentials.cloned().or_else(|| credentials_of(&url));
        let mut written = text.to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            // Only a URL without host refuses these, and that was refused above.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            written = url.to_string();
        }
        Ok(Self {
            url,
            written,
            credentials,
        })
    }

    /// The headers that only the origin may see.
    pub(super) fn headers(&self, extra: &[(String, String)]) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in extra {
            let refused = || Error::InvalidHeader(name.clone());
            let parsed = HeaderName::try_from(name).map_err(|_| refused())?;
            let mut value = HeaderValue::try_from(value).map_err(|_| refused())?;
            value.set_sensitive(true);
            headers.append(parsed, value);
        }
        if let Some(credentials) = &self.credentials {
            let mut value = HeaderValue::try_from(credentials.authorization())
                .map_err(|_| Error::InvalidHeader(AUTHORIZATION.to_string()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

fn credentials_of(url: &Url) -> Option<Credentials> {
    let decode = |text: &str| percent_decoded(text);
    let password = url.password().map(decode);
    let username = decode(url.username());
    match (username.is_empty(), password) {
        (true, None) => None,
        (_, password) => Some(Credentials::Basic {
            username,
            password: password.unwrap_or_default(),
        }),
    }
}

fn percent_decoded(text: &str) -> String {
    let pairs = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pairs.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

/// A URL as errors show it: no user, no password, no query, no control characters, and not endlessly long.
pub(crate) fn shown(text: &str) -> String {
    let (scheme, rest) = text
        .split_once("://")
        .map_or(("", text), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = path.split_once(['?', '#']).map_or(path, |(path, _)| path);
    let separator = if scheme.is_empty() { "" } else { "://" };
    let clean: String = format!("{scheme}{separator}{host}{path}")
        .chars()
        .map(|character| if character.is_control() { '?' } else { character })
        .take(256)
        .collect();
    clean
}
