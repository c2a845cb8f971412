//! The commands, one per file.

pub(crate) mod completions;
pub(crate) mod graph;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod validate;
