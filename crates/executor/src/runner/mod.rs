//! Drives one job's steps over any backend, by Tekton's rules.
//!
//! # Expected flow
//! The sandbox is prepared; sidecars start and become ready (or end by themselves); steps run one after the other, each
//! started the moment its predecessor ended; sidecars are stopped; the sandbox is destroyed. Every turn is reported as an
//! [`Observation`](crate::Observation).
//!
//! # Guarantees
//! - When [`Runner::run`] returns, or its future is dropped, no process of the attempt is left.
//! - Reports come in order, and [`Observation::Finished`](crate::Observation::Finished) is the last.
//! - Nothing is polled while a step runs, and no timer is armed that the job did not ask for.
//!
//! # Where it differs from upstream, on purpose
//! - A cancelled or timed out attempt keeps its logs.
//! - A step whose results are too large ends the attempt at once; upstream runs the remaining steps first.
//!
//! Read `attempt` first.

mod attempt;
mod breakpoint;
mod config;
mod control;
mod findings;
mod process;
mod readiness;
mod sidecars;
mod step;
#[cfg(test)]
mod tests;

pub use attempt::ExpandStep;
pub use attempt::Expanded;
pub use attempt::Runner;
pub use attempt::Slot;
pub use config::RunnerConfig;
pub use control::Cancel;
pub use control::Control;
pub use control::Release;
pub use findings::MOST_RESULT_BYTES;
