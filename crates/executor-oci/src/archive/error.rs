//! Why an archive could not be read.

use std::io;

use crate::digest::DigestError;

/// Result of reading an archive.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an archive could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused, or the bytes ended.
    #[error("read {place}")]
    Read {
        /// The archive, and the file in it.
        place: String,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// It is no archive of images.
    #[error(
        "{place} is neither an OCI layout nor a docker archive: it has no index.json and no manifest.json at its top"
    )]
    Unknown {
        /// The archive.
        place: String,
    },
    /// It has the form of docker before 1.10.
    #[error(
        "{0} was written by a docker before 1.10, which said nothing about content; save it again with a newer one"
    )]
    Old(String),
    /// It cannot be read as a tar archive.
    #[error("{place}: {what}")]
    Tar {
        /// The archive.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// A document in it cannot be read.
    #[error("{place}: {file}: {what}")]
    Document {
        /// The archive.
        place: String,
        /// The document.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// It lacks a file that a document of it names.
    #[error("{place} has no file {file}, which its documents name")]
    Missing {
        /// The archive.
        place: String,
        /// The file.
        file: String,
    },
    /// A name in it is no digest that we can verify.
    #[error("{place}")]
    Digest {
        /// The archive.
        place: String,
        /// What is wrong with it.
        #[source]
        source: DigestError,
    },
    /// It has no image for the platform.
    #[error("{place} has no image for {wanted}; it has {found}")]
    Platform {
        /// The archive.
        place: String,
        /// What was asked for.
        wanted: String,
        /// What is there.
        found: String,
    },
}
