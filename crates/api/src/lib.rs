//! The kinds of the plane: their fields, defaults, validation, conversion and text forms.
//!
//! This crate is pure: no files, no clock, no runtime. It owns what an object *is*; what happens to objects is decided
//! in `windlass-engine` and done by the domain crates. Read [`object`] first, then [`tekton`].

pub mod advice;
pub mod cluster;
pub mod conditions;
pub mod conversion;
pub mod coordination;
pub mod core;
pub mod data;
pub mod decode;
pub mod defaults;
pub mod extensions;
pub mod manifest;
pub mod meta;
pub mod names;
pub mod object;
pub mod plane;
pub mod portable;
pub mod problem;
pub mod quantity;
pub mod rbac;
pub mod reasons;
pub mod references;
pub mod schema;
pub mod secret;
mod skip;
pub mod tekton;
pub mod time;
pub mod validation;
pub mod yaml;

pub use object::Key;
pub use object::Kind;
pub use object::Object;
pub use object::Resource;
pub use time::Duration;
pub use time::Time;
