//! Selectors of labels and of fields: parsing, printing, matching.
//!
//! Grammar and error texts are those of Kubernetes, because clients show them.

mod field;
mod label;
mod lexer;
mod object;
mod parse;
#[cfg(test)]
mod tests;

pub use field::FieldSelector;
pub use field::FieldTerm;
pub use label::LabelSelector;
pub use label::Operator;
pub use label::Requirement;

use thiserror::Error;

/// Longest text of a selector, in bytes. A URL is not longer on any server.
pub const MAX_TEXT: usize = 64 * 1024;

/// Why a text or an object is no selector; the message is what the API server answers with 400.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Error {
    message: String,
}

impl Error {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

fn check_length(text: &str) -> Result<(), Error> {
    if text.len() <= MAX_TEXT {
        return Ok(());
    }
    Err(Error::new(format!(
        "a selector has at most {MAX_TEXT} bytes, this one has {}",
        text.len()
    )))
}
