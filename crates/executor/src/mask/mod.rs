//! Keeps secrets out of everything a person may read.
//!
//! A secret is found as it is and in the forms in which tools print it by accident: base64 at any alignment, hexadecimal,
//! percent-encoded, and escaped as a JSON string. Every byte that belongs to any such occurrence is covered, also across the
//! borders of chunks, and each covered stretch becomes `***`.
//!
//! What is shorter than [`SHORTEST`] bytes is not covered: it would blot out ordinary words and protect nothing.

mod forms;
mod stream;
#[cfg(test)]
mod tests;

pub use forms::SHORTEST;
pub use stream::Mask;
pub use stream::Masks;
