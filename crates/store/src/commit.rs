//! What a write turns into, given the objects as they are.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;

use crate::admission::Admission;
use crate::admission::Lookup;
use crate::admission::Refusal;
use crate::error::Error;
use crate::stamp::Stamp;
use crate::write::Event;
use crate::write::EventType;
use crate::write::Write;

/// Attempts to complete a `generateName` before giving up; with 27^5 suffixes a second collision is already rare.
const NAME_ATTEMPTS: usize = 8;

/// Objects as the writes before this one in the same commit leave them.
pub(crate) struct View<'a> {
    objects: &'a BTreeMap<Key, Object>,
    events: Vec<Event>,
    /// Place of the last event of each object.
    newest: HashMap<Key, usize>,
}

impl<'a> View<'a> {
    pub(crate) fn new(objects: &'a BTreeMap<Key, Object>, writes: usize) -> Self {
        Self {
            objects,
            events: Vec::with_capacity(writes),
            newest: HashMap::with_capacity(writes),
        }
    }

    fn get(&self, key: &Key) -> Option<&Object> {
        let newest = self.newest.get(key).and_then(|place| self.events.get(*place));
        match newest {
            Some(event) => (event.kind != EventType::Deleted).then_some(&event.object),
            None => self.objects.get(key),
        }
    }

    /// Where the view stands, for [`rollback`](Self::rollback).
    fn mark(&self) -> usize {
        self.events.len()
    }

    /// Forgets what was added since a mark.
    fn rollback(&mut self, mark: usize) {
        for event in self.events.drain(mark..).collect::<Vec<_>>() {
            let key = event.object.key();
            match self.events.iter().rposition(|before| before.object.key() == key) {
                Some(place) => self.newest.insert(key, place),
                None => self.newest.remove(&key),
            };
        }
    }

    pub(crate) fn add(&mut self, event: Event) {
        self.newest.insert(event.object.key(), self.events.len());
        self.events.push(event);
    }

    pub(crate) fn into_events(self) -> Vec<Event> {
        self.events
    }
}

impl Lookup for View<'_> {
    fn get(&self, key: &Key) -> Option<Object> {
        View::get(self, key).cloned()
    }

    fn list(&self, kind: Kind, namespace: &str) -> Vec<Object> {
        let from = Key::new(kind, namespace, "");
        let stored = self
            .objects
            .range(from..)
            .take_while(|(key, _)| key.kind == kind && &*key.namespace == namespace)
            .filter(|(key, _)| !self.newest.contains_key(key))
            .map(|(_, object)| object.clone());
        let changed = self.newest.iter().filter_map(|(key, place)| {
            let event = self.events.get(*place)?;
            let is_there = event.kind != EventType::Deleted;
            (key.kind == kind && &*key.namespace == namespace && is_there).then(|| event.object.clone())
        });
        stored.chain(changed).collect()
    }

    fn count(&self, kind: Kind, namespace: &str) -> usize {
        let from = Key::new(kind, namespace, "");
        let stored = self
            .objects
            .range(from..)
            .take_while(|(key, _)| key.kind == kind && &*key.namespace == namespace)
            .filter(|(key, _)| !self.newest.contains_key(key));
        let changed = self.newest.iter().filter(|(key, place)| {
            let event = self.events.get(**place);
            key.kind == kind
                && &*key.namespace == namespace
                && event.is_some_and(|event| event.kind != EventType::Deleted)
        });
        stored.count() + changed.count()
    }
}

/// What decides about a write besides the objects.
pub(crate) struct Rules {
    pub(crate) admission: Box<dyn Admission>,
    pub(crate) stamp: Box<dyn Stamp>,
}

impl Rules {
    /// Decides a commit: adds its events to the view and moves the version on, or leaves both as they are.
    pub(crate) fn decide(
        &self,
        view: &mut View<'_>,
        writes: Vec<Write>,
        version: &mut u64,
    ) -> Result<Vec<Object>, Error> {
        let (mark, before) = (view.mark(), *version);
        let mut results = Vec::with_capacity(writes.len());
        for write in writes {
            let event = match self.prepare_safely(view, write, *version + 1) {
                Ok(event) => event,
                Err(error) => {
                    view.rollback(mark);
                    *version = before;
                    return Err(error);
                }
            };
            results.push(event.object.clone());
            if event.version > *version {
                *version = event.version;
                view.add(event);
            }
        }
        Ok(results)
    }

    /// As [`prepare`](Self::prepare); a panic costs the one commit that caused it, not the writer that serves all.
    fn prepare_safely(&self, view: &View<'_>, write: Write, version: u64) -> Result<Event, Error> {
        // A view is only read here, so that a panic leaves nothing half done.
        let prepared = catch_unwind(AssertUnwindSafe(|| self.prepare(view, write, version)));
        prepared.unwrap_or_else(|_| {
            tracing::error!("deciding a write panicked");
            Err(Error::Unavailable(
                "deciding it failed; this is a fault of the server".to_owned(),
            ))
        })
    }

    /// The event a write would cause; an event with an old version means that nothing changes.
    fn prepare(&self, view: &View<'_>, write: Write, version: u64) -> Result<Event, Error> {
        match write {
            Write::Create(object) => self.create(view, object, version),
            Write::Update(object) => self.update(view, object, version),
            Write::UpdateStatus(object) => update_status(view, object, version),
            Write::Delete { key, uid } => delete(view, &key, &uid, version, self.stamp.now()),
            Write::Assert { key, version } => assert(view, &key, version),
        }
    }

