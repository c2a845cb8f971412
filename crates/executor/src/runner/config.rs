//! The dials of a runner.

use std::time::Duration;

/// Dials of a [`Runner`](super::Runner).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerConfig {
    /// Attempts that run at the same time; others wait in order. Default: 8, or four per core if that is more.
    pub capacity: usize,
    /// How long a step may take to end after SIGTERM, before SIGKILL, when its attempt is cancelled or timed out. A step
    /// that exceeds its own timeout is killed at once, as upstream does. Default: 30 s, a pod's usual grace period.
    pub grace: Duration,
    /// The same for sidecars after the last step. Default: 10 s.
    pub sidecar_grace: Duration,
    /// How often a paused attempt looks for the file that releases its breakpoint. Default: 500 ms.
    pub breakpoint_period: Duration,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            capacity: (4 * cores).max(8),
            grace: Duration::from_secs(30),
            sidecar_grace: Duration::from_secs(10),
            breakpoint_period: Duration::from_millis(500),
        }
    }
}
