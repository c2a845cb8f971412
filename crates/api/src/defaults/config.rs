//! The values that defaults are taken from.

use crate::reasons::labels;
use crate::time::Duration;

/// What to fill in; the defaults are those of upstream's `config-defaults`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Longest time a `TaskRun` or `PipelineRun` may take (`default-timeout-minutes`); zero is no limit. One hour.
    pub timeout: Duration,
    /// Service account of runs (`default-service-account`); empty sets none. `default`.
    pub service_account: String,
    /// Value of the label `app.kubernetes.io/managed-by` (`default-managed-by-label-value`). `tekton-pipelines`.
    pub managed_by: String,
    /// Resolver of a reference that names neither an object nor a resolver (`default-resolver-type`). None.
    pub resolver: String,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(3600),
            service_account: "default".to_owned(),
            managed_by: labels::MANAGED_BY_TEKTON.to_owned(),
            resolver: String::new(),
        }
    }
}
