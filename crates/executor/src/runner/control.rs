//! How the outside world reaches a running attempt.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::Sleep;

/// How an attempt is to be cancelled; it can be made harsher later, never milder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cancel {
    /// SIGTERM, then SIGKILL after the grace period.
    Graceful,
    /// SIGKILL.
    Kill,
}

/// What a person decides at a breakpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// Before a step: run it. After a failure: count it as a success and go on.
    Continue,
    /// The step fails.
    Fail,
}

/// Handle on one attempt; clones share it.
#[derive(Clone, Debug)]
pub struct Control(Arc<watch::Sender<Orders>>);

/// Everything that was asked so far.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) cancel: Option<Cancel>,
    pub(super) released: BTreeMap<usize, Release>,
}

impl Control {
    /// Makes a handle for an attempt that nobody has asked anything of.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Orders::default())))
    }

    /// Cancels the attempt, at whatever point it is; also before it runs.
    pub fn cancel(&self, cancel: Cancel) {
        self.0.send_if_modified(|orders| {
            let harsher = orders.cancel < Some(cancel);
            orders.cancel = orders.cancel.max(Some(cancel));
            harsher
        });
    }

    /// Ends the pause before or after the step with this index.
    pub fn release(&self, step: usize, release: Release) {
        self.0.send_modify(|orders| {
            orders.released.insert(step, release);
        });
    }

    /// What was asked so far: how to cancel, and which pauses to end how.
    pub fn asked(&self) -> (Option<Cancel>, BTreeMap<usize, Release>) {
        let orders = self.0.borrow();
        (orders.cancel, orders.released.clone())
    }

    pub(super) fn orders(&self) -> watch::Receiver<Orders> {
        self.0.subscribe()
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a process is stopped before it ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Cancelled,
    AttemptTimedOut,
    StepTimedOut,
}

/// A reason to stop, and how hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) why: Why,
    pub(super) force: Cancel,
}

/// Everything that can interrupt an attempt: orders from outside and two deadlines.
pub(super) struct Stops {
    orders: watch::Receiver<Orders>,
    heard: Option<Cancel>,
    attempt: Option<Pin<Box<Sleep>>>,
    step: Option<Pin<Box<Sleep>>>,
}

impl Stops {
    pub(super) fn new(control: &Control, timeout: Option<Duration>) -> Self {
        Self {
            orders: control.orders(),
            heard: None,
            attempt: timeout.map(after),
            step: None,
        }
    }

    /// Arms or disarms the deadline of the step that is about to run.
    pub(super) fn arm_step(&mut self, timeout: Option<Duration>) {
        self.step = timeout.map(after);
    }

    /// Waits for the next reason to stop; each comes once. Cancel-safe.
    pub(super) async fn next(&mut self) -> Stop {
        tokio::select! {
            biased;
            force = heard(&mut self.orders, &mut self.heard) => Stop { why: Why::Cancelled, force },
            () = elapsed(&mut self.attempt) => Stop { why: Why::AttemptTimedOut, force: Cancel::Graceful },
            () = elapsed(&mut self.step) => Stop { why: Why::StepTimedOut, force: Cancel::Kill },
        }
    }

    /// Waits until a breakpoint is released from outside. Cancel-safe.
    pub(super) async fn released(orders: &mut watch::Receiver<Orders>, step: usize) -> Release {
        loop {
            if let Some(release) = orders.borrow_and_update().released.get(&step) {
                return *release;
            }
            if orders.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// A second pair of ears for [`released`](Self::released).
    pub(super) fn orders(&self) -> watch::Receiver<Orders> {
        self.orders.clone()
    }
}

/// Pends until `sleep` is over, then disarms it; pends forever when it is not armed. Cancel-safe.
pub(super) async fn elapsed(sleep: &mut Option<Pin<Box<Sleep>>>) {
    match sleep {
        None => std::future::pending().await,
        Some(armed) => {
            armed.as_mut().await;
            *sleep = None;
        }
    }
}

/// A deadline from now; durations beyond the clock's range never end.
pub(super) fn after(duration: Duration) -> Pin<Box<Sleep>> {
    /// About a century.
    const FAR: Duration = Duration::from_hours(100 * 365 * 24);
    Box::pin(tokio::time::sleep_until(Instant::now() + duration.min(FAR)))
}

async fn heard(orders: &mut watch::Receiver<Orders>, heard: &mut Option<Cancel>) -> Cancel {
    loop {
        let asked = orders.borrow_and_update().cancel;
        if let Some(cancel) = asked
            && *heard < asked
        {
            *heard = asked;
            return cancel;
        }
        if orders.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
