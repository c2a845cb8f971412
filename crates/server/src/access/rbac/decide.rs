//! The decision.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use windlass_api::rbac::PolicyRule;
use windlass_store::Store;
use windlass_store::Watch;

use super::Question;
use super::escalation;
use super::index::Index;
use super::index::KINDS;
use super::matching::allows;
use crate::access::Attributes;
use crate::access::Authorize;
use crate::access::Decision;
use crate::access::MASTERS;
use crate::access::User;
use windlass_api::Object;

/// Decides by the rules in a store. A change of them counts from the next decision on.
pub struct Rbac {
    store: Store,
    state: Mutex<State>,
}

struct State {
    /// Tells of changes; `None` when it could not be had, so that every decision reads the store.
    changes: Option<Watch>,
    index: Arc<Index>,
}

impl Rbac {
    /// Decides by the rules in a store.
    pub fn new(store: Store) -> Self {
        // First the watch and then the index: a change between them makes the index once more, and none is missed.
        let changes = changes(&store);
        let index = Arc::new(Index::of(&store));
        Self {
            store,
            state: Mutex::new(State { changes, index }),
        }
    }

    /// The index of now. It costs a look at a queue unless a rule changed.
    pub(super) fn index(&self) -> Arc<Index> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stale = state.changes.is_none();
        while state.changes.as_mut().and_then(Watch::try_next).is_some() {
            stale = true;
        }
        if stale {
            // A new watch, because one that fell too far behind is cut off without a word.
            state.changes = changes(&self.store);
            state.index = Arc::new(Index::of(&self.store));
        }
        Arc::clone(&state.index)
    }

    /// Whether a user may do what is asked, with verbs that no request has, such as `escalate`.
    pub fn decide(&self, user: &User, question: &Question<'_>) -> Decision {
        if is_master(user) {
            return Decision::Allowed(String::new());
        }
        decide(&self.index(), user, question)
    }
}

impl Authorize for Rbac {
    fn authorize(&self, attributes: &Attributes) -> Decision {
        self.decide(&attributes.user, &Question::from(attributes))
    }

    fn check_write(&self, user: &User, new: &Object, old: Option<&Object>) -> Result<(), String> {
        if is_master(user) {
            return Ok(());
        }
        escalation::check(&self.index(), user, new, old)
    }

    fn rules(&self, user: &User, namespace: &str) -> Vec<PolicyRule> {
        if is_master(user) {
            return super::roles::everything();
        }
        let index = self.index();
        let grants = index.grants(user, namespace);
        grants.flat_map(|grant| grant.rules.iter().cloned()).collect()
    }
}

pub(super) fn decide(index: &Index, user: &User, question: &Question<'_>) -> Decision {
    let mut grants = index.grants(user, question.namespace);
    let by = grants.find(|grant| grant.rules.iter().any(|rule| allows(rule, question)));
    by.map_or_else(
        || Decision::Denied(String::new()),
        |grant| Decision::Allowed(grant.by.as_ref().to_owned()),
    )
}

fn is_master(user: &User) -> bool {
    user.groups.iter().any(|group| group == MASTERS)
}

fn changes(store: &Store) -> Option<Watch> {
    store.watch(KINDS, None, Some(store.version())).ok()
}
