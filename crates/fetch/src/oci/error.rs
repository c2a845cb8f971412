//! Ways in which reading from registries fails.

use std::fmt;
use std::path::PathBuf;

use super::document::DocumentError;
use super::platform::NoPlatform;
use super::registries::InvalidRegistries;
use super::registries::MIRRORS_VARIABLE;
use crate::http;

/// Something could not be read from or written to a registry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings of registries make no sense.
    #[error("read the settings of registries: {0}")]
    Registries(#[from] InvalidRegistries),
    /// A file with certificate authorities cannot be used.
    #[error("read the certificate authorities in {}: {problem}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Client(http::Error),
    /// No registry gave what was asked for.
    #[error(transparent)]
    Exhausted(Box<Exhausted>),
    /// A registry did not take what was pushed.
    #[error("push to {place}: {failure}")]
    Push {
        /// The registry and repository.
        place: String,
        /// Why.
        failure: Failure,
    },
}

/// Every place was tried.
#[derive(Debug)]
pub struct Exhausted {
    /// The image.
    pub image: String,
    /// What was asked for, when it was not the manifest: the digest of a blob.
    pub blob: Option<String>,
    /// The registry in the image's name.
    pub registry: String,
    /// Each place, in the order it was tried.
    pub tried: Vec<Tried>,
}

/// One place that was tried.
#[derive(Debug)]
pub struct Tried {
    /// Its URL, with the image's path there.
    pub place: String,
    /// Its host, as logins are given for it.
    pub registry: String,
    /// Why it did not give what was asked for.
    pub failure: Failure,
}

/// Why one place did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The registry has no such image or blob.
    #[error("not found (HTTP status {status}{code})")]
    NotFound {
        /// The HTTP status.
        status: u16,
        /// The registry's own word for it.
        code: Code,
    },
    /// The registry wants to know who asks, or does not let them.
    #[error("not authorized (HTTP status {status}{code}), {}", logins_in_words(*logins, notes))]
    Unauthorized {
        /// The HTTP status.
        status: u16,
        /// The registry's own word for it.
        code: Code,
        /// Number of logins that were tried.
        logins: usize,
        /// What went wrong while looking for logins.
        notes: Vec<String>,
    },
    /// The registry answered with another status.
    #[error("HTTP status {status}{code}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The registry's own word for it.
        code: Code,
    },
    /// The host has no address, or nothing answers there.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The connection broke.
    #[error("broke off: {0}")]
    Broken(String),
    /// It took longer than is waited for.
    #[error("gave no answer in {0} s")]
    Slow(f64),
    /// The policy forbids the host, or a redirect leads astray, or an answer is too large.
    #[error("{0}")]
    Refused(http::Error),
    /// A token service is one that a login must not be sent to.
    #[error("names {realm} for tokens, which is refused: {reason}")]
    Realm {
        /// The address.
        realm: String,
        /// Why.
        reason: &'static str,
    },
    /// A token service gave no token.
    #[error("its token service {place} gave no token: {reason}")]
    Token {
        /// The address of the service.
        place: String,
        /// What it gave.
        reason: String,
    },
    /// The manifest is none.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The image is not made for the machine.
    #[error(transparent)]
    Platform(#[from] NoPlatform),
    /// The bytes have another digest than they should.
    #[error("gave content that is not what it should be: {0}")]
    Digest(#[from] crate::digest::DigestError),
    /// The bytes have another size than an index says.
    #[error("gave {got} bytes where its index says {expected}")]
    Size {
        /// The size by the index.
        expected: u64,
        /// The size of what came.
        got: u64,
    },
    /// An index leads to an index, and so on.
    #[error("its index leads to further indexes and to no image")]
    Depth,
    /// The part of a blob that came is another than was asked for.
    #[error("gave another part of the blob than was asked for")]
    Range,
}

/// A registry's word for what is wrong, such as `MANIFEST_UNKNOWN`; empty if it said none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code(pub(super) String);

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(formatter, ", {}", self.0)
    }
}

fn logins_in_words(logins: usize, notes: &[String]) -> String {
    let mut text = match logins {
        0 => "no login for it is known".to_owned(),
        1 => "and the login for it was refused".to_owned(),
        count => format!("and all {count} logins for it were refused"),
    };
    for note in notes {
        text.push_str("; ");
        text.push_str(note);
    }
    text
}

impl Failure {
    /// Whether the same question may be answered a moment later.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}

/// What can be done about a failure, those first that are most to the point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Remedy {
    Image,
    Login,
    Network,
    Name,
    Later,
    Content,
    /// The failure itself says it.
    Said,
}

impl Failure {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Platform(_) => Remedy::Image,
            Self::Unauthorized { .. } => Remedy::Login,
            Self::Unreachable(_) | Self::Slow(_) => Remedy::Network,
            Self::NotFound { .. } => Remedy::Name,
            Self::Status { .. } | Self::Broken(_) | Self::Token { .. } => Remedy::Later,
            Self::Refused(http::Error::Denied { .. }) | Self::Document(DocumentError::SchemaOne) => {
                Remedy::Said
            }
            Self::Refused(_)
            | Self::Realm { .. }
            | Self::Document(_)
            | Self::Digest(_)
            | Self::Size { .. }
            | Self::Depth
            | Self::Range => Remedy::Content,
        }
    }
}

impl Exhausted {
    /// What the user can do, where the failures do not say it themselves.
    fn hint(&self) -> Option<String> {
        let Some(first) = self.tried.iter().min_by_key(|tried| tried.failure.remedy()) else {
            return Some("add a url to its mirror".to_owned());
        };
        let text = match first.failure.remedy() {
            Remedy::Image => "choose an image that is made for this machine".to_owned(),
            Remedy::Login => format!(
                "check the name, or log in with 'docker login {}' or a pull secret",
                first.registry
            ),
            Remedy::Network => format!(
                "check the network, or name a mirror: {MIRRORS_VARIABLE}={}=http://localhost:5000",
                self.registry
            ),
            Remedy::Name => "check the name and the tag".to_owned(),
            Remedy::Later => "try again later, or name a mirror".to_owned(),
            Remedy::Content => "tell who runs the registry, or name a mirror".to_owned(),
            Remedy::Said => return None,
        };
        Some(text)
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot read ")?;
        if let Some(digest) = &self.blob {
            write!(formatter, "{digest} of ")?;
        }
        write!(formatter, "image {}", self.image)?;
        let mut separator = ": ";
        for Tried { place, failure, .. } in &self.tried {
            write!(formatter, "{separator}{place}: {failure}")?;
            separator = "; ";
        }
        match self.hint() {
            Some(hint) => write!(formatter, "{separator}{hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Exhausted {}
