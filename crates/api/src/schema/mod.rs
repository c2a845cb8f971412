//! The JSON Schema for editors.
//!
//! [`document`] joins the schemas of all kinds into one that an editor applies to any file of the plane.

mod document;
#[cfg(test)]
mod tests;
pub use document::KindSchema;
pub use document::document;
