//! Expressions of the Common Expression Language, in the few words this crate needs.
//!
//! The library behind it changes often; nothing outside this module sees it.

mod bound;
mod evaluate;

pub use evaluate::Error;
pub use evaluate::evaluate;

#[cfg(test)]
mod tests;
