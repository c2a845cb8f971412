//! What every controller stands on: the client, time and identity, the work queue, the controller loop.
//!
//! Controllers see the [`Client`] trait and never a store, so the same code runs in one process, against a remote plane
//! and against a real cluster. Read [`client`] first, then [`controller`].

pub mod client;
pub mod clock;
pub mod controller;
pub mod ids;
pub mod queue;

pub use client::Client;
pub use clock::Clock;
pub use clock::ManualClock;
pub use clock::SystemClock;
pub use ids::Ids;
pub use ids::RandomIds;
pub use ids::SeededIds;
