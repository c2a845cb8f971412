//! Who changed what, and who was refused: one line of JSON each, in files that are only added to.

mod entry;
mod file;
#[cfg(test)]
mod tests;

pub use entry::Entry;
pub use file::Audit;
pub use file::Error;
pub use file::Limits;
