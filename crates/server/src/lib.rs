//! The doors of a plane. So far there is one: [`LocalClient`], for those who live in the same process.

mod local;

pub use local::LocalClient;
pub use local::StampFrom;
