//! Tokens of the plane: their text, how they are issued, and what they prove.
//!
//! A token is `<prefix>_<id>_<secret><checksum>`. The prefix tells people and scanners of secrets what it is, the id names
//! the [`Token`](windlass_api::plane::Token) object, and only a SHA-256 of the whole is stored.

mod issue;
#[cfg(test)]
mod tests;
mod text;
mod verify;

pub use issue::Issue;
pub use issue::Issued;
pub use issue::issue;
pub use text::Parsed;
pub use text::Purpose;
pub use text::parse;
pub use verify::RUNNERS;
pub use verify::Tokens;
pub use verify::Uses;
