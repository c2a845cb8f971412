//! Results: what tasks produced, and who uses it.

mod apply;
mod artifacts;
mod error;
mod json;
mod outcome;
mod pipeline;
mod produced;

pub use apply::apply_task_results;
pub use artifacts::ArtifactScope;
pub use artifacts::apply_task_artifacts;
pub use artifacts::artifact_values;
pub use artifacts::bind_artifacts;
pub use artifacts::expand_step_artifacts;
pub use artifacts::merge_artifacts;
pub use artifacts::uses_step_artifacts;
pub use error::Error;
pub use error::MissingResult;
pub use json::json_text;
pub use outcome::Producer;
pub use outcome::ResultsByTask;
pub use outcome::TaskOutcome;
pub use outcome::aggregate;
pub use outcome::custom_value;
pub use pipeline::PipelineResults;
pub use pipeline::pipeline_results;
pub use produced::MismatchedResults;
pub use produced::check_results;
pub use produced::from_file;
pub use produced::step_result_of;
pub use produced::task_result;

#[cfg(test)]
mod tests;
