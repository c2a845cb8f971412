//! How objects end: owners take what they own with them, namespaces what is in them.

mod collect;
mod dependents;
mod namespaces;
#[cfg(test)]
mod tests;

pub use collect::collect;
pub use namespaces::ALWAYS;
pub use namespaces::bootstrap;
pub(crate) use namespaces::complete;
pub use namespaces::empty;
