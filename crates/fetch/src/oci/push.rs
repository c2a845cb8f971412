//! Writing to a registry, whole blobs at a time.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HeaderValue;
use reqwest::header::LOCATION;
use url::Url;

use super::error::Error;
use super::error::Failure;
use super::image::Image;
use super::session::Session;
use super::wire::Ask;
use crate::digest::sha256_hex;
use crate::http;

impl Image {
    /// Writes a blob into the image's repository and gives its digest. Mirrors are not written to.
    pub async fn push_blob(&self, bytes: impl Into<Bytes>) -> Result<String, Error> {
        let bytes = bytes.into();
        let digest = format!("sha256:{}", sha256_hex(&bytes));
        let session = self.writing()?;
        match put_blob(&session, bytes, &digest).await {
            Ok(()) => Ok(digest),
            Err(failure) => Err(self.not_pushed(failure)),
        }
    }

    /// Writes a manifest under the image's name and gives its digest. What it refers to must be there.
    pub async fn push_manifest(&self, media_type: &str, bytes: impl Into<Bytes>) -> Result<String, Error> {
        let bytes = bytes.into();
        let digest = format!("sha256:{}", sha256_hex(&bytes));
        let session = self.writing()?;
        let mut ask = Ask::get(
            session
                .endpoint
                .url(&format!("manifests/{}", self.reference().wanted())),
        );
        ask.method = Method::PUT;
        ask.body = Some(bytes);
        if let Ok(value) = HeaderValue::try_from(media_type) {
            ask.headers.insert(CONTENT_TYPE, value);
        }
        match expect(&session, ask, 201).await {
            Ok(_) => Ok(digest),
            Err(failure) => Err(self.not_pushed(failure)),
        }
    }

    fn writing(&self) -> Result<Session<'_>, Error> {
        match self.origin() {
            Some(endpoint) => self.session(endpoint, "pull,push", true),
            None => Err(self.not_pushed(Failure::Unreachable("its registry has no address".to_owned()))),
        }
    }

    fn not_pushed(&self, failure: Failure) -> Error {
        Error::Push {
            place: self.reference().to_string(),
            failure,
        }
    }
}

async fn put_blob(session: &Session<'_>, bytes: Bytes, digest: &str) -> Result<(), Failure> {
    let mut start = Ask::get(session.endpoint.url("blobs/uploads/"));
    start.method = Method::POST;
    start.body = Some(Bytes::new());
    let asked = start.url.clone();
    let mut url = expect(session, start, 202).await?;
    url.query_pairs_mut().append_pair("digest", digest);
    let mut ask = Ask::get(url);
    if ask.url.origin() != asked.origin() {
        // A login would go to a host that only the registry chose.
        return Err(Failure::Refused(http::Error::Redirect {
            url: http::shown(asked.as_str()),
            reason: "it leads to another host",
        }));
    }
    ask.method = Method::PUT;
    ask.body = Some(bytes);
    let kind = HeaderValue::from_static("application/octet-stream");
    ask.headers.insert(CONTENT_TYPE, kind);
    expect(session, ask, 201).await.map(drop)
}

/// Sends, expects a status, and gives the place that the answer names, or else the one that was asked.
async fn expect(session: &Session<'_>, ask: Ask, status: u16) -> Result<Url, Failure> {
    let url = ask.url.clone();
    let response = session.send(ask).await?;
    if response.status().as_u16() != status {
        return Err(session.refusal(response).await);
    }
    if response.headers().contains_key(LOCATION) {
        return http::next(&url, &response).map_err(Failure::Refused);
    }
    Ok(url)
}
