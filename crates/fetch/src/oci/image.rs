//! One image in a registry and its mirrors.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use oci_spec::image::Descriptor;
use reqwest::Response;
use reqwest::header::ACCEPT;
use reqwest::header::ACCEPT_ENCODING;
use reqwest::header::CONTENT_RANGE;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use reqwest::header::RANGE;

use super::body::BlobReader;
use super::client::Client;
use super::document::ACCEPTED;
use super::document::Document;
use super::document::MAX_MANIFEST;
use super::error::Error;
use super::error::Exhausted;
use super::error::Failure;
use super::error::Tried;
use super::keyring::Keyring;
use super::platform::choose;
use super::reference::Reference;
use super::registries::Endpoint;
use super::session::Session;
use super::source::Blob;
use super::source::Manifest;
use super::source::Platform;
use super::source::Reading;
use super::source::Source;
use super::source::SourceError;
use super::wire::Ask;
use crate::digest::Digest;
use crate::digest::sha256_hex;

/// Documents from a name to an image: an index, an index in it, the image.
const MAX_DEPTH: usize = 3;

/// An image by name. Each mirror is asked in turn and the registry itself last; a place that refuses, lacks the image or
/// lies about it is passed over, and only when none is left is it an error, which names them all.
#[derive(Debug)]
pub struct Image {
    client: Client,
    reference: Reference,
    keyring: Arc<Keyring>,
    endpoints: Vec<Endpoint>,
    /// The place that answered last is asked first.
    preferred: AtomicUsize,
}

/// A document with the digest it was found to have.
struct Verified {
    bytes: Vec<u8>,
    document: Document,
}

impl Image {
    pub(super) fn new(client: Client, reference: Reference, keyring: Arc<Keyring>) -> Self {
        Self {
            endpoints: client.shared.registries.endpoints(&reference),
            client,
            reference,
            keyring,
            preferred: AtomicUsize::new(0),
        }
    }

    /// The name.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Finds the manifest for a platform; see [`Source::manifest`].
    pub async fn find(&self, platform: &Platform) -> Result<Manifest, Error> {
        let mut tried = Vec::new();
        for (position, last) in self.order() {
            let session = self.session(self.endpoints[position].clone(), "pull", last)?;
            match manifest(&session, &self.reference, platform).await {
                Ok(manifest) => {
                    self.preferred.store(position, Ordering::Relaxed);
                    return Ok(manifest);
                }
                Err(failure) => tried.push(attempt(&session, failure)),
            }
        }
        Err(self.exhausted(None, tried))
    }

    /// Opens a blob; see [`Source::blob`].
    pub async fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Blob, Error> {
        let mut tried = Vec::new();
        for (position, last) in self.order() {
            let session = self.session(self.endpoints[position].clone(), "pull", last)?;
            match blob(&session, descriptor, offset).await {
                Ok(blob) => {
                    self.preferred.store(position, Ordering::Relaxed);
                    return Ok(blob);
                }
                Err(failure) => tried.push(attempt(&session, failure)),
            }
        }
        Err(self.exhausted(Some(descriptor.digest().to_string()), tried))
    }

    /// Positions of the places in the order they are asked, each with whether it is the last.
    fn order(&self) -> impl Iterator<Item = (usize, bool)> + use<> {
        let count = self.endpoints.len();
        let first = self.preferred.load(Ordering::Relaxed);
        let others = (0..count).filter(move |position| *position != first);
        (first..count)
            .take(1)
            .chain(others)
            .enumerate()
            .map(move |(index, position)| (position, index + 1 == count))
    }

    pub(super) fn session(
        &self,
        endpoint: Endpoint,
        actions: &'static str,
        patient: bool,
    ) -> Result<Session<'_>, Error> {
        Ok(Session {
            client: &self.client,
            wire: self.client.wire()?,
            keyring: &self.keyring,
            endpoint,
            actions,
            patient,
        })
    }

    /// The registry of the name itself, to push to.
    pub(super) fn origin(&self) -> Option<Endpoint> {
        self.client.shared.registries.origin(&self.reference)
    }

    fn exhausted(&self, blob: Option<String>, tried: Vec<Tried>) -> Error {
        Error::Exhausted(Box::new(Exhausted {
            image: self.reference.to_string(),
            blob,
            registry: self.reference.registry().to_owned(),
            tried,
        }))
    }
}

impl Source for Image {
    fn place(&self) -> String {
        self.reference.to_string()
    }

