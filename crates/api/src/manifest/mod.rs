//! Files of objects: what they hold, where each object stands, and what is wrong with them.
//!
//! [`Manifest::read`] takes the bytes of a file through YAML, conversion from old versions and strict decoding;
//! [`Manifest::check`] sets defaults and validates. Problems carry file, line and column. Nothing stops at the first
//! problem: an object that cannot be read is left out, the others are kept.

mod decoding;
mod entry;
mod kinds;
mod read;
#[cfg(test)]
mod robust;
#[cfg(test)]
mod tests;

pub use entry::Entry;
pub use entry::Manifest;
pub use kinds::Known;
pub use kinds::known;
