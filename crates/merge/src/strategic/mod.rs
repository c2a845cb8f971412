//! Strategic merge patch: merge patch that knows which lists merge, for the built-in kinds of Kubernetes.
//!
//! Which lists merge, and by which key, is told by a [`Shape`]. Kinds that users define have none; a server answers
//! such a patch of them with 415.
//!
//! # Differences from Kubernetes
//! - `$patch: merge` is accepted, and means what no directive means.
//! - Directives in what is new are obeyed or dropped; there some of them end up in the object.
//! - `$patch: replace` of a map that is not there makes it; there it does nothing.
//! - Errors name the place and never the content, which may be secret.

mod lists;
mod maps;
mod order;
mod shape;
#[cfg(test)]
mod tests;

pub use maps::Error;
pub use maps::apply;
pub use shape::Field;
pub use shape::Merging;
pub use shape::Shape;
