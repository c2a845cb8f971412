//! What is served: every kind in every version, with its names, verbs and columns.

mod built_in;
mod registry;
mod resource;

pub use registry::Registry;
pub use resource::Resource;
pub use resource::Source;
