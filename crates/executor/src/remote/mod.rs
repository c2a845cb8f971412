//! A runner in a process of its own: it asks a server for attempts over HTTP, and goes on when the server is away.
//!
//! What it was given, what was reported and what was printed is in a [`journal`] on disk until the server says that the
//! attempt is settled. A runner that was killed finds there what it held: attempts of which nothing had begun are handed out
//! to it again, ended ones are reported again, and the others are reported as lost, so nothing runs twice.
//!
//! Read [`run`](fn@run) first.

mod connection;
mod error;
mod held;
mod journal;
mod options;
mod run;
mod upload;

pub use error::Error;
pub use options::Options;
pub use run::run;
