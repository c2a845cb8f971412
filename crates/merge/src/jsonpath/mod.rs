//! JSON paths in the dialect of `kubectl`: printer columns, and templates of output.
//!
//! A [`Path`] finds values: `.spec.containers[*].name`. A [`Template`] is text with paths in braces, and with
//! `{range …}…{end}`.
//!
//! # Differences from `kubectl`
//! - What is missing is no error: it has no values. `kubectl get` asks for the same.
//! - A quoted key is one key, dots and all: `['a.b']`. Dots escaped with `\` are accepted as well.
//! - Fields of objects come in the order of the object, which is random there.
//! - Values of types that cannot be compared are unequal and in no order, which is an error there.

mod find;
mod parse;
mod scan;
mod syntax;
mod template;
#[cfg(test)]
mod tests;

pub use find::MAX_VISITS;
pub use scan::MAX_TEXT;
pub use syntax::Path;
pub use template::Template;
pub use template::text;

use thiserror::Error;

/// Why a text is no path or template, or a path leads too far.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The text is too long.
    #[error("a JSON path has at most {MAX_TEXT} bytes")]
    TooLong,
    /// It is nested too deeply.
    #[error("a JSON path is nested at most {} levels deep", parse::MAX_DEPTH)]
    TooDeep,
    /// The text is not of the grammar.
    #[error("{message} at position {position}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// Where, in bytes from the start of the text or of the filter it is in.
        position: usize,
    },
    /// It looks at too many values.
    #[error("a JSON path looks at no more than {MAX_VISITS} values")]
    TooMany,
}
