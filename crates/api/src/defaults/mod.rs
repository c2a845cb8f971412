//! What an object means when it leaves something out.
//!
//! [`SetDefaults`] writes the values that upstream's webhook writes, so that a stored object reads the same. It is
//! idempotent: setting defaults twice changes nothing more. Validation expects defaults to be set.

mod config;
mod object;
mod params;
mod pipeline;
mod run;
mod task;
#[cfg(test)]
mod tests;

pub use config::Defaults;
pub use object::SetDefaults;
pub use object::drop_reserved_annotations;
