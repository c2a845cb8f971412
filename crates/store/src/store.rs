//! Objects in memory behind one write path.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;

use crate::admission::Admission;
use crate::backend;
use crate::backend::Backend;
use crate::backend::Record;
use crate::commit::Rules;
use crate::commit::View;
use crate::error::Error;
use crate::stamp::Stamp;
use crate::subscriber::Filter;
use crate::subscriber::Subscriber;
use crate::subscriber::Watch;
use crate::window::Window;
use crate::write::Event;
use crate::write::EventType;
use crate::write::Write;
use crate::writer;
use crate::writer::Request;

/// All objects of a plane.
///
/// # Guarantees
/// - A commit is atomic: all its writes happen under one version each in a row, or none does.
/// - Versions are numeric, grow with every write, and are never reused.
/// - A write whose result equals what is stored writes nothing and keeps the version.
/// - Every watcher sees every event it asked for in commit order, or is cut off.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    /// The thread that writes, where commits are kept.
    writer: Option<mpsc::Sender<Request>>,
}

pub(crate) struct Inner {
    rules: Rules,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    version: u64,
    objects: BTreeMap<Key, Object>,
    window: Window,
    subscribers: Vec<Subscriber>,
}

/// Objects of one moment.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The objects, ordered by namespace and name.
    pub objects: Vec<Object>,
    /// Version of the moment; a watch from here misses nothing.
    pub version: u64,
}

impl Store {
    /// An empty store.
    pub fn new(admission: Box<dyn Admission>, stamp: Box<dyn Stamp>) -> Self {
        Self {
            inner: Arc::new(Inner {
                rules: Rules { admission, stamp },
                state: Mutex::default(),
            }),
            writer: None,
        }
    }

    /// A store whose commits are kept by a backend, with all that it holds. A thread of its own writes, until the last
    /// handle is gone.
    ///
    /// # Errors
    /// When what is kept cannot be read.
    pub fn durable(
        admission: Box<dyn Admission>,
        stamp: Box<dyn Stamp>,
        mut backend: Box<dyn Backend>,
    ) -> Result<Self, backend::Error> {
        let loaded = backend.load()?;
        let store = Self::new(admission, stamp);
        {
            let mut state = store.state();
            for record in &loaded.records {
                let object = read(record)?;
                state.objects.insert(object.key(), object);
            }
            state.version = loaded.version;
        }
        let (sender, requests) = mpsc::channel(writer::WAITING);
        let inner = Arc::clone(&store.inner);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer::run(&inner, requests, backend))
            .map_err(|error| backend::Error::Unavailable(error.to_string()))?;
        Ok(Self {
            writer: Some(sender),
            ..store
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state()
    }

    /// Version of the newest commit.
    pub fn version(&self) -> u64 {
        self.state().version
    }

    /// What writes would leave behind; nothing is changed.
    ///
    /// # Errors
    /// The first refusal.
    pub fn dry_run(&self, writes: Vec<Write>) -> Result<Vec<Object>, Error> {
        let state = self.state();
        let mut view = View::new(&state.objects, writes.len());
        let mut version = state.version;
        self.inner.rules.decide(&mut view, writes, &mut version)
    }

    /// The object, if there is one.
    pub fn get(&self, key: &Key) -> Option<Object> {
        self.state().objects.get(key).cloned()
    }

    /// Objects of a kind, in one namespace or all.
    pub fn list(&self, kind: Kind, namespace: Option<&str>) -> List {
        let state = self.state();
        let from = Key::new(kind, namespace.unwrap_or_default(), "");
        let objects = state
            .objects
            .range(from..)
            .take_while(|(key, _)| {
                key.kind == kind && namespace.is_none_or(|namespace| &*key.namespace == namespace)
            })
            .map(|(_, object)| object.clone())
            .collect();
        List {
            objects,
            version: state.version,
        }
    }

    /// Watches kinds from just after a version; `None` starts with an `Added` event for every existing object.
    ///
    /// # Errors
    /// [`Error::Gone`] when the version is older than the window, or newer than the store, as after the loss of a store
    /// in memory.
    pub fn watch(&self, kinds: &[Kind], namespace: Option<&str>, from: Option<u64>) -> Result<Watch, Error> {
        let filter = Filter {
            kinds: kinds.to_vec(),
            namespace: namespace.map(str::to_owned),
        };
        let mut state = self.state();
        let backlog = match from {
            None => existing(&state, &filter),
            Some(version) => resumed(&state, &filter, version)?,
        };
        let (subscriber, watch) = Subscriber::new(filter, backlog);
        state.subscribers.push(subscriber);
        Ok(watch)
    }

    /// Applies writes, all or none, and returns the objects as stored (the last state of deleted ones).
    ///
    /// # Errors
    /// The first refusal; nothing has changed then.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<Vec<Object>, Error> {
        let Some(writer) = &self.writer else {
            return self.commit_in_memory(writes);
        };
        let gone = || Error::Unavailable("the store is shutting down".to_owned());
        let (answer, decided) = oneshot::channel();
        let request = Request { writes, answer };
        writer.send(request).await.map_err(|_| gone())?;
        decided.await.map_err(|_| gone())?
    }

