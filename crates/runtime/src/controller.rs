//! The loop around a reconciler: watch, queue, reconcile, again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Time;

use crate::client;
use crate::client::Client;
use crate::client::Event;
use crate::clock::Clock;
use crate::queue::Queue;

/// Wait after a failed reconcile; doubled with each further failure would need memory per key, and the failures that
/// happen here (a plane that is shutting down) end soon or never.
const RETRY_AFTER: windlass_api::Duration = windlass_api::Duration::from_millis(200);

/// Wait before a broken watch is opened again.
const REWATCH_AFTER: Duration = Duration::from_millis(100);

/// Keys reconciled at the same time by one controller; more would only wait for the store.
const CONCURRENCY: usize = 64;

/// What should happen to a key after it was reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing until something changes.
    AwaitChange,
    /// Reconcile again at a point, or earlier if something changes.
    RequeueAt(Time),
}

/// Brings the world to what one object asks for.
///
/// # Expected flow
/// [`observe`](Self::observe) is called for every event of the watched kinds, in order, and says which keys it
/// concerns. [`reconcile`](Self::reconcile) is then called for each such key, never twice at once for the same key,
/// and looks at the world afresh: it takes no hint of what changed, so a restart is just another call.
pub trait Reconcile: Send + Sync + 'static {
    /// Kinds whose events matter.
    fn kinds(&self) -> &'static [Kind];

    /// Notes an event and adds the keys it concerns to `keys`.
    fn observe(&self, event: &Event, keys: &mut Vec<Key>);

    /// Brings one key forward.
    fn reconcile<'a>(&'a self, key: &'a Key) -> impl Future<Output = client::Result<Action>> + Send + 'a;
}

/// Wakes a controller from outside its watches, for instance when a runner reports.
#[derive(Clone, Debug)]
pub struct Waker {
    sender: mpsc::UnboundedSender<Key>,
}

impl Waker {
    /// A waker and the end that a controller listens to.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Key>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender }, receiver)
    }

    /// Asks for work on a key.
    pub fn wake(&self, key: Key) {
        // A controller that is gone needs no waking.
        let _ = self.sender.send(key);
    }
}

/// Runs a reconciler until the future is dropped.
pub async fn run<R: Reconcile>(
    reconciler: Arc<R>,
    client: Arc<dyn Client>,
    clock: Arc<dyn Clock>,
    mut wakes: mpsc::UnboundedReceiver<Key>,
) {
    let mut queue = Queue::default();
    loop {
        match client.watch(reconciler.kinds(), None, None).await {
            Ok(mut watch) => drive(&reconciler, &clock, &mut queue, watch.as_mut(), &mut wakes).await,
            Err(error) => tracing::warn!(%error, "failed to open a watch"),
        }
        tokio::time::sleep(REWATCH_AFTER).await;
    }
}

/// Works until the watch ends.
async fn drive<R: Reconcile>(
    reconciler: &Arc<R>,
    clock: &Arc<dyn Clock>,
    queue: &mut Queue,
    watch: &mut dyn client::Watch,
    wakes: &mut mpsc::UnboundedReceiver<Key>,
) {
    let mut working = FuturesUnordered::new();
    let mut keys = Vec::new();
    let mut timer: Option<(Time, futures::future::BoxFuture<'static, ()>)> = None;
    loop {
        while working.len() < CONCURRENCY
            && let Some(key) = queue.take()
        {
            let reconciler = Arc::clone(reconciler);
            working.push(async move {
                let result = reconciler.reconcile(&key).await;
                (key, result)
            });
        }
        let due = queue.next_due();
        if timer.as_ref().map(|(at, _)| *at) != due {
            timer = due.map(|at| (at, clock.sleep_until(at)));
        }
        tokio::select! {
            biased;
            Some((key, result)) = working.next(), if !working.is_empty() => settle(queue, clock, &key, result),
            event = watch.next() => {
                let Some(event) = event else { return };
                reconciler.observe(&event, &mut keys);
                keys.drain(..).for_each(|key| queue.add(key));
            }
            Some(key) = wakes.recv() => queue.add(key),
            () = expired(&mut timer) => {
                timer = None;
                queue.wake(clock.now());
            }
        }
    }
}

/// Ends when the timer does; without a timer never.
async fn expired(timer: &mut Option<(Time, futures::future::BoxFuture<'static, ()>)>) {
    match timer {
        Some((_, sleep)) => sleep.await,
        None => std::future::pending().await,
    }
}

fn settle(queue: &mut Queue, clock: &Arc<dyn Clock>, key: &Key, result: client::Result<Action>) {
    queue.done(key);
    match result {
        Ok(Action::AwaitChange) => {}
        Ok(Action::RequeueAt(at)) => queue.add_at(key.clone(), at),
        Err(client::Error::Conflict(_)) => queue.add(key.clone()),
        Err(error) => {
            tracing::warn!(%key, %error, "failed to reconcile");
            queue.add_at(key.clone(), clock.now().plus(RETRY_AFTER));
        }
    }
}
