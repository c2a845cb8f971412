//! Fetches tasks, pipelines and step actions from Tekton bundles: images whose layers hold one object each.

mod entry;
mod error;
mod fetch;
mod request;

pub use error::Error;
pub use fetch::fetch;
pub use request::Request;
