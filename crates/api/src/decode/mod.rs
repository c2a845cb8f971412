//! From JSON values to typed objects, as strictly as the API server and as leniently as Go.
//!
//! [`decode`] accepts what upstream's decoder accepts: keys in any case, `null` for an absent field. It
//! refuses what upstream refuses, unknown fields above all, but names every such field at once, with its
//! path and a guess at what was meant. What a type looks like is read from its JSON Schema, so the decoder,
//! the editors' schema and the API's documentation cannot disagree.
//!
//! Read `walk.rs` first.

mod kind;
mod nearest;
mod shape;
#[cfg(test)]
mod tests;
mod typed;
mod walk;

pub use kind::type_meta;
pub use nearest::nearest;
pub use typed::admission_message;
pub use typed::decode;

/// Code of the problem that a field is not known.
pub const UNKNOWN_FIELD: &str = "unknown-field";
/// Code of the problem that a value has the wrong JSON type.
pub const WRONG_TYPE: &str = "wrong-type";
/// Code of the problem that a value of the right type is not allowed.
pub const INVALID_VALUE: &str = "invalid-value";
/// Code of the problem that a field is missing that cannot be defaulted.
pub const MISSING_FIELD: &str = "missing-field";
/// Code of the problem that one field is given in two spellings.
pub const REPEATED_FIELD: &str = "repeated-field";
