//! The queue that everyone holds: carries out what the ledger decided.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Instant;
use std::time::SystemTime;

use tokio::sync::Notify;
use tokio::sync::mpsc;

use crate::job::AttemptId;
use crate::job::Job;
use crate::observation::Observation;
use crate::queue::ledger::Effect;
use crate::queue::ledger::Ledger;
use crate::queue::ledger::Now;
use crate::queue::ledger::QueueConfig;
use crate::queue::ledger::Refusal;
use crate::runner::Cancel;
use crate::runner::Control;
use crate::runner::Release;

/// What a reconciler needs of the queue. Every call returns at once and may be repeated.
pub trait Jobs: Send + Sync {
    /// Has an attempt run. Does nothing when the attempt is known already, running or ended.
    fn publish(&self, job: Job);

    /// Cancels an attempt; its end is reported like any other. Does nothing when it ended before.
    fn cancel(&self, id: &AttemptId, cancel: Cancel);

    /// Ends the pause at a breakpoint of the step with this index.
    fn release(&self, id: &AttemptId, step: usize, release: Release);
}

/// Every accepted report of every attempt, in the order of acceptance.
pub type Observations = mpsc::UnboundedReceiver<(AttemptId, Observation)>;

/// The job queue, in memory.
pub struct Queue {
    state: Mutex<State>,
    /// Permits for attempts that wait; one wakes one claimer.
    waiting: Notify,
    /// The first expiry changed.
    leases: Notify,
}

struct State {
    ledger: Ledger,
    controls: HashMap<AttemptId, Control>,
    observations: mpsc::UnboundedSender<(AttemptId, Observation)>,
    effects: Vec<Effect>,
}

/// An attempt that a runner holds.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What, and under which number.
    pub lease: crate::queue::Lease,
    /// Tells of cancellation and of released breakpoints; killed when the lease is lost.
    pub control: Control,
}

impl Queue {
    /// Makes an empty queue, and the one stream of what its runners report.
    pub fn new(config: QueueConfig) -> (Arc<Self>, Observations) {
        let (sender, observations) = mpsc::unbounded_channel();
        let state = State {
            ledger: Ledger::new(config),
            controls: HashMap::new(),
            observations: sender,
            effects: Vec::new(),
        };
        let queue = Self {
            state: Mutex::new(state),
            waiting: Notify::new(),
            leases: Notify::new(),
        };
        (Arc::new(queue), observations)
    }

    /// Waits for an attempt and claims it for a runner of this process, which lives and dies with the queue and so sends
    /// no heartbeats. Attempts are given in the order in which they were published. Cancel-safe.
    pub async fn claim(&self) -> Claim {
        loop {
            let woken = self.waiting.notified();
            if let Some(claim) = self.try_claim(false) {
                return claim;
            }
            woken.await;
        }
    }

    /// Claims an attempt if one waits; with `expiring`, the runner must send a heartbeat before the lease expires.
    pub fn try_claim(&self, expiring: bool) -> Option<Claim> {
        let mut state = self.lock();
        let lease = state.ledger.claim(expiring, now())?;
        let control = Control::new();
        state.controls.insert(lease.job.id.clone(), control.clone());
        if state.ledger.waits() {
            // Wake-ups that nobody was waiting for collapse into one, so each claim passes it on.
            self.waiting.notify_one();
        }
        drop(state);
        if expiring {
            self.leases.notify_one();
        }
        Some(Claim { lease, control })
    }

    /// Enters an attempt as held by a runner that sends heartbeats, as it was before the queue was made anew. `None` when it
    /// is known already.
    pub fn adopt(&self, job: Job) -> Option<Claim> {
        let mut state = self.lock();
        let lease = state.ledger.adopt(job, now())?;
        let control = Control::new();
        state.controls.insert(lease.job.id.clone(), control.clone());
        drop(state);
        self.leases.notify_one();
        Some(Claim { lease, control })
    }

