//! Whether and when a task is tried again.

use windlass_api::Duration;
use windlass_api::Time;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Well.
    Succeeded,
    /// Badly by itself.
    Failed,
    /// By the timeout that each attempt gets.
    TimedOut,
    /// Because the task was cancelled.
    Cancelled,
}

/// How long to wait between attempts: `initial`, then `factor` times longer each time, never longer than `limit`.
///
/// The default is Tekton's: not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    /// Before the first retry.
    pub initial: Duration,
    /// By how much each wait is longer than the one before; 0 and 1 keep them equal.
    pub factor: u32,
    /// The longest wait; zero means no bound.
    pub limit: Duration,
}

impl Backoff {
    /// The wait before the given retry, counted from 1. It saturates and is never negative.
    pub fn delay(&self, retry: u32) -> Duration {
        let factor = i64::from(self.factor.max(1));
        let growth = factor.saturating_pow(retry.saturating_sub(1));
        let delay = self.initial.as_nanos().max(0).saturating_mul(growth);
        if self.limit.is_zero() {
            Duration::from_nanos(delay)
        } else {
            Duration::from_nanos(delay.min(self.limit.as_nanos().max(0)))
        }
    }
}

/// What follows the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The outcome stands.
    Stop,
    /// The attempt is archived and another one starts.
    Retry {
        /// The retry's number, counted from 1: how many attempts are archived then.
        retry: u32,
        /// When it starts.
        at: Time,
    },
}

/// How often a task is retried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    /// How many attempts may follow the first.
    pub limit: u32,
    /// How long to wait before each.
    pub backoff: Backoff,
}

impl Retries {
    /// What follows an attempt that ended at `now`, when `archived` attempts were retried already.
    ///
    /// Failures and timeouts are retried; a cancelled task is not.
    pub fn next(&self, archived: u32, ending: Ending, now: Time) -> Next {
        match ending {
            Ending::Failed | Ending::TimedOut if archived < self.limit => Next::Retry {
                retry: archived + 1,
                at: now.plus(self.backoff.delay(archived + 1)),
            },
            _ => Next::Stop,
        }
    }
}

#[cfg(test)]
mod tests;
