//! The doors of a plane. So far there is one: [`LocalClient`], for those who live in the same process.

mod admission;
mod local;

pub use admission::Webhooks;
pub use local::LocalClient;
pub use local::StampFrom;
