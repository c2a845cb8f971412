//! The executor port: how the plane hands a task attempt to a machine, and what it hears back.
//!
//! This crate owns [`Job`] (one attempt of a task with every variable, parameter, volume and secret resolved),
//! [`Observation`] (what a runner reports while it executes a job), the [`Backend`] trait that the host and the
//! container executors implement, the [`Runner`] that drives a job's steps over any backend, and the `host` backend.
//! It does not own decisions about pipelines, retries or conditions: those fold observations elsewhere.
//!
//! Read [`job`] first, then [`backend`], then [`runner`].

pub mod backend;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod fake;
pub mod host;
pub mod job;
pub mod mask;
pub mod observation;
pub mod output;
pub mod protocol;
pub mod queue;
pub mod remote;
pub mod runner;

pub use backend::Backend;
pub use backend::Sandbox;
pub use job::Job;
pub use observation::Observation;
pub use output::LogKey;
pub use output::LogSink;
pub use queue::Jobs;
pub use queue::Queue;
pub use runner::Runner;
