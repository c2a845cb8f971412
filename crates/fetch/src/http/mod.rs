//! Fetches one file over HTTP or HTTPS.

mod client;
mod error;
mod request;
mod tls;

#[cfg(test)]
mod tests;

pub use client::Client;
pub use error::Error;
pub use request::Request;

pub(crate) use client::check_literal;
pub(crate) use client::failed;
pub(crate) use client::next;
pub(crate) use client::obedient;
pub(crate) use client::read_bounded;
pub(crate) use request::Target;
pub(crate) use request::shown;
