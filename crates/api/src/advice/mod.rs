//! What is allowed but hardly meant: warnings about objects that will be admitted.
//!
//! Upstream says nothing about these, or says it when it is too late. [`advise`] is for `validate`; nothing is refused
//! for it.

mod object;
mod pipeline;
#[cfg(test)]
mod tests;
mod unused;

pub use object::advise;
pub use object::repeated;
