//! Why a definition could not be had.

/// A definition is missing, cannot be fetched, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The plane could not be asked.
    #[error("ask the plane")]
    Plane(#[source] windlass_runtime::client::Error),
    /// There is no such object in the namespace.
    #[error("{plural}.tekton.dev {name:?} not found{hint}")]
    NotFound {
        /// Plural of the kind, as upstream prints it.
        plural: &'static str,
        /// Name that was looked for.
        name: String,
        /// A way out, starting with a space, or nothing.
        hint: String,
    },
    /// The resolver is none that this plane has.
    #[error("resolver {0:?} is unknown; this plane resolves git, hub, http, bundles and cluster")]
    UnknownResolver(String),
    /// The resolver's parameters are wrong.
    #[error("resolver {resolver:?}: {problem}")]
    Params {
        /// The resolver.
        resolver: &'static str,
        /// What is wrong, and which values are right.
        problem: String,
    },
    /// It could not be fetched.
    #[error("fetch it by resolver {resolver:?}")]
    Fetch {
        /// The resolver.
        resolver: &'static str,
        /// Why.
        source: windlass_fetch::Error,
    },
    /// A remote definition is one that the plane would not admit; the beginning is upstream's.
    #[error("validation failed for referenced object {name}: {problem}")]
    Refused {
        /// Name that it gives itself.
        name: String,
        /// All that is wrong with it.
        problem: String,
    },
    /// What was fetched cannot be read as the wanted kind.
    #[error("read what resolver {resolver:?} fetched: {problem}")]
    Content {
        /// The resolver.
        resolver: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// An error with everything behind it, as one text.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
