//! Who owns whom, and what follows from that. Pure.

use std::collections::BTreeSet;
use std::collections::HashMap;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::meta::OwnerReference;
use windlass_store::Event;
use windlass_store::EventType;

/// Holds an owner until those that it owns are gone.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// Holds an owner until those that it owned are on their own.
pub(super) const ORPHAN: &str = "orphan";

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chore {
    /// The object goes: everyone who owned it is gone.
    Delete { key: Key, uid: String },
    /// The object is no longer owned by this one.
    Disown { key: Key, owner: String },
    /// Nothing speaks against the object's end any more.
    Release { key: Key, finalizer: &'static str },
}

/// All objects, by who owns them.
#[derive(Default)]
pub(super) struct Dependents {
    /// Where each identity is.
    present: HashMap<String, Key>,
    /// What each object owns and by whom it is owned.
    owners: HashMap<Key, Vec<OwnerReference>>,
    owned: HashMap<String, BTreeSet<Key>>,
    /// Objects that wait for what they own: identity, and what holds them.
    ending: HashMap<String, &'static str>,
}

impl Dependents {
    /// Notes an event and says what is to be done because of it.
    pub(super) fn note(&mut self, event: &Event) -> Vec<Chore> {
        let object = &event.object;
        let key = object.key();
        let uid = object.metadata().uid.clone();
        self.forget(&key);
        if event.kind == EventType::Deleted {
            self.present.remove(&uid);
            self.ending.remove(&uid);
            return self
                .after(&uid)
                .into_iter()
                .chain(self.of_owners(object))
                .collect();
        }
        self.present.insert(uid.clone(), key.clone());
        let references = object.metadata().owner_references.clone();
        for reference in &references {
            self.owned
                .entry(reference.uid.clone())
                .or_default()
                .insert(key.clone());
        }
        self.owners.insert(key.clone(), references);
        let mut chores = self.orphaned(&key).into_iter().collect::<Vec<_>>();
        if let Some(held) = held(object) {
            self.ending.insert(uid.clone(), held);
            chores.extend(self.advance(&uid));
        }
        chores.extend(self.of_owners(object));
        chores
    }

    fn forget(&mut self, key: &Key) {
        for reference in self.owners.remove(key).unwrap_or_default() {
            if let Some(owned) = self.owned.get_mut(&reference.uid) {
                owned.remove(key);
                if owned.is_empty() {
                    self.owned.remove(&reference.uid);
                }
            }
        }
    }

    /// What an object's end means to those that it owned.
    fn after(&self, uid: &str) -> Vec<Chore> {
        let owned = self.owned.get(uid).into_iter().flatten();
        owned.filter_map(|key| self.orphaned(key)).collect()
    }

    /// What a change of an object means to owners that wait for it.
    fn of_owners(&self, object: &Object) -> Vec<Chore> {
        let owners = object.metadata().owner_references.iter();
        owners.flat_map(|owner| self.advance(&owner.uid)).collect()
    }

    /// The end of an object all of whose owners are gone.
    fn orphaned(&self, key: &Key) -> Option<Chore> {
        let owners = self.owners.get(key).filter(|owners| !owners.is_empty())?;
        let is_gone = |owner: &OwnerReference| is_watched(owner) && !self.present.contains_key(&owner.uid);
        if !owners.iter().all(is_gone) {
            return None;
        }
        let uid = self.present.iter().find(|(_, at)| *at == key)?.0.clone();
        Some(Chore::Delete {
            key: key.clone(),
            uid,
        })
    }

    /// What an object that is held waits for.
    fn advance(&self, uid: &str) -> Vec<Chore> {
        let (Some(finalizer), Some(key)) = (self.ending.get(uid).copied(), self.present.get(uid)) else {
            return Vec::new();
        };
        let release = Chore::Release {
            key: key.clone(),
            finalizer,
        };
        let owned: Vec<&Key> = self.owned.get(uid).into_iter().flatten().collect();
        if finalizer == ORPHAN {
            let disown = owned.into_iter().map(|key| Chore::Disown {
                key: key.clone(),
                owner: uid.to_owned(),
            });
            let disown: Vec<Chore> = disown.collect();
            return if disown.is_empty() { vec![release] } else { disown };
        }
        let blocks = |key: &&&Key| {
            let owners = self.owners.get(**key).into_iter().flatten();
            owners
                .filter(|owner| owner.uid == uid)
                .any(|owner| owner.block_owner_deletion == Some(true))
        };
        if owned.iter().filter(blocks).count() == 0 {
            return vec![release];
        }
        let at = |key: &Key| {
            self.present
                .iter()
                .find(|(_, at)| *at == key)
                .map(|(uid, _)| uid.clone())
        };
        let delete = owned.into_iter().filter_map(|key| {
            Some(Chore::Delete {
                key: key.clone(),
                uid: at(key)?,
            })
        });
        delete.collect()
    }
}

/// Whether the end of an owner would be seen here.
fn is_watched(owner: &OwnerReference) -> bool {
    let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
    Kind::ALL
        .iter()
        .any(|kind| kind.group() == group && kind.as_str() == owner.kind)
}

/// What holds an object that is to go, among what is done here.
fn held(object: &Object) -> Option<&'static str> {
    let metadata = object.metadata();
    metadata.deletion_timestamp?;
    [FOREGROUND, ORPHAN]
        .into_iter()
        .find(|finalizer| metadata.finalizers.iter().any(|known| known == finalizer))
}

impl Dependents {
    /// Whether a deletion is still called for, now that more is known.
    pub(super) fn still(&self, chore: &Chore) -> bool {
        let Chore::Delete { key, .. } = chore else {
            return true;
        };
        let owners = self.owners.get(key).into_iter().flatten();
        let waits = |owner: &OwnerReference| self.ending.get(&owner.uid) == Some(&FOREGROUND);
        self.orphaned(key).is_some() || owners.into_iter().any(waits)
    }
}
