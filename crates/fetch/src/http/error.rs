//! Ways in which fetching over HTTP fails.

use std::time::Duration;

use crate::digest::DigestError;
use crate::policy::Denied;

/// A file could not be fetched over HTTP. URLs are shown without user, password and query.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL cannot be read.
    #[error("cannot parse url {url}: invalid URI for request ({reason})")]
    InvalidUrl {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The URL has another scheme than `http` and `https`.
    #[error("url {0} is not a valid http(s) url")]
    UnsupportedScheme(String),
    /// A header name or value is not allowed in HTTP.
    #[error("invalid header {0:?} for an HTTP request")]
    InvalidHeader(String),
    /// The policy does not let the host be reached.
    #[error("refused to fetch {url}: {denied}")]
    Denied {
        /// The URL, after redirects.
        url: String,
        /// The address and why.
        denied: Denied,
    },
    /// The server cannot be reached or broke off.
    #[error("request {url}")]
    Request {
        /// The URL, after redirects.
        url: String,
        /// What the connection reported.
        source: reqwest::Error,
    },
    /// The server wants to know who asks, or does not let them.
    #[error(
        "requested URL '{url}' needs authorization (HTTP status {status}); check the user name and secret"
    )]
    Unauthorized {
        /// The URL, after redirects.
        url: String,
        /// The HTTP status, 401 or 403.
        status: u16,
    },
    /// The server answered with something else than the file.
    #[error("requested URL '{url}' is not found (HTTP status {status})")]
    NotFound {
        /// The URL, after redirects.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A redirect leads nowhere or from HTTPS to HTTP.
    #[error("refused a redirect of {url}: {reason}")]
    Redirect {
        /// The URL that redirects.
        url: String,
        /// What is wrong with its target.
        reason: &'static str,
    },
    /// There are more redirects than the limits allow.
    #[error("requested URL '{url}' redirects more than {limit} times")]
    TooManyRedirects {
        /// The requested URL.
        url: String,
        /// The number of redirects allowed.
        limit: u32,
    },
    /// The body is larger than the limits allow.
    #[error("response body of {url} exceeds maximum allowed size of {limit} bytes")]
    TooLarge {
        /// The URL, after redirects.
        url: String,
        /// The size allowed, in bytes.
        limit: u64,
    },
    /// The fetch took longer than the limits allow.
    #[error("fetching {url} took longer than {} s", .limit.as_secs_f64())]
    Timeout {
        /// The requested URL.
        url: String,
        /// The time allowed.
        limit: Duration,
    },
    /// The digest asked for cannot be read, or the content has another one.
    #[error("error validating digest: {0}")]
    Digest(DigestError),
    /// The TLS library refuses its own settings.
    #[error("set up the HTTP client")]
    Client(#[source] reqwest::Error),
}
