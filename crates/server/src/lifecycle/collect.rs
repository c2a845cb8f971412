//! Carrying out what follows from who owns whom.

use std::time::Duration;

use windlass_api::Kind;
use windlass_store::Error;
use windlass_store::Store;
use windlass_store::Write;

use super::dependents::Chore;
use super::dependents::Dependents;

/// Collects what nobody owns any more, for as long as it is polled.
///
/// # Guarantees
/// What is to be done follows from what is there: a restart looks at everything again.
pub async fn collect(store: Store) {
    loop {
        let mut dependents = Dependents::default();
        let Ok(mut watch) = store.watch(Kind::ALL, None, None) else {
            return;
        };
        let mut chores = Vec::new();
        let mut is_first = true;
        while let Some(event) = watch.next().await {
            chores.extend(dependents.note(&event));
            // All that is there is known before anything is called an orphan.
            if is_first {
                while let Some(event) = watch.try_next() {
                    chores.extend(dependents.note(&event));
                }
                is_first = false;
            }
            for chore in chores.drain(..) {
                carry_out(&store, &dependents, chore).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn carry_out(store: &Store, dependents: &Dependents, chore: Chore) {
    let write = match &chore {
        Chore::Delete { key, uid } if dependents.still(&chore) => Write::Delete {
            key: key.clone(),
            uid: uid.clone(),
        },
        Chore::Delete { .. } => return,
        Chore::Disown { key, owner } => {
            let Some(mut object) = store.get(key) else {
                return;
            };
            let references = &mut object.metadata_mut().owner_references;
            references.retain(|reference| reference.uid != *owner);
            Write::Update(object)
        }
        Chore::Release { key, finalizer } => {
            let Some(mut object) = store.get(key) else {
                return;
            };
            object
                .metadata_mut()
                .finalizers
                .retain(|known| known != finalizer);
            Write::Update(object)
        }
    };
    match store.commit(vec![write]).await {
        Ok(_) | Err(Error::NotFound(_) | Error::Conflict { .. }) => {}
        Err(error) => tracing::warn!(%error, ?chore, "an object was not collected"),
    }
}
