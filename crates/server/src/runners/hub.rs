//! The job queue as runners in other processes see it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio::sync::watch;
use windlass_api::Key;
use windlass_executor::Job;
use windlass_executor::job::AttemptId;
use windlass_executor::observation::Observation;
use windlass_executor::protocol::Change;
use windlass_executor::protocol::Holding;
use windlass_executor::protocol::Offer;
use windlass_executor::protocol::Orders;
use windlass_executor::protocol::Output;
use windlass_executor::protocol::POLL;
use windlass_executor::protocol::Poll;
use windlass_executor::protocol::Report;
use windlass_executor::queue;
use windlass_executor::queue::Jobs;
use windlass_executor::queue::Observations;
use windlass_executor::queue::Queue;
use windlass_executor::queue::QueueConfig;
use windlass_executor::runner::Cancel;
use windlass_executor::runner::Release;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::client::Result;
use windlass_store::Logs;
use windlass_store::logs::SegmentId;

use super::claims;

/// The queue, who holds what, and what was heard of it.
pub struct Hub {
    pub(super) client: Arc<dyn Client>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) queue: Arc<Queue>,
    logs: Logs,
    held: Mutex<HashMap<AttemptId, Entry>>,
    /// Counts what may concern a runner that waits for an answer.
    pub(super) changes: watch::Sender<u64>,
}

/// An attempt with a claim in the store.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) fence: u64,
    pub(super) runner: String,
    pub(super) instance: String,
    /// What this process knows of it; nothing before it is published here.
    pub(super) live: Option<Live>,
}

/// An attempt that was published here.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) claim: queue::Claim,
    /// Reports taken.
    pub(super) taken: usize,
    pub(super) ended: bool,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It comes too late: the attempt is settled, or another's.
    #[error("CLAIM_SUPERSEDED")]
    Superseded,
    /// It comes too early: the attempt is not published yet.
    #[error("NOT_PUBLISHED")]
    NotYet,
    /// It makes no sense.
    #[error("INVALID")]
    Invalid,
    /// It could not be kept.
    #[error("NOT_KEPT")]
    NotKept,
}

impl Hub {
    /// Reads the claims of earlier processes, and makes the queue; the stream tells the reconcilers what runners report.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        client: Arc<dyn Client>,
        clock: Arc<dyn Clock>,
        logs: Logs,
        config: QueueConfig,
    ) -> Result<(Arc<Self>, Observations)> {
        let (queue, observations) = Queue::new(config);
        let hub = Self {
            held: Mutex::new(claims::read(client.as_ref()).await?),
            client,
            clock,
            queue,
            logs,
            changes: watch::Sender::new(0),
        };
        Ok((Arc::new(hub), observations))
    }

    /// Ends leases and settles attempts, for as long as it is polled.
    pub async fn tend(self: Arc<Self>) {
        tokio::join!(self.queue.watch_leases(), self.settle());
    }

    pub(super) fn held(&self) -> MutexGuard<'_, HashMap<AttemptId, Entry>> {
        // Every change is one assignment, so a poisoned lock is still good.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the runners that wait for an answer.
    pub(super) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Answers a runner when there is something to say, or when it has waited long enough.
    pub(super) async fn poll(self: &Arc<Self>, poll: &Poll) -> Orders {
        let mut changes = self.changes.subscribe();
        let deadline = tokio::time::Instant::now() + POLL;
        loop {
            changes.borrow_and_update();
            let mut orders = self.orders(poll);
            while orders.jobs.len() < poll.slots {
                // On a task of its own: a runner that hangs up must not leave half a claim.
                let (hub, runner, instance) = (Arc::clone(self), poll.runner.clone(), poll.instance.clone());
                let taken = tokio::spawn(async move { hub.hand_out(runner, instance).await });
                let Ok(Some(offer)) = taken.await else { break };
                orders.jobs.push(offer);
            }
            if !orders.is_empty() {
                return orders;
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep_until(deadline) => return orders,
            }
        }
    }

    /// What a runner is to be told about what it holds, or should hold.
    fn orders(&self, poll: &Poll) -> Orders {
        let held = self.held();
        let mut orders = Orders::default();
        for holding in &poll.held {
            match held.get(&holding.attempt) {
                Some(entry) if entry.is_of(poll, holding) => {
                    let Some(live) = &entry.live else { continue };
                    // One whose lease is over learns that from its control.
                    let _ = self.queue.heartbeat(&holding.attempt, live.claim.lease.fence);
                    orders.changes.extend(change(holding, live));
                }
                _ => orders.gone.push(holding.attempt.clone()),
            }
        }
        for (id, entry) in held.iter() {
            let is_lost = entry.runner == poll.runner
                && entry.instance == poll.instance
                && !poll.held.iter().any(|holding| holding.attempt == *id);
            if let Some(live) = entry.live.as_ref().filter(|live| is_lost && !live.ended) {
                orders.jobs.push(Offer {
                    job: Job::clone(&live.claim.lease.job),
                    fence: entry.fence,
                });
            }
        }
        orders
    }

    /// Takes reports; answers with how many of the attempt were taken in all.
    pub(super) fn report(&self, report: Report) -> Result<usize, Refused> {
        let id = report.attempt;
        let mut held = self.held();
        let live = live(&mut held, &id, report.fence)?;
        // Those from before were taken already; those after a gap come again.
        let Some(known) = live.taken.checked_sub(report.sequence) else {
            return Ok(live.taken);
        };
        for observation in report.observations.into_iter().skip(known) {
            let is_end = matches!(observation, Observation::Finished(_));
            self.queue
                .report(&id, live.claim.lease.fence, observation)
                .map_err(|_| Refused::Superseded)?;
            live.taken += 1;
            live.ended = is_end;
        }
        Ok(live.taken)
    }

    /// Takes printed bytes; answers with how many of the log are held.
    pub(super) fn print(&self, output: &Output, bytes: &[u8]) -> Result<u64, Refused> {
        let id = AttemptId {
            task_run_uid: output.uid.clone(),
            attempt: output.attempt,
        };
        let job = {
            let mut held = self.held();
            Arc::clone(&live(&mut held, &id, output.fence)?.claim.lease.job)
        };
        if !has_container(&job, &output.container) {
            return Err(Refused::Invalid);
        }
        let segment = SegmentId {
            namespace: job.namespace.as_str().into(),
            pod: job.pod.as_str().into(),
            container: output.container.as_str().into(),
        };
        let kept = || -> std::io::Result<u64> {
            let now = self.clock.now();
            let taken = self.logs.append_at(&segment, output.offset, now, bytes)?;
            if output.close && taken >= output.offset + bytes.len() as u64 {
                self.logs.close(&segment)?;
            }
            Ok(taken)
        };
        kept().map_err(|error| {
            tracing::error!(%error, "output of a step cannot be kept");
            Refused::NotKept
        })
    }
}

