//! Why a write or watch was refused.

use windlass_api::Key;

/// A refusal; each variant is a reason of the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such object.
    #[error("find {0}")]
    NotFound(Key),
    /// An object of that name exists.
    #[error("create {0}: it exists already")]
    AlreadyExists(Key),
    /// The object changed since it was read.
    #[error(
        "update {key}: it was changed (version {stored}, not {given}); read it again and repeat the change"
    )]
    Conflict {
        /// The object.
        key: Key,
        /// Version that was given.
        given: String,
        /// Version that is stored.
        stored: String,
    },
    /// Admission refused it.
    #[error("{message}")]
    Invalid {
        /// The object.
        key: Key,
        /// Why.
        message: String,
    },
    /// It may not be there.
    #[error("{message}")]
    Forbidden {
        /// The object.
        key: Key,
        /// Why.
        message: String,
    },
    /// It could not be kept; nothing has changed.
    #[error("keep a change: {0}")]
    Unavailable(String),
    /// The version asked for is older than the watch window, or was never given.
    #[error(
        "watch from version {0}: it is not known here; list again and watch from the version of that list"
    )]
    Gone(u64),
}
