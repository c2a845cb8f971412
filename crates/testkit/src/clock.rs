//! Tokio's paused time as the plane's clock.

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;
use windlass_api::Duration;
use windlass_api::Time;
use windlass_runtime::Clock;

/// Where the time of every test begins: 2024-01-01T00:00:00Z.
pub const BEGINNING: i64 = 1_704_067_200_000;

/// A clock that shows [`BEGINNING`] when it is made and moves with tokio's time; while that is paused, it jumps to the
/// next timer whenever all tasks wait.
#[derive(Clone, Copy, Debug)]
pub struct PausedClock {
    start: Instant,
}

impl PausedClock {
    /// A clock that starts now.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Time {
        let passed = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        Time::from_millis(BEGINNING).plus(Duration::from_millis(passed))
    }

    fn sleep_until(&self, at: Time) -> BoxFuture<'static, ()> {
        let passed = at.since(Time::from_millis(BEGINNING)).to_std();
        tokio::time::sleep_until(self.start + passed).boxed()
    }
}
