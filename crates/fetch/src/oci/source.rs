//! What an image can be read from.

use std::future::Future;
use std::pin::Pin;

use oci_spec::image::Descriptor;
use oci_spec::image::ImageManifest;
use tokio::io::AsyncRead;

/// A machine that an image is made for, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// `v8`, or empty.
    pub variant: String,
}

/// The manifest of one image for one platform.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Digest of `bytes`: `sha256:…`. What a run records as the image's id.
    pub digest: String,
    /// Digest of the index it was chosen from, when there was one.
    pub index: Option<String>,
    /// The document as transferred; its digest was checked against what was asked for.
    pub bytes: Vec<u8>,
    /// The same, read.
    pub document: ImageManifest,
}

/// Content on its way; neither its size nor its digest is checked yet.
pub type Blob = Box<dyn AsyncRead + Send + Unpin>;

/// A future of a [`Source`].
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T, SourceError>> + Send + 'a>>;

/// Where one image lies: a registry, an OCI layout, a docker archive.
pub trait Source: Send + Sync {
    /// The place in words, for messages: `registry.example/team/app:1.2`.
    fn place(&self) -> String;

    /// Finds the image's manifest for a platform, through an index if there is one.
    ///
    /// # Guarantees
    /// The bytes have the digest that the name or the index gave, and are at most 4 MiB.
    fn manifest<'a>(&'a self, platform: &'a Platform) -> Reading<'a, Manifest>;

    /// Opens a blob at an offset in bytes. The reader may end early or hold too much: whoever stores it counts and hashes.
    fn blob<'a>(&'a self, descriptor: &'a Descriptor, offset: u64) -> Reading<'a, Blob>;
}

/// Why something could not be read; the text is for the user and names the place and a way out.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SourceError(pub Box<dyn std::error::Error + Send + Sync>);
