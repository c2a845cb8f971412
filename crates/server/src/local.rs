//! The client for users in the plane's own process: no serialisation, no socket.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::Ids;
use windlass_runtime::client;
use windlass_runtime::client::Error;
use windlass_runtime::client::LogChunk;
use windlass_runtime::client::LogQuery;
use windlass_runtime::client::Result;
use windlass_store::Logs;
use windlass_store::Stamp;
use windlass_store::Store;
use windlass_store::Write;
use windlass_store::logs::Reader;
use windlass_store::logs::Selection;

#[cfg(test)]
mod tests;

/// A [`Client`] over a store and logs in the same process.
#[derive(Clone)]
pub struct LocalClient {
    store: Store,
    logs: Logs,
}

impl LocalClient {
    /// A client of a plane.
    pub fn new(store: Store, logs: Logs) -> Self {
        Self { store, logs }
    }

    async fn write(&self, write: Write) -> Result<Object> {
        let mut objects = self
            .store
            .commit(vec![write])
            .await
            .map_err(|error| refusal(&error))?;
        objects
            .pop()
            .ok_or_else(|| Error::Unavailable("the store answered a write with nothing".to_owned()))
    }
}

fn refusal(error: &windlass_store::Error) -> Error {
    let message = match error {
        windlass_store::Error::Invalid { .. } | windlass_store::Error::Forbidden { .. } => error.to_string(),
        other => format!("failed to {other}"),
    };
    match error {
        windlass_store::Error::NotFound(_) => Error::NotFound(message),
        windlass_store::Error::AlreadyExists(_) => Error::AlreadyExists(message),
        windlass_store::Error::Conflict { .. } => Error::Conflict(message),
        windlass_store::Error::Invalid { .. } | windlass_store::Error::Forbidden { .. } => {
            Error::Invalid(message)
        }
        windlass_store::Error::Unavailable(_) => Error::Unavailable(message),
        windlass_store::Error::Gone(_) => Error::Gone(message),
    }
}

impl Client for LocalClient {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Object>>> {
        std::future::ready(Ok(self.store.get(key))).boxed()
    }

    fn list<'a>(&'a self, kind: Kind, namespace: Option<&'a str>) -> BoxFuture<'a, Result<client::List>> {
        let list = self.store.list(kind, namespace);
        std::future::ready(Ok(client::List {
            objects: list.objects,
            version: list.version,
        }))
        .boxed()
    }

    fn create(&self, object: Object) -> BoxFuture<'_, Result<Object>> {
        self.write(Write::Create(object)).boxed()
    }

    fn update(&self, object: Object) -> BoxFuture<'_, Result<Object>> {
        self.write(Write::Update(object)).boxed()
    }

    fn update_status(&self, object: Object) -> BoxFuture<'_, Result<Object>> {
        self.write(Write::UpdateStatus(object)).boxed()
    }

    fn delete<'a>(&'a self, key: &'a Key, uid: &'a str) -> BoxFuture<'a, Result<()>> {
        let write = Write::Delete {
            key: key.clone(),
            uid: uid.to_owned(),
        };
        async { self.write(write).await.map(drop) }.boxed()
    }

    fn watch<'a>(
        &'a self,
        kinds: &'a [Kind],
        namespace: Option<&'a str>,
        from: Option<u64>,
    ) -> BoxFuture<'a, Result<Box<dyn client::Watch>>> {
        let watch = self
            .store
            .watch(kinds, namespace, from)
            .map_err(|error| refusal(&error));
        std::future::ready(watch.map(|watch| Box::new(LocalWatch(watch)) as Box<dyn client::Watch>)).boxed()
    }

    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<Box<dyn client::LogStream>>> {
        let selection = Selection {
            namespace: query.namespace,
            pod: query.pod,
            container: query.container,
        };
        let stream = LocalLogs(self.logs.read(selection, query.follow));
        std::future::ready(Ok(Box::new(stream) as Box<dyn client::LogStream>)).boxed()
    }
}

struct LocalWatch(windlass_store::Watch);

impl client::Watch for LocalWatch {
    fn next(&mut self) -> BoxFuture<'_, Option<client::Event>> {
        async {
            let event = self.0.next().await?;
            let kind = match event.kind {
                windlass_store::EventType::Added => client::EventType::Added,
                windlass_store::EventType::Modified => client::EventType::Modified,
                windlass_store::EventType::Deleted => client::EventType::Deleted,
            };
            Some(client::Event {
                kind,
                object: event.object,
            })
        }
        .boxed()
    }
}

struct LocalLogs(Reader);

impl client::LogStream for LocalLogs {
    fn next(&mut self) -> BoxFuture<'_, Option<LogChunk>> {
        async {
            match self.0.next().await {
                Ok(piece) => piece.map(|piece| LogChunk {
                    pod: piece.id.pod,
                    container: piece.id.container,
                    bytes: piece.bytes,
                }),
                Err(error) => {
                    tracing::error!(%error, "failed to read a log");
                    None
                }
            }
        }
        .boxed()
    }
}

/// Time and identity for a store, from the clock and ids of its plane.
pub struct StampFrom {
    /// The plane's clock.
    pub clock: Arc<dyn Clock>,
    /// The plane's identities.
    pub ids: Arc<dyn Ids>,
}

impl Stamp for StampFrom {
    fn now(&self) -> Time {
        self.clock.now()
    }

    fn uid(&self) -> String {
        self.ids.uid()
    }

    fn suffix(&self) -> String {
        self.ids.suffix()
    }
}
