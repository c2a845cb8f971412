//! The commands, one per file.

pub(crate) mod completions;
pub(crate) mod graph;
pub(crate) mod image;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod runner;
pub(crate) mod schema;
pub(crate) mod serve;
#[cfg(test)]
mod tests;
pub(crate) mod validate;
