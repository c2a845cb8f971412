//! Ways in which fetching from the hub fails.

use crate::http;

/// A task or pipeline could not be fetched from the hub.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kind is none that the hub has.
    #[error("kind param must be one of: task, pipeline, stepaction; it is {0:?}")]
    Kind(String),
    /// The type is none that exists.
    #[error("type param must be artifact, it is {0:?}")]
    Type(String),
    /// The type is the hub that was shut down.
    #[error("type param tekton is not supported: the Tekton Hub was shut down; use type artifact")]
    TektonHubGone,
    /// There is no default catalog for the kind.
    #[error("failed to resolve catalog name with kind: {0}; set the catalog param")]
    Catalog(String),
    /// A parameter is missing or cannot be part of a hub URL.
    #[error("{param} param {value:?} is no valid name: use letters, digits, '.', '_', '-' and '+'")]
    Name {
        /// The parameter.
        param: &'static str,
        /// Its value.
        value: String,
    },
    /// The version is neither a version nor a constraint.
    #[error("version param {0:?} is neither a version such as 0.7.0 nor a constraint such as >= 0.7.0")]
    Version(String),
    /// The package has no version that satisfies the constraint.
    #[error("no version found for constraint {constraint} of {name}; available: {available}")]
    NoVersion {
        /// The package.
        name: String,
        /// The constraint.
        constraint: String,
        /// What there is, newest first, cut short.
        available: String,
    },
    /// The hub has no such package or version.
    #[error("fail to fetch Artifact Hub resource: requested resource '{0}' not found on hub")]
    NotFound(String),
    /// The hub cannot be reached or refuses.
    #[error("fail to fetch Artifact Hub resource")]
    Fetch(#[source] http::Error),
    /// The hub's answer is not what its API promises.
    #[error("error unmarshalling json response of {url}: {reason}")]
    Answer {
        /// The URL.
        url: String,
        /// What is missing or wrong.
        reason: String,
    },
}
