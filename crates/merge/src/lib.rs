//! How objects change: patches, server-side apply with field ownership, selectors, differences, and JSON paths.
//!
//! This crate is pure: no files, no clock, no runtime. It works on JSON values and knows no kind: what a kind's lists
//! and maps are is told by a [`Schema`]. It does not decide who may change what, and stores nothing. Read
//! [`apply`](mod@apply) first; it is what the rest of the typed part exists for.
//!
//! Values are taken to be no deeper than a JSON reader lets them be (128 levels), which bounds every recursion here.

pub mod apply;
pub mod diff;
pub mod fields;
pub mod json_patch;
pub mod jsonpath;
pub mod merge_patch;
#[cfg(test)]
mod random;
pub mod schema;
pub mod selector;
pub mod strategic;
mod typed;

pub use fields::FieldSet;
pub use schema::Schema;
