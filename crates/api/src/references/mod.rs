//! The references that texts hold: `$(tasks.build.results.digest)` and its kin.
//!
//! [`expressions`] finds what stands between `$(` and `)`; [`ResultRef`] reads references to results; [`edges`] says
//! which task of a pipeline waits for which. Admission, `windlass graph` and the reconciler all ask here, so that they
//! never disagree about the graph. Everything is linear in the length of the text.

mod edges;
mod expression;
mod result;
#[cfg(test)]
mod tests;
mod texts;

pub use edges::Edges;
pub use edges::TaskEdges;
pub use edges::edges;
pub use edges::task_edges;
pub use expression::Expression;
pub use expression::Expressions;
pub use expression::expressions;
pub use result::ResultIndex;
pub use result::ResultRef;
pub use result::Section;
pub use texts::param_texts;
pub use texts::pipeline_task_params;
pub use texts::sidecar_texts;
pub use texts::step_texts;
pub use texts::when_texts;