impl Entry {
    fn is_of(&self, poll: &Poll, holding: &Holding) -> bool {
        self.fence == holding.fence && self.runner == poll.runner && self.instance == poll.instance
    }
}

fn live<'h>(
    held: &'h mut HashMap<AttemptId, Entry>,
    id: &AttemptId,
    fence: u64,
) -> Result<&'h mut Live, Refused> {
    let entry = held.get_mut(id).filter(|entry| entry.fence == fence);
    entry
        .ok_or(Refused::Superseded)?
        .live
        .as_mut()
        .ok_or(Refused::NotYet)
}

fn change(holding: &Holding, live: &Live) -> Option<Change> {
    let (cancel, releases) = live.claim.control.asked();
    let is_new = cancel > holding.cancel || releases.len() > holding.releases || live.taken < holding.taken;
    is_new.then(|| Change {
        attempt: holding.attempt.clone(),
        taken: live.taken,
        cancel,
        releases,
    })
}

fn has_container(job: &Job, container: &str) -> bool {
    let is = |prefix: &str, name: &str| container.strip_prefix(prefix) == Some(name);
    job.steps.iter().any(|step| is("step-", &step.name))
        || job.sidecars.iter().any(|sidecar| is("sidecar-", &sidecar.name))
}

impl Jobs for Hub {
    fn publish(&self, job: Job) {
        let mut held = self.held();
        match held.get_mut(&job.id) {
            // Claimed before this process was: whoever has it goes on.
            Some(entry) if entry.live.is_none() => {
                entry.live = self.queue.adopt(job).map(|claim| Live {
                    claim,
                    taken: 0,
                    ended: false,
                });
            }
            Some(_) => {}
            None => self.queue.publish(job),
        }
        drop(held);
        self.changed();
    }

    fn cancel(&self, id: &AttemptId, cancel: Cancel) {
        self.queue.cancel(id, cancel);
        self.changed();
    }

    fn release(&self, id: &AttemptId, step: usize, release: Release) {
        Jobs::release(self.queue.as_ref(), id, step, release);
        self.changed();
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hub").finish_non_exhaustive()
    }
}
