//! The loop around a reconciler: watch, queue, reconcile, again.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;

use crate::client;
use crate::client::Client;
use crate::client::Event;
use crate::client::EventType;
use crate::clock::Clock;
use crate::queue::Queue;

#[cfg(test)]
mod tests;

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
/// concerns; a deletion that happened while no watch was open is told afterwards. [`reconcile`](Self::reconcile) is then called for each such key, never twice at once for the same key,
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
    let mut known = Known::default();
    let mut work = Work {
        reconciler,
        clock,
        queue: Queue::default(),
        working: FuturesUnordered::new(),
    };
    loop {
        match known.open(client.as_ref(), work.reconciler.kinds()).await {
            Ok((mut watch, events)) => {
                for event in &events {
                    work.observe(event);
                }
                work.follow(watch.as_mut(), &mut known, &mut wakes).await;
            }
            Err(error) => tracing::warn!(%error, "failed to open a watch"),
        }
        tokio::time::sleep(REWATCH_AFTER).await;
    }
}

/// Objects that watches have told of, so that what vanished between two of them can be told too.
#[derive(Default)]
struct Known {
    objects: HashMap<Key, Object>,
}

impl Known {
    /// Opens a watch; the events say how the world got from what was known to where the watch begins.
    async fn open(
        &mut self,
        client: &dyn Client,
        kinds: &[Kind],
    ) -> client::Result<(Box<dyn client::Watch>, Vec<Event>)> {
        let mut present = HashMap::new();
        let mut version = u64::MAX;
        for kind in kinds {
            let list = client.list(*kind, None).await?;
            version = version.min(list.version);
            present.extend(list.objects.into_iter().map(|object| (object.key(), object)));
        }
        let watch = client.watch(kinds, None, Some(version)).await?;
        let before = std::mem::replace(&mut self.objects, present);
        let gone = before
            .into_iter()
            .filter(|(key, _)| !self.objects.contains_key(key));
        let gone = gone.map(|(_, object)| Event {
            kind: EventType::Deleted,
            object,
        });
        let present = self.objects.values().cloned();
        let present = present.map(|object| Event {
            kind: EventType::Added,
            object,
        });
        Ok((watch, gone.chain(present).collect()))
    }

    fn note(&mut self, event: &Event) {
        match event.kind {
            EventType::Deleted => self.objects.remove(&event.object.key()),
            EventType::Added | EventType::Modified => {
                self.objects.insert(event.object.key(), event.object.clone())
            }
        };
    }
}

/// Keys that wait and keys in work; both outlive a watch.
struct Work<R> {
    reconciler: Arc<R>,
    clock: Arc<dyn Clock>,
    queue: Queue,
    working: FuturesUnordered<BoxFuture<'static, (Key, client::Result<Action>)>>,
}

impl<R: Reconcile> Work<R> {
    /// Works until the watch ends.
    async fn follow(
        &mut self,
        watch: &mut dyn client::Watch,
        known: &mut Known,
        wakes: &mut mpsc::UnboundedReceiver<Key>,
    ) {
        let mut timer = None;
        loop {
            self.start();
            let due = self.queue.next_due();
            if timer.as_ref().map(|(at, _)| *at) != due {
                timer = due.map(|at| (at, self.clock.sleep_until(at)));
            }
            tokio::select! {
                // In this order: what is due is not starved by what happens, and room is made before more comes in.
                biased;
                () = expired(&mut timer) => {
                    timer = None;
                    self.queue.wake(self.clock.now());
                }
                Some((key, result)) = self.working.next(), if !self.working.is_empty() => self.settle(&key, result),
                event = watch.next() => {
                    let Some(event) = event else { return };
                    known.note(&event);
                    self.observe(&event);
                }
                Some(key) = wakes.recv() => self.queue.add(key),
            }
        }
    }

    fn observe(&mut self, event: &Event) {
        let mut keys = Vec::new();
        self.reconciler.observe(event, &mut keys);
        for key in keys {
            self.queue.add(key);
        }
    }

    fn start(&mut self) {
        while self.working.len() < CONCURRENCY
            && let Some(key) = self.queue.take()
        {
            let reconciler = Arc::clone(&self.reconciler);
            self.working.push(Box::pin(async move {
                // A reconciler keeps no state of a key across calls, so there is nothing that a panic leaves half done.
                let result = AssertUnwindSafe(reconciler.reconcile(&key)).catch_unwind().await;
                let panicked = |_| Err(client::Error::Unavailable("the reconciler panicked".to_owned()));
                let result = result.unwrap_or_else(panicked);
                (key, result)
            }));
        }
    }

    fn settle(&mut self, key: &Key, result: client::Result<Action>) {
        self.queue.done(key);
        match result {
            Ok(Action::AwaitChange) => {}
            Ok(Action::RequeueAt(at)) => self.queue.add_at(key.clone(), at),
            Err(client::Error::Conflict(_)) => self.queue.add(key.clone()),
            Err(error) => {
                tracing::warn!(%key, %error, "failed to reconcile");
                self.queue.add_at(key.clone(), self.clock.now().plus(RETRY_AFTER));
            }
        }
    }
}

/// Ends when the timer does; without a timer never.
async fn expired(timer: &mut Option<(Time, BoxFuture<'static, ()>)>) {
    match timer {
        Some((_, sleep)) => sleep.await,
        None => std::future::pending().await,
    }
}
