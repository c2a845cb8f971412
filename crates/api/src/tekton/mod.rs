//! The kinds of `tekton.dev`.

pub mod customrun;
pub mod params;
pub mod pipeline;
pub mod pipelinerun;
pub mod provenance;
pub mod resolution;
pub mod task;
pub mod taskrun;
pub mod value;
pub mod verification;
pub mod when;
pub mod workspaces;

pub use customrun::CustomRun;
pub use params::Param;
pub use params::ParamSpec;
pub use pipeline::EmbeddedTask;
pub use pipeline::Pipeline;
pub use pipeline::PipelineSpec;
pub use pipeline::PipelineTask;
pub use pipelinerun::PipelineRun;
pub use resolution::ResolutionRequest;
pub use task::Step;
pub use task::StepAction;
pub use task::Task;
pub use task::TaskSpec;
pub use taskrun::TaskRun;
pub use value::ParamType;
pub use value::ParamValue;
pub use verification::VerificationPolicy;
pub use when::WhenExpression;
