//! Fetches tasks and pipelines from Artifact Hub.

mod artifact;
mod error;
mod request;
mod version;

#[cfg(test)]
mod tests;

pub use artifact::fetch;
pub use error::Error;
pub use request::Request;
pub use version::Constraints;
pub use version::Version;
