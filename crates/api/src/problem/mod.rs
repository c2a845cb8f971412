//! What is wrong with a file, and where: paths to fields, problems, and lists of them.
//!
//! Everything that judges a user's input (the YAML loader, the decoder, validation) answers in these
//! terms, so that a command prints all problems of all files at once, in one form.

mod entry;
mod list;
mod path;
#[cfg(test)]
mod tests;

pub use entry::Position;
pub use entry::Problem;
pub use entry::Severity;
pub use list::Problems;
pub use path::FieldPath;
pub use path::Segment;
