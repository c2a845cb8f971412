//! What is admitted.
//!
//! [`validate_create`] and [`validate_update`] answer what upstream's validating webhook answers, in its words, but
//! with all violations at once and with the place of each cause. Where upstream's printed path names no field that
//! exists (`spec.tasks.params.x.type`), the true one is given; where it skips a check because of a slip of the code, the
//! evident intention is followed. Everything is linear in the size of the object.
//!
//! Read `object.rs` first; every kind has its file.

mod action;
mod finally;
mod flags;
mod graph;
mod matrix;
mod object;
mod params;
mod pipeline;
mod pipeline_task;
mod place;
mod reference;
mod result;
mod run;
mod step;
mod task;
#[cfg(test)]
mod tests;
mod timeouts;
mod update;
mod variables;
mod violation;
mod when;
mod workspace;

pub use flags::Flags;
pub use flags::Stability;
pub use object::validate_create;
pub use update::validate_update;
pub use violation::Violation;
pub use violation::to_admission_message;