    fn commit_in_memory(&self, writes: Vec<Write>) -> Result<Vec<Object>, Error> {
        let mut state = self.state();
        let mut view = View::new(&state.objects, writes.len());
        let mut version = state.version;
        let results = self.inner.rules.decide(&mut view, writes, &mut version)?;
        let events = view.into_events();
        state.apply(events.into_iter().map(|event| (event, None)));
        Ok(results)
    }
}

/// The object of a record.
fn read(record: &Record) -> Result<Object, backend::Error> {
    let unreadable = |error: String| {
        let Record {
            kind,
            namespace,
            name,
            ..
        } = record;
        backend::Error::Corrupt(format!("{kind} {namespace}/{name} cannot be read: {error}"))
    };
    let value = serde_json::from_slice(&record.json).map_err(|error| unreadable(error.to_string()))?;
    Object::of_kind(record.kind, value).map_err(|problems| {
        let first = problems.first().map(ToString::to_string);
        unreadable(first.unwrap_or_default())
    })
}

impl Inner {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // State is consistent between statements that can panic, so a poisoned lock is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Takes over what other processes committed.
    pub(crate) fn adopt(&self, records: &[Record]) -> Result<(), backend::Error> {
        let mut events = Vec::with_capacity(records.len());
        for record in records {
            let event = Event {
                kind: record.event,
                object: read(record)?,
                version: record.version,
            };
            events.push((event, Some(record.json.len())));
        }
        self.state().apply(events);
        Ok(())
    }
}

fn existing(state: &State, filter: &Filter) -> Vec<Event> {
    state
        .objects
        .values()
        .map(|object| Event {
            kind: EventType::Added,
            object: object.clone(),
            version: state.version,
        })
        .filter(|event| filter.accepts(event))
        .collect()
}

fn resumed(state: &State, filter: &Filter, from: u64) -> Result<Vec<Event>, Error> {
    let oldest = state
        .window
        .events()
        .next()
        .map_or(state.version, |event| event.version - 1);
    if from < oldest || from > state.version {
        return Err(Error::Gone(from));
    }
    Ok(state
        .window
        .events()
        .filter(|event| event.version > from && filter.accepts(event))
        .cloned()
        .collect())
}

impl State {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn objects(&self) -> &BTreeMap<Key, Object> {
        &self.objects
    }

    /// Shows events, in order, each with its size in bytes as JSON where that is known.
    pub(crate) fn apply(&mut self, events: impl IntoIterator<Item = (Event, Option<usize>)>) {
        for (event, size) in events {
            self.version = event.version;
            match event.kind {
                EventType::Added | EventType::Modified => {
                    self.objects.insert(event.object.key(), event.object.clone());
                }
                EventType::Deleted => {
                    self.objects.remove(&event.object.key());
                }
            }
            self.subscribers.retain(|subscriber| subscriber.notify(&event));
            self.window.push(event, size);
        }
    }
}
