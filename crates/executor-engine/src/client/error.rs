//! What can go wrong between here and the engine.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hyper::StatusCode;

/// A call that did not come to a good end. `call` names it: `create container x`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("connect to {}", socket.display())]
    Connect {
        socket: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{call}: the connection to the engine failed")]
    Talk {
        call: String,
        #[source]
        source: hyper::Error,
    },
    #[error("{call}: no answer within {} s", after.as_secs_f32())]
    TimedOut { call: String, after: Duration },
    #[error("{call}: {message}")]
    Refused {
        call: String,
        status: StatusCode,
        message: String,
    },
    #[error("{call}: the answer makes no sense: {why}")]
    Garbage { call: String, why: String },
    #[error("{call}: the answer is longer than {limit} bytes")]
    TooLong { call: String, limit: usize },
}

impl Error {
    /// The engine's status, when it answered.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    /// What was asked for does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        self.status() == Some(404)
    }

    /// The whole chain of reasons, in one line.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = std::error::Error::source(self);
        while let Some(source) = next {
            text.push_str(": ");
            text.push_str(&source.to_string());
            next = source.source();
        }
        text
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::other(error.chain())
    }
}