    fn create(&self, view: &View<'_>, mut object: Object, version: u64) -> Result<Event, Error> {
        object.clear_status();
        self.complete_name(view, &mut object)?;
        self.check_in(&mut object, None)?;
        let key = object.key();
        if key.name.is_empty() {
            let message = "metadata.name: a name or a generateName is required".to_owned();
            return Err(Error::Invalid { key, message });
        }
        if view.get(&key).is_some() {
            return Err(Error::AlreadyExists(key));
        }
        self.admission
            .admit_among(&object, view)
            .map_err(|refusal| match refusal {
                Refusal::NotFound(needed) => Error::NotFound(needed),
                Refusal::Forbidden(message) => Error::Forbidden {
                    key: key.clone(),
                    message,
                },
            })?;
        let (uid, now) = (self.stamp.uid(), self.stamp.now());
        let metadata = object.metadata_mut();
        metadata.uid = uid;
        metadata.creation_timestamp = Some(now.truncated_to_seconds());
        metadata.generation = 1;
        metadata.deletion_timestamp = None;
        metadata.deletion_grace_period_seconds = None;
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
        check_finalizers(&key, &object, old)?;
        object.copy_status(old);
        self.check_in(&mut object, Some(old))?;
        if object == *old {
            return Ok(unchanged(old));
        }
        if is_going(old) && !is_held(&object) {
            object.metadata_mut().resource_version = version.to_string();
            return Ok(Event {
                kind: EventType::Deleted,
                object,
                version,
            });
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

fn update_status(view: &View<'_>, mut object: Object, version: u64) -> Result<Event, Error> {
    let key = object.key();
    let old = view.get(&key).ok_or_else(|| Error::NotFound(key.clone()))?;
    check_version(&key, &object, old)?;
    object.keep_all_but_status(old);
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

fn delete(view: &View<'_>, key: &Key, uid: &str, version: u64, now: Time) -> Result<Event, Error> {
    let old = view.get(key).ok_or_else(|| Error::NotFound(key.clone()))?;
    if !uid.is_empty() && old.metadata().uid != uid {
        return Err(Error::Conflict {
            key: key.clone(),
            given: uid.to_owned(),
            stored: old.metadata().uid.clone(),
        });
    }
    if is_held(old) && is_going(old) {
        return Ok(unchanged(old));
    }
    let mut object = old.clone();
    object.metadata_mut().resource_version = version.to_string();
    let kind = if is_held(old) {
        let metadata = object.metadata_mut();
        metadata.deletion_timestamp = Some(now.truncated_to_seconds());
        metadata.deletion_grace_period_seconds = Some(0);
        metadata.generation += 1;
        EventType::Modified
    } else {
        EventType::Deleted
    };
    Ok(Event {
        kind,
        object,
        version,
    })
}

/// Whether something must be done before the object may go.
fn is_held(object: &Object) -> bool {
    let of_kind = match object {
        Object::Namespace(namespace) => !namespace.spec.finalizers.is_empty(),
        _ => false,
    };
    of_kind || !object.metadata().finalizers.is_empty()
}

/// Whether the object goes as soon as nothing holds it.
fn is_going(object: &Object) -> bool {
    object.metadata().deletion_timestamp.is_some()
}

fn assert(view: &View<'_>, key: &Key, version: String) -> Result<Event, Error> {
    let old = view.get(key).ok_or_else(|| Error::NotFound(key.clone()))?;
    let stored = &old.metadata().resource_version;
    if version.is_empty() || version == *stored {
        return Ok(unchanged(old));
    }
    Err(Error::Conflict {
        key: key.clone(),
        stored: stored.clone(),
        given: version,
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

/// What is on its way out is not held by anything new, or it would never go.
fn check_finalizers(key: &Key, object: &Object, old: &Object) -> Result<(), Error> {
    if !is_going(old) {
        return Ok(());
    }
    let known = &old.metadata().finalizers;
    let given = &object.metadata().finalizers;
    let Some(new) = given.iter().find(|finalizer| !known.contains(*finalizer)) else {
        return Ok(());
    };
    Err(Error::Invalid {
        key: key.clone(),
        message: format!(
            "metadata.finalizers: no new finalizers can be added while the object is being deleted, found {new:?}"
        ),
    })
}

/// What only the server sets stays as it was.
fn keep_identity(object: &mut Object, old: &Object) {
    let kept = old.metadata();
    let metadata = object.metadata_mut();
    metadata.uid.clone_from(&kept.uid);
    metadata.creation_timestamp = kept.creation_timestamp;
    metadata.generation = kept.generation;
    metadata.deletion_timestamp = kept.deletion_timestamp;
    metadata.deletion_grace_period_seconds = kept.deletion_grace_period_seconds;
    metadata.resource_version.clone_from(&kept.resource_version);
}

/// Whether two states of an object differ in metadata only, which does not count as a new generation.
fn same_desired_state(object: &Object, old: &Object) -> bool {
    let mut object = object.clone();
    *object.metadata_mut() = old.metadata().clone();
    object == *old
}
