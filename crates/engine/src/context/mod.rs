//! What tasks and pipelines know of the run they are part of, and the passes that put it in.
//!
//! [`apply_task`] and [`apply_pipeline`] run all passes of a spec in upstream's order. The rest is for a pipeline task
//! on its way to becoming a run: [`apply_pipeline_task_context`] and [`apply_finally_context`].

mod error;
mod finally;
mod pipeline;
mod pipeline_task;
mod pod;
mod propagation;
mod task;

pub use error::Error;
pub use finally::apply_finally_context;
pub use finally::finally_context;
pub use pipeline::PipelineInputs;
pub use pipeline::apply_pipeline;
pub use pipeline::apply_pipeline_bindings;
pub use pipeline::apply_result_bindings;
pub use pipeline_task::apply_pipeline_task_context;
pub use pod::apply_pod_template;
pub use task::TaskInputs;
pub use task::WorkspaceValue;
pub use task::apply_task;
pub use task::apply_task_bindings;
pub use task::step_directory;

#[cfg(test)]
mod tests;
