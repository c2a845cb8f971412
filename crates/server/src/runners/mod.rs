//! The server's side of runners in other processes: [`Hub`] is the job queue as they see it, [`router`] its door.
//!
//! # Guarantees
//! - An attempt is handed out only once its `Claim` is in the store, whose version is the number that every message about it
//!   must carry; so the right to run it outlives the server.
//! - After a restart an attempt that is claimed is not offered again: it is held by the runner that has it, which tells
//!   everything again.
//! - A claim is removed when the attempt's end is in the status of its task run, and only then its runner forgets it.

mod claims;
mod http;
mod hub;
mod settle;
#[cfg(test)]
mod tests;

pub use http::GROUP;
pub use http::router;
pub use hub::Hub;
