//! Namespaces: those that always are, and the end of others.

use std::sync::Arc;
use std::time::Duration;

use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Resource as _;
use windlass_api::cluster::Namespace;
use windlass_api::cluster::NamespaceSpec;
use windlass_api::cluster::NamespaceStatus;
use windlass_api::core::ServiceAccount;
use windlass_api::meta::ObjectMeta;
use windlass_store::Error;
use windlass_store::Store;
use windlass_store::Write;

/// Namespaces that every plane has.
pub const ALWAYS: &[&str] = &["default", "kube-system", "kube-public", "tekton-pipelines"];

/// Holds a namespace until it is empty.
const CONTENT: &str = "kubernetes";

/// Makes the namespaces that every plane has.
///
/// # Errors
/// When they cannot be kept.
pub async fn bootstrap(store: &Store) -> Result<(), Error> {
    for name in ALWAYS {
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: (*name).to_owned(),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        match store
            .commit(vec![Write::Create(Arc::new(namespace).into_object())])
            .await
        {
            Ok(_) | Err(Error::AlreadyExists(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What a new namespace is given.
pub(crate) fn complete(namespace: &mut Namespace) {
    namespace.spec = NamespaceSpec {
        finalizers: vec![CONTENT.to_owned()],
    };
    namespace.metadata.labels.insert(
        "kubernetes.io/metadata.name".to_owned(),
        namespace.metadata.name.clone(),
    );
}

/// Gives every namespace its status and service account, and empties those that are to go, for as long as it is polled.
pub async fn empty(store: Store) {
    loop {
        let kinds: Vec<Kind> = Kind::ALL.to_vec();
        let Ok(mut watch) = store.watch(&kinds, None, None) else {
            return;
        };
        while let Some(event) = watch.next().await {
            let name = match &event.object {
                Object::Namespace(namespace) => namespace.metadata.name.clone(),
                other => other.metadata().namespace.clone(),
            };
            // The end of the last object in it lets a namespace go.
            let key = windlass_api::Key::new(Kind::Namespace, "", name.as_str());
            let Some(object) = store.get(&key) else {
                continue;
            };
            if let Some(namespace) = object.get::<Namespace>()
                && let Err(error) = bring_forward(&store, namespace).await
            {
                tracing::warn!(%error, name, "a namespace was not brought forward");
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn bring_forward(store: &Store, namespace: &Arc<Namespace>) -> Result<(), Error> {
    let is_going = namespace.metadata.deletion_timestamp.is_some();
    let phase = if is_going { "Terminating" } else { "Active" };
    if namespace.status.phase != phase {
        let mut next = Namespace::clone(namespace);
        next.metadata.resource_version.clear();
        next.status = NamespaceStatus {
            phase: phase.to_owned(),
            conditions: Vec::new(),
        };
        forgive(
            store
                .commit(vec![Write::UpdateStatus(Arc::new(next).into_object())])
                .await,
        )?;
    }
    let name = namespace.metadata.name.as_str();
    if !is_going {
        let key = windlass_api::Key::new(Kind::ServiceAccount, name, "default");
        if store.get(&key).is_none() {
            let account = ServiceAccount {
                metadata: ObjectMeta {
                    name: "default".to_owned(),
                    namespace: name.to_owned(),
                    ..ObjectMeta::default()
                },
                ..ServiceAccount::default()
            };
            forgive(
                store
                    .commit(vec![Write::Create(Arc::new(account).into_object())])
                    .await,
            )?;
        }
        return Ok(());
    }
    if !remove_content(store, name).await {
        return Ok(());
    }
    let mut next = Namespace::clone(namespace);
    next.metadata.resource_version.clear();
    next.spec.finalizers.retain(|finalizer| finalizer != CONTENT);
    forgive(
        store
            .commit(vec![Write::Update(Arc::new(next).into_object())])
            .await,
    )
}

/// Deletes what is in a namespace; whether nothing is left.
async fn remove_content(store: &Store, name: &str) -> bool {
    let mut is_empty = true;
    for kind in Kind::ALL.iter().copied().filter(|kind| kind.is_namespaced()) {
        for object in store.list(kind, Some(name)).objects {
            let write = Write::Delete {
                key: object.key(),
                uid: object.metadata().uid.clone(),
            };
            let gone = store.commit(vec![write]).await;
            let is_gone = gone.is_ok_and(|gone| {
                gone.iter()
                    .all(|gone| gone.metadata().deletion_timestamp.is_none())
            });
            is_empty &= is_gone;
        }
    }
    is_empty
}

/// Somebody was faster; what they did is seen as the next event.
fn forgive(done: Result<Vec<Object>, Error>) -> Result<(), Error> {
    match done {
        Ok(_) | Err(Error::NotFound(_) | Error::AlreadyExists(_) | Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
