//! Children that changed since their run was last looked at.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;

/// The newest state of every changed child, by the identity of its run.
#[derive(Default)]
pub(crate) struct Changes {
    by_owner: Mutex<HashMap<String, HashMap<Key, Object>>>,
}

impl Changes {
    fn locked(&self) -> MutexGuard<'_, HashMap<String, HashMap<Key, Object>>> {
        // Every change is one insertion or removal, so a poisoned lock is still good.
        self.by_owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a child and returns the key of its run; `None` for an object that no pipeline run made.
    pub(crate) fn note(&self, object: &Object) -> Option<Key> {
        let metadata = object.metadata();
        let owner = metadata
            .owner_references
            .iter()
            .find(|owner| owner.kind == Kind::PipelineRun.as_str())?;
        self.locked()
            .entry(owner.uid.clone())
            .or_default()
            .insert(object.key(), object.clone());
        Some(Key::new(
            Kind::PipelineRun,
            metadata.namespace.as_str(),
            owner.name.as_str(),
        ))
    }

    /// Takes what changed among the children of a run.
    pub(crate) fn take(&self, uid: &str) -> Vec<Object> {
        self.locked()
            .remove(uid)
            .unwrap_or_default()
            .into_values()
            .collect()
    }
}
