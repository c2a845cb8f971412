//! From a bundle's name to an object.

use std::collections::BTreeMap;

use oci_spec::image::Descriptor;
use tokio::io::AsyncReadExt as _;
use windlass_api::tekton::provenance::RefSource;

use super::entry;
use super::entry::LayerError;
use super::error::Error;
use super::request::Request;
use crate::digest::Digest;
use crate::oci::Client;
use crate::oci::Image;
use crate::oci::Platform;
use crate::source::Fetched;

/// Fetches one object.
///
/// # Guarantees
/// The object's layer has the digest that the bundle's manifest gives, and the manifest the one asked for.
pub async fn fetch(request: &Request, client: &Client) -> Result<Fetched, Error> {
    let limit = request.limits.timeout;
    // Boxed, because the futures of a pull are large.
    let found = tokio::time::timeout(limit, Box::pin(read(request, client))).await;
    found.map_err(|_| Error::Timeout {
        bundle: request.bundle.to_string(),
        limit,
    })?
}

async fn read(request: &Request, client: &Client) -> Result<Fetched, Error> {
    let bundle = || request.bundle.to_string();
    let image = client.image(request.bundle.clone(), request.keyring.clone());
    let manifest = image.find(&Platform::of_machine()).await.map_err(Error::Image)?;
    entry::check(&manifest.document).map_err(|problem| Error::Invalid {
        bundle: bundle(),
        problem,
    })?;
    let found = entry::find(&manifest.document, &request.kind, &request.name);
    let layer = found.map_err(|available| Error::NotFound {
        bundle: bundle(),
        kind: request.kind.clone(),
        name: request.name.clone(),
        available,
    })?;
    let packed = blob(request, &image, layer).await?;
    let limit = request.limits.max_bytes;
    let bytes = entry::content(&packed, limit).map_err(|error| match error {
        LayerError::TooLarge => Error::TooLarge {
            bundle: bundle(),
            limit,
        },
        LayerError::Broken(problem) => Error::Layer {
            bundle: bundle(),
            problem,
        },
    })?;
    let hex = manifest.digest.strip_prefix("sha256:").unwrap_or_default();
    Ok(Fetched {
        bytes,
        source: RefSource {
            uri: repository(request),
            digest: BTreeMap::from([("sha256".to_owned(), hex.to_owned())]),
            entry_point: request.name.clone(),
        },
    })
}

/// Reads a whole layer and checks it.
async fn blob(request: &Request, image: &Image, layer: &Descriptor) -> Result<Vec<u8>, Error> {
    let bundle = || request.bundle.to_string();
    let limit = request.limits.max_bytes;
    if layer.size() > limit {
        return Err(Error::TooLarge {
            bundle: bundle(),
            limit,
        });
    }
    let broken = |problem: String| Error::Layer {
        bundle: bundle(),
        problem,
    };
    let wrong = |source| Error::Digest {
        bundle: bundle(),
        source,
    };
    let digest: Digest = layer.digest().to_string().parse().map_err(wrong)?;
    let reader = image.open(layer, 0).await.map_err(Error::Image)?;
    let mut bytes = Vec::new();
    // One byte more than there should be shows that there is too much.
    let mut reader = reader.take(layer.size().saturating_add(1));
    let read = reader.read_to_end(&mut bytes).await;
    read.map_err(|error| broken(error.to_string()))?;
    digest.verify(&bytes).map_err(wrong)?;
    Ok(bytes)
}

/// The repository as upstream records it, which calls Docker Hub by the name of its machine.
fn repository(request: &Request) -> String {
    let name = request.bundle.name();
    match name.strip_prefix("docker.io/") {
        Some(path) => format!("index.docker.io/{path}"),
        None => name,
    }
}
