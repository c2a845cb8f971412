//! The `CustomRun` reconciler: ends custom runs that nobody in this plane would ever carry out.
//!
//! A custom task belongs to whoever knows its kind. Where that can only be a controller of this plane, a kind without
//! one would wait until its pipeline times out; saying so at once is kinder.

mod decide;
mod reconcile;

pub(crate) use reconcile::CustomRuns;
