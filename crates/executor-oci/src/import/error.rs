//! Why an image could not be brought into the store.

use windlass_fetch::oci::SourceError;

use crate::digest::Digest;
use crate::digest::DigestError;
use crate::store;
use crate::unpack;

/// Result of an import.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an image could not be brought into the store. Each names the image's place, and the layer at fault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The place could not be read.
    #[error("read image {place}")]
    Source {
        /// Where the image lies.
        place: String,
        /// Why not.
        #[source]
        source: SourceError,
    },
    /// Its documents contradict themselves, or us.
    #[error("image {place}")]
    Document {
        /// Where the image lies.
        place: String,
        /// What is wrong.
        #[source]
        fault: Mismatch,
    },
    /// A blob is not what it was announced to be.
    #[error("image {place}: {digest}")]
    Blob {
        /// Where the image lies.
        place: String,
        /// The blob.
        digest: Digest,
        /// What is wrong.
        #[source]
        fault: Mismatch,
    },
    /// A layer could not be unpacked.
    #[error("image {place}: layer {layer}")]
    Unpack {
        /// Where the image lies.
        place: String,
        /// Digest of the layer's blob.
        layer: Digest,
        /// Why not.
        #[source]
        source: Box<unpack::Error>,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A thread of this program ended early.
    #[error("image {place}: {what} ended early")]
    Worker {
        /// Where the image lies.
        place: String,
        /// What it did.
        what: &'static str,
    },
}

/// What is wrong with a document or a blob.
#[derive(Debug, thiserror::Error)]
pub enum Mismatch {
    /// The content has another digest.
    #[error("its content has the digest {0}: it was changed or damaged on the way")]
    Digest(Digest),
    /// There is more content than announced.
    #[error("it has more than the {0} bytes that the manifest says")]
    TooLong(u64),
    /// There is less content than announced, however often it is asked for.
    #[error("it ends after {got} of {expected} bytes")]
    TooShort {
        /// Bytes that came.
        got: u64,
        /// Bytes announced.
        expected: u64,
    },
    /// A document that is larger than any honest one.
    #[error("its configuration has {got} bytes; at most {most} are read")]
    ConfigSize {
        /// Bytes announced.
        got: u64,
        /// Bytes allowed.
        most: u64,
    },
    /// A digest in a form we cannot verify.
    #[error(transparent)]
    Name(#[from] DigestError),
    /// A document that is no JSON, or another one.
    #[error("its configuration cannot be read: {0}")]
    Config(String),
    /// The configuration is that of something else.
    #[error(
        "it is no container image: {0}; images with a configuration of another kind hold artifacts, not file systems"
    )]
    Kind(String),
    /// The numbers of layers differ.
    #[error("its manifest has {manifest} layers and its configuration {config}")]
    LayerCount {
        /// Layers in the manifest.
        manifest: usize,
        /// Layers in the configuration.
        config: usize,
    },
    /// No layers, or more than can be stacked.
    #[error("it has {got} layers; between 1 and {most} can be run")]
    Layers {
        /// Layers it has.
        got: usize,
        /// Layers it may have.
        most: usize,
    },
    /// It is made for another machine.
    #[error("it is made for {got}, not for {wanted}")]
    Platform {
        /// What it says.
        got: String,
        /// What was asked for.
        wanted: String,
    },
}
