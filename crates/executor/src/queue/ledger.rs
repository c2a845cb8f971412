//! What the queue knows, and how it decides.
//!
//! Pure: the time is passed in, and every consequence is an [`Effect`] for someone else to carry out.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use crate::job::AttemptId;
use crate::job::Job;
use crate::observation::AttemptEnd;
use crate::observation::Observation;
use crate::observation::Outcome;
use crate::runner::Cancel;
use crate::runner::Release;

/// Dials of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// How long a lease holds without a heartbeat. Default: 30 s.
    pub lease: Duration,
    /// What happens to an attempt whose lease expired. Default: [`LostPolicy::RepublishUnstarted`].
    pub on_lost: LostPolicy,
    /// How many ended attempts are remembered, so that publishing one again does nothing. Default: 65,536.
    pub remembered: usize,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            on_lost: LostPolicy::RepublishUnstarted,
            remembered: 65_536,
        }
    }
}

/// What happens to an attempt whose runner is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostPolicy {
    /// It ends with [`AttemptEnd::Lost`].
    Fail,
    /// It is offered again if no step of it was reported to have started, and otherwise ends as lost, so nothing runs twice.
    RepublishUnstarted,
    /// It is offered again in any case: its steps may run twice.
    Republish,
}

/// The time, as both clocks tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For leases.
    pub monotonic: Instant,
    /// For reports.
    pub wall: SystemTime,
}

/// The right to run an attempt.
#[derive(Clone, Debug)]
pub struct Lease {
    /// What to run.
    pub job: Arc<Job>,
    /// Number that every report must carry; grows with every lease of the queue.
    pub fence: u64,
    /// When the lease ends unless a heartbeat comes; `None` for a runner that lives and dies with the queue.
    pub expires: Option<Instant>,
}

/// Why a runner's request is not honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The attempt is unknown: it ended, or it was never published.
    #[error("attempt is not in the queue")]
    Unknown,
    /// The attempt is waiting or was given to another runner since.
    #[error("lease is no longer held")]
    Stale,
}

/// A consequence to carry out, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// An attempt waits to be claimed.
    Wake,
    /// The subscriber is told.
    Deliver(AttemptId, Observation),
    /// The runner that holds the attempt is told to stop it.
    Cancel(AttemptId, Cancel),
    /// The runner that holds the attempt is told to end a pause.
    Release(AttemptId, usize, Release),
    /// The attempt left the queue, or its lease did: whoever runs it must stop.
    Gone(AttemptId),
}

/// All live attempts.
#[derive(Debug)]
pub struct Ledger {
    config: QueueConfig,
    live: HashMap<AttemptId, Entry>,
    waiting: VecDeque<AttemptId>,
    expiring: BTreeSet<(Instant, u64, AttemptId)>,
    ended: HashSet<AttemptId>,
    ended_order: VecDeque<AttemptId>,
    last_fence: u64,
}

#[derive(Debug)]
struct Entry {
    job: Arc<Job>,
    held: Option<Held>,
    cancel: Option<Cancel>,
    /// Steps of it ran, perhaps under an earlier lease.
    started: bool,
}

#[derive(Debug)]
struct Held {
    fence: u64,
    expires: Option<Instant>,
}

impl Ledger {
    /// Makes an empty ledger.
    pub fn new(config: QueueConfig) -> Self {
        Self {
            config,
            live: HashMap::new(),
            waiting: VecDeque::new(),
            expiring: BTreeSet::new(),
            ended: HashSet::new(),
            ended_order: VecDeque::new(),
            last_fence: 0,
        }
    }

    /// Offers a job. Does nothing when its attempt is live or ended before.
    pub fn publish(&mut self, job: Job, effects: &mut Vec<Effect>) {
        if self.live.contains_key(&job.id) || self.ended.contains(&job.id) {
            return;
        }
        self.waiting.push_back(job.id.clone());
        let entry = Entry {
            job: Arc::new(job),
            held: None,
            cancel: None,
            started: false,
        };
        self.live.insert(entry.job.id.clone(), entry);
        effects.push(Effect::Wake);
    }

    /// Gives the attempt that waits longest to a runner; with `expiring`, for as long as it sends heartbeats.
    pub fn claim(&mut self, expiring: bool, now: Now) -> Option<Lease> {
        loop {
            let id = self.waiting.pop_front()?;
            // What was cancelled while it waited is gone already.
            let Some(entry) = self.live.get_mut(&id).filter(|entry| entry.held.is_none()) else {
                continue;
            };
            self.last_fence += 1;
            let fence = self.last_fence;
            let expires = expiring.then(|| now.monotonic + self.config.lease);
            entry.held = Some(Held { fence, expires });
            if let Some(expires) = expires {
                self.expiring.insert((expires, fence, id));
            }
            return Some(Lease {
                job: Arc::clone(&entry.job),
                fence,
                expires,
            });
        }
    }

    /// Enters an attempt as held already, as one was before the queue was made anew. `None` when the attempt is live or ended
    /// before. Whether steps of it ran is not known, so it counts as started.
    pub fn adopt(&mut self, job: Job, now: Now) -> Option<Lease> {
        if self.live.contains_key(&job.id) || self.ended.contains(&job.id) {
            return None;
        }
        self.last_fence += 1;
        let fence = self.last_fence;
        let expires = now.monotonic + self.config.lease;
        let job = Arc::new(job);
        let entry = Entry {
            job: Arc::clone(&job),
            held: Some(Held {
                fence,
                expires: Some(expires),
            }),
            cancel: None,
            started: true,
        };
        self.expiring.insert((expires, fence, job.id.clone()));
        self.live.insert(job.id.clone(), entry);
        Some(Lease {
            job,
            fence,
            expires: Some(expires),
        })
    }

