//! Why a runner does not go on.

use std::io;
use std::path::PathBuf;

/// Why a runner does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of its journal cannot be read or written.
    #[error("failed to use {}: {source}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another runner uses the directory.
    #[error("{} is used by another runner; give this one a directory of its own", .0.display())]
    InUse(PathBuf),
    /// The server's address is none.
    #[error(
        "failed to understand the server's address {0:?}; write http://HOST:PORT, https://HOST:PORT or unix:/PATH"
    )]
    Address(String),
    /// The authority's certificate is none.
    #[error("failed to read the authority's certificate: {0}")]
    Authority(String),
    /// The server refuses this runner's token.
    #[error("the server refuses this runner's token; make a new one there")]
    Refused,
}

/// Why a request was not honoured.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server is away, or not ready: ask again.
    #[error("{0}")]
    Away(String),
    /// The attempt is no longer this runner's.
    #[error("the attempt is no longer held")]
    Superseded,
    /// The token is not good.
    #[error("the token is refused")]
    Refused,
}
