//! What can go wrong with the store itself.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::digest::Digest;

/// Result of an operation of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused.
    #[error("{operation} {}", path.display())]
    Call {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The directory was written by another version of this program.
    #[error("the image store {} has the format {found:?}, and this version reads {expected:?}; choose another directory or remove it", path.display())]
    Format {
        /// The store.
        path: PathBuf,
        /// What its version file says.
        found: String,
        /// What it should say.
        expected: &'static str,
    },
    /// A file of the store does not hold what its name says.
    #[error("{} is damaged: {what}; remove the image and pull it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Content that an image needs is not there.
    #[error("{digest} is not in the image store; pull the image again")]
    Missing {
        /// The content.
        digest: Digest,
    },
    /// Others use the store, so that nothing can be removed.
    #[error(
        "an image is being pulled or loaded, so nothing can be removed from the store now; try again when that is done"
    )]
    Busy,
    /// No image has the name.
    #[error("no image `{name}` in the store; `windlass image list` shows what is there")]
    NoImage {
        /// The name asked for.
        name: String,
    },
}

/// Says what was tried when the kernel refuses.
pub(crate) fn call<E: Into<io::Error>>(operation: &'static str, path: &Path) -> impl FnOnce(E) -> Error {
    move |source| Error::Call {
        operation,
        path: path.to_owned(),
        source: source.into(),
    }
}
