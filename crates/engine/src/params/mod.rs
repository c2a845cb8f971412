//! Parameters: what a run gives, what a task or pipeline declares, and what that comes to.

mod error;
mod indexing;
mod kinds;
mod names;
mod validate;
mod values;

pub use error::Error;
pub(crate) use error::go_list;
pub(crate) use error::go_map;
pub use kinds::declared_type;
pub use names::pipeline_bases;
pub use names::task_bases;
pub use validate::missing_keys;
pub use validate::validate_enum;
pub use validate::validate_enum_subset;
pub use validate::validate_pipeline_params;
pub use validate::validate_task_indexing;
pub use validate::validate_task_params;
pub use values::Scope;
pub use values::replacer;
/// Starts the message of a condition that the user can put right.
pub use windlass_api::reasons::pipeline_run::USER_ERROR_PREFIX as USER_ERROR;

#[cfg(test)]
mod tests;