    /// Notes that steps of an attempt may run from now on, before anything is reported of it.
    pub fn hand_out(&mut self, id: &AttemptId, fence: u64) -> Result<(), Refusal> {
        held(&mut self.live, id, fence)?;
        if let Some(entry) = self.live.get_mut(id) {
            entry.started = true;
        }
        Ok(())
    }

    /// Prolongs a lease; answers with its new end.
    pub fn heartbeat(&mut self, id: &AttemptId, fence: u64, now: Now) -> Result<Option<Instant>, Refusal> {
        let held = held(&mut self.live, id, fence)?;
        let Some(expires) = held.expires else {
            return Ok(None);
        };
        let prolonged = now.monotonic + self.config.lease;
        held.expires = Some(prolonged);
        self.expiring.remove(&(expires, fence, id.clone()));
        self.expiring.insert((prolonged, fence, id.clone()));
        Ok(Some(prolonged))
    }

    /// Takes a report. After [`Observation::Finished`] the attempt is no longer live.
    pub fn report(
        &mut self,
        id: &AttemptId,
        fence: u64,
        observation: Observation,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        held(&mut self.live, id, fence)?;
        if matches!(observation, Observation::StepStarted { .. })
            && let Some(entry) = self.live.get_mut(id)
        {
            entry.started = true;
        }
        if matches!(observation, Observation::Finished(_)) {
            self.end(id);
        }
        effects.push(Effect::Deliver(id.clone(), observation));
        Ok(())
    }

    /// Cancels an attempt. One that waits ends at once; one that runs ends when its runner says so. Does nothing for an
    /// attempt that is not live.
    pub fn cancel(&mut self, id: &AttemptId, cancel: Cancel, now: Now, effects: &mut Vec<Effect>) {
        let Some(entry) = self.live.get_mut(id) else {
            return;
        };
        if entry.held.is_none() {
            return self.finish(id, AttemptEnd::Cancelled, now, effects);
        }
        if entry.cancel < Some(cancel) {
            entry.cancel = Some(cancel);
            effects.push(Effect::Cancel(id.clone(), cancel));
        }
    }

    /// Ends a pause of a running attempt.
    pub fn release(&self, id: &AttemptId, step: usize, release: Release, effects: &mut Vec<Effect>) {
        if self.live.get(id).is_some_and(|entry| entry.held.is_some()) {
            effects.push(Effect::Release(id.clone(), step, release));
        }
    }

    /// Gives a lease back without having run the attempt to its end, for instance when a runner shuts down.
    pub fn give_back(
        &mut self,
        id: &AttemptId,
        fence: u64,
        why: &str,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        held(&mut self.live, id, fence)?;
        self.lose(id, why, now, effects);
        Ok(())
    }

    /// Ends the leases whose time is over.
    pub fn expire(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((expires, _, id)) = self.expiring.first().cloned() {
            if expires > now.monotonic {
                return;
            }
            self.lose(&id, "its runner was not heard of any more", now, effects);
        }
    }

    /// When [`expire`](Self::expire) has something to do.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.expiring.first().map(|(expires, ..)| *expires)
    }

    /// Whether an attempt may wait to be claimed.
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Attempts that wait or run.
    pub fn live(&self) -> impl Iterator<Item = &AttemptId> {
        self.live.keys()
    }

    fn lose(&mut self, id: &AttemptId, why: &str, now: Now, effects: &mut Vec<Effect>) {
        let Some(entry) = self.live.get_mut(id) else {
            return;
        };
        if let Some(Held {
            fence,
            expires: Some(expires),
        }) = entry.held.take()
        {
            self.expiring.remove(&(expires, fence, id.clone()));
        }
        effects.push(Effect::Gone(id.clone()));
        let again = match self.config.on_lost {
            LostPolicy::Fail => false,
            LostPolicy::RepublishUnstarted => !entry.started,
            LostPolicy::Republish => true,
        };
        if entry.cancel.is_some() {
            self.finish(id, AttemptEnd::Cancelled, now, effects);
        } else if again {
            self.waiting.push_back(id.clone());
            effects.push(Effect::Wake);
        } else {
            self.finish(id, AttemptEnd::Lost(why.to_owned()), now, effects);
        }
    }

    fn finish(&mut self, id: &AttemptId, end: AttemptEnd, now: Now, effects: &mut Vec<Effect>) {
        self.end(id);
        let outcome = Outcome {
            end,
            sidecars: Vec::new(),
            at: now.wall,
        };
        effects.push(Effect::Deliver(id.clone(), Observation::Finished(outcome)));
    }

    fn end(&mut self, id: &AttemptId) {
        let Some((id, entry)) = self.live.remove_entry(id) else {
            return;
        };
        if let Some(Held {
            fence,
            expires: Some(expires),
        }) = entry.held
        {
            self.expiring.remove(&(expires, fence, id.clone()));
        }
        self.ended_order.push_back(id.clone());
        self.ended.insert(id);
        if self.ended.len() > self.config.remembered
            && let Some(oldest) = self.ended_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }
}

fn held<'l>(
    live: &'l mut HashMap<AttemptId, Entry>,
    id: &AttemptId,
    fence: u64,
) -> Result<&'l mut Held, Refusal> {
    let entry = live.get_mut(id).ok_or(Refusal::Unknown)?;
    entry
        .held
        .as_mut()
        .filter(|held| held.fence == fence)
        .ok_or(Refusal::Stale)
}
