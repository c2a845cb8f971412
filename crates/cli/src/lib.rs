//! The command line: arguments, one file per command, output.
//!
//! It owns what the user types and sees, and the exit codes. It does not own what runs: commands that need a plane ask
//! [`plane::Planes`] for one and speak to it through `windlass_runtime::Client` only; those about images ask
//! [`images::Images`]. Read [`Arguments`] first, then `commands/run.rs`.

mod arguments;
mod commands;
mod error;
mod exit;
#[cfg(test)]
mod fake;
mod graph;
pub mod images;
mod input;
mod launch;
pub mod plane;
mod progress;
mod report;
pub mod services;
mod stats;
mod terminal;

pub use arguments::Arguments;
pub use exit::Exit;
