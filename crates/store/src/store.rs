//! Objects in memory behind one write path.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;

use crate::admission::Admission;
use crate::error::Error;
use crate::stamp::Stamp;
use crate::subscriber::Filter;
use crate::subscriber::Subscriber;
use crate::subscriber::Watch;
use crate::write::Event;
use crate::write::EventType;
use crate::write::Write;

/// Events kept for watchers that resume: some minutes of a busy plane, a few megabytes of references.
const WINDOW: usize = 16_384;

/// Attempts to complete a `generateName` before giving up; with 27^5 suffixes a second collision is already rare.
const NAME_ATTEMPTS: usize = 8;

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
}

struct Inner {
    admission: Box<dyn Admission>,
    stamp: Box<dyn Stamp>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    version: u64,
    objects: BTreeMap<Key, Object>,
    window: VecDeque<Event>,
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
                admission,
                stamp,
                state: Mutex::default(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // State is consistent between statements that can panic, so a poisoned lock is still good.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// [`Error::Gone`] when the version is older than the window.
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
    #[expect(
        clippy::unused_async,
        reason = "durable backends wait here for the disk before they acknowledge"
    )]
    pub async fn commit(&self, writes: Vec<Write>) -> Result<Vec<Object>, Error> {
        let mut state = self.state();
        let mut version = state.version;
        let mut events: Vec<Event> = Vec::with_capacity(writes.len());
        let mut results = Vec::with_capacity(writes.len());
        for write in writes {
            let view = View {
                objects: &state.objects,
                events: &events,
            };
            let event = self.inner.prepare(&view, write, version + 1)?;
            if event.version > version {
                version = event.version;
                events.push(event.clone());
            }
            results.push(event.object);
        }
        state.apply(events);
        Ok(results)
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
        .front()
        .map_or(state.version, |event| event.version - 1);
    if from < oldest {
        return Err(Error::Gone(from));
    }
    Ok(state
        .window
        .iter()
        .filter(|event| event.version > from && filter.accepts(event))
        .cloned()
        .collect())
}

/// Objects as the writes before this one in the same commit leave them.
struct View<'a> {
    objects: &'a BTreeMap<Key, Object>,
    events: &'a [Event],
}

impl View<'_> {
    fn get(&self, key: &Key) -> Option<&Object> {
        match self.events.iter().rev().find(|event| event.object.key() == *key) {
            Some(event) => (event.kind != EventType::Deleted).then_some(&event.object),
            None => self.objects.get(key),
        }
    }
}

impl State {
    fn apply(&mut self, events: Vec<Event>) {
        for event in events {
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
            if self.window.len() == WINDOW {
                self.window.pop_front();
            }
            self.window.push_back(event);
        }
    }
}

impl Inner {
    /// The event a write would cause; an event with an old version means that nothing changes.
    fn prepare(&self, view: &View<'_>, write: Write, version: u64) -> Result<Event, Error> {
        match write {
            Write::Create(object) => self.create(view, object, version),
            Write::Update(object) => self.update(view, object, version),
            Write::UpdateStatus(object) => update_status(view, &object, version),
            Write::Delete { key, uid } => delete(view, &key, &uid, version),
        }
    }

    fn create(&self, view: &View<'_>, mut object: Object, version: u64) -> Result<Event, Error> {
        self.complete_name(view, &mut object)?;
        self.check_in(&mut object, None)?;
        let key = object.key();
        if view.get(&key).is_some() {
            return Err(Error::AlreadyExists(key));
        }
        let (uid, now) = (self.stamp.uid(), self.stamp.now());
        let metadata = object.metadata_mut();
        metadata.uid = uid;
        metadata.creation_timestamp = Some(now.truncated_to_seconds());
        metadata.generation = 1;
        metadata.resource_version = version.to_string();
        Ok(Event {
            kind: EventType::Added,
            object,
            version,
        })
    }

    fn complete_name(&self, view: &View<'_>, object: &mut Object) -> Result<(), Error> {
        let metadata = object.metadata();
        if !metadata.name.is_empty() || metadata.generate_name.is_empty() {
            return Ok(());
        }
        let prefix = metadata.generate_name.clone();
        for _ in 0..NAME_ATTEMPTS {
            // Kubernetes shortens the prefix so that the whole stays a label of 63 characters.
            let prefix: String = prefix.chars().take(58).collect();
            object.metadata_mut().name = format!("{prefix}{}", self.stamp.suffix());
            if view.get(&object.key()).is_none() {
                return Ok(());
            }
        }
        Err(Error::AlreadyExists(object.key()))
    }

