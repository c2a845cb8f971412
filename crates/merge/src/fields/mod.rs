//! Sets of fields: what a manager owns in an object.
//!
//! [`FieldSet`] is a tree of path elements; its text form is `FieldsV1` of `metadata.managedFields`.

mod element;
mod order;
mod set;

#[cfg(test)]
mod tests;
mod wire;

pub use element::Element;
pub use element::Key;
pub use element::path_text;
pub(crate) use order::compare;
pub(crate) use order::equal;
pub use set::FieldSet;
pub(crate) use set::Node;
pub use wire::Error;
