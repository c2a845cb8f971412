//! The `PipelineRun` reconciler: starts what may start, stops what must stop, and shows how far it is.

mod apply;
mod begin;
mod changes;
mod children;
mod commands;
mod decide;
mod facts;
mod observe;
mod prepare;
mod reconcile;
mod status;
mod tracker;
mod validate;
mod workspaces;

pub(crate) use reconcile::PipelineRuns;
