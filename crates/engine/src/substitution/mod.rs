//! Replacing `$(…)` in text and in every field of a spec that accepts variables.
//!
//! One pass is single-shot: what a value brings in is not looked at again. Passes follow one another, so a value may hold
//! a variable of a later pass. [`Replacer`] knows the values of one pass, [`Visitor`] walks the fields, [`Expansion`]
//! puts the two together and bounds what comes out.

mod bindings;
mod collect;
mod error;
mod expand;
mod pipeline_slots;
mod replacer;
mod scan;
mod slots;

pub use bindings::bindings;
pub use collect::Collect;
pub use error::Error;
pub use expand::Expansion;
pub use expand::MAX_EXPANSION;
pub use pipeline_slots::visit_pipeline_task;
pub use replacer::Replacer;
pub use scan::Variables;
pub use scan::isolated;
pub use scan::variables;
pub use slots::TaskParts;
pub use slots::Visitor;
pub use slots::visit_params;
pub(crate) use slots::visit_sidecar;
pub use slots::visit_step;
pub use slots::visit_task;

#[cfg(test)]
mod tests;
