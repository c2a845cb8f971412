//! A client whose user dies at a chosen moment, and whose calls fail where that is asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Notify;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_runtime::Client;
use windlass_runtime::client::Error;
use windlass_runtime::client::List;
use windlass_runtime::client::LogQuery;
use windlass_runtime::client::LogStream;
use windlass_runtime::client::Result;
use windlass_runtime::client::Watch;

/// How many of the next writes of an object fail, by its key; those of its status do not. Clones share the numbers.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<HashMap<Key, usize>>>);

impl Faults {
    /// The next writes of an object fail, so many of them.
    pub fn add(&self, key: Key, times: usize) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, times);
    }

    fn take(&self, key: &Key) -> Result<()> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match left.get_mut(key) {
            Some(times) if *times > 0 => {
                *times -= 1;
                Err(Error::Unavailable(format!("the plane does not take {key} now")))
            }
            _ => Ok(()),
        }
    }
}

/// Passes every call on; after the write that was chosen it never answers again, and says so.
pub struct CrashingClient {
    inner: Arc<dyn Client>,
    writes: AtomicUsize,
    crash_after: Option<usize>,
    crashed: Notify,
    faults: Faults,
}

impl CrashingClient {
    /// A client that dies after so many writes; `None` never.
    pub fn new(inner: Arc<dyn Client>, crash_after: Option<usize>, faults: Faults) -> Self {
        Self {
            inner,
            faults,
            writes: AtomicUsize::new(0),
            crash_after,
            crashed: Notify::new(),
        }
    }

    /// Writes so far, refused ones included.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    /// Ends when the client died. To be awaited by one.
    pub async fn crashed(&self) {
        self.crashed.notified().await;
    }

    async fn write<T>(&self, call: BoxFuture<'_, Result<T>>) -> Result<T> {
        if self.is_dead() {
            return std::future::pending().await;
        }
        let result = call.await;
        self.writes.fetch_add(1, Ordering::Relaxed);
        if self.is_dead() {
            self.crashed.notify_one();
            return std::future::pending().await;
        }
        result
    }

    fn is_dead(&self) -> bool {
        self.crash_after.is_some_and(|after| self.writes() >= after)
    }
}

fn refuse<'a>(error: Error) -> BoxFuture<'a, Result<Object>> {
    std::future::ready(Err(error)).boxed()
}

impl Client for CrashingClient {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Object>>> {
        self.inner.get(key)
    }

    fn list<'a>(&'a self, kind: Kind, namespace: Option<&'a str>) -> BoxFuture<'a, Result<List>> {
        self.inner.list(kind, namespace)
    }

    fn create(&self, object: Object) -> BoxFuture<'_, Result<Object>> {
        let taken = self.faults.take(&object.key());
        self.write(taken.map_or_else(refuse, |()| self.inner.create(object)))
            .boxed()
    }

    fn update(&self, object: Object) -> BoxFuture<'_, Result<Object>> {
        let taken = self.faults.take(&object.key());
        self.write(taken.map_or_else(refuse, |()| self.inner.update(object)))
            .boxed()
    }

    fn update_status(&self, object: Object) -> BoxFuture<'_, Result<Object>> {
        self.write(self.inner.update_status(object)).boxed()
    }

    fn delete<'a>(&'a self, key: &'a Key, uid: &'a str) -> BoxFuture<'a, Result<()>> {
        self.write(self.inner.delete(key, uid)).boxed()
    }

    fn watch<'a>(
        &'a self,
        kinds: &'a [Kind],
        namespace: Option<&'a str>,
        from: Option<u64>,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>>> {
        self.inner.watch(kinds, namespace, from)
    }

    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<Box<dyn LogStream>>> {
        self.inner.logs(query)
    }
}
