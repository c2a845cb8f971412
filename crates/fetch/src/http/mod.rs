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

pub(crate) use request::Target;
pub(crate) use request::shown;
