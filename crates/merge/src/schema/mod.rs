//! What the lists and maps of a kind are, as far as merging needs it.
//!
//! A [`Schema`] is built from the OpenAPI (or JSON) schema of a kind. Where that says nothing, objects merge field by
//! field and lists are replaced as a whole.

mod atom;
mod builtin;
mod openapi;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use atom::Atom;
pub(crate) use atom::ListKind;
pub(crate) use atom::ListType;
pub(crate) use atom::MapType;
pub use atom::Schema;
pub(crate) use atom::TypeId;
pub use openapi::Error;
pub use openapi::MAX_TYPES;
