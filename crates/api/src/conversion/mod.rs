//! Between `tekton.dev/v1beta1` and `tekton.dev/v1`, on JSON values.
//!
//! [`to_v1`] is used before decoding, so that everything after it knows one version only; [`from_v1`] shows a stored
//! object to a client that asks for the old one. Both walk the same table of renamed fields, in opposite directions.
//! What v1 has no place for is kept in annotations, under upstream's keys.

mod deprecations;
mod fields;
mod run;
#[cfg(test)]
mod tests;
mod version;
mod walk;

pub use version::from_v1;
pub use version::to_v1;