    fn update(&self, view: &View<'_>, mut object: Object, version: u64) -> Result<Event, Error> {
        let key = object.key();
        let old = view.get(&key).ok_or_else(|| Error::NotFound(key.clone()))?;
        check_version(&key, &object, old)?;
        keep_identity(&mut object, old);
        copy_status(&mut object, old);
        self.check_in(&mut object, Some(old))?;
        if object == *old {
            return Ok(unchanged(old));
        }
        if !same_desired_state(&object, old) {
            object.metadata_mut().generation += 1;
        }
        object.metadata_mut().resource_version = version.to_string();
        Ok(Event {
            kind: EventType::Modified,
            object,
            version,
        })
    }

    fn check_in(&self, object: &mut Object, old: Option<&Object>) -> Result<(), Error> {
        self.admission
            .admit(object, old)
            .map_err(|message| Error::Invalid {
                key: object.key(),
                message,
            })
    }
}

fn update_status(view: &View<'_>, given: &Object, version: u64) -> Result<Event, Error> {
    let key = given.key();
    let old = view.get(&key).ok_or_else(|| Error::NotFound(key.clone()))?;
    check_version(&key, given, old)?;
    let mut object = old.clone();
    copy_status(&mut object, given);
    if object == *old {
        return Ok(unchanged(old));
    }
    object.metadata_mut().resource_version = version.to_string();
    Ok(Event {
        kind: EventType::Modified,
        object,
        version,
    })
}

fn delete(view: &View<'_>, key: &Key, uid: &str, version: u64) -> Result<Event, Error> {
    let old = view.get(key).ok_or_else(|| Error::NotFound(key.clone()))?;
    if !uid.is_empty() && old.metadata().uid != uid {
        return Err(Error::Conflict {
            key: key.clone(),
            given: uid.to_owned(),
            stored: old.metadata().uid.clone(),
        });
    }
    let mut object = old.clone();
    object.metadata_mut().resource_version = version.to_string();
    Ok(Event {
        kind: EventType::Deleted,
        object,
        version,
    })
}

fn unchanged(old: &Object) -> Event {
    Event {
        kind: EventType::Modified,
        object: old.clone(),
        version: 0,
    }
}

fn check_version(key: &Key, given: &Object, old: &Object) -> Result<(), Error> {
    let (given, stored) = (
        &given.metadata().resource_version,
        &old.metadata().resource_version,
    );
    if given.is_empty() || given == stored {
        return Ok(());
    }
    Err(Error::Conflict {
        key: key.clone(),
        given: given.clone(),
        stored: stored.clone(),
    })
}

/// What only the server sets stays as it was.
fn keep_identity(object: &mut Object, old: &Object) {
    let kept = old.metadata();
    let metadata = object.metadata_mut();
    metadata.uid.clone_from(&kept.uid);
    metadata.creation_timestamp = kept.creation_timestamp;
    metadata.generation = kept.generation;
    metadata.resource_version.clone_from(&kept.resource_version);
}

/// Gives `object` the status of `from`, for kinds that have one.
fn copy_status(object: &mut Object, from: &Object) {
    match (object, from) {
        (Object::TaskRun(object), Object::TaskRun(from)) => {
            Arc::make_mut(object).status.clone_from(&from.status);
        }
        (Object::PipelineRun(object), Object::PipelineRun(from)) => {
            Arc::make_mut(object).status.clone_from(&from.status);
        }
        (Object::CustomRun(object), Object::CustomRun(from)) => {
            Arc::make_mut(object).status.clone_from(&from.status);
        }
        (Object::PersistentVolumeClaim(object), Object::PersistentVolumeClaim(from)) => {
            Arc::make_mut(object).status.clone_from(&from.status);
        }
        _ => {}
    }
}

/// Whether two states of an object differ in metadata only, which does not count as a new generation.
fn same_desired_state(object: &Object, old: &Object) -> bool {
    let mut object = object.clone();
    *object.metadata_mut() = old.metadata().clone();
    object == *old
}
