//! What people and machines see of runs from outside: events on objects, and metrics.
//!
//! Both follow the store; neither is asked by anyone who runs anything.

mod announce;
mod measure;
mod run;
#[cfg(test)]
mod tests;

pub use announce::announce;
pub use measure::Metrics;
pub use measure::follow;
