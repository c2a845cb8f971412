//! The job queue between those who want attempts run and those who run them.
//!
//! A reconciler publishes a [`Job`](crate::Job); a runner claims it and holds a [`Lease`] with a fencing number; every report
//! carries that number, and one from a lease that is no longer held is refused. When a lease expires, the attempt is offered
//! again or reported lost, by policy.
//!
//! [`ledger`] decides and is pure; [`Queue`] does what it decided; [`serve`] is the built-in runner.

mod builtin;
pub mod ledger;
mod shared;
#[cfg(test)]
mod tests;

pub use builtin::serve;
pub use ledger::Lease;
pub use ledger::LostPolicy;
pub use ledger::Now;
pub use ledger::QueueConfig;
pub use ledger::Refusal;
pub use shared::Claim;
pub use shared::Jobs;
pub use shared::Observations;
pub use shared::Queue;
