//! The `TaskRun` reconciler: resolves a task, has its attempts run, and shows how they go.

mod apply;
mod credentials;
mod decide;
mod environment;
mod files;
mod job;
mod launch;
mod needs;
mod observe;
mod outcome;
mod prepare;
mod reconcile;
mod status;
mod validate;
mod volumes;

pub(crate) use reconcile::TaskRuns;
