//! Steps: where their definition comes from, and what they learn from the steps before them.
//!
//! In order: [`merge_step_action`] while a task is resolved, [`merge_step_template`] when its job is made,
//! [`expand_step`] when the step is about to start.

mod action;
mod placement;
mod runtime;
mod template;

pub use action::Error as ActionError;
pub use action::merge_step_action;
pub use placement::MISPLACED;
pub use placement::misplaced_step_results;
pub use runtime::Error as RuntimeError;
pub use runtime::StepResults;
pub use runtime::expand_step;
pub use runtime::uses_step_results;
pub use template::merge_resources;
pub use template::merge_step_template;

#[cfg(test)]
mod tests;
