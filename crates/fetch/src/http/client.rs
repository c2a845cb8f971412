//! The client: bounded, obedient to the policy on every hop.

use std::error::Error as StdError;
use std::sync::Arc;

use reqwest::ClientBuilder;
use reqwest::Response;
use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;
use reqwest::header::HeaderMap;
use reqwest::header::LOCATION;
use rustls::pki_types::CertificateDer;
use url::Host;
use url::Url;

use super::error::Error;
use super::request::Request;
use super::request::Target;
use super::request::shown;
use super::tls;
use crate::digest::Digest;
use crate::limits::Limits;
use crate::policy::Denied;
use crate::policy::Policy;
use crate::policy::ResolveError;
use crate::source::Fetched;

/// Fetches over HTTP under one policy; cheap to clone, keeps connections open.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    policy: Arc<Policy>,
}

impl Client {
    /// Makes a client that obeys `policy`.
    pub fn new(policy: Policy) -> Result<Self, Error> {
        let policy = Arc::new(policy);
        Ok(Self {
            inner: obedient(&policy, &[]).build().map_err(Error::Client)?,
            policy,
        })
    }

    /// Fetches one file.
    ///
    /// # Guarantees
    /// The body is never compressed, never larger than the limit, and has the digest asked for. Headers and
    /// credentials are sent to the origin of the requested URL only. HTTPS is not left for HTTP.
    pub async fn get(&self, request: &Request) -> Result<Fetched, Error> {
        let digest = request
            .digest
            .as_deref()
            .map(str::parse::<Digest>)
            .transpose()
            .map_err(Error::Digest)?;
        let target = Target::parse(&request.url, request.credentials.as_ref())?;
        let headers = target.headers(&request.headers)?;
        let limits = request.limits;
        let fetch = async {
            let response = self.follow(&target, &headers, limits).await?;
            read_bounded(successful(response)?, limits.max_bytes).await
        };
        let bytes = tokio::time::timeout(limits.timeout, fetch)
            .await
            .map_err(|_| Error::Timeout {
                url: shown(&request.url),
                limit: limits.timeout,
            })??;
        if let Some(digest) = digest {
            digest.verify(&bytes).map_err(Error::Digest)?;
        }
        Ok(Fetched::of_content(target.written, bytes))
    }

    /// Finds where a URL redirects to in the end, without reading what is there.
    pub(crate) async fn locate(&self, target: &Target, limits: Limits) -> Result<Url, Error> {
        let headers = target.headers(&[])?;
        let follow = self.follow(target, &headers, limits);
        let response = tokio::time::timeout(limits.timeout, follow)
            .await
            .map_err(|_| Error::Timeout {
                url: shown(target.url.as_str()),
                limit: limits.timeout,
            })??;
        Ok(response.url().clone())
    }

    /// Sends the request and follows redirects to a response that is none.
    async fn follow(&self, target: &Target, headers: &HeaderMap, limits: Limits) -> Result<Response, Error> {
        let mut url = target.url.clone();
        for _ in 0..=limits.max_redirects {
            check_literal(&self.policy, &url)?;
            let mut request = self.inner.get(url.clone());
            if url.origin() == target.url.origin() {
                request = request.headers(headers.clone());
            }
            let response = request.send().await.map_err(|error| failed(&url, error))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            url = next(&url, &response)?;
        }
        Err(Error::TooManyRedirects {
            url: shown(target.url.as_str()),
            limit: limits.max_redirects,
        })
    }
}

/// The settings of every client of this crate: names resolved under the policy, no redirect followed unseen, no
/// proxy unless the policy trusts the environment. `authorities` are trusted besides the machine's.
pub(crate) fn obedient(policy: &Arc<Policy>, authorities: &[CertificateDer<'static>]) -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(authorities))
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Resolver(Arc::clone(policy)))
        .referer(false)
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")));
    if policy.trust_environment {
        builder
    } else {
        builder.no_proxy()
    }
}

/// Judges a host that is written as an address, which no resolver ever sees.
pub(crate) fn check_literal(policy: &Policy, url: &Url) -> Result<(), Error> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    let host = url.host_str().unwrap_or_default();
    policy.check(host, address).map_err(|denied| Error::Denied {
        url: shown(url.as_str()),
        denied,
    })
}

pub(crate) fn next(url: &Url, response: &Response) -> Result<Url, Error> {
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    redirected(url, location).map_err(|reason| Error::Redirect {
        url: shown(url.as_str()),
        reason,
    })
}

/// Where a redirect leads, or why it is not followed.
pub(crate) fn redirected(url: &Url, location: Option<&str>) -> Result<Url, &'static str> {
    let location = location.ok_or("it names no target")?;
    let mut target = url.join(location).map_err(|_| "its target is no URL")?;
    match (url.scheme(), target.scheme()) {
        ("https", "http") => return Err("it leaves HTTPS"),
        (_, "http" | "https") => {}
        _ => return Err("its target is no http(s) url"),
    }
    // What a foreign server writes here must not become anyone's credentials.
    let _ = target.set_username("");
    let _ = target.set_password(None);
    Ok(target)
}

fn successful(response: Response) -> Result<Response, Error> {
    let url = || shown(response.url().as_str());
    match response.status().as_u16() {
        200 => Ok(response),
        status @ (401 | 403) => Err(Error::Unauthorized { url: url(), status }),
        status => Err(Error::NotFound { url: url(), status }),
    }
}

pub(crate) async fn read_bounded(mut response: Response, limit: u64) -> Result<Vec<u8>, Error> {
    let url = response.url().clone();
    let too_large = || Error::TooLarge {
        url: shown(url.as_str()),
        limit,
    };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&url, error))? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Turns a failed connection into an error, finding the policy's refusal where it is the cause.
pub(crate) fn failed(url: &Url, error: reqwest::Error) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(denied) = current.downcast_ref::<Denied>() {
            let denied = Denied {
                host: denied.host.clone(),
                address: denied.address,
            };
            return Error::Denied {
                url: shown(url.as_str()),
                denied,
            };
        }
        cause = current.source();
    }
    Error::Request {
        url: shown(url.as_str()),
        source: error.without_url(),
    }
}

/// Resolves names to the addresses that the policy lets be reached.
#[derive(Debug)]
struct Resolver(Arc<Policy>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.0);
        Box::pin(async move {
            // Port 0 stands for the port of the URL.
            match policy.resolve(name.as_str(), 0).await {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(ResolveError::Denied(denied)) => Err(Box::new(denied) as Box<dyn StdError + Send + Sync>),
                Err(error) => Err(Box::new(error) as Box<dyn StdError + Send + Sync>),
            }
        })
    }
}
