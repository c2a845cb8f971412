//! The present, as an argument.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;

use futures::future::BoxFuture;
use tokio::sync::watch;
use windlass_api::Time;

/// Source of the present.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Time;

    /// Ends when the present has reached a point. Cancel-safe.
    fn sleep_until(&self, at: Time) -> BoxFuture<'static, ()>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        SystemTime::now().into()
    }

    fn sleep_until(&self, at: Time) -> BoxFuture<'static, ()> {
        let span = at.since(self.now()).to_std();
        Box::pin(tokio::time::sleep(span))
    }
}

/// A clock that moves only when told to; for tests.
#[derive(Clone, Debug)]
pub struct ManualClock {
    time: Arc<Mutex<watch::Sender<Time>>>,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Time) -> Self {
        Self {
            time: Arc::new(Mutex::new(watch::Sender::new(start))),
        }
    }

    /// Moves to a point; sleepers due by then wake. Earlier points are ignored.
    pub fn advance_to(&self, at: Time) {
        self.sender().send_if_modified(|now| {
            let later = at > *now;
            if later {
                *now = at;
            }
            later
        });
    }

    fn sender(&self) -> std::sync::MutexGuard<'_, watch::Sender<Time>> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        *self.sender().borrow()
    }

    fn sleep_until(&self, at: Time) -> BoxFuture<'static, ()> {
        let mut receiver = self.sender().subscribe();
        Box::pin(async move {
            // An error means that the clock is gone, and with it whoever would move it.
            let _ = receiver.wait_for(|now| *now >= at).await;
        })
    }
}
