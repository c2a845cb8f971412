//! How a pipeline makes progress: fold at the leaf, plan at the root.
//!
//! This crate is pure: no I/O, no clock, no runtime. It owns the [`graph`] of a pipeline, the [`state`] of a task and
//! the [`plan`](mod@plan) of what should happen next, with the arithmetic around them. It knows nothing of objects in
//! a store: `windlass-pipelines` observes those into states and carries plans out. Read [`plan`](mod@plan) first: it
//! states the laws.

pub mod cel;
pub mod context;
pub mod graph;
#[cfg(test)]
mod laws;
pub mod matrix;
pub mod outcome;
pub mod params;
pub mod phase;
pub mod plan;
pub mod progress;
pub mod results;
pub mod retry;
pub mod state;
pub mod steps;
pub mod substitution;
pub mod tally;
pub mod timeouts;
pub mod when;

pub use graph::Graph;
pub use graph::NodeId;
pub use phase::Phase;
pub use phase::Verdict;
pub use plan::Plan;
pub use plan::plan;
pub use progress::Progress;
pub use state::State;
