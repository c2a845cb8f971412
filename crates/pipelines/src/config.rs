//! What the operator of a plane decides about pipelines.

use std::collections::BTreeMap;
use std::path::PathBuf;

use windlass_api::Duration;
use windlass_api::validation::Flags;

/// Settings of the pipeline controllers. The names upstream uses in its `config-defaults` and `feature-flags` are
/// given where one exists.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a decision of its own")]
pub struct Config {
    /// Timeout of a run that names none (`default-timeout-minutes`); default one hour, zero is none.
    pub default_timeout: Duration,
    /// Most combinations of a matrix (`default-max-matrix-combinations-count`); default 256.
    pub max_matrix_combinations: usize,
    /// Bytes of all results of one step together (upstream's 4096-byte termination message); default no limit.
    pub max_result_bytes: Option<usize>,
    /// Cancel running siblings when a task of a pipeline fails; default false, as upstream.
    pub fail_fast: bool,
    /// Directory under which every claim has its own.
    pub claims: PathBuf,
    /// Claims that stand for directories a user named, by namespace and claim name.
    pub directories: BTreeMap<(String, String), PathBuf>,
    /// Whether a `hostPath` volume may be used; default false except in a plane on the user's own machine.
    pub allow_host_path: bool,
    /// Whether the logs of a task are covered against every secret of its namespace, which may have reached it in a parameter
    /// or a result, and not only against those that it uses; default true. Costs time where a namespace has thousands.
    pub cover_all_secrets: bool,
    /// Custom tasks that no controller of this plane knows end with a reason instead of waiting for one.
    pub refuse_unknown_custom_tasks: bool,
    /// Which features are admitted (`feature-flags`), as statuses show them; default all. Whoever admits objects decides.
    pub flags: Flags,
}

impl Config {
    /// The defaults, with claims under a directory.
    pub fn new(claims: PathBuf) -> Self {
        Self {
            default_timeout: Duration::from_secs(3_600),
            max_matrix_combinations: 256,
            max_result_bytes: None,
            fail_fast: false,
            claims,
            directories: BTreeMap::new(),
            allow_host_path: false,
            cover_all_secrets: true,
            refuse_unknown_custom_tasks: false,
            flags: Flags::permissive(),
        }
    }
}
