//! What a write turns into, given the objects as they are.

use std::collections::BTreeMap;
use std::collections::HashMap;

use windlass_api::Key;
use windlass_api::Object;

use crate::admission::Admission;
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

    pub(crate) fn add(&mut self, event: Event) {
        self.newest.insert(event.object.key(), self.events.len());
        self.events.push(event);
    }

    pub(crate) fn into_events(self) -> Vec<Event> {
        self.events
    }
}

/// What decides about a write besides the objects.
pub(crate) struct Rules {
    pub(crate) admission: Box<dyn Admission>,
    pub(crate) stamp: Box<dyn Stamp>,
}

impl Rules {
    /// The event a write would cause; an event with an old version means that nothing changes.
    pub(crate) fn prepare(&self, view: &View<'_>, write: Write, version: u64) -> Result<Event, Error> {
        match write {
            Write::Create(object) => self.create(view, object, version),
            Write::Update(object) => self.update(view, object, version),
            Write::UpdateStatus(object) => update_status(view, object, version),
            Write::Delete { key, uid } => delete(view, &key, &uid, version),
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
        object.copy_status(old);
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

/// Whether two states of an object differ in metadata only, which does not count as a new generation.
fn same_desired_state(object: &Object, old: &Object) -> bool {
    let mut object = object.clone();
    *object.metadata_mut() = old.metadata().clone();
    object == *old
}
