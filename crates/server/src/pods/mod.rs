//! Attempts of task runs as pods, which is how `tkn`, `kubectl logs` and dashboards get at steps.
//!
//! Pods are stored nowhere: [`of_run`] makes them from a task run whenever somebody looks. [`log`] reads what their
//! containers printed.

pub mod log;
mod synthesis;
#[cfg(test)]
mod tests;

pub use synthesis::Pod;
pub use synthesis::of_run;
