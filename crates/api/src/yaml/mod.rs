//! Reads and writes YAML as `kubectl` does.
//!
//! [`load`] turns the bytes of a file into [`Document`]s: JSON values that know where each field stands
//! in the file. Scalars mean what they mean to `kubectl` (YAML 1.1: `yes` is a boolean, `0644` is octal),
//! because a file has to mean the same here and there. Everything is bounded by [`Limits`].
//! [`emit`] writes a value as YAML text that reads back as the same value.
//!
//! Read `load.rs` first.

mod document;
mod emit;
mod frame;
mod load;
mod scalar;
mod source;
mod syntax;
#[cfg(test)]
mod tests;

pub use document::Document;
pub use document::Spans;
pub use emit::emit;
pub use load::Limits;
pub use load::load;
pub use load::load_within;
