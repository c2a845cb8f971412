//! Why a configuration cannot be applied.

use thiserror::Error;

use crate::apply::conflict::Conflicts;
use crate::fields;

/// Why a configuration cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The configuration is no object; a server answers 400.
    #[error("an applied configuration is an object")]
    NoObject,
    /// The configuration has entries of its own; a server answers 400.
    #[error("metadata.managedFields must be nil")]
    ManagedFieldsGiven,
    /// The configuration does not fit the schema; a server answers 500 upstream, better is 422.
    #[error("failed to create typed patch object ({subject}): {problems}")]
    Misfit {
        /// The object, as `namespace/name; group/version, Kind=…`.
        subject: String,
        /// What does not fit, one place a line.
        problems: String,
    },
    /// The entries of the live object cannot be read; a server answers 500.
    #[error("failed to decode managed fields")]
    ManagedFields(#[source] fields::Error),
    /// Others own what would change; a server answers 409.
    #[error("{0}")]
    Conflicts(Conflicts),
}
