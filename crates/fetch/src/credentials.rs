//! Proof of identity that is sent to exactly one origin.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A secret for one origin (scheme, host and port of the requested URL); its `Debug` output hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user name and a password, sent as HTTP basic authentication.
    Basic {
        /// The user name; for token-only forges any non-empty word, such as `git`.
        username: String,
        /// The password or token.
        password: String,
    },
    /// A token sent as `Authorization: Bearer`.
    Bearer(String),
}

impl Credentials {
    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> String {
        match self {
            Self::Basic { username, password } => {
                format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
            }
            Self::Bearer(token) => format!("Bearer {token}"),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { .. } => formatter.write_str("Basic(..)"),
            Self::Bearer(_) => formatter.write_str("Bearer(..)"),
        }
    }
}
