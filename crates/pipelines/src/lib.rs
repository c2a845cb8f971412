//! Runs pipelines: the reconcilers of `PipelineRun`, `TaskRun` and `CustomRun`, and the resolution of what they refer to.
//!
//! It owns what a run does next and what its status says; it does not own how a step is executed (that is the
//! executor's) or how objects are stored. Read [`taskrun`](crate) first: observe, decide, apply, reconcile.

mod claims;
mod config;
mod controllers;
mod customrun;
mod definitions;
mod expand;
mod metadata;
mod pipelinerun;
mod provenance;
mod taskrun;

pub use config::Config;
pub use controllers::Foundations;
pub use controllers::start;
pub use expand::expand_step;
