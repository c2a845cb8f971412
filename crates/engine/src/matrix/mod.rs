//! Fanning a task out over combinations of parameters.

mod error;
mod fan_out;
mod name;

pub use error::Error;
pub use fan_out::DEFAULT_LIMIT;
pub use fan_out::all_params;
pub use fan_out::count;
pub use fan_out::fan_out;
pub use fan_out::has_empty_array;
pub use fan_out::validate_types;
pub use name::display_name;

#[cfg(test)]
mod tests;