    fn manifest<'a>(&'a self, platform: &'a Platform) -> Reading<'a, Manifest> {
        Box::pin(async move { self.find(platform).await.map_err(source_error) })
    }

    fn blob<'a>(&'a self, descriptor: &'a Descriptor, offset: u64) -> Reading<'a, Blob> {
        Box::pin(async move { self.open(descriptor, offset).await.map_err(source_error) })
    }
}

fn attempt(session: &Session<'_>, failure: Failure) -> Tried {
    Tried {
        place: session.endpoint.place(),
        registry: session.endpoint.registry.clone(),
        failure,
    }
}

fn source_error(error: Error) -> SourceError {
    SourceError(Box::new(error))
}

/// Follows a name through indexes to the image for a platform, all at one place.
async fn manifest(
    session: &Session<'_>,
    reference: &Reference,
    platform: &Platform,
) -> Result<Manifest, Failure> {
    let mut found = document(session, reference.wanted(), reference.digest()).await?;
    let mut index = None;
    for _ in 1..MAX_DEPTH {
        let Document::Index(entries) = &found.document else {
            break;
        };
        let entry = choose(entries, platform)?;
        let (digest, size) = (entry.digest().to_string(), entry.size());
        index.get_or_insert_with(|| digest_of(&found.bytes));
        found = document(session, &digest, Some(&digest)).await?;
        let got = found.bytes.len() as u64;
        if got != size {
            return Err(Failure::Size { expected: size, got });
        }
    }
    match found.document {
        Document::Image(document) => Ok(Manifest {
            digest: digest_of(&found.bytes),
            index,
            bytes: found.bytes,
            document: *document,
        }),
        Document::Index(_) => Err(Failure::Depth),
    }
}

/// Reads one document and checks that it is the one asked for, and the one that the registry says it is.
async fn document(session: &Session<'_>, wanted: &str, digest: Option<&str>) -> Result<Verified, Failure> {
    let digest = digest.map(str::parse::<Digest>).transpose()?;
    let mut ask = Ask::get(session.endpoint.url(&format!("manifests/{wanted}")));
    ask.headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
    let response = session.send(ask).await?;
    if response.status().as_u16() != 200 {
        return Err(session.refusal(response).await);
    }
    let text = |name: &str| text_of(response.headers(), name);
    let media_type = text(CONTENT_TYPE.as_str());
    // A digest of a kind that is not known says nothing.
    let claimed = text("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
    let bytes = session.wire.read(response, MAX_MANIFEST).await?;
    for digest in digest.iter().chain(&claimed) {
        digest.verify(&bytes)?;
    }
    let document = Document::read(media_type.as_deref(), &bytes)?;
    Ok(Verified { bytes, document })
}

/// Asks for a blob from an offset on, and skips what a registry sends that does not know how to do that. URLs that a
/// manifest lists for a blob are not followed: they would let whoever wrote it choose a host.
async fn blob(session: &Session<'_>, descriptor: &Descriptor, offset: u64) -> Result<Blob, Failure> {
    // Read, so that nothing but a digest becomes part of the URL.
    let digest = descriptor.digest().to_string();
    digest.parse::<Digest>()?;
    let mut ask = Ask::get(session.endpoint.url(&format!("blobs/{digest}")));
    ask.headers
        .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if offset > 0
        && let Ok(range) = HeaderValue::try_from(format!("bytes={offset}-"))
    {
        ask.headers.insert(RANGE, range);
    }
    let response = session.send(ask).await?;
    match response.status().as_u16() {
        200 => Ok(Box::new(BlobReader::new(response, offset))),
        206 if starts_at(&response, offset) => Ok(Box::new(BlobReader::new(response, 0))),
        206 => Err(Failure::Range),
        // There is nothing behind the end.
        416 if offset >= descriptor.size() => Ok(Box::new(tokio::io::empty())),
        _ => Err(session.refusal(response).await),
    }
}

/// Whether `Content-Range: bytes 5-9/10` begins where it was asked to.
fn starts_at(response: &Response, offset: u64) -> bool {
    let text = text_of(response.headers(), CONTENT_RANGE.as_str());
    let start = text
        .as_deref()
        .and_then(|text| text.trim().strip_prefix("bytes "));
    start.and_then(|range| range.split('-').next()?.trim().parse::<u64>().ok()) == Some(offset)
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256_hex(bytes))
}
