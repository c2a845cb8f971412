//! The built-in runner: one claimer among others, in the same process.

use std::sync::Arc;
use std::time::SystemTime;

use futures::future::BoxFuture;
use tokio::task::JoinSet;

use crate::job::Job;
use crate::observation::AttemptEnd;
use crate::observation::Observation;
use crate::observation::Outcome;
use crate::queue::shared::Claim;
use crate::queue::shared::Queue;
use crate::runner::Cancel;
use crate::runner::Runner;

/// Claims attempts whenever the runner has a place, and runs them, for as long as it is polled. Dropping the future kills
/// what runs.
///
/// A place is taken before a claim, so whatever cannot run now stays in the queue for others.
pub async fn serve(queue: Arc<Queue>, runner: Runner) {
    serve_through(queue, runner, Arc::new(Open)).await;
}

/// Decides, before anything of an attempt runs, whether it may run here and now.
pub trait Gate: Send + Sync {
    /// Lets an attempt through, once and for all, or says why it counts as lost: it may have run before.
    fn enter<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<(), String>>;
}

/// A gate that lets everything through, for a queue that forgets when its runner does.
struct Open;

impl Gate for Open {
    fn enter<'a>(&'a self, _: &'a Job) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// [`serve`], with a gate before each attempt.
pub async fn serve_through(queue: Arc<Queue>, runner: Runner, gate: Arc<dyn Gate>) {
    let mut attempts = JoinSet::new();
    loop {
        let next = async {
            let slot = runner.slot().await;
            (slot, queue.claim().await)
        };
        tokio::pin!(next);
        let (slot, claim) = loop {
            tokio::select! {
                biased;
                next = &mut next => break next,
                Some(ended) = attempts.join_next(), if !attempts.is_empty() => log_panic(ended),
            }
        };
        let (queue, runner, gate) = (Arc::clone(&queue), runner.clone(), Arc::clone(&gate));
        attempts.spawn(async move { run(&queue, &runner, gate.as_ref(), slot, claim).await });
    }
}

async fn run(queue: &Queue, runner: &Runner, gate: &dyn Gate, slot: crate::runner::Slot, claim: Claim) {
    let Claim { lease, control } = claim;
    let id = &lease.job.id;
    let guard = GiveBack { queue, lease: &lease };
    if let Err(why) = gate.enter(&lease.job).await {
        let outcome = Outcome {
            end: AttemptEnd::Lost(why),
            sidecars: Vec::new(),
            at: SystemTime::now(),
        };
        // When the lease is gone, somebody else has told of the end.
        let _ = queue.report(id, lease.fence, Observation::Finished(outcome));
        return;
    }
    let mut observe = |observation| {
        if let Err(refusal) = queue.report(id, lease.fence, observation) {
            tracing::debug!(%refusal, attempt = ?id, "report refused");
            control.cancel(Cancel::Kill);
        }
    };
    runner.run(slot, &lease.job, &control, &mut observe).await;
    drop(guard);
}

/// Tells the queue when an attempt was dropped or panicked before its end; after a regular end the queue refuses, which is
/// as well.
struct GiveBack<'q> {
    queue: &'q Queue,
    lease: &'q crate::queue::Lease,
}

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        let _ = self
            .queue
            .give_back(&self.lease.job.id, self.lease.fence, "its runner stopped");
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "an attempt's task panicked");
    }
}
