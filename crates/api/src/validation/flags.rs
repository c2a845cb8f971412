//! Which features of the language are switched on.

use serde::Serialize;

use crate::time::Duration;

/// How far from stable the accepted fields may be (`enable-api-fields`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stability {
    /// Stable fields only.
    Stable,
    /// Stable and beta fields; upstream's default.
    Beta,
    /// All fields.
    Alpha,
}

impl Stability {
    /// The word in configuration and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Beta => "beta",
            Self::Alpha => "alpha",
        }
    }
}

/// The part of upstream's `feature-flags` and `config-defaults` that decides what is admitted.
///
/// The names are upstream's keys. [`Flags::default`] is upstream's default, [`Flags::permissive`] admits everything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own in upstream's configuration"
)]
pub struct Flags {
    /// `enable-api-fields`; default beta.
    pub enable_api_fields: Stability,
    /// `enable-param-enum`; default false.
    pub enable_param_enum: bool,
    /// `enable-cel-in-whenexpression`; default false.
    pub enable_cel_in_when_expression: bool,
    /// `enable-artifacts`; default false.
    pub enable_artifacts: bool,
    /// `enable-concise-resolver-syntax`; default false.
    pub enable_concise_resolver_syntax: bool,
    /// `disable-inline-spec`: of `pipeline`, `pipelinerun` and `taskrun` those that may not embed definitions; none.
    pub disable_inline_spec: Vec<String>,
    /// `default-max-matrix-combinations-count`; default 256.
    pub max_matrix_combinations: usize,
    /// `default-timeout-minutes`: bounds `taskRunSpecs[].timeout` of a run that sets no timeout; default one hour.
    pub default_timeout: Duration,
    /// `default-forbidden-env`: environment variables that a pod template may not set; none.
    pub forbidden_env: Vec<String>,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            enable_api_fields: Stability::Beta,
            enable_param_enum: false,
            enable_cel_in_when_expression: false,
            enable_artifacts: false,
            enable_concise_resolver_syntax: false,
            disable_inline_spec: Vec::new(),
            max_matrix_combinations: 256,
            default_timeout: Duration::from_secs(3600),
            forbidden_env: Vec::new(),
        }
    }
}

impl Flags {
    /// Every feature on, alpha ones included: what runs on one's own machine.
    pub fn permissive() -> Self {
        Self {
            enable_api_fields: Stability::Alpha,
            enable_param_enum: true,
            enable_cel_in_when_expression: true,
            enable_artifacts: true,
            enable_concise_resolver_syntax: true,
            ..Self::default()
        }
    }
}