    /// Notes that steps of an attempt may run from now on: if its runner is lost, so is the attempt.
    ///
    /// # Errors
    /// When the lease is no longer held.
    pub fn hand_out(&self, id: &AttemptId, fence: u64) -> Result<(), Refusal> {
        self.lock().ledger.hand_out(id, fence)
    }

    /// Prolongs a lease; answers with its new end.
    ///
    /// # Errors
    /// When the lease is no longer held: the runner must stop the attempt.
    pub fn heartbeat(&self, id: &AttemptId, fence: u64) -> Result<Option<Instant>, Refusal> {
        self.lock().ledger.heartbeat(id, fence, now())
    }

    /// Hands a report to the subscriber.
    ///
    /// # Errors
    /// When the lease is no longer held: the runner must stop the attempt, and nobody hears of the report.
    pub fn report(&self, id: &AttemptId, fence: u64, observation: Observation) -> Result<(), Refusal> {
        self.decide(|ledger, effects| ledger.report(id, fence, observation, effects))
    }

    /// Gives a lease back without having run the attempt to its end.
    ///
    /// # Errors
    /// When the lease is no longer held.
    pub fn give_back(&self, id: &AttemptId, fence: u64, why: &str) -> Result<(), Refusal> {
        self.decide(|ledger, effects| ledger.give_back(id, fence, why, now(), effects))
    }

    /// Cancels everything that waits or runs.
    pub fn cancel_all(&self, cancel: Cancel) {
        self.decide(|ledger, effects| {
            let live: Vec<AttemptId> = ledger.live().cloned().collect();
            for id in live {
                ledger.cancel(&id, cancel, now(), effects);
            }
        });
    }

    /// Attempts that wait or run.
    pub fn live(&self) -> usize {
        self.lock().ledger.live().count()
    }

    /// Ends leases whose time is over, for as long as it is polled. Only queues with runners outside of this process need
    /// it; no timer is armed while no lease can expire.
    pub async fn watch_leases(&self) {
        loop {
            let changed = self.leases.notified();
            let next = self.lock().ledger.next_expiry();
            match next {
                None => changed.await,
                Some(at) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(at.into()) => {
                            self.decide(|ledger, effects| ledger.expire(now(), effects));
                        }
                    }
                }
            }
        }
    }

    fn decide<T>(&self, decide: impl FnOnce(&mut Ledger, &mut Vec<Effect>) -> T) -> T {
        let mut state = self.lock();
        let mut effects = std::mem::take(&mut state.effects);
        let answer = decide(&mut state.ledger, &mut effects);
        for effect in effects.drain(..) {
            self.carry_out(&mut state, effect);
        }
        state.effects = effects;
        answer
    }

    fn carry_out(&self, state: &mut State, effect: Effect) {
        match effect {
            Effect::Wake => self.waiting.notify_one(),
            Effect::Deliver(id, observation) => {
                if matches!(observation, Observation::Finished(_)) {
                    state.controls.remove(&id);
                }
                // Without a subscriber there is nobody left to tell.
                let _ = state.observations.send((id, observation));
            }
            Effect::Cancel(id, cancel) => {
                if let Some(control) = state.controls.get(&id) {
                    control.cancel(cancel);
                }
            }
            Effect::Release(id, step, release) => {
                if let Some(control) = state.controls.get(&id) {
                    control.release(step, release);
                }
            }
            Effect::Gone(id) => {
                if let Some(control) = state.controls.remove(&id) {
                    control.cancel(Cancel::Kill);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs for Queue {
    fn publish(&self, job: Job) {
        self.decide(|ledger, effects| ledger.publish(job, effects));
    }

    fn cancel(&self, id: &AttemptId, cancel: Cancel) {
        self.decide(|ledger, effects| ledger.cancel(id, cancel, now(), effects));
    }

    fn release(&self, id: &AttemptId, step: usize, release: Release) {
        self.decide(|ledger, effects| ledger.release(id, step, release, effects));
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Queue").finish_non_exhaustive()
    }
}

/// Tokio's clock, so that a paused one rules the leases too.
fn now() -> Now {
    Now {
        monotonic: tokio::time::Instant::now().into_std(),
        wall: SystemTime::now(),
    }
}
