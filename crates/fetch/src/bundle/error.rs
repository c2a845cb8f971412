//! Ways in which fetching from a bundle fails.

use std::time::Duration;

use crate::digest::DigestError;
use crate::oci;

/// An object could not be fetched from a bundle.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image cannot be had.
    #[error("cannot retrieve the oci image")]
    Image(#[source] oci::Error),
    /// The image is no bundle.
    #[error("invalid tekton bundle {bundle}, error: {problem}")]
    Invalid {
        /// The image.
        bundle: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The bundle has no such object.
    #[error("could not find object in image with kind: {kind} and name: {name}; {bundle} holds {available}")]
    NotFound {
        /// The image.
        bundle: String,
        /// The kind asked for.
        kind: String,
        /// The name asked for.
        name: String,
        /// What there is.
        available: String,
    },
    /// A layer, or what is in it, is larger than the limits allow.
    #[error("the object of {bundle} exceeds maximum allowed size of {limit} bytes")]
    TooLarge {
        /// The image.
        bundle: String,
        /// The size allowed, in bytes.
        limit: u64,
    },
    /// The layer broke off or cannot be unpacked.
    #[error("failed to read image layer of {bundle}: {problem}")]
    Layer {
        /// The image.
        bundle: String,
        /// What is wrong.
        problem: String,
    },
    /// The layer is not what the bundle says it is.
    #[error("failed to read image layer of {bundle}: {source}")]
    Digest {
        /// The image.
        bundle: String,
        /// What it should be.
        source: DigestError,
    },
    /// The fetch took longer than the limits allow.
    #[error("fetching bundle {bundle} took longer than {} s", .limit.as_secs_f64())]
    Timeout {
        /// The image.
        bundle: String,
        /// The time allowed.
        limit: Duration,
    },
}
