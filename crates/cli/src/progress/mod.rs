//! What happens while a run runs, and how it is shown.
//!
//! [`follow`] takes changes and output from the plane; [`Progress`] knows what they mean; a [`View`] shows them.

mod follow;
mod interrupts;
mod lines;
mod live;
mod logs;
mod model;
mod plain;
mod silent;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use follow::Follower;
pub(crate) use interrupts::Interrupt;
pub(crate) use interrupts::Interrupts;
pub(crate) use live::Live;
pub(crate) use logs::LogDirectory;
pub(crate) use model::Progress;
pub(crate) use model::Run;
pub(crate) use model::duration;
pub(crate) use plain::Plain;
pub(crate) use silent::Silent;
pub(crate) use state::State;
pub(crate) use state::duration_text;
pub(crate) use state::succeeded;
pub(crate) use view::View;
