//! Golden scripts: objects as YAML, what happens to them, and how it all went.
//!
//! A file holds any number of scenarios:
//!
//! ```text
//! === a step that fails ends the run
//! (YAML documents; they are applied in their order)
//! -- wait 10s
//! -- show TaskRun/r
//! >>>
//! (the transcript)
//! ```
//!
//! Lines with `--` are commands, see [`Command`]. Without a `show` or `refuse`, every run that the YAML named is awaited
//! and its story told at the end. Lines with `#` before the YAML say why a scenario is as it is.

mod command;
mod file;
mod job;
mod play;

pub use command::Command;
pub use file::Scenario;
pub use file::read;
pub use file::write;
pub use play::Played;
pub use play::play;
