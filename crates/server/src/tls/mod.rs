//! Encryption of connections, with certificates that a plane makes itself.

mod authority;
mod resolve;
#[cfg(test)]
mod tests;

pub use authority::Authority;
pub use authority::Error;
pub use resolve::acceptor;
