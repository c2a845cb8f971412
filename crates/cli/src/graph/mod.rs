//! The tasks of a pipeline as a picture.

mod dot;
mod layers;
mod mermaid;
mod model;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use dot::dot;
pub(crate) use mermaid::mermaid;
pub(crate) use model::Graph;
pub(crate) use model::Node;
pub(crate) use model::step_name;
pub(crate) use svg::svg;
pub(crate) use text::text;
