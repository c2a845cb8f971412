//! JSON patch (RFC 6902), as the API servers of Kubernetes understand it.
//!
//! # Differences from the RFC
//! They are those of the library that the API server uses, because clients stand on them:
//! - `replace` of a key that an object does not have succeeds; `remove` of one fails.
//! - `test` takes an absent key for `null`, and `copy` copies one as `null`.
//! - A negative index counts from the end of the array.
//!
//! # Differences from that library
//! - An `add`, `replace` or `test` without `value` is an error; there it means `null`.
//! - Every path but the empty one starts with `/`.
//! - A document does not become deeper than [`MAX_DEPTH`].

mod operation;
mod pointer;
mod run;
#[cfg(test)]
mod tests;

pub use operation::MAX_OPERATIONS;
pub use operation::Patch;
pub use run::Error;
pub use run::MAX_COPIED;
pub use run::MAX_DEPTH;
pub use run::MAX_MOVED;
pub use run::apply;
