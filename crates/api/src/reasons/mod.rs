//! Words that programs compare: condition types, reasons, skip reasons, requested states, labels and annotations.
//!
//! Every one is spelled as upstream spells it, once, here. People grep for them and tools branch on them.

pub mod annotations;
pub mod custom_run;
pub mod labels;
pub mod pipeline_run;
pub mod skip;
pub mod step;
pub mod task_run;
mod words;

/// Type of the one condition every run has.
pub const SUCCEEDED: &str = "Succeeded";

/// Type of the condition that says whether a definition's signature was verified.
pub const TRUSTED_RESOURCES_VERIFIED: &str = "TrustedResourcesVerified";

/// Status of a condition that holds.
pub const TRUE: &str = "True";

/// Status of a condition that does not hold.
pub const FALSE: &str = "False";

/// Status of a condition that is not decided yet.
pub const UNKNOWN: &str = "Unknown";
